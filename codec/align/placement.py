"""`Placement`: the geometry of a JPEG over a turned mosaic in floats, as the search moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry

NUMBERS = 14
MIDDLE, LINEAR, VANISH, CENTRE, LENS = slice(0, 2), slice(2, 6), slice(6, 8), slice(8, 10), slice(10, 14)
"""Where they stand among the numbers."""

LEAST_DENOMINATOR = 0.125

FAR, NOWHERE = 2.0**24, 1 << 40
"""Bound of what is made a fixed-point number, and what stands for all beyond: out of every range of `Geometry`."""


@dataclass(frozen=True, eq=False)
class Placement:
    """What `codec.guide.projection` does, without red and blue apart, in float64 and JPEG pixels.

    numbers: middle 2, linear 4, vanish 2, centre 2, lens 4, with the meaning that they have there, as floats: (row,
    column), JPEG px per mosaic px. shape: of the turned mosaic.
    """

    numbers: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def plain(cls, offset: tuple[float, float], scale: tuple[float, float], shape: tuple[int, int]) -> Placement:
        """By the JPEG position of the first site and by JPEG px per mosaic px."""
        numbers = np.zeros(NUMBERS)
        numbers[MIDDLE] = [o + s * (n - 1) / 2 for o, s, n in zip(offset, scale, shape, strict=True)]
        numbers[LINEAR] = scale[0], 0, 0, scale[1]
        return cls(numbers, shape)

    @classmethod
    def of_map(cls, homography: np.ndarray, shape: tuple[int, int]) -> Placement | None:
        """homography: takes (row, column, 1) of the turned mosaic to JPEG px; None where the middle has no place."""
        rho, (row, col) = _rho(shape), ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
        h = homography @ np.array([[rho, 0, row], [0, rho, col], [0, 0, 1]])
        if not np.isfinite(h).all() or abs(h[2, 2]) < 1e-9:
            return None
        h = h / h[2, 2]
        numbers = np.zeros(NUMBERS)
        numbers[MIDDLE], numbers[VANISH] = h[:2, 2], h[2, :2]
        numbers[LINEAR] = ((h[:2, :2] - np.outer(h[:2, 2], h[2, :2])) / rho).ravel()
        return cls(numbers, shape)

    @property
    def rho(self) -> float:
        """Half the mosaic's diagonal, px."""
        return _rho(self.shape)

    @property
    def scale(self) -> float:
        """JPEG px per mosaic px in the middle, in the mean."""
        a, b, c, d = self.numbers[LINEAR]
        return float(np.sqrt(abs(a * d - b * c)))

    @property
    def sane(self) -> bool:
        """Whether it is a picture's place: all finite, no mirror, nothing folded."""
        n = self.numbers
        if not np.isfinite(n).all() or n[2] * n[5] - n[3] * n[4] <= 1e-6 or np.hypot(*n[VANISH]) > 0.7:
            return False
        r = np.linspace(0, 1, 9)
        k1, k2, k3, k4 = n[LENS]
        slope = 1 + r * (2 * k1 + r * (3 * k2 + r * (4 * k3 + r * 5 * k4)))
        return bool(0.3 < slope.min() <= slope.max() < 3) and bool(np.abs(n[CENTRE]).max() < 1)

    def __call__(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """JPEG positions of turned sites; arrays that broadcast."""
        y, x = positions(self.numbers[None], self.shape, rows, cols)
        return y[0], x[0]

    def grid(self, factor: int, lead: tuple[float, float], whole: int) -> np.ndarray:
        """For `codec.align.kernels.lay`, of a first picture whose samples are `factor` cells of the mosaic.

        lead: the turned site in the first cell's corner; whole: JPEG px to a sample of the second picture.
        """
        rho = self.rho
        lines = []
        for at, side in zip(lead, self.shape, strict=True):
            lines += [2 * factor / rho, (factor - 0.5 + at - (side - 1) / 2) / rho]
        n = self.numbers
        linear = n[LINEAR] * rho
        return np.array(
            [*lines, *n[CENTRE], *n[LENS], *linear, *n[VANISH], *n[MIDDLE], whole, bool(n[CENTRE.start :].any())]
        )

    @property
    def corner(self) -> tuple[float, float]:
        """JPEG position of the first site, of a placement that only scales and shifts."""
        row, col = self(np.zeros(1), np.zeros(1))
        return float(row[0]), float(col[0])

    def plainest(self, orientation: int) -> Geometry:
        """Its offset and scale alone, as a geometry."""
        n, s = self.numbers, (self.numbers[2], self.numbers[5])
        offset = [float(n[k]) - s[k] * (self.shape[k] - 1) / 2 for k in (0, 1)]
        return Geometry(
            orientation,
            (_fixed(offset[0], POSITION_BITS), _fixed(offset[1], POSITION_BITS)),
            (_fixed(float(s[0]), SCALE_BITS), _fixed(float(s[1]), SCALE_BITS)),
        )

    def geometry(self, orientation: int, chromatic: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)) -> Geometry:
        """In the fixed-point numbers of the stream; of a fit that ran away, one that is not `in_range`.

        By offset and scale where it is no more than that.
        """
        n = self.numbers
        if not np.isfinite(n).all():
            return Geometry(orientation, (NOWHERE, NOWHERE))
        if not (n[3] or n[4] or n[VANISH].any() or n[LENS].any() or any(chromatic)):
            return self.plainest(orientation)
        rho, (row, col) = self.rho, ((self.shape[0] - 1) / 2, (self.shape[1] - 1) / 2)
        with np.errstate(all="ignore"):
            h = np.eye(3)
            h[:2, :2] = n[LINEAR].reshape(2, 2) * rho + np.outer(n[MIDDLE], n[VANISH])
            h[:2, 2], h[2, :2] = n[MIDDLE], n[VANISH]
            h = h @ np.array([[1 / rho, 0, -row / rho], [0, 1 / rho, -col / rho], [0, 0, 1]])
        centre = (row + rho * float(n[8]), col + rho * float(n[9]))
        stored = self.shape[::-1] if orientation >= 5 else self.shape
        return Geometry.of_map(orientation, stored, h, centre, tuple(float(k) for k in n[LENS]), chromatic)


def positions(
    numbers: np.ndarray, shape: tuple[int, int], rows: np.ndarray, cols: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """JPEG positions of turned sites by several placements' numbers (p, 14): (p, ...) both."""
    rho = _rho(shape)
    rows, cols = np.broadcast_arrays(rows, cols)
    n = numbers.T.reshape(NUMBERS, -1, *[1] * rows.ndim)
    v, u = (rows - (shape[0] - 1) / 2) / rho - n[8], (cols - (shape[1] - 1) / 2) / rho - n[9]
    with np.errstate(all="ignore"):
        r = np.sqrt(v * v + u * u)
        growth = 1 + r * (n[10] + r * (n[11] + r * (n[12] + r * n[13])))
        v, u = v * growth + n[8], u * growth + n[9]
        w = np.maximum(1 + n[6] * v + n[7] * u, LEAST_DENOMINATOR) / rho
        return n[0] + (n[2] * v + n[3] * u) / w, n[1] + (n[4] * v + n[5] * u) / w


def _rho(shape: tuple[int, int]) -> float:
    return max(float(np.hypot(shape[0] - 1, shape[1] - 1)) / 2, 1.0)


def _fixed(value: float, bits: int) -> int:
    """The value in 2^-bits; `NOWHERE` where it is not a number that could be in range."""
    return round(value * (1 << bits)) if abs(value) < FAR else NOWHERE
