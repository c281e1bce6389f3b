"""Fitting the recipe to sampled blocks: robust weighted least squares, then coefficients quantised one by one.

::

    features of blocks, mean and differences --whitened by their Gram matrix--> z      once for all planes and rounds
    rounds: weights from the residual --> Gram matrix of z, float32 --> solution       a few on some of the blocks
    each coefficient quantised, its error spread over those still free                 float64

Whitened features are of about one size and hardly alike, so that products of float32 lose nothing that matters. Those
of the first m features span what the first m features span: a recipe of fewer features comes from a part of the same
Gram matrices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....bitstream.runtime.parallel import in_parallel
from ...mosaic.layout import haar
from ...recipe.features import BITS, COUNT
from ...recipe.recipe import EXPONENTS, LIMIT, SHIFT, SUM_LIMIT, Recipe

RIDGE = 1e-6
TRIES = 6


def fit(
    bands: np.ndarray,
    level: np.ndarray,
    span: float,
    inside: np.ndarray,
    counts: Sequence[int],
    precision: float = 0.01,
    offset: float = 0.03,
) -> list[Recipe]:
    """Fit recipes of the first so many features, ascending, to sampled blocks of 2x2 cells.

    bands: float32 (m, 4, n), `haar` of features of the blocks' cells; level: float (4, 4, n), planes of the mosaic in
    level units; span: white - black in level units; inside: bool (4, n), where a plane's block lies in the picture.
    precision: quantisation may add this share to the residual's (weighted) variance. offset: light below which the
    noise stays even, a share of white. Leaves out those whose fit has no stable solution.

    Means and differences of a block are fitted side by side, each against the size of its own errors: what the
    prediction misses evenly is predicted from decoded neighbours and costs little, what it misses from cell to cell
    costs bits. Raises `np.linalg.LinAlgError` where the picture is too flat to fit anything.
    """
    m, _, n = bands.shape
    if not inside.any():
        raise np.linalg.LinAlgError("no block lies inside the picture")
    sparse = max(1, min(4, 4 * n // (50 * m)))
    light = np.maximum(level.mean(1), 0.0) / span + offset
    aims = haar(level).astype(np.float32)
    few = slice(None, None, sparse)
    lower, z = _whiten(bands.reshape(m, -1), bands[..., few].reshape(m, -1), (inside / light).mean(0)[few])
    part = np.ascontiguousarray(z.reshape(m, 4, n)[..., few]).reshape(m, -1)

    def fit_plane(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        within, bright = inside[planes[k]], light[planes[k]]
        weight = np.repeat((within / bright)[None, few], 4, 0).astype(np.float32)
        for last in (False, False, True):
            gram, right = _normal(part, aims[k][:, few].reshape(-1), weight.reshape(-1), lower)
            found = (lower.T @ _solve(gram, right)).astype(np.float32)
            everywhere = slice(None) if last else few
            error = (found @ (z if last else part)).reshape(4, -1) - aims[k][:, everywhere]
            weight = _worth(error, within[everywhere], bright[everywhere], span)
        return *_normal(z, aims[k].reshape(-1), weight.reshape(-1), lower), weight.reshape(-1)

    planes = [k for k in range(4) if inside[k].any()]
    aims = aims[planes]
    grams, rights, weights = zip(*in_parallel(fit_plane, range(len(planes))), strict=True)
    out = []
    for count in counts:
        own = [g[:count, :count] for g in grams]
        solutions = [_solve(g, r[:count]) for g, r in zip(own, rights, strict=True)]
        variances = []
        for weight, solution, aim in zip(weights, solutions, aims, strict=True):
            error = (lower[:count, :count].T @ solution).astype(np.float32) @ z[:count] - aim.reshape(-1)
            variances.append(float(weight @ (error * error)))
        try:
            out.append(_quantised(solutions, own, variances, precision, planes))
        except np.linalg.LinAlgError:
            continue
    return out


def _whiten(x: np.ndarray, some: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower Cholesky factor of the Gram matrix of some samples (m, 4 n) of weight (n,), and all samples whitened by
    it, float32."""
    root = np.sqrt(np.tile(weight, 4) / max(weight.sum(), 1e-30))
    scaled = some * root
    gram = _ridged(scaled @ scaled.T)
    lower = np.linalg.cholesky(gram)
    return lower, np.linalg.inv(lower).astype(np.float32) @ x


