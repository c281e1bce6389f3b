"""The tags in the stream's header: exact, small, bounded, and nothing beyond the allow-list."""

import random
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.raw_image import RawImage, TiffValue
from rawinlay.bitstream.stream.fields import write_varint
from rawinlay.bitstream.tiff import allowed, tags, tiff
from rawinlay.bitstream.tiff.tags import EXIF, IFD0, RAW, allowed_tags, pack_tags, unpack_tags
from rawinlay.bitstream.tiff.tiff import pack_ascii, pack_value

MATRIX = (7309, -1403, -519, -8474, 16008, 2622, -2433, 2826, 8064)


def _raw(**kinds: dict[int, TiffValue]) -> RawImage:
    return RawImage(np.zeros((2, 2), np.uint16), "RGGB", (0, 0, 0, 0), 4095, **kinds)


def _camera() -> RawImage:
    """What a proprietary RAW brings."""
    return _raw(
        ifd0_tags={271: pack_ascii("NIKON CORPORATION"), 272: pack_ascii("NIKON D5000"),
                   50778: pack_value(tiff.SHORT, 21),
                   50721: pack_value(tiff.SRATIONAL, *(n for m in MATRIX for n in (m, 10000))),
                   50728: pack_value(tiff.RATIONAL, 256, 444, 1, 1, 256, 357)},
        exif_tags={33434: pack_value(tiff.RATIONAL, 10, 1600), 33437: pack_value(tiff.RATIONAL, 63, 10),
                   34850: pack_value(tiff.SHORT, 3), 34855: pack_value(tiff.SHORT, 200),
                   36867: pack_ascii("2014:03:09 13:25:51"), 36868: pack_ascii("2014:03:09 13:25:51"),
                   37380: pack_value(tiff.SRATIONAL, 0, 6), 37386: pack_value(tiff.RATIONAL, 240, 10),
                   42034: pack_value(tiff.RATIONAL, 180, 10, 550, 10, 35, 10, 56, 10)})


def _dng() -> RawImage:
    """What a DNG adds: a second matrix, forward matrices, names, crops, noise."""
    camera = _camera()
    matrix = pack_value(tiff.SRATIONAL, *(n for m in MATRIX[::-1] for n in (m, 10000)))
    return _raw(
        ifd0_tags={**camera.ifd0_tags, 50722: matrix, 50964: matrix, 50965: matrix, 50779: pack_value(tiff.SHORT, 17),
                   50727: pack_value(tiff.RATIONAL, 1, 1, 1, 1, 1, 1), 50730: pack_value(tiff.SRATIONAL, -1, 4),
                   50936: pack_ascii("Adobe Standard"), 50942: pack_ascii("Copyright, somebody")},
        raw_tags={50719: pack_value(tiff.LONG, 8, 8), 50720: pack_value(tiff.LONG, 4294, 2852),
                  51041: pack_value(tiff.DOUBLE, *np.random.default_rng(0).uniform(0, 1e-3, 6))},
        exif_tags=camera.exif_tags)


def _unpacked(raw: RawImage) -> tuple[dict[int, TiffValue], ...]:
    return dict(raw.ifd0_tags), dict(raw.raw_tags), dict(raw.exif_tags)


@pytest.mark.parametrize("raw, limit", [(_camera(), 300), (_dng(), 600), (_raw(), 1)])
def test_tags_come_back_exactly_and_small(raw: RawImage, limit: int) -> None:
    packed = pack_tags(raw)
    assert unpack_tags(packed) == _unpacked(raw)
    assert len(packed) <= limit


def test_exif_that_the_jpeg_has_costs_nothing() -> None:
    raw = _camera()
    known = {**raw.exif_tags, 33437: pack_value(tiff.RATIONAL, 8, 1)}
    assert unpack_tags(pack_tags(raw, known))[EXIF] == {33437: raw.exif_tags[33437]}


def test_only_listed_tags_of_sensible_types_pass() -> None:
    structural = {256: pack_value(tiff.LONG, 1), 324: pack_value(tiff.LONG, 8), 50714: pack_value(tiff.LONG, 9),
                  50717: pack_value(tiff.LONG, 9), 34665: pack_value(tiff.LONG, 8),
                  51111: TiffValue(tiff.BYTE, 16, bytes(16))}
    empty = {271: pack_ascii(" "), 50730: pack_value(tiff.SRATIONAL, 0, 0), 272: TiffValue(tiff.ASCII, 9, b"short\0")}
    wrong = {50721: pack_ascii("no matrix"), 50778: pack_value(tiff.DOUBLE, 21)}
    zero = {34855: pack_value(tiff.SHORT, 0)}
    raw = _raw(ifd0_tags=structural | empty | wrong, raw_tags=structural, exif_tags=structural | zero)
    assert unpack_tags(pack_tags(raw)) == ({}, {}, {})


