"""How far a JPEG helps, place by place: what a picture costs with its prediction and what it would without one.

A block costs about as many bits as its rows of residuals do, each cut into what differs from its neighbours and the
means of few cells, both in steps. Without a prediction the residuals are the levels themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....bitstream.runtime.parallel import in_parallel
from ...recipe.corrections import grid
from ...recipe.recipe import Recipe
from ...recipe.side import SideInfo, Window
from .log_kernels import sum_of_logs
from .source_picture import SourcePicture

SIDE = 16
"""Side of the blocks in cells."""

LINES = 2
"""Rows of a block that are looked at."""

GROUP = 4
"""Cells whose mean is taken."""

OFFSET, EXPONENT = 8, 4
"""Of the steps that blocks are weighed by, whatever the picture's own are: even in linear light. Finer ones in the dark
would count what a guide leaves of the noise there, and take good guides for bad."""

NOISE = 3.0
"""What is structure and not noise has means whose variance is so many times what the differences let expect."""


@dataclass(frozen=True)
class Costs:
    """Of each block, float64 (rows, columns of blocks). bits: about, at all its sites; rough: variance of the means,
    squared steps; fine: what of that white noise of the differences' size would have."""

    bits: np.ndarray
    rough: np.ndarray
    fine: np.ndarray

    @property
    def structured(self) -> np.ndarray:
        """Where there is more than noise."""
        return np.asarray((self.rough > NOISE * self.fine) & (self.rough > 0.1))


def costs(picture: SourcePicture, guides: list[tuple[SideInfo, Recipe]], step: int) -> list[Costs]:
    """What the picture costs at a step with the prediction of some guides, and, last, without any."""
    layout, companding = picture.layout, picture.companding
    h, w = layout.cells
    rows, columns = grid(layout.cells, SIDE)
    fineness = replace(companding, offset=OFFSET).fineness(step, EXPONENT)
    across = np.arange(w)[None]

    def row(n: int) -> np.ndarray:
        top, count = n * SIDE, min(SIDE, h - n * SIDE)
        picked = top + (np.arange(min(LINES, count)) * 2 + 1) * count // (2 * min(LINES, count))
        level = companding.level(layout.at(picture.mosaic, picked[:, None], across))
        scale = np.take(fineness, np.clip(level, companding.low, companding.high).astype(np.int64) - companding.low)
        if layout.cell:
            scale = scale * layout.inside_at(picked[:, None], across)  # what is not coded costs nothing
        window = Window(tuple((int(r), 0) for r in picked), 1, w)
        found = []
        for side_info, recipe in guides:
            prediction = side_info.prediction(window, recipe, companding)[:, :, 0].swapaxes(0, 1)
            found.append(_costs((level - prediction) * scale, columns))
        found.append(_costs(level * scale, columns))
        out = np.stack(found)  # guides, 3, columns
        out[:, 0] *= count / len(picked)
        return out

    every = np.stack(list(in_parallel(row, range(rows))), 2)
    return [Costs(*one) for one in every]


def _costs(e: np.ndarray, columns: int) -> np.ndarray:
    """Bits, rough and fine of one row of blocks, (3, columns), of residuals (4, lines, w) in steps."""
    w = e.shape[2]
    e = np.pad(e.astype(np.float32), ((0, 0), (0, 0), (1, columns * SIDE - w + 1)), "edge")
    fine = (e[..., 1:-1] - (e[..., :-2] + e[..., 2:]) / 2).reshape(*e.shape[:2], columns, SIDE)
    means = e[..., 1:-1].reshape(*e.shape[:2], columns, SIDE // GROUP, GROUP).mean(-1)
    rough = means - means.mean((1, 3), keepdims=True)
    share = np.float32(GROUP**0.5)
    bits = 0.5 * (sum_of_logs(fine / np.float32(1.5**0.5)) + sum_of_logs(rough * share)).sum((0, 1))
    return np.stack([bits, (rough**2).mean((0, 1, 3)), (fine**2).mean((0, 1, 3)) / (1.5 * GROUP)])