def _normal(z: np.ndarray, aim: np.ndarray, weight: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted Gram matrix, with its ridge, of the features behind z (m, n), and their products with aim (n,)."""
    root = np.sqrt(weight)
    scaled = z * root
    gram, right = (scaled @ scaled.T).astype(np.float64), (scaled @ (aim * root)).astype(np.float64)
    return _positive(gram, lower), lower @ right


def _positive(gram: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The Gram matrix behind a whitened one, with a ridge: as small as does, and positive definite.

    What float32 leaves of a feature that hardly occurs where weights are large may be less than nothing.
    """
    more, most = 0.0, float(np.diag(gram).max())
    for _ in range(TRIES):
        found = _ridged(lower @ (gram + more * np.eye(len(gram))) @ lower.T)
        try:
            np.linalg.cholesky(found)
        except np.linalg.LinAlgError:
            more = max(10 * more, 1e-9 * most)
        else:
            return found
    raise np.linalg.LinAlgError("the fit has no stable solution")


def _ridged(gram: np.ndarray) -> np.ndarray:
    return gram + np.diag(np.diag(gram) * RIDGE + 1e-9)


def _solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.linalg.solve(gram, right)


def _worth(error: np.ndarray, inside: np.ndarray, light: np.ndarray, span: float) -> np.ndarray:
    """Weights float32 (4, n) of the squared errors (4, n) in the bands of blocks; inside, light: (n,).

    What errors cost in bits, about log(noise + e^2), has such derivatives; the noise of a band grows with the light,
    and its size is the median's.
    """
    e2 = error * error
    out = np.empty_like(e2)
    for rows in (slice(0, 1), slice(1, 4)):
        noise = np.median((e2[rows] / light)[:, inside]) / 0.455 + 1e-12 * span * span
        out[rows] = inside * (span * span) / (noise * light + e2[rows] / 9)
    return out


def _quantised(
    solutions: Sequence[np.ndarray], grams: Sequence[np.ndarray], variances: Sequence[float], precision: float,
    planes: Sequence[int],
) -> Recipe:  # fmt: skip
    """Solutions of some planes in whole numbers of steps; the others have none."""
    n = len(solutions[0])
    # One step per feature for all planes: from the mean of the planes' Gram matrices, each in units of its residual.
    mean_gram = np.mean([g / max(v, 1e-12) for g, v in zip(grams, variances, strict=True)], 0)
    delta = (12.0 * precision / n) ** 0.5
    wanted = np.log2(delta * np.diag(_upper(mean_gram))) + SHIFT
    exponents = np.clip(np.floor(wanted), 0, EXPONENTS - 1).astype(np.int64)
    coefficients = np.zeros((4, n), np.int64)
    for plane, gram, solution in zip(planes, grams, solutions, strict=True):
        u, rest = _upper(gram), solution.copy()
        for i in range(n):
            step = 2.0 ** (exponents[i] - SHIFT)
            value = int(np.clip(np.rint(rest[i] / step), 1 - LIMIT, LIMIT - 1))
            coefficients[plane, i] = value
            rest[i:] -= (rest[i] - value * step) / u[i, i] * u[i, i:]
    if (np.abs(coefficients) << exponents).sum(1).max() >= SUM_LIMIT:
        raise np.linalg.LinAlgError("the fit has no stable solution")
    return Recipe(coefficients, exponents)


def _upper(gram: np.ndarray) -> np.ndarray:
    """Upper Cholesky factor of the inverse."""
    return np.linalg.cholesky(np.linalg.inv(gram)).T


def constant(level: np.ndarray) -> Recipe:
    """The best map that does not look at the guide: each plane's mean. level: float64 (4, n)."""
    coefficients, exponents = np.zeros((4, COUNT), np.int64), np.zeros(COUNT, np.int64)
    exponents[0] = SHIFT - BITS + 4  # a level is below 2^19
    coefficients[:, 0] = np.clip((level.mean(1) / 16).round(), 1 - LIMIT, LIMIT - 1)
    return Recipe(coefficients, exponents)
