"""The recipe while training: a closed-form readout with gradients, and the bits that its residual would cost.

The readout is weighted least squares in float64 (a float32 solve of nearly collinear features is useless); gradients
reach the learned features through the normal equations. The loss is the Gaussian rate-distortion function of the
residual, band by band: the trunk predicts from decoded neighbours and adapts its scale from place to place, so what a
residual costs is about 1/2 log2(1 + v / D) for the local energy v of each band of a block transform, over planes
rotated to their principal axes, at a distortion D even in linear light.
"""

from __future__ import annotations

import math

import torch

BLOCK = 8
ZONES = ((0, 0), (1, 2), (3, 4), (5, 6), (7, 8), (9, 14))
"""Bands of a block's transform that share an energy, by the sum of their frequencies."""


def solve(hand: torch.Tensor, learned: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Least squares of the target on both kinds of features, all already times the root of the weight.

    hand: float64 (S, M, n), no gradient; learned: float64 (S, N, n), N may be 0; target: float64 (S, 4, n). Returns
    the fitted planes, float64 (S, 4, n), times the root of the weight too.
    """
    cross = hand @ learned.mT
    gram = torch.cat([torch.cat([hand @ hand.mT, cross], 2), torch.cat([cross.mT, learned @ learned.mT], 2)], 1)
    right = torch.cat([hand @ target.mT, learned @ target.mT], 1)
    size = gram.diagonal(dim1=1, dim2=2).detach()
    unit = 1.0 / torch.sqrt(size + 1e-6)
    gram = gram * unit[:, :, None] * unit[:, None, :]
    gram = gram + 1e-6 * torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    c = torch.cholesky_solve(right * unit[:, :, None], torch.linalg.cholesky(gram)) * unit[:, :, None]
    m = hand.shape[1]
    return c[:, :m].mT @ hand + c[:, m:].mT @ learned


def dct_matrix(n: int = BLOCK) -> torch.Tensor:
    """Orthonormal DCT-II, float32 (n, n)."""
    k = torch.arange(n, dtype=torch.float64)
    m = torch.cos(math.pi / n * (k[None] + 0.5) * k[:, None]) * math.sqrt(2.0 / n)
    m[0] /= math.sqrt(2.0)
    return m.float()


def _zones() -> torch.Tensor:
    total = torch.arange(BLOCK)[:, None] + torch.arange(BLOCK)
    masks = torch.stack([((total >= a) & (total <= b)).float() for a, b in ZONES])
    return masks.reshape(len(ZONES), -1)


def energies(e: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Energy per sample of residuals, by plane axis, block and band.

    e: float32 (S, C, 4, h, w), C crops of S pictures, sides in whole blocks. Returns v (S, 4, C * blocks, ZONES) and
    the share of a block's samples in each band (ZONES,).
    """
    s, c, _, h, w = e.shape
    with torch.no_grad():
        flat = e.transpose(1, 2).reshape(s, 4, -1).double()
        _, axes = torch.linalg.eigh(flat @ flat.mT / flat.shape[2])
    e = torch.einsum("skp,sckhw->scphw", axes.to(e.dtype), e)
    m = dct_matrix().to(e.device)
    blocks = e.reshape(s, c, 4, h // BLOCK, BLOCK, w // BLOCK, BLOCK).permute(0, 2, 1, 3, 5, 4, 6)
    bands = (m @ blocks @ m.T).flatten(5).square()
    masks = _zones().to(e.device)
    sizes = masks.sum(1)
    return (bands @ (masks / sizes[:, None]).T).reshape(s, 4, -1, len(ZONES)), sizes / BLOCK**2


def bits(e: torch.Tensor, exponents: torch.Tensor) -> torch.Tensor:
    """Estimated bits per sample of residuals at steps 2^exponent of white - black.

    e as in `energies`, in shares of white - black; exponents: (S, K). Returns (S, K).
    """
    v, share = energies(e)
    distortion = torch.exp2(2.0 * exponents) / 6.0  # a third of a dead zone's: between its 1/12 and 1/4
    rate = 0.5 * torch.log2(1.0 + v[:, None] / distortion[:, :, None, None, None])
    return (rate.mean((2, 3)) * share).sum(-1)
