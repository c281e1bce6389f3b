"""Fitting the second look: tables and coefficients from windows spread over the picture.

::

    true mosaic, developed --mean at each colour of the JPEG--> tables
    prediction, developed, less what they say of the JPEG --robust least squares, plane by plane--> coefficients
        --quantised one by one, each error spread over those still free; what is added comes last-->

Weights are one over the error's size and what is usual, since bits grow with its logarithm: the same at every step.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from ....bitstream.runtime.parallel import in_parallel
from ...recipe import look_kernels as kernel
from ...recipe.look import (
    CLASSES,
    COUNTS,
    EXPONENTS,
    KINDS,
    KNOT_LIMIT,
    KNOTS,
    MATRIX_LIMIT,
    REACH,
    SPACING,
    Look,
    place,
    taps_of,
)
from ...recipe.look_kernels import LEAST, LINES, OFFSET, ROOT
from ...recipe.recipe import Recipe
from ...recipe.side import saturation_of
from .log_kernels import sum_of_logs
from .source_picture import SourcePicture

SIDE, WINDOWS = 40, 24
"""Side in cells and number of the windows that are looked at."""

SMOOTH = 1e-4
"""How much a table is held straight, against a sample at each of its knots."""

PRECISION = 2e-5, 4e-3
"""Least and largest share of the error that rounding the coefficients may add; in between one over the sites of each.
"""

ROUNDS, RIDGES = 3, (1e-5, 1e-4, 1e-3)
TRUST = 0.6
"""Share of the bits that a smaller error seems to save which is counted: stages also learn from neighbours."""


@dataclass(frozen=True)
class _Sample:
    """Windows of a picture, planes first. seen: colours of the JPEG, true: roots of the developed mosaic, (12, windows,
    n, n) with a cell more around; lines: of the prediction's development; then (4, windows, n, n): root, what it lacks
    and steps in 1/4096 of a root, weighted 0 where it does not count."""

    seen: np.ndarray
    true: np.ndarray
    root: np.ndarray
    lack: np.ndarray
    steps: np.ndarray
    parts: list[_Part]


@dataclass(frozen=True)
class _Part:
    """What `look_kernels.differences` wants of a window."""

    row: int
    col: int
    levels: np.ndarray
    colours: tuple[np.ndarray, np.ndarray]


def fit(picture: SourcePicture, recipe: Recipe, step: int) -> Look:
    """The second look at a recipe's prediction that seems to cost least at a step.

    Raises `StreamError` where it would not fit the format, `np.linalg.LinAlgError` where there is no stable solution.
    """
    matrix = np.clip(np.rint(picture.colours * 1024), 1 - MATRIX_LIMIT, MATRIX_LIMIT - 1).astype(np.int64)
    sample = _sample(picture, recipe, step, matrix.astype(np.float64))
    knots = np.stack([_knots(sample.seen[4 * c : 4 * c + 4], sample.true[4 * c : 4 * c + 4]) for c in range(3)])
    kind = 0
    tables = Look(kind, matrix, knots, np.zeros(0), np.zeros(0)).tables
    lines = _lines(picture, sample, matrix.astype(np.float64), tables)
    best: tuple[float, Look | None] = -np.inf, None
    scale = TRUST * picture.mosaic.size / max(int((sample.steps > 0).sum()), 1)
    for kind in range(len(KINDS)):
        exponents, coefficients, saved = _fitted(kind, lines, sample, picture.mosaic.size)
        look = Look(kind, matrix, knots, exponents, coefficients)
        gain = scale * saved - 8 * len(look.to_bytes())
        if gain > best[0]:
            best = gain, look
    assert best[1] is not None
    best[1].check()
    return best[1]


def _places(length: int, side: int, count: int) -> list[int]:
    """Where so many windows of a side begin along a length, fewer where they would overlap."""
    count = max(1, min(count, length // side))
    return [round((i + 0.5) * (length - side) / count) for i in range(count)] if length > side else [0]


def _sample(picture: SourcePicture, recipe: Recipe, step: int, matrix: np.ndarray) -> _Sample:
    layout, companding, side_info = picture.layout, picture.companding, picture.side_info
    h, w = layout.cells
    rows, cols = min(SIDE, h), min(SIDE, w)
    down = max(1, round((WINDOWS * h / w) ** 0.5))
    places = [(r, c) for r in _places(h, rows, down) for c in _places(w, cols, -(-WINDOWS // down))]
    n, span = len(places), companding.span
    fineness, start = companding.fineness(step, picture.exponent), saturation_of(companding)[0]
    seen, true = np.empty((n, 12, rows + 2, cols + 2), np.int16), np.empty((n, 12, rows + 2, cols + 2), np.float32)
    root, lack, steps = (np.empty((n, 4, rows, cols), np.float32) for _ in range(3))
    parts = []

    def one(number: int) -> None:
        r, c = places[number]
        levels, colours = side_info.around((r, c), (rows, cols), recipe, companding)
        parts.append((number, _Part(r, c, levels, colours)))
        down, across = (
            np.clip(np.arange(first - REACH, first + side + REACH), 0, most - 1)
            for first, side, most in ((r, rows, h), (c, cols, w))
        )
        wanted = companding.level(layout.at(picture.mosaic, down[:, None], across[None]))
        kernel.develop(wanted, 1, 1, rows + 2, cols + 2, matrix, 1 / (4096 * span), true[number])
        kernel.colours(side_info.planes, r - 1, c - 1, *colours, 0, 0, rows + 2, cols + 2, seen[number])
        inner = np.s_[:, REACH : REACH + rows, REACH : REACH + cols]
        there = layout.inside_at(*np.broadcast_arrays(np.arange(r, r + rows)[:, None], np.arange(c, c + cols)[None]))
        there &= levels[inner] < start[:, None, None]
        there &= side_info.guided(np.arange(r, r + rows)[:, None], np.arange(c, c + cols)[None])
        own, aim = (np.sqrt(np.maximum(v[inner] / span + OFFSET, LEAST)) for v in (levels, wanted))
        root[number], lack[number] = own, (aim - own) * ROOT
        near = np.take(fineness, np.clip(levels[inner] - companding.low, 0, len(fineness) - 1))
        steps[number] = near * 2 * own * span / ROOT * there

    for _ in in_parallel(one, range(n)):
        pass
    order = [part for _, part in sorted(parts, key=lambda one: one[0])]
    first = [np.moveaxis(v, 1, 0) for v in (seen, true, root, lack, steps)]
    return _Sample(first[0], first[1], first[2], first[3], first[4], order)


def _knots(seen: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Knots of the table of one colour, by least squares: int64 (`KNOTS`,)."""
    number, part = np.divmod(seen.reshape(-1), SPACING)
    part = part / SPACING
    right, gram = np.zeros(KNOTS), np.zeros((KNOTS, KNOTS))
    aim = true.reshape(-1)
    pairs = ((number, 1 - part), (number + 1, part))
    for at, weight in pairs:
        right += np.bincount(at, weight * aim, KNOTS)
        for other, factor in pairs:
            gram += np.bincount(KNOTS * at + other, weight * factor, KNOTS**2).reshape(KNOTS, KNOTS)
    bend = np.diff(np.eye(KNOTS), 2, axis=0)
    gram += aim.size * (SMOOTH / KNOTS * bend.T @ bend + 1e-9 * np.eye(KNOTS))
    return np.clip(np.rint(np.linalg.solve(gram, right)), 0, KNOT_LIMIT).astype(np.int64)


