"""SSIM of packed planes: whether the structure of a mosaic survived, colour by colour.

The four sites of the 2x2 cell are four pictures of half the size; each is compared with its true one by the structural
similarity index of Wang, Bovik, Sheikh and Simoncelli (IEEE TIP 2004), with their Gaussian window (sigma 1.5, 11 x 11)
and constants, in linear light between black and white.
"""

from __future__ import annotations

import numpy as np

from ..bitstream.raw_image import RawImage
from .metrics import normalised

SIGMA, REACH = 1.5, 5  # of the window; it is 2 REACH + 1 wide
ROWS_AT_ONCE = 512  # of a plane, so that work stays within some tens of MB for any mosaic


def ssim(raw: RawImage, mosaic: np.ndarray) -> float | None:
    """Mean SSIM of the four planes of `mosaic` (integer (H, W), DN) against those of `raw`: at most 1, that is equal.

    Places where the window would leave the plane do not count. None where a plane is smaller than the window.
    """
    if min(mosaic.shape) < 2 * (2 * REACH + 1):
        return None
    return float(np.mean([_plane(raw, mosaic, site) for site in range(4)]))


def _plane(raw: RawImage, mosaic: np.ndarray, site: int) -> float:
    """Mean over one plane, by bands of rows that overlap by the window's reach."""
    from skimage.metrics import structural_similarity

    total, count = 0.0, 0
    height = (len(mosaic) + 1 - site // 2) // 2
    for first in range(REACH, height - REACH, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, height - REACH)
        rows = np.s_[2 * (first - REACH) : 2 * (last + REACH)]
        true, found = (
            normalised(raw, m[rows])[site // 2 :: 2, site % 2 :: 2].astype(np.float32) for m in (raw.mosaic, mosaic)
        )
        _, there = structural_similarity(
            true, found, gaussian_weights=True, sigma=SIGMA, use_sample_covariance=False, data_range=1.0, full=True
        )
        there = there[REACH:-REACH, REACH:-REACH]
        total += float(there.sum(dtype=np.float64))
        count += there.size
    return total / count
