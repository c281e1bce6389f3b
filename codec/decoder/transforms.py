"""Which transform each tile has, as the header holds it."""

from __future__ import annotations

import numpy as np

from ...bitstream.errors import StreamError


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
