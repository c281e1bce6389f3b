"""The expected distribution of layered streams, around the mean, as a table of sums: both sides' odds come from it."""

from __future__ import annotations

import numpy as np

from .tables import ALPHABET, EXACT, HALF, TOTAL, Tables

SHAPE_CLASS = 66
"""The class whose table gives the shape of the expected distribution: wide enough to be smooth."""

SHAPE_UNIT, SHAPE_END = 32, 16
"""Entries of the shape to one expected magnitude, and its end in expected magnitudes."""

SHAPE_TOTAL = 1 << 30
LEAST = 2.0**-10
"""The least share that a side of a cut is given, in units of 1 / SHAPE_TOTAL."""


def shape(tables: Tables) -> np.ndarray:
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
    return np.array(out)
