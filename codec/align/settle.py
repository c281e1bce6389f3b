"""How free a placement has to be: whole pixels, offset and scale, or a projection with or without a lens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..guide.geometry import POSITION_BITS, Geometry
from .certainty import rms, spread
from .fit_check import Patches
from .placement import LENS as LENS_NUMBERS
from .placement import LINEAR, VANISH, Placement
from .robust_fit import AFFINE, CENTRED, LENS, PROJECTIVE, RADIAL, ROUND, SCALE, SHIFT, SIMILAR, Points, fit, ways

WHOLE_PIXELS = 0.15
"""A displacement up to this, in pixels, is left alone: whole pixels keep the JPEG's samples exact."""

NEAR_WHOLE = 1.0
"""Beyond this many pixels more is tried before they are taken."""

WORTHWHILE = 0.5
"""What interpolation instead of whole pixels must gain, dB of the small regression."""

SURE, REACH = 0.25, 0.75
"""Where the points tell a shift within so many px of the coarser picture, whole pixels are tried no further than this
from where they say: tones that differ from place to place, or another sky, would draw the regression away."""

FREER, PROJECTED = 0.03, 0.1
"""What each further number must gain, and a projection instead of offset and scale, dB of the small regression."""

COVERED = 16
"""Places a side at which is seen how uncertain a placement is."""

FULL_SIZE = 0.05
"""Share by which a scale may differ from 1 for whole pixels to be tried."""


@dataclass(frozen=True, eq=False)
class Settled:
    """db: of the regression. off: px of the coarser picture by which nearly all
    good points lie from where a fit with all freedoms has them, beyond what that is uncertain. unsure: how uncertain
    its places are, rms over what the JPEG covers, px of the coarser picture."""

    geometry: Geometry
    db: float
    off: float
    unsure: float = 0.0


def settle(
    orientation: int, placement: Placement, points: Points, patches: Patches, shown: tuple[int, ...]
) -> Settled:
    """The simplest geometry that explains the mosaic about as well as any; shown: the JPEG's rows and columns."""
    px = max(1.0, placement.scale)
    sites = points.sites[points.good]
    doubt = rms(spread(points, placement, LENS, sites)) / px

    def off(other: Placement) -> float:
        """Displacement between two placements at good points, nearly the largest; px of the coarser picture."""
        if not len(sites):
            return 0.0
        there, here = (np.stack(p(sites[:, 0], sites[:, 1]), 1) for p in (other, placement))
        return float(np.quantile(np.hypot(*(there - here).T), 0.95)) / px

    def left(other: Placement) -> float:
        """The same beyond doubt, to be told."""
        return max(off(other) ** 2 - (2 * doubt) ** 2, 0.0) ** 0.5

    flat = _flat(placement)
    whole = None
    if abs(placement.numbers[2] - 1) < FULL_SIZE > abs(placement.numbers[5] - 1):
        square = fit(points, _flat(placement, 1.0), SHIFT)
        sure = rms(spread(points, square, SHIFT, sites)) <= SURE * px
        whole = _whole(orientation, square, patches, REACH if sure else np.inf)
        if off(whole[1]) <= WHOLE_PIXELS:
            return Settled(whole[0], whole[2], left(whole[1]))
    full = patches.psnr(placement.geometry(orientation))
    if whole is not None and whole[2] + WORTHWHILE >= full and off(whole[1]) <= NEAR_WHOLE:
        return Settled(whole[0], whole[2], left(whole[1]))
    best: tuple[Geometry, Placement, float] | None = None
    most, freed = -np.inf, LENS
    turned = trial = _flat(placement, turned=True)
    for free in (SCALE, SIMILAR, AFFINE, ROUND, PROJECTIVE, RADIAL, LENS, CENTRED):
        start = flat if free == SCALE else trial if free > PROJECTIVE else turned
        trial = fit(points, start, free)
        geometry = trial.plainest(orientation) if free == SCALE else trial.geometry(orientation)
        db = patches.psnr(geometry)
        worth = db - FREER * len(ways(free, placement)) - PROJECTED * (free != SCALE)
        if geometry.in_range and worth > most:
            best, most, freed = (geometry, trial, db), worth, free
    if best is None or (whole is not None and whole[2] + WORTHWHILE >= best[2]):
        best, freed = whole, SHIFT
    if best is None:
        return Settled(placement.geometry(orientation), -np.inf, 0.0)
    unsure = rms(spread(points, best[1], freed, _covered(best[1], shown))) / px
    return Settled(best[0], best[2], left(best[1]), unsure if freed else 0.0)


def _covered(placement: Placement, shown: tuple[int, ...]) -> np.ndarray:
    """Sites all over what a JPEG of so many rows and columns shows, (n, 2)."""
    rows, cols = (np.linspace(0, n - 1, COVERED) for n in placement.shape)
    sites = np.stack(np.meshgrid(rows, cols, indexing="ij"), -1).reshape(-1, 2)
    y, x = placement(sites[:, 0], sites[:, 1])
    return sites[(y >= 0) & (x >= 0) & (y <= shown[0] - 1) & (x <= shown[1] - 1)]


def _flat(placement: Placement, scale: float | None = None, turned: bool = False) -> Placement:
    """Without lens and perspective, and without a turn unless `turned`; scale: instead of its own."""
    numbers = placement.numbers.copy()
    numbers[VANISH] = numbers[LENS_NUMBERS] = numbers[8:10] = 0
    if not turned:
        numbers[3] = numbers[4] = 0
    if scale is not None:
        numbers[LINEAR] = scale, 0, 0, scale
    return replace(placement, numbers=numbers)


def _whole(
    orientation: int, square: Placement, patches: Patches, reach: float
) -> tuple[Geometry, Placement, float]:
    """The whole-pixel geometry that explains the mosaic best near one, as a placement too, and its dB."""
    offset = np.rint(square.corner)
    first = Geometry(orientation, (int(offset[0]) << POSITION_BITS, int(offset[1]) << POSITION_BITS))
    geometry, db = best_neighbour(first, patches, square.corner, reach)
    found = [v / (1 << POSITION_BITS) for v in geometry.offset]
    return geometry, Placement.plain((found[0], found[1]), (1.0, 1.0), square.shape), db


def best_neighbour(
    geometry: Geometry, patches: Patches, middle: tuple[float, float] = (0.0, 0.0), reach: float = np.inf
) -> tuple[Geometry, float]:
    """The whole-pixel geometry that explains the mosaic best among the neighbours, and its dB.

    middle, reach: px of the JPEG; only offsets that lie so near are tried beside the geometry's own.
    """
    known: dict[tuple[int, int], float] = {}
    one = 1 << POSITION_BITS
    at = geometry.offset
    for _ in range(6):
        around = [(at[0] + i * one, at[1] + j * one) for i, j in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))]
        far = (max(abs(o / one - m) for o, m in zip(offset, middle, strict=True)) for offset in around)
        around = [offset for offset, px in zip(around, far, strict=True) if offset == at or px <= reach]
        for offset in around:
            if offset not in known:
                known[offset] = patches.psnr(replace(geometry, offset=offset))
        best = max(around, key=known.__getitem__)
        if best == at:
            break
        at = best
    return replace(geometry, offset=at), known[at]
