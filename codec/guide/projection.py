"""`Projection`: how a JPEG lies over a mosaic that it was turned, straightened or lens-corrected from.

::

    turned site --chromatic shift--> --radial polynomial--> --homography--> JPEG position

All three are of the turned mosaic's own frame: v = (row, column) from its middle, in units of half its diagonal, so the
corners' middles have |v| = 1. Whole numbers, or float64 in single operations + - * / sqrt and rounding, in the order
written: every machine finds the same positions.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import StreamError

POSITION_BITS = 12
"""Fraction bits of a position in the JPEG: 1/4096 px."""

LINEAR_BITS, VANISH_BITS, CENTRE_BITS, LENS_BITS = 24, 30, 24, 26
"""Fraction bits of the fields. Together they move no site of a 12,000 px side by more than 1/400 px at full size."""

LEAST_DENOMINATOR = 0.125
"""The homography's denominator is held at this where it is less: far beyond what `in_range` allows to be seen."""

FAR = float(1 << 30)
"""Bound of a position, 1/4096 px: beyond any picture."""

_MAX_MIDDLE = 1 << (16 + POSITION_BITS)
_MAX_LINEAR = 1 << (LINEAR_BITS + 2)
_LEAST_AREA = 1 << (2 * LINEAR_BITS - 12)
_MAX_VANISH2 = 9 << (2 * VANISH_BITS - 4)
_MAX_CENTRE = 1 << (CENTRE_BITS + 1)
_MAX_LENS = 1 << (LENS_BITS + 2)
MAX_CHROMATIC = 1 << (LENS_BITS - 4)
_PARTS = ((1, "<2i", "vanish"), (2, "<2i", "centre"), (4, "<4i", "lens"), (8, "<4i", "chromatic"))
_FIXED = struct.Struct("<B2i4i")


