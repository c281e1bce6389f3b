"""Tables and a plot of the rate-distortion benchmark from its results, without measuring anything again.

    python -m benchmarks.report results.json [more.json] [--trunk earlier.json] --out DIR

writes DIR/report.md and DIR/curves.png. The peer at each rate is the better of JPEG XL's linear and square-root curves;
gains are means over log rate (`eval.bdrate`).
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.against import section
from benchmarks.command import exit_with
from benchmarks.rows import Row, key, read_rows
from bitstream.errors import InputError
from eval.bdrate import Curve, Mean, best_quality, common_quality, gain, saving

RANGES = {"low": (0.1, 0.8), "high": (0.8, 3.0)}  # bpp
PEERS, LOSSLESS = ("jxl-linear", "jxl-sqrt"), "jxl-lossless"
RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)  # at which the peer's better curve is listed
SHORT = 0.03  # encoders may end this part below their target, and never above
WHOLE = 0.995  # coverage from which a range counts as covered


@dataclass
class Outcome:
    """One file with one guide.

    points: ours, (bpp, PSNR or None where nothing differs), by rising rate. gains: dB by range. saved: bytes at equal
    PSNR, -0.6 for 60 % less. losses: (bpp, dB below the peer) of the points where the peer is better; infinite where
    its lossless file is no larger.
    """

    file: str
    guide: str
    camera: str
    points: list[tuple[float, float | None]]
    gains: dict[str, Mean]
    saved: Mean
    losses: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Summary:
    """All that the report says.

    peers: file -> codec -> points (bpp, psnr). lossless: (file, guide) -> our bpp, bit for bit. failures: rows with
    an error. missed: rows whose bytes are not what was asked for.
    """

    outcomes: list[Outcome]
    peers: dict[str, dict[str, list[tuple[float, float | None]]]]
    failures: list[Row]
    missed: list[Row]
    setups: list[str]
    lossless: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Names of all files, in order."""
        return sorted({o.file for o in self.outcomes} | set(self.peers))

    @property
    def guides(self) -> list[str]:
        """Names of the guides, in order of first appearance."""
        return list(dict.fromkeys(o.guide for o in self.outcomes))


def summarise(rows: Iterable[Row]) -> Summary:
    """Curves, gains and losses from the rows of the benchmark; of rows with the same key the last counts."""
    latest = {key(row): row for row in rows}.values()
    good = [row for row in latest if "error" not in row]
    exact = [row for row in good if row["codec"] == "rawinlay" and row["setting"] == "lossless"]
    broken = [row | {"error": "lossless, but not identical"} for row in exact if not row["identical"]]
    good = [row for row in good if row not in exact]
    lossless = {(row["file"], row["guide"]): row["bpp"] for row in exact if row["identical"]}
    peers: dict[str, dict[str, list[tuple[float, float | None]]]] = {}
    ours: dict[tuple[str, str], list[Row]] = {}
    for row in good:
        if row["codec"] == "rawinlay":
            ours.setdefault((row["file"], row["guide"]), []).append(row)
        else:
            peers.setdefault(row["file"], {}).setdefault(row["codec"], []).append((row["bpp"], row["psnr"]))
    for curves in peers.values():
        for points in curves.values():
            points.sort()
    outcomes = [_outcome(file, guide, part, peers.get(file, {})) for (file, guide), part in ours.items()]
    setups = sorted({f"commit {row['commit']}, {row['machine']}" for row in good if row["codec"] == "rawinlay"})
    missed = [row for row in good if row["codec"] == "rawinlay" and not _on_target(row)]
    failures = [row for row in latest if "error" in row] + broken
    return Summary(outcomes, peers, failures, missed, setups, lossless)


def _on_target(row: Row) -> bool:
    """Whether the bytes are within `SHORT` below the rate that was asked for; a file without error may be smaller."""
    target = float(row["setting"].removeprefix("bpp="))
    return row["bpp"] <= target and (row["bpp"] >= target * (1 - SHORT) or row["psnr"] is None)


def _outcome(file: str, guide: str, rows: list[Row], peers: dict[str, list[tuple[float, float | None]]]) -> Outcome:
    points = sorted(((row["bpp"], row["psnr"]) for row in rows), key=lambda p: p[0])
    nothing = Mean(math.nan, 0.0)
    outcome = Outcome(file, guide, rows[0].get("camera", ""), points, dict.fromkeys(RANGES, nothing), nothing)
    curve, rivals = curve_of(points), rival_curves(peers)
    if not rivals:
        return outcome
    rates = np.array([bpp for bpp, quality in points if quality is not None])
    found = np.array([quality for _, quality in points if quality is not None])
    below = best_quality(rivals, rates) - found if len(rates) else np.zeros(0)
    lossless = min((bpp for bpp, _ in peers.get(LOSSLESS, [])), default=math.inf)
    below = np.where(rates >= lossless, math.inf, below)
    outcome.losses = [(float(r), float(b)) for r, b in zip(rates, below, strict=True) if b > 0]
    if curve is not None:
        outcome.gains = {name: gain(curve, rivals, *limits) for name, limits in RANGES.items()}
        shared = common_quality(curve, rivals)
        outcome.saved = saving(curve, rivals, *shared) if shared else nothing
    return outcome


