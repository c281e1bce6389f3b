"""Fitting a local recipe: least squares in each block and plane, and what it is worth.

::

    residual of the recipe, in steps --terms of a block, robust least squares--> d --quantised with compensation-->
        bits saved (from the residual before and after) > bits of d ?  sent : zero

A coefficient's step is where its bits and what its rounding costs balance: `COARSE` standard errors.
"""

from __future__ import annotations

import numpy as np

from ....bitstream.runtime.parallel import in_parallel
from ...recipe.corrections import EXPONENTS, LIMIT, PARTS, TERMS, LocalRecipe, grid
from ...recipe.features import BASIC
from ...recipe.recipe import SHIFT, Recipe
from ...recipe.side import Window
from .log_kernels import sum_of_logs
from .source_picture import SourcePicture

COARSE = 3.0
TRUST = 0.6
"""Share of the bits that a smaller residual seems to save which is counted: stages also learn from neighbours."""

OPTIMISM = 0.72
"""Bits that a coefficient seems to save at the sites it was fitted to, and does not elsewhere, for each site looked at.
"""

FLOOR = 0.15
"""Variance, in squared steps, below which a residual is not worth less bits."""

LINES = 16
"""Rows of a block that are looked at."""


def fit(
    picture: SourcePicture, recipe: Recipe, step: int, side: int, lines: int = LINES
) -> LocalRecipe | None:
    """The local recipe of a picture at a step, or None where no block gains.

    side: of a block, cells; lines: rows of a block that are looked at.
    """
    rows, _ = grid(picture.layout.cells, side)
    fineness = picture.companding.fineness(step, picture.exponent)

    def fit_row(row: int) -> _Row:
        return _fit_row(picture, recipe, fineness, side, row, lines)

    fitted = list(in_parallel(fit_row, range(rows)))
    spread = np.concatenate([f.spread for f in fitted]).reshape(-1, len(TERMS))
    spread = spread[np.isfinite(spread).all(1)]
    if not len(spread):
        return None
    wanted = np.log2(COARSE * np.maximum(np.median(spread, 0), 1e-30)) + SHIFT
    exponents = np.clip(np.floor(wanted), 0, EXPONENTS - 1).astype(np.int64)
    units = 2.0 ** (exponents - SHIFT)
    coefficients = np.stack([_quantise(f, units) for f in fitted])
    if not coefficients.any():
        return None
    return LocalRecipe(side, exponents, coefficients)


class _Row:
    """Sums of one row of blocks. gram (columns, 4, terms, terms), right and solution (columns, 4, terms) in units of
    the residual's variance; spread: standard errors; bits of the residual, (columns, 4); sites of a block."""

    def __init__(self, a: np.ndarray, e: np.ndarray, scale: np.ndarray, inside: np.ndarray, sites: int) -> None:
        # a: (columns, terms, n), e: (columns, 4, n) residual, scale: one over its step, inside: (columns, 4, n)
        number = np.maximum(inside.sum(-1), 1)
        weight = inside * scale
        # One weight for all planes first, then each place of each plane by what is left there.
        both = weight.mean(1)
        scaled = a * both[:, None]
        gram = _ridged(scaled @ np.swapaxes(scaled, 1, 2))[:, None]
        solution = _solve(gram, (e * both[:, None]) @ np.swapaxes(scaled, 1, 2))
        after = (e - (solution @ a)) * scale
        size = (np.abs(after) * inside).sum(-1, keepdims=True) / number[..., None] + np.float32(1e-3)
        robust = weight / np.sqrt(1 + np.square(after / (4 * size)))
        gram = np.empty((*e.shape[:2], len(TERMS), len(TERMS)))
        right = np.empty(gram.shape[:3])
        for k in range(4):
            scaled = a * robust[:, None, k]
            gram[:, k] = scaled @ np.swapaxes(scaled, 1, 2)
            right[:, k] = ((robust[:, k] * e[:, k])[:, None] @ np.swapaxes(scaled, 1, 2))[:, 0]
        gram = _ridged(gram)
        solution = _solve(gram, right)
        after = (e - (solution @ a)) * scale
        variance = (after * after * inside).sum(-1) / number + FLOOR
        self.a, self.e, self.scale, self.inside = a, e, scale, inside
        self.more = sites / e.shape[-1]
        gram *= (self.more / variance)[..., None, None]
        self.solution = solution
        self.upper = np.swapaxes(np.linalg.cholesky(np.linalg.inv(gram)), -2, -1)
        self.spread = np.diagonal(self.upper, axis1=-2, axis2=-1)

    def bits(self, coefficients: np.ndarray | None) -> np.ndarray:
        """About the bits of the residual of every block and plane under these coefficients."""
        e = self.e if coefficients is None else self.e - coefficients.astype(np.float32) @ self.a
        return 0.5 * self.more * sum_of_logs(e * self.scale * self.inside)


