"""A JPEG walked through once."""

import gc
import weakref
from dataclasses import FrozenInstanceError

import pytest
from jpegs import camera_jpeg, mpf_jpeg, plain_jpeg, with_xmp
from rawinlay.bitstream.errors import InputError, NoRawError, StreamError
from rawinlay.bitstream.jpeg import embed, file
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.planes import binding_hash
from rawinlay.bitstream.jpeg.segments import APP11, SOI, SOS, read_segments, splice

PAYLOAD = bytes(range(256)) * 700  # three segments


@pytest.fixture
def walks(monkeypatch):
    """Bytes of the files that are walked through, one entry a walk."""
    found = []

    def counted(data):
        found.append(data)
        return read_segments(data)

    monkeypatch.setattr(file, "read_segments", counted)
    return found


@pytest.mark.parametrize("make", [plain_jpeg, camera_jpeg, mpf_jpeg, lambda: with_xmp(plain_jpeg())])
def test_says_what_the_steps_on_bytes_say(make):
    data = make()
    jpeg = Jpeg(data)
    carrier = jpeg.with_payload(PAYLOAD)
    assert carrier.data == embed.embed(data, PAYLOAD)
    assert carrier.payload == embed.extract(carrier.data) == PAYLOAD
    assert carrier.bare.data == embed.strip(carrier.data) == data
    assert carrier.grown == jpeg.growth(len(PAYLOAD)) == len(carrier.data) - len(data)
    assert carrier.with_payload(b"other") == Jpeg(embed.embed(data, b"other"))
    assert carrier.growth(5) == jpeg.growth(5)
    assert carrier.planes.binding_hash() == binding_hash(data)
    assert (carrier.frame, carrier.exif_tags, carrier.orientation) == (jpeg.frame, jpeg.exif_tags, jpeg.orientation)


def test_is_itself_without_a_raw():
    jpeg = Jpeg(plain_jpeg())
    assert jpeg.bare is jpeg and jpeg.grown == 0
    with pytest.raises(NoRawError, match="carries no RAW"):
        _ = jpeg.payload


def test_walks_once(walks):
    jpeg = Jpeg(camera_jpeg())
    assert not walks
    _ = jpeg.frame, jpeg.ifd0, jpeg.exif_tags, jpeg.orientation, jpeg.bare.bare, [jpeg.growth(n) for n in range(9)]
    carrier = jpeg.with_payload(PAYLOAD)  # which is seen to give the file back
    assert walks == [jpeg.data, carrier.data]
    _ = carrier.payload, carrier.payload, carrier.bare, carrier.grown, carrier.exif_tags, carrier.frame
    assert walks == [jpeg.data, carrier.data]
    _ = [carrier.growth(n) for n in range(9)], (other := carrier.with_payload(b""))
    assert walks == [jpeg.data, carrier.data, carrier.bare.data, other.data]


def test_is_one_thing():
    data = plain_jpeg()
    jpeg = Jpeg(data)
    with pytest.raises(FrozenInstanceError):
        jpeg.data = b""
    assert Jpeg.of(jpeg) is jpeg and Jpeg.of(data) == jpeg and hash(Jpeg(data)) == hash(jpeg)
    assert jpeg.planes is jpeg.planes and jpeg.segments is jpeg.segments
    assert len(repr(jpeg)) < 100


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"no JPEG at all", plain_jpeg()[:100]])
def test_damage_is_told_whatever_is_asked(data):
    jpeg = Jpeg(data)
    for ask in (lambda: jpeg.segments, lambda: jpeg.frame, lambda: jpeg.payload, lambda: jpeg.bare, lambda: jpeg.planes,
                lambda: jpeg.growth(1), lambda: jpeg.with_payload(b"")):  # fmt: skip
        for _ in range(2):  # the second time as the first
            with pytest.raises(InputError):
                ask()
    assert jpeg.ifd0 is None and jpeg.exif_tags == {} and jpeg.orientation == 1 and jpeg.exif_payload == b""


def test_a_lost_part_is_told():
    carrier = Jpeg(plain_jpeg()).with_payload(PAYLOAD)
    middle = [s for s in carrier.segments if s.marker == APP11][1]
    with pytest.raises(StreamError, match="missing"):
        _ = Jpeg(splice(carrier.data, [(middle.start, middle.end, b"")])).payload


def test_nothing_holds_itself():
    """Planes are as large as a picture: they go with the last who has the file, not when Python looks for circles."""
    gc.disable()
    try:
        jpeg = Jpeg(plain_jpeg())
        _ = jpeg.segments, jpeg.frame, jpeg.bare, jpeg.growth(1), jpeg.ifd0
        planes = weakref.ref(jpeg.planes)
        del jpeg, _
        assert planes() is None
    finally:
        gc.enable()


def test_segments_hold_no_copies():
    segments = Jpeg(plain_jpeg()).with_payload(PAYLOAD).segments
    data = segments[0].data
    assert all(s.data is data for s in segments)
    assert (segments[0].marker, segments[-1].marker) == (SOI, SOS)
    assert all(s.payload == data[s.first : s.end] for s in segments)
