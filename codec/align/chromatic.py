"""Red and blue apart from green: what a JPEG was corrected for and its mosaic was not (lateral chromatic aberration).

The small regression of `fit_check` tells red and blue sites from the JPEG. Where they lie a little out of place, what
it leaves goes along with how its prediction changes with the place: a step of Gauss and Newton for each colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...bitstream.raw_image import RawImage
from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from ..guide.projection import LENS_BITS, MAX_CHROMATIC
from .fit_check import Patches, solved

TRIED = 0.5
"""Pixels in the mosaic's corners by which places are moved to see what that changes."""

LEAST, MOST = 0.1, 4.0
"""Pixels in the corners that are worth telling, and that a lens does."""

SURE = 6.0
"""Times its own error that a move has to be."""

GAIN, FURTHER, WORTH = 0.03, 0.05, 3e4
"""dB of the small regression that a move has to bring, and its growth with the distance; and dB times sites, for the
bytes that it takes."""

STEPS, SETTLED, NEAR = 8, 0.05, 0.6
"""Steps at most; pixels in the corners that are not worth another, and up to which slopes stay as they are."""


def apart(raw: RawImage, geometry: Geometry, patches: Patches) -> tuple[Geometry, float]:
    """The geometry with red and blue moved, and by how much at most, px; as it is, and 0, where that is not beyond
    doubt.

    Each colour's distance from the middle is multiplied by 1 + a; or by 1 + a + b r^2, where that tells more.
    """
    shape = raw.mosaic.shape
    base = _as_projection(geometry, shape)
    if base is None or not base.in_range:
        return geometry, 0.0
    corner = float(np.hypot(shape[0] - 1, shape[1] - 1)) / 2
    # What is moved on trial must be in range too: of a mosaic below some 140 px the format's bound comes first.
    reach = min(MOST, corner * MAX_CHROMATIC / (1 << LENS_BITS) - TRIED) / corner
    if reach * corner < LEAST:
        return geometry, 0.0
    patches = patches.half()
    views = _Views(raw.cfa, base, patches, TRIED / corner)
    first = views.at(np.zeros((2, 2)))
    best, found, db = geometry, np.zeros((2, 2)), -np.inf
    for terms in (1, 2):
        trial = _moves(views, first, found, terms, (corner, reach))
        if trial is None:
            continue
        db = max(db, patches.psnr(geometry)) if not found.any() else db
        moved = _moved(base, trial)
        there = patches.psnr(moved)
        if there > db + (FURTHER if found.any() else max(GAIN, WORTH / raw.mosaic.size)):
            best, found, db = moved, trial, there
    return best, _most(found) * corner


def _moves(
    views: _Views, first: list[_View], start: np.ndarray, terms: int, bounds: tuple[float, float]
) -> np.ndarray | None:  # fmt: skip
    """(a, b) of red and of blue, (2, 2), the last of so many terms moved beyond doubt in one of them; None of none.

    A colour in which it isn't stays as at the start, and the terms that aren't looked for are 0. bounds: pixels from
    the middle to a corner, and the largest a and b.
    """
    corner, reach = bounds
    found, seen, place = start.copy(), views.at(start, first) if start.any() else first, np.zeros((2, 2))
    for step in range(STEPS):
        move, error = (np.stack(v) for v in zip(*(view.step(terms) for view in seen), strict=True))
        found[:, :terms] = np.clip(found[:, :terms] + move, -reach, reach)
        last = np.abs(found[:, terms - 1])
        sure = (last > SURE * error[:, -1]) & (last * corner > LEAST)
        if not sure.any():
            return None
        if np.abs(move[sure]).max() * corner < SETTLED or step == STEPS - 1:
            break
        if np.abs(found - place).max() * corner > NEAR:
            first, place = views.at(found), found.copy()
            seen = first
        else:
            seen = views.at(found, first)
    return np.where(sure[:, None], found, start)


@dataclass(frozen=True)
class _View:
    """What one colour's sites show with red and blue in some place.

    phi: features (n, cells); rest: what they leave of the values; slope: change of the prediction with a; radius2:
    of the cells, squares of the distance from the middle.
    """

    phi: np.ndarray
    rest: np.ndarray
    slope: np.ndarray
    radius2: np.ndarray

    def step(self, terms: int) -> tuple[np.ndarray, np.ndarray]:
        """What the first so many of a and b are to change by, and how uncertain that is."""
        slopes = np.stack([self.slope, self.slope * self.radius2][:terms])  # a shift by b is one by a, times r^2
        slopes = slopes - solved(self.phi @ self.phi.T, self.phi @ slopes.T).T @ self.phi
        weight = 1 / (np.abs(self.rest) + np.median(np.abs(self.rest)) + 1e-9)
        power = (weight * slopes) @ slopes.T
        if not np.linalg.det(power) > 0:
            return np.zeros(terms), np.full(terms, np.inf)
        inverse = np.linalg.inv(power)
        spread = weight * self.rest * slopes
        return inverse @ (weight * slopes @ self.rest), np.sqrt(np.diag(inverse @ (spread @ spread.T) @ inverse))


@dataclass(frozen=True)
class _Views:
    """Makes views. delta: by how much a is moved to see what that changes."""

    cfa: str
    base: Geometry
    patches: Patches
    delta: float

    def at(self, found: np.ndarray, first: list[_View] | None = None) -> list[_View]:
        """Red's and blue's view, at their a and b, (2, 2). first: views whose slopes will do, hardly another."""
        sites = [self.cfa.index(colour) for colour in "RB"]
        moves = (0.0,) if first else (0.0, self.delta, -self.delta)
        seen = [self.patches.features(_moved(self.base, found + np.array([d, 0.0])), sites) for d in moves]
        views = []
        for n, site in enumerate(sites):
            phi, target = seen[0][n], self.patches.target(site)
            told = solved(phi @ phi.T, phi @ target)
            slope = first[n].slope if first else told @ (seen[1][n] - seen[2][n]) / (2 * self.delta)
            views.append(_View(phi, target - told @ phi, slope, self.patches.radius2))
        return views


def _most(found: np.ndarray) -> float:
    """The largest shift of red or blue between middle and corners, of half the diagonal."""
    r = np.linspace(0, 1, 21)
    return float(np.abs(found[:, :1] * r + found[:, 1:] * r**3).max())


def _moved(geometry: Geometry, found: np.ndarray) -> Geometry:
    assert geometry.projection is not None
    red, more_red, blue, more_blue = (round(float(v) * (1 << LENS_BITS)) for v in found.ravel())
    return replace(geometry, projection=replace(geometry.projection, chromatic=(red, more_red, blue, more_blue)))


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
