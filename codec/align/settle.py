"""How free a placement has to be: whole pixels, offset and scale, or a projection with or without a lens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..guide.geometry import POSITION_BITS, Geometry
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

AGREE, MOST_AGREE, REACH = 0.5, 0.8, 0.75
"""Where so large a share of the points agrees within so many px of the coarser picture, whole pixels are tried no
further than this from where they say: tones that differ from place to place, or another sky, would draw the regression
away."""

FREER, PROJECTED = 0.03, 0.1
"""What each further number must gain, and a projection instead of offset and scale, dB of the small regression."""

FULL_SIZE = 0.05
"""Share by which a scale may differ from 1 for whole pixels to be tried."""


@dataclass(frozen=True, eq=False)
class Settled:
    """placement: None for whole pixels. db: of the regression. off: px of the coarser picture by which nearly all
    points lie within what is settled upon."""

    geometry: Geometry
    db: float
    off: float


def settle(orientation: int, placement: Placement, points: Points, patches: Patches) -> Settled:
    """The simplest geometry that explains the mosaic about as well as any."""
    px = max(1.0, placement.scale)

    def off(other: Placement) -> float:
        """Displacement between two placements where points were measured, nearly the largest; px of the coarser."""
        sites = points.sites if len(points.sites) else np.zeros((1, 2))
        there, here = (np.stack(p(sites[:, 0], sites[:, 1]), 1) for p in (other, placement))
        return float(np.quantile(np.hypot(*(there - here).T), 0.95)) / px

    flat = _flat(placement)
    whole = None
    if abs(placement.numbers[2] - 1) < FULL_SIZE > abs(placement.numbers[5] - 1):
        told = points.agree(placement, AGREE * px) >= MOST_AGREE
        whole = _whole(orientation, fit(points, _flat(placement, 1.0), SHIFT), patches, REACH if told else np.inf)
        if off(whole[1]) <= WHOLE_PIXELS:
            return Settled(whole[0], whole[2], off(whole[1]))
    full = patches.psnr(placement.geometry(orientation))
    if whole is not None and whole[2] + WORTHWHILE >= full and off(whole[1]) <= NEAR_WHOLE:
        return Settled(whole[0], whole[2], off(whole[1]))
    best: tuple[Geometry, Placement, float] | None = None
    most = -np.inf
    turned = trial = _flat(placement, turned=True)
    for free in (SCALE, SIMILAR, AFFINE, ROUND, PROJECTIVE, RADIAL, LENS, CENTRED):
        start = flat if free == SCALE else trial if free > PROJECTIVE else turned
        trial = fit(points, start, free)
        geometry = trial.plainest(orientation) if free == SCALE else trial.geometry(orientation)
        db = patches.psnr(geometry)
        worth = db - FREER * len(ways(free, placement)) - PROJECTED * (free != SCALE)
        if geometry.in_range and worth > most:
            best, most = (geometry, trial, db), worth
    if best is None or (whole is not None and whole[2] + WORTHWHILE >= best[2]):
        best = whole
    if best is None:
        return Settled(placement.geometry(orientation), -np.inf, 0.0)
    return Settled(best[0], best[2], off(best[1]))


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
