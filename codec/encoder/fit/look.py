"""Fitting the second look: tables and coefficients from windows spread over the picture.

::

    true mosaic, developed --mean at each colour of the JPEG--> tables
    prediction, developed, less what they say of the JPEG --robust least squares, plane by plane--> coefficients
        --quantised one by one, each error spread over those still free; what is added comes last-->

Weights are one over the error's size and what is usual, since bits grow with its logarithm: the same at every step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....bitstream.runtime.parallel import in_parallel
from ...recipe import homogeneity_kernels as homogeneity
from ...recipe import look_kernels as kernel
from ...recipe.look import (
    CLASSES,
    COUNTS,
    DIRECTED,
    FAR_REACH,
    KNOT_LIMIT,
    KNOTS,
    MATRIX_LIMIT,
    MIRRORED,
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
from .rounding import exponents_of, quantised
from .source_picture import SourcePicture

SIDE, WINDOWS = 40, 24
"""Side in cells and number of the windows that are looked at."""

SMOOTH = 1e-4
"""How much a table is held straight, against a sample at each of its knots."""

PRECISION = 2e-5, 4e-3
"""Least and largest share of the error that rounding the coefficients may add; in between one over the sites of each.
"""

SPARSE, FEW = 4, 40
"""All rounds but the last one look at one site in so many, if that leaves so many a feature."""

ROUNDS, RIDGES = 3, (1e-5, 1e-4, 1e-3)
MORE_TIME = 1.1
"""By how much more a look must save that is demosaicked in the direction that is even: it takes three times as long."""

TRUST = 0.6
"""Share of the bits that a smaller error seems to save which is counted: stages also learn from neighbours."""


Seen = tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]
"""What a window looks at: levels, int32 with `FAR_REACH` cells more on all sides, and Cb and Cr at the sites, a cell
more."""


@dataclass(frozen=True)
class Part:
    """A window: its first cell, what is looked at there, and what it should have been, levels alike."""

    row: int
    col: int
    levels: np.ndarray
    colours: tuple[np.ndarray, np.ndarray]
    wanted: np.ndarray


@dataclass(frozen=True)
class Sample:
    """Windows of a picture, all of one size. lack: what the root of each site lacks, in 1/4096, float32 (4, windows, n,
    m); steps: of the quantiser that 1/4096 of a root makes, alike, 0 where a site does not count."""

    lack: np.ndarray
    steps: np.ndarray
    parts: list[Part]


def fit(picture: SourcePicture, recipe: Recipe, step: int) -> Look:
    """The second look at a recipe's prediction that seems to cost least at a step.

    Raises `StreamError` where it would not fit the format, `np.linalg.LinAlgError` where there is no stable solution.
    """

    def seen(place: tuple[int, int], shape: tuple[int, int]) -> Seen:
        return picture.side_info.around(place, shape, recipe, picture.companding, FAR_REACH)

    sample = sample_of(picture, seen, SIDE, WINDOWS, step)
    best: tuple[float, Look | None] = -np.inf, None
    scale = TRUST * picture.mosaic.size / max(int((sample.steps > 0).sum()), 1)
    for directed in (False, True):
        matrix, knots, lines = developed(picture, sample, directed)
        for kind in (DIRECTED * directed, DIRECTED * directed + MIRRORED):
            exponents, coefficients, saved = fitted(kind, lines, sample, picture.mosaic.size)
            look = Look(kind, matrix, knots, exponents, coefficients)
            gain = scale * saved - 8 * len(look.to_bytes())
            if gain > best[0] * (MORE_TIME if directed else 1):
                best = gain, look
    assert best[1] is not None
    best[1].check()
    return best[1]


def places(length: int, side: int, count: int) -> list[int]:
    """Where so many windows of a side begin along a length, fewer where they would overlap."""
    count = max(1, min(count, length // side))
    return [round((i + 0.5) * (length - side) / count) for i in range(count)] if length > side else [0]


def sample_of(
    picture: SourcePicture, seen: Callable[[tuple[int, int], tuple[int, int]], Seen], side: int, count: int, step: int,
    most: np.ndarray | None = None,
) -> Sample:  # fmt: skip
    """About so many windows of a side in cells, spread over the picture. seen: what one looks at, by its first cell and
    its size; step: index of the quantiser's; most: level of each plane, (4, 1, 1), from which on sites don't count,
    saturation's without it."""
    layout, companding, side_info = picture.layout, picture.companding, picture.side_info
    h, w = layout.cells
    rows, cols = min(side, h), min(side, w)
    down = max(1, round((count * h / w) ** 0.5))
    corners = [(r, c) for r in places(h, rows, down) for c in places(w, cols, -(-count // down))]
    n, span = len(corners), companding.span
    fineness = companding.fineness(step, picture.exponent)
    start = saturation_of(companding)[0][:, None, None] if most is None else most
    lack, steps = (np.empty((n, 4, rows, cols), np.float32) for _ in range(2))
    parts = []

    def one(number: int) -> None:
        r, c = corners[number]
        levels, colours = seen((r, c), (rows, cols))
        down, across = (
            np.clip(np.arange(first - FAR_REACH, first + size + FAR_REACH), 0, most - 1)
            for first, size, most in ((r, rows, h), (c, cols, w))
        )
        wanted = companding.level(layout.at(picture.mosaic, down[:, None], across[None]))
        parts.append((number, Part(r, c, levels, colours, wanted)))
        inner = np.s_[:, FAR_REACH : FAR_REACH + rows, FAR_REACH : FAR_REACH + cols]
        there = layout.inside_at(*np.broadcast_arrays(np.arange(r, r + rows)[:, None], np.arange(c, c + cols)[None]))
        there &= levels[inner] < start
        there &= side_info.guided(np.arange(r, r + rows)[:, None], np.arange(c, c + cols)[None])
        own, aim = (np.sqrt(np.maximum(v[inner] / span + OFFSET, LEAST)) for v in (levels, wanted))
        lack[number] = (aim - own) * ROOT
        near = np.take(fineness, np.clip(levels[inner] - companding.low, 0, len(fineness) - 1))
        steps[number] = near * 2 * own * span / ROOT * there

    for _ in in_parallel(one, range(n)):
        pass
    order = [part for _, part in sorted(parts, key=lambda one: one[0])]
    return Sample(np.moveaxis(lack, 1, 0), np.moveaxis(steps, 1, 0), order)


def developed(picture: SourcePicture, sample: Sample, directed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrix and knots of a look at windows; differences and own roots there, float32 (LINES, windows, n, m) with a
    cell more around. directed: demosaicked in the direction that is even."""
    matrix = np.clip(np.rint(picture.colours * 1024), 1 - MATRIX_LIMIT, MATRIX_LIMIT - 1).astype(np.int64)
    whole, span, side_info = matrix.astype(np.float64), picture.companding.span, picture.side_info
    _, n, rows, cols = (m + 2 * (axis > 1) for axis, m in enumerate(sample.lack.shape))
    seen, true = np.empty((n, 12, rows, cols), np.int16), np.empty((n, 12, rows, cols), np.float32)

    def look(number: int) -> None:
        part = sample.parts[number]
        if directed:
            homogeneity.develop(part.wanted, 3, 3, rows, cols, whole, span, homogeneity.room(), true[number])
        else:
            kernel.develop(part.wanted, 3, 3, rows, cols, whole, 1 / (4096 * span), true[number])
        kernel.colours(side_info.planes, part.row - 1, part.col - 1, *part.colours, 0, 0, rows, cols, seen[number])

    for _ in in_parallel(look, range(n)):
        pass
    of = [np.s_[:, 4 * c : 4 * c + 4] for c in range(3)]
    knots = np.stack([_knots(seen[colour], true[colour]) for colour in of])
    tables = Look(DIRECTED * directed, matrix, knots, np.zeros(0), np.zeros(0)).tables
    lines, room = np.empty((n, LINES, rows, cols), np.float32), np.empty((12, rows, cols), np.int16)
    own, spare = homogeneity.room(), FAR_REACH - REACH
    for part, out in zip(sample.parts, lines, strict=True):
        levels = part.levels if directed else np.ascontiguousarray(part.levels[:, spare:-spare, spare:-spare])
        kernel.differences(
            side_info.planes, part.row - 1, part.col - 1, *part.colours, levels, directed, 0, 0, rows, cols, whole,
            span, tables, room, own, out,
        )  # fmt: skip
    return matrix, knots, np.moveaxis(lines, 1, 0)


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


def _features(kind: int, plane: int, lines: np.ndarray) -> np.ndarray:
    """Features of a plane's sites, float32 (n, sites), the constant last."""
    _, n, rows, cols = lines.shape
    out = np.zeros((COUNTS[kind], n, rows - 2, cols - 2), np.float32)
    for c, i, j, number in taps_of(kind, plane):
        k, down, right = place(plane, i, j)
        out[number] += lines[4 * c + k, :, 1 + down : rows - 1 + down, 1 + right : cols - 1 + right]
    out[-1] = 1.0
    return out.reshape(len(out), -1)


def fitted(
    kind: int, lines: np.ndarray, sample: Sample, sites: int, robust: bool = True
) -> tuple[np.ndarray, np.ndarray, float]:
    """Exponents, coefficients (classes, n) and the bits that seem to be saved at the samples.

    robust: errors count about as their bits do, else as their squares.
    """

    def one(number: int) -> tuple[np.ndarray, np.ndarray, float, list[np.ndarray]]:
        planes = [k for k in range(4) if CLASSES[kind][k] == number]
        a = np.concatenate([_features(kind, k, lines) for k in planes], 1)
        y = np.concatenate([sample.lack[k].reshape(-1) for k in planes])
        steps = np.concatenate([sample.steps[k].reshape(-1) for k in planes])
        return *_solved(a, y, steps, robust), [a, y, steps]

    found = list(in_parallel(one, range(max(CLASSES[kind]) + 1)))
    share = float(np.clip(len(found) * COUNTS[kind] / sites, *PRECISION))
    exponents = exponents_of([gram for gram, *_ in found], [variance for _, _, variance, _ in found], share)
    coefficients, saved = np.empty((len(found), COUNTS[kind]), np.int64), 0.0
    for row, (gram, solution, _, (a, y, steps)) in zip(coefficients, found, strict=True):
        row[:] = quantised(solution, gram, exponents)
        units = 2.0 ** (exponents - 10)
        left = y - (row * units).astype(np.float32) @ a
        saved += 0.5 * float(sum_of_logs((y * steps)[None])[0] - sum_of_logs((left * steps)[None])[0])
    return exponents, coefficients, saved


def _solved(a: np.ndarray, y: np.ndarray, steps: np.ndarray, robust: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Gram matrix, solution and variance of a fit of features (n, sites)."""
    left = y
    for number in range(ROUNDS if robust else 1, 0, -1):
        # Weights that are to be found anew come of a part of the sites; each round goes by errors at all of them.
        some = slice(None, None, max(min(SPARSE, len(y) // (FEW * len(a))), 1) if number > 1 else 1)
        weight = _weights(left, steps) if robust else (steps > 0).astype(np.float32)
        root = np.sqrt(weight[some])
        scaled = a[:, some] * root  # a product with itself takes half the time
        gram = _positive((scaled @ scaled.T).astype(np.float64))
        solution = np.linalg.solve(gram, (scaled @ (y[some] * root)).astype(np.float64))
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
