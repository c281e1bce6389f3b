"""How well measured points determine a placement: the error of a fit's places, propagated from what it leaves."""

from __future__ import annotations

import numpy as np

from .placement import Placement, positions
from .robust_fit import TINY, Free, Points, ways

ALIKE = 3.5
"""Times its own error by points on their own: blocks overlap, and neighbours are wrong in the same way. Measured."""

RAYLEIGH = 1.1774
"""Median of how far a point is off in two directions, by the standard deviation in one."""

LOOSE = 1e3
"""Pixels by which what no point tells is uncertain: all there is."""


def spread(points: Points, placement: Placement, free: Free, sites: np.ndarray) -> np.ndarray:
    """Standard deviation of where a placement fitted to points lays sites (n, 2), JPEG px, (n,); `LOOSE` at most.

    free: as it was fitted. By the normal equations' inverse, points weighted as the fit's last round does.
    """
    good = points.good
    if good.sum() < 3 or not len(sites):
        return np.full(len(sites), LOOSE)
    moves = ways(free, placement)
    misses = points.misses(placement)[good]
    sigma = max(float(np.median(misses)) / RAYLEIGH, 1e-3)
    weight = 1 / (1 + (misses / max(1.5 * RAYLEIGH * sigma, 0.1)) ** 2)
    slopes = _slopes(placement, moves, points.sites[good])
    gram = np.einsum("n,nap,naq->pq", weight, slopes, slopes)
    there = _slopes(placement, moves, sites)
    error = np.linalg.pinv(gram + np.eye(len(moves)) * (sigma / LOOSE) ** 2) * (ALIKE * sigma) ** 2
    return np.minimum(np.sqrt(np.maximum(np.einsum("nap,pq,naq->n", there, error, there), 0)), LOOSE)


def _slopes(placement: Placement, moves: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """How places change with each of a fit's numbers, (n, 2, p)."""
    numbers = np.concatenate([placement.numbers[None], placement.numbers + TINY * moves])
    places = np.stack(positions(numbers, placement.shape, sites[:, 0], sites[:, 1]), -1)
    return np.asarray(((places[1:] - places[:1]) / TINY).transpose(1, 2, 0))


def rms(values: np.ndarray) -> float:
    """Root of the mean square."""
    return float(np.sqrt((values**2).mean())) if len(values) else 0.0
