"""Whether a DNG's mosaic lies within the file, whole, and in an order that LibRaw reads as DNG 1.7 means it.

LibRaw ignores byte counts, the number of strips, and tags that change which pixel a stored value is; what it would
make of such a file looks like pixels. Measured on LibRaw 0.22.2: strips of an uncompressed mosaic are read as if they
lay one after another, of a compressed one only the first is; tiles of lossless JPEG are read in wrong rows where they
are wider than the mosaic, or where the JPEG's width times its components squared is the mosaic's width.
"""

from __future__ import annotations

import itertools
import math

from ...bitstream.errors import InputError
from ...bitstream.tiff.tiff import Ifd
from .dng import raw_ifd
from .reach import Reach
from .tiff_extents import check_tile_count, number, numbers

UNCOMPRESSED, LOSSLESS_JPEG = (0, 1), 7  # LibRaw takes 0 as 1
ORDERLY = {
    266: ("FillOrder", (1,)), 284: ("PlanarConfiguration", (1,)), 50711: ("CFALayout", (1,)),
    50974: ("SubTileBlockSize", (1, 1)), 50975: ("RowInterleaveFactor", (1,)), 52547: ("ColumnInterleaveFactor", (1,)),
}  # fmt: skip
"""Tags that say how stored values become a mosaic, with the only values that LibRaw reads as they are meant."""
SOF3 = 0xC3


def check_dng(reach: Reach, ifd0: Ifd, frame: int | None = None) -> None:
    """Raise InputError, naming the reason, for a DNG whose mosaic is not all there or would be read in wrong order."""
    ifd = raw_ifd(ifd0, frame)
    for tag, (name, value) in ORDERLY.items():
        found = tuple(numbers(ifd, tag))
        if tag in ifd.tags and found != value:
            said = " ".join(map(str, found)) or "?"
            raise InputError(f"the DNG's mosaic is stored in an order that is not supported ({name} {said})")
    samples = number(ifd, 277, 1)
    if not 1 <= samples <= 4:
        raise InputError(f"the DNG has {samples} values a pixel: more than four are not supported")
    if set(numbers(ifd, 339)) - {1, 3}:
        raise InputError(f"the DNG's mosaic is of numbers of an unknown kind (SampleFormat {number(ifd, 339)})")
    width, height = number(ifd, 256), number(ifd, 257)
    tiled = 324 in ifd.tags
    offsets, counts = numbers(ifd, 324 if tiled else 273), numbers(ifd, 325 if tiled else 279)
    if not offsets or not width or not height:
        raise InputError("the DNG does not say where its mosaic is: the file is damaged or cut short")
    if tiled:
        check_tile_count(ifd, len(offsets), width, height)
        across, down = number(ifd, 322), number(ifd, 323)
        pieces = math.ceil(width / across) * math.ceil(height / down)
    else:
        across, down = width, min(number(ifd, 278, height) or height, height)
        pieces = math.ceil(height / down)
        if len(offsets) < pieces:
            raise InputError(f"it lists {len(offsets)} of {pieces} strips: the file is incomplete")
    kind = "tile" if tiled else "strip"
    if len(counts) < pieces:
        raise InputError(f"it lists the sizes of {len(counts)} of {pieces} {kind}s: the file is damaged or cut short")
    spans = list(zip(offsets[:pieces], counts[:pieces], strict=True))
    for i, (start, size) in enumerate(spans):
        if not size:
            raise InputError(f"{kind} {i + 1} of {pieces} is empty: the file is incomplete")
        reach.need(start, size, f"{kind} {i + 1} of {pieces}")
    ordered = sorted(spans)
    if any(2 * (b - a) < n for (a, n), (b, _) in itertools.pairwise(ordered)):
        raise InputError(f"its {kind}s lie one over another: the file is incomplete")
    rows = [down if tiled else min(down, height - i * down) for i in range(pieces)]
    compression = number(ifd, 259, 1)
    if compression in UNCOMPRESSED:
        _check_uncompressed(ifd, spans, across * samples, rows, kind)
    elif compression == LOSSLESS_JPEG:
        for i, (start, size) in enumerate(spans):
            seen = min(rows[i], height - i // math.ceil(width / across) * down) if tiled else rows[i]
            area = width, across, seen
            _check_jpeg(reach, start, size, area, f"{kind} {i + 1} of {pieces}", samples)
    if not tiled and pieces > 1 and compression not in UNCOMPRESSED:
        raise InputError("compressed in several strips, of which LibRaw reads only the first")


def _check_uncompressed(ifd: Ifd, spans: list[tuple[int, int]], across: int, rows: list[int], kind: str) -> None:
    row_bytes = (across * number(ifd, 258, 1) + 7) // 8
    for i, ((_, size), high) in enumerate(zip(spans, rows, strict=True)):
        if size < row_bytes * high:
            raise InputError(
                f"{kind} {i + 1} of {len(spans)} has {size} bytes, its pixels take {row_bytes * high}: "
                "the file is damaged or cut short"
            )
    together = all(a + row_bytes * high == b for (a, _), (b, _), high in zip(spans, spans[1:], rows, strict=False))
    if kind == "strip" and not together:
        raise InputError("its strips don't lie one after another, which LibRaw reads in wrong order")


def _check_jpeg(reach: Reach, start: int, size: int, area: tuple[int, int, int], what: str, samples: int) -> None:
    """A lossless JPEG must have as many samples as the rows that it fills; area: mosaic's width, piece's, its rows;
    samples: values a pixel."""
    frame = _frame(reach.data, start, size)
    if frame is None:
        raise InputError(f"{what} is no JPEG: the file is damaged or cut short")
    marker, high, wide, components = frame
    if marker != SOF3:
        return
    width, across, rows = area
    if high * wide * components < across * rows * samples:
        raise InputError(
            f"{what} has {high * wide * components} values of {across * rows * samples}: the file is incomplete"
        )
    if samples > 1:
        return
    if (across > width and wide * components != width) or (components > 1 and wide * components**2 == width):
        raise InputError("its tiles are of a width that LibRaw reads in wrong order")


def _frame(data: bytes, start: int, size: int) -> tuple[int, int, int, int] | None:
    """(marker, height, width, components) of a JPEG's frame header, or None."""
    if data[start : start + 2] != b"\xff\xd8":
        return None
    at, end = start + 2, start + size
    while at + 10 <= end and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            high, wide = (int.from_bytes(data[i : i + 2], "big") for i in (at + 5, at + 7))
            return marker, high, wide, data[at + 9]
        at += 2 + max(length, 2)
    return None
