"""The benchmark's measurements as curves and tables want them: by file, guide and codec, in one order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..curves import FAMILY
from ..rows import Row, key
from .measures import MEASURES, PSNR, Measure


@dataclass(frozen=True)
class Point:
    """One measurement that was made. values: by `Measure.name`; infinite where nothing differs, NaN where missing."""

    file: str
    guide: str
    codec: str
    setting: str
    bpp: float
    exact: bool
    values: dict[str, float]
    row: Row = field(repr=False)

    def value(self, measure: Measure) -> float:
        """The measure's value here."""
        return self.values[measure.name]


class Results:
    """All rows of one benchmark, checked (`checked.load`).

    points: those without an error, by file, guide, codec, rising bpp. files: sorted. guides: in order of appearance,
    without the blind codecs' "". codecs: ours, our trunks, then peers with a guide, then blind ones. guided: by codec.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.points = sorted(
            (_point(row) for row in rows if "error" not in row), key=lambda p: (p.file, p.guide, p.codec, p.bpp)
        )
        self.files = sorted({row["file"] for row in rows})
        self.guides = [guide for guide in dict.fromkeys(row["guide"] for row in rows) if guide]
        self.guided: dict[str, bool] = {}
        for row in rows:
            self.guided[row["codec"]] = self.guided.get(row["codec"], False) or bool(row["guide"])
        own = [codec for codec in FAMILY if codec in self.guided]
        peers = sorted((c for c in self.guided if c not in own), key=lambda c: (not self.guided[c], c))
        self.codecs = own + peers

    def series(self, file: str, guide: str) -> dict[str, list[Point]]:
        """codec -> points that one file with one guide can have: those with this guide, and those of blind codecs."""
        found: dict[str, list[Point]] = {codec: [] for codec in self.codecs}
        for point in self.points:
            if point.file == file and point.guide in (guide, ""):
                found[point.codec].append(point)
        return {codec: points for codec, points in found.items() if points}

    def measured(self) -> list[Measure]:
        """The measures that any row has."""
        return [m for m in MEASURES if any(not math.isnan(p.value(m)) for p in self.points)]

    def missing(self) -> list[tuple[str, str, str]]:
        """(file, guide, codec) without any row: neither measured nor known to fail."""
        there = {key(row)[:3] for row in self.rows}
        wanted = ((f, g, c) for c in self.codecs for g in (self.guides if self.guided[c] else [""]) for f in self.files)
        return [found for found in wanted if found not in there]


def _point(row: Row) -> Point:
    return Point(*key(row), row["bpp"], row["identical"], {m.name: m.of(row) for m in MEASURES}, row)


def lossy(points: Iterable[Point], measure: Measure = PSNR) -> list[tuple[float, float]]:
    """(bpp, value) of the points whose value is finite."""
    return [(p.bpp, p.value(measure)) for p in points if math.isfinite(p.value(measure))]
