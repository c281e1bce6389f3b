"""What fits see of a tile: a stage's contexts at picked places, as its scale's weights count them."""

from __future__ import annotations

import numpy as np

from ...refine.tile import FinerViews, LayerTile
from ...stages.model import Views
from ...stages.order import STAGES
from ...stages.tile import Tile
from . import layer_kernels as fit_layers
from . import stage_kernels as fit


def contexts_at(
    tile: Tile, stage: int, rows: np.ndarray, cols: np.ndarray, mu: np.ndarray, out: np.ndarray
) -> None:
    """Contexts of some places of a stage, after `begin`.

    rows, cols, mu: int32 (n,), the places and their means. Into out: float32 (contexts, n), in steps.
    """
    t = STAGES[stage][1]
    views = Views.of(stage, tile.transform)
    fit.contexts_at(
        tile.magnitudes, *tile.boxes(stage), views.around, views.context, views.factor,
        views.kinds, tile.step[t], mu, tile.activity, t, tile.saturation[t], tile.seen,
        views.flat, views.flat_group, tile.lossless, rows, cols, out,
    )  # fmt: skip


def finer_contexts_at(
    tile: LayerTile, stage: int, rows: np.ndarray, cols: np.ndarray, mu: np.ndarray, out: np.ndarray
) -> None:
    """The same of a further layer's stage, after its `lay_steps`."""
    k, t = STAGES[stage]
    views = FinerViews.of(stage)
    fit_layers.contexts_at(
        tile.deviations, tile.totals[k], tile.all_planes, views.around, views.starts, views.factors, tile.step[t],
        mu, tile.activity[:, t], rows, cols, out,
    )  # fmt: skip
