"""A JPEG's place over the turned mosaic to a fraction of a pixel: blocks from coarse to fine, a robust fit at each."""

from __future__ import annotations

import numpy as np

from . import kernels
from .displacement import block_displacements, detail, shrink
from .placement import Placement
from .robust_fit import CENTRED, LENS, PROJECTIVE, RADIAL, ROUND, SIMILAR, Free, Points, fit, ways

BLOCK, SMALL_BLOCK, BLOCKS = 64, 32, 5
"""Side of the blocks compared, samples; of those in pictures that hold fewer than so many side by side, which is half
the picture at most."""

MOST, MOST_BETWEEN = 12, 8
"""Blocks a side, at the finest size and at those on the way."""

SETTLED = 0.1
"""Where a fit at the finest size moves no point by more than this, JPEG px, measuring again says the same."""

GRID = 96
"""Places a side at which is seen where the JPEG covers the mosaic."""

LEAST_BLOCKS, LEAST_AGREE = 6, 0.3
"""Good blocks, and share of them that must agree within a sample at the coarsest size, for a closer look."""

FREED = ((12, SIMILAR), (24, ROUND), (48, RADIAL), (80, LENS))
"""Up to how many good blocks no more than that is free."""

COARSE = 150
"""Cells of the mosaic's long side, at least, with which refining begins."""

SCORE_SIDE = 512
"""The match score is taken at about this many samples on the long side."""


