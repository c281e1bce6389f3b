"""Closed forms of the looks: statistics of pictures, maps that follow them, tables of colours. All least squares.

What a look does to a picture by its own measure of it is linear in the statistics, with as much trust (ridge) as scenes
left out of the fit say is right; with none of it, it is the best global map by brightness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu

from ..isp.grid import weights
from ..looks.base import DEPTH, PARTS, TABLE_SIDE

FOLDS = 5
SMOOTH = 1e-4
"""Of the map along brightness, share of the samples of a cell."""

TRUST = 0.3, 1.0, 3.0, 10.0, 1e6
"""Ridges of the parts by statistics that are tried, share of the samples of a cell; the last is none at all."""

SURE = 2.0
"""Standard errors by which following the statistics has to be better than not following them."""

BEND = 0.05
"""Smoothness of the table, share of the samples of an entry."""


def statistics_weights(raw: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and directions of raw statistics, float (pictures, COUNT), as `codec.looks.base.statistics` has them."""
    mean, spread = raw.mean(0), raw.std(0) + 1e-3
    _, size, directions = np.linalg.svd((raw - mean) / spread, full_matrices=False)
    size = np.maximum(size[:PARTS] / np.sqrt(len(raw)), 0.05)
    found = np.zeros((PARTS, raw.shape[1]))
    found[: len(size)] = directions[:PARTS] / spread / size[:, None]
    return {"stats.mean": mean.astype(np.float32), "stats.parts": found.astype(np.float32)}


@dataclass
class _Sums:
    """Normal equations of some scenes."""

    gram: np.ndarray
    right: np.ndarray
    own: float
    count: float


def _sums(base: np.ndarray, shown: np.ndarray, stats: np.ndarray) -> _Sums:
    share = weights(base[None], (1, 1, DEPTH)).toarray()
    ones = np.concatenate([base, np.ones((len(base), 1))], 1)
    design = (share[:, :, None] * ones[:, None]).reshape(len(base), -1)
    told = np.concatenate([[1.0], stats])
    gram = design.T @ design
    right = design.T @ shown
    weight = 1.0 / len(base)
    return _Sums(np.kron(np.outer(told, told), gram) * weight, np.kron(told[:, None], right) * weight,
                 float((shown**2).sum()) * weight, 1.0)  # fmt: skip


def _solved(gram: np.ndarray, right: np.ndarray, count: float, trust: float) -> np.ndarray:
    """Coefficients, (1 + PARTS) DEPTH 4 by 3: the first part smooth and near doing nothing, the others small."""
    steps = np.diff(np.eye(DEPTH), axis=0)
    rough = np.kron(steps.T @ steps, np.eye(4)) * (SMOOTH * count)
    near = np.eye(DEPTH * 4) * (SMOOTH * count / 10)
    size = len(gram) // (DEPTH * 4)
    first = np.zeros((size, size))
    first[0, 0] = 1
    rest = np.eye(size) - first
    strong = (rough + near) / DEPTH
    normal = gram + np.kron(first, strong) + np.kron(rest, strong + np.eye(DEPTH * 4) * (trust * count / DEPTH))
    same = np.zeros((len(gram), 3))
    same[: DEPTH * 4] = np.tile(np.eye(4, 3), (DEPTH, 1)) * (SMOOTH * count / 10 / DEPTH)
    return np.asarray(np.linalg.solve(normal, right + same))


def fit_maps(bases: list[np.ndarray], shown: list[np.ndarray], stats: np.ndarray) -> tuple[np.ndarray, float]:
    """Maps by brightness and statistics, float64 (1 + PARTS, DEPTH, 3, 4), and the ridge that scenes left out chose.

    bases, shown: display of some pixels of each picture, (n, 3); stats: (pictures, PARTS).
    """
    parts = [_sums(b.astype(np.float64), s.astype(np.float64), t) for b, s, t in zip(bases, shown, stats, strict=True)]
    gram, right = np.sum([p.gram for p in parts], 0), np.sum([p.right for p in parts], 0)
    errors: dict[float, list[float]] = {trust: [] for trust in TRUST}
    for fold in range(FOLDS if len(parts) >= FOLDS else 0):
        held = parts[fold::FOLDS]
        less = gram - np.sum([p.gram for p in held], 0), right - np.sum([p.right for p in held], 0)
        for trust in TRUST:
            found = _solved(*less, len(parts) - len(held), trust)
            for p in held:
                wrong = p.own - 2 * (found * p.right).sum() + (found * (p.gram @ found)).sum()
                errors[trust].append(float(np.log(max(wrong, 1e-6))))
    best = _surely_best(errors)
    found = _solved(gram, right, len(parts), best)
    return found.reshape(-1, DEPTH, 4, 3).transpose(0, 1, 3, 2), best


def _surely_best(errors: dict[float, list[float]]) -> float:
    """The ridge that is better than none by most, sure by a standard error or two; none where there is no such."""
    none = TRUST[-1]
    found = {none: 0.0}
    for trust, values in errors.items():
        gain = np.array(errors[none]) - np.array(values)
        if len(gain) > 1:
            found[trust] = float(gain.mean() - SURE * gain.std() / np.sqrt(len(gain)))
    return max(found, key=lambda t: (found[t], t))


def fit_table(first: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """What a table adds to display `first` to bring it nearest to `shown`, both (n, 3); float64 (side, side, side, 3).

    Smooth, and nothing where there are no samples.
    """
    n = TABLE_SIDE
    share = table_shares(first)
    number = np.arange(n**3).reshape(n, n, n)
    sides = [(number.take(range(1, n), a).ravel(), number.take(range(n - 1), a).ravel()) for a in range(3)]
    above, below = (np.concatenate(side) for side in zip(*sides, strict=True))
    rows, ones = np.tile(np.arange(len(above)), 2), np.ones(len(above))
    rough = coo_array((np.concatenate([ones, -ones]), (rows, np.concatenate([above, below])))).tocsr()
    weight = BEND * len(first) / n**3
    normal = share.T @ share + weight * (rough.T @ rough) + diags_array(np.full(n**3, weight / 100))
    return np.asarray(splu(normal.tocsc()).solve(share.T @ (shown - first))).reshape(n, n, n, 3)


def table_shares(rgb: np.ndarray) -> Any:
    """Share of each entry of a table in each colour, sparse (n, side^3): trilinear."""
    place = rgb.clip(0, 1) * (TABLE_SIDE - 1)
    low = np.minimum(place.astype(int), TABLE_SIDE - 2)
    part = place - low
    cells, shares = [], []
    for k in range(8):
        corner = np.array([k >> 2, k >> 1 & 1, k & 1])
        cells.append(((low + corner) * [TABLE_SIDE * TABLE_SIDE, TABLE_SIDE, 1]).sum(1))
        shares.append(np.where(corner, part, 1 - part).prod(1))
    rows = np.tile(np.arange(len(rgb)), 8)
    return coo_array((np.concatenate(shares), (rows, np.concatenate(cells))), (len(rgb), TABLE_SIDE**3)).tocsr()
