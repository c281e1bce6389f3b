"""Measures of decoded mosaics, against plain definitions and on pictures whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.eval.metrics import normalised, psnr_companded
from raws import colour_tags, synthetic_raw

pytest.importorskip("skimage", reason="scikit-image is not installed")
from rawinlay.eval import edits, similarity
from rawinlay.eval.scores import scores


def noisy(raw, amount, seed=1):
    noise = np.random.default_rng(seed).normal(0, amount, raw.mosaic.shape)
    return np.clip(raw.mosaic + noise, 0, 65535).astype(np.uint16)


def flat(colours, cfa="RGGB", shape=(64, 64), **fields):
    """A RAW of one colour: R, G, B in [0, 1]."""
    site = np.array([[colours["RGB".index(cfa[2 * i + j])] for j in (0, 1)] for i in (0, 1)])
    mosaic = np.tile(site, (shape[0] // 2, shape[1] // 2)) * 10_000 + 500
    return RawImage(np.round(mosaic).astype(np.uint16), cfa, (500.0,) * 4, 10_500, ifd0_tags=colour_tags(), **fields)


def test_companded_psnr_by_its_definition():
    raw = synthetic_raw(shape=(1100, 40))  # more rows than are taken at once
    mosaic = noisy(raw, 30)
    true, found = (np.sqrt(normalised(raw, m)) for m in (raw.mosaic, mosaic))
    assert psnr_companded(raw, mosaic) == pytest.approx(-10 * np.log10(np.mean((true - found) ** 2)))


def test_ssim_by_planes_is_that_of_whole_planes():
    from skimage.metrics import structural_similarity

    raw = synthetic_raw(shape=(1240, 50))
    mosaic = noisy(raw, 60)
    expected = []
    for site in range(4):
        planes = [normalised(raw, m)[site // 2 :: 2, site % 2 :: 2] for m in (raw.mosaic, mosaic)]
        expected.append(structural_similarity(*planes, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                              data_range=1.0))  # fmt: skip
    assert similarity.ssim(raw, mosaic) == pytest.approx(np.mean(expected), abs=1e-5)


@pytest.mark.parametrize("shape", [(47, 63), (22, 22), (20, 400)])
def test_odd_and_small_sizes(shape):
    raw = synthetic_raw(shape=shape)
    found = scores(raw, noisy(raw, 50))
    assert (found["ssim"] is None) == (min(shape) < 22)
    assert found["edits"]["as_shot"]["psnr"] > 10 and found["edits"]["as_shot"]["ciede2000"] > 0


def test_what_is_identical_needs_no_measuring_and_says_so():
    raw = synthetic_raw(shape=(64, 80))
    found = scores(raw, raw.mosaic.copy())
    assert found["identical"] and found["psnr"] is None and found["ssim"] == 1.0
    assert found["edits"] == {name: {"psnr": None, "ciede2000": 0.0} for name in edits.EDITS}


def test_more_noise_is_worse_by_every_measure():
    raw = synthetic_raw(shape=(128, 160))
    less, more = (scores(raw, noisy(raw, amount)) for amount in (10, 80))
    for name in ("psnr", "psnr_companded", "ssim"):
        assert less[name] > more[name]
    for name in edits.EDITS:
        assert less["edits"][name]["psnr"] > more["edits"][name]["psnr"]
        assert less["edits"][name]["ciede2000"] < more["edits"][name]["ciede2000"]


def test_shadow_errors_count_more_when_pulled_up():
    """The same error in a dark picture beside a highlight, as shot and two stops up."""
    raw = flat((0.02, 0.04, 0.025))
    raw.mosaic[:4] = 10_500  # so that the exposure stays: more than a hundredth is white
    mosaic = raw.mosaic.copy()
    mosaic[8:] += 10
    found = scores(raw, mosaic)["edits"]
    assert found["plus2ev"]["psnr"] < found["as_shot"]["psnr"] < found["warm_minus1ev"]["psnr"]


def test_grey_stays_grey_and_warm_is_warm():
    """What the camera's neutral says is grey develops as grey in every edit but the warm one."""
    raw = flat((0.15, 0.3, 0.2))  # AsShotNeutral 1/2, 1, 2/3
    developer = edits.Developer(raw)
    cells = developer.cells(raw.mosaic)
    assert cells.shape == (32, 32, 3) and cells[0, 0] == pytest.approx([0.15, 0.3, 0.2], abs=1e-4)
    for name, edit in edits.EDITS.items():
        r, g, b = developer.picture(cells, edit)[5, 5]
        if name == "warm_minus1ev":
            assert r > g > b
        else:
            assert (r, b) == pytest.approx((g, g), abs=2e-3)


def test_base_exposure_brings_a_dark_picture_up():
    raw = flat((0.05, 0.1, 0.07))
    developer = edits.Developer(raw)
    assert developer.base == pytest.approx(np.log2(0.9 / 0.1), abs=0.01)
    linear = 0.9
    green = developer.picture(developer.cells(raw.mosaic), edits.EDITS["as_shot"])[0, 0, 1]
    assert green == pytest.approx(1.055 * linear ** (1 / 2.4) - 0.055, abs=0.02)


@pytest.mark.parametrize("cfa", ["BGGR", "GRBG", "GBRG"])
def test_the_phase_does_not_matter(cfa):
    first, second = (flat((0.2, 0.35, 0.1), phase) for phase in ("RGGB", cfa))
    a, b = (edits.Developer(raw).cells(raw.mosaic) for raw in (first, second))
    assert np.array_equal(a, b)


def test_the_curve_keeps_its_ends_and_is_steep():
    raw = synthetic_raw(shape=(64, 64))
    developer = edits.Developer(raw)
    black, white = (np.full((1, 1, 3), v, np.float32) for v in (0, 1))
    curve = edits.EDITS["curve"]
    assert developer.picture(black, curve) == pytest.approx(np.zeros((1, 1, 3)), abs=1e-6)
    assert developer.picture(white, curve).max() == pytest.approx(1, abs=1e-6)


def test_colour_differences_are_ciede2000():
    """A known pair: Lab of two flat pictures, compared by the formula."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    raw = flat((0.2, 0.4, 0.25))
    mosaic = raw.mosaic.copy()
    mosaic[::2, ::2] += 300  # red
    developer = edits.Developer(raw)
    first, second = (
        rgb2lab(developer.picture(developer.cells(m), edits.EDITS["as_shot"]))[0, 0] for m in (raw.mosaic, mosaic)
    )
    expected = float(deltaE_ciede2000(first, second))
    assert edits.compare_edits(raw, mosaic)["as_shot"]["ciede2000"] == pytest.approx(expected, rel=1e-4)


def test_thinned_keeps_the_phase():
    mosaic = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)
    thin = edits.thinned(mosaic, 100)
    assert thin.shape == (14, 20)  # every third of 20 x 30 cells
    assert np.array_equal(thin[:2, :2], mosaic[:2, :2]) and np.array_equal(thin[2:4, :2], mosaic[6:8, :2])


def test_levels_are_the_true_ones():
    raw = synthetic_raw(shape=(64, 64))
    other = replace(raw, black=(0.0,) * 4)
    assert scores(raw, noisy(raw, 20))["psnr"] != scores(other, noisy(raw, 20))["psnr"]
