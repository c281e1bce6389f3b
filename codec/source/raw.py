"""RAW in: a camera file as a `RawImage`, its embedded preview, and LibRaw's rendering of it.

LibRaw does the decoding. Everything is copied out of its memory before the file is closed.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import rawpy
from PIL import Image

from bitstream import tags, tiff
from bitstream.errors import InputError
from bitstream.exif import jpeg_ifd
from bitstream.files import read_file
from bitstream.profile import timed
from bitstream.raw_image import CFA_PHASES, RawImage
from bitstream.tiff import Ifd
from codec.source import dng as dng_source
from codec.source.metadata import source_ifd

Source = str | Path | bytes

D65 = 21  # EXIF light source of LibRaw's colour matrices
TIFF_ORIENTATION = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}  # of LibRaw's flip (bits: mirror, upend, transpose)
MAKE, MODEL, ORIENTATION = 271, 272, 274
COLOR_MATRIX_1, AS_SHOT_NEUTRAL, ILLUMINANT_1, DEFAULT_SCALE = 50721, 50728, 50778, 50718
FULL_SIZE = 0.95  # a preview at least this large in both directions counts as full size

_stderr_lock = threading.Lock()


def read_raw(path: Source) -> RawImage:
    """Read a Bayer RAW: a path, or the file's bytes.

    The mosaic is LibRaw's visible area; masked margins are left out. For a DNG the levels and the tags of colour, noise
    and corrections are the file's own, verbatim; for other files LibRaw's colour matrix, white balance and levels.
    Raises InputError, naming the reason, for a file that is unreadable, damaged or no Bayer mosaic.
    """
    with timed("reading"), _opened(path) as (raw, data, name):
        ifd0 = source_ifd(data) or _thumbnail_ifd(raw)
        mosaic, cfa, visible = _mosaic(raw, name)
        black: tuple[float, ...] | None = None
        white: int | None = None
        if ifd0 is not None and dng_source.is_dng(ifd0):
            raw_ifd = _named(name, dng_source.raw_ifd, ifd0)
            ifd0_tags, raw_tags = dng_source.carried_tags(ifd0, raw_ifd, visible)
            black, white = dng_source.black_levels(raw_ifd, visible), dng_source.white_level(raw_ifd)
        else:
            ifd0_tags, raw_tags = _camera_tags(raw, ifd0), _scale_tags(raw)
        black = black or _libraw_black(raw, visible)
        white = white or int(raw.white_level)
        if not 0 <= min(black) <= max(black) < white <= 65535:
            raise InputError(f"{name}: black level {max(black):g} and white level {white} make no sense")
        return RawImage(
            mosaic=mosaic, cfa=cfa, black=(black[0], black[1], black[2], black[3]), white=white,
            orientation=TIFF_ORIENTATION[raw.sizes.flip & 7], camera=_camera_name(ifd0_tags),
            ifd0_tags=ifd0_tags, raw_tags=raw_tags, exif_tags=_exif_tags(raw, ifd0))


def embedded_preview(path: Source) -> bytes | None:
    """The RAW's embedded JPEG if it is as large as the visible mosaic (to 5 %, upright or turned), else None.

    Raises InputError for a file that LibRaw can't open.
    """
    with timed("reading"), _opened(path, unpack=False) as (raw, _, _name):
        try:
            thumb = raw.extract_thumb()
        except rawpy.LibRawError:
            return None
        if thumb.format != rawpy.ThumbFormat.JPEG:
            return None
        jpeg = bytes(thumb.data)
        full = sorted((raw.sizes.width, raw.sizes.height))
    try:
        size = sorted(Image.open(io.BytesIO(jpeg)).size)
    except OSError:
        return None
    return jpeg if all(have >= FULL_SIZE * want for have, want in zip(size, full, strict=True)) else None


def own_preview(path: Source) -> bytes | None:
    """The largest preview that the RAW has, of any size: a JPEG, or a PPM where it is stored uncoded; else None.

    Raises InputError for a file that LibRaw can't open.
    """
    with timed("reading"), _opened(path, unpack=False) as (raw, _, _name):
        try:
            thumb = raw.extract_thumb()
        except (rawpy.LibRawError, NotImplementedError):  # the latter for kinds of previews that rawpy does not know
            return None
        if thumb.format == rawpy.ThumbFormat.JPEG:
            return bytes(thumb.data)
        height, width = thumb.data.shape[:2]
        return b"P6 %d %d 255\n" % (width, height) + np.ascontiguousarray(thumb.data, np.uint8).tobytes()


def render_jpeg(path: Source, quality: int = 95, subsampling: str = "4:2:0", **options: Any) -> bytes:
    """LibRaw's own rendering as a JPEG: camera white balance, upright, with the source's exposure data as Exif.

    `options` go to rawpy's `postprocess` (half_size=True, no_auto_bright=True, ...). Raises InputError as `read_raw`
    does for unreadable files; other mosaics than Bayer's are rendered too.
    """
    with timed("reading"), _opened(path) as (raw, data, name):
        ifd0 = source_ifd(data) or _thumbnail_ifd(raw)
        try:
            rgb = raw.postprocess(**{"use_camera_wb": True, "output_bps": 8, **options})
        except rawpy.LibRawError as error:
            raise InputError(f"{name}: LibRaw can't render it ({_reason(error)})") from None
        about = tags.allowed_tags(tags.IFD0, ifd0.tags) if ifd0 else {}
        kept = {tag: about[tag] for tag in (MAKE, MODEL, 306, 315, 33432) if tag in about}
        kept[ORIENTATION] = tiff.pack_value(tiff.SHORT, 1)
        exif = Ifd(_exif_tags(raw, ifd0))
    payload = b"Exif\0\0" + tiff.write_tiff(Ifd(kept, subs={tiff.EXIF_IFD: [exif]} if exif.tags else {}))
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality, subsampling=subsampling, exif=payload)
    return out.getvalue()


@contextmanager
def _opened(path: Source, unpack: bool = True) -> Iterator[tuple[Any, bytes, str]]:
    """(rawpy handle, the file's bytes, its name for messages); what LibRaw objects to becomes an InputError."""
    if isinstance(path, bytes):
        data, name = path, "the RAW"
    else:
        data, name = read_file(path, "RAW"), os.path.basename(path)
    ifd0 = source_ifd(data)
    if ifd0 is not None and dng_source.is_dng(ifd0):
        _named(name, dng_source.raw_ifd, ifd0)  # the reason by name, where LibRaw would only say "unsupported"
    raw = rawpy.RawPy()
    try:
        with _quiet() as chatter:
            try:
                raw.open_buffer(io.BytesIO(data))
                if unpack:
                    raw.unpack()
            except rawpy.LibRawError as error:
                raise InputError(f"{name}: LibRaw can't read it ({_reason(error)})") from None
        if re.search(rb"corrupted|unexpected end", chatter, re.IGNORECASE):
            raise InputError(f"{name}: the file is damaged or cut short")
        yield raw, data, name
    finally:
        raw.close()


@contextmanager
def _quiet() -> Iterator[bytearray]:
    """Catch what LibRaw's C code writes to stderr: it reports damaged files there and nowhere else.

    The descriptor belongs to the whole process, hence the lock.
    """
    chatter = bytearray()
    with _stderr_lock, tempfile.TemporaryFile() as catch:
        try:
            saved = os.dup(2)
        except OSError:  # a process without stderr
            yield chatter
            return
        os.dup2(catch.fileno(), 2)
        try:
            yield chatter
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            catch.seek(0)
            chatter += catch.read(1 << 16)


def _reason(error: Exception) -> str:
    detail = error.args[0] if error.args else type(error).__name__
    return detail.decode("latin-1") if isinstance(detail, bytes) else str(detail)


def _named(name: str, read: Any, *args: Any) -> Any:
    """`read(*args)`, its InputError with the file's name before it."""
    try:
        return read(*args)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _mosaic(raw: Any, name: str) -> tuple[np.ndarray, str, dng_source.Area]:
    """A copy of the visible mosaic, its CFA phase and its place in the stored frame."""
    if raw.raw_type != rawpy.RawType.Flat:
        raise InputError(f"{name}: holds finished colours at each pixel (linear DNG, sRAW or Foveon), no Bayer mosaic")
    sizes = raw.sizes
    try:
        pattern = raw.raw_pattern
    except NotImplementedError:  # rawpy knows 2x2, 6x6 and none
        pattern = None
    colours = bytes(raw.color_desc).decode("latin-1")
    if raw.num_colors == 4 or colours not in ("RGBG", "RGB"):
        raise InputError(f"{name}: a mosaic of the colours {colours}, not Bayer's red, green and blue")
    if raw.num_colors != 3 or pattern is None:
        raise InputError(f"{name}: a monochrome or unknown mosaic, not Bayer's")
    if pattern.shape == (6, 6):
        raise InputError(f"{name}: an X-Trans mosaic, not Bayer's")
    # Relative to the visible area, and beyond one cell: some CFAs look like Bayer's in their corner only.
    top, left = sizes.top_margin, sizes.left_margin
    span = min(16, sizes.height), min(16, sizes.width)
    sites = [["RGBG"[raw.raw_color(top + y, left + x)] for x in range(span[1])] for y in range(span[0])]
    cfa = sites[0][0] + sites[0][1] + sites[1][0] + sites[1][1] if min(span) >= 2 else ""
    repeats = all(site == cfa[y % 2 * 2 + x % 2] for y, row in enumerate(sites) for x, site in enumerate(row))
    if cfa not in CFA_PHASES or not repeats:
        raise InputError(f"{name}: a colour filter mosaic that is not Bayer's 2x2")
    mosaic = np.array(raw.raw_image_visible, np.uint16, copy=True)
    return mosaic, cfa, dng_source.Area(top, left, *mosaic.shape)


def _libraw_black(raw: Any, visible: dng_source.Area) -> tuple[float, ...]:
    """LibRaw's black levels, given per colour, at the four sites."""
    levels = raw.black_level_per_channel
    return tuple(float(levels[raw.raw_color(visible.top + y, visible.left + x)]) for y in (0, 1) for x in (0, 1))


def _camera_tags(raw: Any, ifd0: Ifd | None) -> tags.TagDict:
    """IFD0 tags of a file that is no DNG: its maker, LibRaw's matrix for the model, the camera's white balance."""
    source = tags.allowed_tags(tags.IFD0, ifd0.tags) if ifd0 else {}
    out = {tag: source[tag] for tag in (MAKE, MODEL) if tag in source}
    matrix = np.asarray(raw.rgb_xyz_matrix, np.float64)[:3]
    if np.any(matrix):  # zeros: a model that LibRaw does not know
        entries = [n for x in matrix.ravel() for n in (round(x * 10000), 10000)]
        out[COLOR_MATRIX_1] = tiff.pack_value(tiff.SRATIONAL, *entries)
        out[ILLUMINANT_1] = tiff.pack_value(tiff.SHORT, D65)
    gains = list(raw.camera_whitebalance)[:3]
    if min(gains) <= 0:
        gains = list(raw.daylight_whitebalance)[:3]
    if min(gains) > 0:
        neutral = [Fraction(gains[1] / gain).limit_denominator(65535).as_integer_ratio() for gain in gains]
        out[AS_SHOT_NEUTRAL] = tiff.pack_value(tiff.RATIONAL, *(n for ratio in neutral for n in ratio))
    return out


def _scale_tags(raw: Any) -> tags.TagDict:
    """DefaultScale for the few cameras whose pixels are not square."""
    aspect = Fraction(raw.sizes.pixel_aspect).limit_denominator(1000)
    if aspect == 1 or aspect <= 0:
        return {}
    wide, high = (aspect, Fraction(1)) if aspect > 1 else (Fraction(1), 1 / aspect)
    return {DEFAULT_SCALE: tiff.pack_value(tiff.RATIONAL, *wide.as_integer_ratio(), *high.as_integer_ratio())}


def _thumbnail_ifd(raw: Any) -> Ifd | None:
    """IFD0 of the embedded JPEG, to which LibRaw adds camera and exposure data: for containers not read here."""
    try:
        thumb = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    return jpeg_ifd(bytes(thumb.data)) if thumb.format == rawpy.ThumbFormat.JPEG else None


def _exif_tags(raw: Any, ifd0: Ifd | None) -> tags.TagDict:
    """The source's Exif tags; where it has none, the exposure data that LibRaw found."""
    directories = ifd0.subs.get(tiff.EXIF_IFD, []) if ifd0 else []
    if directories:
        return tags.allowed_tags(tags.EXIF, directories[0].tags)
    other = raw.other
    out: tags.TagDict = {}
    for tag, number in ((33434, other.shutter_speed), (33437, other.aperture), (37386, other.focal_length)):
        if number > 0 and np.isfinite(number):
            exact = Fraction(float(number)).limit_denominator(10000) or Fraction(1, round(1 / number))
            if exact.numerator < 1 << 32 and exact.denominator < 1 << 32:
                out[tag] = tiff.pack_value(tiff.RATIONAL, exact.numerator, exact.denominator)
    if 0 < other.iso_speed <= 65535:
        out[34855] = tiff.pack_value(tiff.SHORT, round(other.iso_speed))
    if other.timestamp and other.timestamp.year > 1980:
        out[36867] = tiff.pack_ascii(other.timestamp.strftime("%Y:%m:%d %H:%M:%S"))
    return out


def _camera_name(ifd0_tags: tags.TagDict) -> str:
    """Make and model, the make once: "NIKON CORPORATION" and "NIKON D5000" is "NIKON D5000"."""
    make, model = (tiff.value_text(ifd0_tags[tag]) if tag in ifd0_tags else "" for tag in (MAKE, MODEL))
    if make and not model.lower().startswith(make.lower().split()[0]):
        return f"{make} {model}".strip()
    return model
