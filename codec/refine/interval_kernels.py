# mypy: no-check-untyped-defs
"""The inner loops on cells: layer 0 opens them, each further layer cuts them, and what is shown lies in them.

::

    symbols, thresholds of their class --open_cells--> cells
    cells of a stage --ask--> those to be cut, where, under which odds --answers--> ask again ... until none is left
    cell, mu, expected --settle--> y_hat, |y_hat - mu| --> into the bordered arrays

Numbers are whole, in int32 or int64; masses and odds are float64, by single operations. Most loops do without
branches that nobody can foresee, and index by unsigned numbers, which need no look at negative ones.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled
from ...entropy.binary import classify
from ...entropy.odds import LEAST, SHAPE_END, SHAPE_UNIT
from ...entropy.tables import HALF, OFFSET_UNIT

MARGIN = 77
"""In 1/256 of a step: a cell is not cut nearer than this to its ends because of the deadzone."""

CHUNK = 1024
"""Cells that are asked about at once: what is written of them is read again from the processor's cache."""

_UNIT, _END = float(SHAPE_UNIT), float(SHAPE_UNIT * SHAPE_END)


@compiled
def open_cells(symbols, classes, mu, step, base, thresholds, used, start, nearest, first, behind):
    """Layer 0: the cells of a stage's symbols, values first <= i < behind, uint32 (H, W).

    base: int32 (H, W), companded; thresholds: int64 (CLASSES, HALF + 2); used: int32, companded values; nearest: number
    of the used value nearest to each companded value from `start` on.
    """
    height, width = symbols.shape
    count = len(used)
    for i in range(height):
        for j in range(width):
            m, c, q = np.int64(symbols[i, j]), classes[i, j], np.int64(step[i, j])
            u = np.int64(mu[i, j]) + base[i, j]
            near = least_of(thresholds, c, abs(m), q)
            far = least_of(thresholds, c, abs(m) + 1, q)
            low = u + (near if m > 0 else 1 - far)
            high = u + (1 - near if m < 0 else far)
            a = min(_behind(low, used, start, nearest), count - 1)
            first[i, j] = a
            behind[i, j] = max(_behind(high, used, start, nearest), a + 1)


