"""What `decode --grain` has to put back: how much of the noise the decoded mosaic lacks, by level and colour.

::

    blocks of 16 x 16 sites of a plane, those whose decoded means vary least at their level
    second differences of true and decoded --difference--> variance that is missing, at the levels of section NOIS
    lost part, true - decoded, in these blocks --how alike neighbours are--> filter of the grain
"""

from __future__ import annotations

import math

import numpy as np

from ...bitstream.stream.noise import COLOURS, GRAIN_ONE, GRAIN_UNIT, KNOTS, MOST_TAP, CarriedNoise
from ..decoder.grain import COLOUR, LEVELS
from ..mosaic.layout import Layout
from ..mosaic.noise import Profile
from .fit.noise import SIDE, second_differences

PART = 4
FLAT = 0.5
"""Share of a level's blocks that are looked at: those whose means of 4 x 4 sites differ least."""

LEAST_BLOCKS, MOST_BLOCKS = 4, 20_000
MOST_ALIKE = 0.32
"""Correlation of neighbours beyond which it is structure that was lost."""


def carried_noise(
    profile: Profile, true: np.ndarray, found: np.ndarray, layout: Layout, black: tuple[float, ...], white: int
) -> CarriedNoise:
    """The section for a mosaic and what is decoded of it, both uint16 (H, W); black: by site, DN."""
    span = white - float(np.mean(black))
    sums, alike = np.zeros((COLOURS, KNOTS, 2)), np.zeros(3)
    by_plane = layout.per_plane((black[0], black[1], black[2], black[3]))
    for k in range(4):
        pairs = [_blocks(layout.plane(mosaic, k)) for mosaic in (true, found)]
        if not len(pairs[0]):
            continue
        level = (pairs[1].mean((1, 2)) - by_plane[k]) / span
        # A level's place between two knots, where the section's straight lines meet it.
        place = np.interp(np.clip(level, 0, 1), LEVELS, np.arange(KNOTS))
        flat = _flat(pairs[1], np.rint(place).astype(int))
        missing = (second_differences(pairs[0][flat]) - second_differences(pairs[1][flat])) / span**2
        knot = np.rint(place[flat]).astype(int)
        for n, value in zip(knot, missing, strict=True):
            sums[COLOUR[k], n] += value, 1
        lost = (pairs[0] - pairs[1])[flat]
        lost -= lost.mean((1, 2), keepdims=True)
        alike += np.square(lost).sum(), (lost[:, :, 1:] * lost[:, :, :-1]).sum(), (lost[:, 1:] * lost[:, :-1]).sum()
    taps = [_tap(float(a / alike[0]) * SIDE / (SIDE - 1)) if alike[0] else 0 for a in alike[1:]]
    seen = _second(taps[0]) / 2 + _second(taps[1]) / 2
    numbers = [n for colour in sums for n in _numbers(colour, seen)]
    return CarriedNoise(profile.carried(), tuple(numbers), *taps)


def _blocks(plane: np.ndarray) -> np.ndarray:
    h, w = (n // SIDE for n in plane.shape)
    thin = max(1, math.isqrt(max(h * w, 1) // MOST_BLOCKS))
    cut = plane[: h * SIDE, : w * SIDE].reshape(h, SIDE, w, SIDE).swapaxes(1, 2)[::thin, ::thin]
    return cut.reshape(-1, SIDE, SIDE).astype(np.float32)


def _flat(blocks: np.ndarray, knot: np.ndarray) -> np.ndarray:
    """Which blocks vary least, of each knot's."""
    parts = blocks.reshape(len(blocks), SIDE // PART, PART, SIDE // PART, PART).mean((2, 4))
    spread = parts.reshape(len(blocks), -1).var(1)
    out = np.zeros(len(blocks), bool)
    for n in np.unique(knot):
        own = np.flatnonzero(knot == n)
        out[own[np.argsort(spread[own])[: max(LEAST_BLOCKS, int(FLAT * len(own)))]]] = True
    return out


def _tap(alike: float) -> int:
    """The filter's n, 256, n whose neighbours are so alike: 2 c / (1 + 2 c^2), c = n / 256."""
    wanted = min(max(alike, 0.0), MOST_ALIKE)
    c = (1 - math.sqrt(1 - 2 * wanted**2)) / (2 * wanted) if wanted > 1e-3 else 0.0
    return min(round(256 * c), MOST_TAP)


def _second(tap: int) -> float:
    """Second differences' variance of noise under a filter, in parts of white noise's."""
    c = tap / 256
    one, two = 2 * c / (1 + 2 * c * c), c * c / (1 + 2 * c * c)
    return (6 - 8 * one + 2 * two) / 6


def _numbers(sums: np.ndarray, seen: float) -> list[int]:
    """Deviations at the knots as the section has them; those without blocks as their neighbours."""
    known = np.flatnonzero(sums[:, 1] >= LEAST_BLOCKS)
    if not len(known):
        return [0] * KNOTS
    variance = np.interp(np.arange(KNOTS), known, np.maximum(sums[known, 0] / sums[known, 1], 0.0)) / seen
    deviation = np.sqrt(variance)
    return [
        min(max(round(GRAIN_UNIT * math.log2(d)) + GRAIN_ONE, 1), GRAIN_ONE) if d > 2.0**-15 else 0
        for d in deviation.tolist()
    ]
