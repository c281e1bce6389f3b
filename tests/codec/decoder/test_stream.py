"""The stream as a whole: to bytes and back, and what `Stream.from_bytes` refuses before anything is decoded."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.stream.fields import write_varint
from rawinlay.codec.decoder.stream import Stream, pack_black, pack_transforms, unpack_transforms
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.mosaic.layout import tiles
from rawinlay.codec.stages.order import HAAR, IN_PLACE
from scenes import fit_transforms, scene


@pytest.fixture(scope="module")
def payload():
    return scene((48, 64)).encode(quality=70)


def sections(payload, **changes):
    """The payload with sections replaced."""
    container = Container.from_bytes(payload)
    return Container({**container.sections, **changes}, container.substreams).to_bytes()


def test_round_trip(payload):
    stream = Stream.from_bytes(payload)
    assert stream_bytes(stream) == payload
    assert stream.header.phase == "RGGB" and stream.header.camera == "Test Camera"
    assert len(stream.substreams) <= 16 and all(stage < 16 and tile == 0 for tile, stage in stream.substreams)


def test_two_transforms_by_tile():
    """A picture in several tiles, coded in both transforms, through bytes and back."""
    shot = scene((160, 224))
    whole = Stream.from_bytes(shot.encode(quality=60))
    # the encoder's own parts, with smaller tiles and a transform forced by tile
    plain = Job.of(shot.raw, shot.planes, shot.geometry, whole.header, len, EncodeOptions()).plain()
    fitted = fit_transforms(plain.encoder, 3300)
    transforms = [n % 3 % 2 for n in range(len(tiles(*plain.job.picture.layout.cells, 32)))]
    mixed = plain.encoder.encode(3300, fitted, 32, transforms=transforms)
    assert mixed.transforms == transforms and set(transforms) == {IN_PLACE, HAAR}
    header = replace(whole.header, step=3300, tile=16, transforms=pack_transforms(transforms))
    stream = Stream(header, plain.recipe, fitted.params, transforms, mixed.substreams)
    again = Stream.from_bytes(stream_bytes(stream))
    assert again.transforms == mixed.transforms and again.substreams == mixed.substreams
    assert np.array_equal(again.decode(shot.planes), mixed.mosaic)


def test_transforms():
    assert pack_transforms([0, 0, 0]) == b"\0" and pack_transforms([1] * 9) == b"\xff"
    for transforms in ([0], [1], [0, 1], [1, 0, 0, 0, 0, 0, 0, 1], [1] * 8 + [0], [0, 1] * 50):
        assert unpack_transforms(pack_transforms(transforms), len(transforms)) == transforms
    for data, count in ((b"\2", 9), (b"\0\0", 8), (b"\0\0", 17), (b"\4", 2), (b"", 1)):
        with pytest.raises(StreamError, match="tiles"):
            unpack_transforms(data, count)


def test_black():
    assert pack_black((512.0, 512.0, 512.0, 512.0)) == [512 * 1024]
    assert pack_black((512.0, 512.5, 0.0, -3.0)) == [524288, 524800, 0, 0]


def header_changed(payload, **changes):
    stream = Stream.from_bytes(payload)
    return sections(payload, HEAD=replace(stream.header, **changes).to_bytes())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": b"another!"}, "probability tables 616e6f7468657221"),
        ({"geometry": b""}, "geometry is damaged"),
        ({"geometry": b"\x10" + bytes(8)}, "geometry is out of range"),
        ({"geometry": b"\x08" + b"\xff\xff\xff\x7f" * 2}, "geometry is out of range"),
        ({"values": b"\x01"}, "set of values"),
        ({"white": 1, "black": [1023]}, "white level"),
        ({"white": 65535, "black": [65534 * 1024], "top": 1, "values": b""}, "white level"),
        ({"transforms": b"\0\0"}, "number of tiles"),
        ({"transforms": b"\1"}, "parameters are missing"),
    ],
)
def test_headers_that_do_not_fit(payload, changes, message):
    with pytest.raises(StreamError, match=message):
        Stream.from_bytes(header_changed(payload, **changes))


def test_a_huge_mosaic_for_a_small_jpeg(payload):
    stream = Stream.from_bytes(header_changed(payload, height=60000, width=8000))
    with pytest.raises(StreamError, match="too large for this JPEG"):
        stream.decode(scene((48, 64)).planes)


@pytest.mark.parametrize("name", ["HEAD", "RECP", "PARM"])
def test_a_missing_section(payload, name):
    with pytest.raises(StreamError):
        Stream.from_bytes(sections(payload, **{name: b""}))


def test_parameters_that_do_not_fit(payload):
    parm = Container.from_bytes(payload).sections["PARM"]
    wrong = {
        "a transform that this version does not know": b"\4" + parm[1:],
        "a tail": parm + b"\0",
        "needs": parm[:-1],
        "end too early": parm[:1] + write_varint(3) + parm[3:6],
        "missing": b"\0",
    }
    for message, data in wrong.items():
        with pytest.raises(StreamError, match=message):
            Stream.from_bytes(sections(payload, PARM=data))


@pytest.mark.parametrize("key", [(1, 0, 0), (0, 1, 0), (0, 0, 16), (4000, 0, 3)])
def test_substreams_that_do_not_belong(payload, key):
    container = Container.from_bytes(payload)
    extra = Container(container.sections, {**container.substreams, key: b"abcd"}).to_bytes()
    with pytest.raises(StreamError, match="does not belong there"):
        Stream.from_bytes(extra)


def test_swapped_substreams_are_an_error_or_another_mosaic(payload):
    """Symbols under the classes of another stage: never an exception of another kind, never more than the range."""
    stream, planes = Stream.from_bytes(payload), scene((48, 64)).planes
    right, top = stream.decode(planes), stream.header.top
    for stage in range(15):
        swapped = dict(stream.substreams)
        swapped[0, stage], swapped[0, stage + 1] = swapped.get((0, stage + 1), b""), swapped.get((0, stage), b"")
        if swapped[0, stage] == swapped[0, stage + 1]:
            continue
        try:
            wrong = replace(stream, substreams=swapped).decode(planes)
        except StreamError:
            continue
        assert wrong.max() <= top and not np.array_equal(wrong, right)
