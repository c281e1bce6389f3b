"""Grids: the kernel and the definition agree, a known grid is found again, nothing of a stranger leaves the range."""

import numpy as np
import pytest
from rawinlay.codec.isp.grid import STEEPEST, Grid, fit, weights
from rawinlay.codec.isp.grid_kernels import through_grid


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:48, :64]
    smooth = np.stack([x / 64, y / 48, (x + y) / 112], -1)
    return (0.8 * smooth + 0.2 * rng.random((48, 64, 3))).astype(np.float32)


def random_grid(shape, seed=1):
    rng = np.random.default_rng(seed)
    cells = rng.normal(0, 0.1, (*shape, 3, 4)).astype(np.float32)
    cells[..., :3] += 0.7 * np.eye(3, dtype=np.float32)
    return Grid.bounded(cells)


def test_bands_of_the_kernel_are_the_definition(picture):
    grid = random_grid((3, 4, 5))
    out = picture.copy()
    for top in (0, 16, 32):
        band = np.ascontiguousarray(out[top : top + 16])
        through_grid(band, grid.cells.reshape(3, 4, 5, 12), top, 48)
        out[top : top + 16] = band
    maps = (weights(picture, (3, 4, 5)) @ grid.cells.reshape(-1, 12)).reshape(*picture.shape[:2], 3, 4)
    wanted = (maps[..., :3] @ picture[..., None])[..., 0] + maps[..., 3]
    assert np.abs(out - wanted.clip(0, 1)).max() < 1e-5
    assert np.array_equal(out, grid(picture))


def test_a_known_grid_is_found_again(picture):
    known = random_grid((2, 3, 4))
    shown = known(picture)
    found = fit(picture, shown, (2, 3, 4), smooth=1e-6)
    assert np.abs(found(picture) - shown).max() < 0.02


def test_without_pixels_a_cell_does_as_its_neighbours_do(picture):
    dark = picture * 0.4
    found = fit(dark, np.clip(dark * 1.5, 0, 1), (2, 2, 8))
    assert np.isfinite(found.cells).all()
    assert np.abs(found(picture) - picture * 1.5).mean() < 0.2


def test_slopes_are_bounded_and_finite():
    cells = np.full((1, 1, 2, 3, 4), np.nan)
    cells[0, 0, 1] = 100
    grid = Grid.bounded(cells)
    assert np.isfinite(grid.cells).all() and grid.cells.max() <= STEEPEST
