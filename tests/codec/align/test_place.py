"""Where a JPEG lies: trials out of range lose quietly, our own rendering lies where LibRaw puts it."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from campaigns import pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, StreamError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.tiff import tiff
from rawinlay.codec.align.align import align
from rawinlay.codec.align.fit_check import Patches
from rawinlay.codec.align.place import Origin, place, rendering_places
from rawinlay.codec.align.placement import LENS, NUMBERS, Placement
from rawinlay.codec.align.robust_fit import Points
from rawinlay.codec.api import decode, encode
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.source.raw import RawFile, read_raw, render_jpeg
from raws import synthetic_raw
from shots import shot

search_module = importlib.import_module("rawinlay.codec.align.search")
place_module = importlib.import_module("rawinlay.codec.align.place")


def test_random_pairs_end_in_success_or_in_an_error_of_the_users():
    """Of 40 seeds 5 ended in a `StreamError` before trials out of range lost."""
    ends = pairs.run(range(8), whole=4)
    assert ends["coded"] and ends["placed"] and ends["refused"] and ends.total() == 8


def wild(number, value, shape=(144, 192)):
    """A placement with one number that a fit made of it."""
    numbers = Placement.plain((0.0, 0.0), (1.0, 1.0), shape).numbers
    numbers[LENS] = 0.01, 0.02, 0, 0  # without a lens its centre doesn't matter
    numbers[number] = value
    return Placement(numbers, shape)


@pytest.mark.parametrize("value", [-1e9, 1e300, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("number", range(NUMBERS))
def test_a_fit_that_ran_away_is_out_of_range(number, value):
    """Whichever freedom it ran away in: as a trial it loses, in silence."""
    taken = shot()
    geometry = wild(number, value).geometry(1)
    assert not geometry.in_range
    with pytest.raises(StreamError, match="out of range"):
        geometry.check()
    patches = Patches(taken.raw, decode_planes(taken.jpeg), geometry)
    assert patches.psnr(geometry) == -np.inf < patches.psnr(Geometry())
    assert patches.gain(geometry) == 0 < patches.gain(Geometry())


@given(st.lists(st.floats(-10, 10), min_size=NUMBERS, max_size=NUMBERS), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_any_placement_is_judged_or_out_of_range(numbers, orientation):
    taken, planes = shot(), decode_planes(shot().jpeg)
    shape = taken.raw.mosaic.shape if orientation < 5 else taken.raw.mosaic.shape[::-1]
    geometry = Placement(np.array(numbers), shape).geometry(orientation)
    if geometry.in_range:
        geometry.check()
    patches = Patches(taken.raw, planes, geometry)
    assert np.isfinite(patches.psnr(geometry)) == geometry.in_range and np.isfinite(patches.gain(geometry))


def test_a_placement_is_the_geometry_that_it_makes():
    """To the last fraction that is stored, in every orientation, with all freedoms."""
    rng, shape, jpeg = np.random.default_rng(3), (130, 176), (200, 240)
    for orientation in range(1, 9):
        turned = shape if orientation < 5 else shape[::-1]
        numbers = Placement.plain((9.0, -4.0), (1.2, 1.1), turned).numbers + rng.normal(0, 0.02, NUMBERS)
        placement = Placement(numbers, turned)
        geometry = placement.geometry(orientation)
        rows2, cols2 = np.arange(0, 2 * shape[0], 8), np.arange(0, 2 * shape[1], 8)
        at = geometry.turned(rows2, cols2, *shape)
        y, x = placement(at[0][:, None] / 2, at[1][None, :] / 2)
        found = geometry.laid(rows2, cols2, shape, jpeg)
        wanted = (y.T, x.T) if orientation >= 5 else (y, x)
        assert all(abs(a / 4096 - b).max() < 1e-3 for a, b in zip(found, wanted, strict=True))


def test_of_a_homography_the_same_placement_comes_back():
    wanted = Placement.plain((0.0, 0.0), (1.0, 1.0), (144, 192))
    numbers = wanted.numbers + np.array([3, -5, 0.2, 0.1, -0.15, 0.3, 0.05, -0.08, 0, 0, 0, 0, 0, 0])
    rho, (row, col) = wanted.rho, (71.5, 95.5)
    h = np.eye(3)
    h[:2, :2] = numbers[2:6].reshape(2, 2) * rho + np.outer(numbers[:2], numbers[6:8])
    h[:2, 2], h[2, :2] = numbers[:2], numbers[6:8]
    h = h @ np.array([[1 / rho, 0, -row / rho], [0, 1 / rho, -col / rho], [0, 0, 1]])
    assert np.allclose(Placement.of_map(7.0 * h, (144, 192)).numbers, numbers)
    assert Placement.of_map(np.zeros((3, 3)), (144, 192)) is None


def test_where_all_trials_are_out_of_range(monkeypatch):
    """A JPEG of full size without detail is still tried as it is; any other is refused."""
    taken = shot()
    planes = decode_planes(taken.jpeg)
    gone = wild(LENS.start, 9.0, taken.raw.mosaic.shape), Points(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    for name in ("refine", "follow"):
        monkeypatch.setattr(search_module.Register, name, lambda self, start: gone)
    with pytest.raises(InputError, match="does not show this RAW's picture"):
        align(taken.raw, planes)
    monkeypatch.setattr(search_module.Search, "own_likeness", lambda self: 0.0)
    found = align(taken.raw, planes)
    assert found.geometry == Geometry() and found.doubtful and "too little detail" in found.report


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
    geometry, report, *_ = place(raw, planes, Jpeg(jpeg), Origin.RENDERED)
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
    geometry, report, *_ = place(raw, planes, Jpeg(shot().jpeg), Origin.RENDERED)
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
    """That is Pillow's limit, not ours."""
    source = write_dng(shot().raw, shot().jpeg)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert encode(source, quality=30).guide == "embedded preview"


def test_a_preview_that_no_raw_can_be_put_into(monkeypatch):
    """Cut short, say: ours is taken."""
    source = write_dng(shot().raw)
    monkeypatch.setattr(RawFile, "embedded_preview", lambda file: shot().jpeg[:2000])
    assert encode(source, quality=30).guide.startswith("LibRaw's rendering")


def test_a_preview_that_shows_nothing_of_the_raw():
    """Ours is taken, and the user told."""
    source = write_dng(shot().raw, jpeg_of(np.full((*shot().raw.mosaic.shape, 3), 90, np.uint8)))
    found = encode(source, quality=30)
    assert found.guide.startswith("LibRaw's rendering") and found.guided == 1
    assert found.warnings == ("the RAW's embedded preview is not used: it doesn't help to code this RAW",)
