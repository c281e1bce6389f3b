"""Cells: what a layered stream knows of each site, a run of the mosaic's used values, cut finer from layer to layer.

::

    used values   v0  v1  v2  v3  v4  v5  v6  v7           companded; edges lie half way between neighbours
    layer 0            [---------------------)             by a symbol: deadzone around the mean
    layer 1            [-----)               )             cut 1: yes/no
    last layer             [-)                             one value: nothing is lost

Cells are nested, so a layer costs about what it would have cost to code that finely in the first place (Equitz & Cover
1991): every decision is coded under the odds that the part of the expected distribution inside the cell gives it.
"""

from __future__ import annotations

import numpy as np
import torch

from codec.trunk.companding_torch import TorchCompanding
from codec.trunk.order import STAGES
from codec.trunk.stages import split
from entropy.cuts import EVEN, FINENESS
from entropy.tables import ALPHABET, CLASSES, EXACT, HALF, OFFSET_UNIT, TOTAL, Tables, split_bits, table_of

BIT_WORTH = 17
"""Worth of a bit in 1/128 squared steps, for the symbols' thresholds."""

SHAPE_CLASS = 66
"""The class whose table gives the shape of the expected distribution: wide enough to be smooth."""

SHAPE_UNIT, SHAPE_END = 32, 16
"""Entries of the shape to one expected magnitude, and its end in expected magnitudes."""

SHAPE_TOTAL = 1 << 30
LEAST = 2.0**-10
"""The least share that a side of a cut is given, in units of 1 / SHAPE_TOTAL."""


def _log2(value: int) -> int:
    """floor(4096 log2(value)) of a whole number >= 1, in whole numbers."""
    exponent = value.bit_length() - 1
    mantissa, out = value << 30 >> exponent, exponent
    for _ in range(12):
        mantissa = mantissa * mantissa >> 30
        out = 2 * out + (mantissa >> 31)
        mantissa >>= mantissa >> 31
    return out


