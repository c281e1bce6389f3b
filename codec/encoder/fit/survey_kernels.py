# mypy: no-check-untyped-defs
"""How busy a picture's residual is, block by block: what its bits go with, at any step."""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled

BLOCK = 4
"""Side of a block in places of a pass: eight cells."""

BINS, BIN_OCTAVES, LOWEST = 512, 16, -20
"""Bins of magnitudes, so many an octave, from 2^LOWEST on."""


@compiled
def survey(even, odd, prediction, steps, low, histogram):
    """Count the blocks of a plane by the mean magnitude of what a place differs from its four diagonal neighbours.

    even, odd: float32 (H, W), y of passes 0 and 1; prediction: int32 (2 H, 2 W), levels; steps: int32, of each level
    from `low` on. Into histogram: int64 (BINS,), of log2 of magnitudes in steps.
    """
    height, width = odd.shape
    for i in range(0, height - BLOCK, BLOCK):
        for j in range(0, width - BLOCK, BLOCK):
            total = np.float32(0)
            for di in range(BLOCK):
                above, below, own = even[i + di], even[i + di + 1], odd[i + di]
                level = prediction[2 * (i + di) + 1]
                for dj in range(j, j + BLOCK):
                    d = own[dj] - (above[dj] + above[dj + 1] + below[dj] + below[dj + 1]) * np.float32(0.25)
                    total += abs(d) / np.float32(steps[level[2 * dj + 1] - low])
            mean = max(total / np.float32(BLOCK * BLOCK), np.float32(1e-9))
            at = np.int64(np.floor((np.log2(mean) - np.float32(LOWEST)) * np.float32(BIN_OCTAVES)))
            histogram[min(max(at, 0), BINS - 1)] += 1
