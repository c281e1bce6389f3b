"""Local exposure: a picture cut into parts by low-level features, each exposed for itself, edges kept.

::

    linear light, small --`apart`: what was exposed apart, found at borders--> light as it would be without
    that --k-means: log light, colour, place--> `PARTS` segments
    -2, 0, +2 EV on the display --exposure fusion (Mertens et al. 2007)--> brightness wanted by place
    per segment: median of log2 (wanted / there), least squares with neighbours' differences --> EV, within `MOST`
    EV by place, less what was found --guided filter on log2 light, in `codec.isp.local.combined`--> gain of every pixel

The supervised answer to what DeepExposure (Yu et al. 2018) learns by reinforcement: segments by low-level features, one
exposure each, blended. Nothing is learned here but how far to believe a border (`codec.looks.apart`).
"""

from __future__ import annotations

import cv2
import numpy as np

from ..isp.colour import srgb_decode, srgb_encode
from ..isp.grid import WEIGHTS
from ..isp.local import FLOOR, Exposed
from .apart import exposed_apart
from .operators import fusion

SIDE = 192
"""Longest side of what is cut into segments."""

PARTS = 12
MOST = 2.5
"""EV, up or down."""

TOGETHER = 0.15
"""Weight of neighbouring segments' agreement, against the share of the picture that a segment fills; more keeps the
contrast between areas, less uses the display's range better."""

BRIGHT = 97
"""Percentile of a segment's light that is not to leave the display: sunlit parts are brought back, none is burnt."""

SEED = 5
FEATURE_WEIGHTS = np.array([1.0, 0.15, 0.15, 0.8, 0.8])
"""Of log2 light, Lab's a and b over 8, row and column over a third of the side."""


def local_exposure(light: np.ndarray, strength: float = 1.0) -> Exposed:
    """EV by place of linear sRGB, float (h, w, 3), 1 white under the picture's own exposure. strength: factor of EV."""
    share = min(1.0, SIDE / max(light.shape[:2]))
    to = max(2, round(light.shape[1] * share)), max(2, round(light.shape[0] * share))
    small = cv2.resize(np.asarray(light, np.float32), to, interpolation=cv2.INTER_AREA)
    done = exposed_apart(small)
    calm = (small * np.exp2(-done)[..., None]).astype(np.float32)
    parts = segments(calm)
    ev = by_segment(calm, parts, fusion_change(calm))[parts] - done
    return Exposed((ev.clip(-MOST, MOST) * strength).astype(np.float32))


def fusion_change(light: np.ndarray) -> np.ndarray:
    """EV by which exposure fusion changes each place, float (h, w)."""
    wanted = srgb_decode(fusion(light)) @ WEIGHTS
    return np.asarray(np.log2(np.maximum(wanted, FLOOR)) - np.log2(np.maximum(light @ WEIGHTS, FLOOR)))


def segments(light: np.ndarray, parts: int = PARTS) -> np.ndarray:
    """Number of each place's segment, int (h, w): k-means of light, colour and place, each tidied by a median."""
    height, width = light.shape[:2]
    log = np.log2(np.maximum(light @ WEIGHTS, FLOOR))
    shown = srgb_encode(light.clip(0, 1)).astype(np.float32)
    lab = cv2.cvtColor(shown, cv2.COLOR_RGB2Lab)
    calm = cv2.GaussianBlur(cv2.bilateralFilter(log.astype(np.float32), 13, 1.0, 6.0), (0, 0), 1.5)
    y, x = np.mgrid[:height, :width] * (3 / max(height, width))
    features = np.stack([calm, lab[..., 1] / 8, lab[..., 2] / 8, y, x], -1).reshape(-1, 5) * FEATURE_WEIGHTS
    cv2.setRNGSeed(SEED)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.05)
    parts = min(parts, len(features))
    _, number, _ = cv2.kmeans(features.astype(np.float32), parts, None, criteria, 1, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    tidy = cv2.medianBlur(number.reshape(height, width).astype(np.uint8), 9)
    return np.asarray(tidy, np.intp)


def by_segment(light: np.ndarray, parts: np.ndarray, change: np.ndarray) -> np.ndarray:
    """EV of each segment: medians of `change`, at most what the display has room for, drawn together where segments
    touch; float64 (parts,)."""
    count = int(parts.max()) + 1
    size = np.bincount(parts.ravel(), minlength=count).astype(float)
    bright = light.max(-1)
    wanted = np.zeros(count)
    for k in np.flatnonzero(size):
        inside = parts == k
        room = -np.log2(max(float(np.percentile(bright[inside], BRIGHT)), FLOOR))
        wanted[k] = min(np.median(change[inside]), room)
    touching = np.zeros((count, count))
    for a, b in ((parts[1:], parts[:-1]), (parts[:, 1:], parts[:, :-1])):
        np.add.at(touching, (a.ravel(), b.ravel()), 1.0)
    touching = touching + touching.T
    np.fill_diagonal(touching, 0)
    touching /= max(touching.sum(), 1) / 2
    own = size / size.sum()
    laplacian = np.diag(touching.sum(1)) - touching
    found = np.linalg.solve(np.diag(own + 1e-9) + TOGETHER * laplacian, own * wanted)
    return np.asarray(found.clip(-MOST, MOST))
