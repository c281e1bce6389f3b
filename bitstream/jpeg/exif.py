"""The Exif metadata of a JPEG, as tags for a DNG. Metadata is no reason to fail: what can't be read is not there."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InputError
from ..raw_image import TiffValue
from ..tiff import tags, tiff
from ..tiff.tiff import Ifd
from .flag import XMP_HEADER
from .segments import APP1, Segment

EXIF_HEADER = b"Exif\0\0"
APP13 = 0xED
PHOTOSHOP, IPTC_RESOURCE = b"Photoshop 3.0\0", b"\4\4"
ORIENTATION = 274


def exif_payload(segments: Iterable[Segment]) -> bytes:
    """The TIFF file inside the first APP1 Exif segment; empty where there is none."""
    payloads = (s.payload for s in segments if s.marker == APP1)
    return next((p for p in payloads if p.startswith(EXIF_HEADER)), EXIF_HEADER)[len(EXIF_HEADER) :]


def exif_ifd(payload: bytes) -> Ifd | None:
    """IFD0 of an Exif segment's TIFF file with its sub-directories, or None where there is none to read."""
    try:
        return tiff.read_tiff(payload)[0]
    except InputError:
        return None


def exif_tags(ifd0: Ifd | None) -> dict[int, TiffValue]:
    """The tags of the Exif directory that may stand in a DNG's (`tags.TAGS`); empty where there is no Exif."""
    directories = ifd0.subs.get(tiff.EXIF_IFD) if ifd0 else None
    return tags.allowed_tags(tags.EXIF, directories[0].tags) if directories else {}


def orientation(ifd0: Ifd | None) -> int:
    """The orientation tag, 1..8; 1 where there is none."""
    values = tiff.value_numbers(ifd0.tags[ORIENTATION]) if ifd0 and ORIENTATION in ifd0.tags else []
    return int(values[0]) if len(values) and values[0] in range(1, 9) else 1


def xmp_packet(segments: Iterable[Segment]) -> bytes:
    """The first XMP packet; empty where there is none."""
    payloads = (s.payload for s in segments if s.marker == APP1)
    return next((p[len(XMP_HEADER) :] for p in payloads if p.startswith(XMP_HEADER)), b"")


def iptc(segments: Iterable[Segment]) -> bytes:
    """The IPTC record of Photoshop's resources; empty where there is none."""
    parts = [s.payload[len(PHOTOSHOP) :] for s in segments if s.marker == APP13 and s.payload.startswith(PHOTOSHOP)]
    data, at = b"".join(parts), 0
    while data[at : at + 4] == b"8BIM" and len(data) >= at + 12:
        kind = data[at + 4 : at + 6]
        named = at + 6 + (data[at + 6] + 2) // 2 * 2
        size = int.from_bytes(data[named : named + 4], "big")
        body = data[named + 4 : named + 4 + size]
        if len(body) != size:
            break
        if kind == IPTC_RESOURCE:
            return body
        at = named + 4 + size + size % 2
    return b""
