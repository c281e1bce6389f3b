"""LibRaw's side of `codec.source.libraw`: a script that needs numpy and rawpy and nothing of this package.

It runs as `python -I -S libraw_child.py REQUEST`, the camera file on stdin, the answer on stdout; what LibRaw's C code
prints goes to its stderr. REQUEST is a JSON object: "path", folders to import from; "mosaic", "thumbnail", "margins"
(the whole mosaic beside the visible one), whether they are wanted; "frame", which of several mosaics; "rendering",
options of rawpy's `postprocess` or null; "memory", bytes of address space; "seconds" of the processor. The answer is
`MAGIC`, the length of a JSON object (8 bytes, little-endian), that object, then the arrays that its "blocks" name with
dtype and shape. An object with "error" is LibRaw's refusal; "seconds": what the processor spent until then.
"""

import io
import json
import os
import sys
import time

MAGIC = b"rawinlay-libraw\n"
MAX_FRAMES = 16  # mosaics that are counted: cameras write up to four
SITES = 16  # rows and columns of the colour filter that are looked at: some CFAs look like Bayer's in their corner only


def main() -> None:
    """Answer the request on the command line."""
    request = json.loads(sys.argv[1])
    sys.path += request["path"]
    _bound(request["memory"], request["seconds"])
    found, blocks = answer(sys.stdin.buffer.read(), request)
    found["seconds"] = time.process_time()
    head = json.dumps(found).encode()
    for part in (MAGIC, len(head).to_bytes(8, "little"), head, *blocks):
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    sys.stderr.flush()
    os._exit(0)  # there is nothing to tidy up


def answer(data, request):
    """(what goes into the JSON object, the arrays' bytes) for a camera file's bytes."""
    import rawpy

    frame = request.get("frame", 0)
    raw = rawpy.RawPy()
    known = False
    try:
        raw.set_unpack_params(shot_select=frame)
        raw.open_buffer(io.BytesIO(data))
        known = True
        found = {"sizes": _sizes(raw)}
        arrays: dict[str, object] = {}
        rendering = request["rendering"]
        if request["mosaic"] or rendering is not None:
            raw.unpack()
            found["about"] = _about(raw, rawpy)
        if request["mosaic"]:
            arrays["mosaic"] = _values(raw, found["about"])
            found["frames"] = _frames(data, rawpy)
            if request.get("margins") and found["about"]["flat"]:
                arrays["whole"] = raw.raw_image
        if request["thumbnail"]:
            arrays |= _thumbnail(raw, rawpy)
        if rendering is not None:
            arrays["rendering"] = raw.postprocess(**_options(rendering, rawpy))
        return _with_blocks(found, arrays)
    except rawpy.LibRawError as error:
        detail = error.args[0] if error.args else type(error).__name__
        text = detail.decode("latin-1") if isinstance(detail, bytes) else str(detail)
        short = known and isinstance(error, (rawpy.LibRawIOError, rawpy.LibRawDataError))
        return {"error": text, "short": short}, []
    finally:
        raw.close()


def _values(raw, about):
    """The visible pixels; of several values each, as many as there are colours."""
    values = raw.raw_image_visible
    return values if about["flat"] else values[..., : about["colour_count"]]


def _frames(data, rawpy):
    """How many mosaics there are: rawpy does not tell, and refuses to unpack one more."""
    for count in range(1, MAX_FRAMES):
        raw = rawpy.RawPy()
        try:
            raw.set_unpack_params(shot_select=count)
            raw.open_buffer(io.BytesIO(data))
            raw.unpack()
        except rawpy.LibRawError:
            return count
        finally:
            raw.close()
    return MAX_FRAMES


def _bound(memory, seconds):
    """No more memory and time than asked for, and no core file; where the system can't do that, the caller's clock."""
    try:
        import resource
    except ImportError:
        return
    for kind, limit in (("AS", memory), ("CPU", seconds), ("CORE", 0)):
        try:
            which = getattr(resource, f"RLIMIT_{kind}")
            soft, hard = resource.getrlimit(which)
            bounds = [limit, *(n for n in (soft, hard) if n != resource.RLIM_INFINITY)]
            resource.setrlimit(which, (min(bounds), hard))
        except (AttributeError, OSError, ValueError):
            pass


