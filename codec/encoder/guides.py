"""Which guide a picture gets: the JPEG, in some blocks or everywhere a rendering of our own; whichever costs least.

::

    a job with the JPEG --costs by block, from some rows--> it helps wherever there is something?   it stays
        else: renderings of our own for everywhere, at a few qualities --quick fits--> the cheapest
              the JPEG, and that rendering where a block is cheaper with it      --'

Costs are compared at one step, as everywhere: bytes, and the error's worth in bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...bitstream.raw_image import RawImage
from ..mosaic.companding import LOSSLESS
from ..recipe.gate import Blocks, Gate
from . import rate
from .fit.trust import SIDE, Costs, costs
from .job import Job
from .own_guide import Look, as_jpeg, flattened, rendering
from .size import START

LOOKS = (Look(1, 50), Look(1, 25), Look(2, 30), Look(3, 30))
"""From many bytes to few; one that does worse than the one before ends it."""

USUAL = LOOKS[2]
"""The one by which the step is found."""

DOUBT = 0.02
"""Share of the bits without a guide from which on places where the JPEG doesn't help are looked into."""

HELPS, HARMS, MARGIN = 0.97, 1.03, 2e-3
"""A JPEG that helps saves so much where there is structure; one that harms costs so much more, and bits a site."""

FINEST, COARSEST = 2400, 3600
"""Steps at which the costs of blocks say something: neither noise alone nor nothing."""

GAIN = 0.97
"""A block of our own is to cost at most so many times what the JPEG's does."""

WORTH = 0.995
"""Another guide is to cost at most so many times what the JPEG alone does."""

ROUNDS = 2
"""Of finding blocks: without the bad ones the recipe is another, and others are bad."""

Make = Callable[[Gate | None], Job]


@dataclass(frozen=True, eq=False)
class _Own:
    """A rendering, uint8 (rows, columns, 3); how it is made; the job that it guides; what that costs."""

    picture: np.ndarray
    look: Look
    job: Job
    cost: float


class Chooser:
    """Finds a picture's guide.

    make: the job of the picture with a gate or none; size: bytes that are wanted; step: what is to be coded, where that
    is known instead.
    """

    def __init__(self, make: Make, raw: RawImage, size: int | None, step: int | None) -> None:
        self._make, self._raw, self._size, self._step = make, raw, size, step
        self._pictures: dict[int, np.ndarray] = {}

    def choose(self, trusting: bool = True) -> Job:
        """The cheapest job; trusting: False where the JPEG is not to be asked at all."""
        if not trusting:
            return self._own([]).job
        jpeg = self._make(None)
        if doubtful_share(jpeg) < DOUBT:
            return jpeg
        own = self._own([jpeg])
        first = self._cost(jpeg)
        found = [(WORTH * first, jpeg), (own.cost, own.job)]
        blocks = self._in_blocks(jpeg, own)
        if blocks:
            found.append((self._cost(blocks), blocks))
        return min(found, key=lambda one: one[0])[1]

    def _own(self, others: list[Job]) -> _Own:
        """Our own rendering everywhere; others: jobs that the step is to be fine enough for."""
        usual = self._make(self._gate(USUAL))
        if self._step is None:
            self._step = min(self._step_for(job) for job in [usual, *others])
        best: _Own | None = None
        for look in LOOKS:
            job = usual if look is USUAL else self._make(self._gate(look))
            cost = self._cost(job)
            if best and cost >= best.cost:
                break
            best = _Own(self._picture(look), look, job, cost)
        assert best is not None
        return best

    def _in_blocks(self, jpeg: Job, own: _Own) -> Job | None:
        """The JPEG, and our own rendering in blocks where that is cheaper; None where these are none or all."""
        job, before = jpeg, np.zeros(0, np.bool_)
        for _ in range(ROUNDS):
            mine = self._cheaper(job, own)
            if not mine.any() or mine.all() or np.array_equal(mine, before):
                break
            before = mine
            picture = as_jpeg(flattened(own.picture, _pixels(mine, own)), own.look.quality)
            job = self._make(Gate(own.look.scale, picture, Blocks(SIDE, mine, own.job.recipes.plain)))
        return None if job is jpeg else job

    def _cheaper(self, job: Job, own: _Own) -> np.ndarray:
        """Blocks that are cheaper with our own guide than with the JPEG and its recipe, bool."""
        assert self._step is not None and own.job.gate is not None
        guides = [
            (job.picture.side_info.of_jpeg, job.recipes.plain),
            (own.job.picture.side_info, own.job.recipes.plain),
        ]
        theirs, ours, without = costs(job.picture, guides, min(max(self._step, FINEST), COARSEST))
        bits = 8 * len(own.job.gate.picture) * without.bits / max(without.bits.sum(), 1.0)
        return np.asarray(ours.bits + bits < GAIN * theirs.bits)

    def _step_for(self, job: Job) -> int:
        """The step at which a job has about the size that is wanted."""
        assert self._size is not None
        plain, better = job.plain(), None

        def estimate(step: int) -> float:
            nonlocal better
            fitted = plain.fit(step, quick=True, only=better)
            better = fitted.better
            return plain.fixed + sum(len(p.to_bytes()) for p in fitted.params.values()) + fitted.bits * job.sites / 8

        return rate.search_estimate(estimate, self._size * rate.AIM, START, enough=0.2)[0]

    def _cost(self, job: Job) -> float:
        """What a job costs: what the sample windows say, as much more as all of the picture is busier than they are."""
        assert self._step is not None
        plain = job.plain()
        fitted = plain.fit(self._step, quick=True)
        cost = plain.cost(fitted)
        if self._step == LOSSLESS or not fitted.bits:
            return cost
        more = plain.survey(fitted.bits, fitted).bits / fitted.bits - 1
        return cost + more * fitted.cost * job.sites / 8

    def _gate(self, look: Look) -> Gate:
        return Gate(look.scale, as_jpeg(self._picture(look), look.quality))

    def _picture(self, look: Look) -> np.ndarray:
        if look.scale not in self._pictures:
            self._pictures[look.scale] = rendering(self._raw, look.scale)
        return self._pictures[look.scale]


def doubtful_share(job: Job) -> float:
    """Share of the bits without a guide that lie where the JPEG doesn't help though there is structure, or harms."""
    theirs, without = costs(job.picture, [(job.picture.side_info, job.recipes.plain)], COARSEST)
    return float(without.bits[doubtful(theirs, without)].sum() / max(without.bits.sum(), 1.0))


def doubtful(theirs: Costs, without: Costs) -> np.ndarray:
    """Blocks where a guide doesn't help though there is structure, or harms, bool."""
    helpless = without.structured & (theirs.bits > HELPS * without.bits)
    return np.asarray(helpless | (theirs.bits > HARMS * without.bits + MARGIN * 4 * SIDE * SIDE))


def _pixels(mine: np.ndarray, own: _Own) -> np.ndarray:
    """Pixels of a rendering that lie in blocks or are seen from there, bool (rows, columns)."""
    side, (rows, cols) = SIDE >> (own.look.scale - 1), own.picture.shape[:2]
    out = np.zeros((rows, cols), np.bool_)
    for r, c in np.argwhere(mine):
        out[max(r * side - 2, 0) : (r + 1) * side + 2, max(c * side - 2, 0) : (c + 1) * side + 2] = True
    return out
