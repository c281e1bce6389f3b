"""Configuration of a training run: one TOML file.

A key that is missing has its default, one that does not exist is an error, so that a misspelt one can't pass silently.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ...bitstream.errors import UsageError
from ...bitstream.runtime.files import read_file


@dataclass(frozen=True)
class Data:
    """Where the shots are and how they are cut. shots: folder of *-train.npz and *-val.npz (`codec.simulator`);
    pictures, crops, side: crops of so many cells from each of so many pictures a step, fitted together; validate:
    crops of a picture when validating, which are the same each time."""

    shots: str = "shots"
    limit: int = 0
    pictures: int = 2
    crops: int = 4
    side: int = 64
    validate: int = 9


@dataclass(frozen=True)
class Optimiser:
    """Adam (Kingma & Ba 2015) with a linear warm-up and a cosine down to zero. precision: of the inner convolutions."""

    steps: int = 20000
    rate: float = 2e-3
    warmup: int = 200
    clip: float = 1.0
    precision: str = "bfloat16"
    seed: int = 1


@dataclass(frozen=True)
class Loss:
    """Rates trained for: each picture's steps are 2^x of white - black, x even between these; samples a picture."""

    finest: float = -11.0
    coarsest: float = -4.0
    samples: int = 4


@dataclass(frozen=True)
class Log:
    """Steps between lines of the log, validations, and checkpoints."""

    every: int = 50
    validate: int = 1000
    checkpoint: int = 500


@dataclass(frozen=True)
class Config:
    """A whole configuration."""

    data: Data = field(default_factory=Data)
    optimiser: Optimiser = field(default_factory=Optimiser)
    loss: Loss = field(default_factory=Loss)
    log: Log = field(default_factory=Log)


T = TypeVar("T")


def load(path: Path) -> Config:
    """Read a TOML file; `UsageError` for one that is not a configuration."""
    try:
        content = tomllib.loads(read_file(path, "configuration").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file ({error})") from error
    config = _build(Config, content, str(path))
    if config.optimiser.precision not in ("bfloat16", "float32"):
        raise UsageError(f"{path}: precision is bfloat16 or float32")
    if config.data.side < 8 or config.data.side % 8:
        raise UsageError(f"{path}: side is a multiple of 8")
    return config


def _build(kind: type[T], content: Any, where: str) -> T:
    hints = get_type_hints(kind)
    if not isinstance(content, dict):
        raise UsageError(f"{where}: a table is needed here")
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key not in hints:
            raise UsageError(f"{where}: there is no setting {key}; there are {', '.join(hints)}")
        want = hints[key]
        if dataclasses.is_dataclass(want):
            values[key] = _build(want, value, f"{where}: {key}")  # type: ignore[arg-type]
        elif isinstance(value, bool) or not isinstance(value, (int, float) if want is float else want):
            raise UsageError(f"{where}: {key} is a {want.__name__}")
        else:
            values[key] = want(value)
            if not isinstance(value, str) and key not in ("finest", "coarsest") and value < (key != "limit"):
                if want is int and key not in ("seed", "warmup"):
                    raise UsageError(f"{where}: {key} is too small")
    return kind(**values)
