"""Section BORD: every value around a mosaic comes back, and nothing but a border of its size is taken for one."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.raw_image import Border
from rawinlay.bitstream.stream.border import FREE, border_bytes, most_values, parse_border
from rawinlay.bitstream.stream.fields import write_varint

RNG = np.random.default_rng(2)


def frame_of(top, left, bottom, right, shape=(40, 60), most=1 << 16):
    return RNG.integers(0, most, (top + shape[0] + bottom, left + shape[1] + right)).astype(np.uint16)


@pytest.mark.parametrize("sides", [(6, 4, 0, 0), (0, 0, 0, 1), (1, 1, 1, 1), (0, 9, 0, 3), (3, 0, 2, 0), (2, 2, 5, 8)])
@pytest.mark.parametrize("most", [1, 7, 1 << 16])
def test_every_value_comes_back(sides, most):
    top, left, bottom, right = sides
    frame = frame_of(top, left, bottom, right, most=most)
    border = Border.around(frame, top, left, (40, 60))
    assert border.sides == sides and border.size == frame.size - 2400
    found = parse_border(border_bytes(border), 40, 60)
    mosaic = frame[top : top + 40, left : left + 60]
    assert np.array_equal(found.frame(mosaic), frame)


def test_no_border_is_none():
    assert Border.around(frame_of(0, 0, 0, 0), 0, 0, (40, 60)) is None


def test_noise_takes_little_more_than_it_holds():
    """Differences of noise of 3 DN have 4.1 bits; a margin of one value next to nothing."""
    noise = (1024 + RNG.normal(0, 3, (400, 300))).round().astype(np.uint16)
    border = Border.around(noise, 20, 40, (380, 260))
    assert 8 * len(border_bytes(border)) < 4.6 * border.size
    assert len(border_bytes(Border.around(np.full((400, 300), 9, np.uint16), 20, 40, (380, 260)))) < 200


def section(sides, values=b""):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(write_varint(n) for n in sides) + deflate.compress(values) + deflate.flush()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0", section((0, 0, 0, 0)), section((0, 1, 0, 0)), section((0, 1, 0, 0), bytes(79)),
        section((0, 1, 0, 0), bytes(81)), section((0, 1, 0, 0), bytes(80)) + b"\0",
        section((0, 1, 0, 0), bytes(80))[:-1],
        section((1 << 40, 1 << 40, 0, 0)), section((0, 0, 3000, 0), bytes(2 * 3000 * 60)), b"\0\1\0\0rubbish",
    ],
)  # fmt: skip
def test_what_is_none_is_refused(body):
    with pytest.raises(StreamError, match="BORD"):
        parse_border(body, 40, 60)


def test_a_bomb_does_not_go_off():
    """However much a section says it holds, no more is unpacked than a border may have."""
    assert most_values(40, 60) == 1200 + FREE
    bomb = section((0, 1000, 0, 0), bytes(64 << 20))
    with pytest.raises(StreamError, match="BORD"):
        parse_border(bomb, 40, 60)


BODY = border_bytes(Border.around(frame_of(3, 5, 2, 1, most=200), 3, 5, (40, 60)))


@given(st.data())
def test_damage_gives_a_border_or_stream_error(data):
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse_border(bytes(body), 40, 60)
    except StreamError as error:
        assert "\n" not in str(error)
    else:
        assert found.size <= most_values(40, 60)
