"""A look's base: what is known of it in closed form, before the net adds what depends on the place.

::

    display --map by brightness, its coefficients linear in the picture's statistics--> --3-D table--> display

The first is a grid of one place (`codec.isp.grid`), C0 + s1 C1 + s2 C2 ..., so a program that measures a picture and
brightens by that is followed; the table bends colours alike in all pictures. `codec.training.look_base` fits both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..isp.cube import Cube
from ..isp.grid import Grid

DEPTH = 12
"""Cells of brightness of the map."""

TABLE_SIDE = 9
QUANTILES = 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99
COUNT = 3 * len(QUANTILES) + 3
"""Of the raw statistics: quantiles of red, green and blue, and the three facts."""

PARTS = 8
"""Statistics that are used: the directions in which pictures differ most."""

FARTHEST = 2.5
"""Standard deviations: stranger pictures are taken for the strangest that was trained on."""


def measured(small: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """Raw statistics of what the net sees, float32 (SIDE, SIDE, 3), and its facts (3,); float64 (COUNT,)."""
    return np.concatenate([np.quantile(small.reshape(-1, 3), QUANTILES, axis=0).T.ravel(), facts])


def statistics(raw: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Raw statistics as their `PARTS` parts, each of variance 1 over the training's pictures, float64 (..., PARTS)."""
    found = (raw - weights["stats.mean"]) @ weights["stats.parts"].T
    return np.asarray(found.clip(-FARTHEST, FARTHEST), np.float64)


@dataclass(frozen=True)
class Base:
    """One look's, for one picture."""

    grid: Grid
    cube: Cube

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Display of display, float (h, w, 3), for small ones; bands have kernels."""
        return self.cube(self.grid(picture))


def base_of(weights: dict[str, np.ndarray], look: int, stats: np.ndarray) -> Base:
    """A look's base. stats: as `statistics`."""
    cells = np.tensordot(np.concatenate([[1.0], stats]), weights["base.maps"][look].astype(np.float64), 1)
    table = identity_table() + weights["base.tables"][look]
    ends = np.zeros(3, np.float32), np.ones(3, np.float32)
    return Base(Grid.bounded(cells[None, None]), Cube(np.ascontiguousarray(table.clip(0, 1), np.float32), *ends))


def identity_table() -> np.ndarray:
    """The table that changes nothing, float32 (n, n, n, 3)."""
    axis = np.linspace(0, 1, TABLE_SIDE, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
