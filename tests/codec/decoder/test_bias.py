"""Decoded values put right in the mean: the same in a crop, refused where it has no place, taken where it pays."""

from dataclasses import replace

import goldens
import numpy as np
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.rect import Rect
from rawinlay.bitstream.stream.bias import BIAS_BYTES, NONE, Bias
from rawinlay.bitstream.stream.container import Container
from rawinlay.codec.decoder.bias import read_bias, shifts, tables, unbiased
from rawinlay.codec.decoder.grain import LEVELS
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import bias as fitting
from rawinlay.codec.encoder.job import Found
from rawinlay.codec.encoder.options import EncodeOptions, Rate
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.mosaic.layout import Layout
from scenes import scene


@pytest.fixture(scope="module")
def golden():
    return Stream.from_bytes(goldens.payload("biased")), decode_planes(goldens.jpeg("biased"))


def test_the_same_in_a_crop(golden):
    stream, planes = golden
    whole, box = goldens.decoded("biased"), Rect(3, 5, 12, 17)
    top, left = stream.layout.origin
    sites = Rect(2 * box.top - top, 2 * box.left - left, 2 * box.rows, 2 * box.cols).slices
    assert np.array_equal(stream.decode(planes, box=box)[sites], whole[sites])
    bare = replace(stream, bias=None).decode(planes)
    assert not np.array_equal(bare, whole)
    assert np.array_equal(unbiased(bare, stream.bias, stream.header, stream.layout, stream.companding), whole)


def test_between_levels(golden):
    """At each level the shift that the section says, halfway between two their mean; what is clipped stays."""
    stream, header = golden[0], replace(golden[0].header, black=[0], white=16384, top=16400, saturation=[], values=b"")
    layout = Layout(header.height, header.width, header.phase)
    found = shifts(stream.bias)
    table = tables(stream.bias, header, layout, replace(stream, header=header).companding)[0]
    for at in (8192, 4096, 256):
        i = LEVELS.index(at / 16384)
        assert table[at] == np.clip(np.rint(at + 16384 * found[0, i]), 0, 16400)
        middle = (found[0, i - 1] + found[0, i]) / 2
        assert table[3 * at // 4] == np.clip(np.rint(3 * at // 4 + 16384 * middle), 0, 16400)
    assert np.array_equal(table[16384:], np.arange(16384, 16401))


def test_sections_that_are_refused(golden):
    section = golden[0].bias.to_bytes()
    assert len(section) == BIAS_BYTES and Bias.from_bytes(section) == golden[0].bias and Bias.from_bytes(b"") is None
    for damaged in (section[:-1], section + b"\0", b"\x20" + section[1:]):
        with pytest.raises(StreamError):
            Bias.from_bytes(damaged)
    with pytest.raises(StreamError, match="bias"):
        read_bias(section, True)
    for name in ("lossless", "filter-of-six"):
        if name in goldens.NAMES:
            parts = Container.from_bytes(goldens.payload(name))
            with pytest.raises(StreamError):
                Stream.from_bytes(Container({**parts.sections, "BIAS": section}, parts.substreams).to_bytes())


def test_light_that_was_lost_comes_back(monkeypatch):
    """What is decoded too dark in the dark gets its mean back, within 2 %; what is right already costs nothing."""
    picture = scene((160, 200), "GRBG", seed=4, bits=14, black=(510, 512, 514, 509))
    payload = picture.encode(quality=60, effort=1)
    stream, options = replace(Stream.from_bytes(payload), bias=None), EncodeOptions(Rate(quality=60))
    monkeypatch.setattr(fitting, "LEAST_TIMES", 0)
    rng = np.random.default_rng(0)
    light = np.broadcast_to(np.geomspace(20, 12000, 200), (160, 200))
    black = np.tile(np.array([[510, 512], [514, 509]]), (80, 100))
    decoded = np.rint(black + light - 0.002 * 16383 * np.exp(-light / 300)).astype(np.uint16)
    true = np.clip(np.rint(black + light + rng.normal(0, 20, light.shape)), 0, 16383).astype(np.uint16)
    raw = replace(picture.raw, mosaic=true)
    found = fitting.with_bias(Found(stream, decoded), raw, options)
    assert found.stream.bias is not None and any(n != NONE for n in found.stream.bias.shift)
    assert Stream.from_bytes(stream_bytes(found.stream)).bias == found.stream.bias
    for columns in np.split(np.arange(200), 10):
        means = [float((m[:, columns] - black[:, columns].astype(float)).mean()) for m in (true, found.mosaic)]
        assert abs(means[1] - means[0]) < 0.02 * means[0] + 3
    right = Found(stream, np.rint(black + light).astype(np.uint16))
    assert fitting.with_bias(right, raw, options) is right
    for_psnr = EncodeOptions(Rate(quality=60), tune="psnr")
    assert fitting.with_bias(Found(stream, decoded), raw, for_psnr).stream.bias is None


def test_bytes_are_kept_for_it():
    assert fitting.reserved(EncodeOptions(Rate(size=100_000)), 10**6) == fitting.SECTION_BYTES
    for rate, tune in ((Rate(size=5000), "edit"), (Rate(size=100_000), "psnr"), (Rate(quality=60), "edit"),
                       (Rate(size=100_000, trimmable=True), "edit")):  # fmt: skip
        assert fitting.reserved(EncodeOptions(rate, tune=tune), 10**6) == 0
