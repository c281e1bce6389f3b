"""The compiled features, prediction and activity are those of the tensors', whatever the window."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rawinlay.codec.encoder.fit.bands import bands
from rawinlay.codec.encoder.fit.log_kernels import sum_of_logs
from rawinlay.codec.encoder.fit.sample_kernels import histogram
from rawinlay.codec.guide.guide import Guide
from rawinlay.codec.mosaic.companding import Companding
from rawinlay.codec.mosaic.companding_torch import TorchCompanding
from rawinlay.codec.mosaic.layout import Layout, blocks, haar
from rawinlay.codec.recipe.corrections import TERMS, LocalRecipe, grid
from rawinlay.codec.recipe.features import BASIC, COUNT
from rawinlay.codec.recipe.recipe import SUM_LIMIT, Recipe
from rawinlay.codec.recipe.side import HALO, SideInfo, Window
from rawinlay.codec.recipe.side_torch import TorchSideInfo

COMPANDING = Companding((60.0, 64.0, 64.0, 68.0), 4095, 4095, 8)


def picture(h, w, seed=0):
    """A guide with flat, busy, black and white places."""
    rng = np.random.default_rng(seed)
    y, cb, cr = (rng.integers(0, 4081, size, dtype=np.int32) for size in ((2 * h, 2 * w), (h, w), (h, w)))
    y[: h // 2] = np.clip(y[: h // 2] // 16 + np.linspace(0, 4300, 2 * w).astype(np.int32), 0, 4080)
    y[h // 3 : h // 2, : w // 2] = 4080
    y[h // 2 : h, w // 2 :] = 0
    cb[: h // 2] = 2048
    return SideInfo(Guide(y, cb, cr), Layout(2 * h, 2 * w, "RGGB"))


def recipe_of(count=COUNT, seed=0, local=None, limit=1 << 25):
    """Random coefficients of about a sum; most transforms are then within the levels."""
    rng = np.random.default_rng(seed)
    exponents = rng.integers(0, 21, COUNT)
    coefficients = rng.integers(-(1 << 15) + 1, 1 << 15, (4, COUNT)) >> rng.integers(0, 15, (4, COUNT))
    coefficients[:, count:] = 0
    coefficients[rng.random((4, COUNT)) < 0.2] = 0
    whole = np.abs(coefficients) << exponents
    while (whole.sum(1) >= limit).any():
        coefficients //= 2
        whole = np.abs(coefficients) << exponents
    recipe = Recipe(coefficients, exponents)
    return recipe.with_local(local) if local else recipe


def local_of(cells, side, seed=0):
    """Random corrections in some of the blocks."""
    rng = np.random.default_rng(seed)
    shape = (*grid(cells, side), 4, len(TERMS))
    coefficients = rng.integers(-(1 << 14), 1 << 14, shape) * (rng.random(shape[:3]) < 0.6)[..., None]
    return LocalRecipe(side, rng.integers(0, 14, len(TERMS)), coefficients)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5), (33, 301), (20, 129)])
def test_planes_are_the_guide_with_repeated_edges(size):
    side_info = picture(*size)
    h, w = size
    for k, plane in enumerate(side_info.planes):
        assert plane.shape == (h + 2 * HALO + 1, w + 2 * HALO + 1)
        inner = plane[HALO : HALO + h, HALO : HALO + w]
        assert np.array_equal(plane, np.pad(inner, (HALO, HALO + 1), mode="edge")), k


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 301), (20, 128)])
def test_features(size):
    h, w = size
    side_info = picture(*size)
    tensors = TorchSideInfo(side_info)
    for r, c, rows, cols in ((0, 0, h, w), (0, 0, h + 1, w + 1), (h // 2, w // 3, h - h // 2, w - w // 3 + 1)):
        wanted = tensors.features(r, c, rows, cols).numpy().reshape(-1, rows, cols)
        assert np.array_equal(side_info.features(r, c, rows, cols), wanted)
        few = side_info.features(r, c, rows, cols, BASIC, np.float32)
        assert few.dtype == np.float32 and np.array_equal(few, wanted[:BASIC])


@pytest.mark.parametrize("size", [(2, 2), (7, 5), (30, 301)])
def test_bands_of_blocks(size):
    h, w = size
    side_info, rng = picture(*size), np.random.default_rng(0)
    high, wide = -(-h // 2), -(-w // 2)
    tops = 2 * np.array(sorted({0, high // 2, high - 1}))
    picks = np.stack([np.sort(rng.choice(wide, -(-wide // 2), replace=False)) for _ in tops])
    picks[:, -1] = wide - 1
    phi = side_info.features(0, 0, 2 * high, 2 * wide).reshape(COUNT, -1)
    wanted = haar(blocks(phi, 2 * high, 2 * wide)).reshape(COUNT, 4, high, wide)
    wanted = wanted[:, :, tops[:, None] // 2, picks].reshape(COUNT, 4, -1)
    assert np.array_equal(bands(side_info, tops, picks), wanted)


@pytest.mark.parametrize("count", [0, 1, 40, BASIC, COUNT])
@pytest.mark.parametrize("size", [(2, 2), (31, 260)])
def test_base(size, count):
    h, w = (n + n % 2 for n in size)
    side_info, recipe = picture(*size), recipe_of(count)
    window = Window(((0, 0),), h, w)
    wanted = TorchSideInfo(side_info).prediction_by_tensors(window, recipe, TorchCompanding(COMPANDING))
    assert torch.equal(torch.from_numpy(side_info.prediction(window, recipe, COMPANDING)), wanted)
    assert count < 40 or h < 4 or len(wanted.unique()) > 1000


def test_prediction_of_the_largest_coefficients():
    side_info, window = picture(9, 40), Window(((0, 0),), 10, 40)
    for seed in range(4):
        recipe = recipe_of(seed=seed, limit=SUM_LIMIT)
        wanted = TorchSideInfo(side_info).prediction_by_tensors(window, recipe, TorchCompanding(COMPANDING))
        assert torch.equal(torch.from_numpy(side_info.prediction(window, recipe, COMPANDING)), wanted)


@pytest.mark.parametrize("side", [32, 64, 256])
def test_prediction_with_corrections_by_block_and_a_saturation_in_any_window(side):
    h, w = 75, 209
    side_info, recipe = picture(h, w), recipe_of(local=local_of((h, w), side))
    companding = replace(COMPANDING, saturation=(3900, 0, 900, 2000, 100, 0, 10, 300))
    window = Window(((0, 0),), h + 1, w + 1)
    whole = side_info.prediction(window, recipe, companding)
    wanted = TorchSideInfo(side_info).prediction_by_tensors(window, recipe, TorchCompanding(companding))
    assert np.array_equal(whole, wanted.numpy())
    assert not np.array_equal(whole, side_info.prediction(window, replace(recipe, local=None), companding))
    assert any((whole[:, k] == at[0]).any() for k, at in enumerate(companding.saturations()) if at)
    for rows, cols, places in ((20, 70, ((0, 0), (31, 63), (56, 140))), (2, 2, ((74, 208), (63, 127)))):
        for (r, c), piece in zip(
            places, side_info.prediction(Window(places, rows, cols), recipe, companding), strict=True
        ):
            assert np.array_equal(piece, whole[0, :, r : r + rows, c : c + cols])


@pytest.mark.parametrize("size", [(2, 2), (6, 4), (31, 260)])
def test_activity(size):
    h, w = (n + n % 2 for n in size)
    side_info = picture(*size)
    tensors = TorchSideInfo(side_info)
    for window in (Window(((0, 0),), h, w), Window(((0, 0), (h - 2, w - 2)), 2, 2)):
        wanted = torch.stack(tensors.activity(window), 1)
        found = side_info.activity(window)
        assert found.dtype == np.int32 and torch.equal(torch.from_numpy(found), wanted)


def test_sums_of_logarithms():
    x = np.random.default_rng(0).normal(0, 300, (3, 5, 37)).astype(np.float32)
    assert np.allclose(sum_of_logs(x), np.log2(1 + 3 * x.astype(np.float64) ** 2).sum(-1))
    assert sum_of_logs(np.full((1, 24), 1e15, np.float32)).item() == pytest.approx(24 * np.log2(3e30), rel=1e-6)


def test_histogram():
    mosaic = np.random.default_rng(0).integers(0, 65536, (37, 41), dtype=np.uint16)
    mosaic[5:20] = 7
    assert np.array_equal(histogram(mosaic), np.bincount(mosaic.reshape(-1), minlength=1 << 16))
