"""Ours against each rival in dB and in bytes: per file, and means over files with intervals. For `benchmarks.summary`,
where ranges, overlap and intervals are explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..eval.bdrate import Curve, Mean, gain, saving
from ..eval.metrics import finite_or_none
from .curves import OURS, curves, rivals
from .rows import Row

RANGES = {"low": (0.1, 0.8), "high": (0.8, 3.0)}  # bpp of ours
REPEATS, SEED = 10_000, 1
INTERVAL = (2.5, 97.5)  # percentiles
ALL, SENSORS = "all", "all but GoPro"


def pairs_of(rows: Sequence[Row], metric: str) -> list[Row]:
    """Ours against every rival, for each file, guide and range: `summary`'s PAIR."""
    found = curves(rows, metric)
    cameras = {row["file"]: row.get("camera", "") for row in rows}
    out = []
    for name in sorted(name for name in found if name.codec == OURS):
        for peer, curve in rivals(found, name.file, name.guide).items():
            for title, (low, high) in RANGES.items():
                better, fewer = _against(found[name], curve, low, high)
                if not better.coverage and not fewer.coverage:
                    continue
                out.append({
                    "file": name.file, "camera": cameras[name.file], "guide": name.guide, "peer": peer,
                    "metric": metric, "range": title,
                    "bd_psnr": finite_or_none(better.value), "bd_psnr_coverage": better.coverage,
                    "bd_rate": finite_or_none(fewer.value), "bd_rate_coverage": fewer.coverage,
                })  # fmt: skip
    return out


def _against(ours: Curve, peer: Curve, low: float, high: float) -> tuple[Mean, Mean]:
    """BD-PSNR and BD-rate of one pair of curves over a range of our rates."""
    better = gain(ours, [peer], low, high)
    # ours may end inside the range, or lie outside it altogether
    ends = np.clip([low, high], ours.rate[0], ours.rate[-1])
    first, last = (float(quality) for quality in ours.quality_at(ends))
    return better, saving(ours, [peer], first, last) if first < last else Mean(float("nan"), 0.0)


def means_of(pairs: Sequence[Row]) -> list[Row]:
    """Means of pairs over all files, over those of each camera, and without those that a camera stored lossily."""
    groups: dict[tuple[str, str, str, str, str], list[Row]] = {}
    for pair in pairs:
        overs = [ALL, f"camera: {pair['camera']}"]
        if "gopro" not in f"{pair['camera']} {pair['file']}".lower():
            overs.append(SENSORS)
        for over in overs:
            groups.setdefault((pair["guide"], pair["peer"], pair["metric"], pair["range"], over), []).append(pair)
    out = []
    for (guide, peer, metric, title, over), part in groups.items():
        if over == SENSORS and len(part) == len(groups[guide, peer, metric, title, ALL]):
            continue
        head = {"guide": guide, "peer": peer, "metric": metric, "range": title, "over": over, "files": len(part)}
        figures = {"bd_psnr": _mean(part, "bd_psnr", min), "bd_rate": _mean(part, "bd_rate", max)}
        out.append(head | figures)
    return out


def _mean(pairs: Sequence[Row], name: str, worst: Callable[[Iterable[float]], float]) -> Row | None:
    """Mean over files of a figure, its interval and its worst; of savings the geometric mean, as rates multiply."""
    there = [pair for pair in pairs if pair[name] is not None]
    values = np.array([pair[name] for pair in there])
    if not there:
        return None
    scaled = np.log1p(values) if name == "bd_rate" else values
    low = high = None
    if len(values) > 1:
        draws = np.random.default_rng(SEED).integers(0, len(values), (REPEATS, len(values)))
        low, high = (_unscaled(v, name) for v in np.percentile(scaled[draws].mean(1), INTERVAL))
    return {
        "mean": _unscaled(scaled.mean(), name), "low": low, "high": high, "worst": float(worst(values)),
        "files": len(values), "coverage": float(np.mean([pair[f"{name}_coverage"] for pair in there])),
    }  # fmt: skip


def _unscaled(value: Any, name: str) -> float:
    return float(np.expm1(value) if name == "bd_rate" else value)
