"""Training of the learned peers, all in one process, turn by turn, so that each has as much and all are ready early.

    python -m rawinlay.benchmarks.peers.learned.train --config benchmarks/peers/learned/train.toml --out runs/peers
    --resume

Every step draws its crops, rates and noise from (seed, net, step) alone, so a run that is taken up again goes on as if
it had not stopped. `OUT/NAME.safetensors` is a net's checkpoint, `OUT/log.jsonl` the log, `OUT/shots-*.cache` the shots
as packed planes; SIGINT and SIGTERM end the run after the step under way. One thread; under bfloat16 the inner
convolutions only are of that precision.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....bitstream.errors import InputError, RawinlayError
from ....codec.training.subnormals import without_subnormals
from . import checkpoint
from .blocks import RATE_SPAN
from .config import Config, load, make
from .data import Picture, draw, load_pictures
from .net import CodingNet, error

VALIDATION_RATES = (0.0, 2.0, 4.0, 6.0)


def learning_rate(config: Config, step: int, steps: int) -> float:
    """Learning rate of a step."""
    o = config.optimiser
    if step < o.warmup:
        return o.rate * (step + 1) / o.warmup
    fallen = max(0.0, (step - (1 - o.fall) * steps) / max(o.fall * steps, 1))
    return o.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, fallen)))


def batch(config: Config, name: str, step: int, pictures: list[Picture]) -> tuple[Tensor, Tensor, Tensor]:
    """x, planes and rates of a step; sets torch's noise for it too."""
    seed = [config.optimiser.seed, zlib.crc32(name.encode()), step]
    rng = np.random.default_rng(seed)
    torch.manual_seed(int(rng.integers(1 << 62)))
    x, planes = draw(pictures, config.data.crops, config.data.side, rng)
    return x, planes, torch.from_numpy(rng.uniform(0, RATE_SPAN, config.data.crops)).float()


class Student:
    """One net in training."""

    def __init__(self, config: Config, name: str, out: Path, resume: bool) -> None:
        self.config, self.name, self.path = config, name, out / f"{name}.safetensors"
        self.steps = config.nets[name].steps
        torch.manual_seed(config.optimiser.seed)
        self.net: CodingNet = make(config.nets[name]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        wanted = [p for p in self.net.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(wanted, lr=config.optimiser.rate)
        self.progress = checkpoint.Progress()
        if self.path.exists():
            if not resume:
                raise InputError(f"{self.path} exists: --resume goes on from there, --out names another place")
            self.progress = checkpoint.read(self.path, self.net, self.optimiser)

    @property
    def finished(self) -> bool:
        return self.progress.step >= self.steps

    def step(self, pictures: list[Picture]) -> float:
        """One step; returns the loss."""
        c, began = self.config, time.process_time()
        x, planes, rate = batch(c, self.name, self.progress.step, pictures)
        self.net.train()
        self.net.pull = min(1.0, max(0.0, self.progress.step / max(c.optimiser.release, 1) - 1))
        with torch.autocast("cpu", torch.bfloat16, enabled=c.optimiser.precision == "bfloat16"):
            value = self.net.loss(
                x.contiguous(memory_format=torch.channels_last), planes if self.net.guided else None, rate
            )
        self.optimiser.zero_grad()
        value.backward()
        parameters = [p for g in self.optimiser.param_groups for p in g["params"] if p.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(parameters, c.optimiser.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(c, self.progress.step, self.steps)
        if torch.isfinite(norm):
            self.optimiser.step()
        now, p = float(value.detach()), self.progress
        p.loss = now if p.loss is None else p.loss + (now - p.loss) / 100
        p.step += 1
        p.seconds += time.process_time() - began
        return now

    def validate(self, pictures: list[Picture]) -> dict[str, Any]:
        """Bits per sample and PSNR in light, mean over one crop each of pictures evenly spread over the set."""
        side = self.config.data.validate_side
        self.net.eval()
        found = {}
        for rate in VALIDATION_RATES:
            bits, psnr = [], []
            for p in pictures[:: -(-len(pictures) // self.config.data.validate)]:
                h, w = p.mosaic.shape[1:]
                x, planes = p.crop((h - side) // 2, (w - side) // 2, min(side, h), min(side, w))
                with torch.no_grad():
                    x_hat, spent = self.net(x, planes if self.net.guided else None, torch.tensor([rate]))
                bits.append(float(spent))
                psnr.append(-10 * math.log10(float(error(x_hat, x, "l2")) + 1e-12))
            found[f"{rate:g}"] = {"bpp": round(float(np.mean(bits)), 4), "psnr": round(float(np.mean(psnr)), 3)}
        return found

    def save(self) -> None:
        checkpoint.write(self.path, self.net, self.optimiser, self.progress)


@without_subnormals()
def train(config: Config, out: Path, resume: bool = False, names: list[str] | None = None) -> list[Student]:
    """Train all nets of a configuration, or those named, to their steps, or until a signal. Raises `InputError`."""
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    students = [Student(config, name, out, resume) for name in names or config.nets]
    pictures, held_out = (
        load_pictures(config.data.shots, split, config.data.limit, out / f"shots-{split}.cache")
        for split in ("train", "val")
    )
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for s in (signal.SIGINT, signal.SIGTERM):
            signal.signal(s, lambda *_: stop.set())
    while not stop.is_set() and not all(s.finished for s in students):
        for student in students:
            _turn(student, pictures, held_out, out, stop)
    return students


def _turn(student: Student, pictures: list[Picture], held_out: list[Picture], out: Path, stop: threading.Event) -> None:
    log, p = student.config.log, student.progress
    until = p.seconds + log.turn
    while not student.finished and not stop.is_set() and p.seconds < until:
        student.step(pictures)
        if p.step % log.every == 0:
            _note(out, student, {"loss": round(p.loss or 0.0, 5)})
        if p.step % log.validate == 0 or student.finished:
            p.validation = student.validate(held_out)
            _note(out, student, p.validation)
            student.save()
    student.save()


def _note(out: Path, student: Student, facts: dict[str, Any]) -> None:
    line = {"net": student.name, "step": student.progress.step, "seconds": round(student.progress.seconds, 1), **facts}
    with open(out / "log.jsonl", "a") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m rawinlay.benchmarks.peers.learned.train", description="Train the benchmark's learned peers.",
        epilog="example: python -m rawinlay.benchmarks.peers.learned.train --config my.toml --out runs/peers --resume",
    )  # fmt: skip
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML, as train.toml here")
    parser.add_argument("--out", type=Path, default=Path("runs/peers"), metavar="DIR")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints in DIR")
    parser.add_argument("--net", action="append", metavar="NAME", help="only this net; may be repeated")
    a = parser.parse_args(arguments)
    try:
        config = load(a.config)
        unknown = set(a.net or []) - set(config.nets)
        if unknown:
            raise InputError(f"{a.config}: there is no net {', '.join(sorted(unknown))}")
        train(config, a.out, a.resume, a.net)
    except RawinlayError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
