"""The TIFF reader and writer: round trips, both byte orders, and files that lie."""

import io
import random
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import Ifd, pack_ascii, pack_value, read_tiff, value_numbers, value_text, write_tiff


def _tree() -> Ifd:
    exif = Ifd({33434: pack_value(tiff.RATIONAL, 1, 160), 36867: pack_ascii("2014:03:09 13:25:51")})
    gps = Ifd({1: pack_ascii("N"), 2: pack_value(tiff.RATIONAL, 33, 1, 7, 1, 3681, 100)})
    mosaic = Ifd({254: pack_value(tiff.LONG, 0), 51041: pack_value(tiff.DOUBLE, 1e-4, 3e-8)},
                 chunks=[b"one", b"three"], chunk_tags=(324, 325))
    main = {271: pack_ascii("Maker"), 258: pack_value(tiff.SHORT, 8, 8, 8), 50730: pack_value(tiff.SRATIONAL, -1, 3)}
    return Ifd(main, {tiff.SUB_IFDS: [mosaic], tiff.EXIF_IFD: [exif], tiff.GPS_IFD: [gps]}, [b"\1\2\3"])


def _big_endian() -> bytes:
    """A hand-made MM file: Make "Hi", two shorts inline, one rational outside, then the end of the chain."""
    entries = (struct.pack(">HHI4s", 271, 2, 3, b"Hi\0\0") + struct.pack(">HHIHH", 258, 3, 2, 9, 10)
               + struct.pack(">HHII", 33434, 5, 1, 50))
    return b"MM\0*" + struct.pack(">IH", 8, 3) + entries + struct.pack(">I", 0) + struct.pack(">II", 1, 250)


def test_a_written_tree_reads_back() -> None:
    want = _tree()
    data = write_tiff(want)
    (got,) = read_tiff(data)
    mosaic = got.subs[tiff.SUB_IFDS][0]
    assert {t: v for t, v in got.tags.items() if t not in (273, 279)} == want.tags
    assert got.subs[tiff.EXIF_IFD][0].tags == want.subs[tiff.EXIF_IFD][0].tags
    assert got.subs[tiff.GPS_IFD][0].tags == want.subs[tiff.GPS_IFD][0].tags
    where, size = (value_numbers(mosaic.tags[tag]) for tag in (324, 325))
    assert [data[int(a) : int(a + n)] for a, n in zip(where, size, strict=True)] == [b"one", b"three"]
    assert all(int(a) % 2 == 0 for a in where)
    assert value_numbers(got.tags[50730]) == [-1 / 3]


def test_written_images_open_elsewhere() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (7, 9), np.uint8)
    tags = {256: (tiff.LONG, 9), 257: (tiff.LONG, 7), 258: (tiff.SHORT, 8), 259: (tiff.SHORT, 1), 262: (tiff.SHORT, 1),
            277: (tiff.SHORT, 1), 278: (tiff.LONG, 7)}
    data = write_tiff(Ifd({t: pack_value(*v) for t, v in tags.items()}, chunks=[pixels.tobytes()]))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    assert np.array_equal(tifffile.imread(io.BytesIO(data)), pixels)


def test_big_endian_values_arrive_in_little_endian_order() -> None:
    (ifd,) = read_tiff(_big_endian())
    assert value_text(ifd.tags[271]) == "Hi"
    assert ifd.tags[258] == pack_value(tiff.SHORT, 9, 10)
    assert ifd.tags[33434] == pack_value(tiff.RATIONAL, 1, 250)


def test_directories_that_lead_in_circles_end() -> None:
    data = bytearray(_big_endian())
    struct.pack_into(">I", data, 46, 8)  # the chain leads back to its start
    assert len(read_tiff(bytes(data))) == 1
    struct.pack_into(">HHII", data, 34, 330, 4, 1, 8)  # so does the SubIFD
    assert read_tiff(bytes(data))[0].subs[330] == []


def test_a_value_read_many_times_over_costs_no_more_than_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "MAX_VALUE_BYTES", 10_000)
    n = 1000  # entries that all name the same 4 kB
    table = b"".join(struct.pack("<HHII", 1000 + i, 1, 4000, 8) for i in range(n))
    (ifd,) = read_tiff(b"II*\0" + struct.pack("<IH", 8, n) + table + bytes(4))
    assert len(ifd.tags) == 2


@pytest.mark.parametrize("data", [b"", b"II*\0", b"II*\0" + struct.pack("<I", 1 << 31) + bytes(8), b"\xff\xd8" * 20])
def test_what_is_no_tiff_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        read_tiff(data)


def test_damaged_files_read_in_part_or_raise_input_errors() -> None:
    rng = random.Random(2)
    for source in (write_tiff(_tree()), _big_endian()):
        whole = refused = 0
        for _ in range(3000):
            data = bytearray(source)
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
            try:
                for ifd in read_tiff(bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])):
                    for below in ifd.walk():
                        for value in below.tags.values():
                            assert len(value.data) == tiff.TYPE_SIZES[value.type] * value.count
                            value_numbers(value)
                whole += 1
            except InputError:
                refused += 1
        assert whole > 300 and refused > 300
