"""What the looks are worth, on pairs that nothing was trained on: against the best global map, and a grid's ceiling.

    python -m rawinlay.benchmarks.looks PAIRS_DIR [--weights FILE] [--out ROWS.jsonl] [--pictures DIR]

Pairs: `rawinlay.codec.training.look_pairs`. Per look, means over the held-out scenes at full size:

========  =========================================================================================================
column    picture
========  =========================================================================================================
start     what every one of them starts from
global    the best global map: one by brightness, then a 3-D table of 9^3, both fitted to the training pairs
base      the shipped closed form, which follows the picture's statistics, without the net
ours      what is shipped: base and net, or, for `codec.looks.operators`, the operator small and a grid fitted to it
grid      the best grid of the net's shape for this very picture, in closed form: the ceiling
way       how much of the way from `global` to `grid` ours goes, share of the dB
halos     overshoot at strong edges, of 255: ours beyond what lies on both sides of the edge, mean of the 99th
          percentiles; then the program's own
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

from ..bitstream.errors import InputError, RawinlayError, UsageError
from ..codec.isp.cube import Cube
from ..codec.isp.grid import WEIGHTS, Grid, fit
from ..codec.looks import operators, own
from ..codec.looks.base import Base, identity_table
from ..codec.looks.net import NAMES, SHAPE, LookNet, base_curve
from ..codec.training.look_base import fit_table
from ..codec.training.look_data import Pair, drawn, is_fixed, read_pair

STRANGER, FEW = "lab", 10
MIXED = "bw", "pop"
POINTS = 3000
"""Of each training picture, for the global maps."""

ALL = (*NAMES, *operators.OPERATORS)
STEP = 0.25
"""Of the display's range, over `REACH` pixels: a strong edge."""

REACH = 3


@dataclass(frozen=True)
class Held:
    """A pair, and its light, linear sRGB float32 (h, w, 3)."""

    pair: Pair
    light: np.ndarray


def read(path: Path, half: bool, names: tuple[str, ...] = ALL) -> Held:
    """A pair with the pictures of those operators that are among the names beside the programs'."""
    pair = read_pair(path, half=half)
    with np.load(path, allow_pickle=False) as entries:
        light = entries["light"].astype(np.float32)
    for name in (n for n in names if n in operators.OPERATORS):
        made = operators.OPERATORS[name](light)
        if half:
            h, w = pair.base[False].shape[:2]
            made = cv2.resize(made[: 2 * h, : 2 * w], (w, h), interpolation=cv2.INTER_AREA)
        pair.shown[name] = np.rint(made * 255).astype(np.uint8)
    return Held(pair, light)


def best_global(pairs: list[Pair], name: str) -> Base:
    """The best map for all pictures alike, fitted to the training pairs."""
    rng = np.random.default_rng(2)
    some = [drawn(pair, name, POINTS, rng) for pair in pairs]
    base, shown = (np.concatenate(values) for values in zip(*some, strict=True))
    grid = fit(base[None], shown[None], (1, 1, 12), 1e-4)
    table = identity_table() + fit_table(grid(base[None])[0], shown)
    ends = np.zeros(3, np.float32), np.ones(3, np.float32)
    return Base(grid, Cube(np.ascontiguousarray(table.clip(0, 1), np.float32), *ends))


