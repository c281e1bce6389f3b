"""Coding a picture to a size: which steps to fit and code at, and the last percent.

::

    quick fits at some steps --curve of estimated bytes--> step; the recipe for it; one careful fit there
    all tiles coded --bytes--> within the tolerance?  done
                               a few percent off?     some tiles again, bits dearer or cheaper there (`rate.Trim`)
                               else                   all tiles again at the step that should do (`rate.Search`)
"""

from __future__ import annotations

from collections.abc import Callable

from ...bitstream.errors import InputError, UsageError
from ..decoder.stream import Stream
from ..mosaic.companding import LOSSLESS
from . import rate
from .choose_recipe import choose_recipe
from .fit.samples import Coded, Fit
from .job import Candidate, Found
from .stream_writer import stream_bytes

GROSS, WASTE, MAX_ATTEMPTS = 256, 1.25, 3
"""Parameters that were fitted an octave from the step of what is coded cost some dB (in tiny pictures, where coarse
ones are the smaller, they may pay): the search begins anew from a fit at its end, and the least error of these attempts
is taken, unless it has so many times the bytes that a fit there promises."""

LOSSLESS_BPP, HOPE = 2.0, 1.15
"""Sizes from here on are tried without loss first, where the plain recipe seems to need no more than this times as many
bytes."""


def code_without_loss(plain: Candidate, size: int) -> Found | None:
    """Lossless coding, where the JPEG grows by no more than `size` bytes by it: more could not be had for them."""
    job = plain.job
    if size * 8 < LOSSLESS_BPP * job.sites:
        return None
    quick = plain.fit(LOSSLESS, quick=True)
    if quick.bits * job.sites / 8 > HOPE * size:
        return None
    candidate, fitted = choose_recipe(plain, LOSSLESS, quick)
    if fitted.bits * job.sites / 8 > size:
        return None
    found = candidate.code(fitted, LOSSLESS)
    return found if job.growth(stream_bytes(found.stream)) <= size else None


def code_to_size(plain: Candidate, size: int) -> Found:
    """Code so that the JPEG grows by at most `size` bytes and at least `rate.TOLERANCE` of it.

    Raises `UsageError` where no step gives so few bytes.
    """
    check_room(plain, size)
    candidate, fitted, transforms, search = _approach(plain, size)
    best: tuple[float, float, Found] | None = None
    for _ in range(MAX_ATTEMPTS):
        stream, coded, fitted = _code(candidate, size, fitted, transforms, search)
        found = candidate.found(stream, coded)
        if abs(coded.step - fitted.step) <= GROSS and best is None:
            return found
        # The search ran away: what is fitted elsewhere costs bits or error here. Anew from where it ended.
        again = candidate.fit(coded.step)
        transforms, bits = candidate.trial(again.step, again)
        needed = _bytes(candidate, again, (bits + again.bits) / 2)
        one = candidate.error(coded), candidate.job.growth(stream_bytes(stream)) / needed, found
        best = min(best or one, one, key=lambda attempt: attempt[0])
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
    return best[2]


def _bytes(candidate: Candidate, fitted: Fit, bits: float) -> float:
    """Bytes that the JPEG should grow by at so many bits a site."""
    return candidate.fixed + sum(len(p.to_bytes()) for p in fitted.params.values()) + bits * candidate.job.sites / 8


def check_room(candidate: Candidate, size: int) -> None:
    """UsageError where the JPEG would grow by more than `size` bytes before anything is coded."""
    if candidate.fixed > size:
        needed = f"the header and the recipe alone need {candidate.fixed} bytes"
        raise UsageError(f"{needed}, more than the target of {size}")


def _code(
    candidate: Candidate, size: int, fitted: Fit, transforms: list[int], search: rate.Search
) -> tuple[Stream, Coded, Fit]:
    """Code at the steps that the search says; the largest that fits into `size`, and the parameters that it has."""
    best: tuple[int, Stream, Coded, Fit] | None = None
    grown = 0

    def take(coded: Coded) -> int:
        nonlocal best
        stream = candidate.stream(fitted, coded)
        found = candidate.job.growth(stream_bytes(stream))
        if found <= size and (best is None or found > best[0]):
            best = found, stream, coded, fitted
        return found

    for _ in range(rate.MAX_CODINGS):
        if search.far(fitted.step):
            fitted = candidate.fit(search.step)
            # Anew, since at other bits a site tiles may be of another side.
            transforms, _ = candidate.trial(search.step, fitted)
            search.forget()
        coded = candidate.encode(fitted, search.step, search.price, transforms)
        grown = take(coded)
        if search.within(grown) or _trimmed(candidate, fitted, coded, grown, size, search, take) or search.add(grown):
            break
    if best is None:
        raise UsageError(f"no step gives a stream of at most {size} bytes; the smallest seen has {grown}")
    return best[1:]


def _approach(plain: Candidate, size: int) -> tuple[Candidate, Fit, list[int], rate.Search]:
    """The best candidate near the step that should do, with a fit there; transforms; a search that begins at that
    step."""
    goal = size * rate.AIM
    fits: dict[int, Fit] = {}
    better: int | None = None

    def estimate(step: int) -> float:
        nonlocal better
        fitted = fits[step] = plain.fit(step, quick=True, only=better)
        better = fitted.better
        return _bytes(plain, fitted, fitted.bits)

    def following(fitted: Fit, bits: float) -> int:
        curve = rate.Curve({}, slope)
        curve.add(fitted.step, _bytes(candidate, fitted, bits))
        return curve.solve(goal)

    job = plain.job
    wanted = max(goal - plain.fixed, 1.0) * 8 / job.sites
    start, slope = job.recipes.likely_step(wanted, job.header.step_exponent, rate.FINEST, rate.COARSEST)
    slope = min(max(slope, rate.STEEPEST), rate.FLATTEST)
    step, curve = rate.search_estimate(estimate, goal, start, enough=0.2, slope=slope)
    slope = curve.slope(step)
    candidate, settled = choose_recipe(plain, step, fits[step], size / 4, careful=False)
    settled = candidate.survey(size * 8 / plain.job.sites, settled)
    fitted = candidate.fit(following(settled, settled.bits))
    transforms, bits = candidate.trial(fitted.step, fitted)
    return candidate, fitted, transforms, rate.Search(size, slope, following(fitted, (bits + fitted.bits) / 2))


def _trimmed(
    candidate: Candidate,
    fitted: Fit,
    coded: Coded,
    grown: int,
    size: int,
    search: rate.Search,
    take: Callable[[Coded], int],
) -> bool:
    """Try to meet the size by coding some tiles again; whether that is done."""
    trim = rate.Trim(coded.sizes(), candidate.job.sites / len(coded.transforms))
    for _ in range(rate.MAX_TRIMS):
        plan = trim.plan(grown - size * rate.AIM)
        if plan is None:
            return False
        coded = candidate.encode(fitted, search.step, search.price * plan.price, coded.transforms, coded, plan.tiles)
        grown = take(coded)
        if search.within(grown):
            return True
        trim.learn(plan, coded.sizes())
    return False