def curve_of(points: Iterable[tuple[float, float | None]]) -> Curve | None:
    """The curve through measured points; None where there are too few. Points without any error are left out."""
    finite = [(bpp, quality) for bpp, quality in points if quality is not None]
    return Curve(finite) if len({bpp for bpp, _ in finite}) >= 2 else None


def rival_curves(peers: dict[str, list[tuple[float, float | None]]]) -> list[Curve]:
    """The peer's lossy curves of one file."""
    curves = (curve_of(peers.get(codec, [])) for codec in PEERS)
    return [curve for curve in curves if curve is not None]


def markdown(summary: Summary, against: Sequence[str] = ()) -> str:
    """The report as text; against: lines of `benchmarks.against`."""
    parts = ["# Rate-distortion benchmark", *_setups(summary), *_losses(summary), *_gains(summary)]
    parts += [*against, *_lossless(summary), *_points(summary)]
    return "\n".join(parts) + "\n"


def _setups(summary: Summary) -> list[str]:
    lines = [f"- {setup}" for setup in summary.setups]
    return ["", "Measured on:", "", *lines] if lines else []


def _losses(summary: Summary) -> list[str]:
    """What went wrong comes first."""
    lines = [f"- {o.file}, {o.guide}: {_loss(b)} at {r:.3f} bpp" for o in summary.outcomes for r, b in o.losses]
    nothing = "Nowhere at the measured points." if summary.outcomes else "Nothing of rawinlay was measured."
    out = ["", "## Where the peer is better", "", *(lines or [nothing])]
    if summary.missed:
        out += ["", f"## Targets exceeded, or missed by more than {100 * SHORT:g} %", ""]
        out += [f"- {' '.join(filter(None, key(row)))}: {row['bpp']:.4f} bpp" for row in summary.missed]
    if summary.failures:
        out += ["", "## What could not be measured", ""]
        out += [f"- {' '.join(filter(None, key(row)))}: {row['error']}" for row in summary.failures]
    return out


def _loss(below: float) -> str:
    return f"{-below:.2f} dB" if math.isfinite(below) else "JPEG XL is lossless with no more bytes than ours"


def _gains(summary: Summary) -> list[str]:
    if not summary.outcomes:
        return []
    by_key = {(o.file, o.guide): o for o in summary.outcomes}
    limits = " / ".join(f"{low:g} to {high:g} bpp" for low, high in RANGES.values())
    out = ["", "## Gain over JPEG XL at equal bytes", ""]
    out += [f"dB, mean over log rate, {limits}; then the change of bytes at equal PSNR, over the PSNR that both reach."]
    out += ["In brackets: the share of the range that both curves cover.", ""]
    out += [f"| file | {' | '.join(summary.guides)} |", "|---" * (1 + len(summary.guides)) + "|"]
    for file in summary.files:
        cells = [_cell(by_key.get((file, guide))) for guide in summary.guides]
        out.append(f"| {file} | {' | '.join(cells)} |")
    sensors = [o for o in summary.outcomes if "gopro" not in f"{o.camera} {o.file}".lower()]
    out.append(_row("**mean**", summary.guides, summary.outcomes, np.mean))
    if len(sensors) < len(summary.outcomes):
        out.append(_row("mean without GoPro (stored lossily by the camera)", summary.guides, sensors, np.mean))
    out.append(_row("worst", summary.guides, summary.outcomes, np.min))
    return out


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return "-"
    saved = "" if math.isnan(outcome.saved.value) else f"; {100 * outcome.saved.value:+.0f} %"
    return " / ".join(_gain(outcome.gains[name]) for name in RANGES) + saved


def _gain(mean: Mean) -> str:
    if math.isnan(mean.value):
        return "-"
    return f"{mean.value:+.1f}" + ("" if mean.coverage >= WHOLE else f" ({100 * mean.coverage:.0f} %)")


def _row(title: str, guides: list[str], outcomes: list[Outcome], how: Callable[[list[float]], float]) -> str:
    """One line over all files; says of how many, where some have no figure."""
    cells = []
    files = len({o.file for o in outcomes})
    for guide in guides:
        parts = []
        for name in RANGES:
            values = [o.gains[name].value for o in outcomes if o.guide == guide]
            there = [value for value in values if not math.isnan(value)]
            few = "" if len(there) == files else f" (of {len(there)})"
            parts.append(f"{how(there):+.1f}{few}" if there else "-")
        cells.append(" / ".join(parts))
    return f"| {title} | {' | '.join(cells)} |"


