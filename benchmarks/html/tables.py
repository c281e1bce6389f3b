"""What the tables of the page and the text hold, out of the results and their summary."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from ..curves import OURS
from ..rows import Row
from ..summary import Summary
from .means import RATES, means
from .measures import Measure
from .results import Point, Results

ALL = "all"  # the means over all files, in a summary


def by_file(results: Results) -> list[tuple[str, list[Point]]]:
    """(file, its points by guide, codec and rate), in the report's order."""
    codecs = {codec: k for k, codec in enumerate(results.codecs)}
    guides = {guide: k for k, guide in enumerate([*results.guides, ""])}
    order = {file: [p for p in results.points if p.file == file] for file in results.files}
    return [
        (file, sorted(mine, key=lambda p: (guides[p.guide], codecs[p.codec], p.bpp)))
        for file, mine in order.items() if mine
    ]  # fmt: skip


def mean_tables(results: Results, measures: Sequence[Measure]) -> list[dict[str, Any]]:
    """By guide: rows (codec, rate, cells) of means over files; a cell is (text, how many files)."""
    out = []
    for guide in results.guides or [""]:
        rows = []
        for codec in results.codecs:
            found = means(results, guide, codec, RATES)
            for k, rate in enumerate(RATES):
                cells = [(m.text(found[m.name][k][0]), found[m.name][k][1]) for m in measures]
                if any(count for _, count in cells):
                    rows.append((codec, rate, cells))
        out.append({"guide": guide, "rows": rows})
    return out


def summary_tables(summary: Summary) -> list[dict[str, Any]]:
    """The summary's means as tables: {"metric", "over", "guide", "rows": [(peer, {range: mean})]}, headline first.

    Means over all files have "coverage" too: which share of the range the BD-PSNR stands on, on average.
    """
    found: dict[tuple[str, str, str], dict[str, dict[str, Row]]] = {}
    covered: dict[tuple[str, ...], list[float]] = {}
    for pair in summary["pairs"]:
        if pair["bd_psnr"] is not None:
            covered.setdefault(_names(pair), []).append(pair["bd_psnr_coverage"])
    for mean in summary["means"]:
        if mean["over"] == ALL and (shares := covered.get(_names(mean))):
            mean = mean | {"coverage": float(np.mean(shares))}
        peers = found.setdefault((mean["metric"], mean["over"], mean["guide"]), {})
        peers.setdefault(mean["peer"], {})[mean["range"]] = mean
    tables = [
        {"metric": metric, "over": over, "guide": guide, "rows": list(peers.items())}
        for (metric, over, guide), peers in found.items()
    ]
    metrics, guides = summary["metrics"], [entry["guide"] for entry in summary["guides"]]
    return sorted(
        tables, key=lambda t: (metrics.index(t["metric"]), t["over"] != ALL, t["over"], guides.index(t["guide"]))
    )


def _names(entry: Row) -> tuple[str, ...]:
    return tuple(entry[name] for name in ("guide", "peer", "metric", "range"))


def groups(measures: Sequence[Measure]) -> list[tuple[str, list[Measure]]]:
    """Measures that stand beside each other under one head."""
    return [(name, list(part)) for name, part in itertools.groupby(measures, key=lambda m: m.group)]


def slower(summary: Summary) -> list[dict[str, Any]]:
    """Where others are faster: {"way", "ours", "faster": how many of "others", "best", "seconds"}, per megapixel.

    Of a codec with several guides the median of its medians counts.
    """
    out = []
    for way, name in (("encode", "encoding"), ("decode", "decoding")):
        found: dict[str, list[float]] = {}
        for cost in summary["costs"]:
            if (seconds := cost[way]["seconds_per_megapixel"]) is not None:
                found.setdefault(cost["codec"], []).append(seconds)
        speeds = {codec: median(times) for codec, times in found.items()}
        ours = speeds.pop(OURS, None)
        faster = sorted((s, codec) for codec, s in speeds.items() if ours is not None and s < ours)
        if faster:
            entry = {"way": name, "ours": ours, "faster": len(faster), "others": len(speeds)}
            out.append(entry | {"best": faster[0][1], "seconds": faster[0][0]})
    return out


def costs(results: Results, summary: Summary) -> list[Row]:
    """The summary's costs in the report's order of codecs and guides."""
    guides = [*results.guides, ""]
    return sorted(summary["costs"], key=lambda c: (results.codecs.index(c["codec"]), guides.index(c["guide"])))


def cost_parts(summary: Summary) -> list[str]:
    """The parts into which any codec's time is split, in order of appearance."""
    ways = [cost[way] for cost in summary["costs"] for way in ("encode", "decode")]
    return list(dict.fromkeys(part for way in ways for part in way["parts"]))


def reasons(failures: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Failures by reason, the most frequent first."""
    found: dict[str, list[Row]] = {}
    for failure in failures:
        found.setdefault(failure["error"], []).append(failure)
    return sorted(found.items(), key=lambda item: -len(item[1]))


def missing(results: Results) -> list[tuple[str, list[tuple[str, str]]]]:
    """(codec, [(file, guide)]) for which there is no row at all."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file, guide, codec in results.missing():
        found.setdefault(codec, []).append((file, guide))
    return list(found.items())
