"""Where a JPEG lies: trials out of range lose quietly, our own rendering lies where LibRaw puts it."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from campaigns import pairs
from PIL import Image
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, StreamError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.tiff import tiff
from rawinlay.codec.align.align import align
from rawinlay.codec.align.fit_check import Patches
from rawinlay.codec.align.place import Origin, place, rendering_places
from rawinlay.codec.align.register import Placement
from rawinlay.codec.api import decode, encode
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.source.raw import RawFile, read_raw, render_jpeg
from raws import synthetic_raw
from shots import shot

align_module = importlib.import_module("rawinlay.codec.align.align")
place_module = importlib.import_module("rawinlay.codec.align.place")


def test_random_pairs_end_in_success_or_in_an_error_of_the_users():
    """Of these 40 seeds 5 ended in a `StreamError` before trials out of range lost."""
    ends = pairs.run(range(40), whole=8)
    assert ends["coded"] and ends["placed"] and ends["refused"] and ends.total() == 40


def wild(coefficient):
    return Placement((0.0, 0.0), (1.0, 1.0), (coefficient, 0.0, 0.0, 0.0), (10.0, 10.0), 100.0)


@pytest.mark.parametrize("value", [5.0, -1e9, 1e300, np.inf, -np.inf, np.nan])
def test_a_fit_that_ran_away_is_out_of_range(value):
    geometry = wild(value).geometry(1)
    assert not geometry.in_range
    with pytest.raises(StreamError, match="out of range"):
        geometry.check()
    assert wild(3.9).geometry(1).in_range


def test_a_geometry_out_of_range_loses():
    taken = shot()
    planes = decode_planes(taken.jpeg)
    patches = Patches(taken.raw, planes, wild(np.nan).geometry(1))
    assert patches.psnr(wild(5.0).geometry(1)) == -np.inf < patches.psnr(Geometry())


def test_where_all_trials_are_out_of_range(monkeypatch):
    """A JPEG of full size is still tried as it is; any other is refused."""
    taken = shot()
    planes = decode_planes(taken.jpeg)
    monkeypatch.setattr(align_module.Register, "refine", lambda self, found, most: (wild(9.0), None))
    assert align(taken.raw, planes).geometry == Geometry()
    with pytest.raises(InputError, match="does not show this RAW's picture"):
        align(taken.raw, replace(planes, y=planes.y[30:]))


@pytest.mark.parametrize("shape", [(49, 51), (33, 70), (48, 47), (2, 9)])
def test_patches_of_small_and_odd_mosaics(shape):
    raw = synthetic_raw(shape=shape)
    planes = decode_planes(jpeg_of(np.full((64, 80, 3), 90, np.uint8)))
    assert np.isfinite(Patches(raw, planes, Geometry()).psnr(Geometry()))


def jpeg_of(picture):
    import io

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stretch", [(1, 1), (1, 2), (3, 2)])
def test_our_rendering_lies_where_libraw_puts_it(orientation, stretch):
    raw = replace(shot().raw, orientation=orientation)
    scale = tiff.pack_value(tiff.RATIONAL, stretch[0], 1, stretch[1], 1)
    source = write_dng(replace(raw, raw_tags={**raw.raw_tags, 50718: scale}))
    raw, jpeg = read_raw(source), render_jpeg(source)
    planes = decode_planes(jpeg)
    geometry, report = place(raw, planes, Jpeg(jpeg), Origin.RENDERED)
    assert report.startswith("its own rendering") and geometry in rendering_places(raw, planes.y.shape)
    patches = Patches(raw, planes, geometry)
    right = patches.psnr(geometry)
    for off in (-1 << 13, 1 << 13):
        for by in ((off, 0), (0, off)):
            shifted = replace(geometry, offset=tuple(a + b for a, b in zip(geometry.offset, by, strict=True)))
            assert patches.psnr(shifted) < right - 0.5
    if stretch == (1, 1):
        assert geometry == Geometry(orientation) == align(raw, planes).geometry


def test_a_rendering_of_another_size_is_searched_for():
    raw = shot().raw
    assert rendering_places(raw, (raw.mosaic.shape[0] + 1, raw.mosaic.shape[1])) == []
    planes = decode_planes(shot().jpeg)
    assert "match score" in place(raw, replace(planes, y=planes.y[2:]), Jpeg(shot().jpeg), Origin.RENDERED)[1]


def test_a_rendering_whose_fit_speaks_against_it_is_searched_for():
    """As if LibRaw began to put the picture somewhere else."""
    raw, planes = shot().raw, decode_planes(shot().jpeg)
    moved = replace(planes, y=np.roll(planes.y, 1, 1))
    assert "match score" in place(raw, moved, Jpeg(shot().jpeg), Origin.RENDERED)[1]


def test_a_stretched_rendering_without_features_lies_as_the_tags_say(monkeypatch):
    """Not as if its pixels were square."""
    scale = tiff.pack_value(tiff.RATIONAL, 1, 1, 2, 1)
    raw = replace(shot().raw, raw_tags={50718: scale})
    planes = decode_planes(jpeg_of(np.full((512, 320, 3), 90, np.uint8)))

    def refuse(*_):
        raise InputError("nothing to align by")

    monkeypatch.setattr(place_module, "rendered", lambda raw, planes: None)
    monkeypatch.setattr(place_module, "align", refuse)
    geometry, report = place(raw, planes, Jpeg(shot().jpeg), Origin.RENDERED)
    assert geometry == rendering_places(raw, (512, 320))[0] and geometry.scale == (1 << 25, 1 << 24)
    assert "taken as the tags say" in report


def smooth_dng(shape=(144, 192)):
    """A scene without any detail, as a DNG."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    mosaic = (3000 + 2500 * np.sin(x / 60) * np.cos(y / 45)).astype(np.uint16)
    raw = synthetic_raw(shape=shape)
    return write_dng(replace(raw, mosaic=mosaic)), mosaic


def test_a_smooth_scene_without_a_jpeg():
    source, mosaic = smooth_dng()
    encoded = encode(source, lossless=True)
    assert encoded.guide.startswith("LibRaw's rendering") and encoded.alignment.startswith("its own rendering")
    assert np.array_equal(decode(encoded.jpeg).raw.mosaic, mosaic)


def test_a_preview_of_more_pixels_than_pillow_opens(monkeypatch):
    """Another JPEG is taken, our own rendering."""
    taken = shot()
    source = write_dng(taken.raw, jpeg_of(np.full((*taken.raw.mosaic.shape, 3), 90, np.uint8)))
    assert encode(source, quality=30).guide == "embedded preview"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert encode(source, quality=30).guide.startswith("LibRaw's rendering")


def test_a_preview_that_no_raw_can_be_put_into(monkeypatch):
    """Cut short, say: ours is taken."""
    source, _ = smooth_dng()
    monkeypatch.setattr(RawFile, "embedded_preview", lambda file: jpeg_of(np.zeros((144, 192, 3), np.uint8))[:-2])
    assert encode(source, quality=30).guide.startswith("LibRaw's rendering")
