"""A mosaic's brightness in a JPEG's tones: where highlights are clipped otherwise, their edges else lie otherwise."""

from __future__ import annotations

import numpy as np

from .placement import Placement
from .register import Register
from .robust_fit import LENS, Points, fit

LEVELS = 64
"""Of brightness, as many samples in each, whose mean luma is the curve there."""

BETTER = 0.9
"""Share of the points' median miss that must be left, or the curve isn't one for the whole picture: another sky, tones
that differ from place to place."""

LEAST = 1000
"""Samples that tell a curve."""


def retoned(register: Register, placement: Placement, points: Points) -> tuple[Placement, Points]:
    """A refined placement and its points measured again under the JPEG's tones; as they are where that is no better."""
    factor = register.finest(placement)
    curve = _curve(*register.pairs(placement, factor))
    if curve is None:
        return placement, points
    toned = register.toned(*curve)
    found, seen = placement, points
    for _ in range(2):
        seen = toned.measure(found, factor)
        found = fit(seen, found, LENS)
    if _miss(seen, found) > BETTER * _miss(points, placement) or seen.good.sum() < BETTER * points.good.sum():
        return placement, points
    return found, seen


def _curve(light: np.ndarray, luma: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Brightness and the mean luma there, both rising; None where there is too little to tell."""
    if len(light) < LEAST:
        return None
    edges = np.unique(np.quantile(light, np.linspace(0, 1, LEVELS + 1)))
    if len(edges) < 4:
        return None
    level = np.clip(np.searchsorted(edges, light, "right") - 1, 0, len(edges) - 2)
    count = np.bincount(level, minlength=len(edges) - 1)
    mean = np.bincount(level, luma, len(edges) - 1) / np.maximum(count, 1)
    kept = count > 0
    return ((edges[1:] + edges[:-1]) / 2)[kept], np.maximum.accumulate(mean[kept])


def _miss(points: Points, placement: Placement) -> float:
    misses = points.misses(placement)[points.good]
    return float(np.median(misses)) if len(misses) else np.inf
