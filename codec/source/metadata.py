"""The TIFF directories that a camera RAW brings along, whichever container the maker chose.

LibRaw through rawpy gives neither make and model nor most of the Exif, and nothing of a DNG's profiles; they are read
here from the file itself. TIFF-like formats (DNG, NEF, CR2, ARW, PEF, ORF, RW2, ...) are read as they are, Fujifilm's
RAF by the Exif of the JPEG within, Canon's CR3 (ISO base media file format) by its CMT1 and CMT2 boxes.
"""

from __future__ import annotations

import struct

from ...bitstream.errors import InputError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.tiff import tiff
from ...bitstream.tiff.tiff import Ifd

RAF_MAGIC = b"FUJIFILMCCD-RAW "
CANON_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


def source_ifd(data: bytes) -> Ifd | None:
    """IFD0 of a camera RAW with its sub-directories, Exif among them, or None where there is none to read."""
    try:
        if tiff.is_tiff(data):
            return tiff.read_tiff(data)[0]
        if data[:16] == RAF_MAGIC and len(data) > 92:
            start, size = struct.unpack_from(">II", data, 84)
            return Jpeg(data[start : start + size]).ifd0
        if data[4:8] == b"ftyp" and data[8:11] == b"crx":
            return _cr3_ifd(data)
    except InputError:
        pass
    return None


def _cr3_ifd(data: bytes) -> Ifd | None:
    """IFD0 from box moov / uuid / CMT1, with the Exif directory of CMT2 below it."""
    moov = _boxes(data).get(b"moov", b"")
    canon = next((body[16:] for kind, body in _box_list(moov) if kind == b"uuid" and body[:16] == CANON_UUID), b"")
    boxes = _boxes(canon)
    if b"CMT1" not in boxes:
        return None
    ifd0 = tiff.read_tiff(boxes[b"CMT1"])[0]
    if b"CMT2" in boxes:
        ifd0.subs[tiff.EXIF_IFD] = tiff.read_tiff(boxes[b"CMT2"])[:1]
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
