"""The guide: a JPEG's Y, Cb, Cr laid over the mosaic, as encoder and decoder both have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.runtime.profile import timed
from .geometry import Geometry
from .resample import resample, site_chroma

Part = tuple[np.ndarray, np.ndarray, np.ndarray]


class Parts(Protocol):
    """What gives a guide part by part."""

    def part(self, rows: slice, cols: slice) -> Part:
        """y, cb, cr, as in `Guide`, of cells from rows.start to rows.stop and cols.start to cols.stop."""

    def chroma(self, rows: range, cols: range) -> tuple[np.ndarray, np.ndarray]:
        """cb, cr at the sites of cells, which may lie outside, int16 (4, n, m)."""


@dataclass(frozen=True)
class Guide:
    """The JPEG at the padded mosaic's sites and cells, int16 0..4080: 8 bits and 4 of a fraction.

    y: (H', W') at the sites; cb, cr: (H'/2, W'/2) at the cells' middles, 2048 is neutral.
    """

    y: np.ndarray
    cb: np.ndarray
    cr: np.ndarray

    def part(self, rows: slice, cols: slice) -> Part:
        """As in `Parts`."""
        sites = slice(2 * rows.start, 2 * rows.stop), slice(2 * cols.start, 2 * cols.stop)
        return self.y[sites], self.cb[rows, cols], self.cr[rows, cols]

    def chroma(self, rows: range, cols: range) -> tuple[np.ndarray, np.ndarray]:
        """As in `Parts`; TypeError, since it is not known here."""
        raise TypeError("this guide has chroma at the cells only")


@dataclass(frozen=True)
class LaidGuide:
    """The same of a JPEG's planes, made where it is asked for.

    shape: the mosaic's; cell_origin: as in `codec.guide.resample`. cell: where its sites come from, if not from where
    they are; without a chromatic shift then. `StreamError` for a wild geometry.
    """

    planes: JpegPlanes
    geometry: Geometry
    shape: tuple[int, int]
    cell_origin: tuple[int, int] = (0, 0)
    cell: CellLayout | None = None

    @timed("guide")
    def part(self, rows: slice, cols: slice) -> Part:
        """As in `Parts`."""
        if self.cell is None:
            return resample(self.planes, self.geometry, *self.shape, self.cell_origin, (rows, cols))
        # Whole blocks, among whose pixels' places those of the sites are.
        high, wide = (side // 2 for side in self.cell.block)
        top, left = rows.start // high * high, cols.start // wide * wide
        whole = slice(top, -(-rows.stop // high) * high), slice(left, -(-cols.stop // wide) * wide)
        y, cb, cr = resample(self.planes, self.geometry, *self.shape, self.cell_origin, whole, "GGGG")
        r, c = slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left)
        sites = slice(2 * r.start, 2 * r.stop), slice(2 * c.start, 2 * c.stop)
        return self.cell.moved(y)[sites], cb[r, c], cr[r, c]

    @timed("guide")
    def chroma(self, rows: range, cols: range) -> tuple[np.ndarray, np.ndarray]:
        """As in `Parts`."""
        return site_chroma(self.planes, self.geometry, self.shape, self.cell_origin, rows, cols)


@timed("guide")
def make_guide(
    planes: JpegPlanes, geometry: Geometry, shape: tuple[int, int], cell_origin: tuple[int, int] = (0, 0)
) -> Guide:
    """The whole guide of decoded planes; arguments as in `LaidGuide`."""
    return Guide(*resample(planes, geometry, *shape, cell_origin))
