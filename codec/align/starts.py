"""Where to begin looking for a JPEG over a mosaic: places that are expected, and those at which thumbnails agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..mosaic.turn import turn
from .displacement import ShiftSearch, detail, shrink
from .placement import Placement

THUMBNAIL, TINY = 192, 96
"""Long side of the mosaic's thumbnail, at most; where many scales are tried."""

LIKELY = 0.02
"""What an orientation that the metadata names is given over the others, in correlation."""

LEAST_SIDE = 24
"""Of a JPEG's thumbnail."""

LADDER, STEP = 14, 1.04
"""Scales tried where the size tells none: a JPEG that fills the mosaic, and smaller and smaller parts of it."""

NEAR_FULL = 1.03
"""By how much a JPEG at full size may be larger than the mosaic."""


@dataclass(frozen=True, eq=False)
class Start:
    """score: correlation of thumbnails, of those that were compared."""

    orientation: int
    placement: Placement
    score: float = 0.0


def expected(
    mosaic: tuple[int, int], jpeg: tuple[int, int], orientations: list[int], stretch: tuple[float, float]
) -> list[Start]:
    """Full size and centred, and filling the JPEG. stretch: what makes the mosaic's pixels square, rows and columns."""
    starts = []
    for orientation in orientations:
        turned, by = (mosaic, stretch) if orientation < 5 else (mosaic[::-1], stretch[::-1])
        full = [n * s for n, s in zip(turned, by, strict=True)]
        tried = []
        if all(NEAR_FULL * f + 16 >= j >= 0.55 * f for f, j in zip(full, jpeg, strict=True)):
            tried.append((by[0], by[1]))
        fill = jpeg[0] / turned[0], jpeg[1] / turned[1]
        if not any(all(abs(a / b - 1) < 0.01 for a, b in zip(fill, t, strict=True)) for t in tried):
            tried.append(fill)
        for scale in tried:
            offset = [(j - 1) / 2 - s * (n - 1) / 2 for j, s, n in zip(jpeg, scale, turned, strict=True)]
            starts.append(Start(orientation, Placement.plain((offset[0], offset[1]), scale, turned)))
    return starts


class Thumbnails:
    """Shifts of thumbnails, all at once.

    light: brightness of the mosaic's cells; mosaic: its rows and columns; likely: orientations that the tags name.
    side: the mosaic's longer one, at most.
    """

    def __init__(
        self,
        light: np.ndarray,
        mosaic: tuple[int, int],
        y: np.ndarray,
        likely: set[int],
        stretch: tuple[float, float],
        side: int = THUMBNAIL,
    ) -> None:
        self._factor = -(-max(light.shape) // side)
        thumbnail = shrink(light, self._factor)
        self._turned = {o: detail(turn(thumbnail, o)) for o in range(1, 9)}
        self._mosaic, self._y, self._likely, self._stretch = mosaic, y, likely, stretch
        self._searches: dict[tuple[float, float], tuple[ShiftSearch, tuple[float, float]] | None] = {}

    def best(self, count: int, ladder: bool = False) -> list[Start]:
        """The starts that agree best, in order; ladder: at many scales, else at those that the sizes tell."""
        found: list[Start] = []
        for orientation in range(1, 9):
            for scale in self._ladder(orientation) if ladder else self._scales(orientation):
                found += self.at(orientation, scale, 4)
        return sorted(found, key=lambda start: -start.score)[:count]

    def at(self, orientation: int, scale: tuple[float, float], count: int) -> list[Start]:
        """The best shifts at an orientation and a scale, JPEG px per mosaic px."""
        if scale not in self._searches:
            second, step = _at_scale(self._y, (2 * self._factor * scale[0], 2 * self._factor * scale[1]))
            large = min(second.shape) >= LEAST_SIDE and max(second.shape) <= 4 * THUMBNAIL
            side = max(self._turned[1].shape) + max(second.shape)
            self._searches[scale] = (ShiftSearch(detail(second), side), step) if large else None
        search = self._searches[scale]
        if search is None:
            return []
        starts = []
        turned = self._mosaic if orientation < 5 else self._mosaic[::-1]
        for score, rows, cols in search[0].peaks(self._turned[orientation], count):
            # sample i of the thumbnail's middle is mosaic 2 f i + f - 1/2, of the JPEG's step i + (step - 1) / 2
            offset = [
                n * step - (self._factor - 0.5) * s + (step - 1) / 2
                for n, step, s in zip((rows, cols), search[1], scale, strict=True)
            ]
            placement = Placement.plain((offset[0], offset[1]), scale, turned)
            starts.append(Start(orientation, placement, score + LIKELY * (orientation in self._likely)))
        return starts

    def itself(self, count: int) -> list[float]:
        """The highest correlations of the mosaic's thumbnail with itself, falling: the first without a shift."""
        image = self._turned[1]
        return [score for score, _, _ in ShiftSearch(image, 2 * max(image.shape)).peaks(image, count)]

    def _of(self, orientation: int) -> tuple[tuple[int, int], tuple[float, float]]:
        if orientation < 5:
            return self._mosaic, self._stretch
        return self._mosaic[::-1], self._stretch[::-1]

    def _scales(self, orientation: int) -> Iterator[tuple[float, float]]:
        """Full size, and the mosaic's rows or columns filling the JPEG's."""
        turned, by = self._of(orientation)
        tried: list[float] = []
        jpeg = self._y.shape
        for scale in (1.0, jpeg[0] / (turned[0] * by[0]), jpeg[1] / (turned[1] * by[1])):
            fits = all(j <= NEAR_FULL * scale * b * m + 16 for b, j, m in zip(by, jpeg, turned, strict=True))
            if fits and 1 / 64 <= scale <= 4 and all(abs(scale / t - 1) > 0.01 for t in tried):
                tried.append(scale)
                yield scale * by[0], scale * by[1]

    def _ladder(self, orientation: int) -> Iterator[tuple[float, float]]:
        turned, by = self._of(orientation)
        fill = max(j / (m * b) for j, m, b in zip(self._y.shape, turned, by, strict=True))
        for k in range(LADDER):
            scale = fill * STEP**k
            if scale <= 4:
                yield scale * by[0], scale * by[1]


def _at_scale(y: np.ndarray, steps: tuple[float, float]) -> tuple[np.ndarray, tuple[float, float]]:
    """The JPEG's luma with one sample per step px (area means, then linear), and the steps."""
    whole = max(1, int(min(steps)))
    small = shrink(y, whole)
    if whole == steps[0] == steps[1] or min(small.shape) < 2:
        return small, steps
    shape = [max(1, int(n * whole / step)) for n, step in zip(small.shape, steps, strict=True)]
    sides = list(zip(shape, small.shape, steps, strict=True))
    grids = [((np.arange(n) + 0.5) * step / whole - 0.5).clip(0, m - 1) for n, m, step in sides]
    low = [np.minimum(g.astype(int), m - 2) for g, (_, m, _) in zip(grids, sides, strict=True)]
    part = [(g - k).astype(np.float32) for g, k in zip(grids, low, strict=True)]
    rows = small[low[0]] * (1 - part[0])[:, None] + small[low[0] + 1] * part[0][:, None]
    return rows[:, low[1]] * (1 - part[1]) + rows[:, low[1] + 1] * part[1], steps
