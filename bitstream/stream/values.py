"""Section LEVL: what the mosaic's numbers stand for (`bitstream.levels`) in a stream.

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
"""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np

from ..errors import StreamError
from ..levels import BITS, Levels
from .fields import Reader, unzigzag, write_varint, zigzag


def levels_bytes(levels: Levels) -> bytes:
    """The section."""
    head = bytes([levels.bits, levels.shift]) + write_varint(zigzag(levels.base))
    head += struct.pack("<5d", levels.white, *levels.black)
    if levels.low is None or not levels.shift:
        return head
    planes = [levels.low & 0xFF] + ([levels.low >> 8] if levels.shift > 8 else [])
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return head + b"".join(packer.compress(p.astype(np.uint8).tobytes()) for p in planes) + packer.flush()


def read_levels(data: bytes, shape: tuple[int, int]) -> Levels:
    """Inverse of `levels_bytes` for a mosaic of a shape; `StreamError` where the bytes are no such section."""
    reader = Reader(data, "the levels")
    bits, shift = reader.number(1, "bits"), reader.number(1, "shift")
    base = unzigzag(reader.varint("base"))
    white, *black = struct.unpack("<5d", reader.take(40, "levels"))
    if bits not in BITS or shift > (16 if bits else 0) or not all(map(math.isfinite, (white, *black))):
        raise StreamError("the levels' section is out of range")
    if not -65535 <= base <= (1 << 32 if bits else 0) or (bits and base < 0):
        raise StreamError("the levels' base is out of range")
    low = _low(reader.take(reader.remaining, "low bits"), shift, shape) if reader.remaining else None
    return Levels(bits, shift, base, white, (black[0], black[1], black[2], black[3]), low)


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
    return np.asarray(low, np.int64)
