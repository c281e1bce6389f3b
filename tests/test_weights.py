"""Fits of mean and size: places count by their bits, not by their size."""

import numpy as np
import torch

from codec.trunk.params import WEIGHTS
from codec.trunk.weights import fit_mean, fit_weights, shorten
from entropy.tables import CLASSES, EXACT, HALF, MANTISSA_BITS, load, split_bits


def test_few_wild_places_do_not_rule_the_mean():
    """9 of 10 places follow the mean of two neighbours; the tenth is an edge, ten times larger, without a rule."""
    rng = np.random.default_rng(0)
    near, edge = rng.standard_normal((20_000, 2)) * 40, rng.random(20_000) < 0.1
    near[edge] *= 10
    y = near.mean(1) + 10 * rng.standard_normal(20_000)
    y[edge] = 600 * rng.standard_normal(edge.sum())
    c = fit_mean(torch.from_numpy(near), torch.from_numpy(y))
    plain = np.linalg.lstsq(near, y, rcond=None)[0]
    assert (c - 0.5).abs().max() < 0.06
    assert np.abs(plain - 0.5).max() > 0.2


def test_the_mean_of_nothing_is_nothing():
    assert torch.equal(fit_mean(torch.zeros(50, 3).double(), torch.ones(50).double()), torch.zeros(3).double())
    assert torch.equal(fit_mean(torch.ones(50, 3).double(), torch.zeros(50).double()), torch.zeros(3).double())


def test_weights_that_code_shorter():
    """Few places with huge symbols, many with small ones: least squares looks at the few, the descent at the bits."""
    tables, rng = load(), np.random.default_rng(0)
    contexts = np.stack([np.ones(20_000), (rng.random(20_000) < 0.02) * rng.exponential(60, 20_000),
                         rng.exponential(1, 20_000), np.zeros(20_000)], 1)  # fmt: skip
    size = 0.06 * contexts[:, 0] + contexts[:, 1] + 0.1 * contexts[:, 2] ** 2
    magnitude = np.floor(rng.exponential(1, 20_000) * size + 0.4).astype(np.int64)
    x = contexts * [2.0**-16, 2.0**-8, 2.0**-8, 1]
    bits, splits = tables.bits(EXACT), np.array([split_bits(c) for c in range(CLASSES)])

    def length(codes):
        cell = np.maximum(x @ WEIGHTS[codes] * 65536, 1).view(np.int64) >> (52 - MANTISSA_BITS)
        c = tables.class_of[cell - (1023 << MANTISSA_BITS)].astype(np.int64)
        return bits[c, np.minimum(magnitude >> splits[c], HALF) + HALF].mean()

    least = fit_weights(torch.from_numpy(x), torch.from_numpy(magnitude.astype(np.float64)))
    short = shorten(x, magnitude, least, bits)
    assert length(short) < 0.98 * length(least)
    assert short[3] == 0
    assert np.array_equal(shorten(x, np.zeros(20_000, np.int64), least, bits), least)
