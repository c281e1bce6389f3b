"""Where a JPEG lies over a mosaic, found from the two pictures by the encoder.

::

    expected places --------------------------.
    thumbnails without tones, all shifts -----+--each refined by blocks, coarse to fine--> candidates
    features with RANSAC (`features.py`) -----'        (`register.py`, `robust_fit.py`)        |
                                                                                               v
    the simplest geometry that does, red and blue
    apart (`settle.py`, `chromatic.py`)  <-----------bits by which the JPEG tells the mosaic's detail (`fit_check.py`)

Where an expected place is clearly the right one, nothing else is tried. File metadata (the RAW's orientation, the
JPEG's EXIF) only say what is expected: programs differ in what they honour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import InputError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.profile import timed
from ..guide.geometry import POSITION_BITS, Geometry
from .chromatic import apart
from .fit_check import Patches
from .report import describe
from .search import Candidate, Search
from .settle import settle

SURE_SCORE, SURE_AGREE, SURE_GAIN = 0.3, 0.5, 0.03
"""What makes a place sure: correlation of the tone-free pictures, share of the blocks that agree, bits a site that the
JPEG tells. Of 150 simulated pairs of ISO 100 to 12,800, under all denoisers, the least were 0.45, 0.86 and 0.15; the
most of 28 unlike pairs 0.26, 0.14 and 0.10."""

LEAST_SCORE, LEAST_AGREE, LEAST_WORTH = 0.2, 0.25, 0.06
"""What a doubtful place must have: the first two, or so many bits a site of all of the mosaic."""

RIVAL = 0.9
"""Share of the best place's worth from which another one makes it doubtful."""

LITTLE_DETAIL = 0.35
"""Correlation of the tone-free thumbnails of both green planes, whose noise is not the same, below which there is next
to nothing to align by."""

OVEREXPOSED = 0.1
"""Share of a JPEG that is white from which the mosaic is compared with as much of it white."""

FULL_SIZE = 0.02
"""Share by which a JPEG's sides may differ from the mosaic's for `_by_regression`."""

LEAST_SIDE = 128
"""Side of a mosaic below which a regression fits anything."""

TOLD_OFF, TOLD_UNSURE, ALL_SHOWN, RUNNERS_UP = 0.2, 0.4, 0.995, 3
"""Pixels out of register, and of uncertainty, from which the message says so; share of the mosaic that is all of it;
other places kept."""

COSTLY_OFF, LEAST_COST = 0.5, 1e-4
"""Pixels out of register from which, and bytes a site from which, the message says what it costs. By the detail that
the JPEG tells where it lies right, with `fit_check`'s small regression: about that at quality 60, twice that without
loss, less where there are fewer bits."""

NOTHING_SHOWN, MOST_STRETCHED, LEAST_SHOWN = 0.98, 2.0, 64
"""Share of a JPEG that is white or black from which it may be of anything; how much of another form it may be then, and
its least side."""

CLEAR_FIT = 3.0
"""dB by which the true orientation must fit better than any other there: unlike pairs of 70 simulated shots reach 1.7,
true ones have at least 4.6."""

BETTER_THAN_NONE = 1.0
"""dB by which that must explain the mosaic better than no JPEG does."""


@dataclass(frozen=True)
class Alignment:
    """What was found.

    score: correlation 0..1 of the tone-free pictures under the geometry. fit: dB of a small regression of the mosaic
    from the JPEG. gain: bits a site by which the JPEG tells the detail of what it covers. covered: share of the mosaic
    that it shows. doubtful: whether another place, or none, may be as good. runners_up: other places that were found,
    the better ones first. error: how far its places may be off, rms, px of the coarser picture: what is known to be
    left, and what is uncertain; None where that was not measured. report: one line for people.
    """

    geometry: Geometry
    score: float
    report: str
    fit: float = 0.0
    gain: float = 0.0
    covered: float = 1.0
    doubtful: bool = False
    runners_up: tuple[Geometry, ...] = ()
    error: float | None = None


def align(
    raw: RawImage, planes: JpegPlanes, exif_orientation: int = 1, stretch: tuple[float, float] = (1.0, 1.0)
) -> Alignment:
    """How the JPEG lies over the RAW's mosaic.

    exif_orientation: the JPEG's own tag, 1..8; a hint, as is the RAW's. stretch: of the mosaic's rows and columns that
    makes its pixels square. Finds all 8 orientations, crops, scales from about 1/16 to 2, straightening, perspective
    and lens corrections. `InputError` for a JPEG of something else. Another exposure of the same scene from the same
    place passes: the codec then just has a poorer guide.
    """
    with timed("guide"):
        likely = {1, raw.orientation, _unturned(raw.orientation, exif_orientation)}
        search = Search(raw, planes, likely, stretch)
        found = quick = search.quick()
        others: list[Candidate] = []
        if found is None:
            others = search.all()
            if not (others and others[0].clear) and search.white > OVEREXPOSED:
                again = Search(raw, planes, likely, stretch, exposed=True).all()
                others = sorted([*others, *again], key=lambda c: -c.worth)
            found = others.pop(0) if others else None
        if found is None or not (_sure(found) or _possible(found)):
            nothing = _of_nothing(search, exif_orientation) if search.blank >= NOTHING_SHOWN else None
            if nothing:
                return nothing
            return _by_regression(search, found.score if found else 0.0)
        return _settled(search, found if quick else search.retoned(found), others)


