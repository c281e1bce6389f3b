"""One step of training the guide's features: crops to residual to loss."""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from ..recipe.net import BLUR
from .data import Batch
from .guide_model import GuideModel
from .readout import bits, solve

LEAST_BITS = 0.02
"""Bits per sample below which a saving no longer counts in percent."""


def residual(model: GuideModel | None, batch: Batch) -> torch.Tensor:
    """Residual of the readout, float32 (S, C, 4, side, side); without a model of the hand-made features alone."""
    s, c = batch.places.shape[:2]
    side = round((batch.target.shape[2] / c) ** 0.5)
    learned = torch.zeros(s, 0, batch.target.shape[2], dtype=torch.float64, device=batch.target.device)
    if model is not None:
        lows = []
        for pooled, places in zip(batch.pooled, batch.places, strict=True):
            low = pad(model.surroundings(pooled[None]), (1, 1, 1, 1), mode="replicate")
            n = side // BLUR + 2
            lows += [low[:, :, r : r + n, q : q + n] for r, q in (places // BLUR).tolist()]
        f = model(batch.x, torch.cat(lows))
        learned = f.reshape(s, c, f.shape[1], -1).transpose(1, 2).reshape(s, f.shape[1], -1).double() * batch.root
    fitted = solve(batch.hand, learned, batch.target)
    e = ((fitted - batch.target) / batch.root).float()
    return e.reshape(s, 4, c, side, side).transpose(1, 2)


def loss(e: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
    """Mean log of the estimated bits, so that each picture and rate counts in percent."""
    return torch.log(bits(e, exponents) + LEAST_BITS).mean()
