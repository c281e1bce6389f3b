"""The header: round trips, sets of values, and bytes that are no sound header."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.stream.header import FIELDS, LEVEL_UNIT, MAX_SIDE, Header, pack_values, unpack_values

EXAMPLE = Header(
    model=bytes(range(8)), net=bytes(range(9, 17)), binding=bytes(range(16)), height=4000, width=6000, cfa=2,
    orientation=6, white=15000, top=16383, black=[512 * LEVEL_UNIT], saturation=[], geometry=b"\0", companding=8,
    step_exponent=4, states=3, step=3300, tile=256, transforms=b"\0", values=b"", camera="Maker Öne", tags=b"tags",
)  # fmt: skip
GOLDEN = (
    "0001020304050607 08090a0b0c0d0e0f10 000102030405060708090a0b0c0d0e0f a01f f02e 02 06 983a ff3f 01 808020 00 01 00"
    "08 04 03 e40c 0001 01 00 00 0a 4d616b657220c396 6e65 04 74616773"
)

headers = st.builds(
    Header,
    model=st.binary(min_size=8, max_size=8), net=st.binary(max_size=8), binding=st.binary(min_size=16, max_size=16),
    height=st.integers(2, 8000),
    width=st.integers(2, 8000), cfa=st.integers(0, 3), orientation=st.integers(1, 8), white=st.integers(4096, 65535),
    top=st.integers(1, 65535), black=st.lists(st.integers(0, 4095 * LEVEL_UNIT), min_size=4, max_size=4),
    saturation=st.sampled_from([[], [0] * 7 + [1], [1] * 8]),
    geometry=st.binary(max_size=64), companding=st.integers(1, 255), step_exponent=st.integers(0, 8),
    states=st.integers(2, 6), step=st.integers(0, 5119), tile=st.integers(8, 65535), transforms=st.binary(min_size=1,
    max_size=40), values=st.binary(max_size=100), camera=st.text(max_size=20), tags=st.binary(max_size=200),
)  # fmt: skip


def test_golden_bytes():
    assert EXAMPLE.to_bytes() == bytes.fromhex(GOLDEN)
    assert Header.from_bytes(bytes.fromhex(GOLDEN)) == EXAMPLE


@given(headers)
def test_round_trip(header):
    assert Header.from_bytes(header.to_bytes()) == header


def test_words():
    assert EXAMPLE.phase == "GRBG"
    assert EXAMPLE.levels == (512.0,) * 4
    four = replace(EXAMPLE, black=[0, LEVEL_UNIT // 2, LEVEL_UNIT, 3])
    assert four.levels == (0.0, 0.5, 1.0, 3 / 1024)
    assert EXAMPLE.to_bytes()[-4:] == b"tags" and len(EXAMPLE.to_bytes()) < 80


@given(st.binary(max_size=200))
def test_hostile_bytes(data):
    try:
        Header.from_bytes(data)
    except StreamError as error:
        assert "header" in str(error) and "\n" not in str(error)


@given(headers, st.data())
def test_damage_is_an_error_or_another_header(header, data):
    good = bytearray(header.to_bytes())
    good[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert Header.from_bytes(bytes(good)) != header
    except StreamError:
        pass


@pytest.mark.parametrize("cut", range(len(EXAMPLE.to_bytes())))
def test_a_cut_is_an_error(cut):
    with pytest.raises(StreamError, match="header"):
        Header.from_bytes(EXAMPLE.to_bytes()[:cut])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": MAX_SIDE, "width": MAX_SIDE}, "larger than this version reads"),
        ({"height": 1 << 14, "width": (1 << 15) + 1}, "larger than this version reads"),
        ({"black": [15000 * LEVEL_UNIT]}, "not below the white level"),
        ({"black": [0, 0, 0, 15000 * LEVEL_UNIT]}, "not below the white level"),
        ({"black": [0, 0]}, "neither one nor four"),
        ({"saturation": [1] * 4}, "neither none nor eight"),
        ({"saturation": [16384, *[0] * 7]}, "leaves the mosaic's range"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(StreamError, match=message):
        Header.from_bytes(replace(EXAMPLE, **changes).to_bytes())


@pytest.mark.parametrize("name", [f.name for f in FIELDS])
def test_out_of_range_is_not_written(name):
    """Every field has bounds, which the writer names."""
    field = next(f for f in FIELDS if f.name == name)
    low, high = field.range
    if field.kind in ("u8", "u16", "varint"):
        wrong = [v for v in (low - 1, high + 1)]
    elif field.kind == "array":
        wrong = [[0] * (high + 1), [-1]]
    else:
        wrong = ["x" * (high + 1) if field.kind == "str" else bytes(high + 1)]
    for value in wrong:
        with pytest.raises(ValueError, match=name):
            replace(EXAMPLE, **{name: value}).to_bytes()


value_sets = st.sets(st.integers(0, 65535), min_size=1, max_size=300).map(lambda s: np.array(sorted(s)))


@given(value_sets)
def test_values_round_trip(used):
    top = int(used[-1])
    assert np.array_equal(unpack_values(pack_values(used), top), used)
    assert np.array_equal(unpack_values(pack_values(used), 65535), used)


@pytest.mark.parametrize("used", [[0], [65535], [0, 65535], range(65536), range(0, 65536, 255), range(0, 65536, 256)])
def test_values_at_the_limits(used):
    packed = pack_values(np.array(used))
    assert np.array_equal(unpack_values(packed, 65535), np.array(used))
    assert len(packed) < 1000


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff", deflate(b""), deflate(b"\0"), deflate(b"\5\0"), deflate(b"\5") + b"x", deflate(b"\1\2\3")[:-1],
        deflate(bytes([1]) * 500), deflate(bytes(1 << 24) + b"\1"),
    ],
)  # fmt: skip
def test_sets_that_are_none(data):
    with pytest.raises(StreamError, match="set of values"):
        unpack_values(data, 100)


@given(st.binary(max_size=100))
def test_hostile_values(data):
    try:
        values = unpack_values(data, 1000)
    except StreamError:
        return
    assert len(values) and (np.diff(values) > 0).all() and 0 <= values[0] and values[-1] <= 1000
