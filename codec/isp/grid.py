"""Bilateral grids of affine maps: a look as local as it needs to be, on display values.

::

    display 0..1 (H, W, 3) --place (y, x), brightness--> 3 x 4 map, linear between cells --map of R, G, B, 1--> display

Chen, Paris and Durand (2007) have the grid, Gharbi et al. (HDRNet, 2017) the maps in it. Edges are kept since both
sides of one differ in brightness, so they read other cells. `fit` is bilateral guided upsampling (Chen et al. 2016):
the best grid for a pair of pictures, in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when they are first used: half a second that most commands need not wait for

from .grid_kernels import through_grid

WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Of brightness on the display, as `codec.isp.render_kernels` has them."""

STEEPEST = 8.0
"""Bound of a map's slopes: steeper ones show noise and halos."""


@dataclass(frozen=True)
class Grid:
    """cells: float32 (n, m, d, 3, 4): rows, columns, brightness from 0 to 1; each a map of R, G, B, 1 to display."""

    cells: np.ndarray

    @classmethod
    def bounded(cls, cells: np.ndarray) -> Grid:
        """With slopes within `STEEPEST` and finite."""
        cells = np.nan_to_num(np.asarray(cells, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        return cls(np.ascontiguousarray(cells.clip(-STEEPEST, STEEPEST)))

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The picture, float (h, w, 3), through the grid, float32, 0..1."""
        made = np.array(picture, np.float32, order="C")
        through_grid(made, self.cells.reshape(*self.cells.shape[:3], 12), 0, len(made))
        return made


def weights(picture: np.ndarray, shape: tuple[int, int, int]) -> scipy.sparse.csr_array:
    """Share of each cell in each pixel, sparse (h w, n m d): trilinear."""
    (h, w), (n, m, d) = picture.shape[:2], shape
    axes = [_between((np.arange(h) + 0.5) * n / h - 0.5, n), _between((np.arange(w) + 0.5) * m / w - 0.5, m),
            _between((picture @ WEIGHTS).clip(0, 1) * (d - 1), d)]  # fmt: skip
    (y0, fy), (x0, fx), (z0, fz) = axes
    cells, shares = [], []
    for k in range(8):
        i, j, l = k >> 2, k >> 1 & 1, k & 1
        y, x, z = np.minimum(y0 + i, n - 1)[:, None], np.minimum(x0 + j, m - 1)[None], np.minimum(z0 + l, d - 1)
        part = (fy if i else 1 - fy)[:, None] * (fx if j else 1 - fx)[None] * (fz if l else 1 - fz)
        cells.append(((y * m + x) * d + z).ravel())
        shares.append(part.ravel())
    rows = np.tile(np.arange(h * w), 8)
    return scipy.sparse.coo_array((np.concatenate(shares), (rows, np.concatenate(cells))), (h * w, n * m * d)).tocsr()


def _between(place: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    place = place.clip(0, n - 1)
    low = np.minimum(place.astype(int), max(n - 2, 0))
    return low, place - low


def fit(base: np.ndarray, shown: np.ndarray, shape: tuple[int, int, int], smooth: float = 1e-2) -> Grid:
    """The grid that brings `base` nearest to `shown`, both float (h, w, 3), by least squares.

    smooth: weight, per pixel of a cell, of differences between neighbouring cells and, a tenth of it, of the distance
    from doing nothing.
    """
    share, flat = weights(base, shape), base.reshape(-1, 3)
    ones = np.concatenate([flat, np.ones((len(flat), 1))], 1)
    columns = [share.multiply(ones[:, k : k + 1]) for k in range(4)]
    design = scipy.sparse.coo_array(_joined(columns)).tocsr()
    cells = int(np.prod(shape))
    per_cell = len(flat) / cells
    rough = _differences(shape)
    quiet = (rough.T @ rough) * (smooth * per_cell)
    blocks = [quiet + scipy.sparse.diags_array(np.full(cells, smooth * per_cell / 10)) for _ in range(4)]
    normal = (design.T @ design + _diagonal(blocks)).tocsc()
    same = np.zeros((4, 3))
    same[:3] = np.eye(3) * smooth * per_cell / 10
    right = design.T @ shown.reshape(-1, 3) + np.repeat(same, cells, 0)
    found = scipy.sparse.linalg.spsolve(normal, right).reshape(4, cells, 3)
    return Grid.bounded(found.transpose(1, 2, 0).reshape(*shape, 3, 4))


def _joined(columns: list) -> scipy.sparse.coo_array:
    return scipy.sparse.vstack([c.T for c in columns]).T


def _diagonal(blocks: list) -> scipy.sparse.csr_array:
    from scipy.sparse import block_diag

    return scipy.sparse.csr_array(block_diag(blocks))


def _differences(shape: tuple[int, int, int]) -> scipy.sparse.csr_array:
    """Differences of neighbouring cells along the three axes, sparse."""
    number = np.arange(int(np.prod(shape))).reshape(shape)
    pairs = [(number.take(range(1, n), a).ravel(), number.take(range(n - 1), a).ravel()) for a, n in enumerate(shape)]
    above, below = (np.concatenate(side) for side in zip(*pairs, strict=True))
    rows = np.arange(len(above))
    ones = np.ones(len(above))
    return scipy.sparse.coo_array(
        (np.concatenate([ones, -ones]), (np.tile(rows, 2), np.concatenate([above, below]))), (len(rows), number.size)
    ).tocsr()
