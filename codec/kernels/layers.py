# mypy: no-check-untyped-defs
"""The inner loops of streams in layers: what a stage of a further layer expects, where cells are cut, what is shown.

::

    values, sizes around, finest that is decoded --expect--> mu, step, expected magnitude, deadzone
    cells of a stage --ask--> those to be cut, where, under which odds --answers--> ask again ... until none is left
    cell, mu, expected --settle--> y_hat, |y_hat - mu| --> into the bordered arrays

Whole numbers throughout, in int32, int64 or in float64 below 2^53; masses and odds are float64, by single operations.
"""

from __future__ import annotations

import numpy as np

from codec.trunk.cells import LEAST, SHAPE_END, SHAPE_UNIT
from codec.trunk.params import MEAN_UNIT
from entropy.cuts import classify
from entropy.jit import compiled
from entropy.tables import HALF, OFFSET_UNIT, SIZE_BITS

CONTEXT_LIMIT = float(1 << 30)
"""Bound of a context, so that sizes stay below 2^53."""

MARGIN = 77
"""In 1/256 of a step: a cell is not cut nearer than this to its ends because of the deadzone."""

UNIT_BITS = 9
_int = np.int32
HALF_UNIT = MEAN_UNIT // 2
OFFSET_BITS = 6
CHUNK = 1024
"""Cells that are asked about at once: what is written of them is read again from the processor's cache."""

_UNIT, _END = float(SHAPE_UNIT), float(SHAPE_UNIT * SHAPE_END)
_SIZE = float(1 << SIZE_BITS)


@compiled
def expect(
    values, sizes, own, all_planes, near, coefficients, narrow, around, starts, factors, weights, cell, steps, activity,
    base, class_of, mantissa_bits, thresholds, mean_limit, mu, mean, step, expected, dead,
):  # fmt: skip
    """Mean, step, expected magnitude and deadzone of every place of a stage.

    values, sizes: int32 (4, 4, H + 2, W + 2), y_hat and |y_hat - mu| by plane and pass; own, all_planes: int32
    (H + 2, W + 2), sizes summed over the stage's plane, over all planes. near: int64 (v, 4), places (plane, pass, rows,
    columns) of the mean, int64 coefficients (v,) in 1/512; narrow: whether their sums fit into int32. around: likewise
    of the sizes; context n looks at those from starts[n] on, int64, times factors[n]. weights: float64 (3 + A + n + 2,)
    of the constant, 1 / step, mean, activities, the contexts, own box, the others' box. cell: uint16 (H, W), index into
    steps int32; activity: int32 (A, H, W); base: int32 (H, W), companded; thresholds: int32 (CLASSES,), of a
    symbol 1. Into mu, mean (base and mu), step: int32; expected: float64; dead: int32, half the deadzone around the mean,
    0 where so much is expected that there is none; all (H, W).
    """
    height, width = mu.shape
    total, size, scale, share = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    whole, columns = np.empty(width, np.int32), np.empty(width + 2, np.int32)
    bits = size.view(np.int64)
    last = len(class_of) - 1
    shift, offset = 52 - mantissa_bits, np.int64(1023) << mantissa_bits
    bound = np.int32(mean_limit)
    predicts = np.any(coefficients != 0)
    contexts = 3 + len(activity)
    boxes = contexts + len(factors)
    for i in range(height):
        which, into = cell[i], step[i]
        for j in range(width):
            into[j] = steps[which[j]]
        for j in range(width):
            scale[j] = into[j]
            size[j] = weights[0]
        for j in range(width):
            share[j] = 1.0 / scale[j]
        about = mu[i]
        if not predicts:
            about[:] = 0
        elif narrow:
            whole[:] = HALF_UNIT
            for v in range(0, len(near), 5):
                _add_five(values, near[v : v + 5], coefficients[v : v + 5], i, whole)
            for j in range(width):
                about[j] = min(max(whole[j] >> UNIT_BITS, -bound), bound)
        else:
            total[:] = HALF_UNIT
            for v in range(len(near)):
                c = float(coefficients[v])
                at = near[v, 3] + 1
                view = values[near[v, 0], near[v, 1], i + 1 + near[v, 2]][at : at + width]
                for j in range(width):
                    total[j] += c * view[j]
            for j in range(width):
                about[j] = np.int32(min(max(np.floor(total[j] / MEAN_UNIT), -mean_limit), mean_limit))
        c = weights[1]
        if c != 0.0:
            for j in range(width):
                size[j] += c * _floor(65536.0, scale[j], share[j])
        c = weights[2]
        if c != 0.0:
            for j in range(width):
                size[j] += c * _floor(abs(about[j]) * 256.0, scale[j], share[j])
        for a in range(len(activity)):
            c = weights[3 + a]
            if c != 0.0:
                view = activity[a, i]
                for j in range(width):
                    size[j] += c * _floor(view[j] * 16384.0, scale[j], share[j])
        for n in range(len(factors)):
            c, factor = weights[contexts + n], factors[n]
            if c != 0.0:
                _gather(sizes, around[starts[n] : starts[n + 1]], i, whole)
                for j in range(width):
                    size[j] += c * min(_floor(whole[j] * factor, scale[j], share[j]), CONTEXT_LIMIT)
        c, rest = weights[boxes], weights[boxes + 1]
        if c != 0.0:
            _columns(own, i, columns)
            for j in range(width):
                box = columns[j] + columns[j + 1] + columns[j + 2]
                size[j] += c * min(_floor(box * 8.0, scale[j], share[j]), CONTEXT_LIMIT)
        if rest != 0.0:
            _columns_between(all_planes, own, i, columns)
            for j in range(width):
                box = columns[j] + columns[j + 1] + columns[j + 2]
                size[j] += rest * min(_floor(box * 4.0, scale[j], share[j]), CONTEXT_LIMIT)
        to = mean[i]
        for j in range(width):
            to[j] = about[j] + base[i, j]
        wide, out = expected[i], dead[i]
        for j in range(width):
            wide[j] = max(np.floor(size[j] * scale[j] / _SIZE), 1.0)
        for j in range(width):
            whole[j] = thresholds[class_of[np.uint64(min(max((bits[j] >> shift) - offset, 0), last))]]
        for j in range(width):
            zone = (whole[j] * into[j] + OFFSET_UNIT - 1) >> OFFSET_BITS
            out[j] = zone if wide[j] * 10.0 < into[j] * 7.0 else 0


