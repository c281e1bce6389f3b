"""The second look behind the loop: taken where edits show less error, within its room, never where it has no place."""

from dataclasses import replace

import goldens
import numpy as np
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.stream.container import Container
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import post
from rawinlay.codec.encoder.effort import effort_of
from rawinlay.codec.encoder.job import Found, Job
from rawinlay.codec.encoder.options import EncodeOptions, Rate
from rawinlay.codec.encoder.stream_writer import stream_bytes
from scenes import scene

BEHIND = replace(effort_of(5), behind=True)


@pytest.fixture(scope="module")
def coded():
    """A picture, its job, and what a coarse coding decodes to: detail that the JPEG shows is gone."""
    picture = scene((140, 180), "GRBG", "texture", seed=3, subsampling=0)
    payload = picture.encode(quality=10, effort=1)
    stream = Stream.from_bytes(payload)
    assert stream.post is None  # of so little effort
    job = Job.of(picture.raw, picture.planes, picture.geometry, stream.header, len, EncodeOptions(effort=BEHIND))
    return picture, job, Found(stream, stream.decode(picture.planes))


def test_pays(coded, monkeypatch):
    """It lowers the error that it is chosen by, and the stream decodes to what the encoder has."""
    picture, job, found = coded
    monkeypatch.setattr(post, "FEW", 0)
    monkeypatch.setattr(post, "LEAST_WORTH", -1e9)  # the better look, whether or not it is worth its bytes
    options = EncodeOptions(Rate(quality=10), effort=BEHIND)
    better = post.with_post(found, job, picture.raw, options)
    look = better.stream.post
    assert look is not None and not np.array_equal(better.mosaic, found.mosaic)
    before, after = post._errors(found.mosaic, [look], job, picture.raw)
    assert after < before
    back = Stream.from_bytes(stream_bytes(better.stream))
    assert np.array_equal(back.decode(picture.planes), better.mosaic)


@pytest.mark.parametrize("options", [
    EncodeOptions(Rate(quality=10), tune="psnr"), EncodeOptions(Rate(size=2000)), EncodeOptions(Rate(bpp=0.1)),
])  # fmt: skip
def test_no_room(coded, options):
    (picture, job, found), options = coded, replace(options, effort=BEHIND)
    assert post.reserved(options, picture.raw.mosaic.size) == 0
    assert post.with_post(found, job, picture.raw, options) is found


def test_no_effort(coded):
    picture, job, found = coded
    for level in (1, 5):
        assert post.with_post(found, replace(job, effort=effort_of(level)), picture.raw, EncodeOptions()) is found
        assert post.reserved(EncodeOptions(Rate(bpp=0.4), effort=level), 12_000_000) == 0


def test_reserved():
    sites = 12_000_000
    assert post.reserved(EncodeOptions(Rate(bpp=0.4), effort=BEHIND), sites) == post.MOST
    assert post.reserved(EncodeOptions(Rate(size=40_000), effort=BEHIND), sites) == 40_000 // post.SHARE
    for rate in (Rate(lossless=True), Rate(quality=60), Rate(bpp=0.4, trimmable=True)):
        assert post.reserved(EncodeOptions(rate, effort=BEHIND), sites) == 0


def test_refused():
    """In a stream without loss there is nothing to correct, and layers that are taken away would change what is."""
    look = Stream.from_bytes(goldens.payload("post")).post
    parts = Container.from_bytes(goldens.payload("lossless"))
    with pytest.raises(StreamError, match="behind the loop"):
        Stream.from_bytes(Container({**parts.sections, "POST": look.to_bytes()}, parts.substreams).to_bytes())
    parts = Container.from_bytes(goldens.payload("post"))
    with pytest.raises(StreamError):
        Stream.from_bytes(Container({**parts.sections, "POST": b"\1\2\3"}, parts.substreams).to_bytes())


def test_saturated_sites_stay():
    """Nothing that the sensor clipped is changed, nor what only the own guide shows."""
    stream = Stream.from_bytes(goldens.payload("post"))
    bare = replace(stream, post=None).decode(decode_planes(goldens.jpeg("post")))
    found = goldens.decoded("post")
    clipped = bare >= stream.header.white
    assert clipped[:12, :18].all() and np.array_equal(found[clipped], bare[clipped])
    assert (found != bare).mean() > 0.2
