"""Section CELL: a cell layout (`bitstream.cell`) in a stream.

=========  ===========================================================================================================
bytes      meaning
=========  ===========================================================================================================
u8         values a pixel: 1, 3 or 4
varint     rows of pixels
varint     columns of pixels
u8, u8     rows and columns of the cell, pixels, 1..16; 1, 1 where a pixel has several values
each       its colours, a byte each, pixel by pixel and in a pixel value by value, as TIFF/EP's CFAPattern: 0 red,
           1 green, 2 blue, 3 cyan, 4 magenta, 5 yellow, 6 white
u8         how many colours there are, 1..4
each       these, a byte each, in the order that the DNG's colour matrices count them
u8, u8     rows P and columns Q of a block of the mosaic's sites, even, 2..16; 2, 2 where a pixel has several values,
           else multiples of the cell's
P Q        the table, sites row by row: which of the block's values each site has, a byte each, counted as the colours
           are
varint     how many donors follow
each       u8 site, u8 plane: the site's prediction is that of this plane in the same 2x2 cell
=========  ===========================================================================================================
"""

from __future__ import annotations

from ..cell import COLOURS, CellLayout
from ..errors import StreamError
from .fields import Reader, write_varint


def cell_bytes(cell: CellLayout) -> bytes:
    """The section."""
    head = bytes([cell.samples]) + write_varint(cell.height) + write_varint(cell.width)
    own = bytes([cell.rows, cell.cols, *map(COLOURS.index, cell.colours)])
    own += bytes([len(cell.order), *map(COLOURS.index, cell.order)])
    table = bytes([*cell.block, *cell.places]) + write_varint(len(cell.donors))
    return head + own + table + bytes(n for pair in cell.donors for n in pair)


def read_cell(data: bytes) -> CellLayout:
    """Inverse of `cell_bytes`; `StreamError` where the bytes are no layout."""
    reader = Reader(data, "the cell layout")
    samples, height, width = reader.number(1, "samples"), reader.varint("height"), reader.varint("width")
    rows, cols = reader.number(1, "rows"), reader.number(1, "columns")
    colours = reader.take(rows * cols * samples, "colours")
    order = reader.take(reader.number(1, "colours"), "the order of the colours")
    block = reader.number(1, "rows of a block"), reader.number(1, "columns of a block")
    places = tuple(reader.take(block[0] * block[1], "the table"))
    pairs = reader.take(2 * reader.varint("donors"), "donors")
    if reader.remaining or max(*colours, *order, 0, 0) >= len(COLOURS):
        raise StreamError("the cell layout is damaged")
    try:
        return CellLayout(
            height, width, samples, rows, cols, "".join(COLOURS[c] for c in colours),
            "".join(COLOURS[c] for c in order), block, places, tuple(zip(pairs[::2], pairs[1::2], strict=True)),
        )  # fmt: skip
    except ValueError as error:
        raise StreamError(f"the stream's {error}") from None
