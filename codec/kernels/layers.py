# mypy: no-check-untyped-defs
"""The inner loops of streams in layers: what a stage of a further layer expects, where cells are cut, what is shown.

::

    values, sizes around, finest that is decoded --expect--> mu, step, expected magnitude, class
    cells of a stage --ask--> those to be cut, where, under which odds --answers--> ask again ... until none is left
    cell, mu, expected --settle--> y_hat, |y_hat - mu| --> into the bordered arrays

Whole numbers throughout, in int32, int64 or in float64 below 2^53; masses and odds are float64, by single operations.
"""

from __future__ import annotations

import numpy as np

from codec.trunk.cells import LEAST, SHAPE_END, SHAPE_UNIT
from entropy.cuts import classify
from entropy.jit import compiled
from entropy.tables import HALF, OFFSET_UNIT, SIZE_BITS

CONTEXT_LIMIT = float(1 << 30)
"""Bound of a context, so that sizes stay below 2^53."""

MARGIN = 77
"""In 1/256 of a step: a cell is not cut nearer than this to its ends because of the deadzone."""

_UNIT, _END = float(SHAPE_UNIT), float(SHAPE_UNIT * SHAPE_END)
_SIZE = float(1 << SIZE_BITS)


@compiled
def expect(
    values, sizes, own, all_planes, near, coefficients, narrow, around, starts, factors, weights, cell, steps, activity,
    class_of, mantissa_bits, mean_limit, mu, step, expected, classes,
):  # fmt: skip
    """Mean, step, expected magnitude and class of every place of a stage.

    values, sizes: int32 (4, 4, H + 2, W + 2), y_hat and |y_hat - mu| by plane and pass; own, all_planes: int32
    (H + 2, W + 2), sizes summed over the stage's plane, over all planes. near: int64 (v, 4), places (plane, pass, rows,
    columns) of the mean, int64 coefficients (v,) in 1/512; narrow: whether their sums fit into int32. around: likewise
    of the sizes; context n looks at those from starts[n] on, int64, times factors[n]. weights: float64 (3 + A + n + 2,)
    of the constant, 1 / step, mean, activities, the contexts, own box, the others' box. cell: uint16 (H, W), index into
    steps int32; activity: int32 (A, H, W). Into mu, step: int32; expected: float64; classes: uint8, (H, W).
    """
    height, width = mu.shape
    total, size, scale = np.empty(width), np.empty(width), np.empty(width)
    whole, columns = np.empty(width, np.int32), np.empty(width + 2, np.int32)
    bits = size.view(np.int64)
    last = len(class_of) - 1
    shift, offset = 52 - mantissa_bits, np.int64(1023) << mantissa_bits
    predicts = False
    for v in range(len(near)):
        predicts |= coefficients[v] != 0
    contexts = 3 + len(activity)
    boxes = contexts + len(factors)
    for i in range(height):
        which, into = cell[i], step[i]
        for j in range(width):
            into[j] = steps[which[j]]
        for j in range(width):
            scale[j] = into[j]
            size[j] = weights[0]
        mean = mu[i]
        if not predicts:
            mean[:] = 0
        elif narrow:
            whole[:] = 256
            for v in range(len(near)):
                c = np.int32(coefficients[v])
                if c != 0:
                    at = near[v, 3] + 1
                    view = values[near[v, 0], near[v, 1], i + 1 + near[v, 2]][at : at + width]
                    for j in range(width):
                        whole[j] = np.int32(whole[j] + c * view[j])
            bound = np.int32(mean_limit)
            for j in range(width):
                mean[j] = min(max(whole[j] >> 9, -bound), bound)
        else:
            total[:] = 256.0
            for v in range(len(near)):
                c = float(coefficients[v])
                at = near[v, 3] + 1
                view = values[near[v, 0], near[v, 1], i + 1 + near[v, 2]][at : at + width]
                for j in range(width):
                    total[j] += c * view[j]
            for j in range(width):
                mean[j] = np.int32(min(max(np.floor(total[j] / 512.0), -mean_limit), mean_limit))
        c = weights[1]
        if c != 0.0:
            for j in range(width):
                size[j] += c * np.floor(65536.0 / scale[j])
        c = weights[2]
        if c != 0.0:
            for j in range(width):
                size[j] += c * np.floor(abs(np.float64(mean[j])) * 256.0 / scale[j])
        for a in range(len(activity)):
            c = weights[3 + a]
            if c != 0.0:
                view = activity[a, i]
                for j in range(width):
                    size[j] += c * np.floor(view[j] * 16384.0 / scale[j])
        for n in range(len(factors)):
            c, factor = weights[contexts + n], factors[n]
            if c != 0.0:
                whole[:] = 0
                for v in range(starts[n], starts[n + 1]):
                    at = around[v, 3] + 1
                    view = sizes[around[v, 0], around[v, 1], i + 1 + around[v, 2]][at : at + width]
                    for j in range(width):
                        whole[j] += view[j]
                for j in range(width):
                    size[j] += c * min(np.floor(whole[j] * factor / scale[j]), CONTEXT_LIMIT)
        c, rest = weights[boxes], weights[boxes + 1]
        if c != 0.0:
            _columns(own, i, columns)
            for j in range(width):
                box = np.float64(columns[j] + columns[j + 1] + columns[j + 2])
                size[j] += c * min(np.floor(box * 8.0 / scale[j]), CONTEXT_LIMIT)
        if rest != 0.0:
            _columns_between(all_planes, own, i, columns)
            for j in range(width):
                box = np.float64(columns[j] + columns[j + 1] + columns[j + 2])
                size[j] += rest * min(np.floor(box * 4.0 / scale[j]), CONTEXT_LIMIT)
        wide, out = expected[i], classes[i]
        for j in range(width):
            wide[j] = max(np.floor(size[j] * scale[j] / _SIZE), 1.0)
        for j in range(width):
            out[j] = class_of[min(max((bits[j] >> shift) - offset, 0), last)]


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
    """Layer 0: the cells of a stage's symbols, values first <= i < behind, int32 (H, W).

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
    entry = np.int64(at)
    out = shape[entry] + (shape[entry + 1] - shape[entry]) * (at - entry)
    return out if distance > 0 else -out


@compiled
def begin(first, behind, ends):
    """All cells of a stage, int32 (n,), as the first round asks about them: into ends, int32 (4, n)."""
    for p in range(len(first)):
        ends[0, p], ends[1, p], ends[2, p] = p, first[p], behind[p]


@compiled
def ask(
    count, answers, first, behind, ends, masses, mu, base, step, expected, classes, deep, thresholds, edges, shape,
    start, nearest, odds,
):  # fmt: skip
    """Cut cells as they were answered, then see which are to be cut next; how many.

    count: cells that were asked about, the first so many of ends, int32 (4, n): place, values from .. to, and before
    which it was asked to be cut; masses: float64 (3, n), from the mean to the cell's ends, and to that cut. answers:
    bool (n,), whether the true value lies behind the cut; none before the first round. first, behind: int32 (n,), of
    all cells of the stage; mu, base, step: int32, expected: float64, classes: uint8, (n,); deep: whether cells are cut
    down to single values; thresholds: int64 (CLASSES,), of a symbol 1; edges: int32, companded, between the used values
    and around them. Into odds: uint8, classes of odds of those to be cut.
    """
    begins, kept = len(answers) == 0, 0
    place, lows, highs, cuts = ends[0], ends[1], ends[2], ends[3]
    left, right, middle = masses[0], masses[1], masses[2]
    for n in range(count):
        p, a, c = place[n], lows[n], highs[n]
        below, above = left[n], right[n]
        if not begins:
            if answers[n]:
                a, below = cuts[n], middle[n]
                first[p] = a
            else:
                c, above = cuts[n], middle[n]
                behind[p] = c
        if c - a < 2:
            continue
        u = base[p] + mu[p]
        low, high = np.int64(edges[a]) - u, np.int64(edges[c]) - u
        where = (low + high) >> 1
        e = expected[p]
        if not deep:
            q = np.int64(step[p])
            if 2 * (high - low) <= 3 * q:
                continue
            if e * 10.0 < q * 7.0:
                dead, margin = -(-thresholds[classes[p]] * q // OFFSET_UNIT), q * MARGIN >> 8
                reach = dead + margin
                if -reach <= low <= 0 <= high <= reach:
                    continue
                if low + margin < -dead < high - margin:
                    where = -dead
                elif low + margin < dead < high - margin:
                    where = dead
        if c - a == 2:
            index = a + 1
        else:
            at = min(max(u + where - start, 0), len(nearest) - 1)
            index = np.int32(min(max(nearest[at], a + 1), c - 1))
        if begins:
            below, above = mass(shape, low, e), mass(shape, high, e)
        place[kept], lows[kept], highs[kept], cuts[kept] = p, a, c, index
        left[kept], right[kept], middle[kept] = below, above, mass(shape, np.int64(edges[index]) - u, e)
        kept += 1
    share = np.empty(kept)
    for n in range(kept):
        share[n] = max(right[n] - middle[n], LEAST) / max(middle[n] - left[n], LEAST)
    classify(share, odds)
    return kept


@compiled
def settle(first, behind, used, edges, base, mu, expected, y_hat, sizes):
    """y_hat, the middle of each cell moved towards the mean, and |y_hat - mu|, inside their borders; largest |y_hat|.

    first, behind, base, mu: int32 (H, W); expected: float64. A cell of one value gives that value.
    """
    height, width = mu.shape
    peak = 0
    for i in range(height):
        for j in range(width):
            a, c, b, mean = first[i, j], behind[i, j], np.int64(base[i, j]), np.int64(mu[i, j])
            if c - a == 1:
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
