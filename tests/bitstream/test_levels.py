"""Values that the mosaic's numbers stand for: floating point counted by size, whole numbers below 0, the section."""

import numpy as np
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.levels import WHOLE, Levels, counted, of_rank, ranks
from rawinlay.bitstream.stream.values import levels_bytes, read_levels


def test_every_half():
    """All 2^16 numbers of 16 bits, and in their order."""
    bits = np.arange(1 << 16).astype(np.uint16)
    rank = ranks(bits)
    assert np.array_equal(of_rank(rank, 16).view(np.uint16), bits)
    values = bits.view(np.float16)
    finite = np.isfinite(values)
    order = np.argsort(rank[finite])
    assert np.all(np.diff(values[finite][order].astype(np.float64)) >= 0)


@pytest.mark.parametrize("low, high", [(0.001, 1), (1e-30, 1e30), (-2, 3), (0.5, 0.500001)])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_values_come_back(kind, low, high):
    with np.errstate(over="ignore"):
        values = np.random.default_rng(0).uniform(low, high, (17, 22)).astype(kind)
    values[0, :4] = 0.0, -0.0, np.inf, np.nan
    number, levels = counted(values)
    assert levels.kept and levels.values(number).tobytes() == values.tobytes()
    again = read_levels(levels_bytes(levels), number.shape)
    assert again.values(number).tobytes() == values.tobytes() and again.numbers == levels.numbers
    assert np.array_equal(levels.renumbered(values), number)


def test_without_low_bits():
    values = np.random.default_rng(1).uniform(0.01, 1, (40, 40)).astype(np.float32)
    number, levels = counted(values)
    less = Levels(levels.bits, levels.shift, levels.base, 1.0, (0.0,) * 4)
    assert levels.shift and not less.kept and len(levels_bytes(less)) < 60
    assert np.max(np.abs(less.values(number) / values - 1)) < 2e-4


def test_whole_numbers_below_0():
    levels = Levels(WHOLE, 0, -25, 4000.0, (-24.5, -20.0, -20.0, 3.0))
    assert levels.numbers == ((0.5, 5.0, 5.0, 28.0), 4025)
    assert np.array_equal(levels.values(np.array([[25, 30]], np.uint16)), [[0, 5]])
    assert read_levels(levels_bytes(levels), (1, 2)) == levels


def test_damaged_sections():
    number, levels = counted(np.linspace(0.01, 1, 96, dtype=np.float32).reshape(8, 12))
    data = levels_bytes(levels)
    for cut in range(len(data) - 1):
        try:
            found = read_levels(data[:cut], number.shape)
        except StreamError:
            continue
        assert found.low is None  # cut where low bits begin: a section without
    for broken in (b"\7" + data[1:], data[:1] + b"\21" + data[2:], data + b"\0", data[:-1] + b"\xff"):
        with pytest.raises(StreamError):
            read_levels(broken, number.shape)
    with pytest.raises(StreamError):
        read_levels(data, (8, 13))
