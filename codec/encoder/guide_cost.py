"""What a picture costs with a guide, to compare guides by.

With a step: bytes at that step, the error's worth included. With a size: the error at about that size, since a guide of
many bytes and a coarse step stand against one of few and a fine one, and at one step of these either looks better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..mosaic.companding import LOSSLESS
from . import rate
from .fit.samples import Fit
from .job import Candidate, Job

NEAR = 0.12
"""Share of the size within which a step is near enough; what is missing is counted in."""

MOST_FIXED = 0.9
"""Share of a size that header, recipe and guide may take."""


@dataclass(frozen=True)
class Cost:
    """step: at which it was found; value: less is better."""

    step: int
    value: float


class Scale:
    """Weighs jobs. size: bytes that are wanted; step: what is to be coded, where that is known instead."""

    def __init__(self, size: int | None, step: int | None) -> None:
        self.size, self.step = size, step
        self._start = rate.MIDDLE

    def cost(self, job: Job) -> Cost:
        """What a job costs, by the sample windows and by how much busier all of the picture is."""
        plain = job.plain()
        if self.step is not None:
            fitted = plain.fit(self.step, quick=True)
            return Cost(self.step, plain.cost(fitted) + (_busier(plain, fitted) - 1) * fitted.cost * job.sites / 8)
        assert self.size is not None
        if plain.fixed > MOST_FIXED * self.size:
            return Cost(self._start, math.inf)
        return self._at_size(plain, self.size * rate.AIM)

    def _at_size(self, plain: Candidate, size: float) -> Cost:
        """The error at a size, in bits' worth at a step of one level."""
        sites, errors = plain.job.sites, {}
        busier, better = 0.0, None

        def estimate(step: int) -> float:
            nonlocal busier, better
            fitted = plain.fit(step, quick=True, only=better)
            if busier:
                bits = fitted.bits  # as those of all of the picture, since it was surveyed
            else:
                busier = _busier(plain, fitted)
                bits = fitted.bits * busier
            better, errors[step] = fitted.better, max(fitted.cost * busier - bits, 1e-6)
            return plain.fixed + sum(len(p.to_bytes()) for p in fitted.params.values()) + bits * sites / 8

        step, curve = rate.search_estimate(estimate, size, self._start, enough=NEAR)
        self._start = step
        left = (size - 2 ** curve.points[step]) * 8 / sites
        return Cost(step, errors[step] * math.exp(-left / errors[step]) * 2.0 ** (step / 128))


def _busier(plain: Candidate, fitted: Fit) -> float:
    """How many times the sample windows' bits a site all of the picture takes; later fits know it."""
    if fitted.step == LOSSLESS or not fitted.bits:
        return 1.0
    return plain.survey(fitted.bits, fitted).bits / fitted.bits
