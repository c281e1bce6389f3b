"""Red and blue apart from green: what a JPEG was corrected for and its mosaic was not (lateral chromatic aberration).

The small regression of `fit_check` tells red and blue sites from the JPEG. Where they lie a little out of place, what
it leaves goes along with how its prediction changes with the place: a step of Gauss and Newton for each colour.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...bitstream.raw_image import RawImage
from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from ..guide.projection import LENS_BITS
from .fit_check import Patches, solved

TRIED = 0.5
"""Pixels in the mosaic's corners by which places are moved to see what that changes."""

LEAST, MOST = 0.1, 4.0
"""Pixels in the corners that are worth telling, and that a lens does."""

SURE = 6.0
"""Times its own error that a move has to be."""

GAIN, WORTH = 0.03, 3e4
"""dB of the small regression that a move has to bring; and dB times sites, for the bytes that it takes."""

STEPS, SETTLED = 4, 0.05
"""Steps at most, and pixels in the corners that are not worth another."""


def apart(raw: RawImage, geometry: Geometry, patches: Patches) -> tuple[Geometry, float]:
    """The geometry with red and blue moved, and by how much in the corners, px; as it is, and 0, where that is not
    beyond doubt."""
    shape = raw.mosaic.shape
    base = _as_projection(geometry, shape)
    if base is None or not base.in_range:
        return geometry, 0.0
    corner = float(np.hypot(shape[0] - 1, shape[1] - 1)) / 2
    found, sure = np.zeros(2), np.zeros(2, np.bool_)
    for _ in range(STEPS):
        move, error = _step(raw.cfa, base, patches, found, TRIED / corner)
        found = np.clip(found + move, -MOST / corner, MOST / corner)
        sure = (np.abs(found) > SURE * error) & (np.abs(found) * corner > LEAST)
        if not sure.any():
            return geometry, 0.0
        if np.abs(move[sure]).max() * corner < SETTLED:
            break
    best = _moved(base, np.where(sure, found, 0.0))
    if not patches.psnr(best) > patches.psnr(geometry) + max(GAIN, WORTH / raw.mosaic.size):
        return geometry, 0.0
    return best, float(np.abs(found[sure]).max()) * corner


def _step(cfa: str, base: Geometry, patches: Patches, found: np.ndarray, delta: float) -> tuple[np.ndarray, np.ndarray]:
    """What red's and blue's a, as found so far, are to change by, and how uncertain that is."""
    here, more, less = (patches.features(_moved(base, found + d)) for d in (0.0, delta, -delta))
    move, error = np.zeros(2), np.full(2, np.inf)
    for n, colour in enumerate("RB"):
        site = cfa.index(colour)
        phi, target = here[site], patches.target(site)
        gram = phi @ phi.T
        told = solved(gram, phi @ target)
        slope = told @ (more[site] - less[site]) / (2 * delta)
        rest, slope = target - told @ phi, slope - solved(gram, phi @ slope) @ phi
        weight = 1 / (np.abs(rest) + np.median(np.abs(rest)) + 1e-9)
        power = float((weight * slope * slope).sum())
        if power > 0:
            move[n] = float((weight * slope * rest).sum()) / power
            error[n] = np.sqrt(float(((weight * slope * rest) ** 2).sum())) / power
    return move, error


def _moved(geometry: Geometry, a: np.ndarray) -> Geometry:
    assert geometry.projection is not None
    red, blue = (round(float(v) * (1 << LENS_BITS)) for v in a)
    return replace(geometry, projection=replace(geometry.projection, chromatic=(red, 0, blue, 0)))


def _as_projection(geometry: Geometry, shape: tuple[int, ...]) -> Geometry | None:
    """The same with a projection; None where there is a warp, or a number out of range."""
    if geometry.projection is not None:
        return geometry
    if geometry.warp is not None or not geometry.in_range:
        return None
    (y, x), (down, across) = geometry.offset, geometry.scale
    scale, px = float(1 << SCALE_BITS), float(1 << POSITION_BITS)
    h = np.array([[down / scale, 0, y / px], [0, across / scale, x / px], [0, 0, 1]])
    return Geometry.of_map(geometry.orientation, shape, h)
