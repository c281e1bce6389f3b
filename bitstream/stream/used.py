"""Section USED: the values that each plane uses, where the planes differ in them.

Cameras that multiply red and blue for the white balance before they round (or scale them by other curves) leave gaps
in these planes that the others don't have.

========  ==================================================================================================
bytes     meaning
========  ==================================================================================================
u8        which list each plane has: two bits for R, G1, G2, B each, from the low end. Numbers are given out
          in the order of the planes: a plane has a list of those before it, or the next number
each      list: varint length, then so many bytes, a set of values as `values` of the header packs them
========  ==================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import StreamError
from .fields import Reader, write_varint
from .header import pack_values, unpack_values

PLANES = 4


@dataclass(frozen=True, eq=False)
class UsedValues:
    """The values that planes use, DN: int64 arrays, ascending, of R, G1, G2, B."""

    planes: tuple[np.ndarray, ...]

    def to_bytes(self) -> bytes:
        """The section."""
        lists: list[bytes] = []
        which = 0
        for k, values in enumerate(self.planes):
            packed = pack_values(values)
            if packed not in lists:
                lists.append(packed)
            which |= lists.index(packed) << (2 * k)
        return bytes([which]) + b"".join(write_varint(len(packed)) + packed for packed in lists)

    @classmethod
    def from_bytes(cls, data: bytes, top: int) -> UsedValues:
        """Inverse of `to_bytes` for a mosaic of values up to `top`; `StreamError` where the bytes are no such section.
        """
        reader = Reader(data, "the values by plane")
        which = reader.number(1, "lists")
        numbers = [which >> (2 * k) & 3 for k in range(PLANES)]
        if any(n > max(numbers[:k], default=-1) + 1 for k, n in enumerate(numbers)):
            raise StreamError("the values by plane: lists are out of order")
        lists = [
            unpack_values(reader.take(reader.varint("length"), "a list"), top) for _ in range(max(numbers) + 1)
        ]
        if reader.remaining:
            raise StreamError("the values by plane have a tail that does not belong there")
        return cls(tuple(lists[n] for n in numbers))
