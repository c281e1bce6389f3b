"""Superpixels on a grid, one sample in each: how content-aware metadata chooses the samples that it keeps.

Of every cell the sampler says how likely it belongs to each of the 3 x 3 superpixels around it (9 shares, row by row).
A superpixel's sample is the cell among its own 3 x 3 grid squares that most likely belongs to it. So a sample lies
up to one and a half squares from the middle of its superpixel, and two superpixels may choose the same cell.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F


def _neighbours() -> Iterator[tuple[int, int, int]]:
    for k in range(9):
        yield k, k // 3 - 1, k % 3 - 1


def _moved(v: Tensor, dy: int, dx: int) -> Tensor:
    """v[i - dy, j - dx] at (i, j), zero from outside."""
    h, w = v.shape[-2:]
    return F.pad(v, (1, 1, 1, 1))[..., 1 - dy : 1 - dy + h, 1 - dx : 1 - dx + w]


def choose(shares: Tensor, grid: int) -> Tensor:
    """Where each superpixel's sample lies, int64 (B, 2, h / grid, w / grid): row and column, cells.

    shares: (B, 9, h, w), positive.
    """
    b, _, h, w = shares.shape
    squares = F.pixel_unshuffle(shares, grid).reshape(b, 9, grid * grid, h // grid, w // grid)
    # The cell's k-th neighbour is this superpixel: the cell lies in the square at (i - dy, j - dx).
    candidates = torch.cat([_moved(squares[:, k], dy, dx) for k, dy, dx in _neighbours()], 1)
    best = candidates.argmax(1)
    k, inside = best // (grid * grid), best % (grid * grid)
    i = torch.arange(h // grid)[:, None] - (k // 3 - 1)
    j = torch.arange(w // grid)[None, :] - (k % 3 - 1)
    return torch.stack([i * grid + inside // grid, j * grid + inside % grid], 1)


def mask_of(places: Tensor, h: int, w: int) -> Tensor:
    """1 at the chosen cells, else 0: float32 (B, 1, h, w)."""
    mask = torch.zeros(len(places), h * w)
    mask.scatter_(1, (places[:, 0] * w + places[:, 1]).flatten(1), 1.0)
    return mask.reshape(len(places), 1, h, w)


def chosen_shares(shares: Tensor, places: Tensor, grid: int) -> Tensor:
    """The share at every chosen cell that it was chosen for, 0 elsewhere, (B, 1, h, w): the way back for gradients."""
    b, _, h, w = shares.shape
    i = torch.arange(h // grid)[:, None] - places[:, 0] // grid
    j = torch.arange(w // grid)[None, :] - places[:, 1] // grid
    at = (((i + 1) * 3 + j + 1) * h + places[:, 0]) * w + places[:, 1]
    got = shares.flatten(1).gather(1, at.flatten(1))
    cell = (places[:, 0] * w + places[:, 1]).flatten(1)
    return torch.zeros(b, h * w, dtype=got.dtype).scatter(1, cell, got).reshape(b, 1, h, w)


def smoothed(features: Tensor, shares: Tensor, grid: int) -> Tensor:
    """Features (B, C, h, w) with every cell replaced by what its superpixels' means say."""
    ones = torch.cat([features, torch.ones_like(features[:, :1])], 1)
    total = torch.stack(
        [_moved(F.avg_pool2d(ones * shares[:, k : k + 1], grid), dy, dx) for k, dy, dx in _neighbours()]
    ).sum(0)
    mean = total[:, :-1] / (total[:, -1:] + 1e-8)
    # A cell's k-th superpixel lies at (i + dy, j + dx).
    enlarged = (F.interpolate(_moved(mean, -dy, -dx), scale_factor=grid) for _, dy, dx in _neighbours())
    return torch.stack([v * shares[:, k : k + 1] for k, v in enumerate(enlarged)]).sum(0)
