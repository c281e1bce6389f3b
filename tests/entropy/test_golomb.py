"""Golomb-Rice coding of parameters: golden bytes, round trips, hostile bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.entropy.golomb import LIMIT, GolombReader, GolombWriter

numbers = st.one_of(st.integers(-20, 20), st.integers(-5000, 5000), st.integers(-(1 << 31), (1 << 31) - 1))


def written(*arrays):
    out = GolombWriter()
    for values in arrays:
        out.write(values)
    return out.to_bytes()


@pytest.mark.parametrize(
    ("values", "coded"),
    [
        ([], ""),
        # k starts at 2: zigzag 0 is "0" and two low bits
        ([0], "00"),
        # 2: "0 10"; mean (8 + 2) / 3: k 1; 1: "0 1"; mean 11 / 4: k 1; 5: "110 1"
        ([1, -1, -3], "4e80"),
        # zigzag 200 has a quotient of 50 under k 2: 24 ones and 32 bits
        ([100], "ffffff000000c8"),
        ([(1 << 31) - 1, -(1 << 31)], "fffffffffffffeffffffffffffff"),
    ],
)
def test_golden_bytes(values, coded):
    data = written(values)
    assert data.hex() == coded
    assert GolombReader(data).read(len(values)) == values


@given(st.lists(st.lists(numbers, max_size=40), max_size=5))
def test_round_trip(arrays):
    data = written(*arrays)
    reader = GolombReader(data)
    assert [reader.read(len(values)) for values in arrays] == arrays
    reader.finish()


@given(st.lists(numbers, min_size=1, max_size=40))
def test_a_cut_is_an_error(values):
    data = written(values)
    with pytest.raises(StreamError, match="end too early"):
        GolombReader(data[:-1]).read(len(values))


@given(st.binary(max_size=60), st.integers(0, 60))
def test_hostile_bytes(data, count):
    reader = GolombReader(data)
    try:
        values = reader.read(count)
        reader.finish()
    except StreamError:
        return
    assert len(values) == count
    assert all(-(1 << 31) <= v < 1 << 31 for v in values)


def test_endless_ones_stop_at_the_limit():
    reader = GolombReader(b"\xff" * 100)
    assert reader.read(1) == [-(1 << 31)]
    with pytest.raises(StreamError, match="end too early"):
        reader.read((800 - LIMIT - 32) // (LIMIT + 32) + 1)


@pytest.mark.parametrize("tail", [b"\0", b"\1", b"\0\0"])
def test_a_tail_is_an_error(tail):
    reader = GolombReader(written([1, 2, 3]) + tail)
    reader.read(3)
    with pytest.raises(StreamError, match="tail"):
        reader.finish()


def test_set_padding_is_an_error():
    data = written([1, -1, -3])
    reader = GolombReader(bytes([data[0], data[1] | 1]))
    reader.read(3)
    with pytest.raises(StreamError, match="tail"):
        reader.finish()


@pytest.mark.parametrize("value", [1 << 31, -(1 << 31) - 1])
def test_too_large_to_write(value):
    with pytest.raises(ValueError, match="32 bits"):
        written([value])


def test_small_numbers_cost_little():
    """400 zeros: k falls to 0 within a few values, then a bit each."""
    assert len(written([0] * 400)) <= 52
