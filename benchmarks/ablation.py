"""What each part of the encoder is worth: bytes at equal PSNR with the part left out, and the effort levels with times.

    python -m rawinlay.benchmarks.ablation --pair photo.nef photo.jpg --shots SHOTS_DIR --out ablation.json

Pairs of RAW and JPEG, and simulated shots kept for validation, are encoded at `QUALITIES` with each variant of the
default effort, decoded again and compared. Bytes are what the JPEG grows by. A variant's figure is the mean over
pictures of the change of bytes at equal PSNR (`eval.bdrate`), against everything on. The results file is added to, a
row per picture, variant and quality, and what stands there is not measured again; the table goes to stdout.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..bitstream.errors import UsageError
from ..bitstream.raw_image import RawImage
from ..bitstream.runtime.files import read_file
from ..codec.api import decode_arrays, encode_arrays
from ..codec.encoder.effort import LEVELS, Effort
from ..codec.simulator.dataset import load_shot
from ..codec.source.raw import read_raw
from ..eval.bdrate import Curve, common_quality, saving
from ..eval.metrics import psnr
from .command import exit_with
from .rows import Results, Row, commit, key, machine, versions

QUALITIES = (40.0, 62.0, 82.0)
FULL = "everything"
WHOLE = LEVELS[5]
VARIANTS: dict[str, Effort] = {
    FULL: WHOLE,
    "learned features": replace(WHOLE, learned=True),
    "no powers of Y": replace(WHOLE, powers=False),
    "no local recipe": replace(WHOLE, local=()),
    "no second look": replace(WHOLE, look=False),
    "no Haar basis": replace(WHOLE, haar=False),
    "4 states": replace(WHOLE, states=2),
    "32 states": replace(WHOLE, states=5),
    "64 states": replace(WHOLE, states=6),
} | {f"effort {level}": effort for level, effort in LEVELS.items() if level != 5}


def pictures(pairs: Sequence[Sequence[Path]], shots: Path | None) -> Iterator[tuple[str, RawImage, bytes]]:
    """Name, RAW and JPEG of everything that is to be coded."""
    for raw, jpeg in pairs:
        yield f"{raw.name} with {jpeg.parent.name}/{jpeg.name}", read_raw(raw), read_file(jpeg, "JPEG")
    for path in sorted(shots.glob("*-val.npz")) if shots else []:
        shot = load_shot(path)
        yield path.stem, shot.raw, shot.jpeg


def measure(raw: RawImage, jpeg: bytes, quality: float, effort: Effort) -> Row:
    """One coding: bytes, PSNR and seconds."""
    start = time.perf_counter()
    encoded = encode_arrays(raw, jpeg, quality=quality, effort=effort, tune="psnr")
    middle = time.perf_counter()
    decoded = decode_arrays(encoded.jpeg)
    end = time.perf_counter()
    return {
        "bytes": encoded.metadata_bytes, "psnr": psnr(raw, decoded.mosaic),
        "encode_seconds": round(middle - start, 3), "decode_seconds": round(end - middle, 3),
    }  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Variants by mean change of bytes in percent, worst and best picture, and time against everything on."""
    by: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by.setdefault((row["codec"], row["file"]), []).append(row)
    lines = [
        "| variant | bytes at equal PSNR | from | to | encoding | decoding | pictures |",
        "|---|---|---|---|---|---|---|",
    ]
    for variant in VARIANTS:
        changes: list[float] = []
        encoding: list[float] = []
        decoding: list[float] = []
        for (name, file), own in by.items():
            full = by.get((FULL, file), [])
            if name != variant or len(own) < 2 or len(full) < 2:
                continue
            curve, reference = (Curve([(r["bytes"], r["psnr"]) for r in part]) for part in (own, full))
            shared = common_quality(curve, [reference])
            if shared:
                changes.append(100 * saving(curve, [reference], *shared).value)
            for times, what in ((encoding, "encode_seconds"), (decoding, "decode_seconds")):
                times.append(sum(r[what] for r in own) / sum(r[what] for r in full))
        if changes:
            lines.append(
                f"| {variant} | {np.mean(changes):+.1f} % | {min(changes):+.1f} % | {max(changes):+.1f} % "
                f"| x {np.median(encoding):.2f} | x {np.median(decoding):.2f} | {len(changes)} |"
            )
    return "\n".join(lines)


def run(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m rawinlay.benchmarks.ablation",
        description="What each part is worth.",
    )
    parser.add_argument("--pair", type=Path, nargs=2, action="append", default=[], metavar=("RAW", "JPEG"))
    parser.add_argument("--shots", type=Path, metavar="DIR", help="simulated shots; those for validation are coded")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, JSON lines; added to")
    parser.add_argument("--variant", action="append", choices=[*VARIANTS], help="only these; may be repeated")
    options = parser.parse_args(arguments)
    if not options.pair and not options.shots:
        raise UsageError("nothing to code: give --pair or --shots")
    results = Results(options.out)
    setup = {"machine": machine(), "commit": commit(), "versions": versions(), "guide": ""}
    for name, raw, jpeg in pictures(options.pair, options.shots):
        for variant in options.variant or VARIANTS:
            for quality in QUALITIES:
                head = {"file": name, "guide": "", "codec": variant, "setting": f"quality={quality:g}"}
                if key(head) not in results.done:
                    results.add(head | setup | measure(raw, jpeg, quality, VARIANTS[variant]))
            print(f"{name}: {variant}", file=sys.stderr)
    print(table([row for row in results.done.values() if "error" not in row]))
    return 0


if __name__ == "__main__":
    exit_with(run)
