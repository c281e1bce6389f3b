"""`Geometry`: how a JPEG lies over a mosaic.

::

    mosaic site (row, col) --orientation--> turned --scale, offset--> JPEG position --radial warp--> JPEG position
                                               '---`codec.guide.projection`, where there is one--------> JPEG position

A position counts from the middle of the JPEG's first pixel. Everything here is integer arithmetic, or float64 in single
operations + - * / sqrt and rounding (IEEE 754 fixes those to the last bit), so every machine gives the same samples.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np

from ...bitstream.errors import StreamError
from .projection import POSITION_BITS as POSITION_BITS
from .projection import Projection

SCALE_BITS = 24
"""Fraction bits of the scale, JPEG px per mosaic px: an error of 2^-25 is 1/4000 px at the end of an 8,000 px side."""

WARP_BITS = 20
"""Fraction bits of the warp's coefficients."""

_MAX_OFFSET = 1 << (16 + POSITION_BITS)
_MIN_SCALE, _MAX_SCALE = 1 << (SCALE_BITS - 6), 1 << (SCALE_BITS + 2)
_MAX_WARP = 1 << (WARP_BITS + 2)


@dataclass(frozen=True)
class Warp:
    """A radial polynomial: a position p goes to c + (p - c) (1 + k1 r + k2 r^2 + k3 r^3 + k4 r^4), r = |p - c| / rho.

    Odd powers too, since the most used lens profiles (PTLens's, in Lensfun) have them. centre: c as (row, column),
    1/4096 px. coefficients: k1 to k4 in 2^-20. rho is half the JPEG's diagonal, between the middles of its corner
    pixels, so r is about 1 in the corners.
    """

    centre: tuple[int, int]
    coefficients: tuple[int, int, int, int]


