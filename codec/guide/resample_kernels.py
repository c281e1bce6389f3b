"""A JPEG's plane sampled at a mosaic's places on the CPU: whole offsets, grids with phases, warps.

What is computed are the formulas of `codec.guide.resample`: whole numbers, and for the warp single float64 operations,
which IEEE 754 fixes to the last bit.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled
from .row_kernels import HALF, PHASE_BITS, SAMPLE_BITS, SHIFT, TOP, WEIGHT_BITS, room, sample_row

POSITION_BITS = 12
"""Fraction bits of positions, as in `codec.guide.resample`."""

FAR = float(1 << 30)
"""Bound of a position, 1/4096 px: beyond any picture."""

LEAST_DENOMINATOR = 0.125
"""Of a homography, as in `codec.guide.projection`."""

_DROP = POSITION_BITS - PHASE_BITS


@compiled
def at_whole(plane, rows, cols, out):
    """Samples at rows x columns of the plane, int64 (n,) and (m,), inside it; into out, int16 (n, m)."""
    for i in range(rows.size):
        line, into = plane[rows[i]], out[i]
        for j in range(cols.size):
            into[j] = np.int16(line[cols[j]]) << SAMPLE_BITS


@compiled
def at_grid(plane, rows, row_phases, cols, col_phases, weights, out):
    """Samples between rows and columns of the plane: numbers and phases, int64 (n,) and (m,); into out, int16 (n, m).

    weights: int32 (64, T) of the T samples around each phase. Beyond the plane its edge goes on.
    """
    height, width = plane.shape
    taps = weights.shape[1]
    before = taps // 2 - 1
    low = min(max(cols.min() - before, 0), width - 1)
    high = min(max(cols.max() + taps - before, 1), width)
    line = np.empty(high - low, np.int32)
    across = col_phases.any()
    for i in range(rows.size):
        line[:] = 0
        for k in range(taps):
            weight = weights[row_phases[i], k]
            if weight:
                part = plane[min(max(rows[i] - before + k, 0), height - 1)]
                for x in range(low, high):
                    line[x - low] += np.int32(part[x]) * weight
        into = out[i]
        for j in range(cols.size):
            total = np.int64(0)
            if across:
                for k in range(taps):
                    total += line[min(max(cols[j] - before + k, 0), width - 1) - low] * weights[col_phases[j], k]
            else:
                total = np.int64(line[min(max(cols[j], 0), width - 1) - low]) << WEIGHT_BITS
            into[j] = min(max((total + HALF) >> SHIFT, 0), TOP)


@compiled
def at_warped(planes, rows, cols, centre_row, centre_col, k1, k2, k3, k4, rho2, down, across, weights, outs):
    """Samples of planes of one shape at the places that a radial warp moves a grid to; into outs, each int16 (n, m).

    rows, cols: int64 (n,) and (m,), centre too: 1/4096 px of Y; k1 to k4, rho2: float64; down, across: log2 of the Y
    samples per sample of the planes; weights: int32 (64, 4) or (64, 2).
    """
    y, x = np.empty(cols.size, np.int32), np.empty(cols.size, np.int32)
    own = room(planes, cols.size)
    rows_at, cols_at = rows.astype(np.float64), cols.astype(np.float64)
    for i in range(rows.size):
        row = rows_at[i]
        dy = row - centre_row
        dy2 = dy * dy
        for j in range(cols.size):
            dx = cols_at[j] - centre_col
            r = np.sqrt((dy2 + dx * dx) / rho2)
            growth = r * (k1 + r * (k2 + r * (k3 + r * k4)))
            y[j] = _phase(row + np.rint(dy * growth), down)
            x[j] = _phase(cols_at[j] + np.rint(dx * growth), across)
        sample_row(planes, y, x, weights, own, i, outs)


@compiled
def at_projected(planes, rows2, cols2, first, numbers, shifts, log2, weights, outs):
    """Samples of planes of one shape where `codec.guide.projection` says; into outs, each int16 (n, m).

    rows2, cols2: float64 (n,) and (m,), twice the turned places; first: number of the first row; numbers:
    `Projection.numbers`; shifts: float64 (2, P, m), a and b along row i % P, or (2, 1, 0) for none; log2: of the Y
    samples per sample of the planes, down and across; weights: int32 (64, 4) or (64, 2).
    """
    rho2, middle_row, middle_col, centre_row, centre_col = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    k1, k2, k3, k4 = numbers[5], numbers[6], numbers[7], numbers[8]
    row_down, row_across, col_down, col_across = numbers[9], numbers[10], numbers[11], numbers[12]
    vanish_down, vanish_across, at_row, at_col = numbers[13], numbers[14], numbers[15], numbers[16]
    y, x = np.empty(cols2.size, np.int32), np.empty(cols2.size, np.int32)
    from_centre = np.empty(cols2.size, np.float64)
    for j in range(cols2.size):
        from_centre[j] = (cols2[j] - middle_col) / rho2 - centre_col
    down, across = log2
    own = room(planes, cols2.size)
    coloured = shifts.shape[2] > 0
    # what neither a lens nor a vanishing point moves: growth and w would be 1 to the last bit
    even = k1 == 0 and k2 == 0 and k3 == 0 and k4 == 0 and vanish_down == 0 and vanish_across == 0
    for i in range(rows2.size):
        line_dy = (rows2[i] - middle_row) / rho2 - centre_row
        kind = (first + i) % shifts.shape[1]
        for j in range(cols2.size):
            dy, dx = line_dy, from_centre[j]
            if coloured:
                stretch = 1.0 + (shifts[0, kind, j] + shifts[1, kind, j] * (dy * dy + dx * dx))
                dy, dx = dy * stretch, dx * stretch
            if even:
                v, u = dy + centre_row, dx + centre_col
                y[j] = _phase(np.rint(row_down * v + row_across * u) + at_row, down)
                x[j] = _phase(np.rint(col_down * v + col_across * u) + at_col, across)
                continue
            r = np.sqrt(dy * dy + dx * dx)
            growth = 1.0 + r * (k1 + r * (k2 + r * (k3 + r * k4)))
            v, u = dy * growth + centre_row, dx * growth + centre_col
            w = max(1.0 + (vanish_down * v + vanish_across * u), LEAST_DENOMINATOR)
            y[j] = _phase(np.rint((row_down * v + row_across * u) / w) + at_row, down)
            x[j] = _phase(np.rint((col_down * v + col_across * u) / w) + at_col, across)
        sample_row(planes, y, x, weights, own, i, outs)


@compiled
def _phase(to, log2):
    """A place in 1/4096 px of Y as 1/64 of a sample of a plane that has one for 2^log2 of Y's."""
    # Beyond the picture one place is like another: the bound only keeps it in int32.
    place = np.int32(min(max(to, -FAR), FAR)) - (((1 << log2) - 1) << (POSITION_BITS - 1))
    return ((place >> log2) + np.int32(1 << (_DROP - 1))) >> _DROP
