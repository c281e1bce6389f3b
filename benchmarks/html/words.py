"""Figures as people read them, for the page and the text."""

from __future__ import annotations

import math
from collections import Counter

from .losses import Loss, Verdict
from .measures import Measure


def told(loss: Loss, measure: Measure) -> str:
    """How much a loss is, for people."""
    if math.isnan(loss.by):
        return f"the peer is lossless in {loss.peer_bpp:.3f} bpp"
    if math.isinf(loss.by):
        return f"the peer is without error at {loss.peer_bpp:.3f} bpp"
    digits = max(measure.digits, -math.floor(math.log10(loss.by)))
    return f"{loss.by:.{min(digits, 6)}f} {measure.unit}".strip()


def tally(of: Verdict) -> list[tuple[str, int, int, float]]:
    """(peer, losing points, their files, largest finite loss) by one measure."""
    out = []
    for peer, count in Counter(loss.peer for loss in of.losses).most_common():
        mine = [loss for loss in of.losses if loss.peer == peer]
        worst = max((loss.by for loss in mine if math.isfinite(loss.by)), default=math.nan)
        out.append((peer, count, len({loss.file for loss in mine}), worst))
    return out


def figure(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 2) -> str:
    """A number with its sign, or a dash."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share as signed percent, or a dash."""
    return "–" if value is None else f"{100 * value:+.1f}".replace("-", "−")


def seconds(value: float | None) -> str:
    """Seconds with about three digits."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def megabytes(value: float | None) -> str:
    """Bytes as millions."""
    return "–" if value is None else f"{value / 1e6:,.0f}"


def grouped(value: float | None) -> str:
    """A whole number with its thousands apart."""
    return "–" if value is None else f"{value:,.0f}"
