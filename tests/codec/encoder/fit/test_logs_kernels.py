"""codec.encoder.fit.log_kernels: sums of log2(1 + 3 x^2)."""

import numpy as np
import pytest
from rawinlay.codec.encoder.fit.log_kernels import TOGETHER, sum_of_logs


@pytest.mark.parametrize("count", [1, TOGETHER - 1, TOGETHER, TOGETHER + 1, 5 * TOGETHER + 3])
@pytest.mark.parametrize("leading", [(), (1,), (2, 3)])
def test_sums_over_the_last_axis(leading, count):
    x = np.random.default_rng(count).normal(0, 100, (*leading, count)).astype(np.float32)
    found = sum_of_logs(x)
    assert found.shape == leading and found.dtype == np.float64
    assert found == pytest.approx(np.log2(1 + 3 * x.astype(np.float64) ** 2).sum(-1), rel=1e-12)


def test_the_largest_and_the_least_that_may_come():
    """A product of `TOGETHER` factors holds residuals of all of 16 bits at the finest step, and none is lost."""
    assert sum_of_logs(np.full((1, 16), 2.0**62, np.float32)) == pytest.approx(16 * (124 + np.log2(3)))
    assert sum_of_logs(np.zeros((2, 9), np.float32)).tolist() == [0, 0]
    assert sum_of_logs(np.array([1, -1, 1, -1], np.float32)) == pytest.approx(8)


def test_any_layout():
    x = np.random.default_rng(0).normal(0, 1, (6, 4)).astype(np.float32)
    assert np.array_equal(sum_of_logs(x.T), sum_of_logs(np.ascontiguousarray(x.T)))
