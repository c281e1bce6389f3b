"""Train the probability tables: code simulated (and, if wished, real) shots over all rates, count, smooth, write
integers.

    python -m rawinlay.codec.simulator.dataset SCENES_DIR SHOTS_DIR --count 160
    python -m rawinlay.codec.training.tables SHOTS_DIR [--out entropy/models] [--rounds 2] [--runs 400] [--start FILE]

The quantiser asks the tables what a symbol costs, so the tables are trained in rounds: count under the old ones,
replace, count again. Only shots whose name ends in -train are used. Deterministic for a set of shots.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ...bitstream.jpeg.planes import decode_planes
from ...bitstream.runtime.files import write_atomically
from ...entropy import tables
from ...entropy.tables import (
    ALPHABET,
    CLASSES,
    EXACT,
    HALF,
    KINDS,
    OFFSET_UNIT,
    REACH,
    SPLIT_CLASS,
    TOTAL,
    TRELLIS,
    ZERO_CLASS,
    split_bits,
    table_of,
)
from ..encoder.fit import recipe as fit_recipe
from ..encoder.fit.saturation import find_saturation
from ..encoder.fit.source_picture import SourcePicture
from ..encoder.fit.stages import Piece
from ..encoder.picture import CpuEncoder, code_stages
from ..encoder.search.trellis_kernels import Search
from ..guide.geometry import Geometry
from ..guide.guide import make_guide
from ..mosaic.companding import LOSSLESS, Companding
from ..mosaic.layout import Layout, blocks, haar
from ..recipe.features import COUNT
from ..recipe.side import SideInfo, Window
from ..simulator.dataset import load_shot
from ..stages.order import HAAR, IN_PLACE, STAGES
from ..stages.parameters import Params
from ..stages.quantiser import QUARTER, quantisers
from ..stages.tile import Tile

SPLITS = np.array([split_bits(c) for c in range(CLASSES)])
OFFSET = 8
"""The companding's offset."""

LOSSLESS_SHARE = 0.3
"""Share of the runs that code without loss."""

FINE, COARSE = 2100, 4400
"""Range of steps trained on: from about a code value of 14 bits to a few kilobytes a picture."""

PRIOR = 60.0
"""Weight of the Laplacian prior of a class, in symbols."""


def laplacian(c: float, kind: int) -> np.ndarray:
    """Two-sided geometric distribution whose mean magnitude is about that of class c, (ALPHABET,)."""
    mean = 2.0 ** ((c - ZERO_CLASS) / 4)
    ratio = (np.sqrt(1 + mean * mean) - 1) / mean
    lift = QUARTER / OFFSET_UNIT if kind == TRELLIS else 0.0
    p = ratio ** np.abs(np.arange(ALPHABET) - HALF + lift) + 1e-9
    return p / p.sum()


def to_integers(p: np.ndarray) -> np.ndarray:
    """Probabilities (ALPHABET,) to integers >= 1 that sum to `TOTAL`."""
    q = np.maximum(np.floor(p * (TOTAL - ALPHABET)) + 1, 1).astype(np.int64)
    q[HALF] += TOTAL - q.sum()
    return q


def bootstrap() -> bytes:
    """A table file of Laplacians to start from."""
    pmf = [
        [to_integers(0.98 * laplacian(c, kind) + 0.02 * laplacian(c + 4, kind)) for c in range(SPLIT_CLASS)]
        for kind in range(KINDS)
    ]
    offset = np.full((CLASSES, 2 * REACH + 1), QUARTER)
    offset[:ZERO_CLASS, REACH] = 0
    return tables.to_bytes(np.array(pmf), offset)


@dataclass
class Counts:
    """Histogram (KINDS, CLASSES, ALPHABET) of symbols; offsets (CLASSES, 2 REACH + 1, 2): their sum and number."""

    histogram: np.ndarray = field(default_factory=lambda: np.zeros((KINDS, CLASSES, ALPHABET)))
    offsets: np.ndarray = field(default_factory=lambda: np.zeros((CLASSES, 2 * REACH + 1, 2)))

    def add(self, kind: int, symbols: np.ndarray, classes: np.ndarray) -> None:
        """Count symbols, coded parts only."""
        coarse = np.clip(symbols >> SPLITS[classes], -HALF, HALF) + HALF
        number = np.bincount(classes * ALPHABET + coarse, minlength=CLASSES * ALPHABET)
        self.histogram[kind] += number.reshape(CLASSES, ALPHABET)

    def add_offsets(self, symbols: np.ndarray, classes: np.ndarray, x: np.ndarray) -> None:
        """Count how far residuals x, as quantiser A sees them, lie above their symbols."""
        cell = classes * (2 * REACH + 1) + np.clip(symbols, -REACH, REACH) + REACH
        for i, weight in enumerate((np.clip(x - symbols, -1, 1), None)):
            total = np.bincount(cell, weight, CLASSES * (2 * REACH + 1))
            self.offsets[..., i] += total.reshape(CLASSES, 2 * REACH + 1)

    def __iadd__(self, other: Counts) -> Counts:
        self.histogram += other.histogram
        self.offsets += other.offsets
        return self


