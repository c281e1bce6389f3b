"""Features of the guide and the prediction, row by row, for the CPU, float64: `codec.recipe.features_torch` on tensors.

::

    guide's planes --line: one row of 128 cells, looked up--> lines of three rows: lin, cb m, cr m, Q, P at their cells
                                                                   |  a feature of the 3x3 neighbourhoods is a line,
                                                                   |  shifted
    lines --points: what belongs to the cell itself--> points      |
                                |                                  |
                                '------------> sums of C phi, four planes at once, three features at a time -->
                                prediction

All numbers are whole and every sum below 2^53, so that float64 is exact whatever the order. Features are in an order
of the kernel's own, `ORDER`: first those of neighbourhoods, by line, then the points; the constant is apart.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled
from .features import COUNT, HATS, names

_u = np.uint64  # indices that can't be negative: no test for it in the loop, which stays one of vectors

HALO = 4
"""Cells of the planes around the picture; below and to the right one more, since tiles have even sides."""

CHUNK = 128
"""Cells of a row that are worked on at once: lines and points stay in the processor's cache."""

# A line holds CHUNK cells, one more at either side, and is padded. Places in scratch arrays are unsigned and the
# distances of what is used together constant: so the compiler sees that nothing overlaps, and uses vectors.
LINE = np.uint64(CHUNK + 8)
LINES = 21  # lin 4, cb m, cr m, Q 4, P 4: neighbourhoods; y 4, cb, cr, m: the cell itself
AROUND = 14
"""Lines with neighbourhoods."""

_NUMBER = {name: i for i, name in enumerate(names())}
_FIRST, _POWERS, _TAIL = _NUMBER["m"], _NUMBER["q0[-1,-1]"], _NUMBER["qcb"]
ORDER = np.array([*range(1, _FIRST), *range(_POWERS, _TAIL), *range(_FIRST, _POWERS), *range(_TAIL, COUNT)])
"""Feature by the kernel's number."""

POINTS = COUNT - 1 - 9 * AROUND
TAIL = POINTS - (COUNT - _TAIL)
"""Number of points, and of those without powers of Y."""

TRIPLES = len(ORDER) // 3
assert len(ORDER) == 3 * TRIPLES and 9 * AROUND + POINTS == len(ORDER) and _POWERS - _FIRST == TAIL


@compiled
def scratch(lines):
    """So many lines of zeros, at a multiple of 64 bytes: vectors that lie across cache lines take longer."""
    room = np.zeros(lines * (CHUNK + 8) + 8)
    first = (64 - room.ctypes.data % 64) // 8 % 8
    return room[first : first + lines * (CHUNK + 8)]


@compiled
def line(planes, tables, row, col, count, powers, lines, slot):
    """Fill one of the three slots of `lines` from cells (row, col) of the padded planes on, `count` of them."""
    top = _u(slot * LINES) * LINE
    y0, y1, y2, y3 = planes[0, row], planes[1, row], planes[2, row], planes[3, row]
    b, r = planes[4, row], planes[5, row]
    n = _u(count)
    at = _u(col)
    for j in range(n):
        o = top + j
        v0, v1, v2, v3 = y0[at + j], y1[at + j], y2[at + j], y3[at + j]
        lines[o + _u(14) * LINE] = v0
        lines[o + _u(15) * LINE] = v1
        lines[o + _u(16) * LINE] = v2
        lines[o + _u(17) * LINE] = v3
        m = np.floor((np.float64(v0) + v1 + v2 + v3 + 2.0) * 0.25)
        lines[o + _u(18) * LINE] = b[at + j]
        lines[o + _u(19) * LINE] = r[at + j]
        lines[o + _u(20) * LINE] = m
        lines[o + _u(4) * LINE] = np.floor(b[at + j] * m * 2.0**-12)
        lines[o + _u(5) * LINE] = np.floor(r[at + j] * m * 2.0**-12)
    for s in range(4):
        y = planes[s, row]
        to = top + _u(s) * LINE
        for j in range(n):
            v = _u(min(max(y[at + j], 0), 4095))
            lines[to + j] = tables[0, v]
            if powers:
                lines[to + j + _u(6) * LINE] = tables[1, v]
                lines[to + j + _u(10) * LINE] = tables[2, v]


