"""The regressions of `codec.looks.apart`, fitted to pictures whose segments were exposed apart, and to the pictures.

    python -m rawinlay.codec.training.apart PAIRS_DIR [--out apart.safetensors]

What it is worth is measured by `rawinlay.benchmarks.local_exposure`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file

from ...bitstream.errors import InputError, RawinlayError
from ..looks import apart
from ..looks.exposure import SIDE, segments

APART = 1.5
"""EV, at most, either way."""

EACH = 1.0, 1.0, 0.0
"""Versions of each picture: share of `APART`."""

SURE, STILL = 0.2, 0.1
"""EV: a step is right, and regions were not exposed apart."""

ROUNDS, QUIET = 150, 1e-3


def known(light: np.ndarray, rng: np.random.Generator, share: float = 1.0) -> tuple[np.ndarray, ...]:
    """A small picture with segments exposed apart, float32 (h, w, 3), the segments, int (h, w), and each one's EV."""
    to = SIDE / max(light.shape[:2])
    small = cv2.resize(light, None, fx=to, fy=to, interpolation=cv2.INTER_AREA)
    parts = segments(small)
    done = rng.uniform(-APART, APART, int(parts.max()) + 1) * share
    return (small * np.exp2(done)[parts][..., None]).astype(np.float32), parts, done


def fit(lights: list[np.ndarray], seed: int = 11) -> dict[str, np.ndarray]:
    """Weights."""
    rng = np.random.default_rng(seed)
    told, lengths, steps, wanted = [], [], [], []
    for light in lights:
        for share in EACH:
            changed, parts, done = known(light, rng, share)
            own = apart.regions(changed)
            found = apart.borders(changed, own)
            size = np.bincount(own.ravel())
            ev = np.bincount(own.ravel(), done[parts].ravel()) / size
            told.append(found.told)
            lengths.append(found.length)
            steps.append(found.step)
            wanted.append(ev[found.second] - ev[found.first])
    table, step, true = np.concatenate(told), np.concatenate(steps), np.concatenate(wanted)
    weights = {"mean": table.mean(0), "spread": table.std(0) + 1e-6}
    x, trust = apart.expanded(table, weights), np.sqrt(np.concatenate(lengths))
    labels = {"by": np.abs(step - true) < SURE, "none": np.abs(true) < STILL}
    return weights | {name: _logistic(x, label, trust) for name, label in labels.items()}


def _logistic(x: np.ndarray, label: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Weights of a logistic regression of `label` on x (n, features), each row as trusted."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    rows, wanted, share = (torch.tensor(v, dtype=torch.double) for v in (x, label, trust / trust.sum()))
    found = torch.zeros(rows.shape[1], dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.LBFGS([found], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        wrong = binary_cross_entropy_with_logits(rows @ found, wanted, reduction="none")
        total = (share * wrong).sum() + QUIET * (found[1:] ** 2).sum()
        total.backward()
        return total

    optimiser.step(loss)
    return np.asarray(found.detach().numpy())


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser("python -m rawinlay.codec.training.apart", description="Parts exposed apart.")
    parser.add_argument("pairs", type=Path, metavar="PAIRS_DIR")
    parser.add_argument("--out", type=Path, default=apart.WEIGHTS)
    args = parser.parse_args(arguments)
    lights = []
    try:
        for path in sorted(args.pairs.glob("pair-*-train.npz")):
            with np.load(path, allow_pickle=False) as entries:
                lights.append(entries["light"].astype(np.float32))
        if not lights:
            raise InputError(f"{args.pairs}: no pairs to train on")
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    save_file({name: value.astype(np.float32) for name, value in fit(lights).items()}, args.out)
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
