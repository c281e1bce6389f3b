"""How representative the sample windows are: their residual's busyness beside that of the whole picture.

Bits lie unevenly in pictures, and the windows are a twentieth of one. How busy the residual is takes little time to
tell everywhere; bits go with it. So the windows' bits times the ratio of the two is a far better estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ....entropy.tables import SPLIT_CLASS, TRELLIS, ZERO_CLASS, Tables
from .survey_kernels import BIN_OCTAVES, BINS, LOWEST

REFERENCE = 3300
"""Step at which magnitudes are counted; at others all of them are larger or smaller by one factor."""

EXPECTED = 0.5
"""Share of its difference to its neighbours that a place's symbol is expected to have."""


@dataclass
class Survey:
    """Blocks by magnitude, int64 (BINS,), see `codec.encoder.fit.survey_kernels`."""

    histogram: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))

    def bits(self, step: int, tables: Tables) -> float:
        """About the bits a site that coding takes at a step, but for a factor."""
        middle = LOWEST + (np.arange(BINS) + 0.5) / BIN_OCTAVES + np.log2(EXPECTED) + (REFERENCE - step) / 256
        place = np.clip(4 * middle + ZERO_CLASS, 0, SPLIT_CLASS - 1)
        each = np.interp(place, np.arange(SPLIT_CLASS), _entropy(tables))
        return float(self.histogram @ each) / max(int(self.histogram.sum()), 1)


def merged(parts: Sequence[Survey]) -> Survey:
    """The survey of all parts."""
    return Survey(sum((part.histogram for part in parts), np.zeros(BINS, np.int64)))


def _entropy(tables: Tables) -> np.ndarray:
    """Bits a symbol by class, (SPLIT_CLASS,)."""
    share = tables.pmf[TRELLIS] / tables.pmf[TRELLIS].sum(1, keepdims=True)
    return -(share * np.log2(share)).sum(1)
