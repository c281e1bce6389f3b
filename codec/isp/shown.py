"""As the camera showed it: the rendering that brings a RAW's own light nearest to a JPEG of it.

::

    small linear sRGB (h, w, 3) --root, median by bins--+--> a curve that never falls --+--> `Rendering`
    the JPEG at the same places, display 0..1 ----------'    a factor of saturation   --'    in turn

One curve for all channels and one factor: what a global look is, without its local parts. It is fitted anew wherever it
is wanted, from file and JPEG alone; nothing of it is stored.
"""

from __future__ import annotations

import numpy as np
import scipy  # its parts load when they are first used: half a second that most commands need not wait for

from .develop import Rendering
from .tone import TABLE, ToneCurve, plain

BINS = 48
"""Of the root of light; each wants `LEAST` samples."""

LEAST = 20
ROUNDS = 4
"""Curve and saturation in turn: further ones change the picture by less than 1 of 255."""

WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
"""Of grey on the display, as `codec.isp.render_kernels` has them."""

RANKS = 4096

SATURATION = 0.5, 1.8
"""Least and largest factor: beyond that the JPEG is black and white or shows something else."""


def rendering_of(linear: np.ndarray, display: np.ndarray) -> Rendering:
    """linear: float (h, w, 3), linear sRGB without exposure, 1 white; display: the JPEG there, float (h, w, 3), 0..1.

    Where there is too little to fit, sRGB's curve.
    """
    light, shown = linear.reshape(-1, 3), display.reshape(-1, 3)
    inside = np.isfinite(shown).all(1) & (light.max(1) < 1.0) & (light.min(1) >= 0)
    light, shown = light[inside], shown[inside]
    factor, curve = 1.0, None
    for _ in range(ROUNDS):
        grey = shown @ WEIGHTS
        curve = _curve(light.reshape(-1), (grey[:, None] + (shown - grey[:, None]) / factor).reshape(-1))
        if curve is None:
            return Rendering(0.0, plain())
        rendered = curve(light.astype(np.float32))
        own, wanted = (v - (v @ WEIGHTS)[:, None] for v in (rendered, shown))
        factor = float(np.clip((own * wanted).sum() / max(float((own * own).sum()), 1e-9), *SATURATION))
    return Rendering(0.0, curve or plain(), factor)


def matched(linear: np.ndarray, display: np.ndarray) -> Rendering:
    """The curve alone, where the JPEG's place is not known: the tones of one picture in the order of the other's.

    As RawTherapee's auto-matched curve does it; both show the same scene, so equal ranks are nearly the same places.
    """
    light, shown = np.clip(linear, 0, None) @ WEIGHTS, display @ WEIGHTS
    ranks = np.linspace(0, 1, RANKS)
    curve = _curve(np.quantile(light, ranks), np.quantile(shown, ranks))
    return Rendering(0.0, curve or plain())


def _curve(light: np.ndarray, shown: np.ndarray) -> ToneCurve | None:
    """A curve that never falls through the medians by bins of the root of light; both (n,)."""
    root = np.sqrt(np.clip(light, 0, 1))
    number = np.minimum((root * BINS).astype(int), BINS - 1)
    places, values, counts = [], [], []
    for k in range(BINS):
        here = number == k
        if here.sum() >= LEAST:
            places.append(float(root[here].mean()))
            values.append(float(np.median(shown[here])))
            counts.append(float(here.sum()))
    if len(places) < 4:
        return None
    rising = scipy.optimize.isotonic_regression(values, weights=np.sqrt(counts)).x
    x, y = np.array([0.0, *places, 1.0]), np.array([0.0, *rising, 0.0])
    slope = (rising[-1] - rising[-2]) / max(places[-1] - places[-2], 1e-6)
    y[-1] = np.clip(rising[-1] + max(slope, 0.0) * (1 - places[-1]), rising[-1], 1)
    if places[0] < 1e-6:
        x, y = x[1:], y[1:]
    if 1 - places[-1] < 1e-6:
        x, y = x[:-1], y[:-1]
    table = scipy.interpolate.PchipInterpolator(x, y, extrapolate=True)(np.linspace(0, 1, TABLE))
    return ToneCurve(np.maximum.accumulate(np.clip(table, 0, 1)).astype(np.float32))
