"""The map of bits: it sums up to the stream's own symbols, and lies where the detail is."""

import numpy as np
import pytest
from rawinlay.bitstream.errors import UsageError
from rawinlay.codec.decoder.stream import Stream
from rawinlay.eval import bitmap
from scenes import scene


@pytest.fixture(scope="module")
def taken():
    made = scene((160, 192), kind="soft", noise=0.002)
    made.raw.mosaic[:, 96:] = np.random.default_rng(1).integers(1000, 6000, (160, 96))  # nothing the JPEG tells of
    return made


@pytest.mark.parametrize(("target", "more"), [({"quality": 50.0}, 3), ({"lossless": True}, 1.2)])
def test_bits_are_those_of_the_stream(taken, target, more):
    stream = Stream.from_bytes(taken.encode(**target))
    bits = bitmap.bit_map(stream, taken.planes)
    assert bits.shape == (80, 96)
    spent = 8 * sum(len(part) for part in stream.substreams.values())
    assert 4 * bits.sum() == pytest.approx(spent, rel=0.05)  # the coder's words round up
    assert bits[:, 52:].mean() > more * bits[:, :44].mean()


def test_a_stream_in_layers_has_no_map(taken):
    stream = Stream.from_bytes(taken.encode(quality=40.0, trimmable=True))
    with pytest.raises(UsageError, match="one layer"):
        bitmap.bit_map(stream, taken.planes)


def test_drawn_beside_the_jpeg(taken, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(taken.jpeg)
    image = bitmap.draw(np.ones((80, 96)), path, width=100)
    assert image.size == (200, 83)
