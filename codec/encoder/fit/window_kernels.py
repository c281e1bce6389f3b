# mypy: no-check-untyped-defs
"""Stages of several windows of one size in one go: what `stages`, `fit` and `trellis` do, window by window.

One call for all windows rather than some for each: fits for two transforms run side by side only while neither needs
the interpreter.
"""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled
from ...stages.kernels import accumulate, close
from ...stages.model_kernels import predict
from ..search.trellis_kernels import search
from .stage_kernels import contexts_at, near_at


@compiled
def near_of(values, near, rows, cols, out):
    """`near_at` of windows: values int32 (B, ..), rows and cols int32 (B, n); into out: float32 (v, B n)."""
    n = rows.shape[1]
    for b in range(len(values)):
        near_at(values[b], near, rows[b], cols[b], out[:, b * n : (b + 1) * n])


@compiled
def contexts_of(
    magnitudes, own, others, inner, outer, around, context, factor, kinds, step, t, mu, activity, saturation, rows,
    cols, out,
):  # fmt: skip
    """`contexts_at` of lossy windows: arrays with a leading axis of windows, mu int32 (B n,); into out: float32
    (contexts, B n). inner, outer: whether the boxes of own passes, of earlier planes, are there."""
    n = rows.shape[1]
    nothing, seen = np.zeros((0, 0), np.int32), np.zeros((4, 4, 0, 0), np.int32)
    views, groups = np.zeros((0, 4), np.int64), np.zeros(0, np.int64)
    for b in range(len(magnitudes)):
        contexts_at(
            magnitudes[b], own[b] if inner else nothing, others[b] if outer else nothing, around, context, factor,
            kinds, step[b, t], mu[b * n : (b + 1) * n], activity[b], t, saturation[b, t], seen, views, groups, False,
            rows[b], cols[b], out[:, b * n : (b + 1) * n],
        )  # fmt: skip


@compiled
def search_of(
    values, magnitudes, own, others, inner, outer, near, coefficients, around, around_weights, weights, step, activity,
    saturation, class_of, mantissa_bits, mean_limit, mu, classes, k, t, y, valid, price, bits, offsets, splits, source,
    label, symbols, rate, error,
):  # fmt: skip
    """`predict` and `search` of lossy windows, and their stage taken in: arrays with a leading axis of windows.

    inner, outer: whether the boxes of own passes, of earlier planes, are there. y: float32 (B, 4, 4, H, W); valid:
    uint8; into symbols: int32 (B, H, W); rate, error: float64 (B,).
    """
    nothing, seen = np.zeros((0, 0), np.int32), np.zeros((4, 4, 0, 0), np.int32)
    views, groups = np.zeros((0, 4), np.int64), np.zeros(0, np.int64)
    for b in range(len(values)):
        predict(
            values[b], magnitudes[b], own[b] if inner else nothing, others[b] if outer else nothing, near, coefficients,
            around, around_weights, weights, step[b, t], activity[b], t, saturation[b, t], seen, views, groups, False,
            class_of, mantissa_bits, mean_limit, mu[b], classes[b],
        )  # fmt: skip
        y_hat, found = values[b, k, t], magnitudes[b, k, t]
        rate[b], error[b] = search(
            y[b, k, t], mu[b], step[b, t], classes[b], valid[b, k, t], price, bits, offsets, splits, source, label,
            symbols[b], y_hat[1:-1, 1:-1], found[1:-1, 1:-1],
        )  # fmt: skip
        close(y_hat)
        close(found)
        accumulate(found, own[b])
