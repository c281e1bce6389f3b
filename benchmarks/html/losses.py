"""Where a peer is better: at each measured point of ours, against every other codec on the same file and guide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...eval.bdrate import Curve
from ..curves import OURS
from .measures import Measure
from .results import Point, Results, lossy


@dataclass(frozen=True)
class Loss:
    """One point of ours with less than a peer has at the same size.

    by: how much, in the measure's unit and always positive; infinite where the peer is exact with no more bytes, NaN
    where both are exact and ours is larger: then `bpp` and `peer_bpp` tell.
    """

    file: str
    guide: str
    peer: str
    bpp: float
    by: float
    peer_bpp: float = math.nan


@dataclass(frozen=True)
class Verdict:
    """Ours against all peers by one measure. compared: how many (point, peer) pairs could be compared."""

    measure: Measure
    losses: list[Loss]
    compared: int
    uncompared: int

    @property
    def peers(self) -> list[str]:
        """The peers that are better somewhere."""
        return list(dict.fromkeys(loss.peer for loss in self.losses))


def verdict(results: Results, measure: Measure) -> Verdict:
    """All losses by `measure`, the largest first."""
    losses: list[Loss] = []
    counts = {True: 0, False: 0}
    for guide in results.guides:
        for file in results.files:
            series = results.series(file, guide)
            for peer, points in series.items():
                if peer == OURS:
                    continue
                for found, could in _against(series.get(OURS, []), points, measure, guide):
                    counts[could] += 1
                    if found:
                        losses.append(found)
    losses.sort(key=lambda loss: (-loss.by if not math.isnan(loss.by) else -math.inf, loss.file, loss.guide, loss.bpp))
    return Verdict(measure, losses, counts[True], counts[False])


def _against(
    ours: Sequence[Point], theirs: Sequence[Point], measure: Measure, guide: str
) -> Iterator[tuple[Loss | None, bool]]:
    """For each point of ours: the loss, if it is one, and whether the peer could be compared there."""
    exact = min((p.bpp for p in theirs if p.exact or math.isinf(p.value(measure))), default=math.inf)
    finite = [(bpp, measure.better * value) for bpp, value in lossy(theirs, measure) if bpp < exact]
    curve = Curve(finite) if len({bpp for bpp, _ in finite}) >= 2 else None
    for point in ours:
        value, peer = point.value(measure), theirs[0].codec
        if point.exact or math.isinf(value):
            worse = point.exact and exact < point.bpp
            yield Loss(point.file, guide, peer, point.bpp, math.nan, exact) if worse else None, math.isfinite(exact)
        elif math.isnan(value):
            continue
        elif exact <= point.bpp:
            yield Loss(point.file, guide, peer, point.bpp, math.inf, exact), True
        else:
            best = _best(curve, finite, point.bpp)
            by = best - measure.better * value
            yield Loss(point.file, guide, peer, point.bpp, by) if by > 0 else None, not math.isnan(best)


def _best(curve: Curve | None, points: Sequence[tuple[float, float]], bpp: float) -> float:
    """What the peer reaches with `bpp`; beyond its largest point, and with a single one, what that point has."""
    if curve is not None:
        there = float(curve.quality_at(np.array([bpp]))[0])
        if not math.isnan(there):
            return there
    return max((value for rate, value in points if rate <= bpp), default=math.nan)
