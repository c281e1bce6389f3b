"""Hitting a rate: from a target in bytes, bpp or quality to the quantisation step.

Bytes fall smoothly with the step, so the search is a secant in (step, log bytes): first on the sample windows' estimates, then
on real encodings, until the file is within `TOLERANCE` below its target.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

FINEST, COARSEST = 0, 5119
TOLERANCE = 0.97
AIM = 0.988
MAX_CODINGS = 8


def step_of_quality(quality: float) -> int:
    """Step index of a quality 0..100: 0 is about 0.02 bpp, 60 about 0.5, 100 about one code value of 14 bits."""
    return round(4400 - quality / 100 * (4400 - 1540))


@dataclass
class Curve:
    """Known points (step, bytes), and the step where the bytes should be met."""

    points: list[tuple[int, float]] = field(default_factory=list)

    def add(self, step: int, size: float) -> None:
        self.points = [(s, b) for s, b in self.points if s != step] + [(step, max(size, 1.0))]
        self.points.sort()

    def solve(self, target: float) -> int:
        """The step that should give `target` bytes: interpolated in log bytes, or extrapolated within bounds."""
        goal = math.log2(target)
        logs = [(s, math.log2(b)) for s, b in self.points]
        if len(logs) == 1:
            step = logs[0][0] + (logs[0][1] - goal) * 200
        else:
            near = sorted(logs, key=lambda p: abs(p[1] - goal))
            below = [p for p in near if p[1] <= goal]
            above = [p for p in near if p[1] > goal]
            a, b = (below[0], above[0]) if below and above else near[:2]
            slope = (b[1] - a[1]) / (b[0] - a[0]) if b[0] != a[0] else -0.004
            slope = min(slope, -0.0012)
            step = a[0] + (goal - a[1]) / slope
            step = min(max(step, logs[0][0] - 600), logs[-1][0] + 600)
        return int(min(max(round(step), FINEST), COARSEST))


def search_estimate(estimate: Callable[[int], float], target: float, start: int, rounds: int = 5) -> tuple[int, Curve]:
    """A step whose estimated bytes are within a few percent of the target, and the curve seen."""
    curve, step = Curve(), start
    for _ in range(rounds):
        size = estimate(step)
        curve.add(step, size)
        if 0.93 < size / target < 1.07:
            break
        following = curve.solve(target)
        if following == step:
            break
        step = following
    return step, curve
