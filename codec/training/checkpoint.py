"""Checkpoints: one safetensors file of weights, Adam's moments and the step; no pickles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...bitstream.errors import InputError
from ...bitstream.runtime.files import write_atomically

NAME = "last.safetensors"
MOMENTS = ("exp_avg", "exp_avg_sq")


def write(path: Path, model: torch.nn.Module, optimiser: torch.optim.Adam, step: int, facts: dict[str, Any]) -> None:
    """Write a checkpoint; the file appears whole or not at all. facts: kept as JSON."""
    tensors = {f"model.{n}": v.detach().cpu().contiguous() for n, v in model.state_dict().items()}
    for name, p in model.named_parameters():
        for moment in MOMENTS:
            if moment in optimiser.state[p]:
                tensors[f"{moment}.{name}"] = optimiser.state[p][moment].detach().cpu().contiguous()
    write_atomically(path, save(tensors, {"step": str(step), "facts": json.dumps(facts)}))


def read(path: Path, model: torch.nn.Module, optimiser: torch.optim.Adam | None = None) -> tuple[int, dict[str, Any]]:
    """Load a checkpoint into a model, and an optimiser; returns step and facts. `InputError` where it doesn't fit."""
    try:
        with safe_open(path, "pt") as file:
            step, facts = int(file.metadata()["step"]), json.loads(file.metadata()["facts"])
            model.load_state_dict({n: file.get_tensor(f"model.{n}") for n in model.state_dict()})
            for name, p in model.named_parameters():
                if optimiser is None or not step:
                    break
                moments = {m: file.get_tensor(f"{m}.{name}").to(p.device) for m in MOMENTS}
                optimiser.state[p] = {"step": torch.tensor(float(step)), **moments}
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: not a checkpoint of this model ({error})") from error
    return step, facts
