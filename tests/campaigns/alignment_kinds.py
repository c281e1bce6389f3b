"""What is done to a picture before it is to be placed: changes of place (`KINDS`), of tone and content (`TONES`)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from exports import Export, Look

Change = Callable[[np.random.Generator, Export], Export]


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _frame(rng: np.random.Generator, export: Export, share: float) -> Export:
    sides = str(rng.choice(["tblr", "tb", "lr", "b", "t"]))
    return export.frame(share, float(rng.choice([0.0, 1.0, 0.2])), sides)


def _log(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


KINDS: dict[str, Change] = {
    "as it is": lambda rng, e: e,
    "crop 5-20 %": lambda rng, e: e.crop_share(rng.uniform(0.05, 0.2), rng.uniform(0, 1, 2)),
    "crop 20-40 %": lambda rng, e: e.crop_share(rng.uniform(0.2, 0.4), rng.uniform(0, 1, 2)),
    "scale 0.15-0.5": lambda rng, e: e.resize(rng.uniform(0.15, 0.5)),
    "scale 0.5-2": lambda rng, e: e.resize(rng.uniform(0.5, 2)),
    "crop to 20 %, scale": lambda rng, e: e.crop_share(rng.uniform(0.02, 0.2), rng.uniform(0, 1, 2)).resize(
        _log(rng, 0.3, 2)
    ),
    "crop 20-40 %, scale": lambda rng, e: e.crop_share(rng.uniform(0.2, 0.4), rng.uniform(0, 1, 2)).resize(
        _log(rng, 0.3, 2)
    ),
    "quarter turn or mirror": lambda rng, e: (e.mirror() if rng.random() < 0.5 else e).turn(rng.integers(0, 4)),
    "straightened to 1 degree": lambda rng, e: e.straighten(_sign(rng) * rng.uniform(0.1, 1), rng.random() < 0.5),
    "straightened 1-5 degrees": lambda rng, e: e.straighten(_sign(rng) * rng.uniform(1, 5), rng.random() < 0.5),
    "perspective to 3 %": lambda rng, e: e.perspective(rng.uniform(0.005, 0.03), rng.random() < 0.4),
    "perspective 3-10 %": lambda rng, e: e.perspective(rng.uniform(0.03, 0.1), rng.random() < 0.4),
    "distortion to 3 %": lambda rng, e: e.distort(_sign(rng) * rng.uniform(0.003, 0.03)),
    "distortion 3-10 %": lambda rng, e: e.distort(_sign(rng) * rng.uniform(0.03, 0.1)),
    "chromatic shift": lambda rng, e: e.chromatic(_sign(rng) * rng.uniform(0.0003, 0.002)),
    "bars or frame to 3 %": lambda rng, e: _frame(rng, e, rng.uniform(0.005, 0.03)),
    "bars or frame 3-10 %": lambda rng, e: _frame(rng, e, rng.uniform(0.03, 0.1)),
    "collage of two": lambda rng, e: e.resize(_log(rng, 0.4, 1)).frame(
        rng.uniform(0.3, 0.66), 0.0, str(rng.choice([*"tblr"]))
    ),
}


def mix(rng: np.random.Generator, export: Export) -> Export:
    """Several of them, in the order in which programs apply them."""
    if rng.random() < 0.4:
        export = export.distort(rng.uniform(-0.1, 0.1))
    if rng.random() < 0.3:
        export = export.perspective(rng.uniform(0, 0.1), rng.random() < 0.4)
    if rng.random() < 0.4:
        export = export.straighten(rng.uniform(-5, 5))
    if rng.random() < 0.5:
        export = export.crop_share(rng.uniform(0, 0.4), rng.uniform(0, 1, 2))
    if rng.random() < 0.3:
        export = export.turn(rng.integers(1, 4))
    if rng.random() < 0.1:
        export = export.mirror()
    if rng.random() < 0.6:
        least = max(0.15, 96 / min(export.size))
        export = export.resize(_log(rng, least, 2))
    if rng.random() < 0.25:
        export = _frame(rng, export, rng.uniform(0, 0.1))
    return export


KINDS["mix"] = mix
TONES: dict[str, Callable[[np.random.Generator, Look], Look]] = {
    "brightness 0.25-1": lambda rng, k: replace(k, gain=_log(rng, 0.25, 1)),
    "brightness 1-6": lambda rng, k: replace(k, gain=_log(rng, 1, 6)),
    "contrast": lambda rng, k: replace(k, contrast=float(rng.uniform(0.5, 1.6))),
    "black and white": lambda rng, k: replace(k, mono=True),
    "date stamp": lambda rng, k: replace(k, stamp=True),
    "portrait blur": lambda rng, k: replace(k, blur=float(rng.uniform(0.003, 0.015))),
    "quality 30-70": lambda rng, k: replace(k, quality=int(rng.integers(30, 70))),
    "black and white, hard": lambda rng, k: replace(
        k, mono=True, contrast=float(rng.uniform(2, 4)), gain=_log(rng, 0.5, 2)
    ),
    "local tone": lambda rng, k: replace(k, local=float(rng.uniform(0.4, 0.9))),
    "pasted sky": lambda rng, k: replace(k, sky=float(rng.uniform(0.2, 0.5))),
}
MIXED_TONES = ("brightness 0.25-1", "brightness 1-6", "contrast", "black and white")
ALL = (*KINDS, *TONES)


def draw(rng: np.random.Generator, export: Export, kind: str) -> tuple[Export, Look]:
    """A random export of a kind."""
    look = Look(quality=int(rng.integers(75, 97)), subsampling=int(rng.choice([0, 2, 2])))
    if kind in KINDS:
        export = KINDS[kind](rng, export)
    for name, change in TONES.items():
        if name == kind or (kind == "mix" and name in MIXED_TONES and rng.random() < 0.2):
            look = change(rng, look)
    return export, look
