"""What an export costs as a guide: dB under the same JPEG in place, by kind and strength.

`python -m tests.campaigns.alignment_loss --folder DIR` from the repository's root: pieces of the RAW files in there,
each exported in every way, coded at --bpp and decoded; --rows FILE: JSON lines, what stands there is not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.api import decode_arrays, encode_arrays

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from exports import Export, Look

from .alignment_pairs import Pair, pieces

Change = Callable[[Export, Look], tuple[Export, Look]]


def _place(change: Callable[[Export], Export]) -> Change:
    return lambda e, k: (change(e), k)


def _look(**changes: float) -> Change:
    return lambda e, k: (e, replace(k, **changes))


WAYS: dict[str, Change] = {
    "in place": _look(),
    **{f"crop {n} %": _place(lambda e, n=n: e.crop_share(n / 100, (0.3, 0.6))) for n in (5, 20, 40)},
    **{f"scale {s}": _place(lambda e, s=s: e.resize(s)) for s in (0.15, 0.25, 0.5, 0.75, 1.5, 2)},
    "quarter turn": _place(lambda e: e.turn(1)),
    "mirrored": _place(lambda e: e.mirror()),
    **{f"straightened {a} degrees": _place(lambda e, a=a: e.straighten(a)) for a in (0.25, 1, 5)},
    **{f"perspective {n} %": _place(lambda e, n=n: e.perspective(n / 100)) for n in (2, 10)},
    **{f"distortion {n:+} %": _place(lambda e, n=n: e.distort(n / 100)) for n in (3, -3, 10, -10)},
    "chromatic shift 0.1 %": _place(lambda e: e.chromatic(0.001)),
    **{f"frame {n} %": _place(lambda e, n=n: e.frame(n / 100)) for n in (3, 10)},
    **{f"brightness x {g}": _look(gain=g) for g in (0.25, 0.5, 2, 4, 6)},
    **{f"contrast x {c}": _look(contrast=c) for c in (0.6, 1.5, 3)},
    "black and white": _look(mono=True),
    "local tone 0.6": _look(local=0.6),
    "pasted sky 30 %": _look(sky=0.3),
    "date stamp": _look(stamp=True),
    "portrait blur 1 %": _look(blur=0.01),
    "quality 50": _look(quality=50),
}
NONE = "no guide"


def db_of(raw: RawImage, jpeg: bytes, bpp: float, guide: str = "auto") -> float:
    """Linear PSNR over (white - black) of the mosaic decoded from a JPEG; -inf where that is refused."""
    try:
        found = decode_arrays(encode_arrays(raw, jpeg, bpp=bpp, guide=guide, metadata="none").jpeg)
    except InputError:
        return -np.inf
    error = np.mean((found.mosaic.astype(np.float64) - raw.mosaic) ** 2)
    return float(10 * np.log10((raw.white - np.mean(raw.black)) ** 2 / max(error, 1e-9)))


def trial(pair: Pair, way: str, bpp: float) -> float:
    export, look = WAYS["in place" if way == NONE else way](Export.of(pair.linear), Look())
    return db_of(pair.raw, look.jpeg(export.render(pair.linear)), bpp, "none" if way == NONE else "auto")


def table(rows: list[tuple[int, str, float]]) -> str:
    """Markdown: dB under the JPEG in place, in the mean and at most, and what no guide costs."""
    best = {seed: db for seed, way, db in rows if way == "in place"}
    lines = ["| export | pairs | dB under the JPEG in place, mean | most |", "|---|---|---|---|"]
    for way in dict.fromkeys(way for _, way, _ in rows):
        loss = [best[seed] - db for seed, other, db in rows if other == way and seed in best]
        if way != "in place" and loss:
            lines.append(f"| {way} | {len(loss)} | {np.mean(loss):.1f} | {max(loss):.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--size", default="512x384")
    parser.add_argument("--bpp", type=float, default=0.4)
    parser.add_argument("--rows", type=Path)
    args = parser.parse_args()
    w, h = map(int, args.size.split("x"))
    rows: list[tuple[int, str, float]] = []
    if args.rows and args.rows.exists():
        rows = [tuple(json.loads(line)) for line in args.rows.read_text().splitlines()]
    done = {(seed, way) for seed, way, _ in rows}
    for pair in pieces(args.folder, args.count, args.first, (h, w)):
        for way in (*WAYS, NONE):
            if (pair.seed, way) in done:
                continue
            rows.append((pair.seed, way, trial(pair, way, args.bpp)))
            if args.rows:
                with args.rows.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
