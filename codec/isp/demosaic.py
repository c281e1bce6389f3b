"""Demosaicking as cameras do it, on whole arrays: bilinear, gradient-corrected linear, and edge-directed.

Every method takes a mosaic (H, W) float32 of any CFA phase and size and gives (H, W, 3) float32, measured samples kept.
Borders are mirrored about the last sample, which keeps the CFA's phase.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy  # its parts load when they are first used: half a second that most commands need not wait for

COLOURS = "RGB"
NEAR = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4
GREEN_CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4


def site_masks(shape: tuple[int, int], cfa: str) -> list[np.ndarray]:
    """Where the mosaic holds R, G, B: three float32 (H, W) of 0 and 1."""
    masks = [np.zeros(shape, np.float32) for _ in range(3)]
    for k, colour in enumerate(cfa):
        masks[COLOURS.index(colour)][k // 2 :: 2, k % 2 :: 2] = 1
    return masks


def _filter(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.ndimage.correlate(image, kernel, mode="mirror"))


def _symmetric(*rows: tuple[float, ...]) -> np.ndarray:
    """A 5 x 5 kernel over 8 from its upper three rows."""
    return np.array([*rows, rows[1], rows[0]], np.float32) / 8


def bilinear(mosaic: np.ndarray, cfa: str) -> np.ndarray:
    """Each missing colour is the mean of its nearest samples."""
    red, green, blue = site_masks(mosaic.shape, cfa)
    planes = [_filter(mosaic * red, NEAR), _filter(mosaic * green, GREEN_CROSS), _filter(mosaic * blue, NEAR)]
    return np.stack(planes, -1)


def malvar(mosaic: np.ndarray, cfa: str) -> np.ndarray:
    """Malvar, He and Cutler, 'High-quality linear interpolation for demosaicing of Bayer-patterned color images', 2004.

    Gradient-corrected: the bilinear mean plus a share of the measured colour's Laplacian."""
    at_rb = _symmetric((0, 0, -1, 0, 0), (0, 0, 2, 0, 0), (-1, 2, 4, 2, -1))
    along_row = _symmetric((0, 0, 0.5, 0, 0), (0, -1, 0, -1, 0), (-1, 4, 5, 4, -1))
    opposite = _symmetric((0, 0, -1.5, 0, 0), (0, 2, 0, 2, 0), (-1.5, 0, 6, 0, -1.5))
    red, green, blue = site_masks(mosaic.shape, cfa)
    by_row, by_column, crossed = _filter(mosaic, along_row), _filter(mosaic, along_row.T), _filter(mosaic, opposite)
    red_row = (red.max(1) > 0).astype(np.float32)[:, None]  # a green sample of such a row has red beside it, blue above
    out = np.empty((*mosaic.shape, 3), np.float32)
    out[..., 0] = mosaic * red + green * (red_row * by_row + (1 - red_row) * by_column) + blue * crossed
    out[..., 1] = mosaic * green + (1 - green) * _filter(mosaic, at_rb)
    out[..., 2] = mosaic * blue + green * (red_row * by_column + (1 - red_row) * by_row) + red * crossed
    return out


def edge_directed(mosaic: np.ndarray, cfa: str) -> np.ndarray:
    """Green along the flatter direction (after Hamilton and Adams, US 5629734), then colour differences."""
    red, green, blue = site_masks(mosaic.shape, cfa)
    estimates, costs = [], []
    for axis in (0, 1):
        step = [_shift(mosaic, d, axis) for d in (-2, -1, 1, 2)]
        second = 2 * mosaic - step[0] - step[3]
        estimates.append((step[1] + step[2]) / 2 + second / 4)
        costs.append(scipy.ndimage.uniform_filter(np.abs(step[1] - step[2]) + np.abs(second), 3, mode="mirror") + 1e-6)
    down, across = (c**-3 for c in costs)
    out = np.empty((*mosaic.shape, 3), np.float32)
    out[..., 1] = mosaic * green + (1 - green) * (down * estimates[0] + across * estimates[1]) / (down + across)
    for k, mask in ((0, red), (2, blue)):
        out[..., k] = out[..., 1] + _filter((mosaic - out[..., 1]) * mask, NEAR)
    return out


def _shift(image: np.ndarray, by: int, axis: int) -> np.ndarray:
    """image moved so that sample i holds image[i + by], mirrored at the borders."""
    n = image.shape[axis]
    index = np.abs(np.arange(n) + by)
    return np.take(image, np.where(index >= n, 2 * (n - 1) - index, index), axis)


METHODS: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {
    "bilinear": bilinear,
    "malvar": malvar,
    "edge-directed": edge_directed,
}
