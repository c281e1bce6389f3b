"""The JPEG's planes sampled at a mosaic's sites, where a `Geometry` says.

Whole numbers, or float64 in single operations: every machine gives the same samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...bitstream.jpeg.planes import JpegPlanes
from .geometry import WARP_BITS, Geometry
from .projection import POSITION_BITS

SAMPLE_BITS = 4
"""Fraction bits of `resample`'s samples, which are 8.4 bits: averages of four and more are exact or nearly so, and the
recipe's powers of 12-bit numbers still fit its integers."""

NEUTRAL = 128 << SAMPLE_BITS
"""Cb and Cr of gray in `resample`'s samples."""

_PHASE_BITS = 6  # interpolation knows 64 positions between two samples
_WEIGHT_BITS = 10
_BAND = 64  # rows resampled at once


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
    cfa: str = "RGGB",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The JPEG at the sites and cells of a mosaic of height x width; int16, 0..4080: 8 bits and 4 of a fraction.

    cell_origin: (rows, columns) 0 or 1 by which the first cell begins before the mosaic. Returns y (H', W') at every
    site of the padded mosaic and cb, cr (H'/2, W'/2) at every cell's middle, (H', W') from `padded_shape`; of the cells
    in `window` only, if given. cfa: colours of a cell's sites, row by row. Outside the JPEG its edge goes on. Y is
    interpolated by Keys' cubic (a = -1/2), chroma bilinearly from its own grid, so that 4:4:4 gives a cell's average;
    where a site falls on a sample, and a cell's middle on a chroma sample, it is that sample exactly. A grayscale JPEG
    gives neutral chroma. `StreamError` where the geometry is out of range.
    """
    geometry.check()
    h, w = padded_shape(height, width, cell_origin)
    cell_rows, cell_cols = np.arange(h // 2, dtype=np.int64), np.arange(w // 2, dtype=np.int64)
    if window is not None:
        cell_rows, cell_cols = cell_rows[window[0]], cell_cols[window[1]]
    rows2 = 4 * cell_rows[:, None] + [0, 2] - 2 * cell_origin[0]
    cols2 = 4 * cell_cols[:, None] + [0, 2] - 2 * cell_origin[1]
    sites = geometry.turned(rows2.reshape(-1), cols2.reshape(-1), height, width)
    at = _Grid(*sites, (height, width), np.array(["RGB".index(colour) for colour in cfa]).reshape(2, 2))
    (y,) = _sample((planes.y,), planes.y.shape, geometry, at, (1, 1), _CUBIC)
    if planes.cb is None or planes.cr is None:
        neutral = np.full((len(cell_rows), len(cell_cols)), NEUTRAL, np.int16)
        return y, neutral, neutral.copy()
    middles = geometry.turned(rows2[:, 0] + 1, cols2[:, 0] + 1, height, width)
    at = _Grid(*middles, (height, width), _ANY)
    cb, cr = _sample((planes.cb, planes.cr), planes.y.shape, geometry, at, planes.subsampling, _LINEAR)
    return y, cb, cr


def site_chroma(
    planes: JpegPlanes, geometry: Geometry, shape: tuple[int, int], cell_origin: tuple[int, int], rows: range,
    cols: range,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Cb and Cr, int16 0..4080 (4, n, m), at the sites of some rows and columns of cells, which may lie outside.

    shape: the mosaic's; else as in `resample`, which has them at the cells' middles. No chromatic shift: neither the
    sample nor the site's colour alone says which.
    """
    if planes.cb is None or planes.cr is None:
        neutral = np.full((4, len(rows), len(cols)), NEUTRAL, np.int16)
        return neutral, neutral
    out = np.empty((2, 4, len(rows), len(cols)), np.int16)
    for k in range(4):
        twice = [
            4 * np.asarray(cells, np.int64) + 2 * (site - origin)
            for cells, site, origin in zip((rows, cols), divmod(k, 2), cell_origin, strict=True)
        ]
        at = _Grid(*geometry.turned(twice[0], twice[1], *shape), shape, _ANY)
        both = planes.cb, planes.cr
        out[0, k], out[1, k] = _sample(both, planes.y.shape, geometry, at, planes.subsampling, _LINEAR)
    return out[0], out[1]


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


