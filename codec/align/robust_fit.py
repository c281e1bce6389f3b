"""A placement fitted to measured points, which need not all be right."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .placement import NUMBERS, Placement, positions

LEAST_TRUST = 0.25
"""Correlation under which a block counts for nothing."""

LEAST_POINTS = 6
"""Fewer don't agree on anything."""

MOST_STEPS, LEAST_STEP, TINY = 60, 1e-4, 1e-6
"""Of a fit: steps at most, step after which it ends, step of its slopes, all in about pixels."""

Free = frozenset[str]

SHIFT: Free = frozenset()
SCALE, SIMILAR, AFFINE = frozenset({"scale"}), frozenset({"similar"}), frozenset({"affine"})
PROJECTIVE = AFFINE | {"tilt"}
ROUND = SIMILAR | {"radial"}
RADIAL = PROJECTIVE | {"radial"}
LENS = PROJECTIVE | {"lens"}
CENTRED = LENS | {"centre"}
"""What is free beside the place: both scales; or one scale and a turn; or all that is linear; perspective; the lens's
k2 and k4; or k1 to k4; the lens's centre."""

PULL = 0.05
"""Weight of what keeps a number in place that the points don't tell, per pixel that it moves the picture."""


@dataclass(frozen=True)
class Points:
    """Where places of the turned mosaic lie in the JPEG, measured.

    sites: (n, 2) rows and columns in the turned mosaic. found: (n, 2) JPEG positions. trust: (n,) 0..1.
    """

    sites: np.ndarray
    found: np.ndarray
    trust: np.ndarray

    @property
    def good(self) -> np.ndarray:
        """Which of them count."""
        return self.trust > LEAST_TRUST

    def agree(self, placement: Placement, px: float) -> float:
        """Share of the good ones that lie within so many JPEG px of where they are placed; 0 of too few."""
        misses = self.misses(placement)[self.good]
        return float((misses < px).mean()) if len(misses) >= LEAST_POINTS else 0.0

    def misses(self, placement: Placement) -> np.ndarray:
        """How far each lies from where it is placed, JPEG px, (n,)."""
        y, x = placement(self.sites[:, 0], self.sites[:, 1])
        return np.asarray(np.hypot(self.found[:, 0] - y, self.found[:, 1] - x))


def ways(free: Free, start: Placement) -> np.ndarray:
    """Directions (n, 14) in which the numbers may move, each by about a pixel."""
    rho, scale = start.rho, max(start.scale, 1e-3)
    unit = 1 / (rho * scale)
    one = np.eye(NUMBERS)
    turned = start.numbers[2:6].reshape(2, 2) / scale
    zoom, spin = np.zeros(NUMBERS), np.zeros(NUMBERS)
    zoom[2:6] = turned.ravel() / rho
    spin[2:6] = (turned @ np.array([[0, -1], [1, 0]])).ravel() / rho
    known = {
        "scale": [one[2] / rho, one[5] / rho],
        "similar": [zoom, spin],
        "affine": [one[k] / rho for k in range(2, 6)],
        "tilt": [one[6] * unit, one[7] * unit],
        "radial": [one[11] * unit, one[13] * unit],
        "lens": [one[k] * unit for k in range(10, 14)],
        "centre": [one[8] * 30 / rho, one[9] * 30 / rho],
    }
    return np.array([one[0], one[1], *(way for name, some in known.items() if name in free for way in some)])


def fit(points: Points, start: Placement, free: Free) -> Placement:
    """The placement nearest to the points, outliers counted little.

    What isn't free stays as in `start`. By Levenberg and Marquardt's method: first the sum of sqrt(1 + (miss / s)^2) is
    made least, then that of log(1 + (miss / s)^2), which forgets those far off.
    """
    good = points.good
    sites, found, weight = points.sites[good], points.found[good], points.trust[good]
    if len(sites) < 3:
        return start
    moves = ways(free, start)
    unit = start.rho * max(start.scale, 1e-3)
    pulled = np.zeros(NUMBERS)
    pulled[[6, 7]] = 0.5 * unit
    pulled[10:14] = np.array([1.0, 0.3, 1.0, 2.0]) * unit
    pulled[8:10] = start.rho / 30

    def misses(q: np.ndarray) -> np.ndarray:
        """(p, 2 n + pulls)."""
        numbers = start.numbers + q @ moves
        y, x = positions(numbers, start.shape, sites[:, 0], sites[:, 1])
        a, b, c, d = (numbers[:, k : k + 1] for k in range(2, 6))
        square = np.concatenate([(a - d), (b + c)], 1) * start.rho * 0.5
        lens = numbers[:, 6:] * pulled[6:]
        return np.concatenate([(found[:, 0] - y) * weight, (found[:, 1] - x) * weight, PULL * square, PULL * lens], 1)

    n = len(sites)

    def apart(m: np.ndarray) -> np.ndarray:
        return np.asarray(m[:n] ** 2 + m[n : 2 * n] ** 2)

    q = np.zeros(len(moves))
    now = misses(q[None])[0]
    for forgets in (False, True):
        scale2 = min(max(float(np.median(np.sqrt(apart(now)))) * 1.5, 0.1), 4.0) ** 2

        def worth(m: np.ndarray, forgets: bool = forgets, scale2: float = scale2) -> float:
            far = apart(m) / scale2
            of_points = np.log1p(far).sum() if forgets else np.sqrt(1 + far).sum()
            return float(of_points + (m[2 * n :] ** 2).sum())

        best, damping = worth(now), 1e-3
        for _ in range(MOST_STEPS):
            far = apart(now) / scale2
            w = (1 / (1 + far) if forgets else 0.5 / np.sqrt(1 + far)) / scale2
            w = np.concatenate([w, w, np.ones(len(now) - 2 * n)])
            slope = ((misses(q + np.eye(len(q)) * TINY) - now) / TINY).T
            weighted = slope * w[:, None]
            gram = weighted.T @ slope
            step = -np.linalg.solve(gram + np.diag(damping * np.diag(gram) + 1e-9), weighted.T @ now)
            there = misses((q + step)[None])[0]
            value = worth(there)
            if not value <= best:
                damping *= 10
                if damping > 1e6:
                    break
                continue
            q, now, best, damping = q + step, there, value, damping / 5
            if np.abs(step).max() < LEAST_STEP:
                break
    placed = replace(start, numbers=start.numbers + q @ moves)
    return placed if placed.sane else start