@compiled
def _floor(value, step, share):
    """floor(value / step) of whole numbers, value from 0 to 2^50; share: 1 / step. Faster than a division."""
    out = np.floor(value * share)
    left = value - out * step
    return out + 1.0 if left >= step else (out - 1.0 if left < 0.0 else out)


@compiled
def _add_five(values, near, coefficients, i, total):
    """Add five views times their coefficients to a row, all in int32."""
    width = len(total)
    a, b, c = _view(values, near[0], i, width), _view(values, near[1], i, width), _view(values, near[2], i, width)
    d, e = _view(values, near[3], i, width), _view(values, near[4], i, width)
    f, g, h = np.int32(coefficients[0]), np.int32(coefficients[1]), np.int32(coefficients[2])
    k, l = np.int32(coefficients[3]), np.int32(coefficients[4])
    for j in range(width):
        first = _int(_int(_int(f * a[j]) + _int(g * b[j])) + _int(h * c[j]))
        total[j] = _int(_int(total[j] + first) + _int(_int(k * d[j]) + _int(l * e[j])))


@compiled
def _view(values, place, i, width):
    """A row of places (plane, pass, rows, columns) around row i."""
    at = place[3] + 1
    return values[place[0], place[1], i + 1 + place[2]][at : at + width]


@compiled
def _gather(sizes, around, i, total):
    """Sums of one place, or of four, into int32 (W,)."""
    width = len(total)
    a = _view(sizes, around[0], i, width)
    if len(around) == 1:
        for j in range(width):
            total[j] = a[j]
        return
    b, c, d = _view(sizes, around[1], i, width), _view(sizes, around[2], i, width), _view(sizes, around[3], i, width)
    for j in range(width):
        total[j] = _int(_int(a[j] + b[j]) + _int(c[j] + d[j]))


@compiled
def _columns(box, i, columns):
    """Sums of three rows from i on."""
    a, b, c = box[i], box[i + 1], box[i + 2]
    for j in range(len(columns)):
        columns[j] = a[j] + b[j] + c[j]


@compiled
def _columns_between(box, less, i, columns):
    """Sums of three rows of a difference."""
    a, b, c = box[i], box[i + 1], box[i + 2]
    d, e, f = less[i], less[i + 1], less[i + 2]
    for j in range(len(columns)):
        columns[j] = (a[j] - d[j]) + (b[j] - e[j]) + (c[j] - f[j])


@compiled
def rebuild_first(symbols, mu, step, limit, cap, y_hat, contexts, sizes):
    """Layer 0: values, contexts and |y_hat - mu| of a stage's symbols, int32 (H, W), inside the borders of int32
    (H + 2, W + 2)."""
    height, width = symbols.shape
    for i in range(height):
        for j in range(width):
            m, mean = np.int64(symbols[i, j]), np.int64(mu[i, j])
            y = min(max(mean + m * step[i, j], -limit), limit)
            y_hat[i + 1, j + 1] = y
            contexts[i + 1, j + 1] = min(4 * abs(m), cap)
            sizes[i + 1, j + 1] = abs(y - mean)


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
    values; edges: int32, companded, between the used values and around them; finder: see `codec.trunk.cells`. Into
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


@compiled
def change(part, into, more):
    """into += part or, where `more` is false, -= part; int32 of one shape."""
    for i in range(len(part)):
        row, to = part[i], into[i]
        if more:
            for j in range(len(row)):
                to[j] += row[j]
        else:
            for j in range(len(row)):
                to[j] -= row[j]


assert MEAN_UNIT == 1 << UNIT_BITS and OFFSET_UNIT == 1 << OFFSET_BITS
