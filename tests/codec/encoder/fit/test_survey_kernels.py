"""codec.encoder.fit.survey_kernels: blocks counted by the log2 of their mean difference from the diagonal neighbours,
in steps."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.encoder.fit.survey_kernels import BIN_OCTAVES, BINS, BLOCK, LOWEST, survey


def magnitudes(even, odd, prediction, steps, low):
    """Of each whole block that has a row and a column behind it."""
    height, width = odd.shape
    for i in range(0, height - BLOCK, BLOCK):
        for j in range(0, width - BLOCK, BLOCK):
            parts = [
                abs(odd[y, x] - even[y : y + 2, x : x + 2].mean()) / steps[prediction[2 * y + 1, 2 * x + 1] - low]
                for y in range(i, i + BLOCK) for x in range(j, j + BLOCK)
            ]  # fmt: skip
            yield np.mean(parts)


@pytest.mark.parametrize("shape", [(0, 0), (4, 4), (5, 4), (5, 5), (9, 14), (12, 13)])
def test_blocks_by_their_magnitude(shape):
    rng, low = np.random.default_rng(0), -3
    even, odd = (rng.standard_normal((2, *shape)) * 2.0 ** rng.integers(-9, 9, (2, *shape))).astype(np.float32)
    prediction = rng.integers(low, low + 8, (2 * shape[0], 2 * shape[1])).astype(np.int32)
    steps = rng.integers(1, 400, 8).astype(np.int32)
    before = rng.integers(0, 5, BINS)
    _, after = guarded(survey, even, odd, prediction, steps, low, before, changed=[5])
    found = magnitudes(even.astype(float), odd.astype(float), prediction, steps, low)
    places = [(np.log2(m) - LOWEST) * BIN_OCTAVES for m in found]
    assert all(abs(at - round(at)) > 1e-3 for at in places)  # none that rounding could put into the next bin
    assert np.array_equal(after - before, np.bincount([int(at) for at in places], minlength=BINS))


LEAST = int(np.floor((np.log2(1e-9) - LOWEST) * BIN_OCTAVES))  # below the first bin


@pytest.mark.parametrize(
    "value, at", [(0.0, max(LEAST, 0)), (1.0, -LOWEST * BIN_OCTAVES), (2.0**-19, BIN_OCTAVES), (1e6, BINS - 1)]
)
def test_ends(value, at):
    """Nothing, one step, hardly anything, and far more than there are bins for."""
    odd, prediction = np.full((8, 8), value, np.float32), np.zeros((16, 16), np.int32)
    histogram = np.zeros(BINS, np.int64)
    survey(np.zeros((8, 8), np.float32), odd, prediction, np.ones(1, np.int32), 0, histogram)
    assert histogram[at] == 1 and histogram.sum() == 1
