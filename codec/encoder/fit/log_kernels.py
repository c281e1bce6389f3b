"""Bits of residuals, about, for the encoder's choices."""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled

TOGETHER = 8
"""Factors whose logarithm is taken at once: they may be up to 2^127."""


@compiled
def _sums(x, out):
    rows, n = x.shape
    for i in range(rows):
        total = 0.0
        for left in range(0, n, TOGETHER):
            product = 1.0
            for j in range(left, min(left + TOGETHER, n)):
                v = np.float64(x[i, j])
                product *= 1.0 + 3.0 * v * v
            total += np.log2(product)
        out[i] = total


def sum_of_logs(x: np.ndarray) -> np.ndarray:
    """Sums over the last axis of log2(1 + 3 x^2), float64, of float32 (..., n)."""
    out = np.empty(x.shape[:-1])
    _sums(np.ascontiguousarray(x).reshape(-1, x.shape[-1]), out.reshape(-1))
    return out