def _sure(found: Candidate) -> bool:
    return found.score >= SURE_SCORE and found.agree >= SURE_AGREE and found.gain >= SURE_GAIN


def _possible(found: Candidate) -> bool:
    return (found.score >= LEAST_SCORE and found.agree >= LEAST_AGREE) or found.worth >= LEAST_WORTH


def _settled(search: Search, found: Candidate, others: list[Candidate]) -> Alignment:
    settled = settle(found.orientation, found.placement, found.points, found.patches, search.planes.y.shape)
    geometry, moved = settled.geometry, 0.0
    if not search.raw.cell:
        geometry, moved = apart(search.raw, geometry, found.patches)
    rival = bool(others) and others[0].worth >= RIVAL * found.worth
    doubtful = rival or not _sure(found)
    report = [f"match score {found.score:.2f}", describe(settled.geometry, settled.db)]
    if moved:
        report.append(f"red and blue apart by up to {moved:.1f} px")
    if settled.off > TOLD_OFF:
        report.append(f"up to {settled.off:.1f} px out of register")
        if settled.off > COSTLY_OFF:
            report[-1] += _cost(search.raw, found.patches.half().out_of_register(geometry, settled.off) * found.covered)
    if settled.unsure > TOLD_UNSURE:
        report.append(f"uncertain by some {settled.unsure:.1f} px")
    if found.covered < ALL_SHOWN:
        report.append(f"{1 - found.covered:.0%} of the RAW not shown")
        report[-1] += _cost(search.raw, found.gain * (1 - found.covered))
    if doubtful:
        report.append("doubtful: it fits about as well elsewhere" if rival else "doubtful: little of it agrees")
    runners = tuple(other.geometry for other in others[:RUNNERS_UP])
    return Alignment(
        geometry, found.score, ", ".join(report), settled.db, found.gain, found.covered, doubtful, runners,
        float(np.hypot(settled.off, settled.unsure)),
    )  # fmt: skip


def _cost(raw: RawImage, bits: float) -> str:
    """In words, what so many bits a site cost; nothing where that is next to nothing."""
    size = bits * raw.mosaic.size / 8
    if size < LEAST_COST * raw.mosaic.size:
        return ""
    kb = size / 1e3
    return f" (some {size / 1e6:.1f} MB more)" if kb >= 1e3 else f" (some {kb:.{0 if kb >= 10 else 1}f} kB more)"


def _by_regression(search: Search, score: float) -> Alignment:
    """The second opinion, for pictures with next to no detail but noise (night skies, fog) in a JPEG of full size.

    Their broad light must tell the true orientation from all others by a clear margin. Raises `InputError` else.
    """
    raw, planes = search.raw, search.planes
    have, sides = planes.y.shape, raw.mosaic.shape
    candidates = []
    for orientation in range(1, 9):
        want = sides[::-1] if orientation >= 5 else sides
        if all(abs(a - b) <= FULL_SIZE * b for a, b in zip(have, want, strict=True)):
            offset = [(a - b) // 2 << POSITION_BITS for a, b in zip(have, want, strict=True)]
            candidates.append(Geometry(orientation, (offset[0], offset[1])))
    if len(candidates) < 2 or min(sides) < LEAST_SIDE or search.own_likeness() >= LITTLE_DETAIL:
        raise _another_scene(score)
    patches = Patches(raw, planes, candidates[0])
    fits = sorted(((patches.psnr(geometry), geometry.orientation) for geometry in candidates), reverse=True)
    best, next_best = fits[0][0], fits[1][0]
    if best - next_best < CLEAR_FIT or best < patches.psnr_of_none() + BETTER_THAN_NONE:
        raise _another_scene(score)
    geometry = next(g for g in candidates if g.orientation == fits[0][1])
    report = (
        f"match score {score:.2f}, too little detail to align by, orientation {geometry.orientation}, taken as "
        f"centred, fit {best:.1f} dB against {next_best:.1f} dB turned"
    )
    return Alignment(geometry, score, report, best, 0.0, search.covered(geometry), True)


def _of_nothing(search: Search, exif_orientation: int) -> Alignment | None:
    """A JPEG white or black nearly everywhere may be of this shot as of any, and helps nobody: it fills the mosaic.

    None for one of quite another form or size.
    """
    geometry = search.filling(_unturned(search.raw.orientation, exif_orientation))
    if min(search.planes.y.shape) < LEAST_SHOWN or not geometry.in_range:
        return None
    if max(geometry.scale) > MOST_STRETCHED * min(geometry.scale):
        return None
    report = f"{search.blank:.0%} of the JPEG is white or black: nothing to align by, doubtful"
    return Alignment(geometry, 0.0, report, covered=1.0, doubtful=True)


def _another_scene(score: float) -> InputError:
    shown = f"the JPEG does not show this RAW's picture (match score {score:.2f})"
    return InputError(f"{shown}; --no-guide puts the RAW into it all the same, coded without its help")


def _unturned(raw_orientation: int, exif_orientation: int) -> int:
    """The orientation of a JPEG left for the viewer to turn by its tag as the RAW's picture is."""
    return 1 if raw_orientation == exif_orientation else raw_orientation
