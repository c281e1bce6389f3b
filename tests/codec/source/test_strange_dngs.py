"""DNGs as other programs write them: several mosaics, one in a linked directory, colours as floats, texts in UTF-8."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.tiff import tags, tiff
from rawinlay.bitstream.tiff.tiff import Ifd, TiffValue, pack_value
from rawinlay.codec.api import encode
from rawinlay.codec.source.raw import RawFile, read_raw
from raws import MATRIX, colour_tags, plain_dng
from shots import shot

RNG = np.random.default_rng(4)
SMALL, LARGE, OTHER = (RNG.integers(100, 900, shape).astype(np.uint16) for shape in ((64, 80), (96, 128), (96, 128)))


def mosaic_ifd(mosaic, **more):
    """An uncompressed mosaic's directory."""
    height, width = mosaic.shape
    values = {
        254: pack_value(tiff.LONG, 0), 256: pack_value(tiff.LONG, width), 257: pack_value(tiff.LONG, height),
        258: pack_value(tiff.SHORT, 16), 259: pack_value(tiff.SHORT, 1), 262: pack_value(tiff.SHORT, 32803),
        277: pack_value(tiff.SHORT, 1), 278: pack_value(tiff.LONG, height), 33421: pack_value(tiff.SHORT, 2, 2),
        33422: pack_value(tiff.BYTE, 0, 1, 1, 2), 50714: pack_value(tiff.SHORT, 64),
        50717: pack_value(tiff.SHORT, 1023),
    }  # fmt: skip
    return Ifd(values | more, chunks=[mosaic.astype("<u2").tobytes()])


def dng_of(*mosaics, **more):
    """A DNG of mosaics in SubIFDs, with a tiny preview before them."""
    preview = {
        254: pack_value(tiff.LONG, 1), 256: pack_value(tiff.LONG, 4), 257: pack_value(tiff.LONG, 2),
        258: pack_value(tiff.SHORT, 8, 8, 8), 259: pack_value(tiff.SHORT, 1), 262: pack_value(tiff.SHORT, 2),
        277: pack_value(tiff.SHORT, 3), 278: pack_value(tiff.LONG, 2),
        50706: pack_value(tiff.BYTE, 1, 4, 0, 0), **colour_tags(), **more,
    }  # fmt: skip
    return tiff.write_tiff(Ifd(preview, {tiff.SUB_IFDS: [mosaic_ifd(m) for m in mosaics]}, [bytes(24)]))


def linked(dng):
    """The DNG with its SubIFD as the next directory instead."""
    count = struct.unpack_from("<H", dng, 8)[0]
    at = next(at for at in range(10, 10 + 12 * count, 12) if struct.unpack_from("<H", dng, at)[0] == 330)
    out = bytearray(dng)
    out[10 + 12 * count : 14 + 12 * count] = dng[at + 8 : at + 12]
    struct.pack_into("<H", out, at, 331)
    return bytes(out)


def test_the_largest_of_several_mosaics_or_the_one_asked_for():
    dng = dng_of(SMALL, LARGE, OTHER)
    assert np.array_equal(read_raw(dng).mosaic, LARGE)
    for frame, mosaic in enumerate((SMALL, LARGE, OTHER), 1):
        assert np.array_equal(read_raw(dng, frame=frame).mosaic, mosaic)
    for frame in (0, -1, 4):
        with pytest.raises(InputError, match=f"no frame {frame}"):
            read_raw(dng, frame=frame)
    assert np.array_equal(read_raw(dng_of(LARGE), frame=1).mosaic, LARGE)
    with pytest.raises(InputError, match="no frame 2"):
        read_raw(dng_of(LARGE), frame=2)


def test_that_others_are_not_stored_is_told():
    file = RawFile(dng_of(SMALL, LARGE))
    assert file.frames == 2 and "frame 2 of 2" in file.warnings[0] and "--frame" in file.warnings[0]
    assert np.array_equal(file.image.mosaic, LARGE)
    assert not RawFile(dng_of(SMALL, LARGE), frame=1).warnings
    assert not RawFile(dng_of(LARGE)).warnings


def test_encode_stores_the_frame_and_warns():
    taken = shot()
    dng = dng_of(SMALL, taken.raw.mosaic)
    encoded = encode(dng, taken.jpeg, quality=20, effort=1)
    assert any("frame 2 of 2" in line for line in encoded.warnings)
    assert not any("frame" in line for line in encode(dng, taken.jpeg, quality=20, effort=1, frame=2).warnings)


def test_a_mosaic_in_a_linked_directory():
    raw = read_raw(linked(dng_of(LARGE)))
    assert np.array_equal(raw.mosaic, LARGE) and raw.black == (64,) * 4 and raw.white == 1023


@pytest.mark.parametrize("kind", [tiff.FLOAT, tiff.DOUBLE])
def test_colours_as_floats_become_the_rationals_that_they_are(kind):
    matrix, neutral = [m / 10000 for m in MATRIX], (0.5, 1, 0.65)
    raw = read_raw(plain_dng(LARGE, t50721=pack_value(kind, *matrix), t50728=pack_value(kind, *neutral),
                             t50730=pack_value(kind, 0.35), t50778=pack_value(kind, 21)))  # fmt: skip
    found = raw.ifd0_tags
    ratios = [Fraction(m, 10000).as_integer_ratio() for m in MATRIX]
    assert found[50721] == pack_value(tiff.SRATIONAL, *(n for ratio in ratios for n in ratio))
    assert found[50728] == pack_value(tiff.RATIONAL, 1, 2, 1, 1, 13, 20)
    assert found[50730] == pack_value(tiff.SRATIONAL, 7, 20)
    assert 50778 not in found  # no number of a list is a float
    raw = read_raw(plain_dng(LARGE, t50721=pack_value(kind, *[float("nan")] * 9)))
    assert 50721 not in raw.ifd0_tags


@pytest.mark.parametrize("number", [1e-9, 1 / 3, 1048575.4, -1048575.4, 123456.789, 0.0])
def test_any_float_fits_into_a_rational(number):
    value = tags.allowed_tags(tags.IFD0, {50730: pack_value(tiff.DOUBLE, number)})[50730]
    assert abs(tiff.value_numbers(value)[0] - number) <= 1e-6 * max(1, abs(number)) / 2


def test_texts_of_exif_3():
    def text(words):
        data = words.encode() + b"\0"
        return TiffValue(tiff.UTF8, len(data), data)

    raw = read_raw(plain_dng(LARGE, t315=text("Jörg"), t272=text("Modell Å")))
    assert raw.ifd0_tags[315] == TiffValue(tiff.ASCII, 6, "Jörg\0".encode())
    assert raw.camera == "Maker Modell Å"
    assert tags.allowed_tags(tags.EXIF, {42036: text("Objektiv ƒ/2")})[42036].type == tiff.ASCII