def _with_blocks(found, arrays):
    import numpy as np

    whole = {name: np.array(array, order="C") for name, array in arrays.items() if array.size}  # LibRaw frees its own
    found["blocks"] = [[name, str(array.dtype), list(array.shape)] for name, array in whole.items()]
    return found, [array.data.cast("B") for array in whole.values()]


def _sizes(raw):
    sizes = raw.sizes
    return {
        "height": sizes.height, "width": sizes.width, "top": sizes.top_margin, "left": sizes.left_margin,
        "flip": sizes.flip, "pixel_aspect": float(sizes.pixel_aspect), "crop_top": sizes.crop_top_margin,
        "crop_left": sizes.crop_left_margin, "crop_height": sizes.crop_height, "crop_width": sizes.crop_width,
        "raw_height": sizes.raw_height, "raw_width": sizes.raw_width,
    }  # fmt: skip


def _about(raw, rawpy):
    """Everything but pixels that `codec.source.libraw.About` names."""
    import numpy as np

    sizes, other, pattern = raw.sizes, raw.other, None
    flat = raw.raw_type == rawpy.RawType.Flat
    try:
        pattern = raw.raw_pattern
    except NotImplementedError:  # rawpy knows 2x2, 6x6 and none
        pass
    top, left, span = sizes.top_margin, sizes.left_margin, (min(SITES, sizes.height), min(SITES, sizes.width))
    sites = [[int(raw.raw_color(top + y, left + x)) for x in range(span[1])] for y in range(span[0])] if flat else []
    return {
        "flat": flat,
        "colours": bytes(raw.color_desc).decode("latin-1"),
        "colour_count": raw.num_colors,
        "pattern": None if pattern is None else list(pattern.shape),
        "sites": sites,
        "black": [float(level) for level in raw.black_level_per_channel],
        "white": int(raw.white_level),
        "matrix": np.asarray(raw.rgb_xyz_matrix, np.float64)[: max(raw.num_colors, 3)].tolist(),
        "camera_gains": [float(gain) for gain in raw.camera_whitebalance][: max(raw.num_colors, 3)],
        "daylight_gains": [float(gain) for gain in raw.daylight_whitebalance][: max(raw.num_colors, 3)],
        "shutter": float(other.shutter_speed),
        "aperture": float(other.aperture),
        "focal_length": float(other.focal_length),
        "iso": float(other.iso_speed),
        "taken": other.timestamp.strftime("%Y:%m:%d %H:%M:%S") if other.timestamp else None,
        "year": other.timestamp.year if other.timestamp else 0,
        "lens": _text(raw.lens.model), "lens_make": _text(raw.lens.make), "artist": _text(other.artist),
    }


def _text(value):
    return value.decode("latin-1") if isinstance(value, bytes) else str(value or "")


def _thumbnail(raw, rawpy):
    """The embedded picture: a JPEG's bytes, or pixels (H, W, 3)."""
    import numpy as np

    try:
        thumb = raw.extract_thumb()
    except (rawpy.LibRawError, rawpy.NotSupportedError, NotImplementedError, ValueError):
        return {}
    if thumb.format == rawpy.ThumbFormat.JPEG:
        return {"thumbnail": np.frombuffer(thumb.data, np.uint8)}
    return {"bitmap": thumb.data} if thumb.data.dtype == np.uint8 and thumb.data.ndim == 3 else {}


def _options(options, rawpy):
    """`postprocess` options, with those that are names of an enumeration's members as these."""
    kinds = {"demosaic_algorithm": rawpy.DemosaicAlgorithm, "output_color": rawpy.ColorSpace,
             "highlight_mode": rawpy.HighlightMode, "fbdd_noise_reduction": rawpy.FBDDNoiseReductionMode}  # fmt: skip
    return {name: kinds[name][value] if name in kinds and isinstance(value, str)
            else tuple(value) if isinstance(value, list) else value  # JSON knows no tuples
            for name, value in options.items()}  # fmt: skip


if __name__ == "__main__":
    main()
