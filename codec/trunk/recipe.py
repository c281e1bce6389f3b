"""The recipe: the per-picture map from the guide to the mosaic, fitted in closed form, sent in a few hundred bytes.

::

    features phi (m, n) --robust weighted least squares, float64--> coefficients c (4, m)
         --quantised one by one, each error spread over those still free--> integers --Golomb--> bytes
    base b = ((C << exponent) @ phi + half) >> SHIFT          exact: whole numbers below 2^53 in float64

The quantisation of correlated coefficients follows optimal-brain-surgeon compensation (Hassibi & Stork 1993; as in
GPTQ): with ``U`` the upper Cholesky factor of the inverse Gram matrix, a step of ``delta U_ii`` for coefficient i
costs the same error for each, so coefficients that others can stand in for get few bits.

The m features are the hand-made ones (`COUNT`) alone, or those and the learned ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from bitstream.errors import StreamError
from codec.trunk.features import BITS, COUNT
from codec.trunk.local import LocalRecipe
from entropy.golomb import GolombReader, GolombWriter

SHIFT = 20
"""Fraction bits of a coefficient."""

LIMIT = 1 << 15
"""Bound of a quantised coefficient."""

EXPONENTS = 21
"""A coefficient's step is 2^(e - SHIFT), 0 <= e < EXPONENTS."""

SUM_LIMIT = 1 << 37
"""Bound of a plane's sum of |c| 2^e: times features below 2^15 it stays under 2^52, so sums are exact in float64."""


@dataclass(frozen=True)
class Recipe:
    """Quantised coefficients, int64 (4, m), and the exponent of each feature's step, int64 (m,)."""

    coefficients: np.ndarray
    exponents: np.ndarray
    local: LocalRecipe | None = None

    @property
    def learned(self) -> bool:
        """Whether there are coefficients for learned features too."""
        return len(self.exponents) > COUNT

    def of(self, features: int) -> Recipe:
        """The same recipe of so many features: those behind the last one are not used."""
        more = features - len(self.exponents)
        return Recipe(np.pad(self.coefficients, ((0, 0), (0, more))), np.pad(self.exponents, (0, more)))

    def base(self, phi: torch.Tensor, low: int, high: int, block: tuple[int, int] | None = None) -> torch.Tensor:
        """Base in level units, int32 (4, n), from features float64 (m, n), clipped to low..high.

        block: row and column of the block that the features are in, where there is a local recipe.
        """
        whole = self.coefficients << self.exponents
        if self.local and block:
            more = self.local.block(*block)
            whole[:, : more.shape[1]] += more
        total = torch.from_numpy(whole.astype(np.float64)).to(phi.device) @ phi
        return torch.floor((total + float(1 << (SHIFT - 1))) / float(1 << SHIFT)).clamp(low, high).to(torch.int32)

    def to_bytes(self) -> bytes:
        """Exponents as differences to their neighbours, then the coefficients feature by feature."""
        out = GolombWriter()
        used = np.flatnonzero(np.abs(self.coefficients).sum(0))
        out.write([len(used)])
        if len(used) < len(self.exponents):
            out.write(np.diff(used, prepend=-1) - 1)
        out.write(np.diff(self.exponents[used], prepend=EXPONENTS // 2))
        for k in range(4):
            out.write(self.coefficients[k, used])
        return out.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes, features: int = COUNT) -> Recipe:
        """Inverse of `to_bytes` for so many features; `StreamError` for values out of range."""
        bits = GolombReader(data)
        (count,) = bits.read(1)
        if not 0 <= count <= features:
            raise StreamError(f"the recipe names {count} features, there are {features}")
        used = np.cumsum(np.array(bits.read(count)) + 1) - 1 if count < features else np.arange(features)
        steps = np.cumsum(bits.read(count)) + EXPONENTS // 2
        if count and (used.min() < 0 or used.max() >= features or len(set(used.tolist())) < count):
            raise StreamError("the recipe's features are out of range")
        if count and (steps.min() < 0 or steps.max() >= EXPONENTS):
            raise StreamError("the recipe's steps are out of range")
        coefficients, exponents = np.zeros((4, features), np.int64), np.zeros(features, np.int64)
        for k in range(4):
            coefficients[k, used.astype(np.int64)] = bits.read(count)
        bits.finish()
        if np.abs(coefficients).max(initial=0) >= LIMIT:
            raise StreamError("the recipe's coefficients are out of range")
        exponents[used.astype(np.int64)] = steps
        recipe = cls(coefficients, exponents)
        recipe.check()
        return recipe

    def with_local(self, local: LocalRecipe) -> Recipe:
        """This recipe with corrections by block; `StreamError` where they are too large together."""
        recipe = replace(self, local=local)
        recipe.check()
        return recipe

    def check(self) -> None:
        """`StreamError` where sums would no longer be exact."""
        most = (np.abs(self.coefficients) << self.exponents).sum(1).max()
        if most + (self.local.largest() if self.local else 0) >= SUM_LIMIT:
            raise StreamError("the recipe's coefficients are too large together")


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