@compiled
def least_of(thresholds, c, symbol, step):
    """Least |y - mu| that is coded as a symbol of that magnitude."""
    at = thresholds[c, symbol] if symbol <= HALF + 1 else symbol * OFFSET_UNIT - OFFSET_UNIT // 2
    return -(-at * step // OFFSET_UNIT)


@compiled
def _behind(u, used, start, nearest):
    """How many used values lie below u."""
    index = nearest[min(max(u - start, 0), len(nearest) - 1)]
    return index + (used[index] < u)


@compiled
def mass(shape, distance, expected):
    """Mass of the expected distribution from the mean to a distance from it, with the distance's sign."""
    at = min(abs(distance) * _UNIT / expected, _END)
    entry = np.uint64(np.int64(at))
    below = shape[entry]
    return np.copysign(below + (shape[entry + np.uint64(1)] - below) * (at - np.int64(at)), distance)


@compiled
def ask(
    count, answers, first, behind, asked, masses, mean, step, dead, expected, deep, edges, finder, shape, odds
):  # fmt: skip
    """Cut cells as they were answered, then see which are to be cut next; how many.

    count: cells that were asked about, the first so many of asked, uint32 (2, n): their place, and before which value
    it was asked to be cut; masses: float64 (3, n), from the mean to the cell's ends, and to that cut. answers: bool
    (n,), whether the true value lies behind the cut; none before the first round. first, behind: uint32 (n,), of all
    cells of the stage; mean, step, dead, expected: (n,), see `expect`; deep: whether cells are cut down to single
    values; edges: int32, companded, between the used values and around them; finder: see `codec.refine.intervals`. Into
    odds: uint8, classes of odds of those to be cut.
    """
    begins, kept = len(answers) == 0, np.uint64(0)
    where, share = np.empty(CHUNK + 1, np.int32), np.empty(CHUNK)
    for start in range(0, count, CHUNK):
        end, old = np.uint64(min(start + CHUNK, count)), kept
        if begins:
            kept = _begin(np.uint64(start), end, kept, first, behind, asked, mean, step, dead, deep, edges, where)
        else:
            kept = _go_on(
                np.uint64(start), end, kept, answers, first, behind, asked, masses, mean, step, dead, deep, edges, where
            )  # fmt: skip
        _weigh(old, kept, begins, first, behind, asked, masses, mean, expected, edges, finder, shape, where, share)
        classify(share[: kept - old], odds[old:kept])
    return np.int64(kept)


@compiled
def _begin(start, end, kept, first, behind, asked, mean, step, dead, deep, edges, where):
    """Cells from start to end that are to be cut, behind so many that are known; where: about at which value."""
    old = kept
    for p in range(start, end):
        wanted, at = _cut_at(first[p], behind[p], mean[p], step[p], dead[p], deep, edges)
        asked[0, kept], where[kept - old] = p, at
        kept += np.uint64(wanted)
    return kept


@compiled
def _go_on(start, end, kept, answers, first, behind, asked, masses, mean, step, dead, deep, edges, where):
    """As `_begin`, of cells that were asked about, cut as they were answered."""
    left, right, middle = masses[0], masses[1], masses[2]
    old = kept
    for n in range(start, end):
        yes, p, cut = answers[n], asked[0, n], asked[1, n]
        a, c = (cut if yes else first[p]), (behind[p] if yes else cut)
        below, above = (middle[n] if yes else left[n]), (right[n] if yes else middle[n])
        first[p], behind[p] = a, c
        wanted, at = _cut_at(a, c, mean[p], step[p], dead[p], deep, edges)
        asked[0, kept], where[kept - old] = p, at
        left[kept], right[kept] = below, above
        kept += np.uint64(wanted)
    return kept


@compiled
def _weigh(old, kept, begins, first, behind, asked, masses, mean, expected, edges, finder, shape, where, share):
    """Where cells from old to kept are cut, and the odds, float64 (kept - old,)."""
    left, right, middle = masses[0], masses[1], masses[2]
    for n in range(old, kept):
        p = asked[0, n]
        u, e, a, c = mean[p], expected[p], first[p], behind[p]
        if begins:
            left[n], right[n] = mass(shape, edges[a] - u, e), mass(shape, edges[c] - u, e)
        cut = min(max(_number(where[n - old], finder, edges), np.int64(a) + 1), np.int64(c) - 1)
        asked[1, n] = cut
        middle[n] = mass(shape, edges[np.uint64(cut)] - u, e)
    for n in range(old, kept):
        share[n - old] = max(right[n] - middle[n], LEAST) / max(middle[n] - left[n], LEAST)


@compiled
def _cut_at(a, c, u, step, dead, deep, edges):
    """Whether the cell of the values a <= i < c is to be cut, and about where, companded; u: the mean, companded."""
    low, high = edges[a] - u, edges[c] - u
    where, wanted = (low + high) >> 1, c > a + np.uint32(1)
    if not deep:
        q = np.int64(step)
        wanted &= 2 * (high - low) > 3 * q
        if dead:
            margin = q * MARGIN >> 8
            inner, outer, reach = low + margin, high - margin, dead + margin
            wanted &= not ((-reach <= low) & (low <= 0) & (0 <= high) & (high <= reach))
            where = dead if (inner < dead) & (dead < outer) else where
            where = -dead if (inner < -dead) & (-dead < outer) else where
    return wanted, u + where


@compiled
def _number(u, finder, edges):
    """Number of the used value nearest to u, companded; beyond the outer ones perhaps one too many or few."""
    start, shift, table = finder
    index = table[np.uint64(min(max((u - start) >> shift, 0), len(table) - 1))]
    return np.int64(index) + (edges[np.uint64(index) + np.uint64(1)] <= u)


@compiled
def settle(first, behind, used, edges, base, mu, expected, y_hat, sizes):
    """y_hat, the middle of each cell moved towards the mean, and |y_hat - mu|, inside their borders; largest |y_hat|.

    first, behind: uint32; base, mu: int32 (H, W); expected: float64. A cell of one value gives that value.
    """
    height, width = mu.shape
    peak = 0
    for i in range(height):
        for j in range(width):
            a, c, b, mean = first[i, j], behind[i, j], np.int64(base[i, j]), np.int64(mu[i, j])
            if c == a + 1:
                y = used[a] - b
            else:
                low, high = np.int64(edges[a]), np.int64(edges[c])
                wide = high - low
                middle = ((low + high) >> 1) - b
                way = np.int64(min(np.floor(wide * wide / (12.0 * expected[i, j])), float(wide >> 1)))
                y = middle + min(max(mean - middle, -way), way)
            y_hat[i + 1, j + 1] = y
            sizes[i + 1, j + 1] = abs(y - mean)
            peak = max(peak, abs(y))
    return peak
