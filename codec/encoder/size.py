"""Coding a picture to a size: which steps to fit and code at, and the last percent.

::

    quick fits at some steps --curve of estimated bytes--> step; the recipe for it; one careful fit there
    all tiles coded --bytes--> within the tolerance?  done
                               a few percent off?     some tiles again, bits dearer or cheaper there (`rate.Trim`)
                               else                   all tiles again at the step that should do (`rate.Search`)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ...bitstream.errors import InputError, UsageError
from ..decoder.stream import Stream
from . import rate
from .fit.samples import Coded, Fit
from .stream_writer import stream_bytes

START = 3300

GROSS, WASTE, MAX_ATTEMPTS = 256, 1.25, 3
"""Parameters that were fitted an octave from the step of what is coded cost some dB (in tiny pictures, where coarse
ones are the smaller, they may pay): the search begins anew from a fit at its end, and the least error of these
attempts is
taken, unless it has so many times the bytes that a fit there promises."""


class Job(Protocol):
    """What this asks of the encoder of one picture."""

    sites: int
    growth: Callable[[int], int]
    """Bytes that the JPEG grows by for a payload of so many."""

    def fit(self, step: int, quick: bool = False) -> Fit:
        """Parameters of the stages at a step."""

    def settle(self, step: int, fitted: Fit | None, room: float, careful: bool) -> Fit:
        """Choose the recipe that costs least at a step; parameters for it."""

    def survey(self, bits: float, fitted: Fit) -> Fit:
        """See that fits tell the whole picture's bits, as this one then does; bits: wanted, a site."""

    def trial(self, step: int, fitted: Fit) -> tuple[list[int], float]:
        """Basis of each tile, and bits a site, from pieces of all tiles."""

    def fixed(self) -> int:
        """Bytes that the JPEG grows by for header and recipe alone."""

    def encode(
        self,
        fitted: Fit,
        step: int,
        thrift: float,
        bases: list[int],
        before: Coded | None = None,
        again: Sequence[int] = (),
    ) -> Coded:
        """All tiles coded; or of those coded before, some again."""

    def stream(self, fitted: Fit, coded: Coded) -> Stream:
        """The stream of coded tiles."""

    def error(self, coded: Coded) -> float:
        """Mean squared error of what is coded, as it is tuned for."""


def code_to_size(job: Job, size: int) -> tuple[Stream, Coded]:
    """Code so that the JPEG grows by at most `size` bytes and at least `rate.TOLERANCE` of it.

    Raises `UsageError` where no step gives so few bytes.
    """
    if job.fixed() > size:
        raise UsageError(f"the header and the recipe alone need {job.fixed()} bytes, more than the target of {size}")
    fitted, bases, search = _approach(job, size)
    best: tuple[float, float, Stream, Coded] | None = None
    for _ in range(MAX_ATTEMPTS):
        stream, coded, fitted = _code(job, size, fitted, bases, search)
        if abs(coded.step - fitted.step) <= GROSS and best is None:
            return stream, coded
        # The search ran away: what is fitted elsewhere costs bits or error here. Anew from where it ended.
        again = job.fit(coded.step)
        bases, bits = job.trial(again.step, again)
        needed = _bytes(job, again, (bits + again.bits) / 2)
        found = job.error(coded), job.growth(len(stream_bytes(stream))) / needed, stream, coded
        best = min(best or found, found, key=lambda one: one[0])
        if abs(coded.step - fitted.step) <= GROSS:
            break
        curve = rate.Curve({}, search.slope)
        curve.add(again.step, needed)
        fitted, search = again, rate.Search(size, search.slope, curve.solve(size * rate.AIM))
    assert best is not None
    if best[1] > WASTE:
        raise InputError(
            f"the search for {size} bytes takes {best[1]:.1f} times as many as its step should: "
            "ask for another rate or a quality, and please report this picture"
        )
    return best[2], best[3]


def _bytes(job: Job, fitted: Fit, bits: float) -> float:
    """Bytes that the JPEG should grow by at so many bits a site."""
    return job.fixed() + sum(len(p.to_bytes()) for p in fitted.params.values()) + bits * job.sites / 8


def _code(job: Job, size: int, fitted: Fit, bases: list[int], search: rate.Search) -> tuple[Stream, Coded, Fit]:
    """Code at the steps that the search says; the largest that fits into `size`, and the parameters that it has."""
    best: tuple[int, Stream, Coded, Fit] | None = None
    grown = 0

    def take(coded: Coded) -> int:
        nonlocal best
        stream = job.stream(fitted, coded)
        found = job.growth(len(stream_bytes(stream)))
        if found <= size and (best is None or found > best[0]):
            best = found, stream, coded, fitted
        return found

    for _ in range(rate.MAX_CODINGS):
        if search.far(fitted.step):
            fitted = job.fit(search.step)
            # Anew, since at other bits a site tiles may be of another side.
            bases, _ = job.trial(search.step, fitted)
            search.forget()
        coded = job.encode(fitted, search.step, search.thrift, bases)
        grown = take(coded)
        if search.within(grown) or _trimmed(job, fitted, coded, grown, size, search, take) or search.add(grown):
            break
    if best is None:
        raise UsageError(f"no step gives a stream of at most {size} bytes; the smallest seen has {grown}")
    return best[1:]


def _approach(job: Job, size: int) -> tuple[Fit, list[int], rate.Search]:
    """A fit near the step that should do, with the best recipe there; bases; a search that begins at that step."""
    goal = size * rate.AIM
    fits: dict[int, Fit] = {}

    def estimate(step: int) -> float:
        fits[step] = job.fit(step, quick=True)
        return _bytes(job, fits[step], fits[step].bits)

    def following(fitted: Fit, bits: float) -> int:
        curve = rate.Curve({}, slope)
        curve.add(fitted.step, _bytes(job, fitted, bits))
        return curve.solve(goal)

    step, curve = rate.search_estimate(estimate, goal, START, enough=0.2)
    slope = curve.slope(step)
    settled = job.settle(step, fits[step], size / 4, careful=False)
    settled = job.survey(size * 8 / job.sites, settled)
    fitted = job.fit(following(settled, settled.bits))
    bases, bits = job.trial(fitted.step, fitted)
    return fitted, bases, rate.Search(size, slope, following(fitted, (bits + fitted.bits) / 2))


def _trimmed(
    job: Job, fitted: Fit, coded: Coded, grown: int, size: int, search: rate.Search, take: Callable[[Coded], int]
) -> bool:
    """Try to meet the size by coding some tiles again; whether that is done."""
    trim = rate.Trim(coded.sizes(), job.sites / len(coded.bases))
    for _ in range(rate.MAX_TRIMS):
        plan = trim.plan(grown - size * rate.AIM)
        if plan is None:
            return False
        coded = job.encode(fitted, search.step, search.thrift * plan.thrift, coded.bases, coded, plan.tiles)
        grown = take(coded)
        if search.within(grown):
            return True
        trim.learn(plan, coded.sizes())
    return False