def ours(held: Held, name: str, net: LookNet) -> list[Grid | Cube]:
    """What is shipped does behind the start."""
    if name in operators.OPERATORS:
        share = 256 / max(held.light.shape[:2])
        light = cv2.resize(held.light, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        return [operators.grid_of(name, light, base_curve()(light))]
    return list(net.maps(held.pair.small.permute(1, 2, 0).numpy(), held.pair.facts.numpy(), name))


def overshoot(made: np.ndarray, base: np.ndarray) -> float:
    """99th percentile of how far pixels beside a strong edge of `base` lie beyond what is farther from it, of 255.

    Along rows: an edge is a rise of `STEP` within `REACH` pixels; beside it is within 2 `REACH` of its sides.
    """
    grey, shown = base @ WEIGHTS, made @ WEIGHTS * 255
    r = REACH
    beyond = []
    for a, b in ((grey, shown), (grey.T, shown.T)):
        rise = a[:, 6 * r : -5 * r] - a[:, 5 * r : -6 * r]
        n = rise.shape[1]
        near = [b[:, k : k + n] for k in range(4 * r, 5 * r)], [b[:, 6 * r + k : 6 * r + k + n] for k in range(r)]
        far = [b[:, k : k + n] for k in range(0, 4 * r)], [b[:, 7 * r + k : 7 * r + k + n] for k in range(0, 4 * r)]
        for sign in (1, -1):
            at = rise * sign > STEP
            low, high, below, above = ([v[at] * sign for v in part] for part in (*near, *far))
            beyond += [(np.max(high, 0) - np.max(above, 0)).clip(0), (np.min(below, 0) - np.min(low, 0)).clip(0)]
    values = np.concatenate(beyond)
    return float(np.percentile(values, 99)) if values.size else 0.0


def psnr(made: np.ndarray, shown: np.ndarray) -> float:
    """dB on the display."""
    return float(-10 * np.log10(max(float(((made - shown) ** 2).mean()), 1e-10)))


def delta_e(made: np.ndarray, shown: np.ndarray) -> float:
    """CIEDE2000, mean over a sixteenth of the pixels."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    return float(deltaE_ciede2000(rgb2lab(made[::4, ::4]), rgb2lab(shown[::4, ::4])).mean())


def measure(
    files: list[Path], train: list[Path], net: LookNet, pictures: Path | None, names: tuple[str, ...] = ALL
) -> list[dict[str, Any]]:
    """A row a look."""
    fitted = [read(path, True, names).pair for path in train]
    maps = {name: best_global(fitted, name) for name in names}
    fitted.clear()
    every = [read(path, False, names) for path in files]
    rows = []
    for name in names:
        found: dict[str, list[float]] = {}
        strip = []
        for held in every:
            pair = held.pair
            base = (pair.base[is_fixed(name)] / 65535).astype(np.float32)
            shown = (pair.shown[name] / 255).astype(np.float32)
            made = {"start": base, "global": maps[name](base), "ours": base}
            for k, grid in enumerate(ours(held, name, net)):
                made["ours"] = grid(made["ours"])
                if k == 1:
                    made["base"] = made["ours"]
            made["grid"] = fit(base[::2, ::2], shown[::2, ::2], SHAPE)(base)
            for kind, picture in made.items():
                found.setdefault(f"{kind} dB", []).append(psnr(picture, shown))
                if kind in ("global", "ours"):
                    found.setdefault(f"{kind} dE", []).append(delta_e(picture, shown))
            found.setdefault("halos", []).append(overshoot(made["ours"], base))
            found.setdefault("halos of program", []).append(overshoot(shown, base))
            strip.append([base, made["global"], made["ours"], shown])
        row: dict[str, Any] = {"look": name, "scenes": len(every)}
        kinds = ("start dB", "global dB", "global dE", "base dB", "ours dB", "ours dE", "grid dB", "halos",
                 "halos of program")  # fmt: skip
        row |= {key: round(float(np.mean(found[key])), 2) if key in found else None for key in kinds}
        room = row["grid dB"] - row["global dB"]
        row["way"] = round((row["ours dB"] - row["global dB"]) / room, 2) if room > 0 else None
        rows.append(row)
        if pictures:
            _sheet(strip[:6], pictures / f"{name}.jpg")
    return rows


def mixed(files: list[Path], net: LookNet) -> dict[str, float]:
    """dB of half `MIXED[0]`, half `MIXED[1]`, and the mean of their own."""
    rows: list[tuple[float, float]] = []
    for path in files:
        pair = read_pair(path)
        made, shown = [], []
        for name in MIXED:
            base = (pair.base[is_fixed(name)] / 65535).astype(np.float32)
            made.append(_through(net, pair, name, base))
            shown.append(pair.shown[name] / 255)
        alone = float(np.mean([psnr(m, s) for m, s in zip(made, shown, strict=True)]))
        rows.append((psnr((made[0] + made[1]) / 2, (shown[0] + shown[1]) / 2), alone))
    found = np.mean(rows, 0)
    return {"mix dB": round(float(found[0]), 2), "alone dB": round(float(found[1]), 2)}


def _through(net: LookNet, pair: Pair, name: str, base: np.ndarray) -> np.ndarray:
    for grid in net.maps(pair.small.permute(1, 2, 0).numpy(), pair.facts.numpy(), name):
        base = grid(base)
    return base


def learned(train: list[Path], files: list[Path], net: LookNet) -> dict[str, Any]:
    """`STRANGER` from `FEW` pairs and from all, on held-out scenes, dB; and the starts that were chosen."""

    def example(path: Path) -> own.Example:
        pair = read_pair(path, (STRANGER,))
        bases = {k: (pair.base[k] / 65535).astype(np.float32)[::3, ::3] for k in (True, False)}
        starts = {"fixed": bases[True], "bright": bases[False]}
        starts |= {name: _through(net, pair, name, bases[is_fixed(name)]) for name in ("filmic", "film", "pop")}
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
    parser.add_argument("--looks", default=",".join(ALL), metavar="A,B", help="default: all, and what follows them")
    parser.add_argument("--out", type=Path, metavar="ROWS.jsonl")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="a sheet a look: start, global, ours, program")
    args = parser.parse_args(arguments)
    try:
        train, held = (sorted(args.pairs.glob(f"pair-*-{split}.npz")) for split in ("train", "val"))
        if not train or not held:
            raise InputError(f"{args.pairs}: no pairs for training, or none held out")
        net = LookNet.read(args.weights) if args.weights else LookNet.shipped()
        names = tuple(args.looks.split(","))
        if not set(names) <= set(ALL):
            raise UsageError(f"--looks: want some of {', '.join(ALL)}")
        rows = measure(held[: args.count], train, net, args.pictures, names)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    keys = list(rows[0])
    print("| " + " | ".join(keys) + " |\n|" + "---|" * len(keys))
    for row in rows:
        print("| " + " | ".join(str(row[key]) for key in keys) + " |")
    if args.out:
        args.out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if not set(NAMES) <= set(names):
        return 0
    print("mix", mixed(held[: args.count], net))
    print(STRANGER, learned(train, held[: args.count], net))
    return 0


if __name__ == "__main__":
    sys.exit(main())
