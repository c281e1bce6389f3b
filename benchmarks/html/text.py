"""The report as a short text for the repository: Markdown, in which nothing of the rows is markup."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ..curves import OURS
from ..rows import Row
from ..summary import Summary
from .losses import Verdict
from .measures import PSNR
from .results import Point, Results
from .tables import ALL, missing, reasons
from .words import percent, signed, told

LISTED = 40  # losses that are listed one by one
FEW = 0.995  # coverage below which a figure is marked


def markdown(results: Results, summary: Summary, verdicts: Sequence[Verdict]) -> str:
    """The text: losses first, then what failed, what was gained, the points."""
    parts = ["# Rate-distortion benchmark", "", _what(results)]
    parts += [*_losses(summary, verdicts), *_gaps(results, summary), *_means(summary), *_files(summary)]
    parts += [*_lossless(summary), *_states(summary), *_points(results), *_setups(results, summary)]
    return "\n".join(parts) + "\n"


def plain(text: str) -> str:
    """A text without meaning to Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", html.escape(text, quote=False))


def _what(results: Results) -> str:
    counts = f"{len(results.files)} files, {len(results.guides)} guides, {len(results.codecs)} codecs"
    return f"{counts}, {len(results.points)} measurements. PSNR is linear; rates are bits per pixel of the mosaic."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def _losses(summary: Summary, verdicts: Sequence[Verdict]) -> list[str]:
    """What went wrong comes first."""
    out = ["", "## Where a peer is better", ""]
    headline = next((v for v in verdicts if v.measure == PSNR), None)
    if headline is None or not headline.compared:
        return [*out, f"Nothing of {OURS} stands beside a peer."]
    if headline.losses:
        count = f"{len(headline.losses)} of {headline.compared}"
        out += [f"In PSNR, in {count} comparisons of a point with a peer's curve:", ""]
        out += [
            f"- {plain(x.file)}, {plain(x.guide)}, {plain(x.peer)}, at {x.bpp:.3f} bpp: {told(x, PSNR)}"
            for x in headline.losses[:LISTED]
        ]
        rest = Counter(x.peer for x in headline.losses[LISTED:])
        out += [f"- and {count} smaller ones against {plain(peer)}" for peer, count in rest.items()]
    else:
        out += [f"In PSNR at none of the measured points, of {headline.compared} comparisons with a peer's curve."]
    other = [v for v in verdicts if v.measure != PSNR and v.losses]
    if other:
        out += ["", "By other measures, points where a peer is better, of those compared:", ""]
        for v in other:
            out.append(f"- {v.measure.title}: {len(v.losses)} of {v.compared} ({', '.join(map(plain, v.peers))})")
    if summary["missed"]:
        out += ["", "Targets exceeded, or missed by more than 3 %:", ""]
        out += [f"- {_name(row)}: {row['bpp']:.4f} bpp" for row in summary["missed"]]
    return out


def _name(row: Row) -> str:
    return ", ".join(plain(row[name]) for name in ("file", "guide", "codec", "setting") if row[name])


def _gaps(results: Results, summary: Summary) -> list[str]:
    lines = [
        f"- {plain(why)}: {len(rows)} ({_name(rows[0])}{', ...' if len(rows) > 1 else ''})"
        for why, rows in reasons(summary["failures"])
    ]
    lines += [f"- {plain(codec)}: no row for {len(places)} of file and guide" for codec, places in missing(results)]
    return ["", "## What could not be measured, or was not", "", *lines] if lines else []


def _means(summary: Summary) -> list[str]:
    means = [m for m in summary["means"] if m["metric"] == PSNR.name and m["over"] == ALL]
    if not means:
        return []
    ends = {name: f"{low:g} to {high:g} bpp" for name, (low, high) in summary["ranges"].items()}
    out = ["", "## Against each peer", "", "BD-PSNR in dB, and BD-rate, the change of bytes at equal PSNR: means over"]
    out += ["files, the 95 % interval by bootstrap over files in brackets, the worst file, how many files."]
    for guide in summary["guides"]:
        mine = {(m["peer"], m["range"]): m for m in means if m["guide"] == guide["guide"]}
        peers = list(dict.fromkeys(peer for peer, _ in mine))
        rows = [
            [plain(peer), *(cell for name in ends for cell in _cells(mine.get((peer, name))))] for peer in peers
        ]  # fmt: skip
        head = [plain(guide["guide"]), *(f"{ends[name]}{what}" for name in ends for what in (", dB", ", bytes"))]
        out += ["", *_table(head, rows)]
    return out


