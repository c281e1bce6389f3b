"""The regression of `codec.looks.illuminant`, fitted to simulated shots; scenes held out say how far it errs.

    python -m rawinlay.codec.training.illuminant SCENES_DIR SHOTS.npz [--count 200] [--out illuminant.safetensors]

Each scene is photographed by `CAMERAS` random cameras in random light. SHOTS.npz keeps what was measured: a run that
stopped goes on.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file

from ...bitstream.errors import RawinlayError
from ..isp.light import Light
from ..looks import illuminant
from ..simulator.scenes import SceneFile, list_scenes, load_scene
from ..simulator.sensor import draw_sensor, expose, expose_noisy, neutral, raw_image
from .look_pairs import HELD_OUT_HDR

CAMERAS = 4
SIDE = 256
PARTS = 4, 8, 14, 24
RIDGES = 0.1, 1.0, 3.0, 10.0
FOLDS, ROUNDS = 6, 8
LARGE = 0.1
"""Errors of log2 ratios above this are weighed as their size, not its square."""

MEAN = 0.3
"""Weight of the mean error beside the median in what is chosen by."""

EVERY = 20


def shots(file: SceneFile, seed: list[int]) -> list[np.ndarray]:
    """Of each camera: answers with its matrix, log2 of the light against daylight (2,), answers without, the same (2,),
    true neutral (3,); one row."""
    rng = np.random.default_rng(seed)
    scene = load_scene(file, rng)
    if file.coding == "log":
        width = min(scene.shape[1], scene.shape[0] * 3 // 2)
        left = int(rng.integers(scene.shape[1] - width + 1))
        scene = scene[:, left : left + width]
    share = SIDE / max(scene.shape[:2])
    height, width = (max(64, round(n * share) // 4 * 4) for n in scene.shape[:2])
    small = np.ascontiguousarray(cv2.resize(scene, (width, height), interpolation=cv2.INTER_AREA).clip(0), np.float32)
    rows = []
    for _ in range(CAMERAS):
        sensor = draw_sensor(rng)
        raw = raw_image(expose_noisy(expose(small, sensor)[0], sensor, rng), sensor, 1)
        true, blocks = neutral(sensor)[0], illuminant.blocks_of(raw)
        row = []
        for daylight in (illuminant.daylight_of(Light.of(raw)), illuminant.DAYLIGHT):
            row += [illuminant.answers(blocks, daylight), np.log2(true / daylight)[[0, 2]]]
        rows.append(np.concatenate([*row, true]))
    return rows


def gather(folder: Path, kept: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of training scenes and of held-out ones."""
    scenes = list_scenes(folder)
    held = {s.path for s in [s for s in scenes if s.coding == "log"][::HELD_OUT_HDR]}
    order = np.random.default_rng(1).permutation(len(scenes))[:count]
    rows: list[np.ndarray] = []
    done = 0
    if kept.exists():
        with np.load(kept, allow_pickle=False) as entries:
            rows, done = list(entries["rows"]), int(entries["done"])
    for at in range(done, len(order)):
        scene = scenes[order[at]]
        out = float(scene.split == "val" or scene.path in held)
        rows += [np.concatenate([[out], row]) for row in shots(scene, [5, int(order[at])])]
        if (at + 1) % EVERY == 0 or at + 1 == len(order):
            np.savez(kept, rows=np.stack(rows), done=at + 1)
            print(f"{at + 1} of {len(order)}", flush=True)
    table = np.stack(rows)
    return table[table[:, 0] == 0, 1:], table[table[:, 0] == 1, 1:]


def fit(found: np.ndarray, wanted: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
    """Weights by ridge regression, large errors weighed less; its form by scenes left out in turn.

    found: answers (n, m), rows of one scene following each other; wanted: (n, 2); true: neutrals (n, 3).
    """
    fold = np.arange(len(found)) // CAMERAS % FOLDS
    wrong = {}
    for form in itertools.product(PARTS, (False, True), RIDGES):
        errors = [
            degrees(illuminant.ratios(found[fold == k], solved(found[fold != k], wanted[fold != k], *form)),
                    wanted[fold == k], true[fold == k]) for k in range(FOLDS)
        ]  # fmt: skip
        every = np.concatenate(errors)
        wrong[form] = float(np.median(every) + MEAN * every.mean())
    return solved(found, wanted, *min(wrong, key=lambda form: wrong[form]))


def solved(found: np.ndarray, wanted: np.ndarray, count: int, products: bool, ridge: float) -> dict[str, np.ndarray]:
    """Weights of one form: `count` directions, with or without squares and products."""
    mean = found.mean(0)
    _, size, parts = np.linalg.svd(found - mean, full_matrices=False)
    size = np.maximum(size[:count] / np.sqrt(len(found)), 0.05)
    weights = {"mean": mean, "parts": parts[:count] / size[:, None]}
    features = 1 + len(size) + (len(size) * (len(size) + 1) // 2 if products else 0)
    x = illuminant.expanded(found, weights | {"ridge": np.zeros(features)})
    penalty = np.eye(features) * ridge * len(x) / 100
    penalty[0, 0] = 0
    trust = np.ones(len(x))
    for _ in range(ROUNDS):
        heavy = x * trust[:, None]
        weights["ridge"] = np.linalg.solve(heavy.T @ x + penalty, heavy.T @ wanted)
        trust = 1 / np.maximum(np.sqrt(((x @ weights["ridge"] - wanted) ** 2).sum(1)) / LARGE, 1)
    return weights


def degrees(found: np.ndarray, wanted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Angles between estimated and true neutrals: log2 ratios (n, 2) both against daylight, true (n, 3)."""
    made = true * np.exp2(np.stack([found[:, 0] - wanted[:, 0], np.zeros(len(found)), found[:, 1] - wanted[:, 1]], 1))
    along = (made * true).sum(1) / np.linalg.norm(made, axis=1) / np.linalg.norm(true, axis=1)
    return np.asarray(np.degrees(np.arccos(along.clip(-1, 1))))


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser("python -m rawinlay.codec.training.illuminant", description="Light of a shot.")
    parser.add_argument("scenes", type=Path, metavar="SCENES_DIR")
    parser.add_argument("kept", type=Path, metavar="SHOTS.npz")
    parser.add_argument("--count", type=int, default=200, help="scenes")
    parser.add_argument("--out", type=Path, default=illuminant.WEIGHTS)
    args = parser.parse_args(arguments)
    try:
        train, held = gather(args.scenes, args.kept, args.count)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    n = (train.shape[1] - 7) // 2
    found: dict[str, np.ndarray] = {}
    for kind, first in (("matrix", 0), ("plain", n + 2)):
        columns, told = np.r_[first : first + n], np.r_[first + n : first + n + 2]
        weights = fit(train[:, columns], train[:, told], train[:, -3:])
        found |= {f"{kind}.{name}": value.astype(np.float32) for name, value in weights.items()}
        rows, wanted = held[:, columns], held[:, told]
        kinds = {"nothing": np.zeros_like(wanted), "grey world": rows[:, :2], "shades of grey": rows[:, 4:6],
                 "grey edge": rows[:, 14:16], "fitted": illuminant.ratios(rows, weights)}  # fmt: skip
        for name, made in kinds.items():
            wrong = degrees(made, wanted, held[:, -3:])
            print(f"{kind}, {name}: median {np.median(wrong):.2f}, mean {wrong.mean():.2f}, "
                  f"95 % {np.quantile(wrong, 0.95):.2f} degrees, {len(wrong)} shots")  # fmt: skip
    save_file(found, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
