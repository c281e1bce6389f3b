"""The guide in cells for the CPU: its planes with a border, and the contexts that the stages take from it."""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled

HALO = 4
"""Cells of the planes around the picture; below and to the right one more, since tiles have even sides."""

BRIGHT = 250 << 4
ACTIVITIES = 5
_F = np.float32
_NINE, _ALL = _F(9), _F(81)


@compiled
def pack(y, cb, cr, neutral, top, left, planes):
    """Fill a part of planes, int16 (6, h + 9, w + 9), inside the border: y's four sites of each cell, cb and cr less
    neutral.

    y: whole numbers (2 n, 2 m); cb, cr: (n, m), of the cells from (top, left) on.
    """
    n, m = cb.shape
    left += HALO
    for i in range(n):
        row = top + i + HALO
        for k in range(2):
            first, second = planes[2 * k, row, left : left + m], planes[2 * k + 1, row, left : left + m]
            source = y[2 * i + k]
            for j in range(m):
                first[j] = source[2 * j]
                second[j] = source[2 * j + 1]
        for j in range(m):
            planes[4, row, left + j] = cb[i, j] - neutral
            planes[5, row, left + j] = cr[i, j] - neutral


@compiled
def border(planes, top, left, bottom, right):
    """Repeat the edges of planes around the picture, within rows top..bottom and columns left..right of cells.

    planes: int16 (6, h + 9, w + 9), filled there; the rows and columns lie in the picture.
    """
    h, w = planes.shape[1] - 2 * HALO - 1, planes.shape[2] - 2 * HALO - 1
    for k in range(6):
        for i in range(top + HALO, bottom + HALO):
            row = planes[k, i]
            if left <= 0:
                row[:HALO] = row[HALO]
            if right >= w:
                row[HALO + w :] = row[HALO + w - 1]
        first = 0 if left <= 0 else left + HALO
        last = planes.shape[2] if right >= w else right + HALO
        if top <= 0:
            for i in range(HALO):
                planes[k, i, first:last] = planes[k, HALO, first:last]
        if bottom >= h:
            for i in range(HALO + h, planes.shape[1]):
                planes[k, i, first:last] = planes[k, HALO + h - 1, first:last]


@compiled
def activity(planes, r, c, out):
    """Contexts of a window, out int32 (5, rows, cols): detail, spread, around, chroma, clipped.

    Sums of whole numbers stay below 2^24 and quotients below 2^14, so that float32 rounds them down as integers are.
    """
    rows, cols = out.shape[1:]
    n = cols + 4
    luma = np.empty((3, cols + 6), np.float32)
    busy = np.empty((5, n), np.float32)
    detail, spread = np.empty((5, n), np.float32), np.empty((5, n), np.float32)
    wide = np.empty(n, np.float32)
    left = c + HALO
    for i in range(-3, rows + 3):
        at = r + i + HALO
        _luma(planes, at, left - 3, luma[(i + 3) % 3])
        if i < -1:
            continue
        # Detail and spread of the row above, with two cells more at either side.
        slot = (i + 1) % 5
        _busy(planes, at - 1, left - 2, luma, (i + 2) % 3, detail[slot], spread[slot], busy[slot])
        if i < 3:
            continue
        row = i - 3
        a0, a1, a2 = busy[row % 5], busy[(row + 1) % 5], busy[(row + 2) % 5]
        a3, a4 = busy[(row + 3) % 5], busy[(row + 4) % 5]
        for j in range(n):
            wide[j] = a0[j] + a4[j] + _F(2) * (a1[j] + a3[j]) + _F(3) * a2[j]
        middle = (row + 2) % 5
        for j in range(cols):
            out[0, row, j] = np.int32(detail[middle, j + 2])
            out[1, row, j] = np.int32(spread[middle, j + 2])
            total = wide[j] + wide[j + 4] + _F(2) * (wide[j + 1] + wide[j + 3]) + _F(3) * wide[j + 2]
            out[2, row, j] = np.int32(np.floor(total / _ALL))
        _chroma(planes, r + row + HALO, left, out[3, row], out[4, row])


@compiled
def _luma(planes, row, left, to):
    """Sums of the four sites' luma."""
    y0, y1 = planes[0, row, left : left + len(to)], planes[1, row, left : left + len(to)]
    y2, y3 = planes[2, row, left : left + len(to)], planes[3, row, left : left + len(to)]
    for j in range(len(to)):
        to[j] = _F(y0[j]) + _F(y1[j]) + _F(y2[j]) + _F(y3[j])


@compiled
def _busy(planes, row, left, luma, middle, detail, spread, both):
    """Detail and spread of one row of cells, and their sum; luma: of three rows, that of this one in slot middle."""
    n = len(both)
    y0, y1 = planes[0, row, left : left + n], planes[1, row, left : left + n]
    y2, y3 = planes[2, row, left : left + n], planes[3, row, left : left + n]
    own, other, third = luma[middle], luma[(middle + 1) % 3], luma[(middle + 2) % 3]
    for j in range(n):
        box = own[j] + own[j + 1] + own[j + 2] + other[j] + other[j + 1] + other[j + 2]
        box += third[j] + third[j + 1] + third[j + 2]
        most = max(max(_F(y0[j]), _F(y1[j])), max(_F(y2[j]), _F(y3[j])))
        least = min(min(_F(y0[j]), _F(y1[j])), min(_F(y2[j]), _F(y3[j])))
        detail[j] = np.floor(abs(own[j + 1] * _NINE - box) / _F(36))
        spread[j] = most - least
        both[j] = detail[j] + spread[j]


@compiled
def _chroma(planes, row, left, chroma, clipped):
    """Detail of Cb and Cr added, and whether a site of the cell is bright."""
    n = len(chroma)
    for k in range(4, 6):
        above, below = planes[k, row - 1, left - 1 : left + n + 1], planes[k, row + 1, left - 1 : left + n + 1]
        own = planes[k, row, left - 1 : left + n + 1]
        for j in range(n):
            box = _F(own[j]) + _F(own[j + 1]) + _F(own[j + 2])
            box += _F(above[j]) + _F(above[j + 1]) + _F(above[j + 2])
            box += _F(below[j]) + _F(below[j + 1]) + _F(below[j + 2])
            part = np.int32(np.floor(abs(_F(own[j + 1]) * _NINE - box) / _NINE))
            chroma[j] = part if k == 4 else chroma[j] + part
    y0, y1 = planes[0, row, left : left + n], planes[1, row, left : left + n]
    y2, y3 = planes[2, row, left : left + n], planes[3, row, left : left + n]
    for j in range(n):
        clipped[j] = 64 if max(max(y0[j], y1[j]), max(y2[j], y3[j])) >= BRIGHT else 0
