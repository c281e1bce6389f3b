"""Denoising as cameras do it: in a domain where the noise is even, luma and chroma apart, from light to heavy.

The generalised Anscombe transform (Makitalo and Foi, 2013) makes noise of variance scale * x + offset have sigma 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy  # its parts load when they are first used: half a second that most commands need not wait for

SPLINE = np.array([1, 4, 6, 4, 1], np.float32) / 16  # B3, of the wavelet 'a trous'


def denoise(rgb: np.ndarray, method: str, luma: float, chroma: float, scale: float, offset: float) -> np.ndarray:
    """Camera RGB (H, W, 3) float32, 1 = white; method: "none" or one of METHODS; luma, chroma: strength in sigmas."""
    if method == "none":
        return rgb
    shift = np.float32(0.375 * scale * scale + offset)
    even = 2 / np.float32(scale) * np.sqrt(np.maximum(rgb * np.float32(scale) + shift, 0))
    y = (even[..., 0] + 2 * even[..., 1] + even[..., 2]) / 4
    c, d = even[..., 0] - even[..., 1], even[..., 2] - even[..., 1]
    smooth = METHODS[method]
    # sigmas of these sums for independent unit noise are 0.61 and 1.41; interpolation lowers both by about a third
    y, c, d = smooth(y, 0.45 * luma), smooth(c, 1.0 * chroma), smooth(d, 1.0 * chroma)
    green = y - (c + d) / 4
    even = np.maximum(np.stack([green + c, green, green + d], -1), 0)
    return np.asarray((even * even * np.float32(scale * scale / 4) - shift) / np.float32(scale), np.float32)


def guided(image: np.ndarray, guide: np.ndarray, size: int, eps: float) -> np.ndarray:
    """Guided filter (He, Sun and Tang, 2010): locally linear in `guide`, flat where its variance is below eps."""
    slope, rest = guided_coefficients(image, guide, size, eps)
    return slope * guide + rest


def guided_coefficients(image: np.ndarray, guide: np.ndarray, size: int, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """a, b of the guided filter's result a guide + b, float (H, W) each."""

    def mean(v: np.ndarray) -> np.ndarray:
        return np.asarray(scipy.ndimage.uniform_filter(v, size, mode="nearest"))

    mean_guide, mean_image = mean(guide), mean(image)
    variance = np.maximum(mean(guide * guide) - mean_guide**2, 0)
    slope = (mean(guide * image) - mean_guide * mean_image) / (variance + np.float32(eps))
    return mean(slope), mean(mean_image - slope * mean_guide)


def _guided(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Edge-keeping smoothing by the guided filter with itself, 5 x 5."""
    return guided(plane, plane, 5, (2 * sigma) ** 2)


def _wavelet(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Soft threshold on four levels of the undecimated B3 wavelet; coarse levels hold less noise."""
    out, low = np.zeros_like(plane), plane
    for level, share in enumerate((0.9, 0.25, 0.1, 0.05)):
        kernel = np.zeros(4 * 2**level + 1, np.float32)
        kernel[:: 2**level] = SPLINE
        down = scipy.ndimage.convolve1d(low, kernel, 0, mode="mirror")
        smooth = scipy.ndimage.convolve1d(down, kernel, 1, mode="mirror")
        band, limit = low - smooth, np.float32(2.0 * sigma * share)
        out += np.sign(band) * np.maximum(np.abs(band) - limit, 0)
        low = smooth
    return out + low


def _nonlocal(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Non-local means (Buades, Coll and Morel, 2005): patches 3 x 3, search 7 x 7 on a sparse set of shifts."""
    if sigma <= 0:
        return plane
    total, weight = plane.copy(), np.ones_like(plane)
    for dy, dx in SHIFTS:
        moved = np.roll(plane, (dy, dx), (0, 1))
        distance = scipy.ndimage.uniform_filter((plane - moved) ** 2, 3, mode="nearest")
        w = np.exp(-np.maximum(distance - np.float32(2 * sigma * sigma), 0) / np.float32(1.2 * sigma * sigma))
        total += w * moved
        weight += w
        # the pair seen from its other end has the same weight
        back = np.roll(w, (-dy, -dx), (0, 1))
        total += back * np.roll(plane, (-dy, -dx), (0, 1))
        weight += back
    return total / weight


SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (2, 1), (1, 3), (3, -1), (2, -2))
METHODS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "guided": _guided,
    "wavelet": _wavelet,
    "nonlocal": _nonlocal,
}
