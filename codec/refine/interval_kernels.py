# mypy: no-check-untyped-defs
"""The inner loops on intervals: layer 0 opens them, each further layer splits them, and what is shown lies in them.

::

    symbols, thresholds of their class --open_intervals--> intervals
    intervals of a stage --ask--> those to be split, where, under which odds --answers--> ask again ... until none is
    left interval, mu, expected --reconstruct--> y_hat, |y_hat - mu| --> into the bordered arrays

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
"""In 1/256 of a step: an interval is not split nearer than this to its ends because of the deadzone."""

CHUNK = 1024
"""Cells that are asked about at once: what is written of them is read again from the processor's cache."""

_UNIT, _END = float(SHAPE_UNIT), float(SHAPE_UNIT * SHAPE_END)


@compiled
def open_intervals(symbols, classes, mu, step, prediction, thresholds, used, start, nearest, first, behind):
    """Layer 0: the intervals of a stage's symbols, values first <= i < behind, uint32 (H, W).

    prediction: int32 (H, W), companded; thresholds: int64 (CLASSES, HALF + 2); used: int32, companded values; nearest:
    number of the used value nearest to each companded value from `start` on.
    """
    height, width = symbols.shape
    count = len(used)
    for i in range(height):
        for j in range(width):
            m, c, q = np.int64(symbols[i, j]), classes[i, j], np.int64(step[i, j])
            u = np.int64(mu[i, j]) + prediction[i, j]
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
    count, answers, first, behind, asked, masses, mean, step, dead, expected, lossless, edges, finder, shape, odds
):  # fmt: skip
    """Split intervals as they were answered, then see which are to be split next; how many.

    count: intervals that were asked about, the first so many of asked, uint32 (2, n): their place, and before which
    value it was asked to be split; masses: float64 (3, n), from the mean to the interval's ends, and to that split.
    answers: bool (n,), whether the true value lies behind the split; none before the first round. first, behind: uint32
    (n,), of all intervals of the stage; mean, step, dead, expected: (n,), see `expect`; lossless: whether intervals are
    split down to single values; edges: int32, companded, between the used values and around them; finder: see
    `codec.refine.intervals`. Into odds: uint8, classes of odds of those to be split.
    """
    begins, kept = len(answers) == 0, np.uint64(0)
    where, share = np.empty(CHUNK + 1, np.int32), np.empty(CHUNK)
    for start in range(0, count, CHUNK):
        end, old = np.uint64(min(start + CHUNK, count)), kept
        if begins:
            kept = _begin(np.uint64(start), end, kept, first, behind, asked, mean, step, dead, lossless, edges, where)
        else:
            kept = _go_on(
                np.uint64(start), end, kept, answers, first, behind, asked, masses, mean, step, dead, lossless, edges,
                where
            )  # fmt: skip
        _weigh(old, kept, begins, first, behind, asked, masses, mean, expected, edges, finder, shape, where, share)
        classify(share[: kept - old], odds[old:kept])
    return np.int64(kept)


@compiled
def _begin(start, end, kept, first, behind, asked, mean, step, dead, lossless, edges, where):
    """Cells from start to end that are to be split, behind so many that are known; where: about at which value."""
    old = kept
    for p in range(start, end):
        wanted, at = _split_at(first[p], behind[p], mean[p], step[p], dead[p], lossless, edges)
        asked[0, kept], where[kept - old] = p, at
        kept += np.uint64(wanted)
    return kept


@compiled
def _go_on(start, end, kept, answers, first, behind, asked, masses, mean, step, dead, lossless, edges, where):
    """As `_begin`, of intervals that were asked about, split as they were answered."""
    left, right, middle = masses[0], masses[1], masses[2]
    old = kept
    for n in range(start, end):
        yes, p, split = answers[n], asked[0, n], asked[1, n]
        a, c = (split if yes else first[p]), (behind[p] if yes else split)
        below, above = (middle[n] if yes else left[n]), (right[n] if yes else middle[n])
        first[p], behind[p] = a, c
        wanted, at = _split_at(a, c, mean[p], step[p], dead[p], lossless, edges)
        asked[0, kept], where[kept - old] = p, at
        left[kept], right[kept] = below, above
        kept += np.uint64(wanted)
    return kept


@compiled
def _weigh(old, kept, begins, first, behind, asked, masses, mean, expected, edges, finder, shape, where, share):
    """Where intervals from old to kept are split, and the odds, float64 (kept - old,)."""
    left, right, middle = masses[0], masses[1], masses[2]
    for n in range(old, kept):
        p = asked[0, n]
        u, e, a, c = mean[p], expected[p], first[p], behind[p]
        if begins:
            left[n], right[n] = mass(shape, edges[a] - u, e), mass(shape, edges[c] - u, e)
        split = min(max(_number(where[n - old], finder, edges), np.int64(a) + 1), np.int64(c) - 1)
        asked[1, n] = split
        middle[n] = mass(shape, edges[np.uint64(split)] - u, e)
    for n in range(old, kept):
        share[n - old] = max(right[n] - middle[n], LEAST) / max(middle[n] - left[n], LEAST)


@compiled
def _split_at(a, c, u, step, dead, lossless, edges):
    """Whether the interval of the values a <= i < c is to be split, and about where, companded; u: the mean,
    companded."""
    low, high = edges[a] - u, edges[c] - u
    where, wanted = (low + high) >> 1, c > a + np.uint32(1)
    if not lossless:
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
def reconstruct(first, behind, used, edges, prediction, mu, expected, y_hat, deviations):
    """y_hat, the middle of each interval moved towards the mean, and |y_hat - mu|, inside their borders; largest
    |y_hat|.

    first, behind: uint32; prediction, mu: int32 (H, W); expected: float64. An interval of one value gives that value.
    """
    height, width = mu.shape
    peak = 0
    for i in range(height):
        for j in range(width):
            a, c, b, mean = first[i, j], behind[i, j], np.int64(prediction[i, j]), np.int64(mu[i, j])
            if c == a + 1:
                y = used[a] - b
            else:
                low, high = np.int64(edges[a]), np.int64(edges[c])
                wide = high - low
                middle = ((low + high) >> 1) - b
                way = np.int64(min(np.floor(wide * wide / (12.0 * expected[i, j])), float(wide >> 1)))
                y = middle + min(max(mean - middle, -way), way)
            y_hat[i + 1, j + 1] = y
            deviations[i + 1, j + 1] = abs(y - mean)
            peak = max(peak, abs(y))
    return peak
