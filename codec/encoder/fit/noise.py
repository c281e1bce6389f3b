"""The sensor's noise, estimated from a mosaic whose source does not tell it.

::

    blocks of 16 x 16 sites of a plane --> mean level, variance of second differences along rows and columns / 6
    by level: the least of these, which are flat places --> variance = scale v + offset, both not below 0

Second differences don't see slopes, and the least variances at each level are those without texture. A camera that
smooths its RAW, or a scene that is busy everywhere, gives too little or too much: as good as one picture can tell.
"""

from __future__ import annotations

import numpy as np

from ....bitstream.raw_image import RawImage
from ....bitstream.runtime.parallel import in_parallel
from ...mosaic.layout import Layout
from ...mosaic.noise import Noise, Profile
from .noise_kernels import BLOCK, of_blocks
from .noise_kernels import SIDE as SIDE

FLATTEST = 0.1
"""Share of a level's blocks that are taken for flat."""
BIAS = 1.1
"""A variance of so few differences that is one of the least tenth is too small by about this."""
LEVELS, LEAST_BLOCKS = 24, 12
MOST_BLOCKS = 60_000
CLIPPED = 0.9
"""Levels above this share of white don't count: noise is cut there."""


def estimate(raw: RawImage, layout: Layout) -> Profile:
    """Noise of the four planes (R, G1, G2, B) in shares of white - black."""
    black = layout.per_plane(raw.black)

    def one(k: int) -> Noise:
        return _of_plane(layout.plane(raw.mosaic, k), black[k], raw.white)

    return Profile(tuple(in_parallel(one, range(4))))


def _of_plane(plane: np.ndarray, black: float, white: int) -> Noise:
    rounding = 1 / 12 / (white - black) ** 2
    h, w = (n // SIDE for n in plane.shape)
    if not h or not w:
        return Noise(0.0, rounding)
    thin = max(1, int(np.ceil(np.sqrt(h * w / MOST_BLOCKS))))
    level, seen, least, most = _blocks(plane, thin)
    mean, variance = (level - black) / (white - black), seen / (white - black) ** 2
    good = (most < plane.max()) & (mean < CLIPPED) & (least > 0)
    mean, variance = mean[good], variance[good]
    if len(mean) < LEAST_BLOCKS:
        return Noise(0.0, rounding)
    points = []
    order = np.argsort(mean)
    for part in np.array_split(order, max(1, min(LEVELS, len(order) // LEAST_BLOCKS))):
        flat = part[np.argsort(variance[part])[: max(3, int(FLATTEST * len(part)))]]
        points.append((float(mean[flat].mean()), BIAS * float(variance[flat].mean())))
    return _line(np.array(points), rounding)


def _blocks(plane: np.ndarray, thin: int) -> np.ndarray:
    """Mean, variance of noise, least and most of every thin-th block, float64 (`BLOCK`, n)."""
    out = np.empty((-(-(plane.shape[0] // SIDE) // thin), -(-(plane.shape[1] // SIDE) // thin), BLOCK))
    of_blocks(plane, thin, out)
    return out.reshape(-1, BLOCK).T


def of_picture(luma: np.ndarray) -> float:
    """Noise of a picture (h, w) around its median, in its own units: root of the least variances there."""
    h, w = (n // SIDE for n in luma.shape)
    if not h or not w:
        return 0.0
    thin = max(1, int(np.ceil(np.sqrt(h * w / MOST_BLOCKS))))
    level, seen, _, _ = _blocks(luma, thin)
    order = np.argsort(np.abs(level - np.median(luma[:: 4 * thin])))
    variance = seen[order[: max(LEAST_BLOCKS, len(order) // 3)]]
    return float(np.sqrt(np.sort(variance)[: max(3, int(FLATTEST * len(variance)))].mean()))


def _line(points: np.ndarray, rounding: float) -> Noise:
    """Scale and offset of the line below which few points lie: least squares of relative errors, those far above it
    left out step by step."""
    v, variance = points[:, 0], np.maximum(points[:, 1], rounding)
    scale, offset, kept = 0.0, rounding, np.ones(len(v), bool)
    for _ in range(5):
        weight = 1 / variance[kept]
        rows = np.stack([np.maximum(v[kept], 0) * weight, weight], 1)
        scale, offset = np.linalg.lstsq(rows, np.ones(int(kept.sum())), rcond=None)[0]
        if offset < rounding:
            offset = rounding
            scale = float((np.maximum(v[kept], 0) * weight * (1 - offset * weight)).sum()
                          / max(float(np.square(np.maximum(v[kept], 0) * weight).sum()), 1e-30))  # fmt: skip
        if scale < 0:
            scale, offset = 0.0, float(np.median(variance[kept]))
        following = variance < 1.5 * (scale * np.maximum(v, 0) + offset)
        if following.sum() < 3 or np.array_equal(following, kept):
            break
        kept = following
    return Noise(max(float(scale), 0.0), max(float(offset), rounding))
