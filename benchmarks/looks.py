"""What the looks are worth, on pairs that nothing was trained on: against the best global map, and a grid's ceiling.

    python -m rawinlay.benchmarks.looks PAIRS_DIR [--weights FILE] [--out ROWS.jsonl] [--pictures DIR]

Pairs: `rawinlay.codec.training.look_pairs`. Per look, means over the held-out scenes at full size:

========  =========================================================================================================
column    picture
========  =========================================================================================================
start     what every one of them starts from
global    the best global map: one by brightness, then a 3-D table of 9^3, both fitted to the training pairs
net       the shipped net
grid      the best grid of the net's shape for this very picture, in closed form: the ceiling
way       how much of the way from `global` to `grid` the net goes, share of the dB
========  =========================================================================================================

dB are PSNR on the display, over all three channels; dE is CIEDE2000, mean. After the table: halves of two looks mixed
against half of each program's picture; and `STRANGER`, a profile that the net never saw, learned by `codec.looks.own`
from ten pairs and from all.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu

from ..bitstream.errors import InputError, RawinlayError
from ..codec.isp.grid import Grid, fit
from ..codec.looks import own
from ..codec.looks.net import NAMES, SHAPE, LookNet
from ..codec.training.look_loop import Pair, drawn, is_fixed, read_pair

SIDE = 9
STRANGER, FEW = "lab", 10
MIXED = "bw", "pop"
POINTS = 3000
"""Of each training picture, for the global maps."""


@dataclass(frozen=True)
class Global:
    """A map by brightness, then a table (SIDE, SIDE, SIDE, 3) trilinear."""

    own: Grid
    table: np.ndarray

    def __call__(self, base: np.ndarray) -> np.ndarray:
        """Display of a base, float (h, w, 3)."""
        first = self.own(base)
        made = _shares(first.reshape(-1, 3)) @ self.table.reshape(-1, 3)
        return np.asarray(made.reshape(base.shape).clip(0, 1), np.float32)


def best_global(pairs: list[Pair], name: str) -> Global:
    """Fitted to the training pairs."""
    base, shown = drawn(pairs, name, POINTS, np.random.default_rng(2))
    own = fit(base[None], shown[None], (1, 1, 12), 1e-4)
    share = _shares(own(base[None])[0])
    number = np.arange(SIDE**3).reshape((SIDE,) * 3)
    pairs_of = [(number.take(range(1, SIDE), a).ravel(), number.take(range(SIDE - 1), a).ravel()) for a in range(3)]
    above, below = (np.concatenate(side) for side in zip(*pairs_of, strict=True))
    rows, ones = np.tile(np.arange(len(above)), 2), np.ones(len(above))
    rough = coo_array((np.concatenate([ones, -ones]), (rows, np.concatenate([above, below])))).tocsr()
    axis = np.linspace(0, 1, SIDE)
    same = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    weight = 0.05 * len(base) / SIDE**3
    normal = share.T @ share + weight * (rough.T @ rough) + diags_array(np.full(SIDE**3, weight / 100))
    right = share.T @ (shown - own(base[None])[0])
    return Global(own, splu(normal.tocsc()).solve(right).reshape(SIDE, SIDE, SIDE, 3) + same.reshape(*(SIDE,) * 3, 3))


def _shares(rgb: np.ndarray) -> Any:
    place = rgb.clip(0, 1) * (SIDE - 1)
    low = np.minimum(place.astype(int), SIDE - 2)
    part = place - low
    cells, shares = [], []
    for k in range(8):
        corner = np.array([k >> 2, k >> 1 & 1, k & 1])
        cells.append(((low + corner) * [SIDE * SIDE, SIDE, 1]).sum(1))
        shares.append(np.where(corner, part, 1 - part).prod(1))
    rows = np.tile(np.arange(len(rgb)), 8)
    return coo_array((np.concatenate(shares), (rows, np.concatenate(cells))), (len(rgb), SIDE**3)).tocsr()


def psnr(made: np.ndarray, shown: np.ndarray) -> float:
    """dB on the display."""
    return float(-10 * np.log10(max(float(((made - shown) ** 2).mean()), 1e-10)))


def delta_e(made: np.ndarray, shown: np.ndarray) -> float:
    """CIEDE2000, mean over a sixteenth of the pixels."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    return float(deltaE_ciede2000(rgb2lab(made[::4, ::4]), rgb2lab(shown[::4, ::4])).mean())


