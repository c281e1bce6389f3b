"""Configuration of the training of the learned peers: one TOML file, the data's folders among it."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....bitstream.errors import UsageError
from ....bitstream.runtime.files import read_file
from .net import DIVISOR, CodingNet


@dataclass(frozen=True)
class Data:
    """Folders of shots; limit: of each split, 0 for all; crops of side x side cells a step.

    validate, validate_side: how many crops, and their side, when validating.
    """

    shots: tuple[str, ...] = ("shots",)
    limit: int = 0
    crops: int = 4
    side: int = 64
    validate: int = 8
    validate_side: int = 128


@dataclass(frozen=True)
class Optimiser:
    """Adam; a linear warm-up, the rate, and a cosine down to zero over the last `fall` of a net's steps.

    release: steps before the rate has a gradient on latents, and again as many until all of it.
    """

    rate: float = 1e-3
    warmup: int = 100
    fall: float = 0.4
    release: int = 200
    clip: float = 1.0
    precision: str = "bfloat16"
    seed: int = 1


@dataclass(frozen=True)
class Log:
    """turn: seconds of processor time a net is trained before the next one's turn; steps between lines and checks."""

    turn: float = 60.0
    every: int = 50
    validate: int = 1000


@dataclass(frozen=True)
class NetConfig:
    """kind: of `KINDS`; steps: how many; size: the kind's own arguments."""

    kind: str
    steps: int
    size: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A whole configuration; nets by name."""

    data: Data
    optimiser: Optimiser
    log: Log
    nets: dict[str, NetConfig]


KINDS = ("r2lcm", "r2lcm++", "cam", "hyperprior")


def make(net: NetConfig) -> CodingNet:
    """The net of a configuration, with random weights. UsageError for sizes it does not have."""
    from .cam import Cam
    from .hyperprior import Hyperprior
    from .r2lcm import R2lcm

    try:
        if net.kind in ("r2lcm", "r2lcm++"):
            return R2lcm(plus=net.kind == "r2lcm++", **net.size)
        return Cam(**net.size) if net.kind == "cam" else Hyperprior(**net.size)
    except TypeError as error:
        raise UsageError(f"sizes of a {net.kind}: {error}") from error


def load(path: Path) -> Config:
    """Read a TOML file; `UsageError` for one that is no configuration."""
    try:
        content = tomllib.loads(read_file(path, "configuration").decode())
        nets = content.pop("nets")
        parts: dict[str, Any] = {n: kind(**_tuples(content.pop(n, {}))) for n, kind in
                                 (("data", Data), ("optimiser", Optimiser), ("log", Log))}  # fmt: skip
        if content:
            raise UsageError(f"{path}: there is no table {', '.join(content)}")
        config = Config(**parts, nets={name: NetConfig(**values) for name, values in nets.items()})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: not a configuration ({error})") from error
    for name, net in config.nets.items():
        if net.kind not in KINDS:
            raise UsageError(f"{path}: net {name}: kind is one of {', '.join(KINDS)}")
    if config.data.side % DIVISOR or config.data.validate_side % DIVISOR:
        raise UsageError(f"{path}: sides are multiples of {DIVISOR}")
    return config


def plain(net: NetConfig) -> dict[str, Any]:
    """A net's configuration for JSON."""
    return dataclasses.asdict(net)


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
