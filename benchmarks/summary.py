"""The benchmark in figures: who is better by how much, over which range, how sure; losses first.

`summarise(rows)` gives one dict, fit for JSON, from which `rawinlay bench report` draws. None stands for what is not
there. Numbers are for people who divide nothing: dB, bits per pixel of the mosaic, shares (-0.25: a quarter less).

::

    {"ours": "rawinlay",
     "ranges": {"low": [0.1, 0.8], "high": [0.8, 3.0]},      bpp of ours
     "metrics": ["psnr", "psnr_companded", "as_shot", ...],    what "metric" below may be (an edit's name stands for
                                                               the sRGB PSNR after it); the first is the headline
     "files":  [{"file", "camera", "pixels"}],                 by name
     "guides": [{"guide", "programs": [text]}],                in order of appearance, without the blind ""
     "codecs": [{"codec", "guided": bool, "ours": bool, "counts", "state", "rows", "failed"}],   ours first
     "lost":   [PAIR with bd_psnr < 0 of metric "psnr"],       worst first
     "losses": [{"file", "guide", "codec", "setting", "bpp", "psnr", "peer", "peer_psnr", "db"}],
                                                               points of ours below a peer's curve, worst first; db < 0
     "beaten_lossless": [{"file", "guide", "setting", "bpp", "peer", "peer_bpp"}],   a peer is lossless in no more bytes
     "failures": [{"file", "guide", "codec", "setting", "error"}],
     "missed": [ROW whose bytes exceed the target, or miss it by more than 3 %],
     "means":  [{"guide", "peer", "metric", "range", "over", "files",
                 "bd_psnr": {"mean", "low", "high", "worst", "files", "coverage"} | None,
                 "bd_rate": the same | None}],   over: "all", "all but GoPro" (stored lossily), "camera: NAME";
                                                 low, high: 95 % interval by bootstrap over files, None for one file;
                                                 worst: the worst file; files: how many have a figure;
                                                 coverage: mean share of the range over these
     "pairs":  [PAIR],
     "curves": [{"file", "camera", "guide", "codec", "counts", "state", "points": [ROW without machine, ...]}],
                                                               points by rising bpp
     "lossless": [{"file", "guide", "codec", "bpp", "share": {peer: our bpp / its}}],    codecs at the setting lossless
     "costs":  [{"codec", "guide", "rows", "pixels", "encode": COST, "decode": COST}],
                                                 COST: {"seconds_per_megapixel", "parts": {name: the same},
                                                        "peak_memory"}: medians over rows, memory the largest in bytes
     "setups": [{"machine", "commit", "versions", "rows"}]}

    PAIR = {"file", "camera", "guide", "peer", "metric", "range",
            "bd_psnr", "bd_psnr_coverage", "bd_rate", "bd_rate_coverage"}

**Ranges and overlap.** BD-PSNR is the mean over log rate, from the range's lower to its upper end, of ours minus the
peer's at equal rate; where one of the curves does not reach, that part is left out, and coverage is the share that was
used. BD-rate is the mean, over the PSNR that ours reaches within the range, of the logarithm of bytes at equal PSNR;
the peer's curve counts as a whole, for what takes ours 0.1 bpp may take a peer 2. Where it ends before, coverage says
so: a figure of small coverage is one of another, easier or harder, range. Nothing is extrapolated but 4 % of rate.
Both by the package `bjontegaard` (`eval.bdrate`).

**Intervals** draw files with replacement, seeded, and stand for other files like these; of six files that is not much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np

from . import curves as by_name
from .curves import BEST_BLIND, BEST_GUIDED, FAMILY, METRICS, OURS, Name
from .deltas import RANGES, means_of, pairs_of
from .rows import SETUP, Row, parts_of

SHORT = 0.03  # encoders may end this part below their target, and never above
LOSSLESS = "lossless"
Summary = dict[str, Any]


def summarise(rows: Iterable[Row]) -> Summary:
    """All that can be said of the benchmark's rows; of rows with the same key the last counts."""
    rows = by_name.latest(rows)
    good = [row for row in rows if "error" not in row]
    broken = [row for row in good if row["setting"] == LOSSLESS and not row["identical"]]
    good = [row for row in good if row not in broken]
    failed = [row for row in rows if "error" in row]
    failed += [row | {"error": "lossless, but not identical"} for row in broken]
    pairs = [pair for metric in METRICS for pair in pairs_of(good, metric)]
    return {
        "ours": OURS,
        "ranges": {name: list(ends) for name, ends in RANGES.items()},
        "metrics": list(METRICS),
        "files": _files(rows),
        "guides": _guides(rows),
        "codecs": _codecs(rows, failed),
        "lost": sorted((p for p in pairs if p["metric"] == METRICS[0] and (p["bd_psnr"] or 0) < 0), key=_bd_psnr),
        "losses": _losses(good),
        "beaten_lossless": _beaten_lossless(good),
        "failures": [{name: row[name] for name in ("file", "guide", "codec", "setting", "error")} for row in failed],
        "missed": [row for row in good if _missed(row)],
        "means": means_of(pairs),
        "pairs": pairs,
        "curves": _curves(good),
        "lossless": _lossless(good),
        "costs": _costs(good),
        "setups": _setups(good),
    }


def _bd_psnr(pair: Row) -> float:
    return float(pair["bd_psnr"])


def _files(rows: Sequence[Row]) -> list[Row]:
    found = {row["file"]: {n: row.get(n) for n in ("file", "camera", "pixels")} for row in rows}
    return [found[name] for name in sorted(found)]


