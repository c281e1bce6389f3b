"""Means over files at the same rates, by interpolating each file's curve; for the tables and curves of all measures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...eval.bdrate import Curve
from .measures import MEASURES, Measure
from .results import Point, Results, lossy

RATES = (0.1, 0.4, 1.5)  # bpp, of the tables
GRID = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)  # bpp, of the curves


def means(results: Results, guide: str, codec: str, rates: Sequence[float]) -> dict[str, list[tuple[float, int]]]:
    """Measure's name -> at each rate the mean over files and how many files it is of (NaN and 0 for none)."""
    by_file = [results.series(file, guide).get(codec, []) for file in results.files]
    out = {}
    for measure in MEASURES:
        found = np.array([_at(points, measure, rates) for points in by_file if points]).reshape(-1, len(rates))
        counts = np.isfinite(found).sum(0)
        sums = np.where(np.isfinite(found), found, 0).sum(0)
        out[measure.name] = [(float(s / n) if n else math.nan, int(n)) for s, n in zip(sums, counts, strict=True)]
    return out


def _at(points: Sequence[Point], measure: Measure, rates: Sequence[float]) -> np.ndarray:
    finite = lossy(points, measure)
    if len({bpp for bpp, _ in finite}) < 2:
        return np.full(len(rates), math.nan)
    return Curve([(bpp, measure.better * value) for bpp, value in finite]).quality_at(np.array(rates)) * measure.better


def mean_points(results: Results, guide: str) -> dict[str, list[Point]]:
    """codec -> one point for each rate of `GRID` that all the codec's files reach: means over the files."""
    out = {}
    for codec in results.codecs:
        at = means(results, guide, codec, GRID)
        mine = [p for p in results.points if p.codec == codec and p.guide in (guide, "")]
        files = len({p.file for p in mine})
        points = []
        for k, rate in enumerate(GRID):
            values = {name: found[k][0] if found[k][1] == files else math.nan for name, found in at.items()}
            if any(math.isfinite(v) for v in values.values()):
                setting = f"mean of {files} files"
                points.append(Point("", mine[0].guide, codec, setting, rate, False, values, {}))
        if points:
            out[codec] = points
    return out
