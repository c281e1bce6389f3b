"""codec.stages.kernels: a plane laid out by pass, a stage's means and classes, its values, and the tile's mosaic."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.stages import kernels, model_kernels
from rawinlay.codec.stages.model import Views
from rawinlay.codec.stages.order import HAAR, IN_PLACE, MAGNITUDE_LIMIT, PASSES, STAGES, Y_LIMIT
from rawinlay.codec.stages.quantiser import CODES, quantisers
from rawinlay.entropy.tables import CLASSES, MANTISSA_BITS, OFFSET_UNIT, REACH, SCALE_BINS, load

SHAPES = [(1, 1), (2, 3), (5, 2)]


def by_pass(cells):
    """Cells (.., 2 H, 2 W) by pass, (.., 4, H, W)."""
    return np.stack([cells[..., i::2, j::2] for i, j in PASSES], -3)


@pytest.mark.parametrize("saturation", [None, -38])
@pytest.mark.parametrize("haar", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_lay_steps(shape, haar, saturation):
    rng, low = np.random.default_rng(0), -40
    prediction, steps = rng.integers(low, low + 4, (2 * shape[0], 2 * shape[1])), rng.integers(1, 90, 4)
    arguments = prediction.astype(np.int32), steps.astype(np.int32), low, saturation or 0, saturation is not None, haar
    out = np.empty((4, *shape), np.int32), np.empty((4, *shape), np.uint8)
    _, step, on = guarded(kernels.lay_steps, *arguments, *out, into=[6, 7])
    wanted, flat = by_pass(steps[prediction - low]), by_pass(prediction == saturation)
    if haar:  # a block has one step, and is on the saturation as a whole
        wanted, flat = (np.broadcast_to(v, (4, *shape)) for v in (np.maximum(wanted.sum(0) // 4, 1), flat.all(0)))
    assert np.array_equal(step, wanted) and np.array_equal(on, flat)


@pytest.mark.parametrize("haar", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_lay_activity(shape, haar):
    activity = np.random.default_rng(0).integers(0, 4000, (3, 2 * shape[0], 2 * shape[1])).astype(np.int32)
    _, out = guarded(kernels.lay_activity, activity, haar, np.empty((3, 4, *shape), np.int32), into=[2])
    wanted = by_pass(activity)
    assert np.array_equal(out, np.broadcast_to(wanted.sum(1, keepdims=True) // 4, wanted.shape) if haar else wanted)


# ------------------------------------------------------------------------------------------------- means and classes

COEFFICIENTS = {"none": 0, "usual": 200, "beyond all bounds": 1 << 31}
WEIGHTS = {"usual": 3000, "none": 0, "beyond all cells": 1 << 28}


def setting(stage, transform, shape, coefficients="usual", weights="usual", seed=0):
    """Arguments of `predict` but its outputs; a third of all weights and half of all magnitudes are zero."""
    rng, bordered = np.random.default_rng(seed), (4, 4, shape[0] + 2, shape[1] + 2)
    views, t = Views.of(stage, transform), STAGES[stage][1]
    most, heavy = COEFFICIENTS[coefficients], WEIGHTS[weights]
    near = (rng.integers(-most, most + 1, len(views.near)) * (rng.random(len(views.near)) < 0.7)).astype(np.float64)
    around, others = (rng.integers(0, heavy + 1, n) * (rng.random(n) < 0.7) for n in (len(views.around), 8))
    values = rng.integers(-(1 << 18), 1 << 18, bordered).astype(np.int32)
    sizes = (rng.integers(0, 9000, bordered) * (rng.random(bordered) < 0.5)).astype(np.int32)
    boxes = [(rng.integers(0, 50, bordered[2:]) * (rng.random(bordered[2:]) < 0.1)).astype(np.int32) for _ in range(2)]
    nothing, seen = np.zeros((0, 0), np.int32), np.kron(rng.integers(0, 2, (4, 4, 1, 1)), np.ones(bordered[2:]))
    seen = (seen + (rng.random(bordered) < 0.02)).astype(np.int32)
    return [
        values, sizes, boxes[0] if t else nothing, boxes[1] if stage >= 4 else nothing, views.near, near,
        views.around, around.astype(np.float64), others.astype(np.float64),
        rng.integers(1, 3000, shape).astype(np.int32), rng.integers(0, 4000, (2, 4, *shape)).astype(np.int32), t,
        (rng.random(shape) < 0.5).astype(np.uint8), seen, views.flat, views.flat_group, False, load().class_of,
        MANTISSA_BITS, float(Y_LIMIT),
    ]  # fmt: skip


def around_of(arrays, views, i, j):
    return [int(arrays[plane, t, 1 + i + rows, 1 + j + cols]) for plane, t, rows, cols in views]


def flat(seen, views, groups, i, j):
    """Whether there are views, and those of each group agree."""
    at = around_of(seen, views, i, j)
    pairs = set(zip(groups.tolist(), at, strict=True))
    return bool(at) and len(pairs) == len(set(groups.tolist()))


def predicted(i, j, values, sizes, own, others, near, coefficients, around, around_weights, weights, step, activity, t,
              saturation, seen, flat_views, flat_groups, lossless, class_of, bits, limit):  # fmt: skip
    """Mean and class of one place, in Python's whole numbers."""
    mean = (256 + sum(int(c) * v for c, v in zip(coefficients, around_of(values, near, i, j), strict=True))) // 512
    mean, q = int(min(max(mean, -limit), limit)), int(step[i, j])
    size = sum(int(c) * v for c, v in zip(around_weights, around_of(sizes, around, i, j), strict=True))
    sums = [int(box[i : i + 3, j : j + 3].sum()) for box in (own, others)]
    w = [int(v) for v in weights]
    size += w[4] * sums[0] + w[5] * sums[1] + w[2] * (65536 // q) + w[3] * (abs(mean) * 256 // q)
    size += sum(w[6 + a] * (int(kind[t, i, j]) * 16384 // q) for a, kind in enumerate(activity))
    if lossless and flat(seen, flat_views, flat_groups, i, j):
        size = 0
    size = w[1] if saturation[i, j] and not any(sums) else size + w[0]
    exponent = max(size.bit_length() - 1, 0)  # cells: the exponent and the next four bits
    cell = (exponent << bits) + ((size << bits >> exponent) - (1 << bits) if size else 0)
    return mean, class_of[min(cell, SCALE_BINS - 1)]


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("transform", [IN_PLACE, HAAR])
@pytest.mark.parametrize("stage", [0, 1, 2, 3, 4, 6, 11, 15])
def test_predict(stage, transform, lossless):
    shape = 5, 6
    arguments = setting(stage, transform, shape, seed=stage)
    arguments[16] = lossless
    out = np.empty(shape, np.int32), np.empty(shape, np.uint8)
    _, mu, classes = guarded(model_kernels.predict, *arguments, *out, into=[20, 21])
    for place in np.ndindex(shape):
        assert (mu[place], classes[place]) == predicted(*place, *arguments)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("coefficients, weights", [("none", "none"), ("none", "usual"), ("beyond all bounds", "usual"),
                                                   ("usual", "beyond all cells")])  # fmt: skip
def test_predict_at_its_bounds(shape, coefficients, weights):
    """No mean, means at their limits, sizes of nothing and of the last class; class_of is asked for no other cell."""
    arguments = setting(15, IN_PLACE, shape, coefficients, weights, seed=1)
    out = np.empty(shape, np.int32), np.empty(shape, np.uint8)
    _, mu, classes = guarded(model_kernels.predict, *arguments, *out, into=[20, 21])
    for place in np.ndindex(shape):
        assert (mu[place], classes[place]) == predicted(*place, *arguments)
    if coefficients == "beyond all bounds":
        assert (abs(mu) == Y_LIMIT).any()


# ------------------------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize("states", CODES)
@pytest.mark.parametrize("shape", [*SHAPES, (3, 40)])
def test_rebuild(shape, states):
    """Quantiser B mirrors A; values lie their class's offset above the symbol, in 1/64 of a step, rounded half up."""
    rng, offset = np.random.default_rng(states), load().offset
    symbols = rng.choice(np.array([0, 0, 1, -1, 2, -3, 5, 90, -(1 << 19), 1 << 19]), shape).astype(np.int32)
    classes = rng.integers(0, CLASSES, shape).astype(np.uint8)
    mu, step = rng.integers(-9000, 9000, shape).astype(np.int32), rng.integers(1, 3000, shape).astype(np.int32)
    code = [np.int32(h >> 1) for h in CODES[states]]
    out = [np.full((shape[0] + 2, shape[1] + 2), -5, np.int32) for _ in range(2)]
    _, y_hat, sizes = guarded(
        kernels.rebuild, symbols, classes, mu, step, offset.astype(np.float64), REACH, *code, float(Y_LIMIT), *out,
        np.int32(MAGNITUDE_LIMIT), changed=[9, 10],
    )  # fmt: skip
    m, inside = symbols.astype(np.int64), np.s_[1:-1, 1:-1]
    value = OFFSET_UNIT * m + offset[classes, m.clip(-REACH, REACH) + REACH]
    value *= 1 - 2 * quantisers(m, states)
    assert np.array_equal(y_hat[inside], (mu + ((value * step + 32) >> 6)).clip(-Y_LIMIT, Y_LIMIT))
    assert np.array_equal(sizes[inside], np.where(m == 0, 0, abs(4 * m + 1)).clip(0, MAGNITUDE_LIMIT))
    for array in (y_hat, sizes):
        array[inside] = -5
        assert (array == -5).all()


@pytest.mark.parametrize("stage", [0, 1, 3, 4, 15])
def test_expected_index(stage):
    """The neighbours' where they agree, in the plane itself; else that of the value nearest to prediction and mean."""
    shape, rng, first = (5, 7), np.random.default_rng(stage), -300
    views, own = Views.of(stage, IN_PLACE), bool(stage % 4)
    seen = rng.integers(0, 2, (4, 4, shape[0] + 2, shape[1] + 2)).astype(np.int32) * (rng.random() < 2)
    seen[:, :, :4] = 7  # flat at the top
    mu, prediction = rng.integers(-400, 400, (2, *shape)).astype(np.int32)
    nearest = rng.permutation(700).astype(np.int32)
    arguments = seen, views.flat, views.flat_group, own, mu, prediction, first, nearest
    _, out = guarded(kernels.expect, *arguments, np.empty(shape, np.int32), into=[8])
    for i, j in np.ndindex(shape):
        at = around_of(seen, views.flat, i, j)
        near = nearest[min(max(int(prediction[i, j]) + int(mu[i, j]) - first, 0), 699)]
        assert out[i, j] == (at[0] if own and len(set(at)) == 1 else near)
    if own:
        assert (out[:2] == 7).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_rebuild_exact(shape):
    """Whatever a stream's symbols are, the index stays among the used values."""
    rng, used = np.random.default_rng(0), np.array([-70, -3, 0, 9, 100], np.int32)
    symbols = rng.choice(np.array([0, 1, -1, 3, -(1 << 20), 1 << 20], np.int32), shape)
    expected, prediction = rng.integers(0, 5, shape).astype(np.int32), rng.integers(-90, 90, shape).astype(np.int32)
    out = [np.full((shape[0] + 2, shape[1] + 2), -5, np.int32) for _ in range(3)]
    arguments = symbols, expected, prediction, used, MAGNITUDE_LIMIT, *out
    _, *found = guarded(kernels.rebuild_lossless, *arguments, changed=[5, 6, 7])
    index = (expected + symbols).clip(0, 4)
    wanted = used[index] - prediction, (4 * abs(symbols)).clip(0, MAGNITUDE_LIMIT), index
    for array, inner in zip(found, wanted, strict=True):
        assert np.array_equal(array, np.pad(inner, 1, constant_values=-5))


@pytest.mark.parametrize("shape", SHAPES)
def test_close(shape):
    part = np.random.default_rng(0).integers(-99, 99, (shape[0] + 2, shape[1] + 2)).astype(np.int32)
    _, closed = guarded(kernels.close, part, changed=[0])
    assert np.array_equal(closed, np.pad(part[1:-1, 1:-1], 1, "edge"))


@pytest.mark.parametrize("shape", [(0, 0), *SHAPES])
def test_accumulate(shape):
    part, total = np.random.default_rng(0).integers(-(1 << 30), 1 << 30, (2, *shape)).astype(np.int32)
    _, after = guarded(kernels.accumulate, part, total, changed=[1])
    assert np.array_equal(after, part + total)


# ------------------------------------------------------------------------------------------------------- the mosaic


@pytest.mark.parametrize("haar", [False, True])
@pytest.mark.parametrize("shape, mosaic, place", [
    ((1, 1), (4, 4), (0, 0)), ((2, 3), (9, 13), (-1, -1)), ((2, 3), (5, 7), (0, 0)), ((2, 2), (6, 40), (-3, 25)),
    ((2, 2), (30, 5), (19, -4)), ((1, 2), (4, 4), (-20, 0)), ((1, 2), (4, 4), (0, 40)), ((1, 2), (4, 4), (0, -40)),
    ((1, 1), (1, 1), (-1, -1)),
])  # fmt: skip
def test_finish(shape, mosaic, place, haar):
    """Each plane's sites get the nearest value that occurs; all others, and what lies outside, are left alone."""
    rng, low, first = np.random.default_rng(0), -20, -50
    values = rng.integers(-90, 90, (4, shape[0] + 2, shape[1] + 2)).astype(np.int32)
    prediction = rng.integers(low, low + 60, (2 * shape[0], 2 * shape[1])).astype(np.int32)
    companded = np.cumsum(rng.integers(0, 9, 60)).astype(np.int32)
    nearest = rng.integers(0, 65536, 300).astype(np.uint16)
    a, d, b, c = values[:, 1:-1, 1:-1].astype(int)
    if haar:  # rounded half up
        a, d, b, c = ((v + 1) // 2 for v in (a + d + b + c, a - d - b + c, a - d + b - c, a + d - b - c))
    residual = np.empty(prediction.shape, int)
    for (i, j), band in zip(PASSES, (a, d, b, c), strict=True):
        residual[i::2, j::2] = band
    for k_row, k_col in np.ndindex(2, 2):
        before = rng.integers(0, 65536, mosaic).astype(np.uint16)
        arguments = values, prediction, companded, low, first, nearest, haar, k_row, k_col, *place, before
        _, after = guarded(kernels.finish, *arguments, changed=[11])
        wanted = before.copy()
        for i, j in np.ndindex(prediction.shape):
            at = place[0] + 2 * i + k_row, place[1] + 2 * j + k_col
            if 0 <= at[0] < mosaic[0] and 0 <= at[1] < mosaic[1]:
                wanted[at] = nearest[min(max(companded[prediction[i, j] - low] + residual[i, j] - first, 0), 299)]
        assert np.array_equal(after, wanted)