def thresholds(tables: Tables) -> torch.Tensor:
    """Least magnitude, in 1/64 step, of symbols 0 to HALF + 1 by class, float64 of whole numbers (CLASSES, HALF + 2).

    Where coding m costs as much as m - 1, error and bits together, but at most half a step from m - 1/2: what
    rate-distortion optimised rounding does, in whole numbers that a decoder can follow.
    """
    length = [[-_log2(int(p)) for p in row[HALF:]] for row in tables.pmf[EXACT]]
    out = np.zeros((CLASSES, HALF + 2))
    for c in range(CLASSES):
        bits, n = length[table_of(c)], split_bits(c)
        for m in range(1, HALF + 1):
            dearer = BIT_WORTH * (bits[m >> n] - bits[(m - 1) >> n])
            even = (128 * OFFSET_UNIT**2 * (2 * m - 1) + dearer) // (256 * OFFSET_UNIT)
            out[c, m] = min(max(even, OFFSET_UNIT * m - OFFSET_UNIT // 2), OFFSET_UNIT * m + OFFSET_UNIT // 2)
        out[c, HALF + 1] = OFFSET_UNIT * HALF + OFFSET_UNIT // 2
    return torch.from_numpy(out)


def shape(tables: Tables) -> torch.Tensor:
    """The expected distribution: mass from the mean to j / SHAPE_UNIT expected magnitudes, of SHAPE_TOTAL on a side.

    float64 of whole numbers (SHAPE_UNIT SHAPE_END + 2,): straight within a symbol of the table, and beyond its last
    one the rest falls as 1 / distance.
    """
    row = tables.pmf[EXACT, SHAPE_CLASS].astype(np.int64)
    magnitude = int((row * np.abs(np.arange(ALPHABET) - HALF)).sum())
    sums = np.concatenate([[0], np.cumsum(np.concatenate([row[HALF : HALF + 1], 2 * row[HALF + 1 :]]))])
    total = int(sums[-1])
    out = []
    for j in range(SHAPE_UNIT * SHAPE_END + 2):
        # In half symbols: edges of symbol m lie at 2 m - 1 and 2 m + 1, those of symbol 0 at 0 and 1.
        at = 2 * j * magnitude / (SHAPE_UNIT * TOTAL)
        if at >= 2 * HALF - 1:
            mass = total - (total - int(sums[HALF])) * (2 * HALF - 1) / at
        elif at < 1:
            mass = sums[1] * at
        else:
            m = int((at + 1) // 2)
            mass = sums[m] + (sums[m + 1] - sums[m]) * (at - (2 * m - 1)) / 2
        out.append(np.floor(mass * SHAPE_TOTAL / total))
    return torch.tensor(out, dtype=torch.float64)


class Rules:
    """What follows from the tables for layers: `thresholds` and `shape`."""

    def __init__(self, tables: Tables) -> None:
        self.tables, self.thresholds, self.shape = tables, thresholds(tables), shape(tables)


def cut_class(odds: torch.Tensor) -> torch.Tensor:
    """Class of odds (`entropy.cuts`), float64 > 0 to int64."""
    cell = (odds.view(torch.int64) >> (52 - FINENESS)) - (1023 << FINENESS)
    return cell.clamp(-EVEN, EVEN - 1) + EVEN


class Cells:
    """The cells of windows with the given base. base: int32 (B, 4, h, w), levels.

    Of each plane k and pass t, once layer 0 has set them, the cell is the values ``first <= i < behind``: int64 tensors
    (B, h/2, w/2), never empty.
    """

    def __init__(self, companding: TorchCompanding, base: torch.Tensor) -> None:
        companded = companding.compand(base).to(torch.float64)
        self._base = [split(companded[:, k]) for k in range(4)]
        self._values = companding.used.to(base.device, torch.float64)
        self._nearest_from, self._nearest = companding.nearest
        self._nearest = self._nearest.to(base.device)
        self.count = self._values.shape[1]
        ends = self._values[:, [0]], self._values[:, [-1]]
        below, above = (self._values[:, [1]], self._values[:, [-2]]) if self.count > 1 else (ends[0] + 2, ends[0] - 2)
        middle = torch.floor((self._values[:, 1:] + self._values[:, :-1] + 1) / 2)
        self._edges = torch.cat([2 * ends[0] - below, middle, 2 * ends[1] - above], 1)
        self.first: list[list[torch.Tensor]] = [[torch.empty(0)] * 4 for _ in range(4)]
        self.behind: list[list[torch.Tensor]] = [[torch.empty(0)] * 4 for _ in range(4)]

    def base(self, stage: int) -> torch.Tensor:
        """Companded base of a stage's places."""
        k, t = STAGES[stage]
        return self._base[k][t]

    def nearest(self, stage: int, u: torch.Tensor) -> torch.Tensor:
        """Number of the used value nearest to companded values, int64."""
        k, _ = STAGES[stage]
        return self._nearest[k][(u - self._nearest_from).clamp(0, self._nearest.shape[1] - 1).long()].long()

    def edge(self, stage: int, index: torch.Tensor) -> torch.Tensor:
        """Companded lower edge of used values; of the number behind the last one, its upper edge."""
        return self._edges[STAGES[stage][0]][index]

    def value(self, stage: int, index: torch.Tensor) -> torch.Tensor:
        """Used values, companded."""
        return self._values[STAGES[stage][0]][index]

    def open(self, stage: int, low: torch.Tensor, high: torch.Tensor) -> None:
        """Set a stage's cells to the used values with low <= y < high, whole numbers."""
        k, t = STAGES[stage]
        values, base = self._values[k], self._base[k][t]
        first = torch.searchsorted(values, low + base).clamp(max=self.count - 1)
        self.first[k][t] = first
        self.behind[k][t] = torch.maximum(torch.searchsorted(values, high + base), first + 1)


def between(stage: int, cells: Cells, mu: torch.Tensor, magnitude: torch.Tensor) -> torch.Tensor:
    """y_hat of a stage: the middle of each cell, moved towards the mean as far as the distribution says.

    mu: whole numbers; magnitude: expected |y - mu|, whole numbers >= 1. A cell of one value gives that value.
    """
    k, t = STAGES[stage]
    first, behind, base = cells.first[k][t], cells.behind[k][t], cells.base(stage)
    low, high = cells.edge(stage, first), cells.edge(stage, behind)
    middle, width = torch.floor((low + high) / 2) - base, high - low
    way = torch.minimum(torch.floor(width * width / (12 * magnitude)), torch.floor(width / 2))
    y_hat = middle + torch.minimum(torch.maximum(mu - middle, -way), way)
    return torch.where(behind - first == 1, cells.value(stage, first) - base, y_hat)
