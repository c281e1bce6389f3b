"""codec.encoder.search.target_kernels: what a tile's stages should code, by pass: residuals, bands, indices, lossless
symbols."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.encoder.search.target_kernels import OPEN, exact_symbols, lay_indices, lay_residuals
from rawinlay.codec.stages.order import PASSES

LEVELS, LOW, BLACK, SHIFT, CEILING = 400, -40, 37, 1, 150

# mosaic, blocks of 2x2 cells, and where the first cell's site lies in it
CASES = [((9, 11), (2, 3), 0, 0), ((9, 11), (3, 4), -1, -1), ((9, 11), (3, 3), 1, -1), ((2, 2), (1, 1), 1, 1),
         ((1, 1), (2, 2), -4, -4), ((5, 6), (2, 2), 40, 0), ((5, 6), (2, 2), 0, -40)]  # fmt: skip


def setting(shape, size, seed=0):
    rng = np.random.default_rng(seed)
    mosaic = rng.integers(0, 180, shape).astype(np.uint16)
    prediction = rng.integers(LOW, LOW + LEVELS, (2 * size[0], 2 * size[1])).astype(np.int32)
    return mosaic, prediction, np.cumsum(rng.integers(0, 9, LEVELS)).astype(np.int32)


def site(shape, t, i, j, top, left):
    """Cell and site of place (i, j) of pass t: four passes take turns in blocks of 2x2 cells; None if it is outside."""
    cell = 2 * i + PASSES[t][0], 2 * j + PASSES[t][1]
    at = top + 2 * cell[0], left + 2 * cell[1]
    return cell, at if 0 <= at[0] < shape[0] and 0 <= at[1] < shape[1] else None


@pytest.mark.parametrize("shape, size, top, left", CASES)
def test_residuals(shape, size, top, left):
    mosaic, prediction, companded = setting(shape, size)
    y, valid = np.empty((4, *size), np.float32), np.empty((4, *size), np.uint8)
    arguments = mosaic, prediction, companded, LOW, SHIFT, BLACK, CEILING, top, left
    _, y, valid = guarded(lay_residuals, *arguments, False, y, valid, into=[10, 11])
    for t, i, j in np.ndindex(4, *size):
        cell, at = site(shape, t, i, j, top, left)
        assert valid[t, i, j] == (0 if at is None else OPEN if mosaic[at] >= CEILING else 1)
        level = min(int(mosaic[at]), CEILING) * 2**SHIFT - BLACK if at else 0
        assert y[t, i, j] == (int(companded[level - LOW]) - companded[prediction[cell] - LOW] if at else 0)


@pytest.mark.parametrize("shape, size, top, left", CASES)
def test_bands(shape, size, top, left):
    """An orthonormal Haar transform of the same, within each block; a block counts where any of its sites does."""
    mosaic, prediction, companded = setting(shape, size)
    arguments = mosaic, prediction, companded, LOW, SHIFT, BLACK, CEILING, top, left
    y, valid = np.empty((4, *size), np.float32), np.empty((4, *size), np.uint8)
    lay_residuals(*arguments, False, y, valid)
    y = np.where(valid == OPEN, np.maximum(y, 0), y)  # as predicted will do
    block = {PASSES[t]: y[t].astype(float) for t in range(4)}
    a, b, c, d = block[0, 0], block[0, 1], block[1, 0], block[1, 1]
    wanted = [(a + b + c + d) / 2, (a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2]
    _, bands, some = guarded(lay_residuals, *arguments, True, np.empty_like(y), np.empty_like(valid), into=[10, 11])
    assert np.array_equal(bands, wanted)
    assert np.array_equal(some, np.broadcast_to(valid.any(0), valid.shape))
    assert (bands.astype(float) ** 2).sum() == (y.astype(float) ** 2).sum()


@pytest.mark.parametrize("shape, size, top, left", CASES)
def test_indices(shape, size, top, left):
    mosaic, *_ = setting(shape, size)
    mosaic.flat[-1] = 65535
    number = np.random.default_rng(1).integers(0, 65536, 65536).astype(np.int32)
    _, index = guarded(lay_indices, mosaic, number, top, left, np.empty((4, *size), np.int32), into=[4])
    for t, i, j in np.ndindex(4, *size):
        _, at = site(shape, t, i, j, top, left)
        assert index[t, i, j] == (number[mosaic[at]] if at else 0)


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 5)])
def test_lossless_symbols(shape):
    index, expected = np.random.default_rng(2).integers(0, 65536, (2, *shape)).astype(np.int32)
    valid = (np.indices(shape).sum(0) % 3 > 0).astype(np.uint8)
    _, symbols = guarded(exact_symbols, index, expected, valid, np.empty(shape, np.int32), into=[3])
    assert np.array_equal(symbols, np.where(valid > 0, index - expected, 0))
