"""The training loop: batches, steps, log, checkpoints; one process or many under torchrun.

Every step draws its batch from (seed, step, rank) alone, so a run that is taken up again goes on as if it had not
stopped. Processes share the mean of their gradients.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import write_atomically
from . import checkpoint
from .config import Config
from .data import Batch, Picture, draw, load_picture
from .export import export
from .features import LEAST_BITS, loss, residual
from .guide_model import GuideModel
from .readout import bits
from .subnormals import without_subnormals

VALIDATION_EXPONENTS = (-9.0, -8.0, -7.0, -6.0, -5.0)
LOG = "log.jsonl"
EXPORT = "guide_net.safetensors"


@dataclass
class Result:
    """Where a run stands. loss: mean over the last steps; saving: share of the estimated bits of the validation shots
    that the learned features save. Both None where there is none yet. weights: the exported file, of that identity."""

    step: int
    finished: bool
    loss: float | None
    saving: float | None
    weights: Path
    identity: str


@contextlib.contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of breaking off in the middle of a step."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {s: signal.signal(s, lambda *_: stop.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def learning_rate(config: Config, step: int) -> float:
    """Learning rate of a step."""
    o = config.optimiser
    if step < o.warmup:
        return o.rate * (step + 1) / o.warmup
    return o.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - o.warmup) / max(o.steps - o.warmup, 1))))


def _pictures(folder: Path, split: str, limit: int, rank: int, world: int) -> list[Picture]:
    paths = sorted(folder.glob(f"*-{split}.npz"))
    return [load_picture(p) for p in (paths[:limit] if limit else paths)[rank::world]]


def validate(model: GuideModel, batches: list[Batch]) -> float:
    """Mean share of the estimated bits that the learned features save."""
    savings = []
    exponents = torch.tensor([VALIDATION_EXPONENTS])
    with torch.no_grad():
        for batch in batches:
            without = bits(residual(None, batch), exponents.to(batch.x.device)) + LEAST_BITS
            with_them = bits(residual(model, batch), exponents.to(batch.x.device)) + LEAST_BITS
            savings.append(1 - float(torch.exp(torch.log(with_them / without).mean())))
    return float(np.mean(savings))


def train(
    config: Config,
    out: Path,
    resume: bool = False,
    device: str = "cpu",
    tell: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Result:
    """Train the guide's features; writes `out`/log.jsonl and `out`/last.safetensors.

    At the end, or when SIGINT or SIGTERM stops it, it writes `out`/guide_net.safetensors too, for the runtime.
    resume: go on from the checkpoint there. tell: is given each line of the log. Under torchrun, each process takes
    its part of the shots. Raises `InputError` without shots, `UsageError` where the run already exists.
    """
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    if world > 1:
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        return _train(config, out, resume, torch.device(device), tell, rank, world)
    finally:
        if world > 1:
            distributed.destroy_process_group()


@without_subnormals()
def _train(
    config: Config, out: Path, resume: bool, device: torch.device, tell: Callable[[dict[str, Any]], None],
    rank: int, world: int,
) -> Result:  # fmt: skip
    path = out / checkpoint.NAME
    if path.exists() and not resume:
        raise UsageError(f"{path} exists: --resume goes on from there, --out names another place")
    if resume and not path.exists():
        raise InputError(f"{path} does not exist: there is nothing to resume")
    torch.manual_seed(config.optimiser.seed)
    model = GuideModel().to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.optimiser.rate)
    step, facts = checkpoint.read(path, model, optimiser) if resume else (0, {})
    shots = Path(config.data.shots)
    pictures = [p.to(device) for p in _pictures(shots, "train", config.data.limit, rank, world)]
    if not pictures:
        raise InputError(
            f"no *-train.npz for each of {world} processes in {shots}: python -m rawinlay.codec.simulator.dataset"
        )
    held_out = _pictures(shots, "val", config.data.limit, rank, world)
    batches = [draw([p.to(device)], config.data.validate, config.data.side, np.random.default_rng(0)) for p in held_out]
    state = _State(config, out, device, rank, world, model, optimiser, facts.get("seconds", 0.0))
    saving = facts.get("saving")
    last = None
    with interruptible() as stop:
        while step < config.optimiser.steps and not state.agree(stop.is_set()):
            rng = np.random.default_rng([config.optimiser.seed, step, rank])
            chosen = [pictures[i] for i in rng.choice(len(pictures), min(config.data.pictures, len(pictures)), False)]
            value = state.step(draw(chosen, config.data.crops, config.data.side, rng), step, rng)
            step += 1
            last = value if last is None else last + (value - last) / min(step, 100)
            if step % config.log.every == 0:
                state.note({"step": step, "loss": round(last, 5), "rate": learning_rate(config, step)}, tell)
            if batches and (step % config.log.validate == 0 or step == config.optimiser.steps):
                saving = state.mean(validate(model, batches))
                state.note({"step": step, "saving": round(saving, 5)}, tell)
            if step % config.log.checkpoint == 0:
                state.save(step, saving)
        state.save(step, saving)
    identity = state.export(step, saving)
    return Result(step, step >= config.optimiser.steps, last, saving, out / EXPORT, identity)


class _State:
    """What a run holds on to."""

    def __init__(
        self, config: Config, out: Path, device: torch.device, rank: int, world: int, model: GuideModel,
        optimiser: torch.optim.Adam, seconds: float,
    ) -> None:  # fmt: skip
        self.config, self.out, self.device, self.rank, self.world = config, out, device, rank, world
        self.model, self.optimiser = model, optimiser
        self.began = time.monotonic() - seconds
        if rank == 0:
            out.mkdir(parents=True, exist_ok=True)

    def mean(self, value: float) -> float:
        """Mean over the processes."""
        if self.world == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(shared)
        return float(shared) / self.world

    def agree(self, stop: bool) -> bool:
        """Whether any process wants to stop."""
        return self.mean(float(stop)) > 0

    def step(self, batch: Batch, step: int, rng: np.random.Generator) -> float:
        """One step of the optimiser; returns the loss."""
        c = self.config
        sizes = (len(batch.pooled), c.loss.samples)
        exponents = torch.from_numpy(rng.uniform(c.loss.finest, c.loss.coarsest, sizes)).float().to(self.device)
        half = c.optimiser.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            e = residual(self.model, batch)
        value = loss(e, exponents)
        self.optimiser.zero_grad()
        value.backward()
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        if self.world > 1:
            flat = torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None])
            distributed.all_reduce(flat)
            for p, g in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
                p.grad = g.reshape(p.shape) / self.world
        norm = torch.nn.utils.clip_grad_norm_(parameters, c.optimiser.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(c, step)
        if torch.isfinite(norm):
            self.optimiser.step()
        return float(value.detach())

    def note(self, line: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
        """A line for the log."""
        if self.rank == 0:
            line["seconds"] = round(time.monotonic() - self.began, 1)
            with open(self.out / LOG, "a") as log:
                log.write(json.dumps(line) + "\n")
            tell(line)

    def save(self, step: int, saving: float | None) -> None:
        """Write the checkpoint."""
        if self.rank == 0:
            facts = {"config": asdict(self.config), "saving": saving, "seconds": time.monotonic() - self.began}
            checkpoint.write(self.out / checkpoint.NAME, self.model, self.optimiser, step, facts)

    def export(self, step: int, saving: float | None) -> str:
        """Write the weights for the runtime; returns their identity."""
        data = export(self.model, {"step": step, "saving": saving})
        if self.rank == 0:
            write_atomically(self.out / EXPORT, data)
        return hashlib.sha256(data).hexdigest()[:16]