_CUBIC, _LINEAR = _cubic_weights(), _linear_weights()

_ANY = np.array([[1]])  # a cell's middle is of no colour


@dataclass(frozen=True)
class _Grid:
    """What is sampled: twice the turned rows and columns, int64 1-D; shape: the mosaic's, not turned; colours: of its
    sites, from the first one on, repeated: 0 red, 1 green, 2 blue."""

    rows2: np.ndarray
    cols2: np.ndarray
    shape: tuple[int, int]
    colours: np.ndarray


Sampler = Callable[[slice, tuple[np.ndarray, ...]], None]


def _sample(
    planes: tuple[np.ndarray, ...],
    jpeg_shape: tuple[int, ...],
    geometry: Geometry,
    at: _Grid,
    subsampling: tuple[int, int],
    weights: np.ndarray,
) -> list[np.ndarray]:
    """Planes of one shape at a grid; int16, turned back."""
    turn, rows, cols = geometry.transposes, len(at.rows2), len(at.cols2)
    out = [np.empty((cols, rows) if turn else (rows, cols), np.int16) for _ in planes]
    if geometry.projection is not None:
        sample = _projected(planes, geometry, at, subsampling, weights)
    else:
        sample = _laid(planes, jpeg_shape, geometry, *geometry.positions(at.rows2, at.cols2), subsampling, weights)
    for start in range(0, rows, _BAND):
        band = slice(start, min(start + _BAND, rows))
        if turn:
            parts = tuple(np.empty((band.stop - start, cols), np.int16) for _ in planes)
            sample(band, parts)
            for whole, part in zip(out, parts, strict=True):
                whole[:, band] = part.T
        else:
            sample(band, tuple(whole[band] for whole in out))
    return out


def _projected(
    planes: tuple[np.ndarray, ...], geometry: Geometry, at: _Grid, subsampling: tuple[int, int], weights: np.ndarray
) -> Sampler:
    """What samples planes at a band of turned rows, each into int16 (n, m)."""
    from . import resample_kernels as kernels

    projection = geometry.projection
    assert projection is not None
    turned = (at.shape[1], at.shape[0]) if geometry.transposes else at.shape
    log2 = subsampling[1].bit_length() - 1, subsampling[0].bit_length() - 1
    numbers, rows, cols = projection.numbers(turned), at.rows2.astype(np.float64), at.cols2.astype(np.float64)
    colours = at.colours.T if geometry.transposes else at.colours
    # a and b along the grid's rows, for each row of the pattern
    shifts = np.array([[projection.shift(int(colour)) for colour in line] for line in colours])
    along = np.ascontiguousarray(shifts[:, np.arange(len(cols)) % shifts.shape[1]].transpose(2, 0, 1))
    if not along.any():
        along = along[:, :1, :0]

    def sample(band: slice, out: tuple[np.ndarray, ...]) -> None:
        kernels.at_projected(planes, rows[band], cols, band.start, numbers, along, log2, weights, out)

    return sample


def _laid(
    planes: tuple[np.ndarray, ...],
    jpeg_shape: tuple[int, ...],
    geometry: Geometry,
    ys: np.ndarray,
    xs: np.ndarray,
    subsampling: tuple[int, int],
    weights: np.ndarray,
) -> Sampler:
    """The same without a projection; ys, xs: positions of the turned rows and columns, int64."""
    from . import resample_kernels as kernels

    across, down = subsampling
    if geometry.warp is not None:
        centre = geometry.warp.centre
        k1, k2, k3, k4 = (k / float(1 << WARP_BITS) for k in geometry.warp.coefficients)
        log2 = down.bit_length() - 1, across.bit_length() - 1
        rho2 = geometry.rho2(jpeg_shape)
        return lambda band, out: kernels.at_warped(
            planes, ys[band], xs, *centre, k1, k2, k3, k4, rho2, *log2, weights, out
        )
    height, width = planes[0].shape
    x, x_phase = _split(xs, across)
    whole_x = None if x_phase.any() else np.clip(x, 0, width - 1)

    def at_grid(band: slice, out: tuple[np.ndarray, ...]) -> None:
        y, y_phase = _split(ys[band], down)
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
