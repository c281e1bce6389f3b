"""A JPEG's place over the turned mosaic to a fraction of a pixel: blocks from coarse to fine, a robust fit at each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.optimize import least_squares

from codec.alignment.displacement import block_displacements, detail, shrink
from codec.geometry import POSITION_BITS, SCALE_BITS, WARP_BITS, Geometry, Warp

LEAST_TRUST = 0.25
"""Correlation under which a block counts for nothing."""

LEAST_BLOCKS = 6

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

    def geometry(self, orientation: int) -> Geometry:
        """In the fixed-point numbers of the stream."""
        position, scale, k = float(1 << POSITION_BITS), float(1 << SCALE_BITS), float(1 << WARP_BITS)
        warp = None
        if any(self.warp):
            k1, k2, k3, k4 = (round(v * k) for v in self.warp)
            warp = Warp((round(self.centre[0] * position), round(self.centre[1] * position)), (k1, k2, k3, k4))
        return Geometry(
            orientation,
            (round(self.offset[0] * position), round(self.offset[1] * position)),
            (round(self.scale[0] * scale), round(self.scale[1] * scale)),
            warp,
        )


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

    def refine(self, placement: Placement) -> tuple[Placement, Points]:
        """The placement with scale and warp free, and the finest points."""
        factor = 1 << max(0, int(np.log2(max(self._light.shape) / 150)))
        steps = [(factor, 4)]  # twice at the coarsest: the thumbnails' shift may be a whole sample off
        while True:
            steps.append((factor, min(8, 4 + 2 * (len(steps) - 1))))
            if factor == 1 or factor * min(placement.scale) < 1.5:
                break
            factor //= 2
        steps.append((factor, 8))
        points = Points(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
        for factor, free in steps:
            # a crop may hold too few blocks while they are large, a noisy picture too few good ones when they are small
            points = self.measure(placement, factor)
            if (points.trust > LEAST_TRUST).sum() >= LEAST_BLOCKS:
                placement = fit(points, placement, free)
        return placement, points

    def measure(self, placement: Placement, factor: int) -> Points:
        """Displacements at one size: `factor` cells to a sample."""
        first, second, valid = self._pair(placement, factor)
        blocks = block_displacements(first, second, valid)
        sites = self._sites(blocks.place, factor)
        shifted = self._sites(blocks.place + blocks.move, factor)
        return Points(sites, np.stack(placement(shifted[:, 0], shifted[:, 1]), 1), blocks.trust)

    def score(self, placement: Placement) -> float:
        """Correlation of the tone-free pictures, where both show something."""
        first, second, valid = self._pair(placement, max(1, -(-max(self._light.shape) // SCORE_SIDE)))
        a, b = first[valid], second[valid]
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
        """Both pictures without tones on the grid of `factor` cells, and where the JPEG covers it."""
        first = self._shrunk("light", factor)
        whole = max(1, int(2.06 * factor * min(placement.scale)))
        small = self._shrunk("y", whole)
        index = np.stack([np.arange(max(first.shape))] * 2, 1)
        sites = self._sites(index, factor)
        rows, cols = placement(sites[: first.shape[0], 0, None], sites[None, : first.shape[1], 1])
        rows, cols = (rows - (whole - 1) / 2) / whole, (cols - (whole - 1) / 2) / whole
        rows, cols = np.broadcast_arrays(rows.astype(np.float32), cols.astype(np.float32))
        valid = (rows >= 0) & (rows <= small.shape[0] - 1) & (cols >= 0) & (cols <= small.shape[1] - 1)
        second = map_coordinates(small, [rows, cols], order=1, mode="nearest", output=np.float32)
        return detail(first, 6), detail(second, 6), valid


def fit(points: Points, start: Placement, free: int) -> Placement:
    """The placement nearest to the points, outliers counted little.

    free: 2 offset; 4 scale too; 5 to 8 with k1 to k4; 10 with the warp's centre. What isn't free stays as in `start`.
    """
    good = points.trust > LEAST_TRUST
    sites, found, weight = points.sites[good], points.found[good], points.trust[good][:, None]
    size = max(float(np.abs(sites).max(initial=1)), 1.0)
    base = np.array([*start.offset, *start.scale, *start.warp, *start.centre])
    # units in which each parameter moves the picture by about a pixel
    unit = np.array([1, 1, 1 / size, 1 / size, *[1 / start.reach] * 4, 30, 30])

    def placed(p: np.ndarray) -> Placement:
        v = base.copy()
        v[:free] += p * unit[:free]
        offset, scale, centre = (v[0], v[1]), (v[2], v[3]), (v[8], v[9])
        return replace(start, offset=offset, scale=scale, warp=(v[4], v[5], v[6], v[7]), centre=centre)

    def cost(p: np.ndarray) -> np.ndarray:
        place = placed(p)
        misses = found - np.stack(place(sites[:, 0], sites[:, 1]), 1)
        # a weak pull to square pixels, no warp and a centred one keeps what the points don't tell in place
        pull = np.array([(place.scale[0] - place.scale[1]) / unit[2], *np.divide(place.warp, unit[4:8]) * 0.01])
        return np.concatenate([(misses * weight).reshape(-1), 0.02 * pull, 0.02 * p[8:]])

    spread = float(np.median(np.abs(cost(np.zeros(free))))) * 1.5
    return placed(least_squares(cost, np.zeros(free), loss="soft_l1", f_scale=min(max(spread, 0.1), 4.0)).x)