def count(path: Path, seed: int, model: bytes) -> Counts:
    """Counts of one shot at a random step, or without loss."""
    rng = np.random.default_rng(seed)
    shot = load_shot(path)
    mosaic = shot.raw.mosaic
    layout = Layout(mosaic.shape[0], mosaic.shape[1], shot.raw.cfa)
    guide = make_guide(decode_planes(shot.jpeg), Geometry(), mosaic.shape, layout.origin)
    side_info = SideInfo(guide, layout)
    plain = Companding(layout.per_plane(shot.raw.black), shot.raw.white, int(mosaic.max()), OFFSET)
    h, w = (v // 2 * 2 for v in layout.cells)
    window = Window(((0, 0),), h, w)
    level = plain.level(layout.pack(mosaic)[:, :h, :w])
    pick = rng.choice(h * w // 4, min(h * w // 4, 10_000), replace=False)
    phi = haar(blocks(side_info.features(0, 0, h, w, COUNT, np.float32).reshape(COUNT, -1), h, w)[..., pick])
    target = blocks(level.reshape(4, -1), h, w)[..., pick]
    (recipe,) = fit_recipe.fit(phi, target, plain.span, np.ones((4, len(pick)), bool), [COUNT])
    found = side_info.prediction(window, recipe, plain)
    companding = replace(plain, saturation=find_saturation(plain, level.reshape(4, -1), found.reshape(4, -1)))
    lossless = rng.random() < LOSSLESS_SHARE
    transform = HAAR if not lossless and rng.random() < 0.4 else IN_PLACE
    step_exponent = 4 if rng.random() < 0.75 else 0
    step = LOSSLESS if lossless else int(rng.integers(FINE, COARSE))
    encoder = CpuEncoder(
        SourcePicture(mosaic, layout, side_info, companding, tables.parse(model), step_exponent, np.eye(3)), recipe
    )
    params = encoder.fit(step, only=transform).params[transform]
    return _count_stages(*encoder.open(encoder.whole(window), transform, step), params, encoder)


def _count_stages(tile: Tile, piece: Piece, params: Params, encoder: CpuEncoder) -> Counts:
    """Counts of one tile, coded."""
    counts, states = Counts(), encoder.effort.states
    search = Search(encoder.tables, encoder.lagrangian, states)
    for (k, t), symbols in zip(STAGES, code_stages(tile, piece, params, search), strict=True):
        flat = symbols.reshape(-1), tile.classes.reshape(-1).astype(np.int64)
        counts.add(EXACT if tile.lossless else TRELLIS, *flat)
        if not tile.lossless:
            sign = 1 - 2 * quantisers(symbols, states)
            x = sign * (piece.y[k, t].astype(np.float64) - tile.mu) / tile.step[t]
            counts.add_offsets(*flat, x.reshape(-1))
    return counts


def estimate(counts: Counts) -> bytes:
    """Table file from counts: folded to table rows, smoothed over classes, with a Laplacian prior."""
    pmf = np.zeros((KINDS, SPLIT_CLASS, ALPHABET), np.int64)
    for kind in range(KINDS):
        rows = np.zeros((SPLIT_CLASS, ALPHABET))
        for c in range(CLASSES):
            rows[table_of(c)] += counts.histogram[kind, c]
        if kind == EXACT:
            rows = rows + rows[:, ::-1]
        smooth = rows.copy()
        smooth[1:] += 0.02 * rows[:-1]
        smooth[:-1] += 0.02 * rows[1:]
        for c in range(SPLIT_CLASS):
            pmf[kind, c] = to_integers((smooth[c] + PRIOR * laplacian(c, kind)) / (smooth[c].sum() + PRIOR))
    total, number = counts.offsets[..., 0].copy(), counts.offsets[..., 1].copy()
    total[1:] += 0.1 * counts.offsets[:-1, :, 0]  # neighbours steady rare classes
    number[1:] += 0.1 * counts.offsets[:-1, :, 1]
    usual = np.full(2 * REACH + 1, QUARTER / OFFSET_UNIT)
    offset = np.rint((total + 50 * usual) / (number + 50) * OFFSET_UNIT)
    return tables.to_bytes(pmf, np.clip(offset, -OFFSET_UNIT // 2, OFFSET_UNIT // 2))


def train(shots: list[Path], rounds: int, runs: int, workers: int, start: bytes | None = None) -> bytes:
    """Bytes of the trained table file; start: of an earlier one, Laplacians without."""
    model = start or bootstrap()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for r in range(rounds):
            counts = Counts()
            jobs = [pool.submit(count, shots[i % len(shots)], 1000 * r + i, model) for i in range(runs)]
            for number, job in enumerate(jobs, 1):
                counts += job.result()
                if number % 20 == 0:
                    print(f"round {r + 1}: {number} of {runs}, {counts.histogram.sum():.3g} symbols", file=sys.stderr)
            model = estimate(counts)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shots", type=Path)
    parser.add_argument(
        "--out", type=Path, default=tables.REGISTRY.folders[0], help="folder for the file, whose name is its identity"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--start", type=Path, help="tables to begin with; Laplacians without")
    args = parser.parse_args()
    shots = sorted(args.shots.glob("*-train.npz"))
    if not shots:
        parser.error(f"no *-train.npz in {args.shots}")
    start = args.start.read_bytes() if args.start else None
    data = train(shots, args.rounds, args.runs, args.workers, start)
    path = args.out / f"{tables.parse(data).identity.hex()}.npz"
    write_atomically(path, data)
    print(f"{path}: tables from {len(shots)} shots")


if __name__ == "__main__":
    main()
