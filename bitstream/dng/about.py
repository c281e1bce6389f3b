"""What a DNG says beside its picture: Exif, place, MakerNote, XMP, IPTC; the RAW's first, then what the JPEG adds."""

from __future__ import annotations

import struct

from ..errors import InputError
from ..jpeg.file import Jpeg
from ..raw_image import MakerNote, RawImage, TiffValue
from ..tiff import maker_note, tags, tiff
from ..tiff.maker_note import MAKER_NOTE
from ..tiff.meta import profile_tags
from ..tiff.meta_tags import GPS, IFD0, OF_A_JPEG
from ..tiff.tiff import Ifd
from . import xmp

XMP, IPTC, EXIF_VERSION, PRIVATE_DATA, MORE_PROFILES = 700, 33723, 36864, 50740, 50933
MAX_PRIVATE_NOTE = 1 << 16
PROFILE_MAGIC = b"IIRC"


def add_metadata(root: Ifd, raw: RawImage, jpeg: Jpeg | None) -> None:
    """Put it into IFD0 and the directories below; `root.tags` has the RAW's tags of IFD0 already."""
    exif = dict(tags.allowed_tags(tags.EXIF, raw.exif_tags))
    gps = tags.allowed_tags(GPS, raw.gps_tags)
    note = raw.note
    if jpeg:
        exif = {**jpeg.exif_tags, **exif}
        gps = gps or _place(jpeg)
        root.tags |= {tag: v for tag, v in _of_jpeg(jpeg).items() if tag not in root.tags}
        note = _joined(root, note, jpeg)
    _add_xmp(root, jpeg)
    root.subs[tiff.GPS_IFD] = [Ifd(gps)] if gps else []
    placed = {}
    if note:
        exif[MAKER_NOTE] = maker_note.note_value(note)
        placed[MAKER_NOTE] = lambda place: maker_note.build_note(note, place)
    if exif:
        exif[EXIF_VERSION] = TiffValue(tiff.UNDEFINED, 4, b"0231")
        root.subs[tiff.EXIF_IFD] = [Ifd(exif, placed=placed)]
    if raw.profiles:
        written = (tiff.write_tiff(Ifd(profile_tags(some))) for some in raw.profiles)
        root.attached[MORE_PROFILES] = [PROFILE_MAGIC + profile[4:] for profile in written]


def _of_jpeg(jpeg: Jpeg) -> dict[int, TiffValue]:
    """Tags of IFD0 that the JPEG has: date, names, rights, caption, rating, keywords."""
    found = tags.allowed_tags(IFD0, jpeg.ifd0.tags) if jpeg.ifd0 else {}
    out = {tag: v for tag, v in found.items() if tag in OF_A_JPEG}
    if jpeg.iptc:
        out[IPTC] = TiffValue(tiff.UNDEFINED, len(jpeg.iptc), jpeg.iptc)
    return out


def _place(jpeg: Jpeg) -> dict[int, TiffValue]:
    for gps in jpeg.ifd0.subs.get(tiff.GPS_IFD, [])[:1] if jpeg.ifd0 else []:
        return tags.allowed_tags(GPS, {tag: v for tag, v in gps.tags.items() if len(v.data) <= 1024})
    return {}


def _joined(root: Ifd, note: MakerNote | None, jpeg: Jpeg) -> MakerNote | None:
    """The RAW's note with what only the JPEG's has; one of the JPEG that can't be moved goes into DNGPrivateData."""
    theirs = maker_note.note_of(jpeg.exif_payload, jpeg.ifd0)
    if theirs is not None and theirs.tags:
        return maker_note.merged(note, theirs)
    for exif in jpeg.ifd0.subs.get(tiff.EXIF_IFD, [])[:1] if jpeg.ifd0 and note is None else []:
        value = exif.tags.get(MAKER_NOTE)
        if value and len(value.data) <= MAX_PRIVATE_NOTE and PRIVATE_DATA not in root.tags:
            root.tags[PRIVATE_DATA] = _private(value.data, jpeg.exif_payload[:2], exif.offsets[MAKER_NOTE])
    return note


def _add_xmp(root: Ifd, jpeg: Jpeg | None) -> None:
    """The packet of the RAW, with what people said of the picture in the JPEG's."""
    own, theirs = root.tags.get(XMP), jpeg.xmp if jpeg else b""
    if not theirs:
        return
    try:
        packet = xmp.merged([own.data] if own else [], theirs)
    except InputError:  # the RAW's own can't be read: as it is
        return
    if packet:
        root.tags[XMP] = TiffValue(tiff.BYTE, len(packet), packet)


def _private(note: bytes, byte_order: bytes, offset: int) -> TiffValue:
    """DNGPrivateData as Adobe writes it: makers' notes hold offsets, so their old place and byte order go with them.

    "Adobe" NUL, "MakN", u32 length of the rest, byte-order mark, u32 old offset, the note; numbers big-endian.
    """
    body = byte_order + struct.pack(">I", offset) + note
    data = b"Adobe\0MakN" + struct.pack(">I", len(body)) + body + b"\0" * (len(body) % 2)
    return TiffValue(tiff.BYTE, len(data), data)
