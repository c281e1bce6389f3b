"""Cb and Cr at every site, where `codec.guide.geometry.resample` has them at every cell's middle."""

from __future__ import annotations

import numpy as np

from ...bitstream.jpeg.planes import JpegPlanes
from .geometry import LINEAR, NEUTRAL, Geometry, sample


def site_chroma(
    planes: JpegPlanes,
    geometry: Geometry,
    shape: tuple[int, int],
    cell_origin: tuple[int, int],
    rows: range,
    cols: range,
) -> tuple[np.ndarray, np.ndarray]:
    """Cb and Cr, int16 0..4080 (2 n, 2 m), at the sites of some rows and columns of cells, which may lie outside.

    Arguments as in `resample`. Bilinear between samples of chroma's own grid; neutral for a grayscale JPEG.
    """
    if planes.cb is None or planes.cr is None:
        neutral = np.full((2 * len(rows), 2 * len(cols)), NEUTRAL, np.int16)
        return neutral, neutral
    twice = [
        (4 * np.asarray(cells, np.int64)[:, None] + [0, 2] - 2 * origin).reshape(-1)
        for cells, origin in zip((rows, cols), cell_origin, strict=True)
    ]
    sites = geometry.turned(twice[0], twice[1], *shape)
    cb, cr = sample((planes.cb, planes.cr), planes.y.shape, geometry, *sites, planes.subsampling, LINEAR)
    return cb, cr
