"""The colour bars of the maps, as a gradient and its marks; the scales are those of `benchmarks.shown`."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.colors import to_hex

from ..shown import BITS_COLOURS, BITS_SCALE, ERROR_COLOURS, ERROR_SCALE

STOPS = 17


@dataclass(frozen=True)
class Bar:
    """gradient: of CSS. marks: (percent from the left, text). unit: what the marks are in."""

    gradient: str
    marks: list[tuple[float, str]]
    unit: str


def _bar(ends: tuple[float, float], colours: str, every: int, unit: str) -> Bar:
    low, high = ends
    stops = ", ".join(to_hex(colormaps[colours](k / (STOPS - 1))) for k in range(STOPS))
    powers = range(int(low), int(high) + 1, every)
    marks = [(100 * (p - low) / (high - low), f"{2**p}" if p >= 0 else f"1/{2**-p}") for p in powers]
    return Bar(f"linear-gradient(to right, {stops})", marks, unit)


ERRORS = _bar(ERROR_SCALE, ERROR_COLOURS, 2, "root mean square error of a block, in steps of a 14-bit range")
BITS = _bar(BITS_SCALE, BITS_COLOURS, 1, "bits per pixel of a block")