@compiled
def points(lines, slot, row, col, count, height, width, powers, out):
    """Fill `out` with what belongs to the cells (row, col) on of a picture of height x width cells; slot: their row.

    Squared distances from the middle stay below 2^34, so the quotient of float64 is rounded down as integers are.
    """
    top = _u(slot * LINES) * LINE + _u(1)
    n = _u(count)
    norm = np.float64(max((height - 1) ** 2 + (width - 1) ** 2, 1))
    i2 = np.float64((2 * row - (height - 1)) ** 2)
    left = np.float64(2 * col - (width - 1))
    for j in range(n):
        o = top + j
        l0, l1, l2, l3 = lines[o], lines[o + LINE], lines[o + _u(2) * LINE], lines[o + _u(3) * LINE]
        b, r, m = lines[o + _u(18) * LINE], lines[o + _u(19) * LINE], lines[o + _u(20) * LINE]
        light = np.floor((l0 + l1 + l2 + l3 + 2.0) * 0.25)
        m2, b2 = np.floor(m * m * 2.0**-12), np.floor(b * b * 2.0**-12)
        r2, br = np.floor(r * r * 2.0**-12), np.floor(b * r * 2.0**-12)
        m3 = np.floor(m2 * m * 2.0**-12)
        light2 = np.floor(light * light * 2.0**-14)
        out[j] = m
        out[j + LINE] = m2
        out[j + _u(2) * LINE] = m3
        out[j + _u(3) * LINE] = np.floor(m3 * m * 2.0**-12)
        out[j + _u(4) * LINE] = light2
        out[j + _u(5) * LINE] = np.floor(light2 * light * 2.0**-14)
        out[j + _u(6) * LINE] = b
        out[j + _u(7) * LINE] = r
        out[j + _u(8) * LINE] = b2
        out[j + _u(9) * LINE] = r2
        out[j + _u(10) * LINE] = br
        out[j + _u(11) * LINE] = np.floor(m2 * b * 2.0**-12)
        out[j + _u(12) * LINE] = np.floor(m2 * r * 2.0**-12)
        out[j + _u(13) * LINE] = np.floor(m * b2 * 2.0**-12)
        out[j + _u(14) * LINE] = np.floor(m * r2 * 2.0**-12)
        out[j + _u(15) * LINE] = np.floor(m * br * 2.0**-12)
        out[j + _u(16) * LINE] = np.floor(lines[o + _u(4) * LINE] * b2 * 2.0**-12)
        out[j + _u(17) * LINE] = np.floor(lines[o + _u(5) * LINE] * r2 * 2.0**-12)
        out[j + _u(18) * LINE] = np.floor(light * b * 2.0**-12)
        out[j + _u(19) * LINE] = np.floor(light * r * 2.0**-12)
        out[j + _u(20) * LINE] = lines[o + _u(14) * LINE]
        out[j + _u(21) * LINE] = lines[o + _u(15) * LINE]
        out[j + _u(22) * LINE] = lines[o + _u(16) * LINE]
        out[j + _u(23) * LINE] = lines[o + _u(17) * LINE]
        out[j + _u(24) * LINE] = np.floor(l0 * l0 * 2.0**-14)
        out[j + _u(25) * LINE] = np.floor(l1 * l1 * 2.0**-14)
        out[j + _u(26) * LINE] = np.floor(l2 * l2 * 2.0**-14)
        out[j + _u(27) * LINE] = np.floor(l3 * l3 * 2.0**-14)
        j2 = left + 2.0 * j
        radius = min(np.floor((i2 + j2 * j2) * 4096.0 / norm), 4096.0)
        lr2 = np.floor(light * radius * 2.0**-12)
        out[j + _u(39) * LINE] = lr2
        out[j + _u(40) * LINE] = np.floor(lr2 * radius * 2.0**-12)
    for k in range(HATS - 1):
        for j in range(n):
            m = lines[top + j + _u(20) * LINE]
            out[j + _u(28 + k) * LINE] = max(4096.0 - abs(m * (HATS - 1) - k * 4096.0), 0.0)
    if powers:
        for j in range(n):
            o = top + j
            q0, q1, q2, q3 = (lines[o + _u(6) * LINE], lines[o + _u(7) * LINE], lines[o + _u(8) * LINE],
                              lines[o + _u(9) * LINE])  # fmt: skip
            p0, p1, p2, p3 = (lines[o + _u(10) * LINE], lines[o + _u(11) * LINE], lines[o + _u(12) * LINE],
                              lines[o + _u(13) * LINE])  # fmt: skip
            b, r = lines[o + _u(18) * LINE], lines[o + _u(19) * LINE]
            q, p = np.floor((q0 + q1 + q2 + q3 + 2.0) * 0.25), np.floor((p0 + p1 + p2 + p3 + 2.0) * 0.25)
            pp = np.floor(p * p * 2.0**-14)
            out[j + _u(41) * LINE] = np.floor(q * b * 2.0**-12)
            out[j + _u(42) * LINE] = np.floor(q * r * 2.0**-12)
            out[j + _u(43) * LINE] = np.floor(p * b * 2.0**-12)
            out[j + _u(44) * LINE] = np.floor(p * r * 2.0**-12)
            out[j + _u(45) * LINE] = pp
            out[j + _u(46) * LINE] = np.floor(pp * p * 2.0**-14)
            out[j + _u(47) * LINE] = np.floor(p0 * p0 * 2.0**-14)
            out[j + _u(48) * LINE] = np.floor(p1 * p1 * 2.0**-14)
            out[j + _u(49) * LINE] = np.floor(p2 * p2 * 2.0**-14)
            out[j + _u(50) * LINE] = np.floor(p3 * p3 * 2.0**-14)


