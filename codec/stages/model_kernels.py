"""The context model's inner loops on the CPU: from what is decoded around a place to its mean, scale and class.

::

    values around ------------------------------------------- means_of_row ----> mu
    mu, step, magnitudes around, boxes, activity, constants -- scales_of_row ---> scale --classes_of_row--> class

Three steps, each a function of a row, which `predict` calls one after another, row by row. Another model has a
`predict` of its own that may share any of them: the arithmetic is whole numbers in float64 below 2^53, by the
operations of `codec.stages.stages_torch` (docs/bitstream.md, 5.8 to 5.10).
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled, inlined


@compiled
def predict(
    values, magnitudes, own, others, near, coefficients, around, around_weights, weights, step, activity, t, saturation,
    seen, flat_views, flat_groups, lossless, class_of, mantissa_bits, mean_limit, mu, classes,
):  # fmt: skip
    """Mean and class of every place of a stage.

    values, magnitudes, seen: int32 (4, 4, H + 2, W + 2), decoded values, magnitudes and (lossless) indices by plane and
    pass; own, others: int32 (H + 2, W + 2), magnitudes summed over the plane's passes so far, over all earlier planes.
    near: int64 (v, 4), places (plane, pass, rows, columns) of the mean, float64 coefficients (v,) in 1/512; around,
    around_weights: likewise of the scale, weights with their context's factor. weights: float64 (6 + A,): of the
    constant, the constant where it is quiet, 1 / step, mean, own box, others' box, activities. step int32; activity
    int32 (A, 4, H, W), of which pass t; saturation uint8. flat_views: int64 (f, 4) with groups (f,): where all of each
    group agree in `seen`, only the constants count (lossless). Into mu: int32 (H, W); classes: uint8 (H, W): 255 is
    added nowhere. Where lossless expects the neighbours' index, `mu` is left as it is: see
    `codec.stages.kernels.rebuild_lossless`.
    """
    height, width = mu.shape
    total, scale = np.empty(width), np.empty(width)
    bits = scale.view(np.int64)
    quiet = np.empty(width, np.bool_)
    predicts = False
    for v in range(len(near)):
        predicts |= coefficients[v] != 0.0
    for i in range(height):
        means_of_row(i, values, near, coefficients, predicts, mean_limit, total, mu[i])
        scales_of_row(
            i, magnitudes, own, others, around, around_weights, weights, step[i], activity, t, saturation[i], mu[i],
            predicts, scale, quiet,
        )  # fmt: skip
        if lossless and len(flat_views):
            nothing_where_flat(i, seen, flat_views, flat_groups, scale)
        loud, still = weights[0], weights[1]
        for j in range(width):
            scale[j] = still if quiet[j] else scale[j] + loud
        classes_of_row(bits, class_of, mantissa_bits, classes[i])


@inlined
def add_row(i, planes, places, weights, total):
    """Add what lies at places (v, 4) around row i, times their weights, to float64 (W,); arguments as in `predict`."""
    width = len(total)
    for v in range(len(places)):
        c = weights[v]
        if c != 0.0:
            at = places[v, 3] + 1
            view = planes[places[v, 0], places[v, 1], i + 1 + places[v, 2]][at : at + width]
            for j in range(width):
                total[j] += c * view[j]


@inlined
def means_of_row(i, values, near, coefficients, predicts, limit, total, mean):
    """The means of row i into int32 (W,): weighted sums of the values near; 0 unless it `predicts`, has a coefficient.

    total: float64 (W,), to work in.
    """
    width = len(mean)
    for j in range(width):
        total[j] = 256.0
    if predicts:
        add_row(i, values, near, coefficients, total)
        for j in range(width):
            mean[j] = np.int32(min(max(np.floor(total[j] / 512.0), -limit), limit))
    else:
        mean[:] = 0


@inlined
def scales_of_row(
    i, magnitudes, own, others, around, around_weights, weights, step, activity, t, saturation, mean, predicts, scale,
    quiet,
):  # fmt: skip
    """The scales of row i into float64 (W,), without their constants: a weighted sum of the contexts; and into bool
    (W,) whether it is quiet there, on the saturation without a magnitude around. Arguments as in `predict`."""
    width = len(scale)
    for j in range(width):
        scale[j] = 0.0
    add_row(i, magnitudes, around, around_weights, scale)
    for j in range(width):
        quiet[j] = saturation[j] != 0
    for which in range(2):
        box = own if which == 0 else others
        if box.shape[0] == 0:
            continue
        c = weights[4 + which]
        a, b, d = box[i], box[i + 1], box[i + 2]
        a1, b1, d1 = a[1:], b[1:], d[1:]
        a2, b2, d2 = a[2:], b[2:], d[2:]
        for j in range(width):
            s = a[j] + a1[j] + a2[j] + b[j] + b1[j] + b2[j] + d[j] + d1[j] + d2[j]
            scale[j] += c * s
            quiet[j] &= s == 0
    c = weights[2]
    if c != 0.0:
        for j in range(width):
            scale[j] += c * np.floor(65536.0 / step[j])
    c = weights[3]
    if c != 0.0 and predicts:
        for j in range(width):
            scale[j] += c * np.floor(abs(np.float64(mean[j])) * 256.0 / step[j])
    for a in range(len(activity)):
        c = weights[6 + a]
        if c != 0.0:
            view = activity[a, t, i]
            for j in range(width):
                scale[j] += c * np.floor(view[j] * 16384.0 / step[j])


@inlined
def agree_at(i, j, seen, views, groups):
    """Whether all of each group of views of `seen` agree around a place."""
    first, group = np.int32(0), np.int64(-1)
    for v in range(len(views)):
        one = seen[views[v, 0], views[v, 1], i + 1 + views[v, 2], j + 1 + views[v, 3]]
        if groups[v] != group:
            first, group = one, groups[v]
        elif one != first:
            return False
    return True


@inlined
def nothing_where_flat(i, seen, flat_views, flat_groups, scale):
    """Lossless: the scale of row i to 0 where all of each group of views agree."""
    for j in range(len(scale)):
        if agree_at(i, j, seen, flat_views, flat_groups):
            scale[j] = 0.0


@inlined
def classes_of_row(bits, class_of, mantissa_bits, classes):
    """The classes of a row's scales into uint8 (W,): the exponent and the next bits number a bin, `class_of` its class.

    bits: int64 (W,), the scales as float64 has them.
    """
    bins = len(class_of) - 1
    shift = 52 - mantissa_bits
    offset = np.int64(1023) << mantissa_bits
    for j in range(len(classes)):
        at = (bits[j] >> shift) - offset
        classes[j] = class_of[min(max(at, 0), bins)]
