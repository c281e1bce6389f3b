"""Values that the mosaic's numbers of 16 bits stand for, where these are not themselves the values.

Floating-point numbers are counted by size: a positive one's bits are a whole number that grows with it, a negative
one's shrink. Where more than 16 bits of that count are in use, the mosaic has the highest ones, and the others stand
beside it, if they are kept. Whole numbers of a sensor whose black level is below 0 are moved up. 
A number n stands for n + base; of floating-point values, for the one of rank n 2^s + base + its low bits, or half of
2^s where they are not kept. The rank of a value is its bits with the sign set if it is clear, else all of them
inverted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .rect import Rect

WHOLE = 0
BITS = (WHOLE, 16, 32)
Four = tuple[float, float, float, float]


@dataclass(frozen=True)
class Levels:
    """bits: of the values, 0 for whole numbers; shift, base: of a number's rank; white, black: of the values, black by
    the four sites; low: the low bits of the mosaic's numbers, as it lies, where they are kept."""

    bits: int
    shift: int
    base: int
    white: float
    black: Four
    low: np.ndarray | None = field(default=None, repr=False)

    @property
    def floating(self) -> bool:
        """Whether the values are floating-point numbers."""
        return self.bits != WHOLE

    @property
    def numbers(self) -> tuple[Four, int]:
        """The black levels and the white level as numbers of the mosaic, of floating-point ones the nearest below."""
        black = (self._number(self.black[0]), self._number(self.black[1]), self._number(self.black[2]),
                 self._number(self.black[3]))  # fmt: skip
        return black, int(min(max(self._number(self.white), max(black) + 1), 65535))

    def _number(self, value: float) -> float:
        if not self.floating:
            return value - self.base
        kind, bits = (np.float16, np.uint16) if self.bits == 16 else (np.float32, np.uint32)
        rank = int(ranks(np.array([value], kind).view(bits))[0])
        return float(min(max((rank - self.base) >> self.shift, 0), 65535))

    @property
    def kept(self) -> bool:
        """Whether the mosaic's numbers tell the values whole."""
        return not self.shift or self.low is not None

    def values(self, mosaic: np.ndarray) -> np.ndarray:
        """What a mosaic's numbers stand for: uint16, float16 or float32."""
        if not self.floating:
            return np.clip(mosaic.astype(np.int64) + self.base, 0, 65535).astype(np.uint16)
        rank = (mosaic.astype(np.int64) << self.shift) + self.base
        rank += self.low if self.low is not None else (1 << self.shift) >> 1
        return of_rank(np.clip(rank, 0, (1 << self.bits) - 1), self.bits)

    def part(self, part: Rect, sites: Sequence[int]) -> Levels:
        """Those of a part of the mosaic, whose first four sites are these of its first four."""
        low = None if self.low is None else self.low[part.slices]
        four = [self.black[k] for k in sites]
        return replace(self, black=(four[0], four[1], four[2], four[3]), low=low)

    def renumbered(self, values: np.ndarray) -> np.ndarray:
        """Numbers, uint16, of values that were counted otherwise; `values`' inverse but for low bits."""
        if self.floating:
            bits = values.view(np.uint16 if values.dtype.itemsize == 2 else np.uint32)
            number = (ranks(bits) - self.base) >> self.shift
        else:
            number = values.astype(np.int64) - self.base
        return np.clip(number, 0, 65535).astype(np.uint16)


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of floating-point values, given as their bits, uint16 or uint32: int64."""
    bits = 8 * values.dtype.itemsize
    one = np.int64(1) << (bits - 1)
    wide = values.astype(np.int64)
    return np.where(wide & one, (2 * one - 1) ^ wide, wide | one)


def of_rank(rank: np.ndarray, bits: int) -> np.ndarray:
    """The values of ranks: float16 or float32."""
    one = np.int64(1) << (bits - 1)
    found = np.where(rank & one, rank ^ one, (2 * one - 1) ^ rank)
    return found.astype(np.uint16).view(np.float16) if bits == 16 else found.astype(np.uint32).view(np.float32)


def counted(values: np.ndarray) -> tuple[np.ndarray, Levels]:
    """(numbers, uint16, of the shape of the values; what they stand for, its low bits in that shape, its white and
    black levels 1 and 0) of float16 or float32 values."""
    size = 8 * values.dtype.itemsize
    rank = ranks(np.ascontiguousarray(values).view(np.uint16 if size == 16 else np.uint32))
    base = int(rank.min())
    shift = max(0, int(int(rank.max()) - base).bit_length() - 16)
    number, low = (rank - base) >> shift, (rank - base) & ((1 << shift) - 1)
    return number.astype(np.uint16), Levels(size, shift, base, 1.0, (0.0,) * 4, low if shift else None)
