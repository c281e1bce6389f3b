"""Whether the pixels that a camera file speaks of lie within it, before a decoder is asked.

Decoders fill what they miss with zeros or the last line, some without a word. So offsets and sizes are checked by the
rules of each container; a file is refused only where pixels that the decoder needs can't be there.

=====================================  ===============================================================
container                              what must lie within the file
=====================================  ===============================================================
DNG                                    all strips or tiles, enough for the mosaic (`dng_extents`)
TIFF-like: NEF, CR2, ARW, PEF, ORF...  the mosaic's strips or tiles (`tiff_extents`)
Panasonic RW2                          the data of its encoding for the sensor's size (`tiff_extents`)
Phase One IIQ                          the block of raw data
Canon CR3                              boxes, and the samples that the tracks list
Canon CRW (CIFF)                       the directory at the end and the raw data that it lists
Fujifilm RAF                           the block of raw data
Minolta MRW                            the data for the sensor's size
=====================================  ===============================================================

Others are LibRaw's affair, and `codec.source.plausible`'s.
"""

from __future__ import annotations

from ...bitstream.errors import InputError
from ...bitstream.tiff import tiff
from . import tiff_extents
from .dng import is_dng
from .dng_extents import check_dng
from .metadata import RAF_MAGIC
from .reach import Reach

CIFF_RAW = 0x2005
CR3_NESTED = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
MAX_BOXES = 4096


def check_extents(data: bytes, frame: int | None = None) -> None:
    """Raise InputError, saying what lies beyond the end, for a camera file that is cut short.

    frame: which mosaic of a DNG is meant, from 1 (`codec.source.dng.frame_index`).
    """
    reach = Reach(data)
    phase_one = next((at for magic in (b"IIII", b"MMMM") if (at := data[:32].find(magic)) >= 0), None)
    if phase_one is not None and data[phase_one + 4 : phase_one + 8].strip(b"\0 \1") in (b"Raw", b"waR"):
        _check_phase_one(reach, phase_one)
    elif tiff.is_tiff(data):
        _check_tiff(reach, frame)
    elif data[:16] == RAF_MAGIC:
        start, size = reach.numbers(">II", 100)
        reach.need(start, size, "its raw data")
    elif data[4:12] == b"ftypcrx ":
        _check_cr3(reach)
    elif data[6:14] == b"HEAPCCDR":
        _check_ciff(reach)
    elif data[:4] in (b"\0MRM", b"\0MRI"):
        _check_mrw(reach)


def _check_tiff(reach: Reach, frame: int | None) -> None:
    try:
        chain = tiff.read_tiff(reach.data)
    except InputError:
        raise InputError("its directory lies beyond its end: the file is cut short or damaged") from None
    if is_dng(chain[0]):
        check_dng(reach, chain[0], frame)
    elif reach.data[:4] == b"IIU\0":
        tiff_extents.check_panasonic(reach, chain[0])
    else:
        tiff_extents.check_strips(reach, chain)


def _check_phase_one(reach: Reach, base: int) -> None:
    """Phase One: a header of its own, in a TIFF file's first bytes or instead of them, then 8 bytes on the place of a
    directory of (tag, type, length, value), places from that header on; tag 0x10F is the raw data."""
    order = "<" if reach.data[base : base + 4] == b"IIII" else ">"
    (directory,) = reach.numbers(order + "I", base + 8)
    (entries,) = reach.numbers(order + "I", base + directory)
    for i in range(min(entries, 1024)):
        tag, _, size, value = reach.numbers(order + "4I", base + directory + 8 + 16 * i)
        if tag == 0x10F:
            reach.need(base + value, size, "its raw data")


def _check_cr3(reach: Reach) -> None:
    """ISO base media: every box within the one around it, every sample that a track lists within the file."""
    left = [(0, len(reach.data))]
    seen = 0
    while left:
        at, end = left.pop()
        offsets: list[int] = []
        sizes: list[int] = []
        while at + 8 <= end and seen < MAX_BOXES:
            seen += 1
            size, kind = reach.numbers(">I4s", at)
            head = 8
            if size == 1:
                size, head = reach.numbers(">Q", at + 8)[0], 16
            size = size or end - at
            if size < head or at + size > end:
                name = kind.decode("latin-1") if kind.isalnum() else "?"
                raise InputError(f"its box {name} ends beyond the file: the file is cut short")
            body = at + head
            if kind in CR3_NESTED:
                left.append((body, at + size))
            elif kind == b"stsz":  # one size for all, or a table
                same, count = reach.numbers(">II", body + 4)
                sizes = [same] * min(count, 64) if same else list(reach.numbers(f">{min(count, 64)}I", body + 12))
            elif kind in (b"co64", b"stco"):
                (count,) = reach.numbers(">I", body + 4)
                offsets = list(reach.numbers(f">{min(count, 64)}{'Q' if kind == b'co64' else 'I'}", body + 8))
            at += size
        for start, size in zip(offsets, sizes, strict=False):
            reach.need(start, size, "a track's data")


def _check_ciff(reach: Reach) -> None:
    """CIFF: a heap from the header to the end of the file, whose last four bytes say where its directory is."""
    order = "<" if reach.data[:2] == b"II" else ">"
    (heap,) = reach.numbers(order + "I", 2)
    end = len(reach.data)
    (where,) = reach.numbers(order + "I", end - 4) if end >= 18 else (end,)
    table = heap + where
    if table + 2 > end - 4:
        raise InputError("its directory is not at its end: the file is cut short")
    (entries,) = reach.numbers(order + "H", table)
    if not 0 < entries <= 1024 or table + 2 + 10 * entries > end - 4:
        raise InputError("its directory is not at its end: the file is cut short")
    for i in range(entries):
        tag, size, start = reach.numbers(order + "HII", table + 2 + 10 * i)
        if tag == CIFF_RAW:
            reach.need(heap + start, size, "its raw data")


def _check_mrw(reach: Reach) -> None:
    """MRW: a block PRD with the sensor's size and packing first, the data after all blocks."""
    order = "<" if reach.data[3:4] == b"I" else ">"
    (size,) = reach.numbers(order + "I", 4)
    if reach.data[8:12] not in (b"\0PRD", b"\0PRI"):
        return
    height, width = reach.numbers(order + "HH", 16 + 8)
    packed = reach.data[16 + 18 : 16 + 19] == b"\x59"  # StorageMethod: 0x59 is 12 bits packed, 0x52 two bytes
    reach.need(8 + size, height * width * (12 if packed else 16) // 8, "its raw data")
