"""The second look at the guide: what the prediction, developed, differs from the JPEG by, corrects the prediction.

::

    prediction --demosaicking, matrix, root--> own picture R   JPEG's colours --a table for each, root--> S
    S - R at 5x5 sites, three colours; roots of the prediction at 3x3 sites --coefficients--> what its root lacks

No pixel is needed that both sides do not have: matrix, tables and coefficients are the encoder's and are sent. It looks
two cells beyond a window, or four, and no further. The section LOOK:

=======================  ================================================================================
bytes                    meaning
=======================  ================================================================================
u8                       kind: bit 0: coefficients for R, G and B, the same in mirrored places, not for each plane;
                         bit 1: demosaicked in the direction that is even (`homogeneity_kernels`), not bilinearly
the rest, arrays in adaptive Golomb-Rice code (`entropy.golomb`):
9                        matrix in 2^-10, row after row: R, G, B of the JPEG from those of the camera
3 x 33                   knots of the tables, R, G, B, in 1/4096: second differences, 0 and 0 before the first
n                        exponent e of each feature, as difference to the one before
n for each class         coefficients c: of c 2^e, in 2^-10, the last one, which is added, in 2^-22
=======================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.runtime.forks import cached_property
from ...entropy.golomb import GolombReader, GolombWriter
from . import look_kernels as kernel
from .look_kernels import TOGETHER

if TYPE_CHECKING:
    from ..mosaic.companding import Companding

REACH, FAR_REACH = 2, 4
"""Cells around a window whose prediction is looked at; where it is developed in the direction that is even."""

DIRECTED, MIRRORED = 2, 1
"""Bits of a kind."""

KNOTS, SPACING = 33, 128
MATRIX_LIMIT, KNOT_LIMIT = 1 << 15, 4096
EXPONENTS = 14
FIRST_EXPONENT = 4

DIFFERENCE_LIMIT, ROOT_LIMIT, CONSTANT_LIMIT = 1 << 13, 1 << 11, 1 << 23
"""Bounds of a plane's sums of |c 2^e| over differences and over roots, times which these stay below 2^24; and of what
is added."""

WIDE = [(i, j) for i in range(-2, 3) for j in range(-2, 3)]
NEAR = [(i, j) for i in range(-1, 2) for j in range(-1, 2)]

Tap = tuple[int, int, int, int]  # colour, or 3 for an own root; distance in sites; number of its feature


def _own() -> list[Tap]:
    """Taps of even kinds: each place has a coefficient."""
    places = [(c, i, j) for c in range(3) for i, j in WIDE] + [(3, i, j) for i, j in NEAR]
    return [(*place, n) for n, place in enumerate(places)]


def _mirrored() -> list[Tap]:
    """Taps of odd kinds: places that mirror each other up and down or left and right have one coefficient."""
    classes = sorted({(c, abs(i), abs(j)) for c, i, j, _ in _own()})
    return [(c, i, j, classes.index((c, abs(i), abs(j)))) for c, i, j, _ in _own()]


KINDS: tuple[list[Tap], ...] = (_own(), _mirrored()) * 2
COUNTS = tuple(max(n for *_, n in taps) + 2 for taps in KINDS)
"""Features of each kind, what is added included."""

CLASSES = ((0, 1, 2, 3), (0, 1, 1, 2)) * 2
"""Class of coefficients by plane, for each kind."""


def taps_of(kind: int, plane: int) -> list[Tap]:
    """Taps of a plane. In odd kinds what is beside the second green is what is above the first one."""
    taps = KINDS[kind]
    return [(c, j, i, n) for c, i, j, n in taps] if kind & MIRRORED and plane == 2 else taps


def place(plane: int, i: int, j: int) -> tuple[int, int, int]:
    """Plane, and distance in cells, of the site so many sites from one of a plane."""
    row, col = plane // 2 + i, plane % 2 + j
    return row % 2 * 2 + col % 2, row // 2, col // 2


@dataclass(frozen=True)
class Look:
    """matrix: int64 (3, 3); knots: int64 (3, `KNOTS`); exponents: int64 (n,); coefficients: int64 (classes, n)."""

    kind: int
    matrix: np.ndarray
    knots: np.ndarray
    exponents: np.ndarray
    coefficients: np.ndarray

    @property
    def directed(self) -> bool:
        """Whether what is looked at is demosaicked in the direction that is even."""
        return bool(self.kind & DIRECTED)

    @property
    def reach(self) -> int:
        """Cells around a window that it looks at."""
        return FAR_REACH if self.directed else REACH

    def check(self) -> None:
        """`StreamError` where a number is out of range, or sums would no longer be exact."""
        roots = np.array([*(c == 3 for c, *_ in KINDS[self.kind])])
        number = np.array([n for *_, n in KINDS[self.kind]])
        size = np.abs(self.coefficients << self.exponents)
        each = size[:, number]
        good = np.abs(self.matrix).max() < MATRIX_LIMIT and 0 <= self.knots.min() <= self.knots.max() <= KNOT_LIMIT
        good &= bool((each[:, ~roots].sum(1) < DIFFERENCE_LIMIT).all() and (each[:, roots].sum(1) < ROOT_LIMIT).all())
        if not good or size[:, -1].max() >= CONSTANT_LIMIT:
            raise StreamError("the second look's numbers are out of range")

    @cached_property
    def tables(self) -> np.ndarray:
        """Root by colour of the JPEG and its value 0..4080, float32 of whole numbers."""
        value = np.arange(4081)
        n, part = value // SPACING, value % SPACING
        found = (self.knots[:, n] * (SPACING - part) + self.knots[:, n + 1] * part + SPACING // 2) // SPACING
        return found.astype(np.float32)

    @cached_property
    def filters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Taps, counts and weights as `look_kernels.correct` wants them."""
        whole = self.coefficients << self.exponents
        parts = []
        for plane in range(4):
            own = whole[CLASSES[self.kind][plane]]
            both: list[list[tuple[int, int, int, int]]] = [[], []]
            for c, i, j, n in taps_of(self.kind, plane):
                k, down, right = place(plane, i, j)
                if own[n]:
                    both[c == 3].append((4 * c + k, down, right, int(own[n])))
            parts.append((both, int(own[-1])))
        lengths = [max(-(-len(both[p]) // TOGETHER) * TOGETHER for both, _ in parts) for p in range(2)]
        taps, weights = np.zeros((4, sum(lengths), 3), np.int64), np.zeros((4, sum(lengths) + 1), np.float32)
        for plane, (both, more) in enumerate(parts):
            for p, some in enumerate(both):
                for n, (line, down, right, weight) in enumerate(some, lengths[0] * p):
                    taps[plane, n], weights[plane, n] = (line, down, right), weight
            weights[plane, -1] = more
        return taps, np.array([lengths[0], sum(lengths)], np.int64), weights

    def corrected(
        self, planes: np.ndarray, row: int, col: int, colours: Sequence[np.ndarray], levels: np.ndarray,
        companding: Companding, saturation: np.ndarray,
    ) -> np.ndarray:  # fmt: skip
        """Levels int32 (4, rows, cols) of the cells from (row, col) on, corrected.

        planes: the guide's (`SideInfo`); colours: Cb and Cr at the sites, int16, a cell more on all sides; levels: the
        prediction's, int32, `reach` cells more.
        """
        out = np.empty((4, levels.shape[1] - 2 * self.reach, levels.shape[2] - 2 * self.reach), np.int32)
        limits = np.array([companding.low, companding.high], np.float64)
        kernel.correct(
            planes, row, col, *colours, levels, self.directed, self.matrix.astype(np.float64), companding.span,
            self.tables, *self.filters, limits, saturation, out,
        )  # fmt: skip
        return out

    def to_bytes(self) -> bytes:
        """The section."""
        return self._bytes

    @cached_property
    def _bytes(self) -> bytes:
        out = GolombWriter()
        out.write(self.matrix.reshape(-1))
        for knots in self.knots:
            out.write(np.diff(knots, 2, prepend=[0, 0]))
        out.write(np.diff(self.exponents, prepend=FIRST_EXPONENT))
        for coefficients in self.coefficients:
            out.write(coefficients)
        return bytes([self.kind]) + out.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Look:
        """Inverse of `to_bytes`; `StreamError` where it is none."""
        if not data or data[0] >= len(KINDS):
            raise StreamError("the second look is of a kind that this version does not know")
        kind, bits = data[0], GolombReader(data[1:])
        count = COUNTS[kind]
        matrix = np.array(bits.read(9), np.int64).reshape(3, 3)
        knots = np.stack([np.cumsum(np.cumsum(np.array(bits.read(KNOTS), np.int64))) for _ in range(3)])
        exponents = np.cumsum(np.array(bits.read(count), np.int64)) + FIRST_EXPONENT
        if not 0 <= exponents.min() <= exponents.max() < EXPONENTS:
            raise StreamError("the second look's steps are out of range")
        coefficients = np.array([bits.read(count) for _ in range(max(CLASSES[kind]) + 1)], np.int64)
        bits.finish()
        look = cls(kind, matrix, knots, exponents, coefficients)
        look.check()
        return look
