"""Spatially sampled metadata: some of the RAW's values, and the JPEG says how to interpolate between them.

A. Punnappurath and M. Brown, "Spatially Aware Metadata for Raw Reconstruction", WACV 2021: RAW values on a regular grid
(every 64th pixel in their tables) are stored with the JPEG, and the RAW is a radial basis function of place and colour,
(x, y, r, g, b), through them. It needs no training and no model of the camera.

Followed: the grid, the five coordinates, radial basis functions (linear, smoothed by a constant). Made stronger, in
the peer's favour: a polynomial (`polynomial`) is interpolated around rather than zero; samples, of 10 bits under a
square root, are coded losslessly by JPEG XL as differences from it, where the paper counts 16 plain bits each.
Simplified: a cell's four values are one sample; each block of `BLOCK` x `BLOCK` samples is interpolated on its own,
from those within `MARGIN` samples of it, since one system of all samples can't be solved for a photograph.

::

    mosaic --one cell of n x n--> 10-bit roots --minus polynomial's--> JPEG XL, lossless
    place, JPEG's colour, samples --linear RBF by block--> correction + polynomial --> light --> DN

The body:

==========  =========================================================
bytes       meaning
==========  =========================================================
1           spacing n in cells, 2..`MOST`
varint      length of the polynomial
then        the polynomial, as the body of `polynomial`
rest        JPEG XL's codestream of the differences, quadrants, offset by 32768
==========  =========================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import RBFInterpolator

from ...bitstream.errors import StreamError, UsageError
from ...bitstream.raw_image import RawImage
from ...bitstream.stream.fields import Reader, write_varint
from . import polynomial
from .base import Peer, need, number
from .clock import part
from .frame import Frame, unwrap
from .guide import RgbGuide, begin, resume
from .jxl import compress, decompress
from .polynomial import at_site

SPACINGS = (32, 24, 16, 12, 8, 6, 5, 4)
"""One sample in n^2: 0.1 % to 6 %."""

MOST = 64
DEGREE = 3
ROOTS = 1023
OFFSET = 32768
BLOCK, MARGIN = 8, 2
COLOUR = 32.0
"""A step of the JPEG from black to white is as far as so many samples' spacings."""

SMOOTHING = 1.0  # samples are noisy: they are passed near by, not through


class Sam(Peer):
    """`sam`."""

    name = "sam"
    guided = True
    counts = "size, CFA phase, levels, geometry, a polynomial's coefficients, the samples' values; places are a grid"

    def settings(self) -> Sequence[str]:
        return [f"spacing={n}" for n in SPACINGS]

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        n = number(setting, "spacing")
        if n not in range(2, MOST + 1):
            raise UsageError(f"setting {setting!r}: want a whole number of cells from 2 to {MOST}")
        frame, guide = begin(raw, need(jpeg))
        with part("network"):
            coefficients = polynomial.fit(raw.mosaic, frame, guide, DEGREE)
            grid = Grid(frame, int(n))
            rest = roots(grid.pick(raw.mosaic, frame)) - roots(grid.trend(guide, coefficients))
        with part("entropy"):
            h, w = grid.shape
            image = (rest + OFFSET).reshape(2, 2, h, w).transpose(0, 2, 1, 3).reshape(2 * h, 2 * w)
            samples = compress(np.ascontiguousarray(image.astype(np.uint16)), None)
        model = polynomial.to_bytes(coefficients, DEGREE)
        return frame.wrap(bytes([int(n)]) + write_varint(len(model)) + model + samples)

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        guide = resume(need(jpeg), frame)
        reader = Reader(body, "samples")
        n = reader.number(1, "spacing")
        if not 2 <= n <= MOST:
            raise StreamError(f"samples: a spacing of {n} is out of range")
        grid = Grid(frame, n)
        coefficients, degree = polynomial.from_bytes(reader.take(reader.varint("length"), "the polynomial"))
        if degree != DEGREE:
            raise StreamError("samples: the polynomial has another degree")
        with part("entropy"):
            h, w = grid.shape
            image = decompress(reader.take(reader.remaining, "values"))
            if image.shape != (2 * h, 2 * w):
                raise StreamError("samples: there is another number of them than the picture has")
            rest = image.reshape(2, h, 2, w).transpose(0, 2, 1, 3).reshape(4, h, w).astype(np.int64) - OFFSET
        with part("network"):
            return grid.interpolate(guide, coefficients, rest)


