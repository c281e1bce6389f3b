"""Looks of the user's own: fitted to pairs in closed form, kept as small files.

A look is where it starts, a plain rendering or one of the net's looks, and a grid of maps by brightness alone behind
that. Starts are tried on pairs left out of the fit; the best is kept. Files: NAME.safetensors in `folder()`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import write_atomically
from ..isp.grid import Grid, fit
from .net import FIXED

STARTS = ("fixed", "bright")
"""Plain starts: the RAW's own white and an EV, or `Developer`'s plain rendering."""

DEPTH = 12
"""Cells of brightness of a fitted grid."""

SMOOTH = 1e-3
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class OwnLook:
    """start: of `STARTS`, or a look of the net; grids: behind it."""

    start: str
    grids: tuple[Grid, ...]


def folder() -> Path:
    """Where they are kept: $RAWINLAY_LOOKS, or rawinlay/looks in the user's configuration."""
    named = os.environ.get("RAWINLAY_LOOKS")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(named) if named else config / "rawinlay" / "looks"


def names() -> list[str]:
    """Of the looks that are kept."""
    try:
        return sorted(path.stem for path in folder().glob("*.safetensors"))
    except OSError:
        return []


def check_name(name: str, taken: tuple[str, ...]) -> str:
    """`UsageError` for what can't be a look's name."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise UsageError(f"look {name!r}: a name has letters, digits, - and _")
    if name in taken:
        raise UsageError(f"look {name!r} is one of rawinlay's own: want another name")
    return name


def store(name: str, look: OwnLook) -> Path:
    """Keep a look; its file."""
    path = folder() / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"grid{k}": grid.cells.astype(np.float16) for k, grid in enumerate(look.grids)}
    write_atomically(path, save(tensors, {"start": look.start}))
    return path


def load(name: str) -> OwnLook:
    """`InputError` for a file that is no look."""
    path = folder() / f"{name}.safetensors"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: too large for a look")
        with safe_open(path, "np") as file:
            start = (file.metadata() or {}).get("start", "")
            cells = [file.get_tensor(key) for key in sorted(file.keys())]
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not a look") from error
    shaped = all(c.ndim == 5 and c.shape[3:] == (3, 4) and c.dtype == np.float16 and min(c.shape) for c in cells)
    if not shaped or len(cells) > 4 or start not in (*STARTS, *FIXED, "libraw", "fused", "laplacian"):
        raise InputError(f"{path}: not a look")
    return OwnLook(start, tuple(Grid.bounded(c) for c in cells))


@dataclass(frozen=True)
class Example:
    """One pair, small: what each start gives, display float (h, w, 3), and what is wanted."""

    starts: dict[str, np.ndarray]
    shown: np.ndarray


def learn(examples: list[Example]) -> tuple[OwnLook, float]:
    """The look, and its PSNR, dB, on pairs left out in turn (on the pairs themselves where there is one)."""
    if not examples:
        raise UsageError("a look wants at least one pair")
    folds = min(3, len(examples))
    found = {}
    for start in examples[0].starts:
        wrong = []
        for k in range(folds):
            rest = [e for i, e in enumerate(examples) if i % folds != k] or examples
            grid = _fitted(rest, start)
            wrong += [float(((grid(e.starts[start]) - e.shown) ** 2).mean()) for e in examples[k::folds]]
        found[start] = float(np.mean(-10 * np.log10(np.maximum(wrong, 1e-10))))
    best = max(found, key=lambda start: found[start])
    return OwnLook(best, (_fitted(examples, best),)), found[best]


def _fitted(examples: list[Example], start: str) -> Grid:
    base = np.concatenate([e.starts[start].reshape(-1, 3) for e in examples])
    shown = np.concatenate([e.shown.reshape(-1, 3) for e in examples])
    return fit(base[None], shown[None], (1, 1, DEPTH), SMOOTH)
