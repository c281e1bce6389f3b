"""PSNR, largest error and `compare` on mosaics whose answers are known."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.eval.compare import compare_images
from rawinlay.eval.metrics import measure, normalised, psnr

BLACK, WHITE = (100.0, 104.0, 96.0, 100.0), 1100


def flat(value=600, shape=(6, 10)):
    return RawImage(np.full(shape, value, np.uint16), "GRBG", BLACK, WHITE)


def test_uniform_error_has_its_psnr():
    """One part in a hundred of the range, at every site, is 40 dB."""
    raw = RawImage(np.full((700, 4), 600, np.uint16), "RGGB", (100.0,) * 4, WHITE)  # more rows than one block
    result = measure(raw, raw.mosaic + np.uint16(10))
    assert result.psnr == pytest.approx(40.0)
    assert (result.max_error, result.identical) == (10, False)


def test_one_site_in_four_with_its_own_black():
    """The site (0, 1) has the range 1100 - 104."""
    raw = flat()
    found = raw.mosaic.copy()
    found[0::2, 1::2] -= 30
    assert psnr(raw, found) == pytest.approx(-10 * math.log10((30 / 996) ** 2 / 4))


def test_error_beyond_the_range_is_free_but_not_identical():
    raw = flat(1200)
    found = raw.mosaic.copy()
    found[3, 3] = 4000
    result = measure(raw, found)
    assert result.psnr == math.inf and result.max_error == 2800 and not result.identical
    below = measure(flat(50), np.full((6, 10), 90, np.uint16))
    assert below.psnr == math.inf and below.max_error == 40


def test_clipping_counts_only_the_part_inside():
    """True 1200 stands for white; 1090 at every site lacks 10 of its range."""
    raw = RawImage(np.full((4, 4), 1200, np.uint16), "RGGB", (100.0,) * 4, WHITE)
    assert psnr(raw, np.full((4, 4), 1090, np.uint16)) == pytest.approx(40.0)


def test_identical_is_null_in_json():
    raw = flat()
    result = measure(raw, raw.mosaic.copy())
    assert result.identical and result.psnr == math.inf
    text = json.dumps(result.as_json(), allow_nan=False)
    assert json.loads(text) == {"psnr": None, "max_error": 0, "identical": True}


def test_normalised_keeps_the_phase_of_blocks():
    value = normalised(flat(), flat().mosaic[2:], top=2)
    assert value[0, 0] == pytest.approx(0.5) and value[0, 1] == pytest.approx(496 / 996)
    assert value[1, 0] == pytest.approx(504 / 1004)
    with pytest.raises(ValueError, match="even"):
        normalised(flat(), flat().mosaic[1:], top=1)


def test_what_cannot_be_compared_is_refused_by_name():
    raw = flat()
    with pytest.raises(InputError, match="10x6 and 8x6"):
        compare_images(raw, replace(raw, mosaic=raw.mosaic[:, :8]))
    with pytest.raises(InputError, match="GRBG and RGGB"):
        compare_images(raw, replace(raw, cfa="RGGB"))
    with pytest.raises(InputError, match=r"levels differ.*white 1100.*white 1023"):
        compare_images(raw, replace(raw, white=1023))
    with pytest.raises(InputError, match="levels differ"):
        compare_images(raw, replace(raw, black=(100.0, 104.0, 96.0, 101.0)))
    assert compare_images(raw, replace(raw, black=(100.004, 104.0, 96.0, 100.0))).identical
