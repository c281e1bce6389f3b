"""Bytes against an earlier version's results at equal PSNR: the zero line that each change is measured from.

A version's curve of one file and guide is taken over the PSNR that the earlier one reaches within a range of rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.rows import Row
from eval.bdrate import Curve, Mean, saving

RANGES = ((0.1, 0.8), (0.8, 3.0))  # bpp of the earlier version
Key = tuple[str, str]


def curves(rows: Iterable[Row]) -> dict[Key, Curve]:
    """Curves of our own codec by file and guide, lossless points left out; of rows with the same setting the last."""
    points: dict[Key, dict[str, tuple[float, float]]] = {}
    for row in rows:
        if row["codec"] == "rawinlay" and "error" not in row and row["psnr"] is not None:
            points.setdefault((row["file"], row["guide"]), {})[row["setting"]] = (row["bpp"], row["psnr"])
    return {name: Curve(part.values()) for name, part in points.items() if len({r for r, _ in part.values()}) > 1}


def change(curve: Curve, earlier: Curve, low: float, high: float) -> Mean:
    """Change of bytes at equal PSNR, -0.1 for 10 % fewer, over the PSNR that `earlier` has from `low` to `high` bpp."""
    ends = np.clip([low, high], earlier.rate[0], earlier.rate[-1])
    first, last = earlier.quality_at(ends)
    # PSNR that the newer curve does not reach within the range is left out, and said by the coverage.
    return saving(curve, [earlier], float(first), float(last)) if first < last else Mean(math.nan, 0.0)


def section(rows: Sequence[Row], earlier_rows: Sequence[Row]) -> list[str]:
    """The report's lines: a table of files by guides, mean and worst."""
    # Curves through the same few rates err alike between them: only rates that both have are compared.
    measured = {(row["file"], row["guide"], row["setting"]) for row in rows if "error" not in row}
    new = curves(rows)
    old = curves(row for row in earlier_rows if (row["file"], row["guide"], row["setting"]) in measured)
    shared = [name for name in new if name in old]
    if not shared:
        return []
    files, guides = sorted({f for f, _ in shared}), list(dict.fromkeys(g for _, g in shared))
    commits = ", ".join(sorted({str(row["commit"])[:12] for row in earlier_rows if row["codec"] == "rawinlay"}))
    limits = " / ".join(f"{low:g} to {high:g} bpp" for low, high in RANGES)
    out = [
        "",
        f"## Bytes against the trunk (commit {commits}) at equal PSNR",
        "",
        f"Percent, {limits} of the trunk.",
        "",
    ]
    out += [f"| file | {' | '.join(guides)} |", "|---" * (1 + len(guides)) + "|"]
    changes = {name: [100 * change(new[name], old[name], *limits_).value for limits_ in RANGES] for name in shared}
    for file in files:
        cells = [_cell(changes.get((file, guide))) for guide in guides]
        out.append(f"| {file} | {' | '.join(cells)} |")
    for title, how in (("**mean**", np.mean), ("worst", np.max)):
        cells = []
        for guide in guides:
            columns = np.array([changes[f, guide] for f in files if (f, guide) in changes]).T
            there = [column[np.isfinite(column)] for column in columns]
            cells.append(_cell([float(how(column)) if len(column) else math.nan for column in there]))
        out.append(f"| {title} | {' | '.join(cells)} |")
    return out


def _cell(values: Sequence[float] | None) -> str:
    return " / ".join(f"{v:+.1f}" if math.isfinite(v) else "-" for v in values) if values else "-"
