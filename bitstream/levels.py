"""Values that the mosaic's numbers of 16 bits stand for, where these are not themselves the values. Section LEVL.

Floating-point numbers are counted by size: a positive one's bits are a whole number that grows with it, a negative
one's shrink. Where more than 16 bits of that count are in use, the mosaic has the highest ones, and the others stand
beside it, if they are kept. Whole numbers of a sensor whose black level is below 0 are moved up. The section:

=========  ===========================================================================================================
bytes      meaning
=========  ===========================================================================================================
u8         bits of the values: 0 whole numbers, 16 or 32 floating point (IEEE 754)
u8         shift s, 0..16; 0 for whole numbers
svarint    base
5 float64  white level, and black level of the four sites of the first 2x2, of the values
the rest   where s is above 0 and the values are kept whole: raw deflate (RFC 1951) of the low s bits of each number,
           as bytes: the low bytes of all, in the mosaic's order, then for s above 8 their high bytes
=========  ===========================================================================================================

A number n stands for n + base; of floating-point values, for the one of rank n 2^s + base + its low bits, or half of
2^s where they are not kept. The rank of a value is its bits with the sign set if it is clear, else all of them
inverted.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .errors import StreamError
from .rect import Rect
from .stream.fields import Reader, unzigzag, write_varint, zigzag

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

    def to_bytes(self) -> bytes:
        """The section."""
        head = bytes([self.bits, self.shift]) + write_varint(zigzag(self.base))
        head += struct.pack("<5d", self.white, *self.black)
        if self.low is None or not self.shift:
            return head
        planes = [self.low & 0xFF] + ([self.low >> 8] if self.shift > 8 else [])
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return head + b"".join(packer.compress(p.astype(np.uint8).tobytes()) for p in planes) + packer.flush()

    @classmethod
    def from_bytes(cls, data: bytes, shape: tuple[int, int]) -> Levels:
        """Inverse of `to_bytes` for a mosaic of a shape; `StreamError` where the bytes are no such section."""
        reader = Reader(data, "the levels")
        bits, shift = reader.number(1, "bits"), reader.number(1, "shift")
        base = unzigzag(reader.varint("base"))
        white, *black = struct.unpack("<5d", reader.take(40, "levels"))
        if bits not in BITS or shift > (16 if bits else 0) or not all(map(math.isfinite, (white, *black))):
            raise StreamError("the levels' section is out of range")
        if not -65535 <= base <= (1 << 32 if bits else 0) or (bits and base < 0):
            raise StreamError("the levels' base is out of range")
        low = None
        if reader.remaining:
            low = _low(reader.take(reader.remaining, "low bits"), shift, shape)
        return cls(bits, shift, base, white, (black[0], black[1], black[2], black[3]), low)


def _low(data: bytes, shift: int, shape: tuple[int, int]) -> np.ndarray:
    count, size = shape[0] * shape[1], (shift + 7) // 8
    inflate = zlib.decompressobj(-15)
    try:
        plain = inflate.decompress(data, count * size + 1)
    except zlib.error:
        plain = b""
    if not inflate.eof or inflate.unused_data or len(plain) != count * size or not size:
        raise StreamError("the low bits of the levels are damaged")
    planes = np.frombuffer(plain, np.uint8).reshape(size, *shape).astype(np.int64)
    low = planes[0] + (planes[1] << 8 if size > 1 else 0)
    if low.max(initial=0) >> shift:
        raise StreamError("the low bits of the levels are damaged")
    return low.astype(np.int64)


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
