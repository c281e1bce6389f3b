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
    """Cb and Cr, int16 0..4080 (4, n, m), at the sites of some rows and columns of cells, which may lie outside.

    Arguments as in `resample`. Bilinear between samples of chroma's own grid; neutral for a grayscale JPEG.
    """
    if planes.cb is None or planes.cr is None:
        neutral = np.full((4, len(rows), len(cols)), NEUTRAL, np.int16)
        return neutral, neutral
    out = np.empty((2, 4, len(rows), len(cols)), np.int16)
    for k in range(4):
        twice = [
            4 * np.asarray(cells, np.int64) + 2 * (site - origin)
            for cells, site, origin in zip((rows, cols), divmod(k, 2), cell_origin, strict=True)
        ]
        sites = geometry.turned(twice[0], twice[1], *shape)
        found = sample((planes.cb, planes.cr), planes.y.shape, geometry, *sites, planes.subsampling, LINEAR)
        out[0, k], out[1, k] = found
    return out[0], out[1]
