# mypy: no-check-untyped-defs
"""The inner loops of fitting a stage's parameters: what lies around picked places, and the code length's slope.

::

    Tile's arrays, picked places --near_at--> (places, views)        --contexts_at--> (places, contexts)
    scales, symbols --slopes--> code length, its slope, and how much it curves, place by place
    curvature and slope of all weights --descend--> the best step that keeps them within their range
"""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled
from ....entropy.tables import CLASSES, HALF, ZERO_CLASS
from ...stages.model_kernels import agree_at

LEAST_SCALE = np.float32(2.0**-13)
OCTAVE = np.float32(4)
"""Classes in an octave of scales."""

SLOPE = np.float32(4 / np.log(2))
"""Classes that a scale rises by where it grows by its own share."""

ZERO = np.float32(ZERO_CLASS)
LAST = np.float32(CLASSES - 1)


@compiled
def near_at(values, near, rows, cols, out):
    """Decoded values around places.

    values: int32 (4, 4, H + 2, W + 2) by plane and pass; near: int64 (v, 4), as `codec.stages.tile.Views` has them;
    rows, cols: int32 (n,). Into out: float32 (v, n).
    """
    for v in range(len(near)):
        part, i, j, into = values[near[v, 0], near[v, 1]], 1 + near[v, 2], 1 + near[v, 3], out[v]
        for p in range(len(rows)):
            into[p] = part[rows[p] + i, cols[p] + j]


@compiled
def contexts_at(
    magnitudes, own, others, around, context, factor, kinds, step, mu, activity, t, saturation, seen, flat_views,
    flat_groups, lossless, rows, cols, out,
):  # fmt: skip
    """Contexts of a stage at places, in steps, float32 (contexts, n), in the order of the stage's scale's weights.

    Arguments as in `codec.stages.model_kernels.predict`; mu: int32 (n,), at the places. context: which context of
    magnitudes, of so many `kinds`, each place of `around` belongs to; factor: by which it counts.
    """
    unit = np.float32(1.0 / 65536.0)
    activities, count = len(activity), len(rows)
    out[4 + activities :] = np.float32(0)
    for v in range(len(around)):
        part, i, j = magnitudes[around[v, 0], around[v, 1]], 1 + around[v, 2], 1 + around[v, 3]
        into, by = out[4 + activities + context[v]], np.float32(factor[v]) * unit
        for p in range(count):
            into[p] += by * np.float32(part[rows[p] + i, cols[p] + j])
    at = 4 + activities + kinds
    for which in range(2):
        box = own if which == 0 else others
        if box.shape[0]:
            into, by = out[at], np.float32(2 - which) * unit
            for p in range(count):
                i, j, s = rows[p], cols[p], 0
                for di in range(3):
                    for dj in range(3):
                        s += box[i + di, j + dj]
                into[p] = by * np.float32(s)
            at += 1
    for p in range(count):
        i, j = rows[p], cols[p]
        quiet = saturation[i, j] != 0
        for c in range(4 + activities, at):
            quiet &= out[c, p] == 0
        out[0, p], out[1, p] = (np.float32(0), unit) if quiet else (unit, np.float32(0))
        flat = lossless and len(flat_views) > 0
        if flat:
            flat = agree_at(i, j, seen, flat_views, flat_groups)
        if flat or quiet:
            out[2:, p] = np.float32(0)
        else:
            inverse = np.float32(1) / np.float32(step[i, j])
            out[2, p] = inverse
            out[3, p] = np.float32(abs(mu[p])) * inverse * np.float32(1 / 256)
            for a in range(activities):
                out[4 + a, p] = np.float32(activity[a, t, i, j]) * inverse * np.float32(0.25)


@compiled
def slopes(scale, symbols, bits, splits, information, slope, curve):
    """Code length of symbols int32 (n,) at scales float32 (n,), bits.

    It is interpolated between classes. Into slope and curve, float32 (n,): its derivative by the scale, and the second
    derivative to expect (Fisher's information, by class, in bits per class squared).
    """
    total = 0.0
    for i in range(len(scale)):
        s = max(scale[i], LEAST_SCALE)
        place = OCTAVE * np.log2(s) + ZERO
        inside = place >= 0 and place < LAST
        place = min(max(place, np.float32(0)), LAST - np.float32(0.001))
        c = np.int64(place)
        m = np.int64(symbols[i])
        here = bits[c, min(max(m >> splits[c], -HALF), HALF) + HALF]
        rise = bits[c + 1, min(max(m >> splits[c + 1], -HALF), HALF) + HALF] - here
        total += here + (place - np.float32(c)) * rise
        k = SLOPE / s
        slope[i] = rise * k if inside else np.float32(0)
        curve[i] = information[c] * k * k
    return total


@compiled
def descend(curvature, gradient, weights, most_weights, sweeps):
    """The step d with the least ``gradient d + d curvature d / 2`` and weights + d from 0 to most_weights, by
    coordinates, (n,).

    curvature: positive definite (n, n) but for rows of zeros, whose weights stay.
    """
    n = len(weights)
    d, slope = np.zeros(n), gradient.copy()
    for _ in range(sweeps):
        most = 0.0
        for k in range(n):
            if curvature[k, k] > 0.0:
                wanted = max(d[k] - slope[k] / curvature[k, k], -weights[k])
                change = min(wanted, most_weights[k] - weights[k]) - d[k]
                if change != 0.0:
                    d[k] += change
                    most = max(most, abs(change) * np.sqrt(curvature[k, k]))
                    for l in range(n):
                        slope[l] += change * curvature[k, l]
        if most < 1e-5:
            break
    return d


@compiled
def length(symbols, classes, bits, splits):
    """Code length of symbols int32 (h, w) of classes uint8 (h, w), bits."""
    total = 0.0
    for i in range(len(symbols)):
        for j in range(symbols.shape[1]):
            c = np.int64(classes[i, j])
            total += bits[c, min(max(np.int64(symbols[i, j]) >> splits[c], -HALF), HALF) + HALF]
    return total
