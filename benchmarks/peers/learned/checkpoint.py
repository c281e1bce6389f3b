"""A net's training on disk: weights, Adam's moments and how far it is, in one safetensors file; no pickles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ....bitstream.errors import InputError
from ....bitstream.runtime.files import write_atomically

MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class Progress:
    """How far a net is. seconds: of processor time spent on it; validation: the last one, by rate."""

    step: int = 0
    seconds: float = 0.0
    loss: float | None = None
    validation: dict[str, Any] | None = None


def write(path: Path, net: torch.nn.Module, optimiser: torch.optim.Adam, progress: Progress) -> None:
    """Write a checkpoint; the file appears whole or not at all."""
    tensors = {f"net.{n}": v.detach().contiguous() for n, v in state(net).items()}
    for name, p in net.named_parameters():
        for moment in MOMENTS:
            if moment in optimiser.state[p]:
                tensors[f"{moment}.{name}"] = optimiser.state[p][moment].contiguous()
    write_atomically(path, save(tensors, {"progress": json.dumps(progress.__dict__)}))


def read(path: Path, net: torch.nn.Module, optimiser: torch.optim.Adam) -> Progress:
    """Load a checkpoint into a net and its optimiser. `InputError` where it doesn't fit."""
    try:
        with safe_open(path, "pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            there = set(file.keys())
            net.load_state_dict({n: file.get_tensor(f"net.{n}") for n in state(net)}, strict=False)
            for name, p in net.named_parameters():
                moments = {m: file.get_tensor(f"{m}.{name}") for m in MOMENTS if f"{m}.{name}" in there}
                if moments:
                    optimiser.state[p] = {"step": torch.tensor(float(progress.step)), **moments}
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: not a checkpoint of this net ({error})") from error
    return progress


def state(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights and buffers, without the tables that are made from them and the parametrisations' constants."""
    tables = ("._offset", "._quantized_cdf", "._cdf_length")
    return {n: v for n, v in net.state_dict().items() if not n.endswith(tables)}
