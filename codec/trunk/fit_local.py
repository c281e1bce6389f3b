"""Fitting a local recipe: least squares in each block and plane, and what it is worth.

::

    residual of the recipe, in steps --terms of a block, robust least squares--> d --quantised with compensation-->
        bits saved (from the residual before and after) > bits of d ?  sent : zero

A coefficient's step is where its bits and what its rounding costs balance: `COARSE` standard errors.
"""

from __future__ import annotations

import numpy as np
import torch

from codec.trunk.companding import Companding
from codec.trunk.ground import Ground
from codec.trunk.local import EXPONENTS, LIMIT, MATRIX, TERMS, LocalRecipe, grid
from codec.trunk.parallel import in_parallel
from codec.trunk.recipe import SHIFT, Recipe

COARSE = 3.0
TRUST = 0.6
"""Share of the bits that a smaller residual seems to save which is counted: stages also learn from neighbours."""

LINES = 16
"""Rows of a block that are looked at."""

FLOOR = 0.15
"""Variance, in squared steps, below which a residual is not worth less bits."""


def fit(
    planes: np.ndarray,
    ground: Ground,
    recipe: Recipe,
    companding: Companding,
    step: int,
    kappa: int,
    side: int,
) -> LocalRecipe | None:
    """The local recipe of a picture at a step, or None where no block gains.

    planes: int32 (4, h, w), DN; side: of a block, cells.
    """
    h, w = planes.shape[-2:]
    rows, _ = grid((h, w), side)
    steps = torch.from_numpy(companding.steps(step, kappa))

    def fit_row(row: int) -> _Row:
        return _fit_row(planes, ground, recipe, companding, steps, side, row)

    fitted = list(in_parallel(fit_row, range(rows)))
    spread = torch.cat([f.spread for f in fitted]).reshape(-1, len(TERMS))
    spread = spread[torch.isfinite(spread).all(1)]
    if not len(spread):
        return None
    wanted = torch.log2(COARSE * spread.median(0).values.clamp(min=1e-30)) + SHIFT
    exponents = wanted.floor().clamp(0, EXPONENTS - 1).long()
    units = 2.0 ** (exponents.double() - SHIFT)
    coefficients = torch.stack([_quantise(f, units) for f in fitted])
    if not coefficients.any():
        return None
    return LocalRecipe(side, exponents.numpy(), coefficients.numpy())


class _Row:
    """Sums of one row of blocks. gram (columns, 4, terms, terms), right and solution (columns, 4, terms) in units of
    the residual's variance; spread: standard errors; before: bits of the residual, (columns, 4); sites of a block."""

    def __init__(self, a: torch.Tensor, e: torch.Tensor, scale: torch.Tensor, inside: torch.Tensor, sites: int) -> None:
        # a: (columns, terms, n), e: (columns, 4, n) residual, scale: its step, inside: (columns, 4, n)
        weight = inside / scale**2
        ridge = torch.eye(len(TERMS), dtype=torch.float64)
        solution = torch.zeros(*e.shape[:2], len(TERMS), dtype=torch.float64)
        gram = torch.zeros(*e.shape[:2], len(TERMS), len(TERMS), dtype=torch.float64)
        number = inside.sum(-1).clamp(min=1)
        robust = weight
        for _ in range(2):
            for k in range(4):
                g = (a * robust[:, k : k + 1]) @ a.mT
                g = g + ridge * (torch.diagonal(g, dim1=-2, dim2=-1)[..., None] * 1e-4 + 1e-9)
                gram[:, k] = g
                solution[:, k] = torch.linalg.solve(g, (a * robust[:, k : k + 1]) @ e[:, k, :, None])[..., 0]
            after = (e - solution @ a) / scale
            size = (after.abs() * inside).sum(-1, keepdim=True) / number[..., None] + 1e-3
            robust = weight / (1 + (after / (4 * size)) ** 2)
        variance = ((after**2) * inside).sum(-1) / number + FLOOR
        self.a, self.e, self.scale, self.inside = a, e, scale, inside
        self.more = sites / e.shape[-1]
        self.gram = gram / variance[..., None, None] * self.more
        self.solution = solution
        self.upper = torch.linalg.cholesky(torch.linalg.inv(self.gram), upper=True)
        self.spread = torch.diagonal(self.upper, dim1=-2, dim2=-1)

    def bits(self, coefficients: torch.Tensor) -> torch.Tensor:
        """About the bits of the residual of every block and plane under these coefficients."""
        e = (self.e - coefficients @ self.a) / self.scale
        return 0.5 * (torch.log2(1 + 3 * e * e) * self.inside).sum(-1) * self.more


def _fit_row(
    planes: np.ndarray,
    ground: Ground,
    recipe: Recipe,
    companding: Companding,
    steps: torch.Tensor,
    side: int,
    row: int,
) -> _Row:
    h, w = planes.shape[-2:]
    top, count = row * side, min(side, h - row * side)
    columns = -(-w // side)
    picked = range(top, top + count, max(1, side // LINES))
    low, high = companding.low, companding.low + len(companding.table) - 1
    phi = [ground.features(r, 0, 1, w, len(recipe.exponents)).reshape(-1, w) for r in picked]
    base = torch.from_numpy(np.stack([recipe.base(p, low, high) for p in phi], 1))
    level = torch.from_numpy(companding.level(planes[:, top : top + count : picked.step]))
    companding = companding.torch  # type: ignore
    matrix = torch.from_numpy(MATRIX.astype(np.float64))
    terms = torch.stack([matrix @ torch.from_numpy(p)[: MATRIX.shape[1]] for p in phi], 1)
    slope = (companding.compand(base + 32) - companding.compand(base - 32)).double().clamp(min=1) / 64
    scale = steps[companding.step_cell(base)] / slope

    def blocks(v: torch.Tensor, outside: float) -> torch.Tensor:
        v = torch.nn.functional.pad(v.double(), (0, columns * side - w), value=outside)
        return v.reshape(len(v), -1, columns, side).permute(2, 0, 1, 3).reshape(columns, len(v), -1)

    put = companding.saturate(base)
    inside = blocks(put == base, 0.0)  # what is put onto the plateau is not the recipe's affair
    return _Row(blocks(terms, 0.0), blocks(level - base, 0.0), blocks(scale, 1.0), inside, count * side)


def _quantise(row: _Row, units: torch.Tensor) -> torch.Tensor:
    """Coefficients int64 (columns, 4, terms) in their units; zero where they don't pay."""
    rest, out = row.solution.clone(), torch.zeros_like(row.solution)
    for i in range(len(TERMS)):
        exact = rest[..., i] / units[i]
        value = torch.round(exact.sign() * (exact.abs() - 0.1).clamp(min=0)).clamp(1 - LIMIT, LIMIT - 1)
        out[..., i] = value
        diagonal = row.upper[..., i, i]
        rest = rest - ((rest[..., i] - value * units[i]) / diagonal)[..., None] * row.upper[..., i, :]
    cost = torch.where(out == 0, 0.6, 2 + 2 * torch.log2(1 + out.abs())).sum(-1)
    saved = row.bits(torch.zeros_like(out)) - row.bits(out * units)
    return torch.where((TRUST * saved > cost)[..., None], out, 0).long()
