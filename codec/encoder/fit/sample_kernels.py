"""What the encoder's choices are made from: features of sampled blocks, and which values a mosaic has."""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled
from ...recipe.features_kernels import _POWERS, AROUND, CHUNK, HALO, LINE, LINES, ORDER, POINTS, line, points, scratch


@compiled
def bands(planes, tables, height, width, tops, picks, out):
    """Fill out, float32 (m, 4, bands * picks), with features of blocks: their mean, then across, down, both, over 4.

    tops: rows of cells, int64 (bands,); picks: numbers of blocks in them, ascending, int64 (bands, picks).
    """
    powers = len(out) > _POWERS
    lines, own = scratch(4 * LINES), (scratch(POINTS), scratch(POINTS))
    count = picks.shape[1]
    for band in range(len(tops)):
        top, first = tops[band], 0
        for left in range(0, width, CHUNK):
            last = first
            while last < count and 2 * picks[band, last] < left + CHUNK:
                last += 1
            if last == first:
                continue
            for i in range(4):
                line(planes, tables, top + i - 1 + HALO, left + HALO - 1, _cells(left, width) + 2, powers, lines, i)
            for i in range(2):
                points(lines, i + 1, top + i, left, _cells(left, width), height, width, powers, own[i])
            _write(lines, own, picks[band, first:last], left, band * count + first, out)
            first = last


@compiled
def _cells(left, width):
    """Cells of a chunk; the last block may reach one cell outside."""
    return min(CHUNK, width + width % 2 - left)


@compiled
def _write(lines, own, picks, left, to, out):
    """Blocks of one chunk to `out`, from column `to` on."""
    out[0, 0, to : to + len(picks)] = 4096.0
    out[0, 1:, to : to + len(picks)] = 0.0
    for g in range(len(ORDER)):
        f = ORDER[g]
        if f >= len(out):
            continue
        if g < 9 * AROUND:
            at = np.uint64(g % 9 // 3 * LINES + g // 9) * LINE + np.uint64(g % 3)
            first, second = lines[at:], lines[at + np.uint64(LINES) * LINE :]
        else:
            at = np.uint64(g - 9 * AROUND) * LINE
            first, second = own[0][at:], own[1][at:]
        for n in range(len(picks)):
            j = 2 * picks[n] - left
            a, b, c, d = first[j], first[j + 1], second[j], second[j + 1]
            out[f, 0, to + n] = (a + b + c + d) * 0.25
            out[f, 1, to + n] = (a - b + c - d) * 0.25
            out[f, 2, to + n] = (a + b - c - d) * 0.25
            out[f, 3, to + n] = (a - b - c + d) * 0.25


@compiled
def histogram(mosaic):
    """How often each value occurs in a uint16 array (h, w), int64 (65536,)."""
    counts = np.zeros((2, 1 << 16), np.int64)  # two, so that runs of one value don't wait for one another
    for row in mosaic:
        for j in range(len(row)):
            counts[j & 1, row[j]] += 1
    return counts[0] + counts[1]
