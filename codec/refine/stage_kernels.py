# mypy: no-check-untyped-defs
"""The inner loops of streams in layers: the values of layer 0, and what a stage of a further layer expects.

::

    layer 0: symbols, mu, step --rebuild_first--> y_hat, |y_hat - mu|
    values, deviations around, the finest that is decoded --expect--> mu, step, expected magnitude, deadzone
    what happens to the intervals is in `codec.refine.interval_kernels`

Whole numbers throughout, in int32, int64 or in float64 below 2^53.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled
from ...entropy.tables import OFFSET_UNIT, SCALE_BITS
from ..stages.order import MEAN_UNIT

CONTEXT_LIMIT = float(1 << 30)
"""Bound of a context, so that scales stay below 2^53."""

UNIT_BITS = 9
_int = np.int32
HALF_UNIT = MEAN_UNIT // 2
OFFSET_BITS = 6
_SCALE = float(1 << SCALE_BITS)


@compiled
def expect(
    values, deviations, own, all_planes, near, coefficients, narrow, around, starts, factors, weights, step_bin, steps,
    activity, prediction, class_of, mantissa_bits, thresholds, mean_limit, mu, mean, step, expected, dead,
):  # fmt: skip
    """Mean, step, expected magnitude and deadzone of every place of a stage.

    values, deviations: int32 (4, 4, H + 2, W + 2), y_hat and |y_hat - mu| by plane and pass; own, all_planes: int32
    (H + 2, W + 2), deviations summed over the stage's plane, over all planes. near: int64 (v, 4), places (plane, pass,
    rows, columns) of the mean, int64 coefficients (v,) in 1/512; narrow: whether their sums fit into int32. around:
    likewise of the deviations; context n looks at those from starts[n] on, int64, times factors[n]. weights: float64
    (3 + A + n + 2,) of the constant, 1 / step, mean, activities, the contexts, own box, the others' box. step_bin:
    uint16 (H, W), index into steps int32; activity: int32 (A, H, W); prediction: int32 (H, W), companded; thresholds:
    int32 (CLASSES,), of a symbol 1. Into mu, mean (prediction and mu), step: int32; expected: float64; dead: int32,
    half the deadzone around the mean, 0 where so much is expected that there is none; all (H, W).
    """
    height, width = mu.shape
    total, scale, q, share = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    whole, columns = np.empty(width, np.int32), np.empty(width + 2, np.int32)
    bits = scale.view(np.int64)
    last = len(class_of) - 1
    shift, offset = 52 - mantissa_bits, np.int64(1023) << mantissa_bits
    bound = np.int32(mean_limit)
    predicts = np.any(coefficients != 0)
    contexts = 3 + len(activity)
    boxes = contexts + len(factors)
    for i in range(height):
        which, into = step_bin[i], step[i]
        for j in range(width):
            into[j] = steps[which[j]]
        for j in range(width):
            q[j] = into[j]
            scale[j] = weights[0]
        for j in range(width):
            share[j] = 1.0 / q[j]
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
                scale[j] += c * _floor(65536.0, q[j], share[j])
        c = weights[2]
        if c != 0.0:
            for j in range(width):
                scale[j] += c * _floor(abs(about[j]) * 256.0, q[j], share[j])
        for a in range(len(activity)):
            c = weights[3 + a]
            if c != 0.0:
                view = activity[a, i]
                for j in range(width):
                    scale[j] += c * _floor(view[j] * 16384.0, q[j], share[j])
        for n in range(len(factors)):
            c, factor = weights[contexts + n], factors[n]
            if c != 0.0:
                _gather(deviations, around[starts[n] : starts[n + 1]], i, whole)
                for j in range(width):
                    scale[j] += c * min(_floor(whole[j] * factor, q[j], share[j]), CONTEXT_LIMIT)
        c, rest = weights[boxes], weights[boxes + 1]
        if c != 0.0:
            _columns(own, i, columns)
            for j in range(width):
                box = columns[j] + columns[j + 1] + columns[j + 2]
                scale[j] += c * min(_floor(box * 8.0, q[j], share[j]), CONTEXT_LIMIT)
        if rest != 0.0:
            _columns_between(all_planes, own, i, columns)
            for j in range(width):
                box = columns[j] + columns[j + 1] + columns[j + 2]
                scale[j] += rest * min(_floor(box * 4.0, q[j], share[j]), CONTEXT_LIMIT)
        to = mean[i]
        for j in range(width):
            to[j] = about[j] + prediction[i, j]
        wide, out = expected[i], dead[i]
        for j in range(width):
            wide[j] = max(np.floor(scale[j] * q[j] / _SCALE), 1.0)
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
def _gather(deviations, around, i, total):
    """Sums of one place, or of four, into int32 (W,)."""
    width = len(total)
    a = _view(deviations, around[0], i, width)
    if len(around) == 1:
        for j in range(width):
            total[j] = a[j]
        return
    b, c = _view(deviations, around[1], i, width), _view(deviations, around[2], i, width)
    d = _view(deviations, around[3], i, width)
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
def rebuild_first(symbols, mu, step, limit, cap, y_hat, contexts, deviations):
    """Layer 0: values, contexts and |y_hat - mu| of a stage's symbols, int32 (H, W), inside the borders of int32
    (H + 2, W + 2); largest |y_hat|."""
    height, width = symbols.shape
    peak = 0
    for i in range(height):
        for j in range(width):
            m, mean = np.int64(symbols[i, j]), np.int64(mu[i, j])
            y = min(max(mean + m * step[i, j], -limit), limit)
            y_hat[i + 1, j + 1] = y
            contexts[i + 1, j + 1] = min(4 * abs(m), cap)
            deviations[i + 1, j + 1] = abs(y - mean)
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
