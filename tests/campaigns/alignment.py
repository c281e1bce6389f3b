"""Random exports of RAW files and of simulated shots: how many are placed, by kind; pictures of something else, too.

`python -m tests.campaigns.alignment --folder DIR --count 250` from the repository's root. A round is a piece of one of
the RAW files in there, a simulated shot and a facade, each exported in a way in turn and in several ways at once, and
JPEGs of something else for each: what is cut short is a fair sample. Only what is not placed is coded, with the JPEG
and without. --rows FILE: a line of JSON a pair; what stands there is not done again. --again FILE: only those of
another such file that did not end well.
"""

from __future__ import annotations

import argparse
import itertools
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
from rawinlay.codec.guide.geometry import Geometry

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from exports import Export, misses

from .alignment_kinds import ALL, KINDS, draw
from .alignment_pairs import Pair, facades, pieces, shots

PLACED = 0.5
"""rms over what is covered, px of the coarser picture, up to which a pair counts as placed."""

UNLIKE = "unlike: "
"""How kinds of pairs begin whose JPEG shows something else."""

SMALL = (320, 480)
"""Rows and columns of all but the pieces of RAW files."""

NO_DEARER = 1.001
"""How many times the bytes of no guide a pair may take."""

QUALITY = 60.0
"""At which it is seen what a guide costs."""


@dataclass(frozen=True)
class Row:
    """How a pair ended. rms, most: of the misses, infinite where it was refused; doubtful: placed, but not trusted.
    ratio: bytes with the JPEG over those without, at even quality; 0 where that was not measured."""

    source: str
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
    def key(self) -> tuple[str, int, str]:
        return self.source, self.seed, self.kind

    @property
    def end(self) -> str:
        if not np.isfinite(self.rms):
            return "refused"
        if self.rms <= PLACED:
            return "placed"
        return "doubtful" if self.doubtful else "misplaced"

    @property
    def well(self) -> bool:
        """Whether it ended as it should: placed, or no dearer than without the JPEG; refused if unlike."""
        if self.kind.startswith(UNLIKE):
            return self.end == "refused" or self.ratio <= NO_DEARER
        return self.end == "placed" or (self.end != "refused" and self.ratio <= NO_DEARER)


ENDS = ("placed", "doubtful", "misplaced", "refused")


def trial(pair: Pair, kind: str, source: str = "") -> Row | None:
    """One pair of a RAW and an export; None for something else of a kind that there is not."""
    rng = np.random.default_rng([pair.seed, ALL.index(kind) if kind in ALL else 99])
    unlike = kind.startswith(UNLIKE)
    picture = pair.others[kind.removeprefix(UNLIKE)]() if unlike else pair.linear
    if picture is None:
        return None
    chosen = str(rng.choice([*KINDS])) if unlike and rng.random() < 0.5 else "as it is" if unlike else kind
    export, look = draw(rng, Export.of(picture), chosen)
    rendered = export.render(picture)
    if export.box and "collage" in chosen:
        _fill(rendered, export.box, pair.linear if unlike else pair.other)
        if unlike:
            rendered = rendered[export.box[1] : export.box[3], export.box[0] : export.box[2]]
    jpeg = Jpeg(look.jpeg(rendered))
    started = time.process_time()
    try:
        geometry, report = place(pair.raw, jpeg.planes, jpeg)[:2]
    except InputError as error:
        seconds = time.process_time() - started
        return Row(source, pair.seed, pair.name, kind, np.inf, np.inf, str(error), seconds)
    seconds = time.process_time() - started
    rms = most = 1e9
    if not unlike:
        off = missed(pair.raw, export, geometry, jpeg.planes.y.shape)
        if len(off):
            rms, most = float(np.sqrt((off**2).mean())), float(off.max())
    row = Row(source, pair.seed, pair.name, kind, rms, most, report, seconds, "doubtful" in report)
    return row if row.end == "placed" else replace(row, ratio=ratio(pair.raw, jpeg.data))