def _guides(rows: Sequence[Row]) -> list[Row]:
    programs: dict[str, dict[str, None]] = {row["guide"]: {} for row in rows if row["guide"]}
    for row in rows:
        if row["guide"] and row.get("guide_program"):
            programs[row["guide"]][row["guide_program"]] = None
    return [{"guide": guide, "programs": list(names)} for guide, names in programs.items()]


def _codecs(rows: Sequence[Row], failed: Sequence[Row]) -> list[Row]:
    out: dict[str, Row] = {}
    for row in rows:
        entry = out.setdefault(
            row["codec"],
            {"codec": row["codec"], "guided": False, "ours": row["codec"] in FAMILY, "counts": "", "state": "",
             "rows": 0, "failed": 0},
        )  # fmt: skip
        entry["guided"] |= bool(row["guide"])
        entry["rows"] += 1
        for name in ("counts", "state"):
            entry[name] = row.get(name) or entry[name]
    for row in failed:
        out[row["codec"]]["failed"] += 1
    order = {name: k for k, name in enumerate(FAMILY)}
    return sorted(out.values(), key=lambda entry: (order.get(entry["codec"], len(order)), entry["codec"]))


def _losses(rows: Sequence[Row]) -> list[Row]:
    """Points of ours that a rival's curve passes above; the best of kinds are left out, for their members are in."""
    metric = METRICS[0]
    found = by_name.curves(rows, metric)
    out = []
    for row in rows:
        quality = by_name.value(row, metric)
        if row["codec"] != OURS or quality is None:
            continue
        for peer, curve in by_name.rivals(found, row["file"], row["guide"]).items():
            if peer in (BEST_BLIND, BEST_GUIDED):
                continue
            theirs = float(curve.quality_at(np.array([row["bpp"]]))[0])
            if theirs > quality:
                point = {name: row[name] for name in ("file", "guide", "codec", "setting", "bpp")}
                out.append(point | {"psnr": quality, "peer": peer, "peer_psnr": theirs, "db": quality - theirs})
    return sorted(out, key=lambda loss: loss["db"])


def _beaten_lossless(rows: Sequence[Row]) -> list[Row]:
    """Rows of ours, lossy or not, where a rival is lossless in no more bytes."""
    out = []
    exact = [row for row in rows if row["identical"] and row["codec"] != OURS]
    for row in rows:
        if row["codec"] == OURS and (row["setting"] == LOSSLESS or not row["identical"]):
            for peer in exact:
                if peer["file"] == row["file"] and peer["guide"] in ("", row["guide"]) and peer["bpp"] <= row["bpp"]:
                    point = {name: row[name] for name in ("file", "guide", "setting", "bpp")}
                    out.append(point | {"peer": peer["codec"], "peer_bpp": peer["bpp"]})
    return out


def _missed(row: Row) -> bool:
    """Whether ours ended above its target or too far below; what is lossless already needs no more."""
    name, _, target = row["setting"].partition("=")
    if row["codec"] != OURS or name != "bpp" or row["psnr"] is None:
        return False
    return not 1 - SHORT <= row["bpp"] / float(target) <= 1


def _curves(rows: Sequence[Row]) -> list[Row]:
    points: dict[Name, list[Row]] = {}
    for row in rows:
        points.setdefault(Name(row["file"], row["guide"], row["codec"]), []).append(row)
    out = []
    for name, part in sorted(points.items()):
        part = sorted(part, key=lambda row: row["bpp"])
        head = {"file": name.file, "camera": part[0].get("camera"), "guide": name.guide, "codec": name.codec}
        head |= {what: part[-1].get(what, "") for what in ("counts", "state")}
        shown = [{n: v for n, v in row.items() if n not in head and n not in SETUP} for row in part]
        out.append(head | {"points": shown})
    return out


def _lossless(rows: Sequence[Row]) -> list[Row]:
    exact = [row for row in rows if row["setting"] == LOSSLESS]
    out = []
    for row in exact:
        beside = (r for r in exact if r["file"] == row["file"] and r["guide"] in ("", row["guide"]) and r is not row)
        share = {other["codec"]: row["bpp"] / other["bpp"] for other in beside}
        out.append({name: row[name] for name in ("file", "guide", "codec", "bpp")} | {"share": share})
    return out


def _costs(rows: Sequence[Row]) -> list[Row]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["codec"], row["guide"]), []).append(row)
    out = []
    for (codec, guide), part in groups.items():
        head: Row = {"codec": codec, "guide": guide, "rows": len(part)}
        head["pixels"] = sum(row.get("pixels") or 0 for row in part)
        out.append(head | {what: _cost(part, what) for what in ("encode", "decode")})
    return out


def _cost(rows: Sequence[Row], what: str) -> Row:
    measured = [(row[what], row["pixels"] / 1e6) for row in rows if row.get(what) and row.get("pixels")]
    names = dict.fromkeys(name for cost, _ in measured for name in parts_of(cost))
    spent = {
        name: median(cost[name] / size for cost, size in measured if cost.get(name) is not None) for name in names
    }  # fmt: skip
    memory = [cost["peak_memory"] for cost, _ in measured if cost.get("peak_memory")]
    total = [cost["total"] / size for cost, size in measured if cost.get("total") is not None]
    return {
        "seconds_per_megapixel": median(total) if total else None, "parts": spent,
        "peak_memory": max(memory, default=None),
    }  # fmt: skip


def _setups(rows: Sequence[Row]) -> list[Row]:
    out: dict[str, Row] = {}
    for row in rows:
        setup = {name: row.get(name) for name in SETUP}
        entry = out.setdefault(repr(setup), setup | {"rows": 0})
        entry["rows"] += 1
    return list(out.values())
