"""Curves out of the benchmark's rows: one per file, guide and codec, under each measure of quality.

A blind codec's curve has the guide "" and counts beside every guide of its file. "best blind" and "best guided" are no
codecs: at each rate they are the best of all peers of that kind, whoever chooses among them with hindsight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..eval.bdrate import Curve, best_quality
from .rows import Row, key

OURS = "rawinlay"
FAMILY = ("rawinlay", "trunk", "trunk-blind", "rawinlay-blind")
"""Ours and what it grew from: no peers, so not among the best of them."""

BEST_BLIND, BEST_GUIDED = "best blind", "best guided"
METRICS = ("psnr", "psnr_companded", "as_shot", "plus2ev", "warm_minus1ev", "curve")
"""Measures in dB: two of the mosaic, and sRGB PSNR after each edit (`eval.edits`)."""

SAMPLES_PER_OCTAVE = 8  # of the best of several


@dataclass(frozen=True, order=True)
class Name:
    """Whose curve: the file's name, the guide's ("" for a blind codec), the codec's."""

    file: str
    guide: str
    codec: str


def value(row: Row, metric: str) -> float | None:
    """What a row says of a metric in dB; None where it is infinite or was not measured."""
    if metric in row:
        return None if row[metric] is None else float(row[metric])
    edit = (row.get("edits") or {}).get(metric) or {}
    return None if edit.get("psnr") is None else float(edit["psnr"])


def latest(rows: Iterable[Row]) -> list[Row]:
    """Of rows with the same key the last; what could not be run at all, without a setting, only if it still can't."""
    kept = {key(row): row for row in rows}
    able = {name[:3] for name, row in kept.items() if "error" not in row}
    return [row for name, row in kept.items() if row["setting"] or name[:3] not in able]


def curves(rows: Iterable[Row], metric: str) -> dict[Name, Curve]:
    """The curve of every file, guide and codec that has two points of different rates with an error to speak of."""
    points: dict[Name, list[tuple[float, float]]] = {}
    for row in rows:
        found = value(row, metric) if "error" not in row else None
        if found is not None:
            name = Name(row["file"], row["guide"], row["codec"])
            points.setdefault(name, []).append((row["bpp"], found))
    return {name: Curve(part) for name, part in points.items() if len({rate for rate, _ in part}) > 1}


def rivals(found: Mapping[Name, Curve], file: str, guide: str) -> dict[str, Curve]:
    """By name, every curve but ours that stands beside ours with this guide; the best of each kind behind them."""
    beside = {n: c for n, c in found.items() if n.file == file and n.guide in ("", guide) and n.codec != OURS}
    out = {name.codec: curve for name, curve in sorted(beside.items())}
    for title, blind in ((BEST_BLIND, True), (BEST_GUIDED, False)):
        kind = [curve for n, curve in beside.items() if (n.guide == "") == blind and n.codec not in FAMILY]
        if len(kind) > 1:
            out[title] = envelope(kind)
    return out


def envelope(several: list[Curve]) -> Curve:
    """The best of several curves at each rate, as one curve."""
    octaves = np.concatenate([np.log2(curve.rate) for curve in several])
    count = max(2, round(np.ptp(octaves) * SAMPLES_PER_OCTAVE))
    grid = np.linspace(octaves.min(), octaves.max(), count)
    rates = 2 ** np.unique(np.concatenate([grid, octaves]).round(6))  # no two of them all but equal
    best = best_quality(several, rates)
    return Curve(zip(rates[np.isfinite(best)], best[np.isfinite(best)], strict=True))
