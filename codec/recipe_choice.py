"""Which recipe a picture gets: of few features, of more, of learned ones; the one that seems to cost least at a step.

The recipes are fitted once, to blocks of cells in narrow bands of rows spread over the picture; what each leaves there
tells, for any step, about how many bits it takes, its own bytes included.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import pad

from codec.trunk import fit_recipe as recipes
from codec.trunk.companding import Companding
from codec.trunk.effort import Effort
from codec.trunk.features import BASIC, COUNT
from codec.trunk.fit_local import TRUST
from codec.trunk.ground import Ground
from codec.trunk.layout import Layout
from codec.trunk.recipe import Recipe
from codec.trunk.saturation import find_plateau

BLOCKS, BANDS = 12_000, 60

LEAST_WORTH = 0.015
"""Share of the bytes that learned features must save: they double the time that decoding takes."""


@dataclass(frozen=True)
class _Fitted:
    """A recipe, and at the cells it was fitted to: its base, levels int32 (4, n), and what it leaves, float64."""

    recipe: Recipe
    base: torch.Tensor
    rest: torch.Tensor


class RecipeChoice:
    """The recipes of one picture, and its `Companding.plateau`.

    packed: int32 (4, h, w), DN. plain: of few features; learned: with learned ones, None where there is none.
    """

    def __init__(
        self, packed: np.ndarray, layout: Layout, ground: Ground, companding: Companding, effort: Effort
    ) -> None:
        self._companding, self._sites = companding.torch, packed.size
        phi, level, weight = _sample(packed, layout, ground, companding, effort)
        self._weight = weight.flatten(1)
        low, high = companding.low, companding.low + len(companding.table) - 1
        counts = [BASIC, *([COUNT] if effort.powers else []), *([len(phi)] if len(phi) > COUNT else [])]
        fitted = []
        for count in counts:
            with contextlib.suppress(torch.linalg.LinAlgError):
                fitted.append(recipes.fit(phi[:count], level, companding.span, weight).of(max(count, COUNT)))
        self._all = []
        phi, level, weight = phi.flatten(1), level.flatten(1), weight.flatten(1)
        for recipe in (recipes.constant(level), *fitted):
            base = torch.from_numpy(recipe.base(phi[: len(recipe.exponents)].numpy(), low, high))
            self._all.append(_Fitted(recipe, base, base - level))
        self.learned = next((f.recipe for f in self._all if f.recipe.learned), None)
        self.plateau = find_plateau(companding, level.numpy(), self._all[-1].base.numpy())
        # The plain one: the constant is for pictures whose JPEG says nothing of the light.
        self.plain = min(self._all[:2], key=lambda f: float((weight * f.rest**2).sum())).recipe

    def best(self, step: int, kappa: int, room: float) -> Recipe:
        """The recipe that seems to cost least at a step, of those that take no more than `room` bytes."""
        fitting = [f for f in self._all if len(f.recipe.to_bytes()) <= room]
        return min(fitting, key=lambda f: self._bits(f, step, kappa)).recipe if fitting else self.plain

    def _bits(self, fitted: _Fitted, step: int, kappa: int) -> float:
        companding, base = self._companding, fitted.base[:, None]
        slope = (companding.compand(base + 32) - companding.compand(base - 32)).double().clamp(min=1) / 64
        e = fitted.rest[:, None] * slope / companding.steps(step, kappa)[companding.step_cell(base)]
        bits = 0.5 * torch.log2(1 + 3 * e * e)[:, 0] * self._weight
        whole = TRUST * float(bits.sum() / self._weight.sum()) * self._sites + 8 * len(fitted.recipe.to_bytes())
        return whole * (1 + LEAST_WORTH) if fitted.recipe.learned else whole


def _sample(
    packed: np.ndarray, layout: Layout, ground: Ground, companding: Companding, effort: Effort
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features float64 (m, 4, n), levels float64 (4, 4, n) and weights (4, 4, n): 0 for sites outside the mosaic.

    The second axis is the four cells of blocks of 2x2, as `recipe.blocks` has them.
    """
    h, w = (-(-n // 2) for n in layout.cells)  # in blocks; the last may reach one cell outside
    edge = (0, 2 * w - layout.cells[1], 0, 2 * h - layout.cells[0])
    level = pad(torch.from_numpy(companding.level(packed))[None].double(), edge, mode="replicate")[0]
    inside = pad(torch.from_numpy(layout.inside()).double(), edge)
    rng = np.random.default_rng(0)
    bands = min(BANDS, h)
    phi, target, weight = [], [], []
    for band in range(bands):
        top = 2 * round(band * (h - 1) / max(bands - 1, 1))
        pick = torch.from_numpy(rng.choice(w, min(w, BLOCKS // bands), replace=False))
        count = COUNT + 24 * effort.learned
        found = torch.from_numpy(ground.features(top, 0, 2, 2 * w, count)).flatten(1)
        phi.append(recipes.blocks(found, 2, 2 * w)[..., pick])
        target.append(recipes.blocks(level[:, top : top + 2].flatten(1), 2, 2 * w)[..., pick])
        weight.append(recipes.blocks(inside[:, top : top + 2].flatten(1), 2, 2 * w)[..., pick])
    return torch.cat(phi, 2), torch.cat(target, 2), torch.cat(weight, 2)
