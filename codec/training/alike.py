"""The regression of `codec.looks.alike`: random edits of plain developments, and how well strangers' are found.

    python -m rawinlay.codec.training.alike PAIRS_DIR [--out alike.safetensors]

CIEDE2000 on held-out scenes: a known edit of one scene is the reference, the same edit of another what is wanted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file

from ...bitstream.errors import InputError, RawinlayError
from ..isp.tone import plain
from ..looks import alike
from ..looks.alike import Edit

EDITS = 40
"""Of each scene."""

SPREAD = np.array([0.5, 0.3, 0.3, 30.0, 0.4])
"""Standard deviations of an edit's numbers."""

RIDGE = 0.03


def pictures(files: list[Path]) -> list[np.ndarray]:
    """Plain developments, display float32 (h, w, 3), small."""
    found = []
    for path in files:
        with np.load(path, allow_pickle=False) as entries:
            light = entries["light"].astype(np.float32)
        share = alike.SIDE / max(light.shape[:2])
        found.append(plain()(cv2.resize(light, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)))
    return found


def drawn(rng: np.random.Generator) -> Edit:
    """A random edit."""
    return Edit.of(rng.normal(0, SPREAD))


def fit(files: list[Path], seed: int = 1) -> dict[str, np.ndarray]:
    """Weights from random edits of pictures."""
    rng = np.random.default_rng(seed)
    rows, wanted = [], []
    for picture in pictures(files):
        for _ in range(EDITS):
            numbers = rng.normal(0, SPREAD).clip(-alike.LIMITS, alike.LIMITS)
            rows.append(alike.statistics(Edit.of(numbers)(picture)))
            wanted.append(numbers)
    table = np.stack(rows)
    weights = {"mean": table.mean(0), "spread": table.std(0) + 1e-3}
    x = alike.features((table - weights["mean"]) / weights["spread"])
    penalty = np.eye(x.shape[1]) * RIDGE * len(x)
    penalty[0, 0] = 0
    weights["ridge"] = np.linalg.solve(x.T @ x + penalty, x.T @ np.stack(wanted))
    return weights


def judged(files: list[Path], count: int = 60, seed: int = 2) -> dict[str, list[float]]:
    """CIEDE2000, means: nothing done, from another scene, from the same scene."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    rng, shown = np.random.default_rng(seed), pictures(files)
    found: dict[str, list[float]] = {"nothing": [], "another scene": [], "the same scene": []}
    for _ in range(count):
        one, other = rng.choice(len(shown), 2, replace=False)
        edit = drawn(rng)
        wanted = rgb2lab(edit(shown[one]))
        made = {"nothing": shown[one], "another scene": alike.edit_of(edit(shown[other]))(shown[one]),
                "the same scene": alike.like(edit(shown[one]), shown[one])[0](shown[one])}  # fmt: skip
        for name, picture in made.items():
            found[name].append(float(deltaE_ciede2000(wanted, rgb2lab(picture)).mean()))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser("python -m rawinlay.codec.training.alike", description="Looks of references.")
    parser.add_argument("pairs", type=Path, metavar="PAIRS_DIR")
    parser.add_argument("--out", type=Path, default=alike.WEIGHTS)
    args = parser.parse_args(arguments)
    try:
        train, held = (sorted(args.pairs.glob(f"pair-*-{split}.npz")) for split in ("train", "val"))
        if not train or len(held) < 2:
            raise InputError(f"{args.pairs}: no pairs for training, or none held out")
        weights = fit(train)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    save_file({name: value.astype(np.float32) for name, value in weights.items()}, args.out)
    alike._shipped.cache_clear()
    for name, values in judged(held).items():
        print(f"{name}: CIEDE2000 median {np.median(values):.2f}, mean {np.mean(values):.2f}, {len(values)} edits")
    return 0


if __name__ == "__main__":
    sys.exit(main())
