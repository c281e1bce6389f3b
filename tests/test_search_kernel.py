"""The fused search finds what the plain one finds: symbols, values, magnitudes and sums."""

import numpy as np
import pytest
import torch

from codec.kernels.trellis import ROWS, Search
from codec.trunk.quantiser import Quantiser, Values
from codec.trunk.trellis import CODES
from entropy.tables import CLASSES, ZERO_CLASS, load

LAGRANGIAN = 0.1


def stage(shape, seed, louder):
    """A stage whose classes drift along its rows, with residuals as large as they say, and places outside."""
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.standard_normal(shape), 1) / 2
    classes = np.clip(np.rint(ZERO_CLASS - 6 + louder + drift), 0, CLASSES - 1).astype(np.uint8)
    step, mu = rng.integers(1, 3000, shape).astype(np.int32), rng.integers(-5000, 5000, shape).astype(np.int32)
    size = 2.0 ** ((classes.astype(float) - ZERO_CLASS) / 4)
    y = np.rint(mu + rng.laplace(0, 1, shape) * size * step)
    valid = np.ones(shape, bool)
    valid[-1], valid[:, -1], valid[0, :5] = False, False, False
    return y.astype(np.float32), mu, step, classes, valid


@pytest.mark.parametrize("states", CODES)
@pytest.mark.parametrize("shape, louder", [((40, 70), 0), ((2 * ROWS, 33), 12), ((3, 300), 40), ((1, 1), 0)])
def test_same_as_the_plain_search(states, shape, louder):
    y, mu, step, classes, valid = stage(shape, states, louder)
    y_hat, magnitude = np.empty(shape, np.int32), np.empty(shape, np.int32)
    search = Search(load(), LAGRANGIAN, states)
    symbols, rate, distortion = search(y, mu, step, classes, valid, y_hat, magnitude)

    values = Values(load(), states, "cpu")
    plain = Quantiser(load(), values, LAGRANGIAN, "cpu")
    y, mu, step = (torch.from_numpy(v.astype(np.float64))[None] for v in (y, mu, step))
    classes = torch.from_numpy(classes.astype(np.int32))[None]
    wanted = plain.search((y - mu) / step, classes, torch.from_numpy(valid)[None])
    rebuilt = values.rebuild(wanted, classes, mu, step)

    assert np.array_equal(symbols, wanted[0].numpy()) and not symbols[~valid].any()
    assert np.array_equal(y_hat, rebuilt[0].numpy())
    assert np.array_equal(magnitude, values.magnitude(wanted)[0].numpy())
    assert rate == pytest.approx(float(plain.lengths(wanted, classes).sum(dtype=torch.float64)))
    error = (((y - rebuilt) / step)[0].numpy())[valid]
    assert distortion == pytest.approx(float(np.square(error).sum()), rel=1e-5)


def test_far_residuals():
    """What lies beyond all bounds is coded as far as symbols go, and y_hat stays within its own."""
    y = np.array([[1e12, -1e12, 3e5, -3e5, 0.0]], np.float32)
    one, classes = np.ones(y.shape, np.int32), np.full(y.shape, CLASSES - 1, np.uint8)
    y_hat, magnitude = np.empty_like(one), np.empty_like(one)
    symbols, *_ = Search(load(), LAGRANGIAN, 3)(y, 0 * one, one, classes, one.astype(bool), y_hat, magnitude)
    assert (np.abs(symbols) <= (1 << 19) + 2).all() and (np.abs(symbols[:, :4]) > 200_000).all()
    assert (np.abs(y_hat) <= 1 << 21).all()
