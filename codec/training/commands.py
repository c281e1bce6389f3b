"""The command of this folder: train."""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..cli.arguments import add_command
from ..cli.console import TerminalProgress, bytes_text, show

DEFAULT = Path(__file__).with_name("features.toml")


def train_command(subparsers: Any) -> None:
    """Add `train`."""
    parser = add_command(
        subparsers, "train", "train the learned features of the guide, or the looks of `develop`",
        "CONFIG.toml says what, on what and how (kind = \"looks\": codec/training/looks.toml); without\n"
        "one the shipped features' own configuration is used. Writes into\n"
        "the --out folder: log.jsonl, a line each for losses and validations; last.safetensors, from which --resume\n"
        "goes on as if it had not stopped; and, at the end or when interrupted (Ctrl-C), guide_net.safetensors, the\n"
        "weights in whole numbers, checked against the decoder's arithmetic. Many GPUs:\n"
        "torchrun --nproc-per-node N -m rawinlay train CONFIG.toml --device cuda",
        "rawinlay train codec/training/features.toml --out runs/features --resume",
    )  # fmt: skip
    parser.add_argument("config", metavar="CONFIG.toml", type=Path, nargs="?", default=DEFAULT,
                        help="the configuration")  # fmt: skip
    parser.add_argument("--out", metavar="DIR", type=Path, help="default: runs/ and the configuration's name")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the --out folder")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    parser.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> None:
    from ...bitstream.errors import UsageError
    from ...bitstream.runtime.torch_needed import need_torch

    need_torch("training a net")
    import torch

    from .look_loop import is_looks

    if is_looks(args.config):
        _train_looks(args)
        return
    from .config import load
    from .loop import train

    config = load(args.config)
    out = args.out or Path("runs") / args.config.stem
    device = args.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no CUDA device is there")
    with TerminalProgress() as progress:
        result = train(
            config, out, args.resume, device,
            lambda line: progress(f"step {line['step']}", line["step"] / config.optimiser.steps),
        )  # fmt: skip
    if not result.finished:
        raise KeyboardInterrupt
    if int(os.environ.get("RANK", 0)) == 0:
        size = result.weights.stat().st_size
        lines = [
            ("steps", str(result.step)),
            ("loss", "none" if result.loss is None else f"{result.loss:.4f}"),
            ("saving", "not validated" if result.saving is None else f"{result.saving:.2%} of the estimated bits"),
            ("weights", f"{result.weights}, {bytes_text(size)}, identity {result.identity}"),
        ]
        show(args, asdict(result) | {"weights": str(result.weights)}, lines, title=str(out))


def _train_looks(args: argparse.Namespace) -> None:
    from .look_loop import load, train

    config = load(args.config)
    out = args.out or Path("runs") / args.config.stem
    with TerminalProgress() as progress:
        weights, loss = train(config, out, args.resume, lambda step, _: progress(f"step {step}", step / config.steps))
    data = weights.read_bytes()
    identity = hashlib.sha256(data).hexdigest()[:16]
    result = {"finished": True, "step": config.steps, "loss": loss, "saving": None, "weights": str(weights),
              "identity": identity}  # fmt: skip
    lines = [("steps", str(config.steps)), ("loss", "none" if loss is None else f"{loss:.4f}"),
             ("weights", f"{weights}, {bytes_text(len(data))}, identity {identity}")]  # fmt: skip
    show(args, result, lines, title=str(out))
