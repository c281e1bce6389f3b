"""Which guide a picture gets: the JPEG, in some blocks or everywhere a rendering of our own; whichever costs least.

::

    a job with the JPEG --costs by block, from some rows--> it helps wherever there is something?   it stays
        else: other places of it, if any were found --the same--> the one that helps most
              renderings of our own for everywhere, at a few qualities --quick fits--> the cheapest
              the JPEG, and that rendering where a block is cheaper with it      --'

What costs mean is in `codec.encoder.guide_cost`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...bitstream.raw_image import RawImage
from ..recipe.gate import Blocks, Gate
from .fit.trust import SIDE, Costs, costs
from .guide_cost import Cost, Scale
from .job import Job
from .own_guide import Look, as_jpeg, flattened, rendering

LOOKS = (Look(1, 50), Look(1, 25), Look(2, 30), Look(3, 30))
"""From many bytes to few; one that does worse than the one before ends it."""

LEAST_CELLS = 2 * SIDE
"""Rows and columns of cells from which on a JPEG is doubted at all."""

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

FEW = 1 << 20
"""Sites up to which a size is coded with each guide."""

ROUNDS = 3
"""Of finding blocks: without the bad ones the recipe is another, and others are bad. In the first one at least half of
them stay the JPEG's: where much of it shows something else, its recipe fits nowhere, and all would seem bad."""

Make = Callable[[Gate | None], Job]


@dataclass(frozen=True, eq=False)
class _Own:
    """A rendering, uint8 (rows, columns, 3); how it is made; the job that it guides; what that costs."""

    picture: np.ndarray
    look: Look
    job: Job
    cost: Cost


class Chooser:
    """Finds a picture's guide.

    makes: the job of the picture with a gate or none, for each place where the JPEG may lie, the likeliest first;
    alone: with a gate that leaves nothing to the JPEG, wherever that lies; size: bytes that are wanted; step: what is
    to be coded, where that is known instead.
    """

    def __init__(
        self, makes: Sequence[Make], alone: Make, raw: RawImage, size: int | None, step: int | None
    ) -> None:
        self._make, self._others, self._alone = makes[0], makes[1:], alone
        self._raw, self._scale = raw, Scale(size, step)
        self._pictures: dict[int, np.ndarray] = {}

    def choose(self, guide: str = "auto") -> list[Job]:
        """Jobs by what they cost by the sample windows, the cheapest first; guide: as in `EncodeOptions`.

        Others than the first only for a size in a picture of few sites: windows say too little of it to go by.
        """
        if guide == "none":
            return [self._own().job]
        jpeg = self._make(None)
        if guide == "jpeg" or min(jpeg.picture.layout.cells) < LEAST_CELLS or doubtful_share(jpeg) < DOUBT:
            return [jpeg]
        jpeg = self._placed(jpeg)
        own, first = self._own(), self._scale.cost(jpeg)
        found = [(WORTH * first.value, jpeg), (own.cost.value, own.job)]
        blocks = self._in_blocks(jpeg, own, min(first.step, own.cost.step))
        if blocks:
            found.append((self._scale.cost(blocks).value, blocks))
        found.sort(key=lambda one: one[0])
        few = self._scale.size is not None and jpeg.sites <= FEW
        return [job for n, (cost, job) in enumerate(found) if n == 0 or (few and math.isfinite(cost))]

    def _placed(self, jpeg: Job) -> Job:
        """The job with the JPEG where it helps most; jpeg: the one where it should lie."""
        best = jpeg, bits_with(jpeg)
        for make in self._others:
            job = make(None)
            bits = bits_with(job)
            if bits < GAIN * best[1]:
                best, self._make = (job, bits), make
        return best[0]

    def _own(self) -> _Own:
        """Our own rendering everywhere."""
        best: _Own | None = None
        for look in LOOKS:
            job = self._alone(Gate(look.scale, as_jpeg(self._picture(look), look.quality)))
            cost = self._scale.cost(job)
            if best is None or cost.value < best.cost.value:
                best = _Own(self._picture(look), look, job, cost)
            elif math.isfinite(cost.value):
                break
        assert best is not None
        return best

    def _in_blocks(self, jpeg: Job, own: _Own, step: int) -> Job | None:
        """The JPEG, and our own rendering in blocks where that is cheaper at a step; None where these are none or all.
        """
        job, before = jpeg, np.zeros(0, np.bool_)
        for number in range(ROUNDS):
            dearer = _dearer(job, own, step)
            mine = dearer > max(1.0, float(np.median(dearer)) if number == 0 else 1.0)
            if not mine.any() or mine.all() or np.array_equal(mine, before):
                break
            before = mine
            picture = as_jpeg(flattened(own.picture, _pixels(mine, own)), own.look.quality)
            job = self._make(Gate(own.look.scale, picture, Blocks(SIDE, mine, own.job.recipes.plain)))
        return None if job is jpeg else job

    def _picture(self, look: Look) -> np.ndarray:
        if look.scale not in self._pictures:
            self._pictures[look.scale] = rendering(self._raw, look.scale)
        return self._pictures[look.scale]


def _dearer(job: Job, own: _Own, step: int) -> np.ndarray:
    """How many times dearer blocks are with the JPEG and its recipe than with our own guide, less what has to be
    gained: above 1 our own is cheaper."""
    assert own.job.gate is not None
    with_jpeg = job.picture.side_info.of_jpeg, job.recipes.plain
    with_ours = own.job.picture.side_info, own.job.recipes.plain
    theirs, ours, without = costs(job.picture, [with_jpeg, with_ours], min(max(step, FINEST), COARSEST))
    bits = 8 * len(own.job.gate.picture) * without.bits / max(without.bits.sum(), 1.0)
    return np.asarray(GAIN * theirs.bits / np.maximum(ours.bits + bits, 1e-9))


def bits_with(job: Job) -> float:
    """About the bits of a picture whose JPEG is used where it helps."""
    theirs, without = costs(job.picture, [(job.picture.side_info, job.recipes.plain)], COARSEST)
    return float(np.minimum(theirs.bits, without.bits).sum())


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
