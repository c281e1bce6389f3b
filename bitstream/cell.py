"""Cell layouts other than Bayer's 2x2: how a sensor's values lie in the mosaic that is coded.

The codec knows cells of 2x2 sites and four planes. A layout is a table that puts the values of any other sensor into
such a mosaic, block by block, so that each plane is of one colour as far as that goes and lies near where it was:

::

    X-Trans    a block of 6x6 pixels becomes one of 6x6 sites: 9 of red's plane, 9 of blue's, 18 of green's two
    Quad-Bayer a block of 4x4 pixels becomes one of 4x4 sites, its colours 2x2 apart
    one colour, four colours of 2x2    as they are
    R, G, B of each pixel              a block of 2x2 sites: R G / G B

A value that stands in the table a second time, and what lies outside the picture where its last blocks are filled up,
is coded nowhere: such sites *repeat*. A block of the mosaic holds P x Q pixels where they have one value, else one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

COLOURS = "RGBCMYW"
"""By the numbers of TIFF/EP's CFAPattern."""

LARGEST = 16
SAMPLES = (1, 3, 4)
MOST_PIXELS = 1 << 29


@dataclass(frozen=True)
class CellLayout:
    """How a picture's values lie in a mosaic.

    height, width: in pixels; samples: values a pixel; rows, cols: of the cell, in pixels; colours: a letter of
    `COLOURS` for each of its values; order: of the colours in the DNG's matrices; block: rows and columns of a block of
    sites; places: for each of its sites the number of its value; donors: site of the block -> plane whose prediction it
    takes.
    """

    height: int
    width: int
    samples: int
    rows: int
    cols: int
    colours: str
    order: str
    block: tuple[int, int]
    places: tuple[int, ...]
    donors: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        wrong = self._wrong()
        if wrong:
            raise ValueError(f"cell layout: {wrong}")

    def _wrong(self) -> str:
        (p, q), one = self.block, self.samples == 1
        if self.samples not in SAMPLES or not 1 <= min(self.height, self.width) <= max(self.height, self.width) < 65536:
            return "samples or size out of range"
        if not 1 <= min(self.rows, self.cols) <= max(self.rows, self.cols) <= LARGEST:
            return "the cell is too large"
        if len(self.colours) != self.rows * self.cols * self.samples or set(self.colours) - set(COLOURS):
            return "colours"
        if len(self.order) > 4 or sorted(self.order) != sorted(set(self.colours)):
            return "the order of the colours"
        if p % 2 or q % 2 or not 2 <= min(p, q) <= max(p, q) <= LARGEST:
            return "the block's sides are not even or too large"
        holds = not (p % self.rows or q % self.cols) if one else self.block == (2, 2) and self.rows * self.cols == 1
        if not holds:
            return "the block does not hold whole cells"
        values = p * q if one else self.samples
        if len(self.places) != p * q or set(self.places) != set(range(values)):
            return "the table does not hold each value"
        if any(not 0 <= site < p * q or not 0 <= plane < 4 for site, plane in self.donors):
            return "donors"
        height, width = self.shape
        if height > 65536 or width > 65536 or height * width > MOST_PIXELS:
            return "too large"
        return ""

    @property
    def span(self) -> tuple[int, int]:
        """Rows and columns of pixels that a block holds."""
        return self.block if self.samples == 1 else (1, 1)

    @property
    def scale(self) -> int:
        """Sites a pixel, in either direction."""
        return 1 if self.samples == 1 else 2

    @property
    def size(self) -> tuple[int, ...]:
        """Shape of the values: (H, W), or (H, W, samples)."""
        return (self.height, self.width) if self.samples == 1 else (self.height, self.width, self.samples)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the mosaic."""
        (p, q), (u, v) = self.block, self.span
        return -(-self.height // u) * p, -(-self.width // v) * q

    @property
    def name(self) -> str:
        """For people: "6x6 sites of RGB", "one colour", "3 values a pixel"."""
        if self.samples > 1:
            return f"{self.samples} values a pixel"
        kinds = "".join(dict.fromkeys(self.colours))
        return "one colour" if len(kinds) == 1 else f"{self.rows}x{self.cols} sites of {kinds}"

    @functools.cached_property
    def moves(self) -> bool:
        """Whether sites lie elsewhere than their pixels."""
        return self.samples == 1 and self.places != tuple(range(len(self.places)))

    @functools.cached_property
    def _order(self) -> np.ndarray:
        return np.array(self.places, np.int64)

    @functools.cached_property
    def _firsts(self) -> np.ndarray:
        """The site of a block where each value is coded."""
        return np.array([self.places.index(n) for n in range(max(self.places) + 1)], np.int64)

    @functools.cached_property
    def whole(self) -> bool:
        """Whether no site repeats."""
        return len(set(self.places)) == len(self.places) and self.shape == (self.height, self.width)

    def fold(self, values: np.ndarray) -> np.ndarray:
        """The mosaic, uint16, of values of `size`; repeating sites have the value that they repeat, those outside the
        picture the one a cell before."""
        (u, v), (height, width) = self.span, self.shape
        down, across = -(-self.height // u) * u, -(-self.width // v) * v
        rows, cols = _within(down, self.height, self.rows), _within(across, self.width, self.cols)
        if down != self.height or across != self.width:
            values = values[np.ix_(rows, cols)]
        blocks = values.reshape(down // u, u, across // v, v, self.samples).swapaxes(1, 2)
        blocks = blocks.reshape(down // u, across // v, -1)[..., self._order]
        p, q = self.block
        blocks = blocks.reshape(down // u, across // v, p, q).swapaxes(1, 2)
        return np.ascontiguousarray(blocks.reshape(height, width))

    def unfold(self, mosaic: np.ndarray) -> np.ndarray:
        """The values, of `size`, of a mosaic; of any type."""
        (p, q), (u, v), (height, width) = self.block, self.span, self.shape
        blocks = mosaic.reshape(height // p, p, width // q, q).swapaxes(1, 2).reshape(height // p, width // q, -1)
        blocks = blocks[..., self._firsts].reshape(height // p, width // q, u, v, self.samples).swapaxes(1, 2)
        whole = blocks.reshape(height // p * u, width // q * v, self.samples)[: self.height, : self.width]
        return np.ascontiguousarray(whole.reshape(self.size))

    def settled(self, mosaic: np.ndarray) -> np.ndarray:
        """A mosaic whose repeating sites have what they repeat."""
        return mosaic if self.whole else self.fold(self.unfold(mosaic))

    def moved(self, sites: np.ndarray) -> np.ndarray:
        """What lies at the pixels' places, (n P, m Q), as the sites have it."""
        if not self.moves:
            return sites
        p, q = self.block
        n, m = sites.shape[0] // p, sites.shape[1] // q
        blocks = sites.reshape(n, p, m, q).swapaxes(1, 2).reshape(n, m, -1)[..., self._order]
        return np.ascontiguousarray(blocks.reshape(n, m, p, q).swapaxes(1, 2).reshape(n * p, m * q))

    def cells_of(self, top: int, left: int, height: int, width: int) -> tuple[int, int, int, int]:
        """The 2x2 cells that hold a part of the pixels: top, left, bottom, right, of whole blocks."""
        (p, q), (u, v) = self.block, self.span
        first, last = (top // u, left // v), (-(-(top + height) // u), -(-(left + width) // v))
        return first[0] * p // 2, first[1] * q // 2, last[0] * p // 2, last[1] * q // 2

    def part(self, top: int, left: int, height: int, width: int) -> CellLayout:
        """The layout of a part of the pixels, whose values lie as they do in the picture."""
        if self.samples > 1:
            return replace(self, height=height, width=width)
        rows = [self.colours[r * self.cols : (r + 1) * self.cols] for r in range(self.rows)]
        turned = [row[left % self.cols :] + row[: left % self.cols] for row in rows]
        colours = "".join(turned[(r + top) % self.rows] for r in range(self.rows))
        places = tuple(range(self.block[0] * self.block[1]))
        return replace(self, height=height, width=width, colours=colours, places=places, donors=())

    def coded(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Which sites of cells at rows and columns, which may lie outside, are coded: bool (4, ...)."""
        shape = np.broadcast_shapes(np.shape(rows), np.shape(cols))
        if self.whole:
            inside = (np.asarray(rows) < self.shape[0] // 2) & (np.asarray(cols) < self.shape[1] // 2)
            return np.broadcast_to(inside, (4, *shape))
        (p, q), (u, v) = self.block, self.span
        first = self._firsts[self._order] == np.arange(p * q)
        down, across = (np.array(self.places) // self.samples // v, np.array(self.places) // self.samples % v)
        out = np.empty((4, *shape), np.bool_)
        for k in range(4):
            r, c = 2 * np.asarray(rows) + k // 2, 2 * np.asarray(cols) + k % 2
            site = r % p * q + c % q
            there = (r // p * u + down[site] < self.height) & (c // q * v + across[site] < self.width)
            out[k] = first[site] & there
        return out

    def predicted(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Which sites of cells at rows and columns are coded and have their own plane's prediction: bool (4, ...)."""
        out = np.array(self.coded(rows, cols))
        for k, i, j, _ in self.lent:
            out[k] &= (np.asarray(rows) % (self.block[0] // 2) != i) | (np.asarray(cols) % (self.block[1] // 2) != j)
        return out

    @functools.cached_property
    def lent(self) -> tuple[tuple[int, int, int, int], ...]:
        """Donors: plane, row and column of the 2x2 cell in the block, the plane whose prediction the site has."""
        _, q = self.block
        return tuple((s // q % 2 * 2 + s % 2, s // q // 2, s % q // 2, plane) for s, plane in self.donors)

    def of_planes(self) -> str:
        """The colour that most sites of each plane have."""
        p, q = self.block
        colours = self.of_sites()
        out = ""
        for k in range(4):
            own = [colours[r * q + c] for r in range(k // 2, p, 2) for c in range(k % 2, q, 2)]
            out += max(dict.fromkeys(own), key=own.count)
        return out

    def of_sites(self) -> str:
        """Colour of each site of a block."""
        if self.samples > 1:
            return "".join(self.colours[n] for n in self.places)
        _, q = self.block
        return "".join(self.colours[n // q % self.rows * self.cols + n % q % self.cols] for n in self.places)


def _within(count: int, length: int, period: int) -> np.ndarray:
    """Places 0 .. count - 1 along a length; past its end those whole periods before, or the last."""
    at = np.arange(count)
    over = np.maximum(-(-(at - length + 1) // period), 0)
    return np.where((at - over * period < 0) | (over == 0), np.minimum(at, length - 1), at - over * period)
