"""Random exports of RAW files or of simulated shots: how many are placed, by kind.

`python -m tests.campaigns.alignment --count 200` from the repository's root. --folder: RAW files, of which pieces are
cut; --facades: houses of like windows; without either, simulated shots. --unlike: JPEGs of something else instead.
--rows FILE: a line of JSON a pair; what stands there is not done again. --each N: so many kinds of each piece, in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.align.place import place
from rawinlay.codec.api import encode_arrays

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from exports import Export, misses

from .alignment_kinds import ALL, KINDS, draw
from .alignment_pairs import Pair, facades, pieces, shots

PLACED = 0.5
"""rms over what is covered, px of the coarser picture, up to which a pair counts as placed."""

UNLIKE = "something else"
"""The kind of pairs whose JPEG shows something else."""

QUALITY = 60.0
"""At which it is seen what a guide costs."""


@dataclass(frozen=True)
class Row:
    """How a pair ended. rms, most: of the misses, infinite where it was refused; doubtful: placed, but not trusted.
    ratio: bytes with the JPEG over those without, at even quality; 0 where that was not measured."""

    seed: int
    name: str
    kind: str
    rms: float
    most: float
    report: str
    seconds: float
    doubtful: bool = False
    ratio: float = 0.0

    @property
    def end(self) -> str:
        if not np.isfinite(self.rms):
            return "refused"
        if self.rms <= PLACED:
            return "placed"
        return "doubtful" if self.doubtful else "misplaced"


ENDS = ("placed", "doubtful", "misplaced", "refused")


def trial(pair: Pair, kind: str) -> Row:
    """One pair of a RAW and an export."""
    rng = np.random.default_rng([pair.seed, ALL.index(kind) if kind in ALL else 99])
    picture = pair.other if kind == UNLIKE else pair.linear
    chosen = str(rng.choice([*KINDS])) if kind == UNLIKE and rng.random() < 0.5 else kind
    export, look = draw(rng, Export.of(picture), chosen)
    rendered = export.render(picture)
    if export.box and "collage" in chosen:
        _fill(rendered, export.box, pair.linear if kind == UNLIKE else pair.other)
        if kind == UNLIKE:
            rendered = rendered[export.box[1] : export.box[3], export.box[0] : export.box[2]]
    jpeg = Jpeg(look.jpeg(rendered))
    started = time.process_time()
    try:
        geometry, report = place(pair.raw, jpeg.planes, jpeg)[:2]
    except InputError as error:
        return Row(pair.seed, pair.name, kind, np.inf, np.inf, str(error), time.process_time() - started)
    seconds = time.process_time() - started
    shape = jpeg.planes.y.shape
    rms = most = np.inf
    if kind != UNLIKE:
        u, v = np.array([0.0, shape[1] - 1.0]), np.array([0.0, shape[0] - 1.0])
        x, y = export.shows(u, v)
        scale = float(np.hypot(*shape) / np.hypot(x[1] - x[0], y[1] - y[0]))
        off = misses(export.shows, geometry, pair.raw.mosaic.shape, shape, scale, export.box)
        rms, most = (float(np.sqrt((off**2).mean())), float(off.max())) if len(off) else (np.inf, np.inf)
    doubtful, rms = "doubtful" in report, rms if np.isfinite(rms) else 1e9
    row = Row(pair.seed, pair.name, kind, rms, most, report, seconds, doubtful)
    return row if row.end == "placed" else replace(row, ratio=ratio(pair.raw, jpeg.data))


def ratio(raw: RawImage, jpeg: bytes) -> float:
    """Bytes with the JPEG as guide over those without, at the same quality."""
    sizes = [encode_arrays(raw, jpeg, quality=QUALITY, guide=guide).metadata_bytes for guide in ("auto", "none")]
    return sizes[0] / sizes[1]


def _fill(picture: np.ndarray, box: tuple[int, int, int, int], other: np.ndarray) -> None:
    """Something else where there is a frame."""
    h, w = picture.shape[:2]
    left, top, right, bottom = box
    kept = picture[top:bottom, left:right].copy()
    picture[:] = np.tile(other, (-(-h // other.shape[0]), -(-w // other.shape[1]), 1))[:h, :w]
    picture[top:bottom, left:right] = kept


def table(rows: Iterable[Row]) -> str:
    """Markdown: of each kind how many pairs ended how; and the most that a JPEG out of place cost."""
    rows = list(rows)
    lines = [
        "| kind | pairs | placed | rms, median | doubtful | misplaced | refused | bytes, most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in (*dict.fromkeys(row.kind for row in rows), "all"):
        some = [row for row in rows if kind in (row.kind, "all")]
        ends = [sum(row.end == end for row in some) for end in ENDS]
        middle = np.median([row.rms for row in some if row.end == "placed"] or [np.nan])
        most = max(row.ratio for row in some)
        cost = f"{most:.3f}" if most else "-"
        cells = [kind, len(some), ends[0], f"{middle:.2f} px", *ends[1:], cost]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def run(source: Iterator[Pair], kinds: str = "", each: int = 0, done: Iterable[tuple[int, str]] = ()) -> Iterator[Row]:
    """Pairs of what a source has: of every kind of which a part of the name is in `kinds` (parts by comma, all for "",
    or `UNLIKE`), or of `each` of these in turn; those that are not `done`, by seed and kind."""
    wanted = [kind for kind in ALL if any(part.strip() in kind for part in kinds.split(","))]
    if kinds == UNLIKE:
        wanted = [UNLIKE]
    known = set(done)
    for pair in source:
        n = len(wanted)
        some = [wanted[(pair.seed * each + k) % n] for k in range(min(each, n))] if each else wanted
        for kind in some:
            if (pair.seed, kind) not in known:
                yield trial(pair, kind)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=60, help="pieces")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--facades", action="store_true")
    parser.add_argument("--unlike", action="store_true")
    parser.add_argument("--size", default="768x512")
    parser.add_argument("--kinds", default="", help="parts of the kinds' names, by comma; all without it")
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--rows", type=Path)
    args = parser.parse_args()
    w, h = map(int, args.size.split("x"))
    rows: list[Row] = []
    if args.rows and args.rows.exists():
        rows = [Row(**json.loads(line)) for line in args.rows.read_text().splitlines()]
    source = shots if not args.folder else lambda *a: pieces(args.folder, *a)
    source = facades if args.facades else source
    known = [(row.seed, row.kind) for row in rows]
    first = args.first
    if args.each or args.unlike:  # every seed was done as a whole, but the last one
        first = max([first, *(row.seed for row in rows)])
    pairs = source(args.first + args.count - first, first, (h, w))
    for row in run(pairs, UNLIKE if args.unlike else args.kinds, args.each, known):
        rows.append(row)
        if args.rows:
            with args.rows.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")
        if row.end != "placed" and not (args.unlike and row.end == "refused"):
            told = f"{row.rms:6.2f} px {row.ratio:.3f} {row.seconds:.1f} s {row.name} {row.seed} {row.kind}"
            print(f"{row.end:9} {told}: {row.report}", flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
