"""What the encoder wants the stages to reach: the mosaic less the base, in the companded domain, by pass."""

from __future__ import annotations

import numpy as np

from entropy.jit import compiled

_ROWS = np.array([0, 1, 0, 1])  # of PASSES
_COLS = np.array([0, 1, 1, 0])


@compiled
def lay_target(mosaic, base, companded, low, shift, black, haar, top, left, y, valid):
    """Residual of one plane of a tile, into float32 (4, H, W), and where it lies inside the picture, bool (4, H, W).

    mosaic: uint16; its site of cell (i, j) is (top + 2 i, left + 2 j), sites outside are those of the nearest cell
    inside. base: int32 (2 H, 2 W), levels; companded: int32, of every level from `low` on; black: the plane's, levels.
    Over Haar a block with a site inside is valid, and its sites outside have no residual.
    """
    _, height, width = y.shape
    rows, cols = mosaic.shape
    for i in range(height):
        for t in range(4):
            row = top + 2 * (2 * i + _ROWS[t])
            row_in = 0 <= row < rows
            row = row + 2 if row < 0 else row
            while row >= rows:
                row -= 2
            source, prior = mosaic[row], base[2 * i + _ROWS[t]]
            into, inside = y[t, i], valid[t, i]
            for j in range(width):
                cell = 2 * j + _COLS[t]
                col = left + 2 * cell
                here = row_in and 0 <= col < cols
                col = col + 2 if col < 0 else col
                while col >= cols:
                    col -= 2
                level = (np.int32(source[col]) << shift) - black
                into[j] = companded[level - low] - companded[prior[cell] - low]
                inside[j] = here
        if haar:
            for j in range(width):
                a, d = y[0, i, j] * valid[0, i, j], y[1, i, j] * valid[1, i, j]
                b, c = y[2, i, j] * valid[2, i, j], y[3, i, j] * valid[3, i, j]
                some = valid[0, i, j] or valid[1, i, j] or valid[2, i, j] or valid[3, i, j]
                y[0, i, j], y[1, i, j] = (a + b + c + d) / 2, (a - b + c - d) / 2
                y[2, i, j], y[3, i, j] = (a + b - c - d) / 2, (a - b - c + d) / 2
                for t in range(4):
                    valid[t, i, j] = some


@compiled
def lay_indices(y, base, first, nearest, out):
    """Index of the used value nearest to companded base + y, int32 (H, W); see `codec.kernels.stages.expect`."""
    height, width = y.shape
    last = len(nearest) - 1
    for i in range(height):
        for j in range(width):
            u = base[i, j] + np.int32(y[i, j]) - first
            out[i, j] = nearest[min(max(u, 0), last)]
