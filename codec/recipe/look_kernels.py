"""The second look on the CPU: the prediction developed, compared with the JPEG, and corrected; what `look` says.

::

    levels --bilinear--> R, G, B at every site --matrix--> light --root--> own roots  \\
    Y, Cb, Cr at every site --> R, G, B of the JPEG --tables--> the same roots          } difference, three at a site
    differences and own roots around a site --coefficients--> correction of the root --squared--> levels

Differences and roots are whole numbers; float32 holds the sums of their products, whole and below 2^24, exactly.
Everything else is float64: whole numbers below 2^53, or single operations.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled
from ..guide.activity_kernels import HALO
from . import homogeneity_kernels as homogeneity
from .homogeneity_kernels import LEAST, OFFSET, ROOT

MOST, MOST_ROOT = 2047, 8191.0
"""Bounds of a difference either way, and of an own root."""

LINES = 16
"""Differences of three colours at four sites, then own roots at four sites."""

SHIFT = 22
"""Fraction bits of a correction: 12 of the roots, 10 of the coefficients."""

_F = np.float32
_u = np.uint64
_NEUTRAL, _TOP, _MOST, _PART = _F(2048), _F(4080), _F(MOST), _F(1 / 256)
ROWS, COLS = 32, 128
"""Cells that are worked on at once."""

TOGETHER = 6
"""Taps that are added at once."""


@compiled
def _mixed(r, g, b, matrix, c, unit):
    """The root of a colour of the developed picture; r, g, b: four times the level."""
    light = (matrix[c, 0] * r + matrix[c, 1] * g + matrix[c, 2] * b) * unit
    light = min(max(light + OFFSET, LEAST), 1.0)
    return np.floor(np.sqrt(light) * ROOT + 0.5)


@compiled
def develop(levels, top, left, rows, cols, matrix, unit, out):
    """Roots of the developed picture's colours, out float32 (12 or more, rows, cols): colour after colour the sites.

    levels: int32 (4, ., .); their cells from (top, left) on are shown, and there is one more on all sides. matrix:
    float64 of whole numbers in 2^-10, the camera's colours to the JPEG's. unit: one over 4096 times the white level.
    """
    for i in range(rows):
        a = top + i
        r1, g1 = levels[0, a, left - 1 : left + cols + 1], levels[1, a, left - 1 : left + cols + 1]
        g2, b1 = levels[2, a, left - 1 : left + cols + 1], levels[3, a, left - 1 : left + cols + 1]
        r2, g4 = levels[0, a + 1, left - 1 : left + cols + 1], levels[1, a + 1, left - 1 : left + cols + 1]
        g0, b0 = levels[2, a - 1, left - 1 : left + cols + 1], levels[3, a - 1, left - 1 : left + cols + 1]
        for c in range(3):
            o0, o1, o2, o3 = out[4 * c, i], out[4 * c + 1, i], out[4 * c + 2, i], out[4 * c + 3, i]
            for j in range(cols):
                n = j + 1
                green = np.float64(g1[n - 1]) + g1[n] + g0[n] + g2[n]
                blue = np.float64(b0[n - 1]) + b0[n] + b1[n - 1] + b1[n]
                o0[j] = _mixed(4.0 * r1[n], green, blue, matrix, c, unit)
            for j in range(cols):
                n = j + 1
                red, blue = np.float64(r1[n]) + r1[n + 1], np.float64(b0[n]) + b1[n]
                o1[j] = _mixed(2.0 * red, 4.0 * g1[n], 2.0 * blue, matrix, c, unit)
            for j in range(cols):
                n = j + 1
                red, blue = np.float64(r1[n]) + r2[n], np.float64(b1[n - 1]) + b1[n]
                o2[j] = _mixed(2.0 * red, 4.0 * g2[n], 2.0 * blue, matrix, c, unit)
            for j in range(cols):
                n = j + 1
                red = np.float64(r1[n]) + r1[n + 1] + r2[n] + r2[n + 1]
                green = np.float64(g2[n]) + g2[n + 1] + g1[n] + g4[n]
                o3[j] = _mixed(red, green, 4.0 * b1[n], matrix, c, unit)


@compiled
def colours(planes, row, col, cb, cr, top, left, rows, cols, out):
    """The JPEG's R, G, B at sites, 0..4080, int16 (12 or more, rows, cols), in the order of `develop`.

    planes: the guide's, with a border of `HALO`; (row, col): the first cell. cb, cr: int16 (4, ., .), at sites; (top,
    left): the first cell there.
    """
    for i in range(rows):
        for k in range(4):
            y = planes[k, row + i + HALO, col + HALO : col + HALO + cols]
            b, r = cb[k, top + i, left : left + cols], cr[k, top + i, left : left + cols]
            red, green, blue = out[k, i], out[4 + k, i], out[8 + k, i]
            for j in range(cols):
                u, v, light = _F(b[j]) - _NEUTRAL, _F(r[j]) - _NEUTRAL, _F(y[j])
                red[j] = _held(light + np.floor((_F(359) * v + _F(128)) * _PART))
                green[j] = _held(light - np.floor((_F(88) * u + _F(183) * v + _F(128)) * _PART))
                blue[j] = _held(light + np.floor((_F(454) * u + _F(128)) * _PART))


@compiled
def _held(value):
    return np.int16(min(max(value, _F(0)), _TOP))


@compiled
def differences(
    planes, row, col, cb, cr, levels, directed, top, left, rows, cols, matrix, span, tables, seen, room, out
):  # fmt: skip
    """Lines of a piece, out float32 (LINES, ., .), its first rows and columns.

    (row, col): its first cell in the picture; (top, left): the same in cb and cr, and in levels less one, or less three
    where they are developed in the direction that is even. seen: room for the JPEG's colours, int16; room: of
    `homogeneity_kernels`. tables: float32 (3, 4081).
    """
    share, more = 1.0 / span, 3 if directed else 1
    if directed:
        homogeneity.develop(levels, top + more, left + more, rows, cols, matrix, span, room, out)
    else:
        develop(levels, top + more, left + more, rows, cols, matrix, 1.0 / (4096.0 * span), out)
    colours(planes, row, col, cb, cr, top, left, rows, cols, seen)
    found = np.empty(cols, np.float32)
    for n in range(12):
        table = tables[n // 4]
        for i in range(rows):
            own, at = out[n, i], seen[n, i]
            for j in range(cols):
                found[j] = table[np.uint16(at[j])]
            for j in range(cols):
                own[j] = min(max(found[j] - own[j], -_MOST), _MOST)
    for k in range(4):
        for i in range(rows):
            level, root = levels[k, top + more + i, left + more : left + more + cols], out[12 + k, i]
            for j in range(cols):
                light = max(level[j] * share + OFFSET, LEAST)
                root[j] = min(np.floor(np.sqrt(light) * ROOT + 0.5), MOST_ROOT)


@compiled
def correct(
    planes, row, col, cb, cr, levels, directed, matrix, span, tables, taps, counts, weights, limits, saturation, out
):  # fmt: skip
    """Corrected levels, out int32 (4, rows, cols).

    planes .. tables: as in `differences`, of the cells from (row, col) on, one more around in cb and cr, two in levels
    (four where they are `directed`).
    taps: int64 (4, n, 3): line and distance in cells of a site's taps, those of differences first, then, from counts[0]
    on, those of roots, counts[1] in all; both are multiples of `TOGETHER`. weights: float32 (4, n + 1) of the taps in
    2^-10, and what is added, in 2^-22. limits, saturation: as for the prediction.
    """
    rows, cols = out.shape[1:]
    piece, seen = np.zeros((LINES, ROWS + 2, COLS + 2), np.float32), np.empty((12, ROWS + 2, COLS + 2), np.int16)
    room = homogeneity.room() if directed else np.empty(0, np.float32)
    flat, sums = piece.reshape(-1), np.empty((2, COLS), np.float32)
    places = (taps[:, :, 0] * (ROWS + 2) + taps[:, :, 1] + 1) * (COLS + 2) + taps[:, :, 2] + 1
    share, reach = 1.0 / span, 4 if directed else 2
    for top in range(0, rows, ROWS):
        n = min(ROWS, rows - top)
        for left in range(0, cols, COLS):
            m = min(COLS, cols - left)
            differences(
                planes, row + top - 1, col + left - 1, cb, cr, levels, directed, top, left, n + 2, m + 2, matrix, span,
                tables, seen, room, piece,
            )  # fmt: skip
            for k in range(4):
                more, onto, start = np.float64(weights[k, counts[1]]), saturation[1, k], saturation[0, k]
                for i in range(n):
                    for part in range(2):
                        sums[part] = _F(0)
                        for t in range(counts[0] * part, counts[part], TOGETHER):
                            _add(sums[part], flat, places[k], weights[k], t, i * (COLS + 2), m)
                    start_col = left + reach
                    before, to = levels[k, top + i + reach, start_col : start_col + m], out[k, top + i, left : left + m]
                    first, second = sums[0], sums[1]
                    for j in range(m):
                        change = (np.float64(first[j]) + second[j] + more) * 2.0**-SHIFT
                        root = max(np.sqrt(max(before[j] * share + OFFSET, LEAST)) + change, 0.0)
                        found = np.floor((root * root - OFFSET) * span + 0.5)
                        level = np.int32(min(max(found, limits[0]), limits[1]))
                        to[j] = onto if level >= start else level


@compiled
def _add(total, x, places, weights, t, shift, m):
    """Add the products of `TOGETHER` taps, from t on, for m cells of a row."""
    w0, w1, w2 = weights[t], weights[t + 1], weights[t + 2]
    w3, w4, w5 = weights[t + 3], weights[t + 4], weights[t + 5]
    a, b, c = _u(places[t] + shift), _u(places[t + 1] + shift), _u(places[t + 2] + shift)
    d, e, f = _u(places[t + 3] + shift), _u(places[t + 4] + shift), _u(places[t + 5] + shift)
    for j in range(_u(m)):
        total[j] += w0 * x[a + j] + w1 * x[b + j] + w2 * x[c + j] + w3 * x[d + j] + w4 * x[e + j] + w5 * x[f + j]
