# mypy: no-check-untyped-defs
"""What the stages of a tile should code, laid out by pass, from the mosaic and the prediction.

::

    mosaic, prediction --T(x) - T(b)--> y by pass [--Haar--> bands]          lossy
    mosaic --nearest used value--> its index by pass                   lossless
"""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled

OPEN = 2
"""Of a place: its y or anything above will do."""

_ROWS = np.array([0, 1, 0, 1])  # of PASSES
_COLS = np.array([0, 1, 1, 0])


@compiled
def lay_residuals(mosaic, prediction, companded, low, shift, black, ceiling, top, left, haar, y, valid):
    """y of one plane by pass, or of its bands.

    mosaic: uint16 (h, w), of which the plane's site of cell (i, j) is at row top + 2 i, column left + 2 j, or outside;
    prediction: int32 (2 H, 2 W), levels; companded: int32, of each level from `low` on; a level is DN 2^shift - black.
    ceiling: DN from which on all are alike: their y is the least that will do. Into y: float32 (4, H, W), 0 outside;
    valid: uint8 (4, H, W), 0 outside, `OPEN` where y or more will do, else 1; of a band 1 where any of its four sites
    lies in the mosaic.
    """
    _, height, width = y.shape
    for i in range(height):
        for t in range(4):
            row = top + 2 * (2 * i + _ROWS[t])
            into, counts, level = y[t, i], valid[t, i], prediction[2 * i + _ROWS[t]]
            if row < 0 or row >= mosaic.shape[0]:
                into[:] = np.float32(0)
                counts[:] = 0
                continue
            values = mosaic[row]
            for j in range(width):
                col = left + 2 * (2 * j + _COLS[t])
                inside = 0 <= col < mosaic.shape[1]
                counts[j] = inside
                if inside:
                    alike = np.int64(values[col]) >= ceiling
                    u = companded[(min(np.int64(values[col]), ceiling) << shift) - black - low]
                    into[j] = u - companded[level[2 * j + _COLS[t]] - low]
                    if alike and haar:
                        into[j] = max(into[j], np.float32(0))  # as predicted will do
                    elif alike:
                        counts[j] = OPEN
                else:
                    into[j] = np.float32(0)
        if haar:
            half = np.float32(0.5)
            for j in range(width):
                a, d, b, c = y[0, i, j], y[1, i, j], y[2, i, j], y[3, i, j]
                y[0, i, j], y[1, i, j] = (a + b + c + d) * half, (a - b + c - d) * half
                y[2, i, j], y[3, i, j] = (a + b - c - d) * half, (a - b - c + d) * half
                some = valid[0, i, j] | valid[1, i, j] | valid[2, i, j] | valid[3, i, j]
                for t in range(4):
                    valid[t, i, j] = some


@compiled
def lay_indices(mosaic, number, top, left, index):
    """Index of the mosaic's values among those that it uses, int32 (4, H, W), 0 outside; number: int32, of each DN.

    mosaic, top, left: as in `lay_residuals`.
    """
    _, height, width = index.shape
    for i in range(height):
        for t in range(4):
            row = top + 2 * (2 * i + _ROWS[t])
            for j in range(width):
                col = left + 2 * (2 * j + _COLS[t])
                inside = 0 <= row < mosaic.shape[0] and 0 <= col < mosaic.shape[1]
                index[t, i, j] = number[mosaic[row, col]] if inside else 0


@compiled
def exact_symbols(index, expected, valid, symbols):
    """Lossless symbols, int32 (H, W): how far the index is from the expected one; 0 outside."""
    for i in range(symbols.shape[0]):
        for j in range(symbols.shape[1]):
            symbols[i, j] = index[i, j] - expected[i, j] if valid[i, j] else 0
