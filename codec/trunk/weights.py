"""Fitting a stage's parameters: the mean's coefficients, and the weights that mix contexts into a size.

The mean: weighted least squares, each place as certain as its surroundings are quiet. The weights: first
non-negative least squares, reweighted towards a Laplacian's likelihood; from there a few steps down the code length
itself, under the tables that will code. Plain least squares is led astray by a few places with huge residuals (edges,
clipped highlights): it cares about their size, while the bits lie with the many others.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize, nnls

from codec.trunk.params import WEIGHTS, nearest_weight
from entropy.tables import ALPHABET, CLASSES, HALF, ZERO_CLASS, split_bits

PLACES, STEPS = 4000, 10
"""Places that the descent looks at, and its steps."""

MEAN_ROUNDS, FLOOR = 3, 0.2
"""Rounds of the fit of a mean; no place is more certain than this share of the squared mean error."""

LEAST_SIZE = 2.0**-13
SEED = 1e-4
"""Every weight starts at least here, times its context's root mean square, so that all of them can grow."""

SPLITS = np.array([split_bits(c) for c in range(CLASSES)])


def fit_mean(near: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Coefficients, float64 (views,), with ``near @ c`` near y, each place weighing as much as it is certain.

    near: float64 (n, views); y: float64 (n,). Plain least squares would serve the few places with large residuals,
    edges and clipped lights, while most bits lie with the others: a place's variance is taken from what is decoded
    around it and from its own error, as in iteratively reweighted least squares (Holland & Welsch 1977).
    """
    around = near.abs().mean(1).square() / 4
    error, c = y, torch.zeros(0)
    floor = error.abs().mean().square() * FLOOR + 1e-3
    for n in range(MEAN_ROUNDS):
        weight = 1 / (around + (error.square() / 2 if n else 0.0) + floor)
        weighted = near * weight[:, None]
        gram = weighted.T @ near
        ridge = torch.diag(torch.diag(gram)) * 1e-4 + torch.eye(len(gram), dtype=y.dtype, device=y.device) * (
            1e-6 * weight.mean()
        )
        c = torch.linalg.solve(gram + ridge, weighted.T @ y)
        error = y - near @ c
    return c


def fit_weights(x: torch.Tensor, want: torch.Tensor) -> np.ndarray:
    """Codes of non-negative weights with ``x @ w`` near the expected magnitude ``want``.

    x: float64 (n, contexts); want: float64 (n,). Least squares, reweighted towards a Laplacian's likelihood.
    """
    mix = torch.zeros(x.shape[1], dtype=torch.float64)
    if not want.any():
        return nearest_weight(mix.numpy())
    scale = x.square().mean(0).sqrt().clamp(min=1e-12)
    x = x / scale
    weight = torch.ones_like(want)
    for _ in range(3):
        a = x * weight[:, None]
        gram = a.T @ a
        gram += torch.eye(len(gram), dtype=torch.float64) * (torch.trace(gram) / len(gram) * 1e-6 + 1e-12)
        root = torch.linalg.cholesky(gram)
        right = torch.linalg.solve_triangular(root, (a.T @ (want * weight))[:, None], upper=False)[:, 0]
        mix = torch.from_numpy(nnls(root.T.numpy(), right.numpy())[0])
        weight = 1 / (x @ mix + 0.02)
    return nearest_weight((mix / scale).numpy())


def shorten(x: np.ndarray, symbols: np.ndarray, codes: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Codes of weights that code symbols in fewer bits, starting from others.

    x: float64 (n, contexts); symbols: int (n,); bits: `Tables.bits`, (CLASSES, ALPHABET). The code length is
    interpolated between classes, so that it has a slope; L-BFGS with bounds (Byrd et al. 1995).
    """
    if not symbols.any():
        return codes
    x, symbols = x[:: -(-len(x) // PLACES)], symbols[:: -(-len(symbols) // PLACES)]
    scale = np.sqrt(np.square(x).mean(0))
    unused = scale == 0
    scale[unused] = 1.0
    scaled = x / scale

    def cost(mix: np.ndarray) -> tuple[float, np.ndarray]:
        size = np.maximum(scaled @ mix, LEAST_SIZE)
        place = np.clip(4 * np.log2(size) + ZERO_CLASS, 0, CLASSES - 1.001)
        below = place.astype(np.int64)
        length = [bits[c, np.clip(symbols >> SPLITS[c], -HALF, HALF) + HALF] for c in (below, below + 1)]
        total = length[0] + (place - below) * (length[1] - length[0])
        slope = (length[1] - length[0]) * (4 / np.log(2)) / size * ((place > 0) & (place < CLASSES - 1.001))
        return float(total.mean()), scaled.T @ slope / len(x)

    start = WEIGHTS[codes] * scale + SEED
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start),
                     options={"maxiter": STEPS})  # fmt: skip
    return nearest_weight(np.where(unused, 0.0, found.x / scale))


assert ALPHABET == 2 * HALF + 1
