"""`Geometry`: how a JPEG lies over a mosaic, and the JPEG's planes sampled at the mosaic's sites by it.

::

    mosaic site (row, col) --orientation--> turned --scale, offset--> JPEG position --radial warp--> JPEG position

A position counts from the middle of the JPEG's first pixel. Everything here is integer arithmetic, or float64 in single
operations + - * / sqrt and rounding (IEEE 754 fixes those to the last bit), so every machine gives the same samples.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.jpeg.planes import JpegPlanes

POSITION_BITS = 12
"""Fraction bits of a position in the JPEG: 1/4096 px."""

SCALE_BITS = 24
"""Fraction bits of the scale, JPEG px per mosaic px: an error of 2^-25 is 1/4000 px at the end of an 8,000 px side."""

WARP_BITS = 20
"""Fraction bits of the warp's coefficients."""

SAMPLE_BITS = 4
"""Fraction bits of `resample`'s samples, which are 8.4 bits: averages of four and more are exact or nearly so, and the
recipe's powers of 12-bit numbers still fit its integers."""

NEUTRAL = 128 << SAMPLE_BITS
"""Cb and Cr of gray in `resample`'s samples."""

_PHASE_BITS = 6  # interpolation knows 64 positions between two samples
_WEIGHT_BITS = 10
_BAND = 64  # rows resampled at once

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
    """

    orientation: int = 1
    offset: tuple[int, int] = (0, 0)
    scale: tuple[int, int] = (1 << SCALE_BITS, 1 << SCALE_BITS)
    warp: Warp | None = None

    def to_bytes(self) -> bytes:
        """Serialised, 1 to 41 bytes, little-endian.

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
    def from_bytes(cls, data: bytes) -> Geometry:
        """Inverse of `to_bytes`; `StreamError` if it isn't one, or is out of range."""
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
        geometry = cls((flags & 7) + 1, offset, scale, warp)
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

    def positions(self, rows2: np.ndarray, cols2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """JPEG positions, 1/4096 px, of twice the turned rows and columns, int64 1-D each, without the warp."""
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


def padded_shape(height: int, width: int, cell_origin: tuple[int, int]) -> tuple[int, int]:
    """Shape of the mosaic with its cells made whole: the first cell may begin one site before it."""
    return (height + cell_origin[0] + 1) // 2 * 2, (width + cell_origin[1] + 1) // 2 * 2


def resample(
    planes: JpegPlanes,
    geometry: Geometry,
    height: int,
    width: int,
    cell_origin: tuple[int, int] = (0, 0),
    window: tuple[slice, slice] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The JPEG at the sites and cells of a mosaic of height x width; int16, 0..4080: 8 bits and 4 of a fraction.

    cell_origin: (rows, columns) 0 or 1 by which the first cell begins before the mosaic. Returns y (H', W') at every
    site of the padded mosaic and cb, cr (H'/2, W'/2) at every cell's middle, (H', W') from `padded_shape`; of the cells
    in `window` only, if given. Outside the JPEG its edge goes on. Y is interpolated by Keys' cubic (a = -1/2), chroma
    bilinearly from its own grid, so that 4:4:4 gives a cell's average; where a site falls on a sample, and a cell's
    middle on a chroma sample, it is that sample exactly. A grayscale JPEG gives neutral chroma. `StreamError` where the
    geometry is out of range.
    """
    geometry.check()
    h, w = padded_shape(height, width, cell_origin)
    cell_rows, cell_cols = np.arange(h // 2, dtype=np.int64), np.arange(w // 2, dtype=np.int64)
    if window is not None:
        cell_rows, cell_cols = cell_rows[window[0]], cell_cols[window[1]]
    rows2 = 4 * cell_rows[:, None] + [0, 2] - 2 * cell_origin[0]
    cols2 = 4 * cell_cols[:, None] + [0, 2] - 2 * cell_origin[1]
    sites = geometry.turned(rows2.reshape(-1), cols2.reshape(-1), height, width)
    (y,) = sample((planes.y,), planes.y.shape, geometry, *sites, (1, 1), CUBIC)
    if planes.cb is None or planes.cr is None:
        neutral = np.full((len(cell_rows), len(cell_cols)), NEUTRAL, np.int16)
        return y, neutral, neutral.copy()
    middles = geometry.turned(rows2[:, 0] + 1, cols2[:, 0] + 1, height, width)
    cb, cr = sample((planes.cb, planes.cr), planes.y.shape, geometry, *middles, planes.subsampling, LINEAR)
    return y, cb, cr


def _cubic_weights() -> np.ndarray:
    """Keys' weights (64, 4), which sum to 1024; from integers: t is k / 64, the polynomial times 2 x 64^3."""
    one = 1 << _PHASE_BITS
    t = np.arange(one, dtype=np.int64)
    outer0 = -(t**3) + 2 * one * t**2 - one**2 * t
    inner0 = 3 * t**3 - 5 * one * t**2 + 2 * one**3
    outer1 = t**3 - one * t**2
    shift = 3 * _PHASE_BITS + 1 - _WEIGHT_BITS
    table = (np.stack([outer0, inner0, 2 * one**3 - outer0 - inner0 - outer1, outer1], 1) + (1 << (shift - 1))) >> shift
    table[:, 1] += (1 << _WEIGHT_BITS) - table.sum(1)
    return table.astype(np.int32)


def _linear_weights() -> np.ndarray:
    t = np.arange(1 << _PHASE_BITS, dtype=np.int32) << (_WEIGHT_BITS - _PHASE_BITS)
    return np.stack([(1 << _WEIGHT_BITS) - t, t], 1)


CUBIC, LINEAR = _cubic_weights(), _linear_weights()


def sample(
    planes: tuple[np.ndarray, ...],
    jpeg_shape: tuple[int, ...],
    geometry: Geometry,
    rows2: np.ndarray,
    cols2: np.ndarray,
    subsampling: tuple[int, int],
    weights: np.ndarray,
) -> list[np.ndarray]:
    """Planes of one shape at twice the turned rows x columns; int16, turned back."""
    ys, xs = geometry.positions(rows2, cols2)
    turn = geometry.transposes
    out = [np.empty((len(xs), len(ys)) if turn else (len(ys), len(xs)), np.int16) for _ in planes]
    sample = _sampler(planes, jpeg_shape, geometry, xs, subsampling, weights)
    for start in range(0, len(ys), _BAND):
        band = slice(start, min(start + _BAND, len(ys)))
        if turn:
            parts = tuple(np.empty((band.stop - start, len(xs)), np.int16) for _ in planes)
            sample(ys[band], parts)
            for whole, part in zip(out, parts, strict=True):
                whole[:, band] = part.T
        else:
            sample(ys[band], tuple(whole[band] for whole in out))
    return out


def _sampler(
    planes: tuple[np.ndarray, ...],
    jpeg_shape: tuple[int, ...],
    geometry: Geometry,
    xs: np.ndarray,
    subsampling: tuple[int, int],
    weights: np.ndarray,
) -> Callable[[np.ndarray, tuple[np.ndarray, ...]], None]:
    """What samples planes at a band of turned rows (positions, int64) and at the columns xs, each into int16 (n, m)."""
    from . import resample_kernels as kernels

    across, down = subsampling
    if geometry.warp is not None:
        centre = geometry.warp.centre
        k1, k2, k3, k4 = (k / float(1 << WARP_BITS) for k in geometry.warp.coefficients)
        log2 = down.bit_length() - 1, across.bit_length() - 1
        rho2 = geometry.rho2(jpeg_shape)
        return lambda ys, out: kernels.at_warped(planes, ys, xs, *centre, k1, k2, k3, k4, rho2, *log2, weights, out)
    height, width = planes[0].shape
    x, x_phase = _split(xs, across)
    whole_x = None if x_phase.any() else np.clip(x, 0, width - 1)

    def at_grid(ys: np.ndarray, out: tuple[np.ndarray, ...]) -> None:
        y, y_phase = _split(ys, down)
        for plane, into in zip(planes, out, strict=True):
            if whole_x is not None and not y_phase.any():
                kernels.at_whole(plane, np.clip(y, 0, height - 1), whole_x, into)
            else:
                kernels.at_grid(plane, y, y_phase, x, x_phase, weights, into)

    return at_grid


def _split(position: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Sample number and phase (1/64) of a position, 1/4096 px of Y, on a grid `factor` times coarser."""
    half = (factor - 1) << (POSITION_BITS - 1)  # the coarse sample lies in the middle of those it stands for
    drop = POSITION_BITS - _PHASE_BITS
    fine = ((position - half) // factor + (1 << (drop - 1))) >> drop
    return fine >> _PHASE_BITS, fine & ((1 << _PHASE_BITS) - 1)
