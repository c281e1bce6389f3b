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
from ..looks.net import NAMES
from . import checkpoint
from .look_data import Pair, closed_forms, read_pair, with_first
from .look_model import LookModel, sliced

CHOICE = 8
"""Every so manieth pair is not trained on: it has a say in how much of the net each look gets."""

DECAY = 0.03
BLUR = 0.3
"""Noise on the statistics, standard deviations: with few scenes they would say which one it is."""

GATES = 0.0, 0.25, 0.5, 0.75, 0.9, 1.0


@dataclass(frozen=True)
class LookConfig:
    """scenes: made into `count` pairs in the folder `pairs` where they are missing, "": none are made. points: of each
    picture of a batch, a step. only: looks that the net learns, "": all."""

    kind: str = "looks"
    scenes: str = ""
    pairs: str = "pairs"
    count: int = 120
    steps: int = 4000
    batch: int = 8
    points: int = 4096
    rate: float = 2e-3
    seed: int = 1
    only: str = ""


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
    closed, trust = closed_forms(pairs, rng)
    pairs = [with_first(pair, closed) for pair in pairs]
    held = pairs[::CHOICE]
    pairs = [pair for k, pair in enumerate(pairs) if k % CHOICE] or held
    model = LookModel({name: torch.from_numpy(value) for name, value in closed.items()})
    optimiser = torch.optim.AdamW(model.parameters(), config.rate, weight_decay=DECAY)
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
    gates = choose_gates(model, held)
    save(model, out / "looks.safetensors")
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps({"gates": gates, "ridges": trust, "pairs": len(pairs), "choice": len(held)}) + "\n")
    return out / "looks.safetensors", last


def surely_best(every: np.ndarray) -> float:
    """The gate that gains most over none by a standard error less; none where nothing surely gains. every: dB,
    (pairs, gates)."""
    gain = every - every[:, :1]
    sure = gain.mean(0) - gain.std(0) / np.sqrt(len(gain))
    return GATES[int(sure.argmax())]


def choose_gates(model: LookModel, held: list[Pair]) -> dict[str, list[float]]:
    """Set how much of the net each look gets, by pairs that it was not trained on; mean dB by gate."""
    found: dict[str, list[float]] = {}
    gates = torch.ones(len(NAMES))
    for look, name in enumerate(NAMES):
        every = np.zeros((len(held), len(GATES)))
        for row, pair in enumerate(held):
            h, w = pair.shown[name].shape[:2]
            y, x = (np.arange(n) for n in (h, w))
            places = np.stack(np.meshgrid((y + 0.5) / h, (x + 0.5) / w, indexing="ij"), -1).reshape(1, -1, 2)
            base, shown = pair.first[name].reshape(1, -1, 3) / 65535, pair.shown[name].reshape(1, -1, 3) / 255
            for k, gate in enumerate(GATES):
                model.gate.fill_(gate)
                with torch.no_grad():
                    cells = model(pair.small[None], pair.facts[None], _tensor([pair.stats]), torch.tensor([look]))
                    made = sliced(cells, _tensor([*places]), _tensor([*base])).clamp(0, 1).numpy()
                every[row, k] = -10 * np.log10(max(float(((made - shown) ** 2).mean()), 1e-10))
        gates[look] = surely_best(every)
        found[name] = [round(float(v), 2) for v in every.mean(0)]
    model.gate.copy_(gates)
    return found


def save(model: LookModel, path: Path) -> None:
    """The weights and the closed forms, float16."""
    weights = {k: v.detach().to(torch.float16).contiguous() for k, v in (model.state_dict() | model.closed).items()}
    save_file(weights, path, {"looks": ",".join(NAMES)})


def _loss(model: LookModel, pairs: list[Pair], config: LookConfig, rng: np.random.Generator) -> torch.Tensor:
    """Mean logarithm of the pictures' squared errors: what PSNR is the mean of."""
    smalls, facts, stats, looks, places, bases, shown = [], [], [], [], [], [], []
    names = config.only.split(",") if config.only else NAMES
    for _ in range(config.batch):
        pair, name = pairs[rng.integers(len(pairs))], names[rng.integers(len(names))]
        flips, turned = rng.random(2) < 0.5, bool(rng.random() < 0.5)
        base, target = pair.first[name], pair.shown[name]
        h, w = base.shape[:2]
        y, x = rng.integers(h, size=config.points), rng.integers(w, size=config.points)
        place = np.stack([(y + 0.5) / h, (x + 0.5) / w], -1)
        small = pair.small.flip([k + 1 for k in range(2) if flips[k]])
        place = np.where(flips, 1 - place, place)
        smalls.append(small.transpose(1, 2) if turned else small)
        places.append(place[:, ::-1] if turned else place)
        bases.append(base[y, x] / 65535)
        shown.append(target[y, x] / 255)
        facts.append(pair.facts)
        stats.append(pair.stats + rng.normal(0, BLUR, len(pair.stats)))
        looks.append(NAMES.index(name))
    cells = model(torch.stack(smalls), torch.stack(facts), _tensor(stats), torch.tensor(looks))
    made = sliced(cells, _tensor(places), _tensor(bases))
    wrong = ((made - _tensor(shown)) ** 2).mean((1, 2))
    rough = (cells.diff(dim=3) ** 2).mean() + (cells.diff(dim=4) ** 2).mean()
    return torch.log(wrong + 1e-5).mean() / 2 + 0.2 * rough


def _tensor(values: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(values).astype(np.float32))
