"""How well a JPEG explains a mosaic under a geometry: a small regression on patches, in dB."""

from __future__ import annotations

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
        self._shape = raw.mosaic.shape
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

    def psnr(self, geometry: Geometry) -> float:
        """Peak signal to noise of the regression from Y, Cb, Cr at each site to its value, dB, in square roots.

        -inf for a geometry that is out of range: as a trial it loses.
        """
        if not geometry.in_range:
            return -np.inf
        ys, chroma = [], []
        height, width = self._shape
        for window in self._windows:
            y, cb, cr = resample(self._planes, geometry, height, width, (0, 0), window)
            ys.append(y.reshape(cb.shape[0], 2, cb.shape[1], 2).transpose(0, 2, 1, 3).reshape(-1, 4))
            chroma.append(np.stack([cb, cr], -1).reshape(-1, 2) - NEUTRAL)
        unit = float(256 << SAMPLE_BITS)
        used = self._used if self._used.sum() > 500 else np.ones_like(self._used)
        light = np.concatenate(ys)[used] / unit
        b, r = (np.concatenate(chroma)[used] / unit).T
        far = self._radius[used]
        far2 = far * far
        error = 0.0
        for site in range(4):
            y = light[:, site]
            y2 = y * y
            powers = [y, y2, y * y2, y2 * y2, b, r, y * b, y * r, b * b, r * r, b * r]
            phi = np.stack([np.ones_like(y), *powers, y * far, y2 * far, y * far2, y2 * far2])
            target = self._values[used, site]
            gram = phi @ phi.T
            gram[np.diag_indices_from(gram)] *= 1 + 1e-9
            gram[np.diag_indices_from(gram)] += 1e-9
            error += float(np.mean((target - np.linalg.solve(gram, phi @ target) @ phi) ** 2)) / 4
        return float(-10 * np.log10(error + 1e-12))


def _thinned(places: np.ndarray) -> np.ndarray:
    """At most `SIDE` of them, evenly."""
    return places[np.unique(np.linspace(0, len(places) - 1, SIDE).astype(int))] if len(places) else places
