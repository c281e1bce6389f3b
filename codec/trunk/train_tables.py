"""Train the probability tables: code simulated (and, if wished, real) shots over all rates, count, smooth, write
integers.

    python -m codec.simulator.dataset SCENES_DIR SHOTS_DIR --count 160
    python -m codec.trunk.train_tables SHOTS_DIR [--out entropy/tables.npz] [--rounds 2] [--runs 400]

The quantiser asks the tables what a symbol costs, so the tables are trained in rounds: count under the old ones,
replace, count again. Only shots whose name ends in -train are used. Deterministic for a set of shots.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from bitstream.files import write_atomically
from codec.geometry import Geometry
from codec.guide import make_guide
from codec.jpeg_planes import decode_planes
from codec.simulator.dataset import load_shot
from codec.trunk import recipe as recipes
from codec.trunk.companding import Companding
from codec.trunk.encoder import LAGRANGIAN
from codec.trunk.ground import Ground, Window
from codec.trunk.layout import Layout
from codec.trunk.stages import HAAR, IN_PLACE, STAGES, forward_basis, run_stages, split
from codec.trunk.visitors import Fitter
from entropy import tables
from entropy.tables import ALPHABET, CENTROID_UNIT, CLASSES, HALF, SPLIT_CLASS, TOTAL, ZERO_CLASS, split_bits, table_of

FINE, COARSE = 2100, 4400
"""Range of steps trained on: from about a code value of 14 bits to a few kilobytes a picture."""

PRIOR = 60.0
"""Weight of the Laplacian prior of a class, in symbols."""


def laplacian(c: float) -> np.ndarray:
    """Two-sided geometric distribution whose mean magnitude is that of class c, (ALPHABET,)."""
    mean = 2.0 ** ((c - ZERO_CLASS) / 4)
    ratio = (np.sqrt(1 + mean * mean) - 1) / mean
    p = ratio ** np.abs(np.arange(ALPHABET) - HALF) + 1e-9
    return p / p.sum()


def to_integers(p: np.ndarray) -> np.ndarray:
    """Probabilities (ALPHABET,) to integers >= 1 that sum to `TOTAL`."""
    q = np.maximum(np.floor(p * (TOTAL - ALPHABET)) + 1, 1).astype(np.int64)
    q[HALF] += TOTAL - q.sum()
    return q


def bootstrap() -> tables.Tables:
    """Laplacian tables to start from."""
    pmf = np.stack([to_integers(0.98 * laplacian(c) + 0.02 * laplacian(c + 4)) for c in range(SPLIT_CLASS)])
    return tables.parse(tables.to_bytes(pmf, np.zeros((CLASSES, 3))))


def count(path: Path, seed: int, model: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Histogram (CLASSES, ALPHABET) of the coded symbols of one shot at a random step, and centroid sums (CLASSES, 3,
    2)."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    shot, model_tables = load_shot(path), tables.parse(model)
    raw = shot.raw
    layout = Layout(raw.mosaic.shape[0], raw.mosaic.shape[1], raw.cfa)
    planes = layout.pack(raw.mosaic)
    guide = make_guide(decode_planes(shot.jpeg), Geometry(), raw.mosaic.shape, layout.origin)
    ground = Ground(guide, layout)
    companding = Companding(layout.per_plane(raw.black), raw.white, int(raw.mosaic.max()), 15)
    h, w = (v // 2 * 2 for v in layout.cells)
    window = Window(((0, 0),), h, w)
    cut = planes[:, :h, :w]
    level = companding.level(cut)
    phi = ground.features(0, 0, h, w)
    pick = torch.from_numpy(rng.choice(h * w // 4, min(h * w // 4, 10_000), replace=False))
    span = (raw.white - sum(raw.black) / 4) * 2.0**companding.shift
    target = recipes.blocks(level.reshape(4, -1).to(torch.float64), h, w)[..., pick]
    recipe = recipes.fit(recipes.blocks(phi, h, w)[..., pick], target, span, torch.ones_like(target))
    base = ground.base(window, recipe, companding)
    basis = HAAR if rng.random() < 0.4 else IN_PLACE
    kappa = 4 if rng.random() < 0.75 else 0
    step = int(rng.integers(FINE, COARSE))
    y = (companding.compand(level[None]) - companding.compand(base)).to(torch.float64)
    targets = [forward_basis(y[:, k], basis) for k in range(4)]
    valid = [split(torch.ones_like(y[:, k], dtype=torch.bool)) for k in range(4)]
    fitter = _Counter(basis, model_tables, targets, valid, LAGRANGIAN)
    run_stages(ground.scene(window, base, companding, step, kappa, basis), fitter)
    return fitter.histogram, fitter.sums


class _Counter(Fitter):
    """A fitter that counts what it codes."""

    histogram: np.ndarray
    sums: np.ndarray

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if stage == 0:
            self.histogram, self.sums = np.zeros((CLASSES, ALPHABET)), np.zeros((CLASSES, 3, 2))
        symbols, y_hat = super().symbols(stage, mu, step, contexts)
        s, c = (v.reshape(-1).numpy() for v in self.coded[-1])
        n = np.array([split_bits(k) for k in range(CLASSES)])[c]
        coarse = np.clip(s >> n, -HALF, HALF) + HALF
        self.histogram += np.bincount(c * ALPHABET + coarse, minlength=CLASSES * ALPHABET).reshape(CLASSES, ALPHABET)
        k, t = STAGES[stage]
        e = ((self.y[k][t] - mu) / step).reshape(-1).numpy()
        some = np.abs(s) > 0
        kind = np.minimum(np.abs(s[some]), 3) - 1
        short = np.clip((np.abs(s) - np.abs(e))[some], -1, 1)
        np.add.at(self.sums, (c[some], kind, 0), short)
        np.add.at(self.sums, (c[some], kind, 1), 1.0)
        self.coded.pop()
        return symbols, y_hat


def estimate(histogram: np.ndarray, sums: np.ndarray) -> bytes:
    """Table file from counts: folded to table rows, symmetric, smoothed over classes, with a Laplacian prior."""
    rows = np.zeros((SPLIT_CLASS, ALPHABET))
    for c in range(CLASSES):
        rows[table_of(c)] += histogram[c]
    rows[:SPLIT_CLASS] += rows[:SPLIT_CLASS, ::-1]
    smooth = rows.copy()
    for c in range(SPLIT_CLASS):
        for near in (c - 1, c + 1):
            if 0 <= near < SPLIT_CLASS and rows[near].sum():
                smooth[c] += 0.02 * rows[near]
    pmf = np.stack(
        [to_integers((smooth[c] + PRIOR * laplacian(c)) / (smooth[c].sum() + PRIOR)) for c in range(SPLIT_CLASS)]
    )
    total, number = sums[..., 0], sums[..., 1]
    for c in range(1, CLASSES):  # neighbours steady rare classes
        total[c] += 0.1 * sums[c - 1, :, 0]
        number[c] += 0.1 * sums[c - 1, :, 1]
    centroid = np.clip(np.rint(total / (number + 50) * CENTROID_UNIT), -20, 31)
    return tables.to_bytes(pmf, centroid)


def train(shots: list[Path], rounds: int, runs: int, workers: int) -> bytes:
    """Bytes of the trained table file."""
    start = bootstrap()
    model = tables.to_bytes(start.pmf, start.centroid)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for r in range(rounds):
            histogram, sums, number = np.zeros((CLASSES, ALPHABET)), np.zeros((CLASSES, 3, 2)), 0
            jobs = [pool.submit(count, shots[i % len(shots)], 1000 * r + i, model) for i in range(runs)]
            for job in jobs:
                h, s = job.result()
                histogram, sums, number = histogram + h, sums + s, number + 1
                if number % 20 == 0:
                    print(
                        f"round {r + 1}: {number} of {runs}, {histogram.sum():.3g} symbols", file=sys.stderr, flush=True
                    )
            model = estimate(histogram, sums)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shots", type=Path)
    parser.add_argument("--out", type=Path, default=Path(tables.__file__).with_name("tables.npz"))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    shots = sorted(args.shots.glob("*-train.npz"))
    if not shots:
        parser.error(f"no *-train.npz in {args.shots}")
    write_atomically(args.out, train(shots, args.rounds, args.runs, args.workers))
    print(f"{args.out}: tables {tables.parse(args.out.read_bytes()).identity.hex()} from {len(shots)} shots")


if __name__ == "__main__":
    main()
