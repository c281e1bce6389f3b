"""A guide of the stream's own, and where it stands for the JPEG: section GATE.

Where the JPEG doesn't show what the RAW has - beyond its edges, under a frame, where somebody retouched it - it says
nothing, or what is wrong. There a small rendering of the RAW itself is the guide, which lies in the stream; in all of
the picture, where the JPEG is of no use at all. The section:

==========================  ==========================================================================================
bytes                       meaning
==========================  ==========================================================================================
u8                          logarithm of the sites that a pixel of the own guide is wide and high, 1..4
u8                          logarithm of the blocks' side in cells, 3..10; 0: there are no blocks, the own guide
                            is the guide everywhere
varint, bytes               the own guide: a JPEG of the kinds that `bitstream.jpeg.planes` reads
varint, bytes               with blocks: the recipe for it, as section RECP, hand-made features alone
the rest                    with blocks: raw deflate (RFC 1951) of which blocks have the own guide, a bit each, row by
                            row, from the low end of each byte; then zeros to a whole byte
==========================  ==========================================================================================

Without blocks, recipe and corrections of the stream are for the own guide. `codec.encoder.gate_writer` writes it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import InputError, StreamError, UnsupportedError
from ...bitstream.jpeg.frame import Picture
from ...bitstream.jpeg.planes import decode_planes
from ...bitstream.stream.fields import Reader
from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from ..guide.guide import LaidGuide
from ..mosaic.layout import Layout
from .corrections import MOST_BLOCKS, grid
from .recipe import Recipe

MOST_SCALE = 4
LEAST_SIDE, MOST_SIDE = 3, 10
LEAST_PIXELS = 8
"""Rows and columns that a JPEG has at least."""


@dataclass(frozen=True)
class Blocks:
    """Where the own guide stands. side: of a block in cells; own: bool (rows, columns of blocks); recipe: for it."""

    side: int
    own: np.ndarray
    recipe: Recipe

    def at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Whether cells have the own guide, bool, as rows and cols broadcast; a cell outside is as the nearest one."""
        down, across = (np.minimum(n // self.side, m - 1) for n, m in zip((rows, cols), self.own.shape, strict=True))
        return np.asarray(self.own[down, across])


@dataclass(frozen=True)
class Gate:
    """scale: logarithm of the sites that a pixel is wide; picture: a JPEG; blocks: None where it stands everywhere."""

    scale: int
    picture: bytes
    blocks: Blocks | None = None

    def guide(self, layout: Layout) -> LaidGuide:
        """The own guide over a mosaic. `StreamError` where there is none or it is of another size."""
        try:
            parsed = Picture(self.picture)
            if (parsed.height, parsed.width) != pixels(layout, self.scale):
                raise StreamError("the stream's own guide is of another size than its mosaic has")
            planes = decode_planes(self.picture)
        except (InputError, UnsupportedError) as error:
            raise StreamError(f"the stream's own guide: {error}") from error
        return LaidGuide(planes, lies(layout, self.scale), (layout.height, layout.width), layout.origin, layout.cell)

    @classmethod
    def from_bytes(cls, data: bytes, cells: tuple[int, int]) -> Gate:
        """That of a section of a picture of so many rows and columns of cells; `StreamError` where it is none."""
        reader = Reader(data, "the gate")
        scale, log_side = reader.number(1, "scale"), reader.number(1, "side")
        if not 1 <= scale <= MOST_SCALE or (log_side and not LEAST_SIDE <= log_side <= MOST_SIDE):
            raise StreamError("the gate's scale or side is out of range")
        picture = reader.take(reader.varint("length"), "the own guide")
        if not log_side:
            if reader.remaining:
                raise StreamError("the gate has a tail that does not belong there")
            return cls(scale, picture)
        recipe = Recipe.from_bytes(reader.take(reader.varint("length"), "a recipe"))
        side = 1 << log_side
        rows, columns = grid(cells, side)
        if rows * columns > MOST_BLOCKS:
            raise StreamError("the gate has more blocks than are allowed")
        own = _unpacked(reader.take(reader.remaining, "blocks"), rows * columns).reshape(rows, columns)
        return cls(scale, picture, Blocks(side, own, recipe))


def _unpacked(data: bytes, count: int) -> np.ndarray:
    inflate, wanted = zlib.decompressobj(-15), (count + 7) // 8
    try:
        plain = inflate.decompress(data, wanted + 1)
    except zlib.error as error:
        raise StreamError("the gate's blocks are damaged") from error
    bits = np.unpackbits(np.frombuffer(plain, np.uint8), bitorder="little")
    if not inflate.eof or inflate.unused_data or len(plain) != wanted or bits[count:].any():
        raise StreamError("the gate is for another number of blocks")
    return bits[:count].astype(bool)


def pixels(layout: Layout, scale: int) -> tuple[int, int]:
    """Rows and columns of an own guide."""
    h, w = layout.cells
    side = 1 << (scale - 1)
    return max(-(-h // side), LEAST_PIXELS), max(-(-w // side), LEAST_PIXELS)


def lies(layout: Layout, scale: int) -> Geometry:
    """How an own guide lies over its mosaic: its first pixel over the first cells."""
    sites, unit = 1 << scale, 1 << POSITION_BITS
    top, left = ((2 * before - (sites - 1)) * unit // (2 * sites) for before in layout.origin)
    return Geometry(1, (top, left), (1 << (SCALE_BITS - scale),) * 2)
