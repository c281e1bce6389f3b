"""Adaptive Golomb-Rice coding of small arrays of whole numbers: the model's parameters, not the picture.

Each value is mapped to a non-negative number (zigzag) and written as a unary quotient and ``k`` raw bits; ``k``
follows a running mean of what was written, as in JPEG-LS (ITU-T T.87, A.5). A quotient of `LIMIT` announces a raw
32-bit value, so that no hostile stream can make the reader run away. Deterministic, a few hundred values per picture:
plain Python.

::

    value = zigzag(v);  k = max(0, floor(log2(mean)))
    value >> k <  LIMIT:  (value >> k) ones, a zero, k low bits
    else:                 LIMIT ones, 32 bits
"""

from __future__ import annotations

from collections.abc import Iterable

from ..bitstream.errors import StreamError

LIMIT = 24
START = 8
WINDOW = 12


def _zigzag(v: int) -> int:
    return 2 * v if v >= 0 else -2 * v - 1


def _unzigzag(v: int) -> int:
    return v >> 1 if not v & 1 else -((v + 1) >> 1)


class _Mean:
    """Running mean of coded values, as sum over a sliding count."""

    def __init__(self) -> None:
        self.total, self.count = START, 2

    def k(self) -> int:
        return max(0, (self.total // self.count).bit_length() - 1)

    def add(self, value: int) -> None:
        self.total += min(value, 1 << 24)
        self.count += 1
        if self.count > WINDOW:
            self.total, self.count = (self.total + 1) >> 1, self.count >> 1


class GolombWriter:
    """Collects values; `to_bytes` pads with zero bits to whole bytes."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def write(self, values: Iterable[int]) -> None:
        """Write an array of signed values, |v| < 2^31, with a mean of its own."""
        mean = _Mean()
        for v in values:
            value, k = _zigzag(int(v)), mean.k()
            if value >= 1 << 32:
                raise ValueError(f"parameter {v} does not fit 32 bits")
            if value >> k < LIMIT:
                self._bits.append("1" * (value >> k) + "0" + (f"{value & ((1 << k) - 1):0{k}b}" if k else ""))
            else:
                self._bits.append("1" * LIMIT + f"{value:032b}")
            mean.add(value)

    def to_bytes(self) -> bytes:
        bits = "".join(self._bits)
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


class GolombReader:
    """Reads what `GolombWriter` wrote; `StreamError` where the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self._bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
        self._at = 0

    def _take(self, n: int) -> int:
        part = self._bits[self._at : self._at + n]
        if len(part) < n:
            raise StreamError("the stream's parameters end too early")
        self._at += n
        return int(part, 2) if n else 0

    def read(self, count: int) -> list[int]:
        """Read `count` signed values."""
        mean, out = _Mean(), []
        for _ in range(count):
            k, quotient = mean.k(), 0
            while quotient < LIMIT and self._take(1):
                quotient += 1
            value = (quotient << k) | self._take(k) if quotient < LIMIT else self._take(32)
            mean.add(value)
            out.append(_unzigzag(value))
        return out

    def finish(self) -> None:
        """Check that nothing but padding is left."""
        rest = self._bits[self._at :]
        if len(rest) >= 8 or "1" in rest:
            raise StreamError("the stream's parameters have a tail that does not belong there")
