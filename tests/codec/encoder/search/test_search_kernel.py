"""The search for symbols finds the cheapest path: beside a plain Viterbi, in float64 and row by row."""

import numpy as np
import pytest
from rawinlay.codec.encoder.search.target_kernels import OPEN
from rawinlay.codec.encoder.search.trellis_kernels import ROWS, Search
from rawinlay.codec.stages.quantiser import CODES, quantisers
from rawinlay.entropy.tables import CLASSES, HALF, OFFSET_UNIT, REACH, TRELLIS, ZERO_CLASS, load, split_bits

LAGRANGIAN = 0.1
SPLITS = np.array([split_bits(c) for c in range(CLASSES)])


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


def plain(symbols, classes):
    """Value of symbols in quantiser A, in 1 / OFFSET_UNIT of a step; classes: as large."""
    return OFFSET_UNIT * symbols + load().offset[classes, np.clip(symbols, -REACH, REACH) + REACH].astype(np.int64)


def lengths(symbols, classes):
    return load().bits(TRELLIS)[classes, np.clip(symbols >> SPLITS[classes], -HALF, HALF) + HALF].astype(float)


def least_costs(e, classes, valid, states):
    """Cost of the best symbols of each row (h,), squared error in steps and bits' worth, of residuals e in steps."""
    h0, h1 = CODES[states]
    total = np.full((len(e), 1 << states), np.inf)
    total[:, 0] = 0
    for j in range(e.shape[1]):
        after = np.full_like(total, np.inf)
        for z in (0, 1):
            x = e[:, j] * (1 - 2 * z)
            low = np.floor(x - 0.25).astype(np.int64)
            symbols = low[:, None] + np.arange(-5, 7)  # far more than those that are worth a look
            c = np.repeat(classes[:, j : j + 1], symbols.shape[1], 1)
            cost = (x[:, None] - plain(symbols, c) / OFFSET_UNIT) ** 2 + LAGRANGIAN * lengths(symbols, c)
            for parity in (0, 1):
                best = np.where((symbols & 1) == parity, cost, np.inf).min(1)
                best = np.where(valid[:, j], best, np.inf if parity else 0.0)
                for state in range(z, 1 << states, 2):
                    to = state >> 1 ^ (h0 >> 1) * z ^ (h1 >> 1) * parity
                    after[:, to] = np.minimum(after[:, to], total[:, state] + best)
        total = after
    return total.min(1)


@pytest.mark.parametrize("states", CODES)
@pytest.mark.parametrize("shape, louder", [((40, 70), 0), ((2 * ROWS, 33), 12), ((3, 300), 40), ((1, 1), 0)])
def test_no_row_has_cheaper_symbols(states, shape, louder):
    y, mu, step, classes, valid = stage(shape, states, louder)
    y_hat, magnitude = np.empty(shape, np.int32), np.empty(shape, np.int32)
    search = Search(load(), LAGRANGIAN, states)
    symbols, rate, distortion = search(y, mu, step, classes, valid.astype(np.uint8), y_hat, magnitude)
    symbols = symbols.astype(np.int64)

    assert not symbols[~valid].any()
    sign = 1 - 2 * quantisers(symbols, states)
    value = plain(symbols, classes) * sign
    assert np.array_equal(y_hat, np.clip(mu + ((value * step + OFFSET_UNIT // 2) >> 6), -(1 << 21), 1 << 21))
    assert np.array_equal(magnitude, np.where(symbols == 0, 0, np.minimum(np.abs(4 * symbols + 1), 1 << 16)))
    assert rate == pytest.approx(lengths(symbols, classes).sum())
    assert distortion == pytest.approx((((y.astype(float) - y_hat) / step) ** 2)[valid].sum(), rel=1e-5)

    e = (y.astype(float) - mu) / step
    cost = (e - value / OFFSET_UNIT) ** 2 + LAGRANGIAN * lengths(symbols, classes)
    found, least = (cost * valid).sum(1), least_costs(e, classes, valid, states)
    assert (found <= least * (1 + 1e-4) + 1e-4).all() and (found >= least * (1 - 1e-9) - 1e-9).all()


def test_more_will_do():
    """Open places: what is above costs no error, and no symbols where the mean is there already."""
    shape = (6, 200)
    _, mu, step, classes, valid = stage(shape, 3, 0)
    classes[:] = ZERO_CLASS - 8
    y, y_hat = (mu + np.where(np.arange(200) < 100, -9, 2.3) * step).astype(np.float32), np.empty(shape, np.int32)
    search, magnitude = Search(load(), LAGRANGIAN, 3), np.empty(shape, np.int32)
    found = {n: search(y, mu, step, classes, n * valid.astype(np.uint8), y_hat, magnitude) for n in (1, OPEN)}
    symbols, _, error = found[OPEN]
    assert not symbols[:, :100].any() and symbols[:-1, 100:-1].any()
    below = np.maximum((y - y_hat) / step, 0)[valid]
    assert error == pytest.approx((below.astype(float) ** 2).sum(), rel=1e-5) and error < found[1][2]


def test_far_residuals():
    """What lies beyond all bounds is coded as far as symbols go, and y_hat stays within its own."""
    y = np.array([[1e12, -1e12, 3e5, -3e5, 0.0]], np.float32)
    one, classes = np.ones(y.shape, np.int32), np.full(y.shape, CLASSES - 1, np.uint8)
    y_hat, magnitude = np.empty_like(one), np.empty_like(one)
    symbols, *_ = Search(load(), LAGRANGIAN, 3)(y, 0 * one, one, classes, one.astype(bool), y_hat, magnitude)
    assert (np.abs(symbols) <= (1 << 19) + 2).all() and (np.abs(symbols[:, :4]) > 200_000).all()
    assert (np.abs(y_hat) <= 1 << 21).all()
