"""Local tone: shadows and highlights by areas, edges kept; what depends on a pixel's surroundings, at a small size.

::

    linear light --small--> log2 --guided filter--> a, b (h, w)      base layer = a log2(light) + b, anywhere between
                                                    base layer --`change`--> EV by which the pixel changes

The filter is He and Sun's fast guided filter (2015): its coefficients are computed on a small picture and interpolated,
so the large one costs a look at a table per pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .denoise import guided_coefficients
from .settings import Settings

SIDE = 384
"""Longest side of the small picture."""

RADIUS = 0.03
"""Of the filter, share of the longest side: smaller and faces turn flat, larger and halos are seen."""

EDGE = 0.15
"""Variance of log2 light, EV^2, above which the filter keeps an edge: a half to a third of an EV."""

DARKEST, BRIGHTEST = -12.0, 4.0
"""Range of the base layer, EV from white, over which `change` is a table."""

ENTRIES = 512
SHADOWS, HIGHLIGHTS = 2.5, 2.0
"""EV at +-100."""

FLOOR = 2.0**-14
"""Light below which its logarithm says nothing but noise."""

LOG_TOP, LOG_ENTRIES = 16.0, 8192
"""Of the table of logarithms: light up to `LOG_TOP`, evenly in its root; at `FLOOR` a step is an eighth of an EV, of
noise, a hundredth from -7 EV on."""

LOGS = np.log2(np.maximum(np.linspace(0, 1, LOG_ENTRIES) ** 2 * LOG_TOP, FLOOR)).astype(np.float32)


AS_TOLD = np.exp2(np.linspace(DARKEST, BRIGHTEST, ENTRIES)).astype(np.float32)
"""`gains` whose base layer is the change itself, EV."""


@dataclass(frozen=True)
class Exposed:
    """Local exposure. ev: float32 (h, w), change of the light by place, over the whole picture, any small size."""

    ev: np.ndarray


def gains(settings: Settings) -> np.ndarray:
    """Factor of the light by base layer, over the range of `change`, float32 (ENTRIES,)."""
    return np.exp2(change(settings))


def change(settings: Settings) -> np.ndarray:
    """EV by base layer from `DARKEST` to `BRIGHTEST`, float32 (ENTRIES,).

    Shadows act below -1.5 EV from white and fully from -6 on; highlights above -3 EV, fully from white on. Slopes stay
    above -1, so the order of tones is kept.
    """
    base = np.linspace(DARKEST, BRIGHTEST, ENTRIES)
    dark = _smooth((-1.5 - base) / 4.5) * SHADOWS * settings.shadows / 100
    bright = _smooth((base + 3) / 3.5) * HIGHLIGHTS * settings.highlights / 100
    found = base + dark + bright
    return np.asarray(np.maximum.accumulate(found) - base, np.float32)


def coefficients(light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a and b of the base layer, float32 (h, w) each, of a small picture's linear light (h, w)."""
    log = np.log2(np.maximum(light, FLOOR)).astype(np.float32)
    size = 2 * max(1, round(RADIUS * max(log.shape))) + 1
    return guided_coefficients(log, log, size, EDGE)


def combined(light: np.ndarray, settings: Settings, exposed: Exposed) -> tuple[np.ndarray, np.ndarray]:
    """a and b of the whole change in EV, a log2(light) + b: local exposure and the sliders behind it."""
    log = np.log2(np.maximum(light, FLOOR)).astype(np.float32)
    wanted = cv2.resize(exposed.ev, (log.shape[1], log.shape[0]), interpolation=cv2.INTER_LINEAR)
    if settings.local:
        a, b = coefficients(light * np.exp2(wanted))
        wanted = wanted + np.interp(a * (log + wanted) + b, np.linspace(DARKEST, BRIGHTEST, ENTRIES), change(settings))
    size = 2 * max(1, round(RADIUS * max(log.shape))) + 1
    return guided_coefficients(wanted.astype(np.float32), log, size, EDGE)


def _smooth(x: np.ndarray) -> np.ndarray:
    t = np.clip(x, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
