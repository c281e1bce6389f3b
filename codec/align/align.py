"""Where a JPEG lies over a mosaic, found from the two pictures by the encoder.

::

    expected places --------------------------.
    thumbnails without tones, all shifts -----+--each refined by blocks, coarse to fine--> candidates
    features with RANSAC (`features.py`) -----'        (`register.py`, `robust_fit.py`)        |
                                                                                               v
    the simplest geometry that does (`settle.py`) <--bits by which the JPEG tells the mosaic's detail (`fit_check.py`)

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
from .fit_check import Patches
from .report import describe
from .search import Candidate, Search
from .settle import settle
from .starts import turn as turn

LEAST_SCORE = 0.45
"""Correlation of the tone-free pictures in place below which the JPEG shows something else: unlike scenes reach 0.2,
strongly processed renderings stay above 0.75."""

FULL_SIZE = 0.02
"""Share by which a JPEG's sides may differ from the mosaic's for `_by_regression`."""

LEAST_SIDE = 128
"""Side of a mosaic below which a regression fits anything."""

CLEAR_FIT = 3.0
"""dB by which the true orientation must fit better than any other there: unlike pairs of 70 simulated shots reach 1.7,
true ones have at least 4.6."""


@dataclass(frozen=True)
class Alignment:
    """What was found.

    score: correlation 0..1 of the tone-free pictures under the geometry. fit: dB of a small regression of the mosaic
    from the JPEG. gain: bits a site by which the JPEG tells the detail of what it covers. covered: share of the mosaic
    that it shows. doubtful: whether another place, or none, may be as good. runners_up: other places that were found,
    the better ones first. report: one line for people.
    """

    geometry: Geometry
    score: float
    report: str
    fit: float = 0.0
    gain: float = 0.0
    covered: float = 1.0
    doubtful: bool = False
    runners_up: tuple[Geometry, ...] = ()


def align(
    raw: RawImage, planes: JpegPlanes, exif_orientation: int = 1, stretch: tuple[float, float] = (1.0, 1.0)
) -> Alignment:
    """How the JPEG lies over the RAW's mosaic.

    exif_orientation: the JPEG's own tag, 1..8; a hint, as is the RAW's. stretch: of the mosaic's rows and columns that
    makes its pixels square. Finds all 8 orientations, crops, scales from about 1/16 to 2, straightening, perspective and
    lens corrections. `InputError` for a JPEG of something else. Another exposure of the same scene from the same place
    passes: the codec then just has a poorer guide.
    """
    with timed("guide"):
        likely = {1, raw.orientation, _unturned(raw.orientation, exif_orientation)}
        search = Search(raw, planes, likely, stretch)
        found = search.quick()
        others: list[Candidate] = []
        if found is None:
            others = search.all()
            found = others.pop(0) if others else None
        if found is None or found.score < LEAST_SCORE:
            return _by_regression(raw, planes, found.score if found else 0.0)
        return _settled(search, found, others)


def _settled(search: Search, found: Candidate, others: list[Candidate]) -> Alignment:
    settled = settle(found.orientation, found.placement, found.points, found.patches)
    report = f"match score {found.score:.2f}, {describe(settled.geometry, settled.db)}"
    if settled.off > 0.2:
        report += f", up to {settled.off:.1f} px out of register"
    if found.covered < 0.995:
        report += f", {1 - found.covered:.0%} of the RAW not shown"
    runners = tuple(other.geometry for other in others[:3])
    return Alignment(
        settled.geometry, found.score, report, settled.db, found.gain, found.covered, False, runners
    )  # fmt: skip


def _by_regression(raw: RawImage, planes: JpegPlanes, score: float) -> Alignment:
    """The second opinion, for pictures with next to no detail but noise (night skies, fog) in a JPEG of full size.

    Their broad light must tell the true orientation from all others by a clear margin. Raises `InputError` else.
    """
    have, sides = planes.y.shape, raw.mosaic.shape
    candidates = []
    for orientation in range(1, 9):
        want = sides[::-1] if orientation >= 5 else sides
        if all(abs(a - b) <= FULL_SIZE * b for a, b in zip(have, want, strict=True)):
            offset = [(a - b) // 2 << POSITION_BITS for a, b in zip(have, want, strict=True)]
            candidates.append(Geometry(orientation, (offset[0], offset[1])))
    if not candidates or min(sides) < LEAST_SIDE:
        raise _another_scene(score)
    patches = Patches(raw, planes, candidates[0])
    fit_of = {geometry: patches.psnr(geometry) for geometry in candidates}
    ranked = sorted(candidates, key=fit_of.__getitem__, reverse=True)
    fits = [fit_of[geometry] for geometry in ranked]
    if len(fits) < 2 or fits[0] - fits[1] < CLEAR_FIT:
        raise _another_scene(score)
    report = (
        f"orientation {ranked[0].orientation}, taken as centred, fit {fits[0]:.1f} dB against {fits[1]:.1f} dB turned"
    )
    return Alignment(ranked[0], score, f"match score {score:.2f}, too little detail to align by, {report}")


def _another_scene(score: float) -> InputError:
    return InputError(f"the JPEG does not show this RAW's picture (match score {score:.2f}, {LEAST_SCORE} needed)")


def _unturned(raw_orientation: int, exif_orientation: int) -> int:
    """The orientation of a JPEG left for the viewer to turn by its tag as the RAW's picture is."""
    return 1 if raw_orientation == exif_orientation else raw_orientation
