"""Rate-distortion curves against each other: mean gain in dB at equal bytes, mean saving of bytes at equal PSNR.

Both are Bjontegaard's measures, integrated by the package `bjontegaard`, with three choices of ours:

- a curve is a piecewise cubic Hermite interpolant (PCHIP: no overshoot) of PSNR over log2 of the rate;
- the average is taken over an asked range, evenly in log rate or in dB, so that files can be compared;
- the peer may be several curves, of which the best counts at each rate ("the better of linear and companded").

Nothing is extrapolated but `TOLERANCE` octaves past a curve's ends, by the slope there: encoders end a little below
their target. Where a curve does not reach further, that part of the range is left out of the average and `coverage`
says which share of it was used: below 1 the figure stands for another range than was asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

TOLERANCE = 0.06  # octaves of rate, about 4 %
SAMPLES = 256  # of the asked range, at which both curves are handed to the package


# The curves are our own interpolation already; what the package does between samples this close makes no difference.
_HOW = {"method": "pchip", "require_matching_points": True, "min_overlap": 0}


@dataclass(frozen=True)
class Mean:
    """value: the mean over the covered part of the range, NaN where nothing is covered. coverage: its share, 0..1."""

    value: float
    coverage: float


class Curve:
    """PSNR over rate through measured points; at least two of different rates."""

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        """points: (rate > 0, PSNR in dB) in any order; points of infinite or no PSNR are left out."""
        best: dict[float, float] = {}
        for rate, quality in points:
            if rate > 0 and math.isfinite(rate) and math.isfinite(quality):
                best[rate] = max(quality, best.get(rate, -math.inf))
        if len(best) < 2:
            raise ValueError(f"a curve needs two points of different rates, there are {len(best)}")
        self.rate = np.array(sorted(best))
        self.quality = np.array([best[r] for r in self.rate])

    def quality_at(self, rate: np.ndarray) -> np.ndarray:
        """PSNR at `rate` (any shape); NaN beyond the curve's ends."""
        return self._by_rate(np.log2(rate))

    def log_rate_at(self, quality: np.ndarray) -> np.ndarray:
        """log2 of the rate that reaches `quality` in dB; NaN beyond the curve's ends.

        Points that cost more than another and are no better are left out: nobody would use them.
        """
        by_quality = self._by_quality
        return by_quality(np.asarray(quality, float)) if by_quality else np.full(np.shape(quality), np.nan)

    @cached_property
    def _by_rate(self) -> Callable[[np.ndarray], np.ndarray]:
        return _interpolant(np.log2(self.rate), self.quality, TOLERANCE)

    @cached_property
    def _by_quality(self) -> Callable[[np.ndarray], np.ndarray] | None:
        front = self.quality > np.maximum.accumulate(np.append(-np.inf, self.quality[:-1]))
        return _interpolant(self.quality[front], np.log2(self.rate[front]), 0.0) if front.sum() >= 2 else None


def best_quality(curves: Sequence[Curve], rate: np.ndarray) -> np.ndarray:
    """The highest PSNR that any of the curves has at `rate`; NaN where none reaches."""
    return np.fmax.reduce([curve.quality_at(rate) for curve in curves])


def gain(curve: Curve, peers: Sequence[Curve], low: float, high: float) -> Mean:
    """BD-PSNR: dB over the best of `peers` at equal rate, averaged over log rate from `low` to `high`."""
    if not 0 < low < high:
        raise ValueError(f"the range of rates {low} to {high} is empty")
    rate = 2 ** (math.log2(low) + _places() * math.log2(high / low))
    own, best = curve.quality_at(rate), best_quality(peers, rate)
    there = np.isfinite(own) & np.isfinite(best)
    if there.sum() < 2:
        return Mean(math.nan, 0.0)
    found = _package().bd_psnr(rate[there], best[there], rate[there], own[there], **_HOW)
    return Mean(float(found), _coverage(there))


def saving(curve: Curve, peers: Sequence[Curve], low: float, high: float) -> Mean:
    """BD-rate between the PSNRs `low` and `high` in dB: -0.25 means a quarter fewer bytes than the best of `peers`."""
    if not low < high:
        raise ValueError(f"the range of PSNR {low} to {high} is empty")
    quality = low + _places() * (high - low)
    own, best = curve.log_rate_at(quality), np.fmin.reduce([p.log_rate_at(quality) for p in peers])
    there = np.isfinite(own) & np.isfinite(best)
    if there.sum() < 2:
        return Mean(math.nan, 0.0)
    found = _package().bd_rate(2 ** best[there], quality[there], 2 ** own[there], quality[there], **_HOW)
    return Mean(float(found) / 100, _coverage(there))


def common_quality(curve: Curve, peers: Sequence[Curve]) -> tuple[float, float] | None:
    """The range of PSNR that `curve` and at least one peer's ends share, or None."""
    low = max(curve.quality[0], min(p.quality[0] for p in peers))
    high = min(curve.quality.max(), max(p.quality.max() for p in peers))
    return (float(low), float(high)) if low < high else None


def _places() -> np.ndarray:
    """Where a range is looked at, 0 to 1, the ends included."""
    return np.linspace(0, 1, SAMPLES + 1)


def _coverage(there: np.ndarray) -> float:
    """Share of the intervals between `_places` that both curves have."""
    return float((there[1:] & there[:-1]).mean())


def _package() -> Any:
    """The package; loaded late, as it brings matplotlib along and only the `bench` extra installs it."""
    import bjontegaard

    return bjontegaard


def _interpolant(x: np.ndarray, y: np.ndarray, tolerance: float) -> Callable[[np.ndarray], np.ndarray]:
    """PCHIP through (x, y), x rising; linear for up to `tolerance` past the ends, NaN beyond."""
    cubic = PchipInterpolator(x, y)
    slope = cubic.derivative()

    def value(at: np.ndarray) -> np.ndarray:
        inside = np.clip(at, x[0], x[-1])
        past = at - inside
        return np.where(np.abs(past) <= tolerance, cubic(inside) + past * slope(inside), np.nan)

    return value
