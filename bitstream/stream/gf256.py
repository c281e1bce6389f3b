"""Spare pieces of bytes by a Reed-Solomon code over GF(2^8), piece by piece (docs/bitstream.md, 2.8).

Of pieces of one size, numbers 0 to k - 1 are the bytes themselves, and any k of all that there are give every other
one: the byte at a place is P(x_n) of piece n, P of degree below k (Reed and Solomon 1960, read off by Lagrange's
formula). The same numbers as `zfec`'s, which is faster, and which `bitstream.jpeg.parity` writes by.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

MOST = 256  # pieces of one code
POLYNOMIAL = 0x11D


def _powers() -> list[int]:
    powers = [1]
    while len(powers) < 255:
        doubled = powers[-1] << 1
        powers.append(doubled ^ POLYNOMIAL if doubled > 255 else doubled)
    return powers


POWERS = np.array(_powers() * 2, np.uint8)
LOGS = np.zeros(256, np.int64)
LOGS[POWERS[:255]] = np.arange(255)


def piece(number: int, have: Mapping[int, bytes]) -> bytes:
    """Piece `number` of a code, from as many pieces of one size as it has that hold data; numbers below `MOST`."""
    out = np.zeros(len(next(iter(have.values()))), np.uint8)
    own = _point(number)
    for i, data in have.items():
        if i == number:
            return data
        factor = 0
        for j in have:
            if j != i:
                factor += int(LOGS[own ^ _point(j)] - LOGS[_point(i) ^ _point(j)])
        values = np.frombuffer(data, np.uint8)
        out ^= np.where(values > 0, POWERS[(LOGS[values] + factor) % 255], 0).astype(np.uint8)
    return out.tobytes()


def _point(number: int) -> int:
    return int(POWERS[number - 1]) if number else 0
