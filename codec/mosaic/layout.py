"""From the mosaic to packed planes and back, whatever its CFA phase and size.

A CFA cell begins at an R site, so that the planes are always R, G1, G2, B with the same neighbours: where the mosaic
does not begin with R, the first cells begin one row or column before it. Sites outside the mosaic repeat the nearest
site of their colour; their symbols are zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.rect import Rect


@dataclass(frozen=True)
class Layout:
    """Cells of a mosaic of height x width with the given CFA phase; cell: of a sensor that has no Bayer filter."""

    height: int
    width: int
    cfa: str
    cell: CellLayout | None = None

    @property
    def origin(self) -> tuple[int, int]:
        """Rows and columns (0 or 1) by which the first cell begins before the mosaic."""
        return divmod(self.cfa.index("R"), 2)

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        top, left = self.origin
        return (self.height + top + 1) // 2, (self.width + left + 1) // 2

    def per_plane(self, by_site: tuple[float, ...]) -> tuple[float, float, float, float]:
        """Four values by site of the mosaic's first 2x2 to values by plane R, G1, G2, B."""
        top, left = self.origin
        at = [by_site[2 * ((i + top) % 2) + (j + left) % 2] for i in (0, 1) for j in (0, 1)]
        return at[0], at[1], at[2], at[3]

    def first(self, k: int) -> tuple[int, int]:
        """Row and column of the first site of a plane that lies in the mosaic."""
        top, left = self.origin
        return (k // 2 + top) % 2, (k % 2 + left) % 2

    def plane(self, mosaic: np.ndarray, k: int) -> np.ndarray:
        """The sites of one plane that lie in the mosaic, (h, w): a view."""
        top, left = self.first(k)
        return mosaic[top::2, left::2]

    def _index(self, length: int, before: int, cells: int) -> np.ndarray:
        site = np.arange(2 * cells) - before
        site[site < 0] += 2
        site[site >= length] -= 2
        return np.clip(site, 0, length - 1)

    def pack(self, mosaic: np.ndarray) -> np.ndarray:
        """Mosaic (H, W) to planes int32 (4, h, w)."""
        (top, left), (h, w) = self.origin, self.cells
        full = mosaic[np.ix_(self._index(self.height, top, h), self._index(self.width, left, w))]
        planes = [full[i::2, j::2] for i in (0, 1) for j in (0, 1)]
        return np.stack(planes).astype(np.int32)

    def at(self, mosaic: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """The mosaic's values (4, ...) in cells at rows and columns, which may reach one beyond the last."""
        (top, left), (h, w) = self.origin, self.cells
        down = self._index(self.height, top, h).reshape(-1, 2)[np.minimum(rows, h - 1)]
        across = self._index(self.width, left, w).reshape(-1, 2)[np.minimum(cols, w - 1)]
        return np.stack([mosaic[down[..., i], across[..., j]] for i in (0, 1) for j in (0, 1)])

    def unpack(self, planes: np.ndarray) -> np.ndarray:
        """Planes (4, h, w) to the mosaic, uint16 (H, W)."""
        (top, left), (h, w) = self.origin, self.cells
        full = np.empty((2 * h, 2 * w), np.uint16)
        for k in range(4):
            full[k // 2 :: 2, k % 2 :: 2] = planes[k]
        return np.ascontiguousarray(full[top : top + self.height, left : left + self.width])

    def inside_at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Which sites of the cells at rows and columns lie in the mosaic and are coded, bool (4, ...)."""
        if self.cell:
            return self.cell.coded(rows, cols)
        top, left = self.origin
        down = [(2 * rows + i >= top) & (2 * rows + i < top + self.height) for i in (0, 1)]
        across = [(2 * cols + j >= left) & (2 * cols + j < left + self.width) for j in (0, 1)]
        return np.stack([down[i] & across[j] for i in (0, 1) for j in (0, 1)])

    def predicted_at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """The same of those whose prediction is their own plane's."""
        return self.cell.predicted(rows, cols) if self.cell else self.inside_at(rows, cols)


def tiles_in_pixels(layout: Layout, side: int) -> list[Rect]:
    """`tiles` of a whole mosaic in its pixels as stored, what reaches outside cut off."""
    top, left = layout.origin
    mosaic = Rect(0, 0, layout.height, layout.width)
    places = tiles(*layout.cells, side)
    return [Rect(2 * t.top - top, 2 * t.left - left, 2 * t.rows, 2 * t.cols).within(mosaic) for t in places]


def tiles(h: int, w: int, side: int) -> list[Rect]:
    """The tiles in cells, row by row; sides are even, the last may reach outside."""
    return [
        Rect(r, c, min(side, h - r) + (h - r < side and (h - r) % 2), min(side, w - c) + (w - c < side and (w - c) % 2))
        for r in range(0, h, side) for c in range(0, w, side)
    ]  # fmt: skip


def blocks(v: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cells (..., height * width), both even, as blocks of 2x2, (..., 4, height * width / 4)."""
    lead = v.shape[:-1]
    cut = np.moveaxis(v.reshape(*lead, height // 2, 2, width // 2, 2), -3, -2)
    return np.swapaxes(cut.reshape(*lead, -1, 4), -1, -2)


def haar(v: np.ndarray) -> np.ndarray:
    """Blocks of 2x2 cells (..., 4, n) to their mean and three differences over 4, (..., 4, n)."""
    a, b, c, d = np.moveaxis(v, -2, 0)
    return np.stack([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], -2) / 4


def cells(v: np.ndarray) -> np.ndarray:
    """Inverse of `haar`."""
    return haar(v) * 4