class Register:
    """Compares a turned mosaic's brightness with a JPEG's luma.

    light: float32 (rows, columns) of cells, turned; lead: the turned site in the first cell's corner. y: uint8.
    """

    def __init__(self, light: np.ndarray, lead: tuple[float, float], y: np.ndarray) -> None:
        self._light, self._lead, self._y = np.ascontiguousarray(light), lead, y
        self._small: dict[tuple[str, int], np.ndarray] = {}

    def refine(self, placement: Placement) -> tuple[Placement, Points] | None:
        """The placement with all freedoms, and the finest points; None where nothing agrees at the coarsest size."""
        stages = [SIMILAR, PROJECTIVE, RADIAL]  # thrice at the coarsest: the start may be far off
        moved = np.inf
        for factor, finest in self._factors(placement):
            for free in [*stages, LENS] if finest else stages:
                placement, points, moved = self._step(placement, factor, free, finest)
            if len(stages) > 1 and points.agree(placement, 2 * factor * placement.scale) < LEAST_AGREE:
                return None
            stages = [LENS]
        for _ in range(2):
            if moved <= SETTLED:
                break
            placement, points, moved = self._step(placement, factor, CENTRED, True)
        return placement, points

    def follow(self, placement: Placement) -> tuple[Placement, Points]:
        """The same for what is only shifted and scaled: less work."""
        for factor, finest in self._factors(placement):
            placement, points, moved = self._step(placement, factor, SIMILAR, finest)
        if moved > SETTLED:
            placement, points, _ = self._step(placement, factor, SIMILAR, True)
        return placement, points

    def _factors(self, placement: Placement) -> list[tuple[int, bool]]:
        """Cells to a sample, from coarse to fine, and whether they are the finest."""
        factors = [1 << max(0, int(np.log2(max(self._light.shape) / COARSE)))]
        while factors[-1] > 1 and factors[-1] * placement.scale >= 1.5:
            factors.append(factors[-1] // 2)
        return [(factor, factor == factors[-1]) for factor in factors]

    def _step(self, placement: Placement, factor: int, free: Free, finest: bool) -> tuple[Placement, Points, float]:
        """One size: placement, points and how far the fit has moved them, JPEG px.

        A crop may hold too few blocks while they are large, a noisy picture too few good ones when they are small: then
        nothing changes, or less is free.
        """
        points = self.measure(placement, factor, MOST if finest else MOST_BETWEEN)
        count = int(points.good.sum())
        if count < LEAST_BLOCKS:
            return placement, points, np.inf
        least = next((f for n, f in FREED if count < n), free)
        found = fit(points, placement, least if len(ways(least, placement)) < len(ways(free, placement)) else free)
        rows, cols = points.sites.T
        there, here = found(rows, cols), placement(rows, cols)
        return found, points, float(np.hypot(there[0] - here[0], there[1] - here[1]).max())

    def measure(self, placement: Placement, factor: int, most: int = MOST) -> Points:
        """Displacements at one size: `factor` cells to a sample."""
        first, second, place = self._pair(placement, factor)
        box = self._covered(placement, factor, first.shape, second.shape, int(place[18]))
        side = min(span.stop - span.start for span in box)
        size = min(BLOCK, max(side // BLOCKS, SMALL_BLOCK), side // 2)
        blocks = block_displacements(first, second, place, box, size, most)
        sites = self._sites(blocks.place, factor)
        shifted = self._sites(blocks.place + blocks.move, factor)
        return Points(sites, np.stack(placement(shifted[:, 0], shifted[:, 1]), 1), blocks.trust)

    def finest(self, placement: Placement) -> int:
        """Cells to a sample where they are compared last."""
        return self._factors(placement)[-1][0]

    def toned(self, light: np.ndarray, luma: np.ndarray) -> Register:
        """The same with the mosaic's brightness by a curve, of rising values and what they become."""
        return Register(np.interp(self._light, light, luma).astype(np.float32), self._lead, self._y)

    def pairs(self, placement: Placement, factor: int) -> tuple[np.ndarray, np.ndarray]:
        """Brightness and luma where both pictures show something, at `factor` cells to a sample; (n,) both."""
        first, second, valid = self._laid(placement, factor)
        return first[valid], second[valid]

    def _laid(self, placement: Placement, factor: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both pictures, the JPEG's laid over the mosaic's, and where it has something."""
        first, small, place = self._pair(placement, factor)
        second, valid = np.zeros(first.shape, np.float32), np.zeros(first.shape, np.bool_)
        if min(small.shape) >= 2:
            kernels.lay(small, place, 0, 0, *first.shape, second, valid)
        return first, second, valid

    def score(self, placement: Placement) -> float:
        """Correlation of the tone-free pictures, where both show something."""
        first, second, valid = self._laid(placement, max(1, -(-max(self._light.shape) // SCORE_SIDE)))
        a, b = detail(first)[valid], detail(second)[valid]
        if len(a) < 1000:
            return 0.0
        return float(np.clip((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean() + 1e-12), 0, 1))

    def _shrunk(self, which: str, factor: int) -> np.ndarray:
        """`shrink` of one of the pictures, kept; by way of half the factor, where that is whole."""
        key = which, factor
        if key not in self._small:
            if factor % 2 == 0 and factor > 2:
                self._small[key] = shrink(self._shrunk(which, factor // 2), 2)
            else:
                self._small[key] = shrink(self._light if which == "light" else self._y, factor)
        return self._small[key]

    def _sites(self, place: np.ndarray, factor: int) -> np.ndarray:
        return 2 * factor * (place + 0.5) - 0.5 + np.array(self._lead)

    def _pair(self, placement: Placement, factor: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The mosaic at `factor` cells a sample, the JPEG at about as many, and where this lies in that."""
        whole = max(1, int(2.06 * factor * placement.scale))
        first, second = self._shrunk("light", factor), self._shrunk("y", whole)
        return first, second, placement.grid(factor, self._lead, whole)

    def _covered(
        self, placement: Placement, factor: int, first: tuple[int, ...], second: tuple[int, ...], whole: int
    ) -> tuple[slice, slice]:
        """The rows and columns of the first picture that the second one covers."""
        rows, cols = (np.unique(np.linspace(0, n - 1, min(n, GRID)).astype(int)) for n in first)
        sites = [self._sites(np.stack([at, at], 1), factor)[:, axis] for axis, at in enumerate((rows, cols))]
        y, x = placement(sites[0][:, None], sites[1][None, :])
        y, x = ((v - (whole - 1) / 2) / whole for v in (y, x))
        inside = (y >= 0) & (y <= second[0] - 1) & (x >= 0) & (x <= second[1] - 1)
        if not inside.any() or min(second) < 2:
            return slice(0, 0), slice(0, 0)
        spans = [at[inside.any(1 - axis)] for axis, at in enumerate((rows, cols))]
        return slice(int(spans[0][0]), int(spans[0][-1]) + 1), slice(int(spans[1][0]), int(spans[1][-1]) + 1)
