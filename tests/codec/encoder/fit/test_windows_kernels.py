"""codec.encoder.fit.window_kernels: several windows in one go give what the kernels of one give, window by window."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.encoder.fit import stage_kernels as fit
from rawinlay.codec.encoder.fit import window_kernels as windows
from rawinlay.codec.encoder.search.trellis_kernels import Search
from rawinlay.codec.stages import model_kernels as stages
from rawinlay.codec.stages.model import Views
from rawinlay.codec.stages.order import HAAR, IN_PLACE, STAGES, Y_LIMIT, context_count
from rawinlay.entropy.tables import MANTISSA_BITS, load

COUNT, SHAPE, PICKED, KINDS = 3, (4, 6), 5, 2
NOTHING = np.zeros((0, 0), np.int32)


def arrays(seed):
    """Of windows: as a tile has them, by name."""
    rng, bordered = np.random.default_rng(seed), (COUNT, 4, 4, SHAPE[0] + 2, SHAPE[1] + 2)
    return {
        "values": rng.integers(-5000, 5000, bordered).astype(np.int32),
        "sizes": rng.integers(0, 900, bordered).astype(np.int32),
        "own": rng.integers(0, 900, (COUNT, *bordered[3:])).astype(np.int32),
        "others": rng.integers(0, 900, (COUNT, *bordered[3:])).astype(np.int32),
        "step": rng.integers(1, 900, (COUNT, 4, *SHAPE)).astype(np.int32),
        "activity": rng.integers(0, 900, (COUNT, KINDS, 4, *SHAPE)).astype(np.int32),
        "saturation": rng.integers(0, 2, (COUNT, 4, *SHAPE)).astype(np.uint8),
        "rows": rng.integers(0, SHAPE[0], (COUNT, PICKED)).astype(np.int32),
        "cols": rng.integers(0, SHAPE[1], (COUNT, PICKED)).astype(np.int32),
        "y": rng.normal(0, 3000, (COUNT, 4, 4, *SHAPE)).round().astype(np.float32),
        "valid": (rng.random((COUNT, 4, 4, *SHAPE)) < 0.9).astype(np.uint8),
    }


def boxes(a, b, stage):
    return a["own"][b] if stage % 4 else NOTHING, a["others"][b] if stage >= 4 else NOTHING


def test_near_of():
    a, views = arrays(0), Views.of(14, IN_PLACE)
    out = np.empty((len(views.near), COUNT * PICKED), np.float32)
    _, out = guarded(windows.near_of, a["values"], views.near, a["rows"], a["cols"], out, into=[4])
    for v, (plane, t, down, across) in enumerate(views.near):
        wanted = [a["values"][b, plane, t, 1 + a["rows"][b, n] + down, 1 + a["cols"][b, n] + across]
                  for b in range(COUNT) for n in range(PICKED)]  # fmt: skip
        assert out[v].tolist() == wanted


@pytest.mark.parametrize("transform", [IN_PLACE, HAAR])
@pytest.mark.parametrize("stage", [0, 3, 4, 13])
def test_contexts_of(stage, transform):
    a, views, (n, t) = arrays(stage), Views.of(stage, transform), divmod(stage, 4)
    mu = np.random.default_rng(1).integers(-9000, 9000, COUNT * PICKED).astype(np.int32)
    count = context_count(n, t, transform, KINDS)
    around = views.around, views.context, views.factor, views.kinds
    _, out = guarded(
        windows.contexts_of, a["sizes"], a["own"], a["others"], t > 0, stage >= 4, *around, a["step"], t, mu,
        a["activity"], a["saturation"], a["rows"], a["cols"], np.empty((count, COUNT * PICKED), np.float32), into=[16],
    )  # fmt: skip
    assert out.any()
    for b in range(COUNT):
        part, wanted = slice(b * PICKED, (b + 1) * PICKED), np.empty((count, PICKED), np.float32)
        fit.contexts_at(
            a["sizes"][b], *boxes(a, b, stage), *around, a["step"][b, t], mu[part], a["activity"][b], t,
            a["saturation"][b, t], np.zeros((4, 4, 0, 0), np.int32), views.flat, views.flat_group, False, a["rows"][b],
            a["cols"][b], wanted,
        )  # fmt: skip
        assert np.array_equal(out[:, part], wanted)


@pytest.mark.parametrize("stage", [0, 5, 15])
def test_search_of(stage):
    """Predicted, searched, and taken in."""
    a, views, (k, t) = arrays(stage), Views.of(stage, IN_PLACE), STAGES[stage]
    rng, search = np.random.default_rng(stage), Search(load(), 0.1, 3)
    coefficients = rng.integers(-60, 60, len(views.near)).astype(np.float64)
    weights = [rng.integers(0, 90, size).astype(np.float64) for size in (len(views.around), 6 + KINDS)]
    common = views.near, coefficients, views.around, *weights
    last = load().class_of, MANTISSA_BITS, float(Y_LIMIT)
    mu, classes = np.empty((COUNT, *SHAPE), np.int32), np.empty((COUNT, *SHAPE), np.uint8)
    symbols, rate, error = np.empty_like(mu), np.empty(COUNT), np.empty(COUNT)
    _, mu, classes, symbols, rate, error, values, sizes, own = guarded(
        windows.search_of, a["values"], a["sizes"], a["own"], a["others"], t > 0, stage >= 4, *common, a["step"],
        a["activity"], a["saturation"], *last, mu, classes, k, t, a["y"], a["valid"], *search.tables, symbols, rate,
        error, into=[17, 18, 29, 30, 31], changed=[0, 1, 2],
    )  # fmt: skip
    for b in range(COUNT):
        one, kind = np.empty(SHAPE, np.int32), np.empty(SHAPE, np.uint8)
        stages.predict(
            a["values"][b], a["sizes"][b], *boxes(a, b, stage), *common, a["step"][b, t], a["activity"][b], t,
            a["saturation"][b, t], np.zeros((4, 4, 0, 0), np.int32), np.zeros((0, 4), np.int64), np.zeros(0, np.int64),
            False, *last, one, kind,
        )  # fmt: skip
        assert np.array_equal(mu[b], one) and np.array_equal(classes[b], kind)
        y_hat, magnitudes = np.empty(SHAPE, np.int32), np.empty(SHAPE, np.int32)
        arguments = a["y"][b, k, t], one, a["step"][b, t], kind, a["valid"][b, k, t]
        found, bits, squared = search(*arguments, y_hat, magnitudes)
        assert np.array_equal(symbols[b], found) and (rate[b], error[b]) == (bits, squared)
        for before, after, inner in ((a["values"], values, y_hat), (a["sizes"], sizes, magnitudes)):
            wanted = before[b].copy()
            wanted[k, t] = np.pad(inner, 1, "edge")
            assert np.array_equal(after[b], wanted)
        assert np.array_equal(own[b], a["own"][b] + np.pad(magnitudes, 1, "edge"))
    assert symbols.any()
