"""Tone: from linear light to what a display shows, as tables that backends read alike.

::

    linear sRGB --`ToneCurve`: root of light, a table, linear between--> display 0..1 --`contrast_table`--> display

A curve is applied to each channel (as film and most programs do), so it takes colours along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when they are first used: half a second that most commands need not wait for

from .colour import srgb_encode

TABLE = 4096
"""Entries of a curve: steps of the root of light below 1/4 of an 8-bit step of the display."""

SLOPE = 5.0
"""Steepness of the S at contrast 100: its slope in the middle is SLOPE / 2 / tanh(SLOPE / 2), about 2.5."""


@dataclass(frozen=True)
class ToneCurve:
    """Linear light 0..top to display 0..1, never falling. table: float32 (TABLE,), evenly in the root of light."""

    table: np.ndarray
    top: float = 1.0

    def __call__(self, linear: np.ndarray) -> np.ndarray:
        """Display values of linear ones, float32, same shape."""
        place = np.sqrt(linear.clip(0, self.top) / np.float32(self.top)).astype(np.float32) * np.float32(TABLE - 1)
        low = place.astype(np.int32)
        above = np.minimum(low + 1, TABLE - 1)
        return np.asarray(self.table[low] + (self.table[above] - self.table[low]) * (place - low))

    def then(self, change: np.ndarray) -> ToneCurve:
        """This curve, then a table of the display's range, float (n,) over 0..1."""
        table = np.interp(self.table, np.linspace(0, 1, len(change)), change)
        return ToneCurve(table.astype(np.float32), self.top)


def plain() -> ToneCurve:
    """sRGB's curve alone: what is brighter than white is white."""
    return ToneCurve(srgb_encode(np.linspace(0, 1, TABLE) ** 2).astype(np.float32))


def filmic(shoulder: float, s_curve: tuple[float, float, float, float] = (0, 0, 0, 0)) -> ToneCurve:
    """A curve as cameras have: Reinhard's with a white point (2002, equation 4), sRGB's, then an S.

    shoulder: linear value that becomes white, 1: hard clip. s_curve: offsets of the curve at 1/8, 1/4, 1/2, 3/4 of the
    display's range.
    """
    linear = np.linspace(0, 1, TABLE) ** 2 * shoulder
    if shoulder > 1:  # its slope at black is 1
        linear = linear * (1 + linear / shoulder**2) / (1 + linear)
    knots = np.array([0, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1])
    bent = np.maximum.accumulate((knots + np.array([0, *s_curve, 0])).clip(0, 1))
    curve = scipy.interpolate.PchipInterpolator(knots, bent)(srgb_encode(linear))
    return ToneCurve(np.maximum.accumulate(curve).astype(np.float32), shoulder)


def contrast_table(contrast: float, entries: int = 1024) -> np.ndarray:
    """Display to display, float64 (entries,): an S whose ends and middle stay, or for contrast < 0 its inverse."""
    value = np.linspace(0, 1, entries)
    k = SLOPE * abs(contrast) / 100
    if k < 1e-3:
        return value
    end = math.tanh(k / 2)
    if contrast > 0:
        return np.asarray((np.tanh(k * (value - 0.5)) / end + 1) / 2)
    return np.asarray(np.arctanh((2 * value - 1) * end) / k + 0.5)


def exposure_for(greens: np.ndarray, percentile: float = 99.0, level: float = 0.9) -> float:
    """The exposure in EV, 0 to 6, at which `percentile` of the greens (0 black, 1 white) stand at `level` of white."""
    high = float(np.percentile(greens, percentile))
    return float(np.clip(np.log2(level / max(high, 1e-6)), 0, 6))