def test_the_list_holds_no_tag_twice_and_fits_its_index() -> None:
    places = [(ifd, tag) for ifd, tag, _ in tags.TAGS]
    assert len(set(places)) == len(places) <= 256


def test_large_opcodes_are_kept_and_deflated() -> None:
    gains = np.linspace(1, 2, 20_000).astype(">f4").tobytes()
    raw = _raw(raw_tags={51009: TiffValue(tiff.UNDEFINED, len(gains), gains)})
    packed = pack_tags(raw)
    assert unpack_tags(packed)[RAW] == raw.raw_tags and len(packed) < len(gains)


def test_values_over_the_bound_are_left_out_rather_than_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "MAX_TAG_BYTES", 1000)
    big = TiffValue(tiff.UNDEFINED, 900, bytes(900))
    assert list(allowed_tags(RAW, {51008: big, 51009: big})) == [51008]


_U32, _I32 = st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1)


def _pairs(kind: int, numerator: Any, denominator: Any) -> Any:
    pairs = st.lists(st.tuples(numerator, denominator), min_size=1, max_size=9)
    return pairs.map(lambda n: pack_value(kind, *(x for pair in n for x in pair)))


_VALUES = {
    tiff.ASCII: st.binary(min_size=1, max_size=30).map(lambda b: TiffValue(tiff.ASCII, len(b) + 1, b"x" + b)),
    tiff.LONG: st.lists(_U32, min_size=1, max_size=9).map(lambda n: pack_value(tiff.LONG, *n)),
    tiff.SRATIONAL: _pairs(tiff.SRATIONAL, _I32, st.integers(1, 2**31 - 1)),
    tiff.RATIONAL: _pairs(tiff.RATIONAL, _U32, st.sampled_from((1, 10000))),
    # No subnormal ones: libraries that other tests load switch them off for the whole process.
    tiff.DOUBLE: st.lists(st.floats(allow_subnormal=False), min_size=1, max_size=6).map(
        lambda n: pack_value(tiff.DOUBLE, *n)
    ),
    tiff.UNDEFINED: st.binary(min_size=1, max_size=300).map(lambda b: TiffValue(tiff.UNDEFINED, len(b), b)),
}
_PLACES = {tiff.ASCII: (IFD0, 271), tiff.LONG: (RAW, 50719), tiff.SRATIONAL: (IFD0, 50721),
           tiff.RATIONAL: (IFD0, 50728),
           tiff.DOUBLE: (RAW, 51041), tiff.UNDEFINED: (RAW, 51022)}


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({}, optional=_VALUES))
def test_any_values_come_back_exactly(values: dict[int, TiffValue]) -> None:
    groups: tuple[dict[int, TiffValue], ...] = ({}, {}, {})
    for kind, value in values.items():
        ifd, tag = _PLACES[kind]
        groups[ifd][tag] = value
    raw = _raw(ifd0_tags=groups[0], raw_tags=groups[1], exif_tags=groups[2])
    assert unpack_tags(pack_tags(raw)) == groups


def test_damaged_tags_raise_stream_errors_or_stay_within_the_list() -> None:
    rng = random.Random(3)
    plain = b"\0" + zlib.decompress(pack_tags(_dng())[1:], -15)
    refused = 0
    for source in (pack_tags(_dng()), plain):
        for _ in range(3000):
            data = bytearray(source)
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.choice((0, 0xFF, rng.randrange(256)))
            try:
                groups = unpack_tags(bytes(data[: rng.choice((len(data), rng.randrange(len(data))))]))
            except StreamError:
                refused += 1
                continue
            for ifd, group in enumerate(groups):
                for tag, value in group.items():
                    assert any((ifd, tag) == entry[:2] for entry in tags.TAGS)
                    assert len(value.data) == tiff.TYPE_SIZES[value.type] * value.count
    assert refused > 2000


def _deflated(plain: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"\1" + deflate.compress(plain) + deflate.flush()


@pytest.mark.parametrize("data, reason", [
    (b"", "packing"), (b"\2", "packing"), (b"\1", "cut"), (_deflated(bytes(64 << 20)), "too long"),
    (_deflated(b"") + b"x", "followed"), (b"\0\xff", "unknown"), (b"\0\0\2\1x\0\2\1x", "repeated"),
    (b"\0\0\2" + write_varint(1 << 40), "size"), (b"\0\0\3\1\1", "type"), (b"\0\0\2\5ab", "left"),
    (bytes([0, 24, 3, 1]) + write_varint(65536), "range"), (bytes([0, 8, 0x12, 1, 1, 1]), "size"),
])
def test_hostile_tags_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(StreamError, match=reason):
        unpack_tags(data)
