# mypy: no-check-untyped-defs
"""The inner loops of an encoder of layers: contexts at picked places, layer 0's symbols, and true answers.

::

    LayerTile's arrays, picked places --contexts_at--> (contexts, places)
    y, mu, step, class --first_symbols, by the thresholds--> symbols     number of the value, cuts --answer--> yes or no
"""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled
from ....entropy.binary import EVEN
from ...refine.interval_kernels import least_of


@compiled
def contexts_at(
    deviations, own, all_planes, around, starts, factors, step, mu, activity, rows, cols, out,
):  # fmt: skip
    """Contexts of a further layer's stage at places, in steps, as its scale's weights count them, float32 (contexts,
    n).

    Arguments as in `codec.refine.stage_kernels.expect`; rows, cols, mu: int32 (n,), the places and their means.
    """
    activities, kinds = len(activity), len(factors)
    unit = np.float32(1.0 / 65536.0)
    at = 3 + activities
    for p in range(len(rows)):
        i, j = rows[p], cols[p]
        by = unit / np.float32(step[i, j])
        out[0, p] = unit
        out[1, p] = np.float32(65536) * by
        out[2, p] = np.float32(abs(mu[p])) * np.float32(256) * by
        for a in range(activities):
            out[3 + a, p] = np.float32(activity[a, i, j]) * np.float32(16384) * by
        for n in range(kinds):
            total = 0
            for v in range(starts[n], starts[n + 1]):
                total += deviations[around[v, 0], around[v, 1], i + 1 + around[v, 2], j + 1 + around[v, 3]]
            out[at + n, p] = np.float32(total * factors[n]) * by
        mine, others = 0, 0
        for di in range(3):
            for dj in range(3):
                mine += own[i + di, j + dj]
                others += all_planes[i + di, j + dj] - own[i + di, j + dj]
        out[at + kinds, p] = np.float32(8 * mine) * by
        out[at + kinds + 1, p] = np.float32(4 * others) * by


@compiled
def first_symbols(y, mu, step, classes, thresholds, valid, limit, symbols):
    """Layer 0: symbols int32 (H, W) of values y, float32 of whole numbers; 0 where they don't count."""
    for i in range(symbols.shape[0]):
        for j in range(symbols.shape[1]):
            e, q = np.int64(y[i, j]) - mu[i, j], np.int64(step[i, j])
            far = abs(e)
            m = min((2 * far + q) // (2 * q), limit)
            if m > 0 and far < least_of(thresholds, classes[i, j], m, q):
                m -= 1
            symbols[i, j] = (m if e > 0 else -m) if valid[i, j] else 0


@compiled
def answer(places, cuts, index, valid, odds, out):
    """Whether the values' numbers, int32 (n,) of all places, are at least the cuts'; what is likelier where they don't
    count. places, cuts: uint32; odds: uint8, their classes. Into out: bool."""
    for n in range(len(places)):
        p = places[n]
        out[n] = index[p] >= cuts[n] if valid[p] else odds[n] >= EVEN


@compiled
def cut_length(answers, odds, lengths):
    """Bits of answers under the classes of their odds; lengths: float64 (SPLIT_CLASSES, 2)."""
    total = 0.0
    for n in range(len(answers)):
        total += lengths[odds[n], np.int64(answers[n])]
    return total

