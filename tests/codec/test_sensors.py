"""Sensors other than Bayer's on the whole way: RAW and JPEG to a carrier, to a DNG that others read."""

import io
from dataclasses import replace

import goldens
import numpy as np
import pytest
import rawpy
from rawinlay.bitstream.dng.jxl import JpegXl
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, StreamError
from rawinlay.bitstream.levels import Levels
from rawinlay.bitstream.stream.cell import cell_bytes, read_cell
from rawinlay.bitstream.stream.container import Container, with_sections
from rawinlay.bitstream.stream.header import Header
from rawinlay.bitstream.stream.values import levels_bytes
from rawinlay.bitstream.tiff import tiff
from rawinlay.codec import api
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.source import dng_pixels
from rawinlay.codec.source.raw import read_raw
from rawinlay.eval.compare import compare
from sensors import KINDS, of_sensor

PICTURES = {kind: of_sensor(kind, (96, 130), seed=5) for kind in KINDS}


def dng(kind):
    return write_dng(PICTURES[kind].raw, PICTURES[kind].jpeg)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dng_is_read_back(kind):
    """By the product, and by LibRaw or tifffile alone."""
    raw, data = PICTURES[kind].raw, dng(kind)
    found = read_raw(data)
    assert found.values.tobytes() == raw.values.tobytes() and found.values.dtype == raw.values.dtype
    assert (found.kind, found.size, found.real_levels) == (raw.kind, raw.size, raw.real_levels)
    assert compare(data, data).identical
    if raw.levels:
        ifd = next(i for i in tiff.read_tiff(data)[0].all() if 339 in i.tags)
        assert np.array_equal(dng_pixels.floats(data, ifd), raw.values)
        tifffile = pytest.importorskip("tifffile")
        pages = tifffile.TiffFile(io.BytesIO(data)).pages[0].pages
        assert any(page.dtype == raw.values.dtype and np.array_equal(page.asarray(), raw.values) for page in pages)
        return
    with rawpy.imread(io.BytesIO(data)) as theirs:
        pixels = theirs.raw_image_visible
        assert np.array_equal(pixels[..., :3] if pixels.ndim == 3 else pixels, raw.values)
        if kind in ("xtrans", "cmyg"):
            names = theirs.color_desc.decode()
            seen = "".join(names[theirs.raw_color(y, x)] for y in range(raw.cell.rows) for x in range(raw.cell.cols))
            assert seen == raw.cell.colours


@pytest.mark.parametrize("kind", ["xtrans", "several", "one"])
def test_a_dng_of_jpeg_xl_is_read_back(kind):
    pytest.importorskip("imagecodecs")
    raw = PICTURES[kind].raw
    found = read_raw(write_dng(raw, None, None, JpegXl(0.0)))
    assert np.array_equal(found.values, raw.values) and found.kind == raw.kind


@pytest.mark.parametrize("kind", ["xtrans", "several", "single"])
def test_without_loss_and_with(kind):
    picture = PICTURES[kind]
    whole = api.encode_arrays(picture.raw, picture.jpeg, lossless=True, effort=1)
    told = api.info(whole.jpeg)
    assert told.intact and told.lossless and (told.height, told.width) == picture.raw.size
    found = api.decode(whole.jpeg)
    assert found.lossless and found.raw.values.tobytes() == picture.raw.values.tobytes()
    assert (found.cfa, found.raw.real_levels) == (picture.raw.kind, picture.raw.real_levels)
    again = read_raw(found.dng())
    assert again.values.tobytes() == picture.raw.values.tobytes()
    coarse = api.encode_arrays(picture.raw, picture.jpeg, quality=50, effort=1)
    decoded = api.decode(coarse.jpeg)
    assert coarse.metadata_bytes < 0.7 * whole.metadata_bytes
    white, black = picture.raw.real_levels[1], picture.raw.real_levels[0][0]
    error = decoded.raw.values.astype(np.float64) - picture.raw.values
    assert -20 * np.log10(error.std() / (white - black)) > 35
    part = api.decode(whole.jpeg, crop=(9, 5, 32, 24)).raw
    assert part.values.tobytes() == np.ascontiguousarray(picture.raw.values[5:29, 9:41]).tobytes()
    if picture.raw.cell:
        assert np.array_equal(read_raw(write_dng(part)).values, part.values)


def test_cut_files_are_called_so():
    """Of floating-point numbers, and of JPEG XL, whose pixels are not LibRaw's affair."""
    pytest.importorskip("imagecodecs")
    for data in (dng("half"), write_dng(PICTURES["one"].raw, None, None, JpegXl(0.0))):
        with pytest.raises(InputError, match=r"cut|damaged|beyond"):
            read_raw(data[: len(data) - 300])


def test_a_black_level_below_0():
    raw = PICTURES["one"].raw
    data = bytearray(write_dng(raw, None))
    ifd = tiff.read_tiff(bytes(data))[0]
    assert tiff.value_numbers(ifd.tags[50714]) == [64]
    at = ifd.offsets[50714]
    data[at - 6 : at - 4] = (9).to_bytes(2, "little")  # SLONG
    data[at : at + 4] = (-6).to_bytes(4, "little", signed=True)
    found = read_raw(bytes(data))
    assert found.levels.base == -6 and found.black == (0.0,) * 4 and found.white == raw.white + 6
    assert np.array_equal(found.values, raw.values) and found.real_levels == ((-6.0,) * 4, raw.white)


def test_forged_sections_are_refused():
    """Layouts of another mosaic, with a second look, and levels that are none."""
    payload = goldens.payload("filter-of-six")
    sections = Container.from_bytes(payload).sections
    cell = read_cell(sections["CELL"])
    for forged in (
        {"CELL": cell_bytes(replace(cell, height=cell.height + 6))}, {"CELL": b"\1"},
        {"HEAD": replace(Header.from_bytes(sections["HEAD"]), cfa=1).to_bytes()},
        {"LOOK": Container.from_bytes(goldens.payload("looked")).sections["LOOK"]}, {"LEVL": b"\0\1"},
    ):  # fmt: skip
        with pytest.raises(StreamError):
            Stream.from_bytes(with_sections(payload, forged))
    levels = {"LEVL": levels_bytes(Levels(0, 0, -3, 1000.0, (0.0,) * 4))}
    assert Stream.from_bytes(with_sections(payload, levels)).levels.base == -3