def measure(files: list[Path], train: list[Path], net: LookNet, pictures: Path | None) -> list[dict[str, Any]]:
    """A row a look."""
    fitted = [read_pair(path) for path in train]
    maps = {name: best_global(fitted, name) for name in NAMES}
    held = [read_pair(path, half=False) for path in files]
    rows = []
    for name in NAMES:
        found: dict[str, list[float]] = {}
        strip = []
        for pair in held:
            base = (pair.base[is_fixed(name)] / 65535).astype(np.float32)
            shown = (pair.shown[name] / 255).astype(np.float32)
            small = pair.small.permute(1, 2, 0).numpy()
            half = base[::2, ::2], shown[::2, ::2]
            made = {
                "start": base, "global": maps[name](base), "net": net.grid(small, pair.facts.numpy(), name)(base),
                "grid": fit(*half, SHAPE)(base),
            }  # fmt: skip
            for kind, picture in made.items():
                found.setdefault(f"{kind} dB", []).append(psnr(picture, shown))
                if kind in ("global", "net"):
                    found.setdefault(f"{kind} dE", []).append(delta_e(picture, shown))
            strip.append([base, made["global"], made["net"], shown])
        row: dict[str, Any] = {"look": name, "scenes": len(held)}
        row |= {key: round(float(np.mean(values)), 3) for key, values in found.items()}
        room = row["grid dB"] - row["global dB"]
        row["way"] = round((row["net dB"] - row["global dB"]) / room, 3) if room > 0 else None
        rows.append(row)
        if pictures:
            _sheet(strip[:6], pictures / f"look-{name}.jpg")
    return rows


def mixed(files: list[Path], net: LookNet) -> dict[str, float]:
    """dB of half `MIXED[0]`, half `MIXED[1]`, and the mean of their own."""
    rows: list[tuple[float, float]] = []
    for path in files:
        pair = read_pair(path)
        made, shown = [], []
        for name in MIXED:
            base = (pair.base[is_fixed(name)] / 65535).astype(np.float32)
            made.append(net.grid(pair.small.permute(1, 2, 0).numpy(), pair.facts.numpy(), name)(base))
            shown.append(pair.shown[name] / 255)
        alone = float(np.mean([psnr(m, s) for m, s in zip(made, shown, strict=True)]))
        rows.append((psnr((made[0] + made[1]) / 2, (shown[0] + shown[1]) / 2), alone))
    found = np.mean(rows, 0)
    return {"mix dB": round(float(found[0]), 2), "alone dB": round(float(found[1]), 2)}


def learned(train: list[Path], files: list[Path], net: LookNet) -> dict[str, Any]:
    """`STRANGER` from `FEW` pairs and from all, on held-out scenes, dB; and the starts that were chosen."""

    def example(path: Path) -> own.Example:
        pair = read_pair(path, (STRANGER,))
        told = pair.small.permute(1, 2, 0).numpy(), pair.facts.numpy()
        bases = {k: (pair.base[k] / 65535).astype(np.float32)[::3, ::3] for k in (True, False)}
        starts = {"fixed": bases[True], "bright": bases[False]}
        starts |= {name: net.grid(*told, name)(bases[is_fixed(name)]) for name in ("filmic", "film", "pop")}
        return own.Example(starts, (pair.shown[STRANGER] / 255)[::3, ::3])

    held = [example(path) for path in files]
    row: dict[str, Any] = {}
    for label, paths in (("ten", train[:FEW]), ("all", train)):
        flat = [own.Example({k: v.reshape(1, -1, 3) for k, v in e.starts.items()}, e.shown.reshape(1, -1, 3))
                for e in map(example, paths)]  # fmt: skip
        look, _ = own.learn(flat)
        row[f"{label}: from"] = look.start
        dbs = [psnr(look.grids[0](e.starts[look.start]), e.shown) for e in held]
        row[f"{label} dB"] = round(float(np.mean(dbs)), 2)
    row["nothing dB"] = round(float(np.mean([psnr(e.starts["fixed"], e.shown) for e in held])), 2)
    return row


def _sheet(strips: list[list[np.ndarray]], path: Path) -> None:
    rows = [np.hstack([cv2.resize(p, (300, 200), interpolation=cv2.INTER_AREA) for p in strip]) for strip in strips]
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.rint(np.vstack(rows)[..., ::-1] * 255).astype(np.uint8)
    cv2.imwrite(str(path), whole, [cv2.IMWRITE_JPEG_QUALITY, 82])


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser("python -m rawinlay.benchmarks.looks", description="What the looks are worth.")
    parser.add_argument("pairs", type=Path, metavar="PAIRS_DIR")
    parser.add_argument("--weights", type=Path, help="default: the shipped ones")
    parser.add_argument("--count", type=int, default=1000, help="held-out scenes at most")
    parser.add_argument("--out", type=Path, metavar="ROWS.jsonl")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="a sheet a look: start, global, net, program")
    args = parser.parse_args(arguments)
    try:
        train, held = (sorted(args.pairs.glob(f"pair-*-{split}.npz")) for split in ("train", "val"))
        if not train or not held:
            raise InputError(f"{args.pairs}: no pairs for training, or none held out")
        net = LookNet.read(args.weights) if args.weights else LookNet.shipped()
        rows = measure(held[: args.count], train, net, args.pictures)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    keys = list(rows[0])
    print("| " + " | ".join(keys) + " |\n|" + "---|" * len(keys))
    for row in rows:
        print("| " + " | ".join(str(row[key]) for key in keys) + " |")
    print("mix", mixed(held[: args.count], net))
    print(STRANGER, learned(train, held[: args.count], net))
    if args.out:
        args.out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
