"""A JPEG's place over the turned mosaic to a fraction of a pixel: blocks from coarse to fine, a robust fit at each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..guide.geometry import POSITION_BITS, SCALE_BITS, WARP_BITS, Geometry, Warp
from . import kernels
from .displacement import block_displacements, detail, shrink

BLOCK = 64
"""Side of the blocks compared, samples; less in small pictures."""

MOST, MOST_BETWEEN = 12, 8
"""Blocks a side, at the finest size and at those on the way."""

SETTLED = 0.1
"""Where a fit at the finest size moves no point by more than this, JPEG px, measuring again says the same."""

GRID = 96
"""Places a side at which is seen where the JPEG covers the mosaic."""

LEAST_TRUST = 0.25
"""Correlation under which a block counts for nothing."""

LEAST_BLOCKS = 6

MOST_STEPS, LEAST_STEP, TINY = 60, 1e-5, 1e-6
"""Of a fit: steps at most, step after which it ends, step of its slopes, all in about pixels."""

FAR, NOWHERE = 2.0**24, 1 << 40
"""Bound of what is made a fixed-point number, and what stands for all beyond: out of every range of `Geometry`."""

MOST_FREE = 8
"""Numbers that `Register.refine` fits: offset, scale and k1 to k4."""

SCORE_SIDE = 512
"""The match score is taken at about this many samples on the long side."""


@dataclass(frozen=True)
class Placement:
    """`Geometry` in float64 and JPEG pixels, for a mosaic that is turned already.

    offset: JPEG position of the turned mosaic's first site. scale: JPEG px per mosaic px. warp: k1 to k4 about
    `centre`. reach: rho, half the JPEG's diagonal.
    """

    offset: tuple[float, float]
    scale: tuple[float, float]
    warp: tuple[float, float, float, float]
    centre: tuple[float, float]
    reach: float

    @classmethod
    def plain(cls, offset: tuple[float, float], scale: float, jpeg_shape: tuple[int, ...]) -> Placement:
        """Without a warp; its centre is the JPEG's."""
        h, w = jpeg_shape[0] - 1, jpeg_shape[1] - 1
        return cls(offset, (scale, scale), (0.0, 0.0, 0.0, 0.0), (h / 2, w / 2), float(np.hypot(h, w)) / 2)

    def __call__(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """JPEG positions of turned sites; arrays that broadcast."""
        y = rows * self.scale[0] + self.offset[0]
        x = cols * self.scale[1] + self.offset[1]
        if any(self.warp):
            dy, dx = (y - self.centre[0]) / self.reach, (x - self.centre[1]) / self.reach
            r = np.sqrt(dy * dy + dx * dx)
            k1, k2, k3, k4 = self.warp
            growth = r * (k1 + r * (k2 + r * (k3 + r * k4))) * self.reach
            y, x = y + dy * growth, x + dx * growth
        return y, x

    def grid(self, factor: int, lead: tuple[float, float], whole: int) -> np.ndarray:
        """For `codec.align.kernels.lay`, of a first picture whose samples are `factor` cells of the mosaic.

        lead: the turned site in the first cell's corner; whole: JPEG px to a sample of the second picture.
        """
        start = [(factor - 0.5 + v) * scale + o for v, scale, o in zip(lead, self.scale, self.offset, strict=True)]
        step = [2 * factor * scale for scale in self.scale]
        lines = [step[0], start[0], step[1], start[1]]
        return np.array([*lines, *self.centre, self.reach, *self.warp, whole, any(self.warp)], np.float64)

    def geometry(self, orientation: int) -> Geometry:
        """In the fixed-point numbers of the stream; of a fit that ran away, one that is not `in_range`."""
        warp = None
        if any(self.warp):
            k1, k2, k3, k4 = (_fixed(v, WARP_BITS) for v in self.warp)
            centre = _fixed(self.centre[0], POSITION_BITS), _fixed(self.centre[1], POSITION_BITS)
            warp = Warp(centre, (k1, k2, k3, k4))
        return Geometry(
            orientation,
            (_fixed(self.offset[0], POSITION_BITS), _fixed(self.offset[1], POSITION_BITS)),
            (_fixed(self.scale[0], SCALE_BITS), _fixed(self.scale[1], SCALE_BITS)),
            warp,
        )


def _fixed(value: float, bits: int) -> int:
    """The value in 2^-bits; `NOWHERE` where it is not a number that could be in range."""
    return round(value * (1 << bits)) if abs(value) < FAR else NOWHERE


@dataclass(frozen=True)
class Points:
    """Where places of the turned mosaic lie in the JPEG, measured.

    sites: (n, 2) rows and columns in the turned mosaic. found: (n, 2) JPEG positions. trust: (n,) 0..1.
    """

    sites: np.ndarray
    found: np.ndarray
    trust: np.ndarray

    def misses(self, placement: Placement) -> np.ndarray:
        """Found minus placed, JPEG px, (n, 2)."""
        return self.found - np.stack(placement(self.sites[:, 0], self.sites[:, 1]), 1)


class Register:
    """Compares a turned mosaic's brightness with a JPEG's luma.

    light: float32 (rows, columns) of cells, turned; lead: the turned site in the first cell's corner. y: uint8.
    """

    def __init__(self, light: np.ndarray, lead: tuple[float, float], y: np.ndarray) -> None:
        self._light, self._lead, self._y = np.ascontiguousarray(light), lead, y
        self._small: dict[tuple[str, int], np.ndarray] = {}

    def refine(self, placement: Placement, most: int = MOST_FREE) -> tuple[Placement, Points]:
        """The placement with scale and warp free, `most` numbers in all as in `fit`, and the finest points."""
        factor = 1 << max(0, int(np.log2(max(self._light.shape) / 150)))
        free = [4]  # twice at the coarsest: the thumbnails' shift may be a whole sample off
        points = Points(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
        while True:
            finest = factor == 1 or factor * min(placement.scale) < 1.5
            free.append(min(most, 4 + 2 * (len(free) - 1)))
            for n in free[-2:] if len(free) == 2 else free[-1:]:
                placement, points, moved = self._step(placement, factor, n, points, finest)
            if finest:
                break
            factor //= 2
        if moved > SETTLED:
            placement, points, _ = self._step(placement, factor, most, points, True)
        return placement, points

    def _step(
        self, placement: Placement, factor: int, free: int, points: Points, finest: bool
    ) -> tuple[Placement, Points, float]:
        """One size: placement, points and how far the fit has moved them, JPEG px.

        A crop may hold too few blocks while they are large, a noisy picture too few good ones when they are small: then
        nothing changes.
        """
        points = self.measure(placement, factor, MOST if finest else MOST_BETWEEN)
        if (points.trust > LEAST_TRUST).sum() < LEAST_BLOCKS:
            return placement, points, np.inf
        found = fit(points, placement, free)
        rows, cols = points.sites.T
        there, here = found(rows, cols), placement(rows, cols)
        return found, points, float(np.hypot(there[0] - here[0], there[1] - here[1]).max())

    def measure(self, placement: Placement, factor: int, most: int = MOST) -> Points:
        """Displacements at one size: `factor` cells to a sample."""
        first, second, place = self._pair(placement, factor)
        box = self._covered(placement, factor, first.shape, second.shape, int(place[11]))
        size = min(BLOCK, *((span.stop - span.start) // 2 for span in box))
        blocks = block_displacements(first, second, place, box, size, most)
        sites = self._sites(blocks.place, factor)
        shifted = self._sites(blocks.place + blocks.move, factor)
        return Points(sites, np.stack(placement(shifted[:, 0], shifted[:, 1]), 1), blocks.trust)

    def score(self, placement: Placement) -> float:
        """Correlation of the tone-free pictures, where both show something."""
        first, small, place = self._pair(placement, max(1, -(-max(self._light.shape) // SCORE_SIDE)))
        second, valid = np.empty(first.shape, np.float32), np.empty(first.shape, np.bool_)
        if min(small.shape) < 2:
            return 0.0
        kernels.lay(small, place, 0, 0, *first.shape, second, valid)
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
        whole = max(1, int(2.06 * factor * min(placement.scale)))
        first, second = self._shrunk("light", factor), self._shrunk("y", whole)
        return first, second, placement.grid(factor, self._lead, whole)

    def _covered(
        self, placement: Placement, factor: int, first: tuple[int, ...], second: tuple[int, ...], whole: int
    ) -> tuple[slice, slice]:
        """The rows and columns of the first picture that the second one covers."""
        rows, cols = (np.unique(np.linspace(0, n - 1, min(n, GRID)).astype(int)) for n in first)
        sites = [self._sites(np.stack([at, at], 1), factor)[:, axis] for axis, at in enumerate((rows, cols))]
        y, x = placement(sites[0][:, None], sites[1][None, :])
        y, x = np.broadcast_arrays((y - (whole - 1) / 2) / whole, (x - (whole - 1) / 2) / whole)
        inside = (y >= 0) & (y <= second[0] - 1) & (x >= 0) & (x <= second[1] - 1)
        if not inside.any() or min(second) < 2:
            return slice(0, 0), slice(0, 0)
        spans = [at[inside.any(1 - axis)] for axis, at in enumerate((rows, cols))]
        return slice(int(spans[0][0]), int(spans[0][-1]) + 1), slice(int(spans[1][0]), int(spans[1][-1]) + 1)


def fit(points: Points, start: Placement, free: int) -> Placement:
    """The placement nearest to the points, outliers counted little.

    free: 2 offset; 4 scale too; 5 to 8 with k1 to k4; 10 with the warp's centre. What isn't free stays as in `start`.
    The sum of the misses' sqrt(1 + (miss / scale)^2) is made least by Levenberg and Marquardt's method.
    """
    good = points.trust > LEAST_TRUST
    rows, cols = points.sites[good].T
    found, weight = points.found[good].T[None], points.trust[good]
    size = max(float(np.abs(points.sites[good]).max(initial=1)), 1.0)
    base = np.array([*start.offset, *start.scale, *start.warp, *start.centre])
    # units in which each parameter moves the picture by about a pixel
    unit = np.array([1, 1, 1 / size, 1 / size, *[1 / start.reach] * 4, 30, 30])

    def values(p: np.ndarray) -> np.ndarray:
        v = np.repeat(base[None], len(p), 0)
        v[:, :free] += p * unit[:free]
        return v

    def cost(p: np.ndarray) -> np.ndarray:
        """Weighted misses and pulls for parameters (n, free): (n, misses)."""
        v = values(p)
        column = [v[:, k, None] for k in range(10)]
        y, x = rows * column[2] + column[0], cols * column[3] + column[1]
        if free > 4 or any(start.warp):
            dy, dx = (y - column[8]) / start.reach, (x - column[9]) / start.reach
            r = np.sqrt(dy * dy + dx * dx)
            growth = r * (column[4] + r * (column[5] + r * (column[6] + r * column[7]))) * start.reach
            y, x = y + dy * growth, x + dx * growth
        # a weak pull to square pixels, no warp and a centred one keeps what the points don't tell in place
        pull = [(v[:, 2:3] - v[:, 3:4]) / unit[2], v[:, 4:8] / unit[4:8] * 0.01, p[:, 8:]]
        return np.concatenate([(found[:, 0] - y) * weight, (found[:, 1] - x) * weight, *(0.02 * q for q in pull)], 1)

    p = np.zeros(free)
    misses = cost(p[None])[0]
    scale2 = min(max(float(np.median(np.abs(misses))) * 1.5, 0.1), 4.0) ** 2
    worth, damping = float(np.sqrt(1 + misses**2 / scale2).sum()), 1e-3
    for _ in range(MOST_STEPS):
        slope = ((cost(p + np.eye(free) * TINY) - misses) / TINY).T
        weighted = slope * (1 / np.sqrt(1 + misses**2 / scale2))[:, None]
        gram = weighted.T @ slope
        step = -np.linalg.solve(gram + np.diag(damping * np.diag(gram) + 1e-9), weighted.T @ misses)
        there = cost((p + step)[None])[0]
        better = float(np.sqrt(1 + there**2 / scale2).sum())
        if better > worth:
            damping *= 10
            if damping > 1e6:
                break
            continue
        p, misses, worth, damping = p + step, there, better, damping / 5
        if np.abs(step).max() < LEAST_STEP:
            break
    v = values(p[None])[0]
    offset, scale, centre = (float(v[0]), float(v[1])), (float(v[2]), float(v[3])), (float(v[8]), float(v[9]))
    warp = (float(v[4]), float(v[5]), float(v[6]), float(v[7]))
    return replace(start, offset=offset, scale=scale, warp=warp, centre=centre)
