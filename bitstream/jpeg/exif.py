"""The Exif metadata of a JPEG, as tags for a DNG. Metadata is no reason to fail: what can't be read is not there."""

from __future__ import annotations

from ..errors import InputError
from ..raw_image import TiffValue
from ..tiff import tags, tiff
from ..tiff.tiff import Ifd
from .segments import APP1, read_segments

EXIF_HEADER = b"Exif\0\0"
ORIENTATION = 274


def exif_payload(jpeg: bytes) -> bytes:
    """The TIFF file inside a JPEG's first APP1 Exif segment; empty where there is none."""
    try:
        segments = read_segments(jpeg)
    except InputError:
        return b""
    payloads = (s.payload for s in segments if s.marker == APP1 and s.payload.startswith(EXIF_HEADER))
    return next(payloads, EXIF_HEADER)[len(EXIF_HEADER) :]


def jpeg_ifd(jpeg: bytes) -> Ifd | None:
    """IFD0 of a JPEG's Exif with its sub-directories, or None where there is none to read."""
    try:
        return tiff.read_tiff(exif_payload(jpeg))[0]
    except InputError:
        return None


def exif_from_jpeg(jpeg: bytes) -> dict[int, TiffValue]:
    """The tags of a JPEG's Exif directory that may stand in a DNG's (`tags.TAGS`); empty where there is no Exif."""
    ifd0 = jpeg_ifd(jpeg)
    directories = ifd0.subs.get(tiff.EXIF_IFD) if ifd0 else None
    return tags.allowed_tags(tags.EXIF, directories[0].tags) if directories else {}


def orientation_of(jpeg: bytes) -> int:
    """The JPEG's own orientation tag, 1..8; 1 where it has none."""
    ifd0 = jpeg_ifd(jpeg)
    values = tiff.value_numbers(ifd0.tags[ORIENTATION]) if ifd0 and ORIENTATION in ifd0.tags else []
    return int(values[0]) if len(values) and values[0] in range(1, 9) else 1
