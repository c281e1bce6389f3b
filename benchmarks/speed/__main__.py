"""`python -m rawinlay.benchmarks.speed`: measure time and memory, into speed.jsonl, speed.png and speed.md.

    python -m rawinlay.benchmarks.speed --raw DIR/gopro-hero6.dng --out benchmarks/results

Started again, it goes on where it was stopped. Let nothing else run meanwhile: the load average stands in every row.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...bitstream.errors import InputError
from ..command import exit_with
from ..rows import Results, Row, commit, machine, read_rows, versions
from .measure import MEGAPIXELS, RATES, Measure
from .plots import plot, table

PARTS = ("ratios", "growth", "rate", "threads")
ROWS = "speed.jsonl"


def main() -> int:
    """Measure the parts that are asked for, then draw all that was ever measured."""
    parser = argparse.ArgumentParser(
        "python -m rawinlay.benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )  # fmt: skip
    add = parser.add_argument
    add("--raw", type=Path, action="append", default=[], metavar="RAW", help="12 to 24 MP; several may be given")
    add("--parts", default=",".join(PARTS), help="of %(default)s")
    add("--megapixels", default=",".join(f"{m:g}" for m in MEGAPIXELS), help="default %(default)s")
    add("--rates", default=",".join(f"{r:g}" for r in RATES), help="bits per pixel; default %(default)s")
    add("--rounds", type=int, default=5, metavar="N", help="medians are over so many; default %(default)s")
    add("--work", type=Path, metavar="DIR", help="where large pictures are made; default a temporary folder")
    add("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    parts = args.parts.split(",")
    if any(part not in PARTS for part in parts):
        raise InputError(f"--parts {args.parts}: want some of {', '.join(PARTS)}")
    results = Results(args.out / ROWS)
    with tempfile.TemporaryDirectory() as temporary:
        done = {(row["file"], row["setting"]) for row in results.done.values()}
        measure = Measure(args.work or Path(temporary), max(1, args.rounds), done)
        about = {"machine": machine(), "commit": commit(), "versions": versions()}
        try:
            for row in _rows(measure, args, parts):
                results.add({**row, **about})
                said = row.get("error") or f"{row['wall']:.3g} s"
                print(f"{row['file']}: {row['setting']}: {said}", file=sys.stderr, flush=True)
        finally:
            results.close()
    rows = [row for row in read_rows(args.out / ROWS) if "error" not in row]
    plot(rows, args.out / "speed.png")
    text = "\n".join(table(rows)) + "\n"
    (args.out / "speed.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def _rows(measure: Measure, args: argparse.Namespace, parts: list[str]) -> Iterator[Row]:
    for source in args.raw:
        if "ratios" in parts:
            yield from measure.ratios(source)
    for source in args.raw[:1]:
        if "growth" in parts:
            for megapixels in sorted(float(m) for m in args.megapixels.split(",")):
                try:
                    yield from measure.growth(source, megapixels)
                except InputError as error:  # other sizes may do
                    yield measure.failed(source, f"growth {megapixels:g} MP", error)
        if "rate" in parts:
            for bpp in (float(r) for r in args.rates.split(",")):
                yield from measure.rate(source, bpp)
        if "threads" in parts:
            for count in range(1, len(os.sched_getaffinity(0)) + 1):
                yield from measure.threads(source, count)


if __name__ == "__main__":
    exit_with(main)
