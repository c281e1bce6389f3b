"""The page itself: everything that is said, handed to the template, which escapes it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..curves import OURS
from ..summary import Summary
from . import chart, scales, tables, words
from .gallery import Gallery, choices, near_rates
from .losses import Verdict, verdict
from .means import RATES, mean_points
from .measures import EDITS, PSNR, Measure
from .published import Published
from .results import Results

LISTED = 200  # losses by one measure that are listed; the rest is counted
WHOLE = 0.995  # coverage from which a range counts as covered
METRIC_TITLES = {"psnr": "PSNR, linear", "psnr_companded": "PSNR, square root"} | {
    edit: f"sRGB PSNR, {how}" for edit, how in EDITS.items()
}


def render(
    results: Results,
    summary: Summary,
    verdicts: Sequence[Verdict],
    gallery: Gallery,
    published: Published | str | None,
    command: str,
) -> str:
    """The page as text, to be written beside the rows and the pictures. command: what made the page."""
    environment = Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    for name in ("figure", "signed", "percent", "seconds", "megabytes", "grouped"):
        environment.filters[name] = getattr(words, name)
    measures, script = results.measured(), "\n" + _asset(environment, "page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    context = {
        # the page's own
        "style": _asset(environment, "style.css"), "script": script, "script_hash": f"sha256-{digest}",
        "command": command, "commands": list(dict.fromkeys(r["command"] for r in results.rows if r.get("command"))),
        # names and words
        "ours": OURS, "psnr": PSNR, "rates": RATES, "whole": WHOLE, "listed": LISTED, "metric_titles": METRIC_TITLES,
        "told": words.told, "tally": words.tally, "measures": measures, "groups": tables.groups(measures),
        # figures
        "results": results, "summary": summary, "verdicts": verdicts, "slower": tables.slower(summary),
        "tables": tables.summary_tables(summary), "points": tables.by_file(results),
        "means": tables.mean_tables(results, measures), "parts": tables.cost_parts(summary),
        "costs": tables.costs(results, summary),
        "reasons": tables.reasons(summary["failures"]), "missing": tables.missing(results),
        "published": published if isinstance(published, Published) else None,
        "unpublished": published if isinstance(published, str) else "",
        # drawn
        "legend": legend(results), "charts": charts(results), "mean_charts": mean_charts(results, measures),
        "plot": chart.PLOT, "bars": {"error": scales.ERRORS, "bits": scales.BITS},
        # pictures
        "gallery": gallery, "choices": choices(gallery),
        "errors": near_rates(gallery, "error"), "bits": near_rates(gallery, "bits"),
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
            guides = [guide for guide in results.guides if any(p.guide == guide for p in points)]
            drawn = [
                (guide, chart.draw(results.series(file, guide), results.codecs, PSNR, ax, f"{file}, {guide}"))
                for guide in guides or [""]
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
