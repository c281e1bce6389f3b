"""The mosaic developed as most programs do, in whole numbers: demosaicking along rows or along columns, as it is even.

::

    levels, whitened --green along rows--> red and blue by differences to green --matrix, root--> roots of R, G, B  \\
                     --green along columns--> the same                                          --> roots of R, G, B  }
    by site: neighbours that are alike in lightness and colour, counted in 3x3 sites --> the direction with more of them

After Hirakawa and Parks, "Adaptive homogeneity-directed demosaicing algorithm", 2005, with roots of light for CIELab.
It works on planes, so that all loops run along rows; float32 of whole numbers below 2^24, float64 for light and
roots. A piece of at most `ROWS` x `COLS` cells at a time, whose lines all lie in one array, constant distances apart:
so the compiler sees that nothing overlaps, and uses vectors.
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
_u = np.uint64

ROWS, COLS = 34, 130
"""Cells of a piece: as many as `look_kernels` works on at once, and one more around."""

_P = np.uint64(COLS + 2 * AROUND + 8)  # of a line
_H = ROWS + 2 * AROUND
# The room: by row of cells four planes, green at R and B, R and B less green; then, for each direction, lightness and
# two differences of colours at the four sites; then by how many more neighbours are alike.
_FLAT, _SEEN = 8, 12
_DIRECTION = np.uint64(_SEEN * _H) * _P
_AT_SEEN = np.uint64(_FLAT * _H) * _P
_AT_MORE = _AT_SEEN + _u(2) * _DIRECTION
_SIZE = int(_AT_MORE) + 4 * _H * int(_P)


@compiled
def room():
    """What `develop` works in, for a thread."""
    return np.zeros(_SIZE, np.float32)


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
def develop(levels, top, left, rows, cols, matrix, span, own, out):
    """Roots of the developed picture's colours, out float32 (12 or more, rows, cols): colour after colour the sites.

    levels: int32 (4, ., .); their cells from (top, left) on are shown, and there are `AROUND` more on all sides.
    matrix: float64 of whole numbers in 2^-10, the camera's colours to the JPEG's; span: level of white; own: a `room`.
    """
    for i in range(0, rows, ROWS):
        for j in range(0, cols, COLS):
            n, m = min(ROWS, rows - i), min(COLS, cols - j)
            _piece(levels, top + i, left + j, n, m, matrix, span, own, out[:, i : i + n, j : j + m])


@compiled
def _piece(levels, top, left, rows, cols, matrix, span, own, out):
    """The same of no more than `ROWS` x `COLS` cells."""
    h, w = rows + 2 * AROUND, cols + 2 * AROUND
    factors = np.empty((4, 3))
    whitened(matrix, factors)
    white = np.float64(np.floor(span))
    for i in range(h):
        for k in range(4):
            factor = factors[0, (k + 1) // 2]
            row, at = levels[k, top - AROUND + i, left - AROUND : left + cols + AROUND], _u(i * _FLAT + k) * _P
            for j in range(w):
                own[at + _u(j)] = min(max(np.floor(row[j] * factor + 0.5), -white), white)
    for along in range(2):
        for i in range(1, h - 1):
            _greens(own, i, along, w)
        for i in range(2, h - 2):
            _colours(own, i, along, w, factors, 1.0 / (1024.0 * span))
    for i in range(2, h - 2):  # at the outermost cells only the inner sites mean anything
        line = _u(i * _SEEN) * _P + _AT_SEEN
        up, down, more = line - _u(_SEEN) * _P, line + _u(_SEEN) * _P, _u(i * 4) * _P + _AT_MORE
        _alike(own, line, line + _P, _u(0), up + _u(2) * _P, line + _u(2) * _P, more, w)
        _alike(own, line + _P, line, _u(1), up + _u(3) * _P, line + _u(3) * _P, more + _P, w)
        _alike(own, line + _u(2) * _P, line + _u(3) * _P, _u(0), line, down, more + _u(2) * _P, w)
        _alike(own, line + _u(3) * _P, line + _u(2) * _P, _u(1), line + _P, down + _P, more + _u(3) * _P, w)
    _chosen(own, out, rows, cols)


@compiled
def _greens(own, i, along, w):
    """Green at R and B sites of a row along rows (0) or columns (1), and R and B less that."""
    here = _u(i * _FLAT) * _P
    if along == 0:
        for j in range(_u(1), _u(w - 1)):
            a = here + j
            g, r = a + _P, own[a]
            v = _between(own[g - _u(1)], own[g], own[a - _u(1)], r, own[a + _u(1)])
            o, c = a + _u(2) * _P, a + _u(3) * _P
            b = own[c]
            x = _between(own[o], own[o + _u(1)], own[c - _u(1)], b, own[c + _u(1)])
            own[a + _u(4) * _P], own[a + _u(5) * _P] = v, x
            own[a + _u(6) * _P], own[a + _u(7) * _P] = r - v, b - x
    else:
        for j in range(_u(1), _u(w - 1)):
            a = here + j
            up, down = a - _u(_FLAT) * _P, a + _u(_FLAT) * _P
            r, b = own[a], own[a + _u(3) * _P]
            v = _between(own[up + _u(2) * _P], own[a + _u(2) * _P], own[up], r, own[down])
            x = _between(own[a + _P], own[down + _P], own[up + _u(3) * _P], b, own[down + _u(3) * _P])
            own[a + _u(4) * _P], own[a + _u(5) * _P] = v, x
            own[a + _u(6) * _P], own[a + _u(7) * _P] = r - v, b - x


@compiled
def _between(one, two, before, here, behind):
    """Green between two, by how the other colour bends; never beyond the two."""
    v = np.floor((_F(2) * (one + here + two) - before - behind + _F(2)) * _F(0.25))
    return min(max(v, min(one, two)), max(one, two))


@compiled
def _root(r, g, b, factors, c, unit):
    """The root of a colour of the picture."""
    light = (factors[1 + c, 0] * r + factors[1 + c, 1] * g + factors[1 + c, 2] * b) * unit
    return _F(np.floor(np.sqrt(min(max(light + OFFSET, LEAST), 1.0)) * ROOT + 0.5))


@compiled
def _colours(own, i, along, w, factors, unit):
    """Lightness R + 2 G + B and R - G, G - B of the roots at all sites of a row, from one cell inside of what `_greens`
    filled."""
    here, to = _u(i * _FLAT) * _P, _u(i * _SEEN) * _P + _u(along) * _DIRECTION + _AT_SEEN
    up, down = here - _u(_FLAT) * _P, here + _u(_FLAT) * _P
    half, quarter, one, two = _F(0.5), _F(0.25), _F(1), _F(2)
    red, blue = _u(6) * _P, _u(7) * _P
    for k in range(4):
        line = to + _u(k) * _P
        for j in range(_u(2), _u(w - 2)):
            a, b, u, d = here + red + j, here + blue + j, up + blue + j, down + red + j
            if k == 0:
                x, g = own[here + j], own[here + j + _u(4) * _P]
                z = g + np.floor((own[u - _u(1)] + own[u] + own[b - _u(1)] + own[b] + two) * quarter)
            elif k == 1:
                g = own[here + j + _P]
                x = g + np.floor((own[a] + own[a + _u(1)] + one) * half)
                z = g + np.floor((own[u] + own[b] + one) * half)
            elif k == 2:
                g = own[here + j + _u(2) * _P]
                x = g + np.floor((own[a] + own[d] + one) * half)
                z = g + np.floor((own[b - _u(1)] + own[b] + one) * half)
            else:
                z, g = own[here + j + _u(3) * _P], own[here + j + _u(5) * _P]
                x = g + np.floor((own[a] + own[a + _u(1)] + own[d] + own[d + _u(1)] + two) * quarter)
            r, m, s = (_root(x, g, z, factors, 0, unit), _root(x, g, z, factors, 1, unit),
                       _root(x, g, z, factors, 2, unit))  # fmt: skip
            own[line + j] = r + two * m + s
            own[line + j + _u(4) * _P] = r - m
            own[line + j + _u(8) * _P] = m - s


@compiled
def _alike(own, line, beside, shift, one, two, more, w):
    """By how many neighbours more a site is like those along rows' picture than like those of the columns'.

    A neighbour is alike where lightness and colour differ by no more than they do along the direction itself, in the
    picture where that is less. line: of the sites; beside: of those beside them, `shift` - 1 and `shift` cells on; one,
    two: of those above and below.
    """
    for j in range(_u(2), _u(w - 2)):
        at, b, c = line + j, beside + j + shift - _u(1), beside + j + shift
        d, e = one + j, two + j
        far0, off0 = _apart(own, at, b), _off(own, at, b)
        far1, off1 = _apart(own, at, c), _off(own, at, c)
        far2, off2 = _apart(own, at, d), _off(own, at, d)
        far3, off3 = _apart(own, at, e), _off(own, at, e)
        at, b, c, d, e = at + _DIRECTION, b + _DIRECTION, c + _DIRECTION, d + _DIRECTION, e + _DIRECTION
        far4, off4 = _apart(own, at, b), _off(own, at, b)
        far5, off5 = _apart(own, at, c), _off(own, at, c)
        far6, off6 = _apart(own, at, d), _off(own, at, d)
        far7, off7 = _apart(own, at, e), _off(own, at, e)
        near = min(max(far0, far1), max(far6, far7))
        like = min(max(off0, off1), max(off6, off7))
        first = _both(far0, near, off0, like) + _both(far1, near, off1, like)
        first += _both(far2, near, off2, like) + _both(far3, near, off3, like)
        second = _both(far4, near, off4, like) + _both(far5, near, off5, like)
        second += _both(far6, near, off6, like) + _both(far7, near, off7, like)
        own[more + j] = first - second


@compiled
def _apart(own, a, b):
    return abs(own[a] - own[b])


@compiled
def _off(own, a, b):
    hue, other = _u(4) * _P, _u(8) * _P
    return abs(own[a + hue] - own[b + hue]) + abs(own[a + other] - own[b + other])


@compiled
def _both(far, near, off, like):
    """1 where both hold, else 0."""
    return (_F(1) if far <= near else _F(0)) * (_F(1) if off <= like else _F(0))


@compiled
def _chosen(own, out, rows, cols):
    """The roots of the direction with more alike in 3x3 sites; where both have as many, the mean."""
    total = np.empty(cols, np.float32)
    for i in range(rows):
        n = i + AROUND
        for k in range(4):
            total[:] = _F(0)
            for t in range(3):  # rows of sites above, here, below
                row = k // 2 + t - 1
                line = _u((n + (row >> 1)) * 4 + (row & 1) * 2) * _P + _AT_MORE + _u(AROUND)
                # beside a site are those of the other plane: a cell before, and here, or here and a cell behind
                here, before = line + _u(k % 2) * _P, line + _u(1 - k % 2) * _P - _u(1 - k % 2)
                for j in range(_u(cols)):
                    total[j] += own[before + j] + own[here + j] + own[before + _u(1) + j]
            line = _u(n * _SEEN + k) * _P + _AT_SEEN + _u(AROUND)
            red, green, blue = out[k, i], out[4 + k, i], out[8 + k, i]
            for j in range(_u(cols)):
                a, b = line + j, line + j + _DIRECTION
                t = total[j]
                u, v = own[a + _u(4) * _P], own[a + _u(8) * _P]
                g = (own[a] - u + v) * _F(0.25)
                u2, v2 = own[b + _u(4) * _P], own[b + _u(8) * _P]
                g2 = (own[b] - u2 + v2) * _F(0.25)
                red[j] = _of(t, g + u, g2 + u2)
                green[j] = _of(t, g, g2)
                blue[j] = _of(t, g - v, g2 - v2)


@compiled
def _of(total, a, b):
    """The first, the second, or the mean of both."""
    both = np.floor((a + b) * _F(0.5))
    return a if total > _F(0) else (b if total < _F(0) else both)
