"""The preview of the decoded DNG, made (`codec.preview_choice` chose which)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from ..bitstream.dng.preview import coded, open_picture, with_orientation
from ..bitstream.errors import UsageError
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.raw_image import RawImage
from ..bitstream.rect import Rect
from .decoder.crop import share_of, shown_by
from .isp.neutral import neutral_picture
from .preview_choice import carried_picture, kind_of

if TYPE_CHECKING:
    from .carrier import Carrier

PREVIEWS = ("screen", "full", "none", "auto", "raw", "jpeg", "neutral")
CHOSEN = ("screen", "full", "auto")
"""Those that show what the camera made of the RAW, whichever that is."""

SCREEN = 2048
"""Longest side in pixels of a preview of screen size, at most."""

SCREEN_QUALITY = 85


def made_preview(
    preview: str, found: Carrier, raw: RawImage, crop: Rect | None
) -> tuple[str, bytes | None]:
    """(kind, JPEG or None) of a preview by its name in `PREVIEWS`; of a crop where `raw` is one.

    UsageError for a carried one that is not there.
    """
    kind = kind_of(found.stream.preview, found.jpeg, raw.ifd0_tags) if preview in CHOSEN else preview
    if kind == "jpeg" and found.cut:
        kind = "neutral"
    shown = _whole(kind, found, raw, crop)
    if preview == "screen" and shown:
        shown = for_screens(found.jpeg.bare if shown is found.jpeg.bare.data else shown)
    return kind, shown


def _whole(kind: str, found: Carrier, raw: RawImage, crop: Rect | None) -> bytes | None:
    """The preview of a kind, in its full size."""
    stream, jpeg = found.stream, found.jpeg
    if kind == "none":
        return None
    if kind == "neutral":
        return neutral_jpeg(raw)
    if kind == "jpeg":
        lies = raw.orientation if found.picture else jpeg.orientation
        if found.picture and not crop:
            return with_orientation(found.picture, lies)
        return shown_by(crop, found.planes, stream.geometry, stream.layout, lies) if crop else jpeg.bare.data
    own = stream.preview.own if stream.preview else None
    part = share_of(crop, stream.header.height, stream.header.width) if crop else None
    shown = own_jpeg(own, raw.orientation, part) if own else None
    if shown is None:
        raise UsageError(
            "preview raw: the JPEG carries no preview of the RAW's own; want screen, full, jpeg, neutral or none"
        )
    return shown


def neutral_jpeg(raw: RawImage) -> bytes:
    """The neutral picture as a JPEG whose Exif says how it lies."""
    return with_orientation(coded(Image.fromarray(neutral_picture(raw))), raw.orientation)


def for_screens(jpeg: Jpeg | bytes) -> bytes | None:
    """A JPEG, made smaller by a whole factor where it is larger than a screen; None where it does not open."""
    jpeg = Jpeg.of(jpeg)
    factor = -(-max(jpeg.frame.width, jpeg.frame.height) // SCREEN)
    if factor == 1:
        return jpeg.data
    picture = open_picture(jpeg.data)
    if picture is None:
        return None
    return with_orientation(coded(picture.reduce(factor), SCREEN_QUALITY), jpeg.orientation)


def own_jpeg(own: bytes, orientation: int, part: tuple[float, float, float, float] | None = None) -> bytes | None:
    """A carried preview as a JPEG whose Exif says how it lies; None where it does not open.

    part: left, top, right and bottom of what is wanted of it, 0..1; as large again as the whole.
    """
    picture = carried_picture(own)
    if picture is None:
        return None
    if part:
        box = part[0] * picture.width, part[1] * picture.height, part[2] * picture.width, part[3] * picture.height
        scale = max(picture.size) / max(box[2] - box[0], box[3] - box[1])
        size = max(1, round((box[2] - box[0]) * scale)), max(1, round((box[3] - box[1]) * scale))
        own = coded(picture.resize(size, Image.Resampling.BICUBIC, box=box))
    return with_orientation(own, orientation)
