"""codec.encoder.fit.sample_kernels: features of sampled blocks of 2x2 cells, and how often a mosaic has each value."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.encoder.fit.sample_kernels import bands, histogram
from rawinlay.codec.recipe.features import BASIC, COUNT, TABLES
from rawinlay.codec.recipe.features_kernels import CHUNK, HALO, features

PICKS = {
    (1, 1): ([0], [[0]]),
    (4, 5): ([0, 2], [[0, 2], [1, 2]]),
    (5, CHUNK + 3): ([4, 0], [[0, 63, 65], [1, 2, 64]]),
    (2, 3 * CHUNK + 1): ([0], [[3, 2 * CHUNK // 2, 3 * CHUNK // 2]]),  # no block in the second chunk
    (3, 2 * CHUNK): ([2], [[]]),
}


@pytest.mark.parametrize("count", [COUNT, BASIC])
@pytest.mark.parametrize("size", PICKS)
def test_bands(size, count):
    """A quarter of each block's sum and of its differences across, down and both; of what `features` gives."""
    (tops, picks), shape = PICKS[size], (size[0] + 2 * HALO + 1, size[1] + 2 * HALO + 1)
    picks = np.array(picks, np.int64).reshape(len(tops), -1)
    rng = np.random.default_rng(0)
    y, chroma = rng.integers(0, 4081, (4, *shape)), rng.integers(-2048, 2033, (2, *shape))
    planes = np.concatenate([y, chroma]).astype(np.int16)
    out = np.empty((count, 4, picks.size), np.float32)
    _, out = guarded(bands, planes, TABLES, *size, np.array(tops), picks, out, into=[6])
    for n, (top, pick) in enumerate((top, pick) for top, row in zip(tops, picks, strict=True) for pick in row):
        phi = np.empty((count, 2, 2), np.float64)
        features(planes, TABLES, *size, top, 2 * pick, phi)
        (a, b), (c, d) = phi.transpose(1, 2, 0)
        wanted = [(a + b + c + d) / 4, (a - b + c - d) / 4, (a + b - c - d) / 4, (a - b - c + d) / 4]
        assert np.array_equal(out[..., n].T, wanted)


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (3, 7), (40, 33)])
def test_histogram(shape):
    mosaic = np.random.default_rng(0).choice(np.array([0, 1, 7, 65535], np.uint16), shape)
    counts, *_ = guarded(histogram, mosaic)
    assert counts.dtype == np.int64 and np.array_equal(counts, np.bincount(mosaic.ravel(), minlength=65536))
