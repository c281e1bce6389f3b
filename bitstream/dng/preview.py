"""A JPEG as the preview of a DNG: stripped of its metadata, lying as the mosaic does, described in TIFF's terms."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image, JpegImagePlugin

from ..errors import InputError
from ..jpeg import segments
from ..jpeg.file import Jpeg
from ..jpeg.frame import Picture
from ..raw_image import TiffValue
from ..tiff import tiff
from ..tiff.tiff import Ifd

ORIENTATION = 274
RECODED_QUALITY = 90

# TIFF orientation -> what turns a picture so stored upright, and what turns it back.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BACK = {**_UPRIGHT, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


@dataclass(frozen=True)
class Preview:
    """A baseline JPEG without application segments, and the tags of the TIFF directory that describe it."""

    jpeg: bytes
    tags: dict[int, TiffValue]


def make_preview(jpeg: Jpeg, orientation: int) -> Preview | None:
    """`jpeg` as the preview of a mosaic whose TIFF orientation is `orientation`; None where it is no JPEG that opens.

    A DNG has one orientation for mosaic and preview. A JPEG that lies as the mosaic does keeps its coded picture byte
    for byte; one that is turned against it (cameras and LibRaw write upright pictures), and one that is not baseline
    YCbCr or grey (all that readers expect in a DNG), is coded anew.
    """
    own, orientation = (o if o in _UPRIGHT else 1 for o in (jpeg.orientation, orientation))
    if own != orientation or not _is_plain(jpeg):
        turned = _recode(jpeg.data, own, orientation)
        if turned is None:
            return None
        jpeg = Jpeg(turned)
    frame = jpeg.frame
    colour = len(frame.components) == 3
    described: dict[int, tuple[float, ...]] = {
        256: (tiff.LONG, frame.width), 257: (tiff.LONG, frame.height), 258: (tiff.SHORT, *[8] * len(frame.components)),
        259: (tiff.SHORT, 7), 262: (tiff.SHORT, 6 if colour else 1), 277: (tiff.SHORT, len(frame.components)),
        278: (tiff.LONG, frame.height), 284: (tiff.SHORT, 1),
    }
    if colour:
        y, cb = frame.components[:2]
        described[530] = (tiff.SHORT, y.horizontal // cb.horizontal, y.vertical // cb.vertical)
        described[531] = (tiff.SHORT, 1)  # chroma lies between the pixels, as JFIF has it
        described[532] = (tiff.RATIONAL, *(n for level in (0, 255, 128, 255, 128, 255) for n in (level, 1)))
    return Preview(_bare(jpeg), {tag: tiff.pack_value(int(kind), *rest) for tag, (kind, *rest) in described.items()})


def _is_plain(jpeg: Jpeg) -> bool:
    """Whether it is an 8-bit baseline JPEG, grey or YCbCr with equal chroma planes of 1, 1/2 or 1/4 of the size."""
    try:
        frame, parts = jpeg.frame, jpeg.segments
    except InputError:
        return False
    if frame.precision != 8 or frame.progressive or frame.arithmetic or frame.lossless or frame.hierarchical:
        return False
    if len(frame.components) == 1:
        return True
    if len(frame.components) != 3 or [c.identifier for c in frame.components] == list(b"RGB"):
        return False
    adobe = [s.payload for s in parts if s.marker == 0xEE and s.payload.startswith(b"Adobe") and len(s.payload) >= 12]
    if any(payload[11] == 0 for payload in adobe):  # R, G, B stored without a transform
        return False
    y, cb, cr = frame.components
    ratios = {(y.horizontal / c.horizontal, y.vertical / c.vertical) for c in (cb, cr)}
    return len(ratios) == 1 and all(r in (1, 2, 4) for r in ratios.pop())


def open_picture(data: bytes, formats: tuple[str, ...] = ("JPEG",), least: int = 0) -> Image.Image | None:
    """The picture in a file, grey or RGB, as it is stored (not turned); None where it does not open or is too large.

    least: of a JPEG a picture 2, 4 or 8 times smaller will do, which takes less time, if its sides have so many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if "JPEG" in formats and data[:2] == b"\xff\xd8":
                frame = Jpeg(data).frame
                if frame.width * frame.height > (Image.MAX_IMAGE_PIXELS or 0):
                    Picture(data)  # some cameras take more; a few bytes must not ask for the memory of as many
                image: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
            else:
                image = Image.open(io.BytesIO(data), formats=list(formats))
            if least:
                image.draft(None, (least, least))
            image.load()
            return image if image.mode in ("L", "RGB") else image.convert("RGB")
    except (InputError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning):
        return None


def turned(picture: Image.Image, own: int, orientation: int) -> Image.Image:
    """A picture stored in TIFF orientation `own` as it would be stored in `orientation`."""
    if own == orientation:
        return picture
    picture = picture.transpose(_UPRIGHT[own]) if own > 1 else picture
    return picture.transpose(_BACK[orientation]) if orientation > 1 else picture


def coded(picture: Image.Image, quality: int = RECODED_QUALITY) -> bytes:
    """The picture as a baseline JPEG (4:2:0) with Huffman tables of its own, without application segments."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True)
    return _bare(Jpeg(out.getvalue()))


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG without Exif, with Exif that says how it is stored."""
    exif = b"Exif\0\0" + tiff.write_tiff(Ifd({ORIENTATION: tiff.pack_value(tiff.SHORT, orientation)}))
    return jpeg[:2] + segments.segment_bytes(segments.APP1, exif) + jpeg[2:]


def _recode(jpeg: bytes, own: int, orientation: int) -> bytes | None:
    """The picture as a baseline JPEG, turned from orientation `own` to `orientation`; None where it does not open."""
    picture = open_picture(jpeg)
    if picture is None:
        return None
    out = io.BytesIO()
    turned(picture, own, orientation).save(out, "JPEG", quality=RECODED_QUALITY)
    return out.getvalue()


def _bare(jpeg: Jpeg) -> bytes:
    """The JPEG up to its first EOI, or to where another file begins, without APPn and comment segments."""
    data, parts = jpeg.data, jpeg.segments
    scan = parts[-1].start
    end = data.find(b"\xff\xd9", scan)
    end = end if end >= 0 else len(data)
    other = data.find(b"\xff\xd8", scan, end)
    kept = [s.clean for s in parts[:-1] if not s.is_app and s.marker != segments.COM]
    return b"".join([*kept, parts[-1].clean, data[parts[-1].end : other if other >= 0 else end], b"\xff\xd9"])
