"""The mosaic developed as most programs do, in whole numbers: demosaicking along rows or along columns, as it is even.

::

    levels, whitened --green along rows--> red and blue by differences to green --matrix, root--> roots of R, G, B  \\
                     --green along columns--> the same                                          --> roots of R, G, B  }
    by site: neighbours that are alike in lightness and colour, counted in 3x3 sites --> the direction with more of them

After Hirakawa and Parks, "Adaptive homogeneity-directed demosaicing algorithm", 2005, with roots of light for CIELab.
It works on planes, so that all loops run along rows; float32 of whole numbers below 2^24, float64 for light and
roots.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled

ROOT, OFFSET = 4096.0, 1.0 / 512.0
LEAST = OFFSET / 8

AROUND = 3
"""Cells around those that are developed."""

MOST_GAIN = 8.0

_F = np.float32


@compiled
def whitened(matrix, out):
    """Factors of the camera's R, G, B that make white of what is grey under a matrix, the least 1; all 1 where it has
    no such light. out: float64 (4, 3), the factors, then the matrix for what they made."""
    for c in range(3):
        out[0, c] = 1.0
    # What is grey is in the direction of the adjugate times (1, 1, 1): whole numbers below 2^33.
    grey = np.empty(3)
    for c in range(3):
        a, b = (c + 1) % 3, (c + 2) % 3
        total = 0.0
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            total += matrix[i, a] * matrix[j, b] - matrix[i, b] * matrix[j, a]
        grey[c] = total
    if grey[0] < 0.0 and grey[1] < 0.0 and grey[2] < 0.0:
        grey = -grey
    most = max(grey[0], max(grey[1], grey[2]))
    if min(grey[0], min(grey[1], grey[2])) > 0.0:
        for c in range(3):
            out[0, c] = min(most / grey[c], MOST_GAIN)
    for c in range(3):
        for k in range(3):
            out[1 + c, k] = matrix[c, k] / out[0, k]


@compiled
def develop(levels, top, left, rows, cols, matrix, span, out):
    """Roots of the developed picture's colours, out float32 (12 or more, rows, cols): colour after colour the sites.

    levels: int32 (4, ., .); their cells from (top, left) on are shown, and there are `AROUND` more on all sides.
    matrix: float64 of whole numbers in 2^-10, the camera's colours to the JPEG's; span: level of white.
    """
    h, w = rows + 2 * AROUND, cols + 2 * AROUND
    factors = np.empty((4, 3))
    whitened(matrix, factors)
    white = np.float64(np.floor(span))
    m = np.empty((4, h, w), np.float32)
    for k in range(4):
        factor = factors[0, (k + 1) // 2]
        for i in range(h):
            row, into = levels[k, top - AROUND + i, left - AROUND : left + cols + AROUND], m[k, i]
            for j in range(w):
                into[j] = min(max(np.floor(row[j] * factor + 0.5), -white), white)
    roots = np.zeros((2, 12, h, w), np.float32)
    green = np.zeros((2, h, w), np.float32)
    red_less, blue_less = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    for along in range(2):
        _greens(m, along, green, red_less, blue_less)
        _colours(m, green, red_less, blue_less, factors, 1.0 / (1024.0 * span), roots[along])
    more = np.zeros((4, h, w), np.float32)
    _homogeneous(roots, more)
    _chosen(roots, more, out, rows, cols)


@compiled
def _greens(m, along, green, red_less, blue_less):
    """Green at R and B sites along rows (0) or columns (1), and R and B less that."""
    _, h, w = m.shape
    for i in range(1, h - 1):
        r, b = m[0, i], m[3, i]
        if along == 0:
            g, o = m[1, i], m[2, i]
            for j in range(1, w - 1):
                v = _between(g[j - 1], g[j], r[j - 1], r[j], r[j + 1])
                green[0, i, j] = v
                red_less[i, j] = r[j] - v
            for j in range(1, w - 1):
                v = _between(o[j], o[j + 1], b[j - 1], b[j], b[j + 1])
                green[1, i, j] = v
                blue_less[i, j] = b[j] - v
        else:
            g0, g1, r0, r2 = m[2, i - 1], m[2, i], m[0, i - 1], m[0, i + 1]
            for j in range(1, w - 1):
                v = _between(g0[j], g1[j], r0[j], r[j], r2[j])
                green[0, i, j] = v
                red_less[i, j] = r[j] - v
            o0, o1, b0, b2 = m[1, i], m[1, i + 1], m[3, i - 1], m[3, i + 1]
            for j in range(1, w - 1):
                v = _between(o0[j], o1[j], b0[j], b[j], b2[j])
                green[1, i, j] = v
                blue_less[i, j] = b[j] - v


@compiled
def _between(one, two, before, here, behind):
    """Green between two, by how the other colour bends; never beyond the two."""
    v = np.floor((_F(2) * (one + here + two) - before - behind + _F(2)) * _F(0.25))
    return min(max(v, min(one, two)), max(one, two))


@compiled
def _colours(m, green, red_less, blue_less, factors, unit, roots):
    """Roots of R, G, B at all sites, from one cell inside of what `_greens` filled."""
    _, h, w = m.shape
    found = np.empty((3, w), np.float32)
    for i in range(2, h - 2):
        a, a2 = red_less[i], red_less[i + 1]
        b0, b = blue_less[i - 1], blue_less[i]
        r, g, bl = found
        for k in range(4):
            here = m[k, i]
            if k == 0:
                for j in range(2, w - 2):
                    r[j], g[j] = here[j], green[0, i, j]
                    bl[j] = g[j] + np.floor((b0[j - 1] + b0[j] + b[j - 1] + b[j] + _F(2)) * _F(0.25))
            elif k == 1:
                for j in range(2, w - 2):
                    g[j] = here[j]
                    r[j] = g[j] + np.floor((a[j] + a[j + 1] + _F(1)) * _F(0.5))
                    bl[j] = g[j] + np.floor((b0[j] + b[j] + _F(1)) * _F(0.5))
            elif k == 2:
                for j in range(2, w - 2):
                    g[j] = here[j]
                    r[j] = g[j] + np.floor((a[j] + a2[j] + _F(1)) * _F(0.5))
                    bl[j] = g[j] + np.floor((b[j - 1] + b[j] + _F(1)) * _F(0.5))
            else:
                for j in range(2, w - 2):
                    bl[j], g[j] = here[j], green[1, i, j]
                    r[j] = g[j] + np.floor((a[j] + a[j + 1] + a2[j] + a2[j + 1] + _F(2)) * _F(0.25))
            for c in range(3):
                x, y, z, into = factors[1 + c, 0], factors[1 + c, 1], factors[1 + c, 2], roots[4 * c + k, i]
                for j in range(2, w - 2):
                    light = (x * r[j] + y * g[j] + z * bl[j]) * unit
                    into[j] = np.floor(np.sqrt(min(max(light + OFFSET, LEAST), 1.0)) * ROOT + 0.5)


@compiled
def _homogeneous(roots, more):
    """By how many neighbours more a site is like those along rows' picture than like those of the columns', (4, h, w).

    A neighbour is alike where lightness and colour differ by no more than they do along the direction itself, in the
    picture where that is less.
    """
    _, _, h, w = roots.shape
    light, hue = np.zeros((2, 4, h, w), np.float32), np.zeros((2, 8, h, w), np.float32)
    for d in range(2):
        for k in range(4):
            for i in range(2, h - 2):
                r, g, b = roots[d, k, i], roots[d, 4 + k, i], roots[d, 8 + k, i]
                for j in range(2, w - 2):
                    light[d, k, i, j] = r[j] + _F(2) * g[j] + b[j]
                    hue[d, k, i, j] = r[j] - g[j]
                    hue[d, 4 + k, i, j] = g[j] - b[j]
    far, off = np.empty((2, 4, w), np.float32), np.empty((2, 4, w), np.float32)
    for k in range(4):
        down, across = k // 2, k % 2
        other, above = k ^ 1, k ^ 2
        for i in range(2, h - 2):  # at the outermost cells only the inner sites mean anything
            for d in range(2):
                l, u, v = light[d, k, i], hue[d, k, i], hue[d, 4 + k, i]
                for n in range(4):
                    # left, right, up, down: plane, row and shift along it
                    p = other if n < 2 else above
                    y = i if n < 2 else i + down + n - 3
                    s = across + n - 1 if n < 2 else 0
                    l2, u2, v2 = light[d, p, y], hue[d, p, y], hue[d, 4 + p, y]
                    to, too = far[d, n], off[d, n]
                    for j in range(2, w - 2):
                        to[j] = abs(l[j] - l2[j + s])
                        too[j] = abs(u[j] - u2[j + s]) + abs(v[j] - v2[j + s])
            for j in range(2, w - 2):
                near = min(max(far[0, 0, j], far[0, 1, j]), max(far[1, 2, j], far[1, 3, j]))
                like = min(max(off[0, 0, j], off[0, 1, j]), max(off[1, 2, j], off[1, 3, j]))
                total = _F(0)
                for n in range(4):
                    total += _F((far[0, n, j] <= near) & (off[0, n, j] <= like))
                    total -= _F((far[1, n, j] <= near) & (off[1, n, j] <= like))
                more[k, i, j] = total


@compiled
def _chosen(roots, more, out, rows, cols):
    """The roots of the direction with more alike in 3x3 sites; where both have as many, the mean."""
    w = more.shape[2]
    along = np.zeros((4, 3, w), np.float32)
    total = np.empty(w, np.float32)
    for i in range(rows):
        n = i + AROUND
        for k in range(4):
            for t in range(3):  # rows of sites above, here, below
                row = k // 2 + t - 1
                y, left = n + (row >> 1), (row & 1) * 2
                even, odd, to = more[left, y], more[left + 1, y], along[k, t]
                if k % 2 == 0:
                    for j in range(AROUND, w - AROUND):
                        to[j] = odd[j - 1] + even[j] + odd[j]
                else:
                    for j in range(AROUND, w - AROUND):
                        to[j] = even[j] + odd[j] + even[j + 1]
            for j in range(AROUND, w - AROUND):
                total[j] = along[k, 0, j] + along[k, 1, j] + along[k, 2, j]
            for c in range(3):
                first, second, into = roots[0, 4 * c + k, n], roots[1, 4 * c + k, n], out[4 * c + k, i]
                for j in range(cols):
                    a, b, t = first[j + AROUND], second[j + AROUND], total[j + AROUND]
                    both = np.floor((a + b) * _F(0.5))
                    into[j] = a if t > 0 else (b if t < 0 else both)
