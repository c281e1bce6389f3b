"""Fitting a stage's parameters to picked places: the mean's coefficients, and the weights that mix contexts to a scale.

The mean: weighted least squares, each place as certain as its surroundings are quiet. Plain least squares would be led
astray by a few places with huge residuals (edges, clipped highlights), while the bits lie with the many others.

The weights: Fisher scoring on the code length itself, under the tables that will code: Newton's method with the
curvature that the tables lead to expect, which is never negative, and weights held within what can be sent (where
little is known of a place, one alone can't say how large a symbol may be). Interpolated between classes, the code
length has a slope. Three steps do, from all contexts alike.
"""

from __future__ import annotations

import numpy as np

from ....entropy.tables import CLASSES, ESCAPE_BITS, SPLIT_CLASS, Tables, split_bits
from ...stages.order import MEAN_UNIT
from ...stages.parameters import MEAN_LIMIT, WEIGHTS, nearest_weight
from .stage_kernels import descend, slopes

MEAN_ROUNDS, FLOOR = 2, 0.2
"""Rounds of the fit of a mean; no place is more certain than this share of the squared mean error."""

DAMPING, HARDER, TRIES = 1e-3, 8.0, 4
SWEEPS = 50
ENOUGH = 1e-4
"""Bits per place that a step must gain for another one to follow."""

SPLITS = np.array([split_bits(c) for c in range(CLASSES)], np.int64)


def fit_mean(near: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Coefficients, int64 (views,), in 1 / MEAN_UNIT, with ``c @ near / MEAN_UNIT`` near y.

    near: float32 (views, n); y: float32 (n,). A place's variance is taken from what is decoded around it and from its
    own error, as in iteratively reweighted least squares (Holland & Welsch 1977).
    """
    around = np.square(np.abs(near).mean(0)) / 4
    floor = np.square(np.abs(y).mean()) * np.float32(FLOOR) + np.float32(1e-3)
    weight = 1 / (around + floor)
    c = np.zeros(len(near))
    for n in range(MEAN_ROUNDS):
        if n:
            weight = 1 / (around + np.square(y - c.astype(np.float32) @ near) / 2 + floor)
        weighted = near * weight
        gram = (weighted @ near.T).astype(np.float64)
        gram[np.diag_indices_from(gram)] += np.diag(gram) * 1e-4 + 1e-6 * float(weight.mean())
        c = np.linalg.solve(gram, (weighted @ y).astype(np.float64))
    return np.clip(np.rint(c * MEAN_UNIT), -MEAN_LIMIT, MEAN_LIMIT).astype(np.int64)


class Lengths:
    """Code lengths under one kind of tables. information: see `_information`."""

    def __init__(self, tables: Tables, kind: int) -> None:
        self.bits = tables.bits(kind)
        self.information = _information(self.bits)


class ScaleFit:
    """Fits of a stage's scale's weights at places with contexts x, float32 (contexts, n), in steps."""

    def __init__(self, lengths: Lengths, x: np.ndarray) -> None:
        self._lengths = lengths
        n = x.shape[1]
        self._scale = np.sqrt(np.einsum("cn,cn->c", x, x).astype(np.float64) / max(n, 1))
        self._unused = self._scale == 0
        self._scale[self._unused] = 1.0
        self._most = WEIGHTS[-1] * self._scale
        self._x = x / self._scale[:, None].astype(np.float32)
        self._slope, self._curve = np.empty(n, np.float32), np.empty(n, np.float32)

    def __call__(self, symbols: np.ndarray, start: np.ndarray | None, steps: int) -> np.ndarray:
        """Codes of weights, int64 (contexts,), that code symbols int32 (n,) in few bits.

        start: codes to begin with, if there are any.
        """
        if not symbols.any():
            return np.zeros(len(self._x), np.int64)
        free = self._fitted(symbols, start, steps, np.full(len(self._x), np.inf))
        codes = self._codes(free)
        if (free <= self._most).all():
            return codes
        held = self._codes(self._fitted(symbols, start, steps, self._most))
        return min(codes, held, key=lambda found: self.bits(symbols, found))

    def _codes(self, weights: np.ndarray) -> np.ndarray:
        return nearest_weight(np.where(self._unused, 0.0, weights / self._scale))

    def _fitted(self, symbols: np.ndarray, start: np.ndarray | None, steps: int, most: np.ndarray) -> np.ndarray:
        """Weights from zero to `most`."""
        weights = self._even(symbols) if start is None or not start.any() else WEIGHTS[start] * self._scale
        weights = np.minimum(weights, most)
        now = self._cost(weights, symbols)
        for _ in range(steps):
            before = now
            gradient = (self._x @ self._slope).astype(np.float64) / len(symbols)
            curvature = ((self._x * self._curve) @ self._x.T).astype(np.float64) / len(symbols)
            damping = DAMPING
            for _ in range(TRIES):
                damped = curvature + np.diag(np.diag(curvature) * damping)
                step = descend(damped, gradient, weights, most, SWEEPS)
                tried = np.clip(weights + step, 0.0, most)
                now = self._cost(tried, symbols)
                if now < before:
                    weights = tried
                    break
                damping = damping * HARDER + 0.3
            if before - now < ENOUGH:
                break
        return weights

    def bits(self, symbols: np.ndarray, codes: np.ndarray) -> float:
        """Bits a place of symbols under weights."""
        return self._cost(WEIGHTS[codes] * self._scale, symbols)

    def _cost(self, weights: np.ndarray, symbols: np.ndarray) -> float:
        """Bits a place; the slope and the curvature to expect at each stay behind."""
        scale = weights.astype(np.float32) @ self._x
        total = slopes(scale, symbols, self._lengths.bits, SPLITS, self._lengths.information, self._slope, self._curve)
        return float(total) / len(symbols)

    def _even(self, symbols: np.ndarray) -> np.ndarray:
        """Weights to start from: each context alone explains its share of the mean magnitude."""
        mean = self._x.mean(1).astype(np.float64)
        wanted = float(np.abs(symbols).mean()) + 1e-3
        return np.where(mean > 0, wanted / np.maximum(mean, 1e-9) / len(mean), 0.0)


def _information(bits: np.ndarray) -> np.ndarray:
    """What the code length's second derivative by the class is expected to be, bits, float32 (CLASSES,).

    That is ln 2 times the mean square of its first one (Fisher's information), between a class and the next. Classes
    whose symbols are split are like the last one below.
    """
    share = np.exp2(-bits[:SPLIT_CLASS].astype(np.float64))
    share[:, [0, -1]] *= 1 << ESCAPE_BITS  # what follows an escape says nothing of how often there is one
    rise = np.diff(bits[:SPLIT_CLASS].astype(np.float64), axis=0)
    found = ((share[1:] + share[:-1]) / 2 * rise**2).sum(1) * np.log(2)
    return np.concatenate([found, np.full(CLASSES - len(found), found[-1])]).astype(np.float32)
