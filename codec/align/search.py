"""Candidates for a JPEG's place over a mosaic: each start refined and judged by how it explains the mosaic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ..guide.coverage import shown
from ..guide.geometry import Geometry
from ..mosaic.turn import turn
from . import features, kernels
from .displacement import detail, shrink
from .fit_check import Patches
from .placement import Placement
from .register import Register
from .robust_fit import Points
from .starts import THUMBNAIL, TINY, Start, Thumbnails, expected
from .tones import retoned

LUMA = {"R": 0.299, "G": 0.587 / 2, "B": 0.114}
"""Share of a site in Y (ITU-R BT.601)."""

STARTS = 8
"""Of thumbnails, at most."""

CLEAR_SCORE, CLEAR_AGREE, CLEAR_GAIN, CLEAR_PEAK = 0.6, 0.8, 0.1, 0.8
"""Of a place that is taken without looking for others: correlation of the tone-free pictures, share of the blocks that
agree within a pixel, bits a site that it tells, and how high the next best shift of the thumbnails may be."""

AGREE, NEAR = 1.0, 0.5
"""Misses of blocks that agree with a place, px of the coarser picture; of those near enough for whole pixels."""

WHITE = 250
"""Luma of what may be brighter in the mosaic."""

REPEATS = 0.35
"""Correlation of a picture with itself, shifted, from which it counts as repeating itself."""

ALIKE, SAME_START = 4.0, 24.0
"""Placements that differ by no more than this at the corners, px of the coarser picture, are the same; starts that lie
so near a place that is clearly right lead there."""

GRID = 32
"""Places a side at which is seen what the JPEG covers."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A place of the JPEG, refined.

    score: correlation of the tone-free pictures under it. gain: bits a site, where the JPEG covers the mosaic, by which
    it tells its detail. covered: share of the mosaic. agree: share of the blocks that lie where they are placed.
    """

    orientation: int
    placement: Placement
    points: Points
    patches: Patches
    score: float
    gain: float
    covered: float
    agree: float

    @property
    def geometry(self) -> Geometry:
        """Its place in full."""
        return self.placement.geometry(self.orientation)

    @property
    def clear(self) -> bool:
        """Whether it is so good that no other place need be looked for."""
        return self.score >= CLEAR_SCORE and self.agree >= CLEAR_AGREE and self.gain >= CLEAR_GAIN

    @property
    def worth(self) -> float:
        """Bits a site of all of the mosaic."""
        return self.gain * self.covered


class Search:
    """What is compared again and again: the mosaic's brightness, turned, and the JPEG's luma.

    exposed: with as much of the mosaic as good as white as of the JPEG.
    """

    def __init__(
        self,
        raw: RawImage,
        planes: JpegPlanes,
        likely: set[int],
        stretch: tuple[float, float] = (1.0, 1.0),
        exposed: bool = False,
    ) -> None:
        self.raw, self.planes, self.likely, self.stretch = raw, planes, likely, stretch
        self.light = brightness(raw)
        if exposed:
            self.light = np.minimum(self.light, np.float32(np.quantile(self.light[::2, ::2], 1 - self.white)))
        self._registers: dict[int, Register] = {}
        h, w = raw.mosaic.shape
        self.mosaic = h, w

    @cached_property
    def white(self) -> float:
        """Share of the JPEG that is as good as white."""
        return float((self.planes.y[::4, ::4] >= WHITE).mean())

    @cached_property
    def blank(self) -> float:
        """Share of it that is as good as white or black."""
        return self.white + float((self.planes.y[::4, ::4] <= 255 - WHITE).mean())

    def filling(self, orientation: int) -> Geometry:
        """All of the mosaic, as large as the JPEG."""
        turned = self.mosaic[::-1] if orientation >= 5 else self.mosaic
        scale = [j / n for j, n in zip(self.planes.y.shape, turned, strict=True)]
        offset = scale[0] / 2 - 0.5, scale[1] / 2 - 0.5
        return Placement.plain(offset, (scale[0], scale[1]), turned).plainest(orientation)

    def register(self, orientation: int) -> Register:
        if orientation not in self._registers:
            light = turn(self.light, orientation)
            self._registers[orientation] = Register(light, lead(self.raw, orientation), self.planes.y)
        return self._registers[orientation]

    @cached_property
    def _thumbnails(self) -> Thumbnails:
        return Thumbnails(self.light, self.mosaic, self.planes.y, self.likely, self.stretch)

    def _expected(self) -> list[Start]:
        jpeg = self.planes.y.shape[0], self.planes.y.shape[1]
        return expected(self.mosaic, jpeg, sorted(self.likely), self.stretch)

    def groups(self) -> Iterator[tuple[str, list[Start]]]:
        """Starts by where they come from, those first that are right most often."""
        yield "features", self.by_features()
        yield "expected", self._expected()
        yield "thumbs", self._thumbnails.best(STARTS)
        tiny = Thumbnails(self.light, self.mosaic, self.planes.y, self.likely, self.stretch, TINY)
        yield "ladder", tiny.best(STARTS, ladder=True)

    def quick(self) -> Candidate | None:
        """An expected place, if it is clearly the right one: no other shift of the thumbnails is nearly as good."""
        best: Start | None = None
        for start in self._expected():
            rows, cols = start.placement.numbers[2], start.placement.numbers[5]
            shifts = self._thumbnails.at(start.orientation, (float(rows), float(cols)), 2)
            if shifts and shifts[0].score >= CLEAR_SCORE and (best is None or shifts[0].score > best.score):
                if len(shifts) == 1 or shifts[1].score < CLEAR_PEAK * shifts[0].score:
                    best = shifts[0]
        if best is None:
            return None
        placement, points = self.register(best.orientation).follow(best.placement)
        if points.agree(placement, NEAR * max(placement.scale, 1.0)) < CLEAR_AGREE:
            return None
        found = self._judged(best.orientation, placement, points)
        return found if found and found.clear else None

    def all(self) -> list[Candidate]:
        """Starts refined, the ones that explain most of the mosaic first.

        Where the picture doesn't repeat itself a place that is clearly right ends the search.
        """
        found: list[Candidate] = []
        for group, starts in self.groups():
            for start in starts:
                if any(_same(start.placement, c.placement, SAME_START if c.clear else ALIKE) for c in found):
                    continue
                candidate = self.refined(start)
                if candidate is None or any(_same(candidate.placement, c.placement) for c in found):
                    continue
                found.append(candidate)
                if candidate.clear and not self._repeats:
                    return sorted(found, key=lambda c: -c.worth)
            if group == "thumbs" and any(c.clear for c in found):
                break
        return sorted(found, key=lambda c: -c.worth)

    def own_likeness(self) -> float:
        """Correlation of the tone-free thumbnails of the mosaic's two green planes: what of its detail isn't noise."""
        h, w = (n // 2 for n in self.mosaic)
        greens = [k for k in range(4) if self.raw.cfa[k] == "G"]
        factor = -(-max(h, w) // THUMBNAIL)
        one, two = (
            detail(shrink(np.sqrt(np.maximum(
                self.raw.mosaic[k // 2 : 2 * h : 2, k % 2 : 2 * w : 2].astype(np.float32) - self.raw.black[k], 0
            )), factor))
            for k in greens[:2]
        )  # fmt: skip
        return float((one * two).mean() / np.sqrt((one * one).mean() * (two * two).mean() + 1e-12))

    @cached_property
    def _repeats(self) -> bool:
        """Whether the picture is like itself somewhere else, as facades and tiles are."""
        shifts = self._thumbnails.itself(2)
        return len(shifts) > 1 and shifts[1] >= REPEATS * shifts[0]

    def by_features(self) -> list[Start]:
        starts = []
        for count, h in features.homographies(self.light, self.planes.y):
            best = None
            mirrored = np.linalg.det(h[:2, :2] - np.outer(h[:2, 2], h[2, :2])) < 0  # at the corner: good enough
            for orientation in (2, 4, 5, 7) if mirrored else (1, 3, 6, 8):
                placement = self._unturned(h, orientation)
                if placement is None or not placement.sane:
                    continue
                a, b, c, d = placement.numbers[2:6]
                upright = (a + d) / np.hypot(a + d, c - b)
                if best is None or upright > best[0]:
                    best = upright, Start(orientation, placement, float(count))
            if best is not None:
                starts.append(best[1])
        return starts

    def _unturned(self, h: np.ndarray, orientation: int) -> Placement | None:
        """A homography from cells (x, y) as a placement of the turned mosaic."""
        height, width = self.mosaic
        turned = (width, height) if orientation >= 5 else (height, width)
        # turned (row, column) -> stored (row, column), from what `turn` does to three corners
        grid = np.indices((2, 2)).transpose(1, 2, 0) * (np.array(self.mosaic) - 1)
        corner = np.stack([turn(grid[..., k], orientation) for k in (0, 1)], -1)
        rows = (corner[1, 0] - corner[0, 0]) / max(turned[0] - 1, 1)
        cols = (corner[0, 1] - corner[0, 0]) / max(turned[1] - 1, 1)
        stored = np.array([[*p] for p in zip(rows, cols, corner[0, 0], strict=True)] + [[0, 0, 1]], float)
        swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1.0]])
        up, left = lead(self.raw, 1)
        cells = np.array([[0.5, 0, -left / 2 - 0.25], [0, 0.5, -up / 2 - 0.25], [0, 0, 1]])
        return Placement.of_map(swap @ h @ cells @ swap @ stored, turned)

    def refined(self, start: Start) -> Candidate | None:
        found = self.register(start.orientation).refine(start.placement)
        return self._judged(start.orientation, *found) if found else None

    def retoned(self, found: Candidate) -> Candidate:
        """The same, refined once more under the JPEG's tones."""
        register = self.register(found.orientation)
        placement, points = retoned(register, found.placement, found.points)
        if points is found.points or not placement.geometry(found.orientation).in_range:
            return found
        return replace(found, placement=placement, points=points)

    def _judged(self, orientation: int, placement: Placement, points: Points) -> Candidate | None:
        geometry = placement.geometry(orientation)
        if not geometry.in_range:
            return None
        patches = Patches(self.raw, self.planes, geometry)
        agree = points.agree(placement, AGREE * max(placement.scale, 1.0))
        score = self.register(orientation).score(placement)
        covered = self.covered(geometry)
        return Candidate(orientation, placement, points, patches, score, patches.gain(geometry), covered, agree)

    def covered(self, geometry: Geometry) -> float:
        rows2, cols2 = ((np.arange(GRID) * 2 + 1) * n // GRID for n in self.mosaic)
        return float(shown(geometry, self.mosaic, self.planes.y.shape, rows2, cols2).mean())


def _same(one: Placement, other: Placement, px: float = ALIKE) -> bool:
    if one.shape != other.shape:
        return False
    rows, cols = (np.linspace(0, n - 1, 3) for n in one.shape)
    (a, b), (c, d) = one(rows[:, None], cols), other(rows[:, None], cols)
    return bool(np.hypot(a - c, b - d).max() < px * max(1.0, one.scale))


def brightness(raw: RawImage) -> np.ndarray:
    """Brightness of whole 2x2 cells, float32 (H / 2, W / 2): square root of luma under the gray-world white balance.

    The colours have Y's own weights, since lateral chromatic aberration puts red and blue up to a pixel from green.
    """
    h, w = raw.mosaic.shape[0] // 2, raw.mosaic.shape[1] // 2
    weight = []
    for k, colour in enumerate(raw.cfa):
        some = raw.mosaic[k // 2 : 2 * h : 8, k % 2 : 2 * w : 8].astype(np.float32) - np.float32(raw.black[k])
        weight.append(LUMA[colour] / (float(some.clip(0, raw.white).mean()) + 1e-3 * raw.white))
    out = np.empty((h, w), np.float32)
    kernels.light(raw.mosaic, np.array(raw.black, np.float32), np.array(weight, np.float32), out)
    return out


def lead(raw: RawImage, orientation: int) -> tuple[float, float]:
    """The turned site in the corner of `brightness`'s first turned cell, as its brightness sees it.

    An odd last row or column belongs to no cell. In a cell, red and blue weigh more and less than a quarter, so its
    centre of gravity isn't quite its middle.
    """
    rows = sum(LUMA[c] * (k // 2) for k, c in enumerate(raw.cfa)) - 0.5
    cols = sum(LUMA[c] * (k % 2) for k, c in enumerate(raw.cfa)) - 0.5
    if raw.cell and raw.cell.samples > 1:
        rows = cols = 0.0  # all values of a pixel lie in its middle
    if orientation in (3, 4, 6, 7):
        rows = raw.mosaic.shape[0] % 2 - rows
    if orientation in (2, 3, 7, 8):
        cols = raw.mosaic.shape[1] % 2 - cols
    return (cols, rows) if orientation >= 5 else (rows, cols)