@compiled
def features(planes, tables, height, width, r, c, out):
    """Features of a window, out (m, rows, cols), float32 or float64; m: all of them, or those without powers of Y."""
    m, rows, cols = out.shape
    powers = m > _POWERS
    lines, own = scratch(3 * LINES), scratch(POINTS)
    for left in range(0, cols, CHUNK):
        n = min(CHUNK, cols - left)
        for i in range(-1, rows + 1):
            slot = (i + 1) % 3
            line(planes, tables, r + i + HALO, c + left + HALO - 1, n + 2, powers, lines, slot)
            if i < 1:
                continue
            points(lines, i % 3, r + i - 1, c + left, n, height, width, powers, own)
            _write(lines, own, (i - 1) % 3, i % 3, slot, n, out, i - 1, left)


@compiled
def _write(lines, own, above, middle, below, n, out, i, left):
    """Features of one row of cells to row i of the window's, from column `left` on."""
    out[0, i, left : left + n] = 4096.0
    for g in range(len(ORDER)):
        f = ORDER[g]
        if f >= len(out):
            continue
        to = out[f, i, left : left + n]
        if g < 9 * AROUND:
            slot = (above, middle, below)[g % 9 // 3]
            at = _u(slot * LINES + g // 9) * LINE + _u(g % 3)
            for j in range(n):
                to[j] = lines[at + _u(j)]
        else:
            at = _u(g - 9 * AROUND) * LINE
            for j in range(n):
                to[j] = own[at + _u(j)]


@compiled
def _add(sums, x, at, step, c, n):
    """Add three features, from `at` on and a step apart, times their coefficients c (4, 3), to the sums of four planes.
    """
    a0, a1, a2, b0, b1, b2 = c[0, 0], c[0, 1], c[0, 2], c[1, 0], c[1, 1], c[1, 2]
    d0, d1, d2, e0, e1, e2 = c[2, 0], c[2, 1], c[2, 2], c[3, 0], c[3, 1], c[3, 2]
    second, third = at + step, at + step + step
    for j in range(n):
        u, v, w = x[at + j], x[second + j], x[third + j]
        sums[j] += a0 * u + a1 * v + a2 * w
        sums[j + LINE] += b0 * u + b1 * v + b2 * w
        sums[j + _u(2) * LINE] += d0 * u + d1 * v + d2 * w
        sums[j + _u(3) * LINE] += e0 * u + e1 * v + e2 * w


@compiled
def prediction(planes, tables, height, width, r, c, whole, side, local, parts, more, limits, saturation, out):
    """Prediction of a window, out int32 (4, rows, cols).

    whole: coefficients in 2^-20, float64 (4, features); side: of a local recipe's blocks, 0 for none; local: its
    corrections in 2^-20, float64 (block rows, block columns, 4, terms); parts: features of terms, int64 (n, 3) of
    (term, feature, sign); more: features beyond the hand-made, float64 (k, rows, cols); limits: least and largest
    level; saturation: int64 (2, 4), from where a prediction is put onto which level.
    """
    rows, cols = out.shape[1:]
    lines, own, sums = scratch(3 * LINES), scratch(POINTS), scratch(4)
    mine = whole.copy()
    triples, used = np.empty((TRIPLES, 4, 3)), np.empty(TRIPLES, np.bool_)
    powers = np.any(whole[:, _POWERS:COUNT] != 0)
    ready = False
    left = 0
    while left < cols:
        n = min(CHUNK, cols - left)
        if side:
            n = min(n, side - (c + left) % side)
        column = min(c + left, width - 1) // side if side else 0
        last = -1
        for i in range(-1, rows + 1):
            slot = (i + 1) % 3
            line(planes, tables, r + i + HALO, c + left + HALO - 1, n + 2, powers, lines, slot)
            if i < 1:
                continue
            row = min(r + i - 1, height - 1) // side if side else 0
            if (side and row != last) or not ready:
                last, ready = row, True
                mine[:] = whole
                if side:
                    for p in range(len(parts)):
                        mine[:, parts[p, 1]] += parts[p, 2] * local[row, column, :, parts[p, 0]]
                _arrange(mine, triples, used)
            points(lines, i % 3, r + i - 1, c + left, n, height, width, powers, own)
            _sum(lines, own, sums, triples, used, mine, (i - 1) % 3, i % 3, slot, n)
            for k in range(len(more)):
                for plane in range(4):
                    at, weight, x = _u(plane) * LINE, mine[plane, COUNT + k], more[k, i - 1, left : left + n]
                    for j in range(n):
                        sums[at + _u(j)] += weight * x[j]
            for plane in range(4):
                at, to = _u(plane) * LINE, out[plane, i - 1, left : left + n]
                onto, start = saturation[1, plane], saturation[0, plane]
                for j in range(n):
                    v = np.int32(min(max(np.floor(sums[at + _u(j)] * 2.0**-20), limits[0]), limits[1]))
                    to[j] = onto if v >= start else v
        left += n


@compiled
def _arrange(mine, triples, used):
    """Coefficients as the sums want them: by three features in the kernel's order, and which are not all zero."""
    for t in range(TRIPLES):
        used[t] = False
        for k in range(4):
            for i in range(3):
                triples[t, k, i] = mine[k, ORDER[3 * t + i]]
                used[t] |= triples[t, k, i] != 0


@compiled
def _sum(lines, own, sums, triples, used, mine, above, middle, below, n):
    """Sums of coefficient and feature of one row of cells, four planes, with the half that rounding adds."""
    count = _u(n)
    for k in range(4):
        at = _u(k) * LINE
        for j in range(count):
            sums[at + j] = mine[k, 0] * 4096.0 + 2.0**19
    slots = (above, middle, below)
    for t in range(3 * AROUND):
        if used[t]:
            _add(sums, lines, _u(slots[t % 3] * LINES + t // 3) * LINE, _u(1), triples[t], count)
    for t in range(3 * AROUND, TRIPLES):
        if used[t]:
            _add(sums, own, _u(3 * t - 9 * AROUND) * LINE, LINE, triples[t], count)