class Grid:
    """Where the samples of a frame's mosaic lie: the middle cells of blocks of n x n. Arrays of samples are (4 sites,
    rows, columns)."""

    def __init__(self, frame: Frame, n: int) -> None:
        self.frame, self.n = frame, n
        self.rows, self.columns = (_places(side // 2, n) for side in frame.shape)
        self.shape = len(self.rows), len(self.columns)

    def pick(self, mosaic: np.ndarray, frame: Frame) -> np.ndarray:
        """Light at the samples, float64."""
        light = [frame.light(mosaic[2 * r : 2 * r + 2]) for r in self.rows]
        return np.stack([[row[site // 2, site % 2 + 2 * self.columns] for row in light] for site in range(4)])

    def colours(self, guide: RgbGuide) -> np.ndarray:
        """The guide at the samples, float64 (4 sites, rows, columns, 3)."""
        rows = [guide.rows(2 * r, 2 * r + 2) for r in self.rows]
        return np.stack([[row[:, site // 2, site % 2 + 2 * self.columns].T for row in rows] for site in range(4)])

    def trend(self, guide: RgbGuide, coefficients: np.ndarray) -> np.ndarray:
        """The polynomial at the samples: light, float64."""
        colours = self.colours(guide)
        out = [_polynomial(coefficients[site], colours[site].reshape(-1, 3).T) for site in range(4)]
        return np.stack(out).reshape(4, *self.shape)

    def interpolate(self, guide: RgbGuide, coefficients: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """The mosaic, uint16, from the samples' differences, 10 bits."""
        trend, colours = self.trend(guide, coefficients), self.colours(guide)
        light = (np.clip(roots(trend) + rest, 0, ROOTS) / ROOTS) ** 2
        self._points, self._rest = self._points_of(colours), light - trend
        mosaic = np.empty(self.frame.shape, np.uint16)
        for i in range(0, self.shape[0], BLOCK):
            top, bottom = self._sites(i, self.rows, self.frame.height)
            rgb = guide.rows(top, bottom)
            out = polynomial.evaluate(coefficients, rgb, DEGREE)
            for j in range(0, self.shape[1], BLOCK):
                left, right = self._sites(j, self.columns, self.frame.width)
                for site in range(4):
                    values = at_site(out[:, left:right], site)
                    values += self._correction((i, j), (top, left), at_site(rgb[:, :, left:right], site), site)
            mosaic[top:bottom] = self.frame.dn(out.clip(0, 1))
        return mosaic

    def _points_of(self, colours: np.ndarray) -> np.ndarray:
        """The samples' five coordinates, float64 (4 sites, rows, columns, 5)."""
        place = np.stack(np.meshgrid(self.rows, self.columns, indexing="ij"), -1)[None] + _WITHIN[:, None, None]
        return np.concatenate([place / self.n, COLOUR * colours], -1)

    def _correction(
        self, first: tuple[int, int], corner: tuple[int, int], colours: np.ndarray, site: int
    ) -> np.ndarray:
        """What is added to the polynomial's light at a block's sites of one kind: float64 (rows, columns).

        first: the block's first sample; corner: its first site in the mosaic; colours: the guide, (3, rows, columns).
        """
        if not colours.size:
            return np.zeros(colours.shape[1:])
        rows, columns = (slice(max(k - MARGIN, 0), k + BLOCK + MARGIN) for k in first)
        place = np.indices(colours.shape[1:]).transpose(1, 2, 0) + np.array(corner) // 2 + _WITHIN[site]
        query = np.concatenate([place / self.n, COLOUR * colours.transpose(1, 2, 0)], -1).reshape(-1, 5)
        known = self._points[site, rows, columns].reshape(-1, 5)
        values = self._rest[site, rows, columns].ravel()
        return RBFInterpolator(known, values, kernel="linear", smoothing=SMOOTHING)(query).reshape(colours.shape[1:])

    def _sites(self, first: int, places: np.ndarray, side: int) -> tuple[int, int]:
        """Sites of the mosaic that the block from sample `first` on stands for."""
        last = first + BLOCK >= len(places)
        return 2 * self.n * first, side if last else 2 * self.n * (first + BLOCK)


def roots(light: np.ndarray) -> np.ndarray:
    """10 bits under a square root, int64."""
    return np.rint(ROOTS * np.sqrt(np.clip(light, 0, 1))).astype(np.int64)


_WITHIN = np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) / 2  # sites of a cell, in cells


def _places(cells: int, n: int) -> np.ndarray:
    return np.arange(min(n // 2, cells - 1), cells, n)


def _polynomial(coefficients: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """As `polynomial.evaluate`, but term by term: a matrix product may round otherwise in another process."""
    total = np.zeros(rgb.shape[1])
    for c, phi in zip(coefficients / (1 << polynomial.BITS), polynomial.basis(rgb, DEGREE), strict=True):
        total += c * phi
    return total
