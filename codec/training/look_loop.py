"""Training of the looks' net: pairs, each look's own map in closed form, then Adam; resumable."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import read_file
from ..isp.grid import fit
from ..looks.net import FACTS, NAMES, SHAPE, base_curve, small_input, start
from . import checkpoint
from .look_model import LookModel, sliced

OWN_POINTS = 1200
"""Of each picture, for the closed form."""


@dataclass(frozen=True)
class LookConfig:
    """scenes: made into `count` pairs in the folder `pairs` where they are missing, "": none are made. points: of each
    picture of a batch, a step."""

    kind: str = "looks"
    scenes: str = ""
    pairs: str = "pairs"
    count: int = 120
    steps: int = 4000
    batch: int = 8
    points: int = 4096
    rate: float = 2e-3
    seed: int = 1


def load(path: Path) -> LookConfig:
    """`UsageError` for a file that is no such configuration."""
    try:
        content = tomllib.loads(read_file(path, "configuration").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file ({error})") from error
    kinds = {f.name: f.type for f in fields(LookConfig)}
    for key, value in content.items():
        if key not in kinds:
            raise UsageError(f"{path}: there is no setting {key}; there are {', '.join(kinds)}")
        if type(value).__name__ != kinds[key] and not (kinds[key] == "float" and isinstance(value, int)):
            raise UsageError(f"{path}: {key} is a {kinds[key]}")
    return LookConfig(**content)


def is_looks(path: Path) -> bool:
    """Whether a configuration is for this; anything else about it is told by whoever reads it."""
    try:
        return bool(tomllib.loads(path.read_text("utf-8", "replace")).get("kind") == "looks")
    except (OSError, tomllib.TOMLDecodeError):
        return False


@dataclass
class Pair:
    """small: (3, SIDE, SIDE); facts: (3,); shown: by look; base: by starting exposure; uint16 and uint8 (h, w, 3)."""

    small: torch.Tensor
    facts: torch.Tensor
    base: dict[bool, np.ndarray]
    shown: dict[str, np.ndarray]


def read_pair(path: Path, names: tuple[str, ...] = NAMES, half: bool = True) -> Pair:
    """half: means of 2 x 2 pixels, what training looks at."""
    with np.load(path, allow_pickle=False) as entries:
        light, facts = entries["light"].astype(np.float32), entries["facts"]
        shown = {name: entries[name] for name in names}
    ev = float(facts[0])
    shrink = _halved if half else (lambda v: v)
    base = {}
    for fixed in (False, True):
        shift = start("film" if fixed else "libraw", ev) - ev
        base[fixed] = np.rint(shrink(base_curve()(light * np.float32(2.0**shift))) * 65535).astype(np.uint16)
    pictures = {k: np.rint(shrink(v.astype(np.float32))).astype(np.uint8) for k, v in shown.items()}
    small = torch.from_numpy(small_input(light)).permute(2, 0, 1)
    told = torch.tensor(facts.clip(FACTS[:, 0], FACTS[:, 1]), dtype=torch.float32)
    return Pair(small, told, base, pictures)


def _halved(v: np.ndarray) -> np.ndarray:
    h, w = (n // 2 * 2 for n in v.shape[:2])
    return np.asarray(v[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3)))


def is_fixed(name: str) -> bool:
    """Whether a look starts from the RAW's own white."""
    return start(name, 1e9) != 1e9


def drawn(pairs: list[Pair], name: str, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Bases and a look's pictures at `count` pixels of each pair, display, float (n, 3) each."""
    bases, shown = [], []
    for pair in pairs:
        base, target = pair.base[is_fixed(name)].reshape(-1, 3), pair.shown[name].reshape(-1, 3)
        at = rng.integers(len(base), size=count)
        bases.append(base[at] / 65535)
        shown.append(target[at] / 255)
    return np.concatenate(bases), np.concatenate(shown)


def own_maps(pairs: list[Pair], rng: np.random.Generator) -> torch.Tensor:
    """Each look's best map by brightness alone, (looks, d, 3, 4)."""
    found = []
    for name in NAMES:
        base, shown = drawn(pairs, name, OWN_POINTS, rng)
        grid = fit(base[None], shown[None], (1, 1, SHAPE[2]), 1e-4)
        found.append(torch.from_numpy(grid.cells[0, 0]))
    return torch.stack(found)


def train(config: LookConfig, out: Path, resume: bool, told: Callable[[int, float], Any]) -> tuple[Path, float | None]:
    """The weights' file, and the last line's loss. `out` gets log.jsonl, the checkpoint, and looks.safetensors."""
    folder = Path(config.pairs)
    if config.scenes:
        from .look_pairs import main

        main([config.scenes, config.pairs, "--count", str(config.count)])
    files = sorted(folder.glob("pair-*-train.npz"))
    if not files:
        raise InputError(f"{folder}: no pairs to train on")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    pairs = [read_pair(path) for path in files[: config.count]]
    model = LookModel(own_maps(pairs, rng))
    optimiser = torch.optim.Adam(model.parameters(), config.rate)
    state = out / checkpoint.NAME
    first = checkpoint.read(state, model, optimiser)[0] if resume and state.exists() else 0
    mean, last, started = 0.0, None, time.monotonic()
    for step in range(first, config.steps):
        rng = np.random.default_rng([config.seed, step])
        for group in optimiser.param_groups:
            group["lr"] = config.rate * min(1, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * step / config.steps))
        loss = _loss(model, pairs, config, rng)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        mean += loss.item()
        if (step + 1) % 50 == 0 or step + 1 == config.steps:
            line = {"step": step + 1, "loss": mean / (step % 50 + 1), "seconds": round(time.monotonic() - started, 1)}
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            last = float(line["loss"])
            told(step + 1, last)
            mean = 0.0
        if (step + 1) % 250 == 0 or step + 1 == config.steps:
            checkpoint.write(state, model, optimiser, step + 1, {})
            save(model, out / "looks.safetensors")
    return out / "looks.safetensors", last


def save(model: LookModel, path: Path) -> None:
    """The weights, float16."""
    weights = {k: v.detach().to(torch.float16).contiguous() for k, v in model.state_dict().items()}
    save_file(weights, path, {"looks": ",".join(NAMES)})


def _loss(model: LookModel, pairs: list[Pair], config: LookConfig, rng: np.random.Generator) -> torch.Tensor:
    smalls, facts, looks, places, bases, shown = [], [], [], [], [], []
    for _ in range(config.batch):
        pair, look, turned = pairs[rng.integers(len(pairs))], int(rng.integers(len(NAMES))), bool(rng.random() < 0.5)
        name = NAMES[look]
        base, target = pair.base[is_fixed(name)], pair.shown[name]
        h, w = base.shape[:2]
        y, x = rng.integers(h, size=config.points), rng.integers(w, size=config.points)
        across = (x + 0.5) / w
        smalls.append(pair.small.flip(2) if turned else pair.small)
        places.append(np.stack([(y + 0.5) / h, 1 - across if turned else across], -1))
        bases.append(base[y, x] / 65535)
        shown.append(target[y, x] / 255)
        facts.append(pair.facts)
        looks.append(look)
    cells = model(torch.stack(smalls), torch.stack(facts), torch.tensor(looks))
    made = sliced(cells, _tensor(places), _tensor(bases))
    wrong = made - _tensor(shown)
    rough = (cells.diff(dim=3) ** 2).mean() + (cells.diff(dim=4) ** 2).mean()
    return torch.sqrt(wrong**2 + 1e-4).mean() + 0.02 * rough


def _tensor(values: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(values).astype(np.float32))
