"""Finding where a sensor saturates, so that its saturation is not coded as differences from a prediction that wavers.

In clipped highlights the mosaic has one value, or a narrow heap of them, by plane. The prediction there follows the
JPEG's noise and last values, so it wavers about the saturation. `Companding.saturate` puts a prediction that comes near
onto it; here the encoder chooses by plane where the saturation is and what is near.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....bitstream.raw_image import RawImage
from ...mosaic.companding import U_WHITE, Companding
from ...mosaic.layout import Layout
from .sample_kernels import histogram

BRIGHT = 0.8
"""A saturation lies above this share of the plane's largest value."""

HEAP = 0.01
"""Values within this share of the saturation belong to it."""

LEAST_SHARE = 0.002
"""Share of the sites from which on a value may be a saturation."""

LOST = (0.5, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Shares of the saturation's sites whose prediction may stay below what is near; the best is taken."""

FINE = (U_WHITE / 16, U_WHITE / 64, U_WHITE / 256)
"""Residuals below these cost little: at low, middle and high rates."""


NOWHERE = 1 << 16
"""A DN that there is not."""

LEAST_WHITE = 0.9
"""A white level is to be at least this share of the largest value, else what lies above it is coded as all else."""

ENOUGH_ROWS = 1024
"""Rows by which it is told where values pile up."""

PILE, PILED = 0.96, 0.8
"""Values from this share of a plane's largest one on lie at the sensor's end; this share of those above white must."""


def find_saturation(companding: Companding, level: np.ndarray, prediction: np.ndarray) -> tuple[int, ...]:
    """`Companding.saturation` for a picture.

    level: the mosaic at sampled cells, int32 or float64 (4, n), levels; prediction: likewise, from the recipe alone.
    """
    dn, reach = [0] * 4, [0] * 4
    for k, black in enumerate(companding.black_levels()):
        values = (level[k].astype(np.int64) + black) >> companding.shift
        counts = np.bincount(values)
        first = int(BRIGHT * (len(counts) - 1))
        top = first + int(np.argmax(counts[first:]))
        if top < 1 or counts[top] < LEAST_SHARE * len(values):
            continue
        heap = np.abs(values - top) <= HEAP * top
        below = top - ((prediction[k].astype(np.int64) + black) >> companding.shift)
        tried = [0] + [int(max(0, np.ceil(np.quantile(below[heap], 1 - lost)))) for lost in LOST]
        costs = [_cost(companding, k, level, prediction, top if i else 0, r) for i, r in enumerate(tried)]
        best = int(np.argmin(costs))
        if best:
            dn[k], reach[k] = top, min(tried[best], top)
    return (*dn, *reach)


def _cost(companding: Companding, k: int, level: np.ndarray, prediction: np.ndarray, top: int, reach: int) -> float:
    """Mean log of a plane's residuals, added over `FINE`."""
    at = (top << companding.shift) - companding.black_levels()[k]
    put = np.where(prediction[k] >= at - (reach << companding.shift), at, prediction[k]) if top else prediction[k]
    y = (companding.compand(level[k]) - companding.compand(put)).astype(np.float64)
    return sum(float(np.log2(y * y + fine**2).mean()) for fine in FINE)


def ceilings_of(raw: RawImage, layout: Layout) -> tuple[int, ...]:
    """From which DN on values are alike, by plane; levels that are no DN are clipped by nobody."""
    every = max(len(raw.mosaic) // ENOUGH_ROWS, 1)
    counts = [histogram(np.ascontiguousarray(layout.plane(raw.mosaic, k)[::every])) for k in range(4)]
    return ceilings(counts, NOWHERE if raw.levels else raw.white, int(raw.mosaic.max()))


def ceilings(counts: Sequence[np.ndarray], white: int, most: int) -> tuple[int, ...]:
    """By plane, the DN from which on values are alike: the least one at white, where those above it pile up at the
    sensor's end, not far away; else the largest value of all, which is what anything larger decodes to.

    counts: how often each DN occurs in the planes, or in a part of them; most: the largest one. Developers clip at
    white, and so do measures; of what lies there is coded that it is white. But a white level that is far too low would
    take the lights from the picture.
    """
    found = []
    for counted in counts:
        above = np.flatnonzero(counted[white:]) + white
        piled = counted[above[above >= PILE * above[-1]]].sum() if len(above) else 0
        clipped = len(above) and above[-1] * LEAST_WHITE <= white and piled >= PILED * counted[above].sum()
        found.append(int(above[0]) if clipped else most)
    return tuple(found)
