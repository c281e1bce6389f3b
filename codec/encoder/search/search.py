"""The encoder's search for the symbols of a tile's stage: `codec.encoder.search.trellis_kernels` on the tile's
arrays."""

from __future__ import annotations

import numpy as np

from ...stages.order import STAGES
from ...stages.tile import Tile
from .trellis_kernels import Search


def search_stage(
    tile: Tile, stage: int, search: Search, y: np.ndarray, valid: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Look for a stage's symbols after its `predict`, and take them in: symbols, rate, squared error; see `Search`."""
    k, t = STAGES[stage]
    y_hat, magnitudes = tile.values[k, t], tile.magnitudes[k, t]
    found = search(y, tile.mu, tile.step[t], tile.classes, valid, y_hat[1:-1, 1:-1], magnitudes[1:-1, 1:-1])
    tile.close(y_hat, magnitudes)
    return found
