"""Random exports of RAW files or of simulated shots: how many are placed, by kind.

`python -m tests.campaigns.alignment --count 200` from the repository's root; --folder: RAW files, of which pieces are
cut; without one, simulated shots of the bundled photograph; --kinds, --first, --size, --table FILE (Markdown).
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.align.place import place

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from exports import Export, Look, misses

PLACED = 0.5
"""rms over what is covered, px of the coarser picture, up to which a pair counts as placed."""

Change = Callable[[np.random.Generator, Export], Export]


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _frame(rng: np.random.Generator, export: Export, share: float) -> Export:
    sides = str(rng.choice(["tblr", "tb", "lr", "b", "t"]))
    return export.frame(share, float(rng.choice([0.0, 1.0, 0.2])), sides)


KINDS: dict[str, Change] = {
    "as it is": lambda rng, e: e,
    "crop 5-20 %": lambda rng, e: e.crop_share(rng.uniform(0.05, 0.2), rng.uniform(0, 1, 2)),
    "crop 20-40 %": lambda rng, e: e.crop_share(rng.uniform(0.2, 0.4), rng.uniform(0, 1, 2)),
    "scale 0.15-0.5": lambda rng, e: e.resize(rng.uniform(0.15, 0.5)),
    "scale 0.5-2": lambda rng, e: e.resize(rng.uniform(0.5, 2)),
    "crop to 20 %, scale": lambda rng, e: e.crop_share(rng.uniform(0.02, 0.2), rng.uniform(0, 1, 2)).resize(
        float(np.exp(rng.uniform(np.log(0.3), np.log(2))))
    ),
    "crop 20-40 %, scale": lambda rng, e: e.crop_share(rng.uniform(0.2, 0.4), rng.uniform(0, 1, 2)).resize(
        float(np.exp(rng.uniform(np.log(0.3), np.log(2))))
    ),
    "quarter turn or mirror": lambda rng, e: (e.mirror() if rng.random() < 0.5 else e).turn(rng.integers(0, 4)),
    "straightened to 1 degree": lambda rng, e: e.straighten(_sign(rng) * rng.uniform(0.1, 1), rng.random() < 0.5),
    "straightened 1-5 degrees": lambda rng, e: e.straighten(_sign(rng) * rng.uniform(1, 5), rng.random() < 0.5),
    "perspective to 10 %": lambda rng, e: e.perspective(rng.uniform(0.01, 0.1), rng.random() < 0.4),
    "distortion to 10 %": lambda rng, e: e.distort(_sign(rng) * rng.uniform(0.005, 0.1)),
    "chromatic shift": lambda rng, e: e.chromatic(_sign(rng) * rng.uniform(0.0003, 0.002)),
    "bars or frame to 10 %": lambda rng, e: _frame(rng, e, rng.uniform(0.01, 0.1)),
}


def mix(rng: np.random.Generator, export: Export) -> Export:
    """Several of them, in the order in which programs apply them."""
    if rng.random() < 0.4:
        export = export.distort(rng.uniform(-0.1, 0.1))
    if rng.random() < 0.3:
        export = export.perspective(rng.uniform(0, 0.1), rng.random() < 0.4)
    if rng.random() < 0.4:
        export = export.straighten(rng.uniform(-5, 5))
    if rng.random() < 0.5:
        export = export.crop_share(rng.uniform(0, 0.4), rng.uniform(0, 1, 2))
    if rng.random() < 0.3:
        export = export.turn(rng.integers(1, 4))
    if rng.random() < 0.1:
        export = export.mirror()
    if rng.random() < 0.6:
        least = max(0.15, 96 / min(export.size))
        export = export.resize(float(np.exp(rng.uniform(np.log(least), np.log(2)))))
    if rng.random() < 0.25:
        export = _frame(rng, export, rng.uniform(0, 0.1))
    return export


KINDS["mix"] = mix
TONES: dict[str, Callable[[np.random.Generator, Look], Look]] = {
    "brightness 0.25-6": lambda rng, k: replace(k, gain=float(np.exp(rng.uniform(np.log(0.25), np.log(6))))),
    "contrast": lambda rng, k: replace(k, contrast=float(rng.uniform(0.5, 1.6))),
    "black and white": lambda rng, k: replace(k, mono=True),
    "date stamp": lambda rng, k: replace(k, stamp=True),
    "portrait blur": lambda rng, k: replace(k, blur=float(rng.uniform(0.003, 0.015))),
    "quality 30-70": lambda rng, k: replace(k, quality=int(rng.integers(30, 70))),
}
MIXED_TONES = ("brightness 0.25-6", "contrast", "black and white")
ALL = (*KINDS, *TONES)


def draw(rng: np.random.Generator, export: Export, kind: str) -> tuple[Export, Look]:
    """A random export of a kind."""
    look = Look(quality=int(rng.integers(75, 97)), subsampling=int(rng.choice([0, 2, 2])))
    if kind in KINDS:
        export = KINDS[kind](rng, export)
    for name, change in TONES.items():
        if name == kind or (kind == "mix" and name in MIXED_TONES and rng.random() < 0.25):
            look = change(rng, look)
    return export, look


@dataclass(frozen=True)
class Row:
    """How a pair ended. rms, most: of the misses, infinite where it was refused; doubtful: placed, but not trusted."""

    seed: int
    name: str
    kind: str
    rms: float
    most: float
    report: str
    seconds: float
    doubtful: bool = False

    @property
    def end(self) -> str:
        if not np.isfinite(self.rms):
            return "refused"
        if self.rms <= PLACED:
            return "placed"
        return "doubtful" if self.doubtful else "misplaced"


def trial(seed: int, name: str, kind: str, raw: RawImage, linear: np.ndarray) -> Row:
    """One pair; linear: the developed picture in linear light, float (rows, columns, 3)."""
    rng = np.random.default_rng([seed, ALL.index(kind)])
    export, look = draw(rng, Export.of(linear), kind)
    jpeg = Jpeg(look.jpeg(export.render(linear)))
    started = time.monotonic()
    try:
        geometry, report = place(raw, jpeg.planes, jpeg)[:2]
    except InputError as error:
        return Row(seed, name, kind, np.inf, np.inf, str(error), time.monotonic() - started)
    seconds = time.monotonic() - started
    shape = jpeg.planes.y.shape
    u, v = np.array([0.0, shape[1] - 1.0]), np.array([0.0, shape[0] - 1.0])
    x, y = export.shows(u, v)
    scale = float(np.hypot(*shape) / np.hypot(x[1] - x[0], y[1] - y[0]))
    off = misses(export.shows, geometry, raw.mosaic.shape, shape, scale, export.box)
    rms, most = (float(np.sqrt((off**2).mean())), float(off.max())) if len(off) else (np.inf, np.inf)
    doubtful = "doubtful" in report
    return Row(seed, name, kind, rms if np.isfinite(rms) else 1e9, most, report, seconds, doubtful)


def table(rows: list[Row]) -> str:
    """Markdown: of each kind how many pairs ended how."""
    lines = [
        "| kind | pairs | placed | rms, median | doubtful | misplaced | refused |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in (*dict.fromkeys(row.kind for row in rows), "all"):
        some = [row for row in rows if kind in (row.kind, "all")]
        ends = [sum(row.end == end for row in some) for end in ("placed", "doubtful", "misplaced", "refused")]
        middle = np.median([row.rms for row in some if row.end == "placed"] or [np.nan])
        lines.append(f"| {kind} | {len(some)} | {ends[0]} | {middle:.2f} px | {ends[1]} | {ends[2]} | {ends[3]} |")
    return "\n".join(lines)


def pieces(
    folder: Path, count: int, first: int, size: tuple[int, int]
) -> Iterator[tuple[int, str, RawImage, np.ndarray]]:
    """Pieces of RAW files, developed by LibRaw in linear light: seed, name, RAW, picture."""
    import rawpy
    from rawinlay.bitstream.dng.writer import write_dng
    from rawinlay.codec.source.raw import read_raw

    files = {}
    for path in sorted(folder.iterdir()):
        try:
            files[path.name] = read_raw(path)
        except InputError:
            continue
    names = list(files)
    for seed in range(first, first + count):
        rng = np.random.default_rng([seed, 77])
        raw = files[names[seed % len(names)]]
        h, w = (min(a, b) for a, b in zip(raw.mosaic.shape, size, strict=True))
        y, x = (int(rng.integers(0, a - b + 1)) // 2 * 2 for a, b in zip(raw.mosaic.shape, (h, w), strict=True))
        piece = replace(raw, mosaic=np.ascontiguousarray(raw.mosaic[y : y + h, x : x + w]), orientation=1)
        with rawpy.imread(io.BytesIO(write_dng(piece))) as source:
            rgb = source.postprocess(
                use_camera_wb=True, output_bps=16, gamma=(1, 1), no_auto_bright=True, user_flip=0
            ).astype(np.float32) / 65535  # fmt: skip
        if rgb.shape[:2] != piece.mosaic.shape:
            continue  # LibRaw has squared its pixels
        yield seed, names[seed % len(names)], piece, rgb / max(float(np.quantile(rgb[::4, ::4].max(2), 0.99)), 1e-3)


def shots(count: int, first: int, size: tuple[int, int]) -> Iterator[tuple[int, str, RawImage, np.ndarray]]:
    """Parts of the bundled photograph as simulated cameras take them, and what their JPEGs show, in linear light."""
    from PIL import Image
    from rawinlay.codec.simulator import simulate, to_scene
    from rawinlay.codec.simulator.photo import bundled_photo

    photo = bundled_photo()
    for seed in range(first, first + count):
        rng = np.random.default_rng([seed, 78])
        h, w = (min(a, b) for a, b in zip(photo.shape, size, strict=False))
        y, x = int(rng.integers(0, photo.shape[0] - h + 1)), int(rng.integers(0, photo.shape[1] - w + 1))
        shot = simulate(
            to_scene(photo[y : y + h, x : x + w], rng), seed, odd_size=False, distortion=0.0, orientation=1
        )  # fmt: skip
        shown = np.asarray(Image.open(io.BytesIO(shot.jpeg)).convert("RGB"), np.float32) / 255
        linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4).astype(np.float32)
        yield seed, f"{shot.settings['model']}, ISO {shot.settings['iso']}", shot.raw, linear


def run(
    count: int, first: int = 0, folder: Path | None = None, size: tuple[int, int] = (512, 768), kinds: str = ""
) -> Iterator[Row]:
    """Pairs of so many pieces, of every kind of which a part of the name is in `kinds` (parts by comma, all for "")."""
    wanted = [kind for kind in ALL if any(part.strip() in kind for part in kinds.split(","))]
    source = pieces(folder, count, first, size) if folder else shots(count, first, size)
    for seed, name, raw, linear in source:
        for kind in wanted:
            yield trial(seed, name, kind, raw, linear)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=60, help="pieces; each is exported once of every kind")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--size", default="768x512")
    parser.add_argument("--kinds", default="", help="parts of the kinds' names, by comma; all without it")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    w, h = map(int, args.size.split("x"))
    rows: list[Row] = []
    for row in run(args.count, args.first, args.folder, (h, w), args.kinds):
        rows.append(row)
        if args.verbose or row.end != "placed":
            told = f"{row.rms:6.2f} {row.most:6.2f} px {row.seconds:.1f} s {row.name} {row.seed} {row.kind}"
            print(f"{row.end:9} {told}: {row.report}", flush=True)
    print(table(rows))
    if args.table:
        args.table.write_text(table(rows) + "\n")


if __name__ == "__main__":
    main()
