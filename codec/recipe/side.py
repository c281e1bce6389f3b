"""What both sides know of a piece of the picture before the first symbol: prediction and activity, on the CPU.

::

    guide --features [and learned ones]--> recipe --> prediction b (levels) --T--> u(b)
      |                                                  '--------------> step by site
      '--> activity: detail, spread, surroundings, chroma detail, clipping

`codec.recipe.side_torch` has the same as tensors, for a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...bitstream.rect import Rect
from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.profile import timed
from ..guide import activity_kernels as guide_kernel
from ..guide.activity_kernels import ACTIVITIES, BRIGHT, HALO
from ..guide.guide import Parts
from ..mosaic.companding import Companding
from ..mosaic.layout import Layout
from . import features_kernels as kernel
from .corrections import PARTS
from .features import COUNT, ONE, TABLES
from .look import FAR_REACH, REACH
from .recipe import Recipe

if TYPE_CHECKING:
    from .net import GuideNet

NEUTRAL = ONE // 2
NOWHERE = 1 << 30
BAND = 64
"""Rows of cells of the guide that are made at once."""

FAR = 80
"""Cells around a box that the net's means of 8x8 cells look at, their convolutions' reach of 8 blocks included."""

__all__ = ["ACTIVITIES", "BRIGHT", "HALO", "SideInfo", "Window"]


@dataclass(frozen=True)
class Window:
    """Windows of one size: top-left cells (B, 2) as (row, column), and their size in cells, both even."""

    places: tuple[tuple[int, int], ...]
    rows: int
    cols: int

    @classmethod
    def of(cls, part: Rect) -> Window:
        """The one window that is a rectangle of cells."""
        return cls(((part.top, part.left),), part.rows, part.cols)


class SideInfo:
    """The guide of a picture in packed form, ready to be looked at window by window.

    net: of the learned features, if any recipe asks for them: then they are computed by torch. box: the cells that will
    be looked at; all of them without it. Of a large array's pages only those that are written take memory.

    planes: int16 (6, h + 9, w + 9): Y at a cell's four sites, Cb, Cr around zero, `HALO` cells repeated around, and
    below and to the right one more.
    """

    def __init__(self, guide: Parts, layout: Layout, net: GuideNet | None = None, box: Rect | None = None) -> None:
        self.h, self.w = layout.cells
        self.guide, self.cell = guide, layout.cell
        self.planes = np.empty((6, self.h + 2 * HALO + 1, self.w + 2 * HALO + 1), np.int16)
        whole = Rect(0, 0, self.h, self.w)
        # The means that the net sees reach far; their blocks begin at multiples of their side.
        box = (box or whole).grown(FAR if net else HALO + FAR_REACH, 8).within(whole)
        self._fill(guide, box)
        self.net = net
        if net:
            import torch

            from .net import BLUR

            inside = self.planes[:, HALO + box.top : HALO + box.bottom, HALO + box.left : HALO + box.right]
            found = net.surroundings(torch.from_numpy(inside))
            top, left = box.top // BLUR, box.left // BLUR
            self.surroundings = torch.empty((-(-self.h // BLUR), -(-self.w // BLUR), found.shape[2]), dtype=found.dtype)
            self.surroundings[top : top + len(found), left : left + found.shape[1]] = found

    def _fill(self, guide: Parts, box: Rect) -> None:
        def band(top: int) -> None:
            rows = slice(top, min(top + BAND, box.bottom))
            y, cb, cr = guide.part(rows, slice(box.left, box.right))
            with timed("guide"):
                guide_kernel.pack(y, cb, cr, NEUTRAL, top, box.left, self.planes)

        for _ in in_parallel(band, range(box.top, box.bottom, BAND)):
            pass
        guide_kernel.border(self.planes, box.top, box.left, box.bottom, box.right)

    def features(self, r: int, c: int, rows: int, cols: int, count: int = COUNT, kind: type = np.float64) -> np.ndarray:
        """Features of a window's cells, whole numbers below 2^15, of a kind of float: (count, rows, cols).

        count: of those without powers of Y (`features.BASIC`), of the hand-made, or of them and the learned ones.
        """
        out: np.ndarray = np.empty((count, rows, cols), kind)
        kernel.features(self.planes, TABLES, self.h, self.w, r, c, out[:COUNT])
        if count > COUNT:
            out[COUNT:] = self.learned(r, c, rows, cols)
        return out

    def learned(self, r: int, c: int, rows: int, cols: int) -> np.ndarray:
        """Learned features of a window's cells, float64 (features, rows, cols) of whole numbers below 2^15."""
        import torch

        from .net import REACH

        assert self.net is not None
        o = HALO - REACH
        piece = self.planes[:, r + o : r + o + rows + 2 * REACH, c + o : c + o + cols + 2 * REACH]
        return self.net.features(torch.from_numpy(piece).to(torch.int32), self.surroundings, r, c).numpy()

    @property
    def of_jpeg(self) -> SideInfo:
        """That of the JPEG alone."""
        return self

    @property
    def apart(self) -> tuple[np.ndarray, float] | None:
        """Some cells that are guided by something else than the rest, (n, 2), and their share of the picture."""
        return None

    def guided(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Which cells at rows and columns the recipe is for, bool, as these broadcast: all of them."""
        return np.ones(np.broadcast_shapes(rows.shape, cols.shape), np.bool_)

    def prediction(self, window: Window, recipe: Recipe, companding: Companding, saturated: bool = True) -> np.ndarray:
        """Prediction of the windows in levels, int32 (B, 4, rows, cols); saturated: put onto the saturation where it is
        near."""
        saturation = saturation_of(companding) if saturated else np.full((2, 4), NOWHERE, np.int64)
        shape = window.rows, window.cols
        if recipe.look:
            return np.stack([self._looked(place, shape, recipe, companding, saturation) for place in window.places])
        out = np.stack([self._first(place, shape, recipe, companding, saturation) for place in window.places])
        return self._lent(out, window, companding) if self.cell else out

    def _lent(self, prediction: np.ndarray, window: Window, companding: Companding) -> np.ndarray:
        """Where a site lies among those of another colour, the prediction of its own colour's plane."""
        assert self.cell is not None
        (high, wide), black = (n // 2 for n in self.cell.block), companding.black_levels()
        for found, (row, col) in zip(prediction, window.places, strict=True):
            moved = []
            for k, i, j, donor in self.cell.lent:
                part = k, slice((i - row) % high, None, high), slice((j - col) % wide, None, wide)
                lent = found[donor][part[1:]] + (black[donor] - black[k])
                moved.append((part, np.clip(lent, companding.low, companding.high)))
            for part, lent in moved:
                found[part] = lent
        return prediction

    def _first(
        self, place: tuple[int, int], shape: tuple[int, int], recipe: Recipe, companding: Companding,
        saturation: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """What the recipe says of a window, int32 (4, rows, cols)."""
        local, limits = recipe.local, np.array([companding.low, companding.high], np.float64)
        corrections = local.whole if local else np.zeros((1, 1, 4, 1))
        out = np.empty((4, *shape), np.int32)
        more = self.learned(*place, *shape) if recipe.learned else np.empty((0, *shape))
        kernel.prediction(
            self.planes, TABLES, self.h, self.w, *place, recipe.whole(), local.side if local else 0, corrections, PARTS,
            more, limits, saturation, out,
        )  # fmt: skip
        return out

    def around(
        self, place: tuple[int, int], shape: tuple[int, int], recipe: Recipe, companding: Companding, reach: int = REACH
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """What the second look at cells inside the picture sees beside the guide: the recipe's levels, int32 with
        `reach` cells more on all sides (outside of the picture the nearest inside), and Cb and Cr at the sites, a cell
        more."""
        (r, c), (rows, cols) = place, shape
        top, left = max(r - reach, 0), max(c - reach, 0)
        bottom, right = min(r + rows + reach, self.h), min(c + cols + reach, self.w)
        unsaturated = np.full((2, 4), NOWHERE, np.int64)
        levels = self._first((top, left), (bottom - top, right - left), recipe, companding, unsaturated)
        more = (top - r + reach, r + rows + reach - bottom), (left - c + reach, c + cols + reach - right)
        if any(map(any, more)):
            levels = np.pad(levels, ((0, 0), *more), mode="edge")
        return levels, self.guide.chroma(range(r - 1, r + rows + 1), range(c - 1, c + cols + 1))

    def _looked(
        self, place: tuple[int, int], shape: tuple[int, int], recipe: Recipe, companding: Companding,
        saturation: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """A window's prediction after a second look, int32 (4, rows, cols); outside the picture the nearest inside."""
        (r, c), look = place, recipe.look
        assert look is not None
        inside = min(shape[0], self.h - r), min(shape[1], self.w - c)
        levels, colours = self.around(place, inside, recipe, companding, look.reach)
        out = look.corrected(self.planes, r, c, colours, levels, companding, saturation)
        more = [(0, n - m) for n, m in zip(shape, inside, strict=True)]
        return np.pad(out, ((0, 0), *more), mode="edge") if inside != shape else out

    def activity(self, window: Window) -> np.ndarray:
        """The guide's contexts of the windows' cells, int32 (B, 5, rows, cols), 12-bit units of the guide: detail,
        spread, around, chroma, clipped."""
        out = np.empty((len(window.places), ACTIVITIES, window.rows, window.cols), np.int32)
        for piece, (r, c) in zip(out, window.places, strict=True):
            guide_kernel.activity(self.planes, r, c, piece)
        return out


def saturation_of(companding: Companding) -> np.ndarray:
    """By plane the level from which on a prediction is saturated, and the one that it is put onto; int64 (2, 4)."""
    out = np.full((2, 4), NOWHERE, np.int64)
    for k, found in enumerate(companding.saturations()):
        if found:
            out[:, k] = found[1], found[0]
    return out
