"""One picture of all curves for the repository: ours with each guide, the best guided and the best blind peer."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

from ...eval.bdrate import Curve
from ..curves import BEST_BLIND, BEST_GUIDED, FAMILY, OURS, Name, curves, rivals
from .chart import TICKS, rates
from .measures import PSNR
from .results import Results

SIZE = 5.0, 3.8  # inches of a panel
COLUMNS = 3


def plot(results: Results) -> bytes:
    """A PNG, one panel per file: PSNR over log rate."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = curves(results.rows, PSNR.name)
    files = results.files
    columns = min(COLUMNS, len(files))
    height = math.ceil(len(files) / columns)
    size = SIZE[0] * columns, SIZE[1] * height
    figure, axes = pyplot.subplots(height, columns, figsize=size, squeeze=False, layout="constrained")
    low, high = rates([p for p in results.points if not p.exact])
    for axis in axes.ravel()[len(files) :]:
        axis.axis("off")
    for axis, file in zip(axes.ravel(), files, strict=False):
        _panel(axis, found, results, file, (low, high))
        axis.set_title(file, parse_math=False)
        axis.set(xscale="log", xlabel="bits per mosaic pixel", ylabel="PSNR, linear, dB", xlim=(low, high))
        ticks = [tick for tick in TICKS if low <= tick <= high]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    handles: dict[str, Any] = {}
    for axis in axes.ravel():
        handles |= {label: line for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    if handles:
        legend = figure.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=4, fontsize="small"
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
    out = io.BytesIO()
    figure.savefig(out, dpi=110, format="png")
    pyplot.close(figure)
    return out.getvalue()


def _panel(axis: Any, found: Mapping[Name, Curve], results: Results, file: str, span: tuple[float, float]) -> None:
    shown = []
    for k, guide in enumerate(results.guides):
        beside = rivals(found, file, guide)
        if (ours := found.get(Name(file, guide, OURS))) is not None:
            shown.append((ours, "o-", f"C{k}", f"{OURS}, {guide}"))
        if (best := _best(beside, results, True)) is not None:
            shown.append((best, ":", f"C{k}", f"best guided peer, {guide}"))
    if (best := _best(rivals(found, file, ""), results, False)) is not None:
        shown.append((best, "--", "0.45", "best blind codec"))
    inside = []
    for curve, style, colour, label in shown:
        axis.plot(curve.rate, curve.quality, style, color=colour, markersize=4, label=label)
        inside += [q for rate, q in zip(curve.rate, curve.quality, strict=True) if span[0] <= rate <= span[1]]
    if inside:
        room = 0.04 * (max(inside) - min(inside)) + 0.5
        axis.set_ylim(min(inside) - room, max(inside) + room)


def _best(beside: Mapping[str, Curve], results: Results, guided: bool) -> Curve | None:
    """The best of all peers of a kind at each rate; the only one where there is one."""
    title = BEST_GUIDED if guided else BEST_BLIND
    if title in beside:
        return beside[title]
    single = [c for name, c in beside.items() if name not in FAMILY and results.guided.get(name) == guided]
    return single[0] if single else None
