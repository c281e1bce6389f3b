"""What recipes are fitted to: features of blocks of 2x2 cells, sampled from a picture's guide."""

from __future__ import annotations

import numpy as np

from ...mosaic.layout import blocks, haar
from ...recipe import net_weights as weights
from ...recipe.features import COUNT, TABLES
from ...recipe.side import SideInfo
from . import sample_kernels as samples


def bands(side_info: SideInfo, tops: np.ndarray, picks: np.ndarray, learned: bool = False) -> np.ndarray:
    """Features of blocks of 2x2 cells as their mean and three differences over 4, float32 (m, 4, n).

    tops: their rows of cells, (bands,); picks: their numbers in each of these, ascending, (bands, picks).
    """
    out = np.empty((COUNT + weights.COUNT * learned, 4, picks.size), np.float32)
    samples.bands(side_info.planes, TABLES, side_info.h, side_info.w, tops, picks, out[:COUNT])
    if learned:
        width = side_info.w + side_info.w % 2
        found = [haar(blocks(side_info.learned(top, 0, 2, width).reshape(weights.COUNT, -1), 2, width)) for top in tops]
        out[COUNT:] = np.concatenate([f[..., pick] for f, pick in zip(found, picks, strict=True)], -1)
    return out
