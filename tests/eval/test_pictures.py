"""Developments whose colours are known, and the side-by-side sheet."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.raw_image import CFA_PHASES, RawImage
from rawinlay.bitstream.rect import Rect
from rawinlay.bitstream.tiff.tiff import RATIONAL, SRATIONAL, pack_value
from rawinlay.codec.isp.colour import XYZ_FROM_RGB
from rawinlay.eval import pictures


def scene(colour, cfa="RGGB", shape=(32, 48), tags=None, orientation=1):
    """A mosaic of one linear camera colour in [0, 1], black 200, white 4200."""
    mosaic = np.empty(shape, np.uint16)
    for site, name in enumerate(cfa):
        mosaic[site // 2 :: 2, site % 2 :: 2] = round(200 + 4000 * colour["RGB".index(name)])
    return RawImage(mosaic, cfa, (200.0,) * 4, 4200, orientation=orientation, ifd0_tags=tags or {})


def matrix(values):
    """A colour matrix tag."""
    return pack_value(SRATIONAL, *(n for value in np.ravel(values) for n in (round(value * 10000), 10000)))


D5000 = matrix([0.7310, -0.1400, -0.0520, -0.8470, 1.6010, 0.2620, -0.2430, 0.2830, 0.8060])


def srgb(value):
    return round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_a_plain_colour_in_every_phase(cfa):
    rgb = pictures.develop(scene((0.6, 0.3, 0.05), cfa))
    assert rgb.dtype == np.uint8 and rgb.shape == (32, 48, 3)
    assert np.abs(rgb.astype(int) - [srgb(0.6), srgb(0.3), srgb(0.05)]).max() <= 1


def test_the_neutral_becomes_grey_whatever_the_matrix():
    neutral = pack_value(RATIONAL, 1, 2, 1, 1, 7, 10)
    rgb = pictures.develop(scene((0.2, 0.4, 0.28), tags={50728: neutral, 50721: D5000}), exposure_ev=1.0)
    assert np.abs(rgb.astype(int) - srgb(0.8)).max() <= 1
    clipped = pictures.develop(scene((1.0, 1.0, 1.0), tags={50728: neutral, 50721: D5000}))
    assert (clipped == 255).all()  # not magenta


def test_a_matrix_that_is_the_colour_space_changes_nothing():
    inverse = matrix(np.linalg.inv(XYZ_FROM_RGB))
    rgb = pictures.develop(scene((0.6, 0.3, 0.05), tags={50722: inverse}))
    assert np.abs(rgb.astype(int) - [srgb(0.6), srgb(0.3), srgb(0.05)]).max() <= 1


def test_exposure_lifts_the_dark():
    dark = scene((0.05, 0.1, 0.05))
    assert 2 ** pictures.exposure_for(dark) * 0.1 == pytest.approx(0.9)
    assert pictures.exposure_for(scene((1, 1, 1))) == 0


def test_crop_keeps_the_phase():
    raw = scene((0.6, 0.3, 0.05), "GBRG")
    part = pictures.crop(raw, Rect.between(5, 3, 25, 23))
    assert part.mosaic.shape == (21, 21) and np.array_equal(part.mosaic, raw.mosaic[4:25, 2:23])
    with pytest.raises(InputError, match="leaves"):
        pictures.crop(raw, Rect(0, 44, 20, 16))


def test_the_error_panel_shows_the_colour_that_is_wrong():
    raw = scene((0.5, 0.5, 0.5), "BGGR", (64, 64))
    wrong = raw.mosaic.copy()
    wrong[1::2, 1::2] += 40  # red, one part in a hundred
    assert pictures.cell_error(raw, wrong)[5, 5] == pytest.approx([0.01, 0, 0], abs=1e-6)
    for box in (None, Rect(0, 0, 32, 32)):
        sheet = np.asarray(pictures.side_by_side(raw, replace(raw, mosaic=wrong), error_gain=25, box=box))
        size = 64 if box is None else 32
        left = pictures.MARGIN + 2 * (240 + pictures.MARGIN)
        panel = sheet[pictures.CAPTION : pictures.CAPTION + size, left : left + size]
        assert np.abs(panel.astype(int) - [round(255 * 0.5), 0, 0]).max() <= 1
    with pytest.raises(InputError):
        pictures.side_by_side(raw, replace(raw, cfa="RGGB"))
