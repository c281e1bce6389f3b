"""Fitting the recipe."""

from __future__ import annotations

import numpy as np
import torch

from codec.trunk.features import BITS, COUNT
from codec.trunk.recipe import EXPONENTS, LIMIT, SHIFT, SUM_LIMIT, Recipe


def blocks(v: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Cells (..., height * width), both even, as blocks of 2x2, (..., 4, height * width / 4)."""
    lead = v.shape[:-1]
    cut = v.reshape(*lead, height // 2, 2, width // 2, 2).movedim(-3, -2)
    return cut.reshape(*lead, -1, 4).transpose(-1, -2)


def haar(v: torch.Tensor) -> torch.Tensor:
    """Blocks of 2x2 cells (..., 4, n) to their mean and three differences over 2, (..., 4, n)."""
    a, b, c, d = v.unbind(-2)
    return torch.stack([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], -2) / 4


def fit(
    phi: torch.Tensor,
    level: torch.Tensor,
    span: float,
    weight: torch.Tensor,
    precision: float = 0.01,
    offset: float = 0.03,
) -> Recipe:
    """Fit the recipe to sampled blocks of 2x2 cells.

    phi: float64 (m, 4, n), features of the blocks' cells; level: float64 (4, 4, n), planes of the mosaic in level
    units; span: white - black in level units; weight: float64 (4, 4, n), 0 where a site lies outside the picture.
    precision: quantisation may add this share to the residual's (weighted) variance. offset: light below which the
    noise stays even, a share of white.

    Means and differences of a block are fitted side by side, each against the size of its own errors: what the base
    misses evenly is predicted from decoded neighbours and costs little, what it misses from cell to cell costs bits.
    Raises `torch.linalg.LinAlgError` where the picture is too flat to fit anything.
    """
    n = len(phi)
    sparse = max(1, min(4, phi[0].numel() // (50 * n)))
    mean = level.mean(1)
    bands, aims, there = haar(phi), haar(level), weight.amin(1, keepdim=True).expand_as(weight)
    if not there.any():
        raise torch.linalg.LinAlgError("no block lies inside the picture")
    some = bands[..., ::sparse].flatten(1)
    first, _ = _solve(some, aims[..., ::sparse].flatten(1), there[..., ::sparse].mean(0).flatten())
    grams, solutions, variances = [], [], []
    for k in range(4):
        c = first[k : k + 1]
        for take in (sparse, sparse, 1):  # the weights settle on some of the cells already
            part = some if take == sparse else bands.flatten(1)
            w = _worth(c, part, aims[k][:, ::take], there[k][:, ::take], mean[k][::take], span, offset)
            c, gram = _solve(part, aims[k : k + 1, :, ::take].flatten(1), w)
        every = bands.flatten(1)
        w = _worth(c, every, aims[k], there[k], mean[k], span, offset)
        grams.append(gram)
        solutions.append(c[0])
        variances.append(float((w * (c @ every - aims[k].flatten()) ** 2).sum()))
    # One step per feature for all planes: from the mean of the planes' Gram matrices, each in units of its residual.
    mean_gram = sum(g / max(v, 1e-12) for g, v in zip(grams, variances, strict=True)) / 4
    upper = torch.linalg.cholesky(torch.linalg.inv(mean_gram), upper=True)
    delta = (12.0 * precision / n) ** 0.5
    wanted = torch.log2(delta * torch.diag(upper)) + SHIFT
    exponents = wanted.floor().clamp(0, EXPONENTS - 1).long().numpy()
    coefficients = np.zeros((4, n), np.int64)
    for k in range(4):
        u = torch.linalg.cholesky(torch.linalg.inv(grams[k]), upper=True).numpy()
        rest = solutions[k].numpy().copy()
        for i in range(n):
            step = 2.0 ** (exponents[i] - SHIFT)
            value = int(np.clip(np.rint(rest[i] / step), 1 - LIMIT, LIMIT - 1))
            coefficients[k, i] = value
            rest[i:] -= (rest[i] - value * step) / u[i, i] * u[i, i:]
    if (np.abs(coefficients) << exponents).sum(1).max() >= SUM_LIMIT:
        raise torch.linalg.LinAlgError("the fit has no stable solution")
    return Recipe(coefficients, exponents)


def _solve(phi: torch.Tensor, level: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted least squares of planes (planes, n): coefficients (planes, m), and the Gram matrix with its ridge."""
    weighted = phi * weight
    gram = weighted @ phi.T
    gram += torch.diag(torch.diag(gram) * 1e-6 + 1e-9)
    return torch.linalg.solve(gram, weighted @ level.T).T, gram


def _worth(
    c: torch.Tensor, phi: torch.Tensor, aim: torch.Tensor, weight: torch.Tensor, mean: torch.Tensor,
    span: float, offset: float,
) -> torch.Tensor:  # fmt: skip
    """Weights (4 n,) of the squared errors of coefficients c in the bands of blocks, aim and weight (4, n).

    What errors cost in bits, about log(noise + e^2), has such derivatives; the noise of a band grows with the light,
    and its size is the median's.
    """
    e2 = (c @ phi).reshape(aim.shape).sub_(aim).square_()
    light = mean.clamp(min=0) / span + offset
    out = []
    for rows in (slice(0, 1), slice(1, 4)):
        some = weight[rows] > 0
        noise = torch.median((e2[rows] / light)[some]) / 0.455 + 1e-12 * span * span
        out.append(weight[rows] * span * span / (noise * light + e2[rows] / 9))
    return torch.cat(out).flatten()


def constant(level: torch.Tensor) -> Recipe:
    """The best map that does not look at the guide: each plane's mean. level: float64 (4, n)."""
    coefficients, exponents = np.zeros((4, COUNT), np.int64), np.zeros(COUNT, np.int64)
    exponents[0] = SHIFT - BITS + 4  # a level is below 2^19
    coefficients[:, 0] = (level.mean(1) / 16).round().clamp(1 - LIMIT, LIMIT - 1).numpy()
    return Recipe(coefficients, exponents)
