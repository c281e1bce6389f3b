"""The values that a mosaic uses, told by plane (section USED): where it pays, and that all decoders go by it."""

import numpy as np
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.stream.container import Container, with_sections
from rawinlay.bitstream.stream.header import pack_values
from rawinlay.bitstream.stream.used import UsedValues
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.options import Rate
from rawinlay.codec.encoder.values import values_of
from scenes import multiplied, scene

LOSSLESS = Rate(lossless=True)


@pytest.fixture(scope="module")
def gained():
    return multiplied(scene((64, 80), "GRBG", seed=3, bits=12, black=(64, 60, 68, 64)))


@pytest.fixture(scope="module")
def payload(gained):
    return gained.encode(lossless=True)


def test_planes_with_gaps_cost_less(gained, payload):
    stream = Stream.from_bytes(payload)
    assert stream.used and not stream.header.values
    mosaic, (top, left) = gained.raw.mosaic, stream.layout.origin
    for k, values in enumerate(stream.used.planes):
        assert set(np.unique(mosaic[(k // 2 + top) % 2 :: 2, (k % 2 + left) % 2 :: 2])) <= set(values.tolist())
    # Log2 of 5, 2 and 3 is what a site's gaps are worth, of R, G2 and B.
    plain = scene((64, 80), "GRBG", seed=3, bits=12, black=(64, 60, 68, 64)).encode(lossless=True)
    assert len(payload) < len(plain) - 0.7 * gained.raw.mosaic.size / 4 * np.log2(30) / 8


@pytest.mark.parametrize("device", ["cpu", "torch"])
def test_decoders_agree(gained, payload, device):
    pytest.importorskip("torch")
    found = Stream.from_bytes(payload).decode(gained.planes, device="cpu" if device == "cpu" else "cpu:0")
    assert np.array_equal(found, gained.raw.mosaic)


def test_in_layers(gained):
    stream = Stream.from_bytes(gained.encode(lossless=True, trimmable=True))
    assert stream.used and stream.layers
    assert np.array_equal(stream.decode(gained.planes), gained.raw.mosaic)


def test_only_where_it_pays(gained):
    plain = scene((64, 80), "GRBG", seed=3, bits=12)
    assert values_of(plain.raw, LOSSLESS)[1] is None
    assert values_of(gained.raw, Rate(bpp=1.5))[1] is None
    assert values_of(gained.raw, Rate(quality=90))[1] is None
    alike = multiplied(scene((64, 80), "GRBG", seed=3, bits=12), (3, 3, 3, 3))
    alike.raw.mosaic[:] = alike.raw.mosaic // 3 * 3
    together, by_plane = values_of(alike.raw, LOSSLESS)
    assert together and by_plane is None


def test_section():
    lists = np.array([0, 7, 4095]), np.array([3]), np.array([3]), np.arange(0, 4096, 2)
    data = UsedValues(lists).to_bytes()
    assert data[0] == 0b10_01_01_00
    assert all(np.array_equal(a, b) for a, b in zip(UsedValues.from_bytes(data, 4095).planes, lists, strict=True))
    for wrong in (data[:-1], data + b"\0", b"", b"\2" + data[1:], bytes([0b11_01_01_00]) + data[1:]):
        with pytest.raises(StreamError):
            UsedValues.from_bytes(wrong, 4095)
    with pytest.raises(StreamError, match="range"):
        UsedValues.from_bytes(data, 4094)


def test_told_twice(payload):
    container = Container.from_bytes(payload)
    header = Stream.from_bytes(payload).header
    both = type(header)(**{**vars(header), "values": pack_values(np.arange(5))}).to_bytes()
    with pytest.raises(StreamError, match="twice"):
        Stream.from_bytes(with_sections(payload, {**container.sections, "HEAD": both}))