def _lines(picture: SourcePicture, sample: _Sample, matrix: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Differences and own roots, float32 (LINES, windows, n, n) with a cell more around."""
    _, n, rows, cols = sample.true.shape
    out, seen = np.empty((n, LINES, rows, cols), np.float32), np.empty((12, rows, cols), np.int16)
    for part, lines in zip(sample.parts, out, strict=True):
        kernel.differences(
            picture.side_info.planes, part.row - 1, part.col - 1, *part.colours, part.levels, 0, 0, rows, cols, matrix,
            picture.companding.span, tables, seen, lines,
        )  # fmt: skip
    return np.moveaxis(out, 1, 0)


def _features(kind: int, plane: int, lines: np.ndarray) -> np.ndarray:
    """Features of a plane's sites, float32 (n, sites), the constant last."""
    _, n, rows, cols = lines.shape
    out = np.zeros((COUNTS[kind], n, rows - 2, cols - 2), np.float32)
    for c, i, j, number in taps_of(kind, plane):
        k, down, right = place(plane, i, j)
        out[number] += lines[4 * c + k, :, 1 + down : rows - 1 + down, 1 + right : cols - 1 + right]
    out[-1] = 1.0
    return out.reshape(len(out), -1)


def _fitted(kind: int, lines: np.ndarray, sample: _Sample, sites: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Exponents, coefficients (classes, n) and the bits that seem to be saved at the samples."""

    def one(number: int) -> tuple[np.ndarray, np.ndarray, float, list[np.ndarray]]:
        planes = [k for k in range(4) if CLASSES[kind][k] == number]
        a = np.concatenate([_features(kind, k, lines) for k in planes], 1)
        y = np.concatenate([sample.lack[k].reshape(-1) for k in planes])
        steps = np.concatenate([sample.steps[k].reshape(-1) for k in planes])
        return *_solved(a, y, steps), [a, y, steps]

    found = list(in_parallel(one, range(max(CLASSES[kind]) + 1)))
    share = float(np.clip(len(found) * COUNTS[kind] / sites, *PRECISION))
    exponents = _exponents([gram for gram, *_ in found], [variance for _, _, variance, _ in found], share)
    coefficients, saved = np.empty((len(found), COUNTS[kind]), np.int64), 0.0
    for row, (gram, solution, _, (a, y, steps)) in zip(coefficients, found, strict=True):
        row[:] = _quantised(solution, gram, exponents)
        units = 2.0 ** (exponents - 10)
        left = y - (row * units).astype(np.float32) @ a
        saved += 0.5 * float(sum_of_logs((y * steps)[None])[0] - sum_of_logs((left * steps)[None])[0])
    return exponents, coefficients, saved


def _solved(a: np.ndarray, y: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Gram matrix, solution and variance of a robust fit of features (n, sites)."""
    left = y
    for _ in range(ROUNDS):
        weight = _weights(left, steps)
        scaled = a * weight
        gram = _positive((scaled @ a.T).astype(np.float64))
        solution = np.linalg.solve(gram, (scaled @ y).astype(np.float64))
        left = y - solution.astype(np.float32) @ a
    return gram, solution, float(weight @ (left * left))


def _positive(gram: np.ndarray) -> np.ndarray:
    """A Gram matrix with a ridge: as small as makes it and its inverse positive definite beyond float32's rounding."""
    for ridge in RIDGES:
        found = gram + np.diag(np.diag(gram) * ridge + 1e-9)
        with contextlib.suppress(np.linalg.LinAlgError):
            np.linalg.cholesky(np.linalg.inv(found))
            return found
    raise np.linalg.LinAlgError("the fit has no stable solution")


def _weights(left: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Weights of squares, so that errors count about as their bits do: one over their size, and what is usual."""
    size = np.abs(left)
    some = steps > 0
    usual = float(np.median(size[some])) if some.any() else 1.0
    return (some / (size + max(usual, 1e-3))).astype(np.float32)


def _exponents(grams: list[np.ndarray], variances: list[float], share: float) -> np.ndarray:
    """Steps of the coefficients, a power of two for each feature: rounding adds a share to the error."""
    mean = np.mean([g / max(v, 1e-12) for g, v in zip(grams, variances, strict=True)], 0)
    delta = (12 * share / len(mean)) ** 0.5
    wanted = np.log2(np.maximum(delta * np.diag(_upper(mean)), 1e-30)) + 10
    return np.clip(np.floor(wanted), 0, EXPONENTS - 1).astype(np.int64)


def _upper(gram: np.ndarray) -> np.ndarray:
    """Upper Cholesky factor of the inverse."""
    return np.linalg.cholesky(np.linalg.inv(gram)).T


def _quantised(solution: np.ndarray, gram: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    upper, rest = _upper(gram), solution.copy()
    out = np.zeros(len(solution), np.int64)
    for i in range(len(solution)):
        unit = 2.0 ** (exponents[i] - 10)
        out[i] = int(np.rint(rest[i] / unit))
        rest[i:] -= (rest[i] - out[i] * unit) / upper[i, i] * upper[i, i:]
    return out
