"""The regression of `codec.looks.illuminant`, fitted to simulated shots; scenes held out say how far it errs.

    python -m rawinlay.codec.training.illuminant SCENES_DIR SHOTS.npz [--count 200] [--out illuminant.safetensors]

Each scene is photographed by `CAMERAS` random cameras in random light. SHOTS.npz keeps what was measured: a run that
stopped goes on.
"""

from __future__ import annotations

import argparse
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
PARTS = 14
RIDGES = 0.01, 0.03, 0.1, 0.3, 1.0, 3.0
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


def fit(found: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Weights by ridge regression; the ridge by scenes left out in turn. Rows of one scene follow each other."""
    mean = found.mean(0)
    _, size, parts = np.linalg.svd(found - mean, full_matrices=False)
    size = np.maximum(size[:PARTS] / np.sqrt(len(found)), 0.02)
    weights = {"mean": mean, "parts": parts[:PARTS] / size[:, None]}
    x = illuminant.expanded(found, weights)
    fold = np.arange(len(x)) // CAMERAS % 5

    def solved(rows: np.ndarray, ridge: float) -> np.ndarray:
        a = x[rows]
        penalty = np.eye(x.shape[1]) * ridge * len(a) / 100
        penalty[0, 0] = 0
        return np.asarray(np.linalg.solve(a.T @ a + penalty, a.T @ wanted[rows]))

    wrong = {}
    for ridge in RIDGES:
        errors = [x[fold == k] @ solved(fold != k, ridge) - wanted[fold == k] for k in range(5)]
        wrong[ridge] = float(np.abs(np.concatenate(errors)).mean())
    weights["ridge"] = solved(np.ones(len(x), bool), min(wrong, key=lambda r: wrong[r]))
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
    answers, wanted = np.r_[0:n], np.r_[n : n + 2]
    weights = fit(train[:, answers], train[:, wanted])
    save_file({name: value.astype(np.float32) for name, value in weights.items()}, args.out)
    for label, first in (("with a colour matrix", 0), ("without", n + 2)):
        rows, told = held[:, answers + first], held[:, wanted + first]
        kinds = {"nothing": np.zeros_like(told), "grey world": rows[:, :2], "shades of grey": rows[:, 4:6],
                 "grey edge": rows[:, 14:16], "fitted": illuminant.ratios(rows, weights)}  # fmt: skip
        for name, found in kinds.items():
            wrong = degrees(found, told, held[:, -3:])
            print(f"{label}, {name}: median {np.median(wrong):.2f}, mean {wrong.mean():.2f}, "
                  f"95 % {np.quantile(wrong, 0.95):.2f} degrees, {len(wrong)} shots")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
