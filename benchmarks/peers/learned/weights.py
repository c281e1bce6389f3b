"""Weights as they ship: one safetensors file a net, in half precision, with its sizes and its training in the header.

The header's entry `facts` is JSON: `net` (`config.NetConfig`), `training` (steps, processor seconds, data, commit,
validation). Streams name the file by the first 4 bytes of its SHA-256.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save

from ....bitstream.errors import InputError, RawinlayError
from ....bitstream.runtime.files import write_atomically
from ...rows import commit
from ..base import Unavailable
from . import checkpoint
from .config import Config, NetConfig, load, make, plain
from .net import CodingNet

FOLDER = Path(__file__).parent


@dataclass
class Trained:
    """A net to code with, in float32. identity: of the file, 4 bytes; facts: of the header."""

    net: CodingNet
    identity: bytes
    facts: dict[str, Any]

    def state(self) -> str:
        """How far it is trained, for people."""
        t = self.facts["training"]
        points = ", ".join(f"{v['psnr']:.1f} dB at {v['bpp']:.2f} bpp" for v in (t["validation"] or {}).values())
        return (
            f"{t['step']} steps, {t['seconds'] / 60:.0f} minutes of one core, on {t['data']}, "
            f"by commit {t['commit']}; validation crops: {points or 'none yet'}"
        )


def to_bytes(net: CodingNet, config: NetConfig, training: dict[str, Any]) -> bytes:
    """The file of a net."""
    tensors = {n: v.detach().half().contiguous() for n, v in checkpoint.state(net).items() if v.is_floating_point()}
    return save(tensors, {"facts": json.dumps({"net": plain(config), "training": training})})


def parse(data: bytes, facts: dict[str, Any]) -> CodingNet:
    """The net of a file's bytes and header; `InputError` where they don't hold it."""
    try:
        net = make(NetConfig(**facts["net"]))
        tensors = {n: v.float() for n, v in load_tensors(data).items()}
        wanted = {n for n, v in checkpoint.state(net).items() if v.is_floating_point()}
        if set(tensors) != wanted:
            raise InputError(f"the weights lack or add {sorted(wanted ^ set(tensors))[:3]}")
        net.load_state_dict(tensors, strict=False)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"not the weights of a learned peer ({error})") from error
    return net.eval()


def load_trained(name: str, folder: Path = FOLDER) -> Trained:
    """The weights of a peer; `Unavailable` where there are none, `InputError` where they are damaged."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise Unavailable(
            f"{name} has no trained weights here: a checkout has them, an installed wheel does not "
            "(python -m rawinlay.benchmarks.peers.learned.train makes some)"
        )
    data = path.read_bytes()
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["facts"])
        facts["training"]["step"], facts["net"]["kind"]
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not the weights of a learned peer ({error})") from error
    return Trained(parse(data, facts), hashlib.sha256(data).digest()[:4], facts)


def export(config: Config, run: Path, out: Path, data: str) -> list[Path]:
    """Write the weights of every net of a configuration that has a checkpoint in `run`."""
    written = []
    for name, its in config.nets.items():
        if not (run / f"{name}.safetensors").exists():
            continue
        net = make(its)
        progress = checkpoint.read(run / f"{name}.safetensors", net, torch.optim.Adam(net.parameters()))
        training = {
            "step": progress.step, "seconds": round(progress.seconds), "data": data, "commit": commit(),
            "validation": progress.validation,
        }  # fmt: skip
        written.append(out / f"{name}.safetensors")
        write_atomically(written[-1], to_bytes(net, its, training))
    return written


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m rawinlay.benchmarks.peers.learned.weights", description="Write checkpoints as weights that ship.",
        epilog="example: python -m rawinlay.benchmarks.peers.learned.weights "
        "--config train.toml --run runs/peers --data shots",
    )  # fmt: skip
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="what train wrote to")
    parser.add_argument("--data", required=True, metavar="TEXT", help="what it was trained on, for people")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR")
    a = parser.parse_args(arguments)
    try:
        for path in export(load(a.config), a.run, a.out, a.data):
            print(path)
    except RawinlayError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
