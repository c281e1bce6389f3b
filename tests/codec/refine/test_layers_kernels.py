"""codec.refine.stage_kernels: layer 0's values, and what a stage of a further layer expects."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.refine.intervals import thresholds
from rawinlay.codec.refine.stage_kernels import CONTEXT_LIMIT, _floor, change, expect, rebuild_first
from rawinlay.codec.refine.tile import FinerViews
from rawinlay.codec.stages.order import MAGNITUDE_LIMIT, MEAN_UNIT, STAGES, Y_LIMIT
from rawinlay.entropy.tables import MANTISSA_BITS, OFFSET_UNIT, SCALE_BINS, SCALE_BITS, load

LEAST = thresholds(load())[:, 1].astype(np.int32)


@pytest.mark.parametrize("step", [1, 3, 7, 999, 1000003, (1 << 31) - 1])
def test_floor_of_a_quotient(step):
    """Exact, though it multiplies: at every multiple of the step, just below it and above."""
    rng = np.random.default_rng(step)
    values = {0, 1, step - 1, 1 << 50, (1 << 50) - 1}
    for n in rng.integers(0, (1 << 50) // step, 300):
        values |= {int(n) * step + d for d in (-1, 0, 1) if 0 <= int(n) * step + d <= 1 << 50}
    for value in sorted(values):
        assert _floor(float(value), float(step), 1.0 / step) == value // step


def setting(stage, shape, loud, heavy, seed):
    """Arguments of `expect` but `narrow` and its outputs; loud, heavy: bounds of values and sizes, of weights."""
    rng, bordered = np.random.default_rng(seed), (4, 4, shape[0] + 2, shape[1] + 2)
    views, (_, t) = FinerViews.of(stage), STAGES[stage]
    values, sizes = rng.integers(-loud, loud + 1, bordered), rng.integers(0, loud + 1, bordered)
    own, more = rng.integers(0, 2 * loud, (2, *bordered[2:]))
    steps, weights = rng.integers(1, 4000, 9), rng.integers(0, heavy, 3 + 5 + len(views.factors) + 2)
    kinds = [v.astype(np.int32) for v in (values, sizes, own, own + more)]
    return dict(
        zip(("values", "sizes", "own", "every"), kinds, strict=True), near=views.near, around=views.around,
        coefficients=rng.integers(-100, 101, len(views.near)), starts=views.starts, factors=views.factors,
        weights=(weights * (rng.random(len(weights)) < 0.7)).astype(np.float64),
        cell=rng.integers(0, 9, shape).astype(np.uint16), steps=steps.astype(np.int32), t=t,
        activity=rng.integers(0, min(2 * loud, 4000), (5, 4, *shape)).astype(np.int32),
        prediction=rng.integers(-(1 << 19), 1 << 19, shape).astype(np.int32),
    )  # fmt: skip


def call(s, narrow, shape):
    """mu, mean, step, expected, dead. The activities of one pass of a tile, as the product hands them over."""
    out = [np.empty(shape, kind) for kind in (np.int32, np.int32, np.int32, np.float64, np.int32)]

    def kernel(*a):
        expect(*a[:13], a[13][:, s["t"]], *a[14:])

    _, *found = guarded(
        kernel, s["values"], s["sizes"], s["own"], s["every"], s["near"], s["coefficients"], narrow, s["around"],
        s["starts"], s["factors"], s["weights"], s["cell"], s["steps"], s["activity"], s["prediction"], load().class_of,
        MANTISSA_BITS, LEAST, float(Y_LIMIT), *out, into=range(19, 24),
    )  # fmt: skip
    return found


def around_of(arrays, views, i, j):
    return [int(arrays[plane, t, 1 + i + rows, 1 + j + cols]) for plane, t, rows, cols in views]


def expected_at(s, i, j):
    """mu, mean, step, expected, dead of one place, in Python's whole numbers."""
    q = int(s["steps"][s["cell"][i, j]])
    total = sum(int(c) * v for c, v in zip(s["coefficients"], around_of(s["values"], s["near"], i, j), strict=True))
    mu = int(min(max((total + MEAN_UNIT // 2) // MEAN_UNIT, -Y_LIMIT), Y_LIMIT))
    contexts = [q, 65536, abs(mu) * 256, *(int(kind[s["t"], i, j]) * 16384 for kind in s["activity"])]
    sizes = around_of(s["sizes"], s["around"], i, j)
    bounded = [int(f) * sum(sizes[a:b]) for f, a, b in zip(s["factors"], s["starts"], s["starts"][1:], strict=False)]
    mine, every = (int(s[box][i : i + 3, j : j + 3].sum()) for box in ("own", "every"))
    bounded += [8 * mine, 4 * (every - mine)]
    contexts = [c // q for c in contexts] + [min(b // q, int(CONTEXT_LIMIT)) for b in bounded]
    size = sum(int(w) * c for w, c in zip(s["weights"], contexts, strict=True))
    expected = max(size * q >> SCALE_BITS, 1)
    exponent = max(size.bit_length() - 1, 0)
    cell = (exponent << MANTISSA_BITS) + ((size << MANTISSA_BITS >> exponent) - (1 << MANTISSA_BITS) if size else 0)
    least = int(LEAST[load().class_of[min(cell, SCALE_BINS - 1)]])
    dead = (least * q + OFFSET_UNIT - 1) // OFFSET_UNIT if 10 * expected < 7 * q else 0
    return mu, mu + int(s["prediction"][i, j]), q, expected, dead


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("loud, heavy", [(2000, 5000), (2, 300)])
@pytest.mark.parametrize("stage", [0, 5, 10, 15])
def test_expect(stage, loud, heavy, narrow):
    """Sums in 32 bits, where they fit, or in float64: the same."""
    shape = 9, 23
    s = setting(stage, shape, loud, heavy, stage)
    found = call(s, narrow, shape)
    for place in np.ndindex(shape):
        assert tuple(v[place] for v in found) == expected_at(s, *place)
    assert (found[4] > 0).any() == (loud == 2)


NOTHING = {"sizes": 0, "own": 0, "every": 0, "values": 0}


@pytest.mark.parametrize("change", [{"coefficients": 0}, {"weights": 0}, NOTHING,
                                    {"steps": 1, "coefficients": 1 << 20}, {"weights": 1 << 17}])  # fmt: skip
@pytest.mark.parametrize("shape", [(1, 1), (2, 5)])
def test_expect_at_its_bounds(shape, change):
    """No mean, nothing expected, nothing around, means and contexts at their limits."""
    s = setting(7, shape, 1 << 22, 5000, 0)
    for name, value in change.items():
        s[name] = np.full_like(s[name], value)
    found = call(s, False, shape)
    for place in np.ndindex(shape):
        assert tuple(v[place] for v in found) == expected_at(s, *place)
    if "steps" in change:
        assert (abs(found[0]) == Y_LIMIT).all()


@pytest.mark.parametrize("shape", [(1, 1), (4, 9)])
def test_rebuild_first(shape):
    rng, bordered = np.random.default_rng(0), (shape[0] + 2, shape[1] + 2)
    symbols = rng.choice(np.array([0, 0, 1, -1, 30, -(1 << 19), 1 << 19], np.int32), shape)
    mu, step = rng.integers(-9000, 9000, shape).astype(np.int32), rng.integers(1, 1 << 20, shape).astype(np.int32)
    out = [np.full(bordered, -5, np.int32) for _ in range(3)]
    peak, *found = guarded(rebuild_first, symbols, mu, step, int(Y_LIMIT), MAGNITUDE_LIMIT, *out, changed=[5, 6, 7])
    y = (mu + symbols.astype(np.int64) * step).clip(-Y_LIMIT, Y_LIMIT)
    for array, inner in zip(found, (y, (4 * abs(symbols)).clip(0, MAGNITUDE_LIMIT), abs(y - mu)), strict=True):
        assert np.array_equal(array, np.pad(inner, 1, constant_values=-5))
    assert peak == abs(y).max()


@pytest.mark.parametrize("more", [True, False])
def test_change(more):
    part, total = np.random.default_rng(0).integers(-(1 << 30), 1 << 30, (2, 3, 5)).astype(np.int32)
    _, after = guarded(change, part, total, more, changed=[1])
    assert np.array_equal(after, total + part if more else total - part)