def _lossless(summary: Summary) -> list[str]:
    """Our lossless bytes against JPEG XL's."""
    if not summary.lossless:
        return []
    guides = list(dict.fromkeys(guide for _, guide in summary.lossless))
    out = ["", "## Lossless", "", "bpp, and its share of JPEG XL lossless (effort 7, packed mosaic).", ""]
    out += [f"| file | JPEG XL | {' | '.join(guides)} |", "|---" * (2 + len(guides)) + "|"]
    shares: dict[str, list[float]] = {guide: [] for guide in guides}
    for file in dict.fromkeys(name for name, _ in summary.lossless):
        blind = min((bpp for bpp, _ in summary.peers.get(file, {}).get(LOSSLESS, [])), default=math.nan)
        cells = []
        for guide in guides:
            bpp = summary.lossless.get((file, guide), math.nan)
            shares[guide].append(bpp / blind)
            cells.append(f"{bpp:.3f}: {bpp / blind:.3f}" if math.isfinite(bpp) else "-")
        out.append(f"| {file} | {blind:.3f} | {' | '.join(cells)} |")
    means = [f"{np.nanmean(shares[guide]):.3f}" for guide in guides]
    return [*out, f"| **mean share** |  | {' | '.join(means)} |"]


def _points(summary: Summary) -> list[str]:
    out = ["", "## Curves", "", "bpp: dB.", "", "| file | codec | points |", "|---|---|---|"]
    for file in summary.files:
        out += [f"| {file} | rawinlay, {o.guide} | {_list(o.points)} |" for o in summary.outcomes if o.file == file]
        peers = summary.peers.get(file, {})
        if rivals := rival_curves(peers):
            best = zip(RATES, best_quality(rivals, np.array(RATES)), strict=True)
            out.append(f"| {file} | JPEG XL, better of both | {_list((r, q) for r, q in best if math.isfinite(q))} |")
        out += [f"| {file} | {codec} | {_list(points)} |" for codec, points in sorted(peers.items())]
    return out


def _list(points: Iterable[tuple[float, float | None]]) -> str:
    return "; ".join(f"{bpp:.3f}: {'no error' if quality is None else f'{quality:.1f}'}" for bpp, quality in points)


def plot(summary: Summary, path: Path | io.BytesIO) -> None:
    """One panel per file, PSNR over log rate: ours by guide, the peer's two curves, as a PNG at `path`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(3, len(summary.files))
    rows = math.ceil(len(summary.files) / columns)
    size = (5 * columns, 3.8 * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.ravel()[len(summary.files) :]:
        axis.axis("off")
    for axis, file in zip(axes.ravel(), summary.files, strict=False):
        for codec, style in zip(PEERS, ("--", ":"), strict=True):
            finite = [(b, q) for b, q in summary.peers.get(file, {}).get(codec, []) if q is not None]
            if finite:
                axis.plot(*zip(*finite, strict=True), style, color="0.45", label=codec)
        for k, guide in enumerate(summary.guides):
            for o in summary.outcomes:
                finite = [(b, q) for b, q in o.points if q is not None]
                if (o.file, o.guide) == (file, guide) and finite:
                    axis.plot(*zip(*finite, strict=True), "o-", color=f"C{k}", markersize=4, label=f"rawinlay, {guide}")
        axis.set(title=file, xscale="log", xlabel="bits per mosaic sample", ylabel="PSNR, linear, dB", xlim=(0.04, 5))
        axis.set_xticks([0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3], ["0.05", "0.1", "0.2", "0.4", "0.8", "1.5", "3"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize="small")
    figure.savefig(path, dpi=110, format="png")
    pyplot.close(figure)


def _read(path: Path) -> list[Row]:
    try:
        return read_rows(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def run(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description="Tables and a plot of results.")
    parser.add_argument("results", type=Path, nargs="+", metavar="FILE", help="results of benchmarks.rd")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where report.md and curves.png go")
    parser.add_argument("--trunk", type=Path, metavar="FILE", help="earlier results to count bytes against")
    options = parser.parse_args(arguments)
    rows = [row for path in options.results for row in _read(path)]
    earlier = _read(options.trunk) if options.trunk else []
    if not rows:
        raise InputError("the results hold no rows")
    summary = summarise(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.md").write_text(markdown(summary, section(rows, earlier)), encoding="utf-8")
    plot(summary, options.out / "curves.png")
    return 0


if __name__ == "__main__":
    exit_with(run)
