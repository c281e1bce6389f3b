"""Fields of the header that are packed: black levels by site, transforms by tile."""

from __future__ import annotations

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.stream.header import LEVEL_UNIT


def pack_black(black: tuple[float, ...]) -> list[int]:
    """Black levels by site for the header."""
    units = [max(0, round(b * LEVEL_UNIT)) for b in black]
    return units[:1] if len(set(units)) == 1 else units


def pack_transforms(transforms: list[int]) -> bytes:
    """Transform by tile for the header."""
    if len(set(transforms)) == 1:
        return bytes([255 * transforms[0]])
    return np.packbits(np.array(transforms, np.uint8), bitorder="little").tobytes()


def unpack_transforms(data: bytes, count: int) -> list[int]:
    """Inverse of `pack_transforms`; `StreamError` for a wrong length."""
    if len(data) == 1 and data[0] in (0, 255):
        return [data[0] & 1] * count
    if len(data) != (count + 7) // 8:
        raise StreamError("the header names another number of tiles than the picture has")
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    if bits[count:].any():
        raise StreamError("the header names more tiles than the picture has")
    return [int(b) for b in bits[:count]]