def missed(raw: RawImage, export: Export, geometry: Geometry, shape: tuple[int, ...]) -> np.ndarray:
    """How far a geometry is off, px of the coarser picture, all over what an export of so many rows and columns shows.
    """
    x, y = export.shows(np.array([0.0, shape[1] - 1.0]), np.array([0.0, shape[0] - 1.0]))
    scale = float(np.hypot(*shape) / np.hypot(x[1] - x[0], y[1] - y[0]))
    return misses(export.shows, geometry, raw.mosaic.shape, (shape[0], shape[1]), scale, export.box)


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
    """Markdown: by source and kind how many pairs ended how; of those not placed the most and the median of their
    bytes over those of no guide, and how many took more."""
    rows = list(rows)
    lines = [
        "| source | kind | pairs | placed | rms, median | doubtful | misplaced | refused | dearer | bytes, most |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    kinds = sorted({(row.source, row.kind) for row in rows}, key=lambda k: (k[0], _order(k[1])))
    sums = [(source, part) for source in dict.fromkeys(k[0] for k in kinds) for part in ("all of it", "all unlike")]
    for source, kind in (*kinds, *sums):
        unlike = kind.startswith((UNLIKE, "all unlike"))
        some = [row for row in rows if row.source == source and row.kind.startswith(UNLIKE) == unlike]
        some = [row for row in some if kind.startswith("all ") or row.kind == kind]
        if not some:
            continue
        ends = [sum(row.end == end for row in some) for end in ENDS]
        middle = np.median([row.rms for row in some if row.end == "placed"] or [np.nan])
        most, dearer = max(row.ratio for row in some), sum(row.ratio > NO_DEARER for row in some)
        rms = "-" if np.isnan(middle) else f"{middle:.2f} px"
        cells = [source, kind, len(some), ends[0], rms, *ends[1:], dearer, f"{most:.3f}" if most else "-"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _order(kind: str) -> int:
    return ALL.index(kind) if kind in ALL else len(ALL)


def run(source: Iterable[Pair], kinds: str = "", name: str = "") -> Iterator[Row]:
    """Of all pairs of a source: every kind of which a part of the name is in `kinds` (parts by comma), or what is
    unlike for `UNLIKE`."""
    for pair in source:
        of = [UNLIKE + other for other in pair.others]
        parts = kinds.split(",")
        for kind in of if kinds == UNLIKE else [kind for kind in ALL if any(part.strip() in kind for part in parts)]:
            row = trial(pair, kind, name)
            if row:
                yield row


def rounds(count: int, first: int, folder: Path | None, size: tuple[int, int]) -> Iterator[tuple[str, Pair, str]]:
    """What is tried, a part of each in turn: source, pair, kind."""
    files = folder or Path()
    sources = {
        "simulated": (shots(count, first, SMALL), True, True),
        "facade": (facades(count, first, SMALL), False, True),
        **({"real": (pieces(files, count, first, size), True, False),
            "small": (pieces(files, count, 10**6 + first, SMALL), False, True)} if folder else {}),
    }  # fmt: skip
    for made in itertools.zip_longest(*(pairs for pairs, _, _ in sources.values())):
        for (name, (_, like, unlike)), pair in zip(sources.items(), made, strict=True):
            if pair is None:
                continue
            for kind in ([ALL[(pair.seed + pair.seed // len(ALL)) % len(ALL)], "mix"] if like else []):
                yield name, pair, kind
            for other in pair.others if unlike else []:
                yield name, pair, UNLIKE + other


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20, help="rounds")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--size", default="768x512", help="of the pieces of RAW files")
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--again", type=Path)
    args = parser.parse_args()
    w, h = map(int, args.size.split("x"))
    rows = read(args.rows) if args.rows and args.rows.exists() else []
    done = {row.key for row in rows}
    wanted = {row.key for row in read(args.again) if not row.well} if args.again else None
    for source, pair, kind in rounds(args.count, args.first, args.folder, (h, w)):
        key = source, pair.seed, kind
        row = None if key in done or (wanted is not None and key not in wanted) else trial(pair, kind, source)
        if row is None:
            continue
        rows.append(row)
        if args.rows:
            with args.rows.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")
        if not row.well or wanted is not None:
            told = f"{row.rms:6.2f} px {row.ratio:.3f} {row.seconds:.1f} s {row.source} {row.name} {row.seed}"
            print(f"{row.end:9} {told} {row.kind}: {row.report}", flush=True)
    print(table(rows))


def read(path: Path) -> list[Row]:
    """What a file of rows holds."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]


if __name__ == "__main__":
    main()
