"""How well a JPEG explains a mosaic under a geometry: a small regression on patches, in dB."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ..guide.geometry import POSITION_BITS, Geometry
from ..guide.resample import NEUTRAL, SAMPLE_BITS, resample

PATCH = 24
"""Side of a patch in cells."""

SIDE = 6
"""Patches per side of the picture."""

MARGIN = 8
"""Pixels of the JPEG left out along its edge, so that neighbouring geometries see the same patches."""


class Patches:
    """The mosaic's values in patches spread over the picture, as square roots of 0..1 (evens the noise)."""

    def __init__(self, raw: RawImage, planes: JpegPlanes, geometry: Geometry) -> None:
        self._planes = planes
        self._shape, self._cfa = raw.mosaic.shape, raw.cfa
        self._windows = self._spread(geometry)
        black = np.array(raw.black, np.float64).reshape(2, 2)
        values, used, radius = [], [], []
        middle = np.array(self._shape) / 4
        for a, b in self._windows:
            part = raw.mosaic[2 * a.start : 2 * a.stop, 2 * b.start : 2 * b.stop].astype(np.float64)
            cells = part.reshape(part.shape[0] // 2, 2, part.shape[1] // 2, 2).transpose(0, 2, 1, 3)
            level = (cells - black) / (raw.white - black)
            values.append(np.sqrt(np.clip(level, 0, 1)).reshape(-1, 4))
            r = np.indices(level.shape[:2]).reshape(2, -1).T + np.array([a.start, b.start]) - middle
            radius.append((r * r).sum(1) / (middle @ middle))
            used.append((level < 0.97).all((2, 3)).reshape(-1))
        self._values = np.concatenate(values)
        self._used = np.concatenate(used)
        self._radius = np.concatenate(radius)  # squared, 1 in the corners: lens corrections brighten them

    def half(self) -> Patches:
        """Every other patch of many, as on a chessboard: for what takes several looks."""
        if len(self._windows) < 3 * SIDE:
            return self
        sizes = [(a.stop - a.start) * (b.stop - b.start) for a, b in self._windows]
        kept = np.array([(k + k // SIDE) % 2 == 0 for k in range(len(sizes))])
        cells = np.repeat(kept, sizes)
        some = copy.copy(self)
        some._windows = [window for window, keep in zip(self._windows, kept, strict=True) if keep]
        some._values, some._used, some._radius = self._values[cells], self._used[cells], self._radius[cells]
        return some

    def _spread(self, geometry: Geometry) -> list[tuple[slice, slice]]:
        """Up to `SIDE`^2 windows of cells with their corners well inside the JPEG; the picture's middle if none has."""
        rows, cols = (np.unique(np.linspace(0, max(n // 2 - PATCH, 0), 4 * SIDE + 1).astype(int)) for n in self._shape)
        rows2, cols2 = (np.concatenate([4 * v, 4 * (v + PATCH)]).astype(np.int64) for v in (rows, cols))
        y, x = geometry.laid(rows2, cols2, self._shape, self._planes.y.shape)
        edge = MARGIN << POSITION_BITS
        high = [(n - 1) << POSITION_BITS for n in self._planes.y.shape]
        corners = (y >= edge) & (x >= edge) & (y <= high[0] - edge) & (x <= high[1] - edge)
        inside = corners.reshape(2, len(rows), 2, len(cols)).all((0, 2))
        some_rows = _thinned(np.flatnonzero(inside.any(1)))
        windows = [(rows[i], cols[j]) for i in some_rows for j in _thinned(np.flatnonzero(inside[i]))]
        if not windows:
            windows = [(rows[len(rows) // 2], cols[len(cols) // 2])]
        ends = [n // 2 for n in self._shape]  # whole cells only
        starts = ((int(i), int(j)) for i, j in windows)
        return [(slice(i, min(i + PATCH, ends[0])), slice(j, min(j + PATCH, ends[1]))) for i, j in starts]

    def _guide(self, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
        """Y (cells, 4) and Cb, Cr (cells, 2) of the patches' cells, 1 is white."""
        ys, chroma = [], []
        height, width = self._shape
        for window in self._windows:
            y, cb, cr = resample(self._planes, geometry, height, width, (0, 0), window, self._cfa)
            ys.append(y.reshape(cb.shape[0], 2, cb.shape[1], 2).transpose(0, 2, 1, 3).reshape(-1, 4))
            chroma.append(np.stack([cb, cr], -1).reshape(-1, 2) - NEUTRAL)
        unit = float(256 << SAMPLE_BITS)
        return np.concatenate(ys) / unit, np.concatenate(chroma) / unit

    def psnr(self, geometry: Geometry) -> float:
        """Peak signal to noise of the regression from Y, Cb, Cr at each site to its value, dB, in square roots.

        -inf for a geometry that is out of range: as a trial it loses.
        """
        if not geometry.in_range:
            return -np.inf
        return self._psnr(*self._guide(geometry))

    def psnr_of_none(self) -> float:
        """The same without a guide: of a constant and of falloff alone."""
        return self._psnr(np.ones_like(self._values), np.zeros((len(self._values), 2)))

    def _psnr(self, light: np.ndarray, chroma: np.ndarray) -> float:
        error = 0.0
        for site in range(4):
            phi, target = self._features(light, chroma, site), self.target(site)
            error += float(np.mean((target - solved(phi @ phi.T, phi @ target) @ phi) ** 2)) / 4
        return float(-10 * np.log10(error + 1e-12))

    def features(self, geometry: Geometry, sites: Sequence[int]) -> list[np.ndarray]:
        """What the regression tells some sites' values from, under a geometry in range: (features, cells) of each."""
        guide = self._guide(geometry)
        return [self._features(*guide, site) for site in sites]

    def target(self, site: int) -> np.ndarray:
        """The values that it is to tell, (cells,)."""
        return np.asarray(self._values[self._counted, site])

    @property
    def radius2(self) -> np.ndarray:
        """Of the same cells, squares of the distance from the mosaic's middle, 1 in its corners."""
        return np.asarray(self._radius[self._counted])

    @property
    def _counted(self) -> np.ndarray:
        return self._used if self._used.sum() > 500 else np.ones_like(self._used)

    def _features(self, light: np.ndarray, chroma: np.ndarray, site: int) -> np.ndarray:
        counted = self._counted
        y, (b, r), far = light[counted, site], chroma[counted].T, self._radius[counted]
        y2, far2 = y * y, far * far
        powers = [y, y2, y * y2, y2 * y2, b, r, y * b, y * r, b * b, r * r, b * r]
        return np.stack([np.ones_like(y), *powers, y * far, y2 * far, y * far2, y2 * far2])

    def gain(self, geometry: Geometry) -> float:
        """Bits a site, in the mean over the patches, by which the guide tells a patch's detail.

        Detail is what a quadratic surface leaves of a patch. The regression is robust: patches in which the guide shows
        something else, a bar or a stamp, count little in it, and for nothing in the mean.
        """
        return float(self._told(geometry).mean())

    def out_of_register(self, geometry: Geometry, px: float) -> float:
        """Bits a site that patches would save if each were moved on its own, by so many JPEG px up, down, left or right
        or not at all."""
        step = round(px * (1 << POSITION_BITS))
        here = self._told(geometry)
        best = here
        for down, right in ((step, 0), (-step, 0), (0, step), (0, -step)):
            best = np.maximum(best, self._told(geometry.moved(down, right)))
        return float((best - here).mean())

    def _told(self, geometry: Geometry) -> np.ndarray:
        """`gain`, by patch."""
        none = np.zeros(1)
        if not geometry.in_range:
            return none
        light, chroma = self._guide(geometry)
        n, side = len(self._windows), PATCH
        if len(light) != n * side * side or not n:
            return none
        surface = _surface(side)
        before, after = np.zeros(n), np.zeros(n)
        for site in range(4):
            y = light[:, site]
            phi = np.stack([y, y * y, y**3, y**4, chroma[:, 0], chroma[:, 1], y * chroma[:, 0], y * chroma[:, 1]], -1)
            joint = np.concatenate([phi, self._values[:, site : site + 1]], 1).reshape(n, side * side, -1)
            joint -= surface @ (surface.T @ joint)
            grams = joint.transpose(0, 2, 1) @ joint / (side * side)
            weight = np.ones(n)
            for _ in range(4):
                gram = np.einsum("p,pij->ij", weight, grams)
                coefficients = np.append(-solved(gram[:-1, :-1], gram[:-1, -1]), 1)
                rest = np.einsum("i,pij,j->p", coefficients, grams, coefficients)
                weight = 1 / (np.maximum(rest, 0) + 0.3 * np.median(rest) + 1e-9)
            before += grams[:, -1, -1]
            after += np.maximum(rest, 0)
        return np.asarray(np.maximum(0.5 * np.log2((before + 1e-9) / (after + 1e-9)), 0))


def solved(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Least squares from sums of products, these changed."""
    gram = gram.copy()
    gram[np.diag_indices_from(gram)] *= 1 + 1e-9
    gram[np.diag_indices_from(gram)] += 1e-9
    return np.asarray(np.linalg.solve(gram, right))


def _surface(side: int) -> np.ndarray:
    """An orthonormal base of the quadratic surfaces on side x side cells, (side^2, 6)."""
    y, x = (v.ravel() / side - 0.5 for v in np.indices((side, side)))
    return np.asarray(np.linalg.qr(np.stack([np.ones_like(y), y, x, y * y, y * x, x * x], 1))[0])


def _thinned(places: np.ndarray) -> np.ndarray:
    """At most `SIDE` of them, evenly."""
    return places[np.unique(np.linspace(0, len(places) - 1, SIDE).astype(int))] if len(places) else places
