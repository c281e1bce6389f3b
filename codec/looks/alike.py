"""`--look-like REF.jpg`: the look of another picture, brought to this one in closed form.

::

    the same scene --pixel by pixel--> least squares: a map by brightness (`codec.isp.grid`)
    another scene  --quantiles, saturation by brightness--> ridge --> exposure, red, blue, contrast, saturation

Of another scene only what pictures have in common can be compared: the regression says how far a reference's statistics
lie from those of photographs developed plainly, and what development would bring them there. It was fitted to random
edits of many scenes (`codec.training.alike`), so it takes a scene's own colours for an edit only as far as edits do
differ more than scenes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import load_file

from ..isp.colour import srgb_decode, srgb_encode
from ..isp.cube import Cube
from ..isp.grid import WEIGHTS as GREY
from ..isp.grid import Grid, fit
from ..isp.tone import contrast_table

WEIGHTS = Path(__file__).with_name("nets") / "alike.safetensors"
SIDE = 96
"""Longest side of what is compared."""

QUANTILES = 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99
SAME, PROPORTIONS = 0.9, 0.03
"""Correlation of the ranks of brightness, and difference of height / width, by which two pictures show one scene."""

DEPTH, SMOOTH = 12, 1e-3
ENTRIES = 33
"""Side of the table that an edit becomes."""

LIMITS = np.array([2.0, 1.0, 1.0, 90.0, 1.2])
"""Of an edit's numbers, either way."""


@dataclass(frozen=True)
class Edit:
    """exposure, red, blue: EV of all light, and of red and blue beside it; contrast: -100..100 as the slider's;
    saturation: log2 of the factor of the distance from grey."""

    exposure: float = 0.0
    red: float = 0.0
    blue: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    @classmethod
    def of(cls, numbers: np.ndarray) -> Edit:
        """Of (5,), cut to `LIMITS`."""
        return cls(*map(float, numbers.clip(-LIMITS, LIMITS)))

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Display of display, float (..., 3)."""
        gains = np.exp2(np.array([self.exposure + self.red, self.exposure, self.exposure + self.blue]))
        shown = srgb_encode(srgb_decode(picture.astype(np.float64)) * gains)
        bent = contrast_table(self.contrast)
        shown = np.interp(shown, np.linspace(0, 1, len(bent)), bent)
        grey = (shown @ GREY)[..., None]
        return np.asarray((grey + (shown - grey) * 2.0**self.saturation).clip(0, 1))

    def cube(self) -> Cube:
        """As a table."""
        axis = np.linspace(0, 1, ENTRIES)
        table = self(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1))
        return Cube(np.ascontiguousarray(table, np.float32), np.zeros(3, np.float32), np.ones(3, np.float32))


def like(reference: np.ndarray, own: np.ndarray) -> tuple[Grid | Cube, bool]:
    """What brings `own` to the look of `reference`, both display float (h, w, 3) upright; whether they are one scene.

    own: the plain rendering.
    """
    if same_scene(reference, own):
        there = _resized(reference, (own.shape[1], own.shape[0]))
        return fit(own.astype(np.float64), there.astype(np.float64), (1, 1, DEPTH), SMOOTH), True
    return edit_of(reference).cube(), False


def edit_of(reference: np.ndarray) -> Edit:
    """What was done to a picture, by its statistics alone."""
    weights = _shipped()
    told = (statistics(reference) - weights["mean"]) / weights["spread"]
    return Edit.of(features(told) @ weights["ridge"])


def features(told: np.ndarray) -> np.ndarray:
    """Statistics as shares of their spread, (..., n), with their squares and 1."""
    told = told.clip(-4, 4)
    return np.concatenate([np.ones((*told.shape[:-1], 1)), told, told**2], -1)


def statistics(picture: np.ndarray) -> np.ndarray:
    """Of a display picture, float (h, w, 3): quantiles of red, green, blue and grey; by thirds of brightness the mean
    colour, and the mean and the 90th percentile of the distance from grey; float64 (n,)."""
    share = min(1.0, SIDE / max(picture.shape[:2]))
    small = _resized(picture, (max(4, round(picture.shape[1] * share)), max(4, round(picture.shape[0] * share))))
    flat = small.reshape(-1, 3).astype(np.float64)
    grey = flat @ GREY
    found = [np.quantile(flat, QUANTILES, axis=0).ravel(), np.quantile(grey, QUANTILES)]
    away = flat - grey[:, None]
    size = np.sqrt((away**2).sum(1))
    for low, high in ((0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1)):
        inside = (grey >= np.quantile(grey, low)) & (grey <= np.quantile(grey, high))
        strong = np.array([size[inside].mean(), np.quantile(size[inside], 0.9)])
        found += [away[inside].mean(0)[[0, 2]], strong]
    found.append(np.array([grey.std(), *(float((away[:, k] * grey).mean()) for k in (0, 2))]))
    return np.concatenate(found)


def same_scene(reference: np.ndarray, own: np.ndarray) -> bool:
    """Whether two pictures show the same, framed alike: the order of brightness by place is kept by any look."""
    (h, w), (n, m) = reference.shape[:2], own.shape[:2]
    if abs(np.log(h / w / (n / m))) > PROPORTIONS:
        return False
    ranks = []
    for picture in (reference, own):
        grey = cv2.resize(np.asarray(picture @ GREY, np.float32), (48, 32), interpolation=cv2.INTER_AREA).ravel()
        ranks.append(np.argsort(np.argsort(grey)).astype(float))
    return bool(np.corrcoef(ranks[0], ranks[1])[0, 1] > SAME)


def _resized(picture: np.ndarray, to: tuple[int, int]) -> np.ndarray:
    return np.asarray(cv2.resize(np.asarray(picture, np.float32), to, interpolation=cv2.INTER_AREA))


@cache
def _shipped() -> dict[str, np.ndarray]:
    return {name: value.astype(np.float64) for name, value in load_file(WEIGHTS).items()}
