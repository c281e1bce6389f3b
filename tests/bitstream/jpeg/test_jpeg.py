"""The marker walker: real and synthetic JPEGs, and headers that lie."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jpegs import camera_jpeg, mpf_jpeg, picture, plain_jpeg
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.segments import (
    APP0,
    APP1,
    COM,
    SOI,
    SOS,
    Component,
    read_segments,
    segment_bytes,
    splice,
)

SOF0 = bytes.fromhex("ffc0 0011 08 0020 0030 03 012200 021101 031101")
SCAN = bytes.fromhex("ffda 0008 01 0100 003f00 00 112233 ffd9")


@pytest.mark.parametrize("jpeg", [plain_jpeg(), plain_jpeg(progressive=True), camera_jpeg(), mpf_jpeg()])
def test_segments_follow_each_other_from_soi_to_sos(jpeg):
    segments = read_segments(jpeg)
    assert segments[0].marker == SOI and segments[1].marker == APP0 and segments[-1].marker == SOS
    assert segments[0].start == 0
    for segment, following in itertools.pairwise(segments):
        assert segment.end == following.start
    for segment in segments[1:]:
        assert jpeg[segment.start : segment.end] == segment_bytes(segment.marker, segment.payload)


def test_fill_bytes_and_stand_alone_markers():
    jpeg = b"\xff\xd8" + b"\xff\xff\xff\xe1\0\4ab" + b"\xff\x01" + b"\xff\xff\xd0" + b"\xff\xfe\0\2" + SOF0 + SCAN
    assert [(s.marker, s.start, s.end, s.payload) for s in read_segments(jpeg)[:5]] == [
        (SOI, 0, 2, b""),
        (APP1, 2, 10, b"ab"),
        (0x01, 10, 12, b""),
        (0xD0, 12, 15, b""),
        (COM, 15, 19, b""),
    ]
    assert Jpeg(jpeg).frame.width == 48


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a JPEG"),
        (b"\x89PNG\r\n", "not a JPEG"),
        (b"\xff\xd8", "ends before its picture does"),
        (b"\xff\xd8\xff\xff", "ends before its picture does"),
        (b"\xff\xd8\xff\xd9", "holds no image"),
        (b"\xff\xd8\xff\xd8", "further picture begins .FF D8. at byte 2"),
        (b"\xff\xd8\xff\0", "ends before its picture does"),
        (b"\xff\xd8ab", "ends before its picture does"),
        (b"\xff\xd8ab\xff\0cd\xff\xff\xe1\0\5ab", "FF E1 at byte 9 is cut"),
        (b"\xff\xd8\xff\xe1", "FF E1 at byte 2 is cut"),
        (b"\xff\xd8\xff\xe1\0", "FF E1 at byte 2 is cut"),
        (b"\xff\xd8\xff\xe1\0\1", "FF E1 at byte 2 is cut or has a wrong length"),
        (b"\xff\xd8\xff\xe1\0\5ab", "FF E1 at byte 2 is cut"),
        (b"\xff\xd8" + b"\xff\x01" * 100_000, "more than 100000 segments"),
    ],
)
def test_damaged_headers(data, message):
    with pytest.raises(InputError, match=message):
        read_segments(data)


def test_every_truncation_of_the_header():
    jpeg = camera_jpeg()
    for length in range(read_segments(jpeg)[-1].end):
        with pytest.raises(InputError):
            read_segments(jpeg[:length])


@given(st.integers(0, 700), st.integers(0, 255))
def test_changed_bytes_never_give_another_error(at, byte):
    jpeg = bytearray(plain_jpeg())
    jpeg[at % len(jpeg)] = byte
    try:
        assert Jpeg(bytes(jpeg)).frame
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(("subsampling", "h", "v"), [(0, 1, 1), (1, 2, 1), (2, 2, 2)])
def test_frame_info(subsampling, h, v):
    info = Jpeg(plain_jpeg(subsampling=subsampling)).frame
    assert (info.width, info.height, info.precision) == (48, 32, 8)
    assert info.components == (Component(1, h, v, 0), Component(2, 1, 1, 1), Component(3, 1, 1, 1))
    assert not (info.progressive or info.arithmetic or info.lossless or info.hierarchical)


def test_frame_info_of_grey_and_progressive():
    out = io.BytesIO()
    picture().convert("L").save(out, "JPEG")
    assert len(Jpeg(out.getvalue()).frame.components) == 1
    assert Jpeg(plain_jpeg(progressive=True)).frame.progressive


@pytest.mark.parametrize(
    ("marker", "flags"),
    [
        (0xC1, set()),
        (0xC2, {"progressive"}),
        (0xC3, {"lossless"}),
        (0xC5, {"hierarchical"}),
        (0xC9, {"arithmetic"}),
        (0xCA, {"arithmetic", "progressive"}),
        (0xCF, {"arithmetic", "lossless", "hierarchical"}),
    ],
)
def test_kinds_of_frames(marker, flags):
    info = Jpeg(b"\xff\xd8\xff" + bytes((marker,)) + SOF0[2:] + SCAN).frame
    assert {name for name in ("progressive", "arithmetic", "lossless", "hierarchical") if getattr(info, name)} == flags


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"", "0 frame headers"),
        (SOF0 + SOF0, "2 frame headers"),
        (bytes.fromhex("ffc0 0005 080020"), "wrong length"),
        (bytes.fromhex("ffc0 0008 08 0020 0030 00"), "wrong length"),
        (bytes.fromhex("ffc0 000b 08 0020 0030 02 011100"), "wrong length"),
        (bytes.fromhex("ffc0 000b 08 0000 0030 01 011100"), "gives no size"),
        (bytes.fromhex("ffc0 000b 08 0020 0030 01 010100"), "impossible sampling factors"),
        (bytes.fromhex("ffc0 000b 08 0020 0030 01 015100"), "impossible sampling factors"),
        (bytes.fromhex("ffc0 000b 08 0020 0030 01 011104"), "impossible sampling factors or tables"),
    ],
)
def test_damaged_frames(frame, message):
    with pytest.raises(InputError, match=message):
        assert Jpeg(b"\xff\xd8" + frame + SCAN).frame


def test_segment_bytes():
    assert segment_bytes(0xEB, b"abc") == b"\xff\xeb\0\5abc"
    assert segment_bytes(0xEB, bytes(65533))[:4] == b"\xff\xeb\xff\xff"
    with pytest.raises(ValueError, match="65533"):
        segment_bytes(0xEB, bytes(65534))


def test_splice():
    assert splice(b"0123456789", [(8, 9, b""), (0, 2, b"ab"), (2, 2, b"-")]) == b"ab-2345679"
    for edits in ([(0, 5, b""), (4, 6, b"")], [(9, 11, b"")], [(5, 4, b"")]):
        with pytest.raises(ValueError, match="overlaps"):
            splice(b"0123456789", edits)
