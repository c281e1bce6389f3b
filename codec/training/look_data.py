"""Pairs of looks as training wants them: what a look starts from, what its closed form makes of it, what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ..looks.base import base_of, measured, statistics
from ..looks.net import FACTS, NAMES, base_curve, small_input, start
from .look_base import fit_maps, fit_table, statistics_weights

POINTS = 1200
"""Of each picture, for the closed forms."""


@dataclass
class Pair:
    """small: (3, SIDE, SIDE); facts: (3,); shown, first: by look; base: by starting exposure; uint16, shown uint8,
    (h, w, 3). first: what the look's closed form makes of its base. stats: of the closed forms, (PARTS,)."""

    small: torch.Tensor
    facts: torch.Tensor
    base: dict[bool, np.ndarray]
    shown: dict[str, np.ndarray]
    stats: np.ndarray = field(default_factory=lambda: np.zeros(0))
    first: dict[str, np.ndarray] = field(default_factory=dict)

    def measured(self) -> np.ndarray:
        """Raw statistics, float64 (COUNT,)."""
        return measured(self.small.permute(1, 2, 0).numpy(), self.facts.numpy())


def read_pair(path: Path, names: tuple[str, ...] = NAMES, half: bool = True) -> Pair:
    """half: means of 2 x 2 pixels, what training looks at."""
    with np.load(path, allow_pickle=False) as entries:
        light, facts = entries["light"].astype(np.float32), entries["facts"]
        shown = {name: entries[name] for name in names}
    ev = float(facts[0])
    shrink = _halved if half else (lambda v: v)
    base = {}
    for fixed in (False, True):
        shift = start("film" if fixed else "libraw", ev) - ev
        base[fixed] = np.rint(shrink(base_curve()(light * np.float32(2.0**shift))) * 65535).astype(np.uint16)
    pictures = {k: np.rint(shrink(v.astype(np.float32))).astype(np.uint8) for k, v in shown.items()}
    small = torch.from_numpy(small_input(light)).permute(2, 0, 1)
    told = torch.tensor(facts.clip(FACTS[:, 0], FACTS[:, 1]), dtype=torch.float32)
    return Pair(small, told, base, pictures)


def _halved(v: np.ndarray) -> np.ndarray:
    h, w = (n // 2 * 2 for n in v.shape[:2])
    return np.asarray(v[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3)))


def is_fixed(name: str) -> bool:
    """Whether a look starts from the RAW's own white."""
    return start(name, 1e9) != 1e9


def drawn(pair: Pair, name: str, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Bases and a look's picture at `count` pixels of a pair, display, float (n, 3) each."""
    base, target = pair.base[is_fixed(name)].reshape(-1, 3), pair.shown[name].reshape(-1, 3)
    at = rng.integers(len(base), size=count)
    return base[at] / 65535, target[at] / 255


def closed_forms(pairs: list[Pair], rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The weights of `codec.looks.base`, float16, fitted to pairs; and each look's ridge."""
    found = statistics_weights(np.stack([pair.measured() for pair in pairs]))
    stats = np.stack([statistics(pair.measured(), found) for pair in pairs])
    maps, tables, trust = [], [], {}
    for name in NAMES:
        bases, shown = map(list, zip(*(drawn(pair, name, POINTS, rng) for pair in pairs), strict=True))
        cells, trust[name] = fit_maps(bases, shown, stats)
        maps.append(cells)
        whole = {**found, "base.maps": cells[None], "base.tables": np.zeros((1, 1, 1, 1, 3))}
        first = [base_of(whole, 0, s).grid(b[None])[0] for b, s in zip(bases, stats, strict=True)]
        tables.append(fit_table(np.concatenate(first), np.concatenate(shown)))
    found |= {"base.maps": np.stack(maps), "base.tables": np.stack(tables)}
    return {k: v.astype(np.float16).astype(np.float32) for k, v in found.items()}, trust


def with_first(pair: Pair, closed: dict[str, np.ndarray], names: tuple[str, ...] = NAMES) -> Pair:
    """The pair with its statistics, and its pictures behind the closed forms."""
    pair.stats = statistics(pair.measured(), closed)
    for name in names:
        made = base_of(closed, NAMES.index(name), pair.stats)((pair.base[is_fixed(name)] / 65535).astype(np.float32))
        pair.first[name] = np.rint(made * 65535).astype(np.uint16)
    return pair
