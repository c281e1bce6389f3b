"""The measured rows as a picture, and how cost grows: exponents of power laws fitted to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..rows import Row

FITTED_FROM = 6.0
"""Megapixels from which a power law is fitted: below, start-up is most of it."""

COLOURS = {"encode": "#c2410c", "decode": "#1d4ed8", "crop": "#15803d", "info": "#6b7280"}


def exponent(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Slope of log y over log x by least squares; None for fewer than three points."""
    if len(x) < 3:
        return None
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def series(rows: Sequence[Row], what: str, kind: str) -> list[Row]:
    """Rows of one command, "encode", of one kind: "MP", "bpp=" or "threads="; by what they grow with."""
    by: Callable[[Row], float] = {
        "MP": lambda r: r["megapixels"], "bpp=": lambda r: r["bpp"], "threads=": lambda r: r["threads"],
    }[kind]  # fmt: skip
    return sorted((r for r in rows if r["setting"].startswith(f"{what} ") and kind in r["setting"]), key=by)


def exponents(rows: Sequence[Row]) -> dict[str, float]:
    """Exponents over megapixels of time (wall), work (cores) and memory; over the rate of work."""
    out: dict[str, float | None] = {}
    for what in ("encode", "decode", "crop"):
        grown = [r for r in series(rows, what, "MP") if r["megapixels"] >= FITTED_FROM]
        for field in ("wall", "cores", "memory"):
            out[f"{what} {field} / megapixels"] = exponent([r["megapixels"] for r in grown], [r[field] for r in grown])
    for what in ("encode", "decode"):
        rated = series(rows, what, "bpp=")
        out[f"{what} cores / rate"] = exponent([r["bpp"] for r in rated], [r["cores"] for r in rated])
    return {name: round(value, 3) for name, value in out.items() if value is not None}


def plot(rows: Sequence[Row], path: Path) -> None:
    """Four panels: time and memory over megapixels, time over the rate, time over threads."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = exponents(rows)
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 8), constrained_layout=True)
    panels = [
        (axes[0, 0], "MP", "megapixels", "wall", "seconds, whole command", ("encode", "decode", "crop", "info"), 1.0),
        (axes[0, 1], "MP", "megapixels", "memory", "resident memory, GB", ("encode", "decode", "crop", "info"), 1e-9),
        (axes[1, 0], "bpp=", "bpp", "wall", "seconds, warm", ("encode", "decode"), 1.0),
        (axes[1, 1], "threads=", "threads", "wall", "seconds, warm", ("encode", "decode"), 1.0),
    ]
    for axis, kind, over, field, title, commands, unit in panels:
        for what in commands:
            points = [r for r in series(rows, what, kind) if field in r]
            if not points:
                continue
            slope = found.get(f"{what} {field} / {over}")
            label = f"{what}, exponent {slope:.2f}" if slope is not None else what
            x, y = [r[over] for r in points], [unit * r[field] for r in points]
            axis.plot(x, y, "o-", color=COLOURS[what], label=label)
        axis.set(xlabel={"bpp": "bits per pixel"}.get(over, over), ylabel=title)
        if kind == "MP":
            axis.set(xscale="log", yscale="log")
        elif kind == "bpp=":
            axis.set(xscale="log", ylim=(0, None))
        else:
            axis.set(ylim=(0, None))
        if axis.lines:
            axis.legend(frameon=False)
        axis.grid(True, alpha=0.3)
    memory = axes[0, 1]
    for megapixels, limit in ((24, 1.5), (100, 2.0)):
        memory.plot([megapixels], [limit], "_", color="black", markersize=14)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def table(rows: Sequence[Row]) -> list[str]:
    """Lines for people: ratios, memory, exponents."""
    lines = ["| file | what | seconds | core-seconds | of AHD | memory |", "|---|---|---|---|---|---|"]
    for row in rows:
        ratio = f"{row['ratio']:.2f} x" if "ratio" in row else "-"
        memory = f"{row['memory'] / 1e6:,.0f} MB" if "memory" in row else "-"
        lines.append(
            f"| {row['file']} | {row['setting']} | {row['wall']:.3g} | {row['cores']:.3g} | {ratio} | {memory} |"
        )
    return [*lines, "", *(f"{name}: exponent {value:.2f}" for name, value in exponents(rows).items())]
