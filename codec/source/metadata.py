"""The TIFF directories that a camera RAW brings along, whichever container the maker chose.

LibRaw through rawpy gives neither make and model nor most of the Exif, and nothing of a DNG's profiles; they are read
here from the file itself. TIFF-like formats (DNG, NEF, CR2, ARW, PEF, ORF, RW2, ...) are read as they are, Fujifilm's
RAF by the Exif of the JPEG within, Canon's CR3 (ISO base media file format) by its CMT boxes.
"""

from __future__ import annotations

import contextlib
import struct

from ...bitstream.errors import InputError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.raw_image import TiffValue
from ...bitstream.tiff import tiff
from ...bitstream.tiff.tiff import Ifd

RAF_MAGIC = b"FUJIFILMCCD-RAW "
XMP = 700
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
CANON_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


def source_ifd(data: bytes) -> Ifd | None:
    """IFD0 of a camera RAW with its sub-directories, Exif among them, or None where there is none to read."""
    try:
        if data[4:8] == b"ftyp" and data[8:11] == b"crx":
            return _cr3_ifd(data)
        within = tiff_within(data)
        return tiff.read_tiff(within)[0] if within else None
    except InputError:
        return None


def tiff_within(data: bytes) -> bytes:
    """The TIFF file that `source_ifd` reads of any but a CR3: the RAW itself, or within it; empty: there is none."""
    if tiff.is_tiff(data):
        return data
    if data[:16] == RAF_MAGIC and len(data) > 92:
        start, size = struct.unpack_from(">II", data, 84)
        return Jpeg(data[start : start + size]).exif_payload
    return b""


def canon_boxes(data: bytes) -> dict[bytes, bytes]:
    """The boxes of a CR3 that hold its metadata, by type; empty for another file."""
    if data[4:11] != b"ftypcrx":
        return {}
    moov = _boxes(data).get(b"moov", b"")
    canon = next((body[16:] for kind, body in _box_list(moov) if kind == b"uuid" and body[:16] == CANON_UUID), b"")
    return _boxes(canon)


def _cr3_ifd(data: bytes) -> Ifd | None:
    """IFD0 from box moov / uuid / CMT1, with the Exif directory of CMT2, GPS of CMT4 and the file's XMP below it."""
    boxes = canon_boxes(data)
    if b"CMT1" not in boxes:
        return None
    ifd0 = tiff.read_tiff(boxes[b"CMT1"])[0]
    for name, pointer in ((b"CMT2", tiff.EXIF_IFD), (b"CMT4", tiff.GPS_IFD)):
        if name in boxes:
            with contextlib.suppress(InputError):
                ifd0.subs[pointer] = tiff.read_tiff(boxes[name])[:1]
    packet = next((body[16:] for kind, body in _box_list(data) if kind == b"uuid" and body[:16] == XMP_UUID), b"")
    if packet:
        ifd0.tags[XMP] = TiffValue(tiff.BYTE, len(packet), packet)
    return ifd0


def _boxes(data: bytes) -> dict[bytes, bytes]:
    return dict(_box_list(data))


def _box_list(data: bytes) -> list[tuple[bytes, bytes]]:
    """(type, content) of the boxes one after another in `data`; stops at the first that does not fit."""
    out: list[tuple[bytes, bytes]] = []
    at = 0
    while at + 8 <= len(data) and len(out) < 256:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            break
        if kind != b"mdat":  # the pixels: large, and nothing here wants them
            out.append((kind, data[at + head : at + size]))
        at += size
    return out
