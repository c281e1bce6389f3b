"""Which recipe a picture gets: of few features, of more, of learned ones; the one that seems to cost least at a step.

The recipes are fitted once, to blocks of cells in narrow bands of rows spread over the picture; what each leaves there
tells, for any step, about how many bits it takes, its own bytes included.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from ...bitstream.runtime.forks import cached_property
from ..mosaic.companding import Companding
from ..mosaic.layout import Layout, cells
from ..recipe.features import BASIC, COUNT
from ..recipe.recipe import SHIFT, Recipe
from ..recipe.side import SideInfo
from .effort import Effort
from .fit import recipe as fit_recipe
from .fit.bands import bands as bands_of
from .fit.corrections import TRUST
from .fit.log_kernels import sum_of_logs
from .fit.saturation import find_saturation

BANDS = 60

LIKELY = np.array([
    [0.008, 0.055, 0.087, 0.12, 0.175, 0.32, 0.56, 2.4], [0.002, 0.05, 0.2, 0.4, 0.8, 1.5, 2.2, 6.0],
])  # fmt: skip
"""Bits a site that a recipe's residual seems to take at the sampled cells, and what sample windows took of pictures of
seven cameras."""

THIN, SPAN = 4, 60
"""One sampled cell in so many is enough for a likely step; steps either way over which its slope is taken."""

LEAST_WORTH = 0.015
"""Share of the bytes that learned features must save: they double the time that decoding takes."""


@dataclass(frozen=True)
class _Fitted:
    """A recipe, and at the cells it was fitted to: its prediction, levels int32 (4, n)."""

    recipe: Recipe
    prediction: np.ndarray

    @cached_property
    def size(self) -> int:
        """Bytes of the recipe."""
        return len(self.recipe.to_bytes())


class RecipeChoice:
    """The recipes of one picture, and its `Companding.saturation`.

    mosaic: (H, W), DN. plain: of few features; learned: with learned ones, None where there is none.
    """

    def __init__(
        self, mosaic: np.ndarray, layout: Layout, side_info: SideInfo, companding: Companding, effort: Effort
    ) -> None:
        self._companding, self._sites = companding, mosaic.size
        bands, level, inside = sample(mosaic, layout, side_info, companding, effort)
        whole = np.asarray(inside.all(1))
        counts = [BASIC, *([COUNT] if effort.powers else []), *([len(bands)] if len(bands) > COUNT else [])]
        fitted = []
        for together in [[count] for count in counts] if effort.apart else [counts]:
            with contextlib.suppress(np.linalg.LinAlgError):
                some = bands[: together[-1]]
                fitted += fit_recipe.fit(some, level, companding.span, whole, together)
        self._level, self._inside = level.reshape(4, -1), inside.reshape(4, -1)
        self._all = [_Fitted(*self._predicted(fit_recipe.constant(self._level), bands))]
        self._all += [_Fitted(*self._predicted(recipe, bands)) for recipe in fitted]
        self.learned = next((f.recipe for f in self._all if f.recipe.learned), None)
        self.saturation = find_saturation(companding, self._level, self._all[-1].prediction)
        # The plain one: the constant is for pictures whose JPEG says nothing of the light.
        self.plain = min(
            self._all[:2], key=lambda f: float((self._inside * (f.prediction - self._level) ** 2).sum())
        ).recipe

    def _predicted(self, recipe: Recipe, bands: np.ndarray) -> tuple[Recipe, np.ndarray]:
        """A recipe of all hand-made features at least, and its prediction at the samples, but for float32's
        rounding."""
        m = len(recipe.exponents)
        found = (recipe.whole() / (1 << SHIFT)).astype(np.float32) @ bands[:m].reshape(m, -1)
        prediction = np.rint(cells(found.reshape(4, 4, -1))).reshape(4, -1)
        prediction = np.clip(prediction, self._companding.low, self._companding.high).astype(np.int32)
        return recipe.of(max(m, COUNT)), prediction

    def best(self, step: int, step_exponent: int, room: float) -> Recipe:
        """The recipe that seems to cost least at a step, of those that take no more than `room` bytes."""
        fitting = [f for f in self._all if f.size <= room]
        return min(fitting, key=lambda f: self._bits(f, step, step_exponent)).recipe if fitting else self.plain

    def likely_step(self, bits: float, step_exponent: int, finest: int, coarsest: int) -> tuple[int, float]:
        """A step at which the plain recipe's residual is likely to take so many bits a site, and how their log2 falls
        with the step there: 20 % off, more where cameras smooth their RAW."""
        plain = next(f for f in self._all if f.recipe is self.plain)
        prediction, level, inside = (v[:, ::THIN] for v in (plain.prediction, self._level, self._inside))

        def told(step: int) -> float:
            fineness = np.take(self._companding.fineness(step, step_exponent), prediction - self._companding.low)
            rough = 0.5 * TRUST * float(sum_of_logs((prediction - level) * fineness * inside).sum()) / inside.sum()
            return float(np.interp(np.log2(max(rough, 1e-9)), *np.log2(LIKELY)))

        low, high, wanted = finest, coarsest, float(np.log2(max(bits, 1e-9)))
        while high - low > 8:
            middle = (low + high) // 2
            low, high = (middle, high) if told(middle) > wanted else (low, middle)
        slope = (told(min(low + SPAN, coarsest)) - told(max(low - SPAN, finest))) / (2 * SPAN)
        return low, slope

    def _bits(self, fitted: _Fitted, step: int, step_exponent: int) -> float:
        fineness = np.take(self._companding.fineness(step, step_exponent), fitted.prediction - self._companding.low)
        bits = 0.5 * sum_of_logs((fitted.prediction - self._level) * fineness * self._inside)
        whole = TRUST * float(bits.sum() / self._inside.sum()) * self._sites + 8 * fitted.size
        return whole * (1 + LEAST_WORTH) if fitted.recipe.learned else whole


def sample(
    mosaic: np.ndarray, layout: Layout, side_info: SideInfo, companding: Companding, effort: Effort
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bands of features, float32 (m, 4, n), levels int32 (4, 4, n) and which sites lie in the mosaic, bool (4, 4, n).

    The second axis is the four cells of blocks of 2x2, as `layout.blocks` has them, or their bands.
    """
    h, w = (-(-n // 2) for n in layout.cells)  # in blocks; the last may reach one cell outside
    rng = np.random.default_rng(0)
    bands = min(BANDS, h)
    tops = 2 * np.round(np.arange(bands) * (h - 1) / max(bands - 1, 1)).astype(np.int64)
    picks = np.stack([np.sort(rng.choice(w, min(w, effort.blocks // bands), replace=False)) for _ in tops])
    phi = bands_of(side_info, tops, picks, effort.learned)
    rows = (tops[:, None, None] + np.array([0, 0, 1, 1])).transpose(2, 0, 1)
    cols = (2 * picks[:, :, None] + np.array([0, 1, 0, 1])).transpose(2, 0, 1)
    rows, cols = (np.broadcast_to(v, (4, *picks.shape)).reshape(4, -1) for v in (rows, cols))
    return (
        phi,
        companding.level(layout.at(mosaic, rows, cols)),
        layout.predicted_at(rows, cols) & side_info.guided(rows, cols),
    )