@dataclass(frozen=True)
class Projection:
    """How the JPEG lies over the turned mosaic; v and rho (half the diagonal, px) as at the head of this file.

    middle: where v = 0 lies in the JPEG, (row, column), 1/4096 px.
    linear: JPEG px per mosaic px there, (row by row, row by column, column by row, column by column), 2^-24.
    vanish: (g, h) of the homography's denominator w = 1 + g v_row + h v_col, 2^-30. The position is middle +
    rho linear v / w.
    centre: the lens's, as v, 2^-24.
    lens: k1 to k4 of 1 + k1 r + k2 r^2 + k3 r^3 + k4 r^4, by which the distance r from the centre is multiplied, 2^-26.
    chromatic: (a, b) for red sites, (a, b) for blue ones: before, theirs is multiplied by 1 + a + b r^2, 2^-26.
    """

    middle: tuple[int, int]
    linear: tuple[int, int, int, int]
    vanish: tuple[int, int] = (0, 0)
    centre: tuple[int, int] = (0, 0)
    lens: tuple[int, int, int, int] = (0, 0, 0, 0)
    chromatic: tuple[int, int, int, int] = (0, 0, 0, 0)

    def to_bytes(self) -> bytes:
        """Section GEOM, 25 to 73 bytes, little-endian.

        ======  ===========================================================  ==========
        bytes   field                                                        present
        ======  ===========================================================  ==========
        1       bit 0 vanish, bit 1 centre, bit 2 lens, bit 3 chromatic;     always
                bits 4 to 7 are 0
        8       middle, 2 x int32                                            always
        16      linear, 4 x int32                                            always
        8       vanish, 2 x int32                                            bit 0
        8       centre, 2 x int32                                            bit 1
        16      lens, 4 x int32                                              bit 2
        16      chromatic, 4 x int32                                         bit 3
        ======  ===========================================================  ==========
        """
        flags, body = 0, b""
        for bit, layout, name in _PARTS:
            numbers = getattr(self, name)
            if any(numbers):
                flags, body = flags | bit, body + struct.pack(layout, *numbers)
        return _FIXED.pack(flags, *self.middle, *self.linear) + body

    @classmethod
    def from_bytes(cls, data: bytes) -> Projection:
        """Inverse of `to_bytes`; `StreamError` if it isn't one, or is out of range."""
        sizes = {bit: struct.calcsize(layout) for bit, layout, _ in _PARTS}
        if not data or data[0] > 15 or len(data) != _FIXED.size + sum(n for bit, n in sizes.items() if data[0] & bit):
            raise StreamError("the section GEOM is damaged")
        flags, *fixed = _FIXED.unpack_from(data)
        at, parts = _FIXED.size, {}
        for bit, layout, name in _PARTS:
            if flags & bit:
                parts[name], at = struct.unpack_from(layout, data, at), at + sizes[bit]
        projection = cls((fixed[0], fixed[1]), (fixed[2], fixed[3], fixed[4], fixed[5]), **parts)
        projection.check()
        return projection

    @property
    def in_range(self) -> bool:
        """Whether all numbers are in the range in which positions hold: no mirror, a site at least 1/4096 px large, and
        w at least 1/4 wherever |v| is at most 1."""
        good = all(abs(n) <= _MAX_MIDDLE for n in self.middle) and all(abs(n) <= _MAX_LINEAR for n in self.linear)
        good &= self.linear[0] * self.linear[3] - self.linear[1] * self.linear[2] >= _LEAST_AREA
        good &= self.vanish[0] ** 2 + self.vanish[1] ** 2 <= _MAX_VANISH2
        good &= all(abs(n) <= _MAX_CENTRE for n in self.centre) and all(abs(n) <= _MAX_LENS for n in self.lens)
        return good and all(abs(n) <= MAX_CHROMATIC for n in self.chromatic)

    def check(self) -> None:
        """`StreamError` where a number is not `in_range`."""
        if not self.in_range:
            raise StreamError("the section GEOM is out of range")

    def numbers(self, shape: tuple[int, int]) -> np.ndarray:
        """What positions are computed from, float64 (16,), for a turned mosaic of a shape: rho2 (rho twice, px),
        centre, k1 to k4, linear in 1/4096 px per unit of v, vanish, middle; all exact or rounded once but rho2 and
        linear, which are rounded twice."""
        rho2 = math.sqrt(float((shape[0] - 1) ** 2 + (shape[1] - 1) ** 2))
        unit = rho2 / float(1 << (LINEAR_BITS + 1 - POSITION_BITS))
        return np.array(
            [rho2, float(shape[0] - 1), float(shape[1] - 1),
             *(n / float(1 << CENTRE_BITS) for n in self.centre), *(k / float(1 << LENS_BITS) for k in self.lens),
             *(n * unit for n in self.linear), *(n / float(1 << VANISH_BITS) for n in self.vanish),
             *(float(n) for n in self.middle)]
        )  # fmt: skip

    def shift(self, colour: int) -> tuple[float, float]:
        """a and b of a colour's sites: 0 red, 1 green, 2 blue."""
        if colour == 1:
            return 0.0, 0.0
        a, b = self.chromatic[colour : colour + 2]
        return a / float(1 << LENS_BITS), b / float(1 << LENS_BITS)

    def positions(
        self, rows2: np.ndarray, cols2: np.ndarray, shape: tuple[int, int], colour: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """JPEG positions, 1/4096 px, of twice the turned rows and columns, which broadcast to a grid; int64 both.

        shape: the turned mosaic's. The same as `resample_kernels.at_projected`.
        """
        n = self.numbers(shape)
        a, b = self.shift(colour)
        dy = (rows2.astype(np.float64) - n[1]) / n[0] - n[3]
        dx = (cols2.astype(np.float64) - n[2]) / n[0] - n[4]
        stretch = 1.0 + (a + b * (dy * dy + dx * dx))
        dy, dx = dy * stretch, dx * stretch
        r = np.sqrt(dy * dy + dx * dx)
        growth = 1.0 + r * (n[5] + r * (n[6] + r * (n[7] + r * n[8])))
        y, x = dy * growth + n[3], dx * growth + n[4]
        w = np.maximum(1.0 + (n[13] * y + n[14] * x), LEAST_DENOMINATOR)
        row = np.rint((n[9] * y + n[10] * x) / w) + n[15]
        col = np.rint((n[11] * y + n[12] * x) / w) + n[16]
        return np.clip(row, -FAR, FAR).astype(np.int64), np.clip(col, -FAR, FAR).astype(np.int64)

    @classmethod
    def of_map(
        cls,
        shape: tuple[int, int],
        homography: np.ndarray,
        centre: tuple[float, float] | None = None,
        lens: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
        chromatic: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
    ) -> Projection:
        """The nearest projection to a map in floats; one that is not `in_range` where there is none.

        shape: the turned mosaic's. homography: 3x3, takes (row, column, 1) in px of the turned mosaic, lens-corrected,
        to JPEG px. centre: the lens's, (row, column), px of the turned mosaic; its middle by default. lens, chromatic:
        as in the class, r being the distance from the centre over half the diagonal.
        """
        rho, middle = float(np.hypot(shape[0] - 1, shape[1] - 1)) / 2, ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
        h = np.asarray(homography, np.float64) @ np.array([[rho, 0, middle[0]], [0, rho, middle[1]], [0, 0, 1]])
        with np.errstate(all="ignore"):
            h = h / h[2, 2]
            at = h[:2, 2]
            linear = (h[:2, :2] - at[:, None] * h[2, :2]) / rho
            from_middle = [0.0, 0.0] if centre is None else [(c - m) / rho for c, m in zip(centre, middle, strict=True)]
        t, v, c = _fixed(at, POSITION_BITS), _fixed(h[2, :2], VANISH_BITS), _fixed(from_middle, CENTRE_BITS)
        line, k, ab = _fixed(linear.ravel(), LINEAR_BITS), _fixed(lens, LENS_BITS), _fixed(chromatic, LENS_BITS)
        return cls(
            (t[0], t[1]), (line[0], line[1], line[2], line[3]), (v[0], v[1]), (c[0], c[1]), (k[0], k[1], k[2], k[3]),
            (ab[0], ab[1], ab[2], ab[3]),
        )  # fmt: skip


def _fixed(values: np.ndarray | tuple[float, ...] | list[float], bits: int) -> list[int]:
    """The values in 2^-bits; out of every range where one is not a number that could be in it."""
    return [round(float(v) * (1 << bits)) if abs(v) < 2.0**24 else 1 << 62 for v in values]
