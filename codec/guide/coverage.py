"""What of a mosaic a JPEG shows: shares by block, and the rectangle that frames it."""

from __future__ import annotations

import numpy as np

from ...bitstream.rect import Rect
from ..mosaic.layout import Layout
from .geometry import Geometry
from .projection import POSITION_BITS

Part = tuple[float, float, float, float]

APART, MOST = 4, 16
"""Cells between the places of a block that are looked at, and how many a side there are at most."""

COARSE = 32
"""Sites between the places where a frame is looked for first."""

SLACK = 0.25
"""Sites by which one may lie outside and be counted in: positions are found to some hundredths of a pixel."""


def shown(
    geometry: Geometry,
    shape: tuple[int, ...],
    jpeg_shape: tuple[int, ...],
    rows2: np.ndarray,
    cols2: np.ndarray,
    part: Part | None = None,
) -> np.ndarray:
    """Which places of a mosaic lie in the JPEG, bool (n, m).

    shape, jpeg_shape: (rows, columns) of both. rows2, cols2: twice the places' rows and columns, int64 1-D. part: top,
    left, bottom and right of the picture within the JPEG, px, where it has a frame around it.
    """
    ys, xs = geometry.laid(rows2, cols2, shape, jpeg_shape)
    top, left, bottom, right = part or (0, 0, jpeg_shape[0], jpeg_shape[1])
    one, half = 1 << POSITION_BITS, 1 << (POSITION_BITS - 1)
    inside: np.ndarray = (ys >= top * one - half) & (ys < bottom * one - half)
    return inside & (xs >= left * one - half) & (xs < right * one - half)


def covered(
    geometry: Geometry, layout: Layout, jpeg_shape: tuple[int, ...], side: int, part: Part | None = None
) -> np.ndarray:
    """Share 0..1 of each block's cells that the JPEG shows, float64 (rows, columns of blocks).

    side: of a block in cells; as side of a tile, the blocks are those of `codec.mosaic.layout.tiles`, row by row. part:
    as in `shown`. A few of a block's cells are looked at, `MOST`^2 at most.
    """
    rows, cols = (_places(cells, side) for cells in layout.cells)
    rows2, cols2 = (4 * at + 1 - 2 * before for at, before in zip((rows, cols), layout.origin, strict=True))
    inside = shown(geometry, (layout.height, layout.width), jpeg_shape, rows2, cols2, part)
    down, across = (np.flatnonzero(np.diff(at // side, prepend=-1)) for at in (rows, cols))
    counts = np.add.reduceat(np.add.reduceat(inside, down, 0, np.int64), across, 1)
    looked = np.diff(down, append=len(rows))[:, None] * np.diff(across, append=len(cols))
    return np.asarray(counts / looked)


def _places(cells: int, side: int) -> np.ndarray:
    """Cells that are looked at along one side, ascending, evenly in each block."""
    count = min(max(side // APART, min(side, APART)), MOST)
    found = [
        np.unique(start + (np.arange(count) * 2 + 1) * min(side, cells - start) // (2 * count))
        for start in range(0, cells, side)
    ]
    return np.concatenate(found).astype(np.int64)


def frame(geometry: Geometry, shape: tuple[int, ...], jpeg_shape: tuple[int, ...]) -> Rect | None:
    """The least upright rectangle of the mosaic with all that the JPEG shows of it.

    None where it shows nothing. Of a JPEG that was straightened it is the rectangle around it, not one within: a
    developer can turn and crop that again as the JPEG was, and loses nothing that the JPEG shows.
    """
    rows, cols = (np.unique(np.append(np.arange(0, n, COARSE), n - 1)) for n in shape)
    inside = _inside(geometry, shape, jpeg_shape, rows, cols)
    if not inside.any():
        rows, cols = (np.unique(np.append(np.arange(0, n, 4), n - 1)) for n in shape)
        inside = _inside(geometry, shape, jpeg_shape, rows, cols)
        if not inside.any():
            return None
    ends = []
    for axis in (0, 1):
        along, across = (rows, cols) if axis == 0 else (cols, rows)
        hit = np.flatnonzero(inside.any(1 - axis))
        # a corner that points out may begin between the places of one line more
        low = np.arange(along[max(hit[0] - 2, 0)], along[hit[0]] + 1)
        high = np.arange(along[hit[-1]], along[min(hit[-1] + 2, len(along) - 1)] + 1)
        fine = np.arange(0, across[-1] + 1, 4)
        for near, first in ((low, True), (high, False)):
            grid = (near, fine) if axis == 0 else (fine, near)
            found = near[_inside(geometry, shape, jpeg_shape, *grid).any(1 - axis)]
            fallback = along[hit[0 if first else -1]]
            ends.append(int((found[0] if first else found[-1]) if len(found) else fallback))
    return Rect.between(ends[0], ends[2], ends[1] + 1, ends[3] + 1)


def _inside(
    geometry: Geometry, shape: tuple[int, ...], jpeg_shape: tuple[int, ...], rows: np.ndarray, cols: np.ndarray
) -> np.ndarray:
    """Which sites lie in the JPEG or less than `SLACK` of a site beside it."""
    step = _site(geometry, shape, jpeg_shape)
    low, high = -SLACK * step, (jpeg_shape[0] + SLACK * step, jpeg_shape[1] + SLACK * step)
    return shown(geometry, shape, jpeg_shape, 2 * rows, 2 * cols, (low, low, *high))


def _site(geometry: Geometry, shape: tuple[int, ...], jpeg_shape: tuple[int, ...]) -> float:
    """JPEG px a site in the mosaic's middle, the smaller of both sides."""
    rows2, cols2 = (np.array([n - 2, n], np.int64) for n in shape)
    ys, xs = geometry.laid(rows2, cols2, shape, jpeg_shape)
    sides = np.hypot(np.diff(ys[:, 0]), np.diff(xs[:, 0])), np.hypot(np.diff(ys[0]), np.diff(xs[0]))
    return float(min(side[0] for side in sides)) / (1 << POSITION_BITS)
