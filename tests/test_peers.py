"""JPEG XL on the packed mosaic, on a small synthetic one."""

import itertools

import numpy as np
import pytest

from bitstream.raw_image import CFA_PHASES, RawImage

peers = pytest.importorskip("benchmarks.peers", reason="the bench extra (imagecodecs) is not installed")


@pytest.fixture(scope="module")
def raw():
    """A smooth coloured scene with photon noise, of odd size, 12 bits above a black of 60."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:131, 0:163] / 100
    scene = 0.3 + 0.25 * np.sin(5 * x + 3 * y * y)
    scene[1::2, 1::2] *= 0.5
    mosaic = 60 + 4035 * scene + rng.normal(0, 1, scene.shape) * np.sqrt(40 + 300 * scene)
    return RawImage(np.clip(np.round(mosaic), 0, 4095).astype(np.uint16), "RGGB", (60.0, 60.0, 60.0, 60.0), 4095)


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("shape", [(6, 8), (5, 8), (6, 7), (5, 7)])
def test_quadrants_are_sorted_by_colour_and_come_back(cfa, shape):
    colours = np.array([["RGB".index(c) for c in cfa[:2]], ["RGB".index(c) for c in cfa[2:]]])
    mosaic = np.tile(colours, (4, 4))[: shape[0], : shape[1]] * 1000 + np.arange(shape[0] * shape[1]).reshape(shape)
    image = peers.quadrants(mosaic, cfa)
    h, w = image.shape[0] // 2, image.shape[1] // 2
    got = [[set((image[i * h : i * h + h, j * w : j * w + w] // 1000).ravel()) for j in (0, 1)] for i in (0, 1)]
    assert got == [[{0}, {1}], [{1}, {2}]]
    assert np.array_equal(peers.from_quadrants(image, cfa, shape), mosaic)


def test_lossless_is_lossless(raw):
    row = peers.measure_lossless(raw)
    assert row["identical"] and row["psnr"] is None and row["max_error"] == 0
    assert row["bytes"] == len(peers.encode_lossless(raw))
    assert row["bpp"] == pytest.approx(8 * row["bytes"] / raw.mosaic.size)


@pytest.mark.parametrize("companding", peers.COMPANDINGS)
def test_lossy_gets_better_with_bytes(raw, companding):
    rows = [peers.measure_lossy(raw, companding, distance) for distance in (8.0, 1.0, 0.05)]
    assert all(a["bytes"] < b["bytes"] and a["psnr"] + 3 < b["psnr"] for a, b in itertools.pairwise(rows))
    assert rows[-1]["psnr"] > 55 and rows[-1]["max_error"] < 60


def test_the_codestream_is_bare(raw):
    """No container box: the bytes counted are the codestream's own."""
    for companding in peers.COMPANDINGS:
        assert peers.encode_lossy(raw, companding, 1.0)[:2] == b"\xff\x0a"


def test_sweep_is_the_same_every_time_and_falls():
    steps = list(peers.distances())
    assert steps == list(peers.distances()) and steps[0] == 25.0 and steps[-1] < 0.02
    assert all(a > b for a, b in itertools.pairwise(steps))
