"""`SideInfo` as tensors, on a device: for a GPU and for training. On the CPU its prediction comes from the compiled
kernel."""

from __future__ import annotations

import itertools

import torch

from ..guide.activity_kernels import BRIGHT, HALO
from ..mosaic.companding_torch import TorchCompanding
from ..stages.order import HAAR
from ..stages.stages_torch import Scene, split
from .features_torch import features, radius_squared
from .net import REACH
from .recipe import SHIFT, Recipe
from .side import SideInfo, Window

ROWS, COLS = 24, 256
"""Rows and columns of cells whose features are held at once."""


def prediction_of(
    recipe: Recipe, phi: torch.Tensor, low: int, high: int, block: tuple[int, int] | None = None
) -> torch.Tensor:
    """Prediction in level units, int32 (4, n), from features float64 (m, n), clipped to low..high.

    block: row and column of the block that the features are in, where there is a local recipe.
    """
    whole = recipe.whole(block)
    total = torch.from_numpy(whole).to(phi.device) @ phi
    return torch.floor((total + float(1 << (SHIFT - 1))) / float(1 << SHIFT)).clamp(low, high).to(torch.int32)


class TorchSideInfo:
    """The guide of a whole picture on a device. host: the same on the CPU, its net included."""

    def __init__(self, host: SideInfo, device: torch.device | str = "cpu") -> None:
        self.host, self.device = host, torch.device(device)
        self.h, self.w = host.h, host.w
        self.planes = torch.from_numpy(host.planes).to(self.device)
        self.net = host.net.to(self.device) if host.net else None
        self.surroundings = self.net.surroundings(self._cut(0, 0, self.h, self.w, 0)) if self.net else None

    def _cut(self, r: int, c: int, rows: int, cols: int, halo: int) -> torch.Tensor:
        o = HALO - halo
        return self.planes[:, r + o : r + o + rows + 2 * halo, c + o : c + o + cols + 2 * halo].to(torch.int32)

    def features(self, r: int, c: int, rows: int, cols: int, learned: bool = False) -> torch.Tensor:
        """Features of a window's cells, float64 (features, rows * cols): the hand-made, then the learned ones."""
        piece = self._cut(r, c, rows, cols, 1)
        radius = radius_squared((r, r + rows), (c, c + cols), self.h, self.w).to(self.device)
        made = features(piece[:4], piece[4], piece[5], radius)
        if not learned:
            return made
        assert self.net is not None and self.surroundings is not None
        found = self.net.features(self._cut(r, c, rows, cols, REACH), self.surroundings, r, c)
        return torch.cat([made, found.reshape(len(found), -1)])

    def prediction(self, window: Window, recipe: Recipe, companding: TorchCompanding) -> torch.Tensor:
        """Prediction of the windows in levels, int32 (B, 4, rows, cols)."""
        if self.device.type == "cpu" or recipe.look:  # a second look is taken by the compiled kernels only
            return torch.from_numpy(self.host.prediction(window, recipe, companding.tables)).to(self.device)
        return self.prediction_by_tensors(window, recipe, companding)

    def prediction_by_tensors(self, window: Window, recipe: Recipe, companding: TorchCompanding) -> torch.Tensor:
        """The same by tensors alone, on any device."""
        low, high = companding.low, companding.low + len(companding.table) - 1
        out = torch.empty(len(window.places), 4, window.rows, window.cols, dtype=torch.int32, device=self.device)
        side = recipe.local.side if recipe.local else 0
        for b, (r, c) in enumerate(window.places):
            for top, bottom in _spans(r, window.rows, ROWS):
                for left, right in _spans(c, window.cols, COLS):
                    phi = self.features(top, left, bottom - top, right - left, recipe.learned)
                    phi = phi.reshape(len(phi), bottom - top, right - left)
                    for i, j, rows, cols in _blocks(top, left, bottom - top, right - left, side or ROWS * COLS):
                        # A cell beyond the picture's edge, in tiles of even sides, goes with the last block.
                        block = (min(i, self.h - 1) // side, min(j, self.w - 1) // side) if side else None
                        piece = phi[:, i - top : i - top + rows, j - left : j - left + cols].reshape(len(phi), -1)
                        values = prediction_of(recipe, piece, low, high, block).reshape(4, rows, cols)
                        out[b, :, i - r : i - r + rows, j - c : j - c + cols] = values
        return companding.saturate(out)

    def activity(self, window: Window) -> list[torch.Tensor]:
        """The guide's contexts of the windows' cells, int32 (B, rows, cols) each, 12-bit units of the guide."""
        piece = torch.stack([self._cut(r, c, window.rows, window.cols, 3) for r, c in window.places])
        luma = piece[:, :4].sum(1)
        detail = (luma[:, 1:-1, 1:-1] * 9 - _box3(luma)).abs() // 36
        spread = (piece[:, :4].amax(1) - piece[:, :4].amin(1))[:, 1:-1, 1:-1]
        around = _box3(_box3(detail + spread)) // 81
        chroma = sum((piece[:, k, 1:-1, 1:-1] * 9 - _box3(piece[:, k])).abs() // 9 for k in (4, 5))
        assert isinstance(chroma, torch.Tensor)
        inner = lambda v: v[:, 2:-2, 2:-2]  # noqa: E731
        clipped = (piece[:, :4].amax(1)[:, 3:-3, 3:-3] >= BRIGHT).to(torch.int32) * 64
        return [inner(detail), inner(spread), around, inner(chroma), clipped]

    def scene(
        self,
        window: Window,
        prediction: torch.Tensor,
        companding: TorchCompanding,
        step: int,
        step_exponent: int,
        transform: int,
    ) -> Scene:
        """Steps and contexts of the windows as the stages want them."""
        tables = [companding.steps(step, step_exponent, k).to(prediction.device) for k in range(4)]
        steps = [split(table[companding.step_bin(prediction[:, k])]) for k, table in enumerate(tables)]
        activity = [split(a.to(torch.float64)) for a in self.activity(window)]
        saturation = [split(on) for on in companding.at_saturation(prediction)]
        if transform == HAAR:
            mean = lambda parts: [torch.floor(sum(parts[1:], parts[0]) / 4)] * 4  # noqa: E731
            steps = [[v.clamp(min=1.0) for v in mean(s)] for s in steps]
            activity = [mean(a) for a in activity]
            saturation = [[on[0] & on[1] & on[2] & on[3]] * 4 for on in saturation]
        return Scene(steps, activity, transform, saturation)


def _spans(start: int, count: int, side: int) -> list[tuple[int, int]]:
    """start .. start + count cut at multiples of side."""
    cuts = [start, *range(start // side * side + side, start + count, side), start + count]
    return list(itertools.pairwise(cuts))


def _blocks(top: int, left: int, rows: int, cols: int, side: int) -> list[tuple[int, int, int, int]]:
    """A window cut at multiples of side: (row, column, rows, columns) of each piece."""
    return [(i, j, n - i, m - j) for i, n in _spans(top, rows, side) for j, m in _spans(left, cols, side)]


def _box3(v: torch.Tensor) -> torch.Tensor:
    """Sum over 3x3 of (B, h + 2, w + 2), int32 (B, h, w)."""
    rows = v[:, :-2] + v[:, 1:-1] + v[:, 2:]
    return rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