@dataclass(frozen=True)
class Geometry:
    """How the JPEG lies over the mosaic.

    orientation: 1..8, the TIFF orientation that turns the mosaic into the JPEG's picture.
    offset: where the turned mosaic's first site lies in the JPEG, (row, column), 1/4096 px.
    scale: JPEG px per mosaic px, (rows, columns) of the turned mosaic, 2^-24.
    projection: stands for offset, scale and warp, which are then those of an identity.
    """

    orientation: int = 1
    offset: tuple[int, int] = (0, 0)
    scale: tuple[int, int] = (1 << SCALE_BITS, 1 << SCALE_BITS)
    warp: Warp | None = None
    projection: Projection | None = None

    @classmethod
    def of_map(
        cls,
        orientation: int,
        shape: tuple[int, ...],
        homography: np.ndarray,
        centre: tuple[float, float] | None = None,
        lens: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
        chromatic: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
    ) -> Geometry:
        """The nearest to a map in floats, not `in_range` where there is none: `Projection.of_map`; shape: of the mosaic
        as it is stored."""
        turned = (shape[1], shape[0]) if orientation >= 5 else (shape[0], shape[1])
        return cls(orientation, projection=Projection.of_map(turned, homography, centre, lens, chromatic))

    @property
    def section(self) -> bytes:
        """What section GEOM holds beside `to_bytes`, nothing without a projection."""
        return self.projection.to_bytes() if self.projection else b""

    def moved(self, down: int, right: int) -> Geometry:
        """The same, so many 1/4096 px further down and right in the JPEG; without a warp."""
        if self.projection is None:
            return replace(self, offset=(self.offset[0] + down, self.offset[1] + right))
        row, col = self.projection.middle
        return replace(self, projection=replace(self.projection, middle=(row + down, col + right)))

    def to_bytes(self) -> bytes:
        """What the header holds, 1 to 41 bytes, little-endian.

        ======  ===========================================================  ==========
        bytes   field                                                        present
        ======  ===========================================================  ==========
        1       bits 0-2 orientation - 1, bit 3 offset, bit 4 scale, bit 5   always
                warp; bits 6, 7 are 0
        4 + 4   offset, int32                                                bit 3
        4 + 4   scale, uint32                                                bit 4
        24      warp: centre 2 x int32, k1 to k4 4 x int32                   bit 5
        ======  ===========================================================  ==========
        """
        plain = Geometry(self.orientation)
        flags, body = self.orientation - 1, b""
        if self.offset != plain.offset:
            flags, body = flags | 8, body + struct.pack("<2i", *self.offset)
        if self.scale != plain.scale:
            flags, body = flags | 16, body + struct.pack("<2I", *self.scale)
        if self.warp is not None:
            flags, body = flags | 32, body + struct.pack("<6i", *self.warp.centre, *self.warp.coefficients)
        return bytes([flags]) + body

    @classmethod
    def from_bytes(cls, data: bytes, section: bytes = b"") -> Geometry:
        """Inverse of `to_bytes` and `section`; `StreamError` if they aren't such, or are out of range."""
        sizes = {8: 8, 16: 8, 32: 24}
        if not data or data[0] > 63 or len(data) != 1 + sum(n for bit, n in sizes.items() if data[0] & bit):
            raise StreamError("the geometry is damaged")
        flags, at = data[0], 1
        offset, scale, warp = (0, 0), (1 << SCALE_BITS, 1 << SCALE_BITS), None
        if flags & 8:
            offset, at = struct.unpack_from("<2i", data, at), at + 8
        if flags & 16:
            scale, at = struct.unpack_from("<2I", data, at), at + 8
        if flags & 32:
            numbers = struct.unpack_from("<6i", data, at)
            warp = Warp(numbers[:2], numbers[2:])
        if section and len(data) > 1:
            raise StreamError("the geometry stands twice, in the header and in section GEOM")
        geometry = cls((flags & 7) + 1, offset, scale, warp, Projection.from_bytes(section) if section else None)
        geometry.check()
        return geometry

    @property
    def in_range(self) -> bool:
        """Whether all numbers are in the range in which `resample`'s integers hold."""
        good = 1 <= self.orientation <= 8
        good &= all(abs(v) <= _MAX_OFFSET for v in self.offset)
        good &= all(_MIN_SCALE <= v <= _MAX_SCALE for v in self.scale)
        if self.warp is not None:
            good &= all(abs(v) <= _MAX_OFFSET for v in self.warp.centre)
            good &= all(abs(v) <= _MAX_WARP for v in self.warp.coefficients)
        if self.projection is not None:
            good &= self == Geometry(self.orientation, projection=self.projection) and self.projection.in_range
        return good

    def check(self) -> None:
        """`StreamError` where a number is not `in_range`."""
        if not self.in_range:
            raise StreamError("the geometry is out of range")

    @property
    def transposes(self) -> bool:
        """Whether the mosaic's rows are the JPEG's columns."""
        return self.orientation >= 5

    def turned(self, rows2: np.ndarray, cols2: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Twice the turned picture's (rows, columns) that twice the mosaic's rows and columns become, each 1-D."""
        if self.orientation in (3, 4, 7, 8) if not self.transposes else self.orientation in (6, 7):
            rows2 = 2 * (height - 1) - rows2
        if self.orientation in (2, 3) if not self.transposes else self.orientation in (7, 8):
            cols2 = 2 * (width - 1) - cols2
        return (cols2, rows2) if self.transposes else (rows2, cols2)

    def laid(
        self, rows2: np.ndarray, cols2: np.ndarray, shape: tuple[int, ...], jpeg_shape: tuple[int, ...], colour: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """JPEG rows and columns, 1/4096 px, of twice the mosaic's rows and columns (1-D each): int64 (n, m) both.

        shape: the mosaic's; colour: of the sites, 0 red, 1 green, 2 blue.
        """
        turned = self.turned(rows2, cols2, shape[0], shape[1])
        if self.projection is not None:
            to = (shape[1], shape[0]) if self.transposes else (shape[0], shape[1])
            ys, xs = self.projection.positions(turned[0][:, None], turned[1][None, :], to, colour)
        else:
            plain = self.positions(*turned)
            ys, xs = self.warped(plain[0][:, None], plain[1][None, :], jpeg_shape)
        return (ys.T, xs.T) if self.transposes else (ys, xs)

    def positions(self, rows2: np.ndarray, cols2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """JPEG positions, 1/4096 px, of twice the turned rows and columns, int64 1-D each, by offset and scale."""
        shift = SCALE_BITS + 1 - POSITION_BITS
        rows = ((rows2 * self.scale[0] + (1 << (shift - 1))) >> shift) + self.offset[0]
        cols = ((cols2 * self.scale[1] + (1 << (shift - 1))) >> shift) + self.offset[1]
        return rows, cols

    @staticmethod
    def rho2(jpeg_shape: tuple[int, ...]) -> float:
        """Square of the warp's rho, (1/4096 px)^2."""
        return float((jpeg_shape[0] - 1) ** 2 + (jpeg_shape[1] - 1) ** 2) / 4 * float(1 << (2 * POSITION_BITS))

    def warped(self, rows: np.ndarray, cols: np.ndarray, jpeg_shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """The warp on positions that broadcast to a grid; both int64 (n, m)."""
        rows, cols = np.broadcast_arrays(rows, cols)
        if self.warp is None:
            return rows, cols
        k1, k2, k3, k4 = (k / float(1 << WARP_BITS) for k in self.warp.coefficients)
        rho2 = self.rho2(jpeg_shape)
        dy = (rows - self.warp.centre[0]).astype(np.float64)
        dx = (cols - self.warp.centre[1]).astype(np.float64)
        r = np.sqrt((dy * dy + dx * dx) / rho2)
        growth = r * (k1 + r * (k2 + r * (k3 + r * k4)))
        limit = float(1 << 40)
        move_y = np.rint(np.clip(dy * growth, -limit, limit)).astype(np.int64)
        move_x = np.rint(np.clip(dx * growth, -limit, limit)).astype(np.int64)
        return rows + move_y, cols + move_x
