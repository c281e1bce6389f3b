"""The page itself: everything that is said, handed to the template, which escapes it."""

from __future__ import annotations

import base64
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.curves import OURS
from benchmarks.html import chart
from benchmarks.html.gallery import Gallery, choices, near_rates
from benchmarks.html.losses import Loss, Verdict, verdict
from benchmarks.html.means import RATES, mean_points, means
from benchmarks.html.measures import EDITS, PSNR, Measure
from benchmarks.html.results import Point, Results
from benchmarks.rows import Row
from benchmarks.summary import Summary

LISTED = 200  # losses by one measure that are listed; the rest is counted
WHOLE = 0.995  # coverage from which a range counts as covered
ALL = "all"  # the means over all files, in a summary

METRIC_TITLES = {"psnr": "PSNR, linear", "psnr_companded": "PSNR, square root"} | {
    edit: f"sRGB PSNR, {how}" for edit, how in EDITS.items()
}


def render(results: Results, summary: Summary, verdicts: Sequence[Verdict], gallery: Gallery, command: str) -> str:
    """The page as text, to be written beside the rows and the pictures. command: what made the page."""
    environment = Environment(
        loader=PackageLoader("benchmarks.html"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "figure": figure, "signed": signed, "percent": percent, "seconds": seconds, "megabytes": megabytes,
        "grouped": grouped,
    }  # fmt: skip
    measures, script = results.measured(), "\n" + _asset(environment, "page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    context = {
        "style": _asset(environment, "style.css"), "script": script, "script_hash": f"sha256-{digest}", "command": command,
        "ours": OURS, "results": results, "summary": summary, "measures": measures, "psnr": PSNR, "whole": WHOLE,
        "verdicts": verdicts, "listed": LISTED, "told": told, "tally": tally, "reasons": reasons(summary["failures"]),
        "missing": missing(results), "metric_titles": METRIC_TITLES, "plot": chart.PLOT, "bar": "",
        "tables": summary_tables(summary), "legend": legend(results), "charts": charts(results),
        "points": by_file(results), "rates": RATES, "means": mean_tables(results, measures),
        "mean_charts": mean_charts(results, measures), "parts": cost_parts(summary), "gallery": gallery,
        "choices": choices(gallery), "errors": near_rates(gallery, "error"), "bits": near_rates(gallery, "bits"),
        "commands": list(dict.fromkeys(row["command"] for row in results.rows if row.get("command"))),
    }  # fmt: skip
    return environment.get_template("report.html").render(context)


def _asset(environment: Environment, name: str) -> Markup:
    """A style or script of this package, which goes into the page as it is."""
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def verdicts(results: Results) -> list[Verdict]:
    """Ours against the peers by every measure that there is."""
    return [verdict(results, measure) for measure in results.measured()]


def legend(results: Results) -> list[dict[str, Any]]:
    """One entry for each codec: name, number (of its series), swatch."""
    return [
        {"name": codec, "number": k, "swatch": chart.swatch(k, not results.guided[codec])}
        for k, codec in enumerate(results.codecs)
    ]


def charts(results: Results) -> list[dict[str, Any]]:
    """PSNR over rate, by file and guide; all on one scale of rates, those of a file on one scale of PSNR."""
    out, span = [], chart.rates(results.points)
    for file in results.files:
        points = [p for p in results.points if p.file == file]
        if points:
            ax = chart.axes(points, PSNR, span)
            drawn = [
                (guide, chart.draw(results.series(file, guide), results.codecs, PSNR, ax, f"{file}, {guide}"))
                for guide in results.guides or [""]
            ]
            out.append({"file": file, "camera": points[0].row.get("camera", ""), "drawn": drawn})
    return out


def mean_charts(results: Results, measures: Sequence[Measure]) -> list[dict[str, Any]]:
    """Each measure over rate, means over files, by guide."""
    out, span = [], chart.rates(results.points)
    series = {guide: mean_points(results, guide) for guide in results.guides or [""]}
    everything = [p for by_codec in series.values() for points in by_codec.values() for p in points]
    for measure in measures:
        ax = chart.axes(everything, measure, span)
        drawn = [
            (guide, chart.draw(by_codec, results.codecs, measure, ax, f"{measure.title}, {guide}"))
            for guide, by_codec in series.items()
        ]
        out.append({"measure": measure, "drawn": drawn})
    return out


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
    """The summary's means as tables: {"metric", "over", "guide", "rows": [(peer, {range: mean})]}, headline first."""
    found: dict[tuple[str, str, str], dict[str, dict[str, Row]]] = {}
    for mean in summary["means"]:
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


def cost_parts(summary: Summary) -> list[str]:
    """The parts into which any codec's time is split, in order of appearance."""
    return list(dict.fromkeys(part for c in summary["costs"] for way in ("encode", "decode") for part in c[way]["parts"]))


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
