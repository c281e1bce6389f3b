"""Coefficients of a fit in whole numbers: one after the other, each error spread over those that are still free.

As `GPTQ` does it with a net's weights (Frantar et al., 2022): the inverse Gram matrix's Cholesky factor says how.
"""

from __future__ import annotations

import numpy as np

from ...recipe.look import EXPONENTS


def exponents_of(grams: list[np.ndarray], variances: list[float], share: float) -> np.ndarray:
    """Steps of the coefficients, a power of two for each feature: rounding adds a share to the error."""
    mean = np.mean([g / max(v, 1e-12) for g, v in zip(grams, variances, strict=True)], 0)
    delta = (12 * share / len(mean)) ** 0.5
    wanted = np.log2(np.maximum(delta * np.diag(_upper(mean)), 1e-30)) + 10
    return np.clip(np.floor(wanted), 0, EXPONENTS - 1).astype(np.int64)


def _upper(gram: np.ndarray) -> np.ndarray:
    """Upper Cholesky factor of the inverse."""
    return np.linalg.cholesky(np.linalg.inv(gram)).T


def quantised(solution: np.ndarray, gram: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """A fit's coefficients in whole units of 2^(exponent - 10), int64 (n,). gram: of the features."""
    upper, rest = _upper(gram), solution.copy()
    out = np.zeros(len(solution), np.int64)
    for i in range(len(solution)):
        unit = 2.0 ** (exponents[i] - 10)
        out[i] = int(np.rint(rest[i] / unit))
        rest[i:] -= (rest[i] - out[i] * unit) / upper[i, i] * upper[i, i:]
    return out
