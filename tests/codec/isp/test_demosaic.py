"""codec.isp.demosaic, denoise: samples stay, ramps come back; the compiled one is the plain one."""

import numpy as np
import pytest
from guarded import guarded
from landscape import landscape
from rawinlay.bitstream.raw_image import CFA_PHASES
from rawinlay.codec.isp.demosaic import METHODS, bilinear, edge_directed
from rawinlay.codec.isp.demosaic_kernels import MARGIN
from rawinlay.codec.isp.demosaic_kernels import edge_directed as compiled
from rawinlay.codec.isp.denoise import METHODS as DENOISERS
from rawinlay.codec.isp.denoise import denoise


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_demosaicking_keeps_samples_and_follows_a_ramp(method, cfa):
    y, x = np.mgrid[:33, :46].astype(np.float32)
    colour = np.stack([0.1 + 0.002 * x, 0.2 + 0.001 * (x + y), 0.3 + 0.002 * y], -1)
    site = np.array(["RGB".index(c) for c in cfa]).reshape(2, 2)[np.arange(33)[:, None] % 2, np.arange(46) % 2]
    mosaic = np.take_along_axis(colour, site[..., None], -1)[..., 0]
    full = METHODS[method](mosaic, cfa)
    np.testing.assert_allclose(np.take_along_axis(full, site[..., None], -1)[..., 0], mosaic, atol=1e-5)
    np.testing.assert_allclose(full[4:-4, 4:-4], colour[4:-4, 4:-4], atol=1e-4)


def test_better_demosaicking_is_better():
    scene = np.minimum(landscape(), 1)
    site = np.array([0, 1, 1, 2]).reshape(2, 2)[np.arange(160)[:, None] % 2, np.arange(224) % 2]
    mosaic = np.take_along_axis(scene, site[..., None], -1)[..., 0]
    error = {name: np.mean((method(mosaic, "RGGB") - scene) ** 2) for name, method in METHODS.items()}
    assert error["malvar"] < error["bilinear"] and error["edge-directed"] < error["bilinear"]
    assert np.array_equal(bilinear(mosaic, "RGGB"), METHODS["bilinear"](mosaic, "RGGB"))


@pytest.mark.parametrize("method", DENOISERS)
def test_denoising_takes_noise_away_and_keeps_edges(method):
    rng = np.random.default_rng(0)
    clean = np.full((96, 96, 3), 0.1, np.float32)
    clean[:, 48:] = 0.5
    scale, offset = 1e-4, 1e-7
    noisy = clean + rng.standard_normal(clean.shape, np.float32) * np.sqrt(scale * clean + offset)
    out = denoise(noisy, method, 1.5, 2.0, scale, offset)
    assert np.mean((out - clean) ** 2) < 0.6 * np.mean((noisy - clean) ** 2)
    assert abs(float(out[:, :40].mean()) - 0.1) < 0.002 and abs(float(out[:, 56:].mean()) - 0.5) < 0.004


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("shape", [(37, 42), (8, 9), (2, 2), (2, 31)])
def test_compiled_is_the_plain_one(cfa, shape):
    """Whatever band of rows is asked for, borders included."""
    mosaic = np.random.default_rng(1).random(shape, np.float32)
    whole = edge_directed(mosaic, cfa)
    padded = np.pad(mosaic, MARGIN, mode="reflect")
    for top, bottom in ((0, shape[0]), (shape[0] // 2, shape[0])):
        out = np.empty((bottom - top, shape[1], 3), np.float32)
        _, found = guarded(compiled, padded[top : bottom + 2 * MARGIN].copy(), cfa.index("R"), top % 2, out, into=[3])
        np.testing.assert_allclose(found, whole[top:bottom], atol=2e-6)
