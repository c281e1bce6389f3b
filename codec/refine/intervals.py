"""Intervals: what a layered stream knows of each site, a run of the mosaic's used values, split finer by each layer.

::

    used values   v0  v1  v2  v3  v4  v5  v6  v7           companded; edges lie half way between neighbours
    layer 0            [---------------------)             by a symbol: deadzone around the mean
    layer 1            [-----)               )             split 1: yes/no
    last layer             [-)                             one value: nothing is lost

Intervals are nested, so a layer costs about what it would have cost to code that finely in the first place (Equitz &
Cover 1991): each decision is coded under the odds that the part of the expected distribution inside the interval
gives it.
"""

from __future__ import annotations

import numpy as np

from ...entropy.odds import shape
from ...entropy.tables import CLASSES, EXACT, HALF, OFFSET_UNIT, Tables, split_bits, table_of
from ..mosaic.companding import LOSSLESS, Companding
from ..stages.order import STAGES

BIT_WORTH = 17
"""Worth of a bit in 1/128 squared steps, for the symbols' thresholds."""

COARSEST = 5119
"""Largest index of a step."""

def _log2(value: int) -> int:
    """floor(4096 log2(value)) of a whole number >= 1, in whole numbers."""
    exponent = value.bit_length() - 1
    mantissa, out = value << 30 >> exponent, exponent
    for _ in range(12):
        mantissa = mantissa * mantissa >> 30
        out = 2 * out + (mantissa >> 31)
        mantissa >>= mantissa >> 31
    return out


def thresholds(tables: Tables) -> np.ndarray:
    """Least magnitude, in 1/64 step, of symbols 0 to HALF + 1 by class, int64 (CLASSES, HALF + 2).

    Where coding m costs as much as m - 1, error and bits together, but at most half a step from m - 1/2: what
    rate-distortion optimised rounding does, in whole numbers that a decoder can follow.
    """
    length = [[-_log2(int(p)) for p in row[HALF:]] for row in tables.pmf[EXACT]]
    out = np.zeros((CLASSES, HALF + 2), np.int64)
    for c in range(CLASSES):
        bits, n = length[table_of(c)], split_bits(c)
        for m in range(1, HALF + 1):
            dearer = BIT_WORTH * (bits[m >> n] - bits[(m - 1) >> n])
            even = (128 * OFFSET_UNIT**2 * (2 * m - 1) + dearer) // (256 * OFFSET_UNIT)
            out[c, m] = min(max(even, OFFSET_UNIT * m - OFFSET_UNIT // 2), OFFSET_UNIT * m + OFFSET_UNIT // 2)
        out[c, HALF + 1] = OFFSET_UNIT * HALF + OFFSET_UNIT // 2
    return out


def edges(used: np.ndarray) -> np.ndarray:
    """Companded lower edges of used values, and the last one's upper edge, int32 (n + 1,); used: int32 (n,)."""
    used = used.astype(np.int64)
    below, above = (used[1], used[-2]) if len(used) > 1 else (used[0] + 2, used[0] - 2)
    middle = (used[1:] + used[:-1] + 1) >> 1
    return np.array([2 * used[0] - below, *middle, 2 * used[-1] - above], np.int32)


Finder = tuple[int, int, np.ndarray]
"""Finds the used value nearest to a companded value u: start, shift, and for each (u - start) >> shift its number, or
that of the one before; uint32."""


def finder(edges: np.ndarray) -> Finder:
    """For values with `edges`, int32 (n + 1,). An entry spans no more than lies between two edges."""
    inner = edges[1:-1].astype(np.int64)
    if not len(inner):
        return 0, 0, np.zeros(1, np.uint32)
    shift = int(np.diff(inner).min(initial=1 << 30)).bit_length() - 1
    begins = np.arange(inner[0], inner[-1] + 1, 1 << shift)
    return int(inner[0]), shift, np.searchsorted(inner, begins, "right").astype(np.uint32)


class Rules:
    """What follows from tables and companding for layers.

    thresholds, shape: as the functions say; least: the thresholds of a symbol 1; edges, finders: of the used values, by
    plane; step_bin: index into `Companding.steps` by level, uint16; step_exponent: of the guided step.
    """

    def __init__(self, tables: Tables, companding: Companding, step_exponent: int) -> None:
        self.tables, self.companding, self.step_exponent = tables, companding, step_exponent
        self.thresholds, self.shape = thresholds(tables), shape(tables)
        self.edges = [edges(used) for used in companding.used]
        self.finders = [finder(of_plane) for of_plane in self.edges]
        self.least = self.thresholds[:, 1].astype(np.int32)
        self.step_bin = companding.step_bin(np.arange(companding.low, companding.high + 1)).astype(np.uint16)

    def steps(self, index: int, spread: int) -> np.ndarray:
        """Steps of a layer, int32 (16, STEP_BINS), by stage and `step_bin`: the first stages are the coarsest."""
        if index == LOSSLESS or not spread:
            own = [index] * len(STAGES)
        else:
            own = [min(max(index + spread * (15 - 2 * stage) // 2, 0), COARSEST) for stage in range(len(STAGES))]
        which = [(i, k if index == LOSSLESS else 0) for i, (k, _) in zip(own, STAGES, strict=True)]
        found = {(i, k): self.companding.steps(i, self.step_exponent, k).astype(np.int32) for i, k in set(which)}
        return np.stack([found[one] for one in which])