def _ridged(gram: np.ndarray) -> np.ndarray:
    gram = gram.astype(np.float64)
    return gram + np.eye(len(TERMS)) * (np.diagonal(gram, axis1=-2, axis2=-1)[..., None] * 1e-4 + 1e-9)


def _solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.linalg.solve(gram, right[..., None])[..., 0].astype(np.float32)


def _fit_row(
    picture: SourcePicture, recipe: Recipe, fineness: np.ndarray, side: int, row: int, lines: int
) -> _Row:
    layout, side_info, companding = picture.layout, picture.side_info, picture.companding
    h, w = layout.cells
    top, count = row * side, min(side, h - row * side)
    columns = -(-w // side)
    picked = range(top, top + count, max(1, side // lines))
    prediction = side_info.prediction(Window(tuple((r, 0) for r in picked), 1, w), recipe, companding, saturated=False)
    prediction = prediction[:, :, 0].swapaxes(0, 1)
    terms = np.zeros((len(TERMS), len(picked), w), np.float32)
    for i, r in enumerate(picked):
        phi = side_info.features(r, 0, 1, w, BASIC, np.float32)[:, 0]
        for term, feature, sign in PARTS:
            terms[term, i] += sign * phi[feature]
    level = companding.level(layout.at(picture.mosaic, np.array(picked)[:, None], np.arange(w)[None]))
    scale = np.take(fineness, prediction - companding.low)

    def blocks(v: np.ndarray) -> np.ndarray:
        out = np.zeros((columns, len(v), v.shape[1], side), np.float32)
        whole = w // side
        out[:whole] = v[..., : whole * side].reshape(*v.shape[:2], whole, side).transpose(2, 0, 1, 3)
        if w % side:
            out[whole, ..., : w % side] = v[..., whole * side :]
        return out.reshape(columns, len(v), -1)

    put = companding.saturate(prediction)
    guided = side_info.guided(np.array(picked)[:, None], np.arange(w)[None])
    if layout.cell:
        guided = guided & layout.predicted_at(np.array(picked)[:, None], np.arange(w)[None])
    inside = blocks((put == prediction) & guided)  # what is put onto the saturation is not the recipe's affair
    return _Row(blocks(terms), blocks(level - prediction), blocks(scale), inside, count * side)


def _quantise(row: _Row, units: np.ndarray) -> np.ndarray:
    """Coefficients int64 (columns, 4, terms) in their units; zero where they don't pay."""
    rest = row.solution.astype(np.float64)
    out = np.zeros_like(rest)
    for i in range(len(TERMS)):
        exact = rest[..., i] / units[i]
        value = np.clip(np.rint(np.sign(exact) * np.maximum(np.abs(exact) - 0.1, 0)), 1 - LIMIT, LIMIT - 1)
        out[..., i] = value
        diagonal = row.upper[..., i, i]
        rest = rest - ((rest[..., i] - value * units[i]) / diagonal)[..., None] * row.upper[..., i, :]
    cost = np.where(out == 0, 0.6, 2 + 2 * np.log2(1 + np.abs(out))).sum(-1)
    saved = row.bits(None) - row.bits(out * units) - OPTIMISM * row.more * (out != 0).sum(-1)
    return np.where((TRUST * saved > cost)[..., None], out, 0).astype(np.int64)
