"""Per-picture parameters of the stages: how the mean and the scale mix what is decoded around.

======================  =====================================================================
part of PARM            coding (entropy.golomb)
======================  =====================================================================
for each of 16 stages   mean coefficients, signed, in 1/512: as many as `order.near_count`
for each of 16 stages   scale's weights, codes of `WEIGHTS`: as many as `order.context_count`
======================  =====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import StreamError
from ...entropy.golomb import GolombReader, GolombWriter
from . import order

MEAN_LIMIT = 1 << 12

WEIGHTS = np.array([*range(16)] + [m << e for e in range(1, 14) for m in range(8, 16)], dtype=np.int64)
"""Weights of the scale: whole numbers with three bits after the leading one, 0 .. 15 * 2^13."""


@dataclass
class Params:
    """mean: per stage int64 (near_count,), 1/512; weight: per stage int64 (context_count,), codes into `WEIGHTS`."""

    transform: int
    mean: list[np.ndarray]
    weight: list[np.ndarray]

    def to_bytes(self) -> bytes:
        out = GolombWriter()
        for values in self.mean:
            out.write(values)
        for values in self.weight:
            out.write(values)
        return out.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes, transform: int, activities: int) -> Params:
        """Inverse of `to_bytes`; `StreamError` where a value is out of range."""
        bits = GolombReader(data)
        places = [(stage // 4, stage % 4) for stage in range(16)]
        mean = [np.array(bits.read(order.near_count(n, t, transform)), np.int64) for n, t in places]
        weight = [np.array(bits.read(order.context_count(n, t, transform, activities)), np.int64) for n, t in places]
        bits.finish()
        if any(np.abs(m).max(initial=0) > MEAN_LIMIT for m in mean):
            raise StreamError("a stage's mean coefficients are out of range")
        if any(w.min() < 0 or w.max() >= len(WEIGHTS) for w in weight):
            raise StreamError("a stage's weights of the scale are out of range")
        return cls(transform, mean, weight)


def nearest_weight(value: np.ndarray) -> np.ndarray:
    """Codes of the weights nearest to non-negative real values."""
    middle = (WEIGHTS[1:] + WEIGHTS[:-1]) / 2
    return np.searchsorted(middle, value).astype(np.int64)
