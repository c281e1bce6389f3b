"""A picture's own fit of its mosaic from its guide, which the guided nets are given in place of the bare guide.

The papers train one net for each camera and one way of developing. Here one net serves all cameras and programs, and
what such a net can't know of a picture, 15 x 4 numbers say: each plane of the mosaic, companded, as 1, the guide's
seven planes and their squares, weighed. They stand in the stream, 120 bytes, and are counted.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ....bitstream.errors import StreamError
from .planes import GUIDE_PLANES

TERMS = 1 + 2 * GUIDE_PLANES
SIZE = TERMS * 4 * 2
RIDGE = 1e-6
CELLS = 40_000
"""About how many cells are fitted."""

LOWEST, HIGHEST = -0.5, 1.5
ROWS = 128
"""Rows of cells that are fitted at once, to save memory."""


def _terms(planes: Tensor) -> Tensor:
    """(TERMS, ...) of planes (7, ...)."""
    return torch.cat([torch.ones_like(planes[:1]), planes, planes * planes])


def fit(x: Tensor, planes: Tensor) -> Tensor:
    """The weights for x, (4, h, w), from the guide's planes, (7, h, w): float16 (TERMS, 4)."""
    every = max(1, round((x[0].numel() / CELLS) ** 0.5))
    a = _terms(planes[:, ::every, ::every]).flatten(1).double()
    b = x[:, ::every, ::every].flatten(1).double()
    gram = a @ a.T + RIDGE * a.shape[1] * torch.eye(TERMS, dtype=torch.float64)
    return torch.linalg.solve(gram, a @ b.T).half()


def fitted(planes: Tensor, weights: Tensor) -> Tensor:
    """The guide's planes, (7, h, w), with the fit of the mosaic's planes in place of the first four."""
    out = planes.clone()
    for top in range(0, planes.shape[1], ROWS):
        band = planes[:, top : top + ROWS]
        out[:4, top : top + ROWS] = torch.einsum("thw,tk->khw", _terms(band), weights.float()).clamp(LOWEST, HIGHEST)
    return out


def to_bytes(weights: Tensor) -> bytes:
    """`SIZE` bytes, float16, little-endian."""
    return weights.numpy().astype("<f2").tobytes()


def from_bytes(data: bytes) -> Tensor:
    """Inverse of `to_bytes`; `StreamError` where they are no numbers."""
    weights = np.frombuffer(data, "<f2").astype(np.float16)
    if weights.size != TERMS * 4 or not np.isfinite(weights).all():
        raise StreamError("the fit of the guide is damaged")
    return torch.from_numpy(weights.reshape(TERMS, 4))