def _cells(mean: Row | None) -> tuple[str, str]:
    quality, rate = (mean or {}).get("bd_psnr"), (mean or {}).get("bd_rate")
    first = second = "-"
    if quality:
        interval = "" if quality["low"] is None else f" ({signed(quality['low'])} to {signed(quality['high'])})"
        first = f"{signed(quality['mean'])}{interval}, {signed(quality['worst'])}, {quality['files']}"
    if rate:
        interval = "" if rate["low"] is None else f" ({percent(rate['low'])} to {percent(rate['high'])})"
        second = f"{percent(rate['mean'])} %{interval}, {percent(rate['worst'])}, {rate['files']}"
    return first, second


def _files(summary: Summary) -> list[str]:
    """Each file against the best blind peer, or the only one."""
    pairs = [p for p in summary["pairs"] if p["metric"] == PSNR.name]
    guided = {codec["codec"] for codec in summary["codecs"] if codec["guided"]}
    blind = list(dict.fromkeys(p["peer"] for p in pairs if p["peer"] not in guided and p["peer"] != "best guided"))
    peer = "best blind" if "best blind" in blind else next(iter(blind), None)
    if peer is None:
        return []
    found = {(p["file"], p["guide"], p["range"]): p for p in pairs if p["peer"] == peer}
    guides, names = [g["guide"] for g in summary["guides"]], list(summary["ranges"])
    ranges = " / ".join(f"{low:g} to {high:g} bpp" for low, high in summary["ranges"].values())
    out = ["", f"## By file, against {plain(peer)}", "", f"BD-PSNR in dB, {ranges}; in brackets the share of the range"]
    out += ["that both curves cover, where it is not the whole.", ""]
    rows = [
        [plain(file["file"]), *(" / ".join(_pair(found.get((file["file"], g, n))) for n in names) for g in guides)]
        for file in summary["files"]
    ]
    return out + _table(["file", *map(plain, guides)], rows)


def _pair(pair: Row | None) -> str:
    if pair is None or pair["bd_psnr"] is None:
        return "-"
    share = pair["bd_psnr_coverage"]
    return signed(pair["bd_psnr"], 1) + ("" if share >= FEW else f" ({100 * share:.0f} %)")


def _lossless(summary: Summary) -> list[str]:
    rows = []
    for entry in summary["lossless"]:
        if entry["codec"] == OURS:
            shares = ", ".join(f"{plain(peer)} {share:.3f}" for peer, share in entry["share"].items())
            rows.append([plain(entry["file"]), plain(entry["guide"]), f"{entry['bpp']:.3f}", shares])
    head = ["file", "guide", "bpp", "share of the bytes of"]
    return ["", "## Lossless", "", *_table(head, rows)] if rows else []


def _states(summary: Summary) -> list[str]:
    lines = [f"- {plain(x['codec'])}: {plain(x['state'])}" for x in summary["codecs"] if x["state"]]
    return ["", "## How far learned peers were trained", "", *lines] if lines else []


def _points(results: Results) -> list[str]:
    """Those of ours; for the peers' hundreds there are the rows."""
    rows = []
    for file in results.files:
        for guide in results.guides:
            mine = [p for p in results.points if (p.file, p.guide, p.codec) == (file, guide, OURS)]
            if mine:
                rows.append([plain(file), plain(guide), "; ".join(map(_point, mine))])
    return ["", f"## Points of {OURS}", "", "bpp: dB.", "", *_table(["file", "guide", "points"], rows)] if rows else []


def _point(point: Point) -> str:
    value = point.value(PSNR)
    return f"{point.bpp:.3f}: {'no error' if math.isinf(value) else f'{value:.1f}'}"


def _setups(results: Results, summary: Summary) -> list[str]:
    commands = dict.fromkeys(row["command"] for row in results.rows if row.get("command"))
    lines = [
        f"- {plain(x['machine'] or 'unknown machine')}, commit {plain(x['commit'] or 'unknown')}: {x['rows']} rows"
        for x in summary["setups"]
    ]
    return ["", "## Measured on", "", *lines, *(f"- by {plain(command)}" for command in commands)]
