"""Spare pieces of bytes by a Reed-Solomon code over GF(2^8), piece by piece (docs/bitstream.md, 2.8).

Of pieces of one size, numbers 0 to k - 1 are the bytes themselves, and any k of all that there are give every other
one: the byte at a place is P(x_n) of piece n, P of degree below k (Reed and Solomon 1960, read off by Lagrange's
formula). These are the numbers of the package `zfec`, which does it where it is installed, some ten times as fast.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence

MOST = 256  # pieces of one code
POLYNOMIAL = 0x11D


def _powers() -> list[int]:
    powers = [1]
    while len(powers) < 255:
        doubled = powers[-1] << 1
        powers.append(doubled ^ POLYNOMIAL if doubled > 255 else doubled)
    return powers


POWERS = _powers()
LOGS = {value: n for n, value in enumerate(POWERS)}


def has_zfec() -> bool:
    """Whether `zfec` is installed."""
    return importlib.util.find_spec("zfec") is not None


def spare(data: Sequence[bytes], count: int) -> list[bytes]:
    """So many pieces more for pieces of one size, `MOST` in all at most."""
    numbers = list(range(len(data), len(data) + count))
    if not numbers or not has_zfec():
        return [piece(n, dict(enumerate(data))) for n in numbers]
    import zfec

    found: list[bytes] = zfec.Encoder(len(data), len(data) + count).encode(data, numbers)
    return found


def solved(have: Mapping[int, bytes], count: int) -> list[bytes]:
    """The `count` pieces that hold data, from at least as many pieces by number."""
    numbers = sorted(have)[:count]
    if not has_zfec():
        some = {n: have[n] for n in numbers}
        return [piece(n, some) for n in range(count)]
    import zfec

    # zfec wants data units at their own places.
    places: list[int | None] = [n if n in numbers else None for n in range(count)]
    others = iter(n for n in numbers if n >= count)
    order = [n if n is not None else next(others) for n in places]
    most = max(order) + 1 if max(order) >= count else count
    found: list[bytes] = zfec.Decoder(count, most).decode([have[n] for n in order], order)
    return found


def piece(number: int, have: Mapping[int, bytes]) -> bytes:
    """Piece `number`, from as many pieces as hold data; without `zfec`."""
    if number in have:
        return have[number]
    own, total, size = _point(number), 0, len(next(iter(have.values())))
    for i, data in have.items():
        factor = sum(LOGS[own ^ _point(j)] - LOGS[_point(i) ^ _point(j)] for j in have if j != i)
        times = bytes([0, *(POWERS[(LOGS[value] + factor) % 255] for value in range(1, 256))])
        total ^= int.from_bytes(data.translate(times), "little")
    return total.to_bytes(size, "little")


def _point(number: int) -> int:
    return POWERS[number - 1] if number else 0
