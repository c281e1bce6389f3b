"""What `bench edits` found: a table of its rows, and how many bits a pixel a codec needs until +2 EV reaches a
SSIMULACRA2, by straight lines between the rates' logarithms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ..eval.developed import EDITS
from .rows import Row

NEEDED = (60.0, 75.0, 85.0)
"""SSIMULACRA2 at +2 EV whose bytes are told."""

NEAR, LEAST_BPP, MOST_BPP = 0.5, 0.03, 8.0
"""Of the search for those bytes: points that are near enough, rates it goes to."""


def next_rate(curve: Sequence[tuple[float, float]], goal: float) -> float | None:
    """The next rate to try of a curve of (bpp, SSIMULACRA2); None where one is near enough, or none is left."""
    if not curve or any(abs(reached - goal) < NEAR for _, reached in curve):
        return None
    below = [bpp for bpp, reached in curve if reached < goal]
    above = [bpp for bpp, reached in curve if reached >= goal]
    if not above:
        return MOST_BPP if max(below) < MOST_BPP / 2 else None
    if not below:
        return max(min(above) / 2, LEAST_BPP) if min(above) > 1.1 * LEAST_BPP else None
    return float(f"{_between(curve, goal):.3g}")


def _between(curve: Sequence[tuple[float, float]], goal: float) -> float:
    """Where straight lines between the rates' logarithms reach the goal."""
    rates, reached = zip(*sorted(curve), strict=True)
    rising = np.maximum.accumulate(reached)
    return float(2 ** np.interp(goal, rising, np.log2(rates)))


Needed = dict[tuple[str, str, str], list[float | None]]


def bytes_needed(rows: Iterable[Row], wanted: Sequence[float] = NEEDED) -> Needed:
    """(file, guide, codec) -> bits a pixel until +2 EV reaches each SSIMULACRA2; None where no rate does.

    Where the least rate is past it already, that rate.
    """
    out = {}
    for at, points in curves(rows).items():
        most = max(reached for _, reached in points)
        out[at] = [None if most < goal else _between(points, goal) for goal in wanted]
    return out


def curves(rows: Iterable[Row]) -> dict[tuple[str, str, str], list[tuple[float, float]]]:
    """(file, guide, codec) -> (bpp, SSIMULACRA2 at +2 EV) of its rows."""
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for row in rows:
        if row.get("bpp") and "edits" in row:
            at = row["file"], row["guide"], row["codec"]
            found.setdefault(at, []).append((row["bpp"], row["edits"]["plus2ev"]["ssimulacra2"]))
    return found


def markdown(rows: Iterable[Row]) -> str:
    """What each codec shows at each rate, means over files, and the bytes that +2 EV needs."""
    rows = [row for row in rows if "edits" in row]
    whole = [row for row in rows if len(row["edits"]) == len(EDITS)]
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in whole:
        groups.setdefault((row["guide"], row["codec"], row["setting"]), []).append(row)
    titles = ("guide", "codec", "rate", "files", "linear, dB", "+2 EV, dB", "+2 EV, CIEDE2000", "SSIMULACRA2 as shot",
              "+2 EV")  # fmt: skip
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for (guide, codec, setting), some in sorted(groups.items()):
        values = [np.mean([row["psnr"] or math.nan for row in some])] if "psnr" in some[0] else [math.nan]
        for edit, measure in (("plus2ev", "psnr"), ("plus2ev", "ciede2000"), ("as_shot", "ssimulacra2"),
                              ("plus2ev", "ssimulacra2")):  # fmt: skip
            values.append(np.mean([row["edits"][edit][measure] or math.nan for row in some]))
        shown = " | ".join("" if math.isnan(v) else f"{v:.2f}" for v in values)
        lines.append(f"| {guide} | {codec} | {setting.removeprefix('bpp=')} | {len(some)} | {shown} |")
    goals = " | ".join(f"{goal:g}" for goal in NEEDED)
    lines += ["", "Bits a pixel until +2 EV reaches a SSIMULACRA2 of:", "", f"| file | guide | codec | {goals} |",
              "|---|---|---|" + "---|" * len(NEEDED)]  # fmt: skip
    for at, needed in sorted(bytes_needed(rows).items()):
        lines.append(f"| {' | '.join(at)} | " + " | ".join("over" if n is None else f"{n:.2f}" for n in needed) + " |")
    return "\n".join(lines) + "\n"
