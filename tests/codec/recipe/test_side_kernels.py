"""codec.recipe.features_kernels: the features of a window's cells and the prediction that a recipe makes of them.

The features of a cell are those of `codec.recipe.features_torch`, which tests of its own hold to their names in plain
Python.
"""

import numpy as np
import pytest
import torch
from guarded import guarded
from rawinlay.codec.recipe.features import BASIC, COUNT, TABLES
from rawinlay.codec.recipe.features_kernels import CHUNK, HALO, ORDER, features, prediction
from rawinlay.codec.recipe.features_torch import features as torch_features
from rawinlay.codec.recipe.features_torch import radius_squared

WINDOWS = [((1, 1), (0, 0, 2, 2)), ((3, 4), (0, 0, 4, 4)), ((5, CHUNK + 3), (0, 0, 6, CHUNK + 4)),
           ((5, CHUNK + 3), (2, 5, 2, CHUNK - 6)), ((5, CHUNK + 3), (1, CHUNK - 1, 2, 2))]  # fmt: skip


def planes_of(size, seed=0):
    """A padded guide, with samples outside of 0 .. 4095, which tables' ends stand for."""
    rng, shape = np.random.default_rng(seed), (size[0] + 2 * HALO + 1, size[1] + 2 * HALO + 1)
    y = rng.choice(np.array([-70, 0, 5, 2000, 4080, 4095, 4300, *rng.integers(0, 4081, 20)]), (4, *shape))
    return np.concatenate([y, rng.integers(-2048, 2033, (2, *shape))]).astype(np.int16)


def plain(planes, size, window):
    """All features of a window, int64 (COUNT, rows, cols)."""
    r, c, rows, cols = window
    top, left = HALO + r - 1, HALO + c - 1
    piece = torch.from_numpy(planes[:, top : top + rows + 2, left : left + cols + 2].astype(np.int32))
    radius = radius_squared((r, r + rows), (c, c + cols), *size)
    return torch_features(piece[:4], piece[4], piece[5], radius).numpy().reshape(COUNT, rows, cols).astype(np.int64)


def test_the_order_names_every_feature_once():
    assert sorted(ORDER) == list(range(1, COUNT))


@pytest.mark.parametrize("count, kind", [(COUNT, np.float64), (BASIC, np.float32)])
@pytest.mark.parametrize("size, window", WINDOWS)
def test_features(size, window, count, kind):
    planes, (r, c, rows, cols) = planes_of(size), window
    _, out = guarded(features, planes, TABLES, *size, r, c, np.empty((count, rows, cols), kind), into=[6])
    assert np.array_equal(out, plain(planes, size, window)[:count])


def parts_of(rng, terms=3):
    """Features of terms, each with a sign."""
    return np.array([(term, rng.integers(1, BASIC), sign) for term in range(terms) for sign in (1, -1)])


@pytest.mark.parametrize("side", [0, 2, 32])
@pytest.mark.parametrize("powers", [False, True])
@pytest.mark.parametrize("size, window", WINDOWS)
def test_base(size, window, powers, side):
    """Sums of coefficients and features, rounded in 2^-20, within limits, the bright ones put onto a level."""
    rng, planes, (r, c, rows, cols) = np.random.default_rng(7), planes_of(size), window
    whole = rng.integers(-(1 << 16), 1 << 16, (4, COUNT + 2)).astype(np.float64)
    whole[:, rng.random(COUNT + 2) < 0.3] = 0
    whole[:, BASIC:COUNT] *= powers
    blocks = [-(-n // side) for n in size] if side else [1, 1]
    local = rng.integers(-(1 << 16), 1 << 16, (*blocks, 4, 3)).astype(np.float64)
    parts, more = parts_of(rng), rng.integers(-4096, 4096, (2, rows, cols)).astype(np.float64)
    phi = np.concatenate([plain(planes, size, window), more.astype(np.int64)])
    wanted = np.empty((4, rows, cols), np.int64)
    for i, j in np.ndindex(rows, cols):
        own = whole.astype(np.int64)
        if side:
            block = min(r + i, size[0] - 1) // side, min(c + j, size[1] - 1) // side
            for term, feature, sign in parts:
                own[:, feature] += sign * local[block][:, term].astype(np.int64)
        wanted[:, i, j] = (own @ phi[:, i, j] + (1 << 19)) >> 20
    low, high = np.quantile(wanted, [0.1, 0.9]).astype(int)
    wanted = wanted.clip(low, high)
    saturation = np.array([np.quantile(wanted, 0.8, axis=(1, 2)).astype(int), [high + 5, low, 1 << 20, high]])
    wanted = np.where(wanted >= saturation[0][:, None, None], saturation[1][:, None, None], wanted)
    limits = np.array([low, high], np.float64)
    arguments = planes, TABLES, *size, r, c, whole, side, local, parts, more, limits, saturation
    _, out = guarded(prediction, *arguments, np.empty((4, rows, cols), np.int32), into=[13])
    assert np.array_equal(out, wanted)


def test_the_largest_sums_are_exact():
    """Coefficients of 32 bits and features of 15, all at once: below 2^53."""
    size, window = (2, 4), (0, 0, 2, 4)
    planes = np.full((6, 2 + 2 * HALO + 1, 4 + 2 * HALO + 1), 4080, np.int16)
    planes[4:] = -2048
    phi = plain(planes, size, window)
    whole = np.where(phi[:, 0, 0] < 0, -1, 1) * np.array([[(1 << 30) - n] for n in range(4)])
    limits, nowhere = np.array([-(2.0**31), 2.0**31 - 1]), np.array([[1 << 40] * 4, [0] * 4])
    out = np.empty((4, 2, 4), np.int32)
    prediction(planes, TABLES, *size, 0, 0, whole.astype(np.float64), 0, np.zeros((1, 1, 4, 1)),
         np.zeros((0, 3), np.int64), np.empty((0, 2, 4)), limits, nowhere, out)  # fmt: skip
    sums = (np.einsum("kf,fij->kij", whole, phi) + (1 << 19)) >> 20
    assert np.array_equal(out, sums.clip(-(1 << 31), (1 << 31) - 1)) and sums.max() > 1 << 29
