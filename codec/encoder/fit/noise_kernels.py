# mypy: no-check-untyped-defs
"""Blocks of a plane, looked at for their noise: means and second differences, of one plane or of two alike."""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled

SIDE, PART = 16, 4  # a block has as many parts as rows
"""Sites of a block, and of the parts whose means tell how flat it is."""

BLOCK, PAIR = 4, 7
"""Numbers of a block, and of a block of two planes."""


@compiled
def _second(block, sums):
    """Variance of white noise that second differences along rows and columns of a block tell; sums: float64 (`SIDE`,)
    to work in. Columns are summed side by side, so that the compiler may use vectors."""
    for j in range(SIDE):
        sums[j] = 0.0
    for i in range(SIDE):
        row = block[i]
        for j in range(1, SIDE - 1):
            d = row[j - 1] + row[j + 1] - 2.0 * row[j]
            sums[j] += d * d
    for i in range(1, SIDE - 1):
        above, row, below = block[i - 1], block[i], block[i + 1]
        for j in range(SIDE):
            d = above[j] + below[j] - 2.0 * row[j]
            sums[j] += d * d
    return _sum(sums) / (12.0 * SIDE * (SIDE - 2))


@compiled
def _sum(row):
    total = 0.0
    for j in range(SIDE):
        total += row[j]
    return total


@compiled
def _copied(plane, top, left, block):
    for i in range(SIDE):
        for j in range(SIDE):
            block[i, j] = plane[top + i, left + j]


@compiled
def of_blocks(plane, thin, out):
    """Into out, float64 (n, m, `BLOCK`), of every thin-th block: mean, variance of noise, least and most. plane: whole
    numbers (H, W)."""
    block, sums = np.empty((SIDE, SIDE)), np.empty(SIDE)
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            _copied(plane, a * thin * SIDE, b * thin * SIDE, block)
            sums[:] = 0.0
            least = most = block[0, 0]
            for i in range(SIDE):
                for j in range(SIDE):
                    sums[j] += block[i, j]
                    least, most = min(least, block[i, j]), max(most, block[i, j])
            out[a, b, 0] = _sum(sums) / (SIDE * SIDE)
            out[a, b, 1], out[a, b, 2], out[a, b, 3] = _second(block, sums), least, most


@compiled
def of_pairs(true, found, black, thin, out):
    """Into out, float64 (n, m, `PAIR`), of every thin-th block of a plane and of what is decoded of it: the decoded
    mean; deviation of the means of its parts, over their own mean less black, 1 at least; variance of noise of both; of
    what was lost, less its mean, the sums of squares and of products with the next along rows and along columns."""
    one, other, sums = np.empty((SIDE, SIDE)), np.empty((SIDE, SIDE)), np.empty((4, SIDE))
    parts, count = np.empty(SIDE), SIDE // PART
    for a in range(out.shape[0]):
        for b in range(out.shape[1]):
            _copied(true, a * thin * SIDE, b * thin * SIDE, one)
            _copied(found, a * thin * SIDE, b * thin * SIDE, other)
            out[a, b, 2], out[a, b, 3] = _second(one, sums[0]), _second(other, sums[0])
            parts[:] = 0.0
            total = 0.0
            for i in range(SIDE):
                for j in range(SIDE):
                    parts[i // PART * count + j // PART] += other[i, j]
                    one[i, j] -= other[i, j]
                    total += one[i, j]
            middle, mean, spread = _sum(parts) / (SIDE * SIDE), total / (SIDE * SIDE), 0.0
            for j in range(count * count):
                spread += (parts[j] / (PART * PART) - middle) ** 2
            out[a, b, 0] = middle
            out[a, b, 1] = np.sqrt(spread / (count * count)) / max(middle - black, 1.0)
            sums[:] = 0.0
            for i in range(SIDE):
                for j in range(SIDE):
                    one[i, j] -= mean
            for i in range(SIDE):
                row, below = one[i], one[min(i + 1, SIDE - 1)]
                share = 1.0 if i + 1 < SIDE else 0.0
                for j in range(SIDE):
                    sums[1, j] += row[j] * row[j]
                    sums[3, j] += row[j] * below[j] * share
                for j in range(SIDE - 1):
                    sums[2, j] += row[j] * row[j + 1]
            out[a, b, 4], out[a, b, 5], out[a, b, 6] = _sum(sums[1]), _sum(sums[2]), _sum(sums[3])
