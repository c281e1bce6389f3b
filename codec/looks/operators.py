"""Local operators on a small picture, carried to the large one by a grid fitted in closed form.

::

    small light --operator, small--> small display wanted --+--> `codec.isp.grid.fit` --> a grid, sliced at full size
    small light --plain rendering--> small display ---------'

Bilateral guided upsampling (Chen et al. 2016): what exposure fusion or a local Laplacian filter does to a picture of
192 pixels is what it does to areas of the large one; the grid has it without the operator's work at full size, edges
kept.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ..isp.colour import srgb_encode
from ..isp.grid import WEIGHTS, Grid, fit

SIDE = 192
"""Longest side of what operators work on."""

SHAPE = 12, 12, 8
SMOOTH = 1e-2
BRACKET = -2.0, 0.0, 2.0
LEVELS, SIGMA, DETAIL, RANGE, WHITE = 12, 1.0, 0.7, 0.6, 0.9
"""Of the local Laplacian filter on log2 light: remaps, EV between detail and edge, exponent of detail (below 1: more of
it), factor of edges (below 1: the range shrinks), light of the brightest hundredth."""

DARK, BRIGHT = -9.0, 3.0
"""Range of its light, EV from white."""


def fusion(light: np.ndarray) -> np.ndarray:
    """Exposure fusion (Mertens et al. 2007) of linear sRGB, float (h, w, 3), by `BRACKET`; display float32, 0..1."""
    shots = [np.rint(srgb_encode((light * 2.0**ev).clip(0, 1)) * 255).astype(np.uint8) for ev in BRACKET]
    return np.asarray(cv2.createMergeMertens().process(shots).clip(0, 1), np.float32)


def laplacian(light: np.ndarray) -> np.ndarray:
    """Local Laplacian filter (Paris et al. 2011, in the form of Aubry et al. 2014) of log2 light: the range of light is
    drawn together, detail kept; colours go along. Display float32, 0..1."""
    grey = np.maximum(light @ WEIGHTS, 1e-6).astype(np.float32)
    log = np.log2(grey).clip(DARK, BRIGHT).astype(np.float32)
    depth = max(1, int(np.log2(min(log.shape))) - 2)
    own = _gaussian(log, depth)
    centres = np.linspace(log.min(), max(log.max(), log.min() + 1e-3), LEVELS)
    step = centres[1] - centres[0]
    made = [np.zeros_like(v) for v in own[:-1]]
    for centre in centres:
        away = log - centre
        size = np.abs(away)
        inner = SIGMA * (size / SIGMA) ** DETAIL
        outer = SIGMA + RANGE * (size - SIGMA)
        bent = centre + np.sign(away) * np.where(size < SIGMA, inner, outer)
        pyramid = _gaussian(bent.astype(np.float32), depth)
        for k in range(depth):
            share = np.maximum(0, 1 - np.abs(own[k] - centre) / step)
            made[k] += share * (pyramid[k] - _up(pyramid[k + 1], pyramid[k].shape))
    middle = float(np.median(own[-1]))
    found = middle + RANGE * (own[-1] - middle)
    for k in reversed(range(depth)):
        found = _up(found, made[k].shape) + made[k]
    found += float(np.log2(WHITE) - np.percentile(found, 99))
    return np.asarray(srgb_encode((light * np.exp2(found - np.log2(grey))[..., None]).clip(0, 1)), np.float32)


def _gaussian(picture: np.ndarray, depth: int) -> list[np.ndarray]:
    found = [picture]
    for _ in range(depth):
        found.append(cv2.pyrDown(found[-1]))
    return found


def _up(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(cv2.pyrUp(picture, dstsize=(shape[1], shape[0])))


OPERATORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"fused": fusion, "laplacian": laplacian}
"""By the name of the look."""


def grid_of(name: str, light: np.ndarray, base: np.ndarray) -> Grid:
    """The grid that makes of `base` what the operator makes of `light`, both float (h, w, 3), the same small picture:
    display and linear sRGB under the plain rendering's exposure."""
    share = min(1.0, SIDE / max(light.shape[:2]))
    to = max(8, round(light.shape[1] * share)), max(8, round(light.shape[0] * share))
    small, start = (cv2.resize(np.asarray(v, np.float32), to, interpolation=cv2.INTER_AREA) for v in (light, base))
    return fit(start.astype(np.float64), OPERATORS[name](small).astype(np.float64), SHAPE, SMOOTH)
