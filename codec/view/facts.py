"""What is said of a photograph beside its picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...bitstream.jpeg.file import Jpeg
from ...bitstream.raw_image import RawImage, TiffValue
from ...bitstream.rect import Rect
from ...bitstream.stream.layers import Prefixes
from ...bitstream.tiff.tiff import value_numbers, value_text
from ..develop import developed
from ..isp.develop import Developer, Rendering
from ..isp.planes import Part
from ..isp.settings import Settings
from .first_look import can_be
from .picture import Picture

EXPOSURE, APERTURE, ISO, TAKEN, FOCAL, LENS = 33434, 33437, 34855, 36867, 37386, 42036
MAKE, MODEL = 271, 272


def facts_of(picture: Picture, data: bytes) -> dict[str, Any]:
    """For JSON. data: the file's bytes. stored: by columns, a place to shares of the mosaic's columns and rows."""
    width, height = picture.frame.size
    rows, cols = picture.stored
    corners = [picture.frame.stored(at) for at in ((0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0))]
    shares = [(x / cols, y / rows) for x, y, _, _ in corners]
    found: dict[str, Any] = {
        "kind": picture.kind, "width": width, "height": height, "damage": picture.damage, "bytes": len(data),
        "refused": picture.refused,
        "warnings": list(picture.warnings), "hasJpeg": picture.laid is not None, "hasRaw": picture.raw is not None,
        "stored": [v for n in (1, 2) for v in (shares[n][0] - shares[0][0], shares[n][1] - shares[0][1], 0)]
        + [*shares[0], 1],
    }  # fmt: skip
    raw = picture.raw
    if raw is None:
        file = Jpeg(data)
        ifd0 = file.ifd0.tags if file.ifd0 else {}
        return {**found, "about": _about(ifd0, file.exif_tags)}
    found |= {
        "sites": int(raw.mosaic.size), "mosaic": list(raw.size[::-1]), "cfa": raw.kind, "white": raw.real_levels[1],
        "black": [float(b) for b in raw.real_levels[0]], "about": _about(raw.ifd0_tags, raw.exif_tags, raw.camera),
    }  # fmt: skip
    if picture.carrier:
        found["first"] = can_be(raw, picture.carrier) and picture.tiles is not None and picture.tiles.done < 1
        stream, grown = picture.carrier.stream, Jpeg(data).grown
        found |= {"grown": grown, "bpp": 8 * grown / raw.mosaic.size, "lossless": stream.lossless,
                  "layers": stream.layer_count, "least": _least(picture, grown)}  # fmt: skip
    return found


def _least(picture: Picture, grown: int) -> int:
    """Bytes that `trim` can bring it down to."""
    from ...bitstream.jpeg.carried import carried_stream
    from ...bitstream.jpeg.further import share_of, sizes

    assert picture.carrier is not None
    file = picture.carrier.jpeg
    if picture.carrier.stream.layers is None or picture.warnings:
        return grown
    return sizes(file.growth, share_of(file.superbox))(Prefixes(carried_stream(file)).without_preview().cut(0)[0])


def _about(ifd0: Any, exif: Any, camera: str = "") -> list[list[str]]:
    """Name and value of what a photographer asks first."""
    rows: list[list[str]] = []
    named = camera or " ".join(t for t in (_words(ifd0, MAKE), _words(ifd0, MODEL)) if t)
    seconds, stop, iso, focal = (_number(exif, tag) for tag in (EXPOSURE, APERTURE, ISO, FOCAL))
    for name, value in (
        ("Camera", named), ("Lens", _words(exif, LENS)), ("Taken", _words(exif, TAKEN).replace(":", "-", 2)),
        ("Shutter", "" if not seconds else f"1/{1 / seconds:.0f} s" if seconds < 0.4 else f"{seconds:g} s"),
        ("Aperture", f"f/{stop:.3g}" if stop else ""), ("ISO", f"{iso:.0f}" if iso else ""),
        ("Focal length", f"{focal:.3g} mm" if focal else ""),
    ):  # fmt: skip
        if value:
            rows.append([name, value])
    return rows


def _words(tags: Any, tag: int) -> str:
    value: TiffValue | None = tags.get(tag)
    return value_text(value).strip() if value else ""


def _number(tags: Any, tag: int) -> float:
    value: TiffValue | None = tags.get(tag)
    numbers = value_numbers(value) if value else []
    return float(numbers[0]) if numbers and np.isfinite(numbers[0]) and 0 < numbers[0] < 1e9 else 0.0


def developed_pair(
    rendering: Rendering, true: RawImage, raw: RawImage, part: Part
) -> tuple[np.ndarray, np.ndarray]:
    """A part of the original and of what is decoded, both developed alike, uint8 (h, w, 3)."""
    from ..decoder.crop import cropped

    top, left, bottom, right = part.sites
    height, width = true.mosaic.shape
    box = Rect.between(top, left, min(bottom, height), min(right, width))
    first, second = (developed(Developer(cropped(one, box), rendering), Settings()).picture for one in (true, raw))
    return first, second
