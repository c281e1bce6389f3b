"""Companding: the square-root-like domain in which the residual is formed, as integer tables.

::

    mosaic x (DN) --L = x 2^F - black_k 2^F--> level L --table T--> u        residual y = u(x) - u(b)
    u_hat = u(b) + y_hat --midpoints of T at whole DN--> mosaic x_hat

Shot noise grows with the root of the signal, so in ``u`` the noise is about even (Anscombe 1948). ``T`` is
``sqrt(v + a) - sqrt(a)``, scaled to `U_WHITE` at the white level, straight below black. Both sides build the same
integers: only + - * / sqrt of float64 are used, which IEEE 754 rounds alike everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...bitstream.runtime.forks import cached_property
from ...bitstream.stream.header import LOSSLESS_STEP as LOSSLESS

U_WHITE = 1 << 19
"""Companded value of the white level. One DN of 14 bits is about 19 units at white, 110 at black."""

U_LIMIT = 1 << 22
"""Bound of companded values, which bounds the tables: met unless the black level is over 0.6 of the white level."""

A_UNIT = 1.0 / 512
"""Unit of the companding offset ``a``, as a share of white - black."""

STEP_OCTAVE = 256
"""Entries of the step scale in one octave."""

STEP_EXPONENT_UNIT = 0.25
"""Unit of the guided step's exponent."""

STEP_BINS = 4096
"""Entries of the table of guided steps, over the range of levels."""


def _octave_fraction(index: int) -> float:
    """2^(index / 256) for 0 <= index < 256, from square roots alone, so that every machine gets the same float64."""
    value, root = 1.0, 2.0
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        root = float(np.sqrt(root))
        if index & bit:
            value *= root
    return value


def step_scale(index: int) -> float:
    """Linear step in shares of white - black: ``2^(index / 256) * 2^-20``, index 0..5119 (1e-6 .. 1)."""
    octave, fraction = divmod(index, STEP_OCTAVE)
    return _octave_fraction(fraction) * 2.0 ** (octave - 20)


@dataclass(frozen=True)
class Companding:
    """Integer tables between DN, level and companded value.

    black: black level by plane (R, G1, G2, B), DN. white: white level, DN. top: largest DN of the mosaic.
    offset: ``a`` in units of `A_UNIT`, 1..255. values: the DN that occur, ascending, or by plane; None for all of
    0..top. Many cameras use few of their values (lossy curves, gains by colour): what is decoded is then one of them.
    saturation: where the sensor
    saturates by plane, DN, 0 for nowhere; then by plane how far below a prediction is taken to be there. Raises
    ValueError where a companded value would pass `U_LIMIT`.
    """

    black: tuple[float, float, float, float]
    white: int
    top: int
    offset: int
    values: np.ndarray | tuple[np.ndarray, ...] | None = None
    saturation: tuple[int, ...] = (0,) * 8
    shift: int = field(init=False)
    low: int = field(init=False)
    table: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shift = max(0, 17 - int(max(self.top, *self.black)).bit_length())
        blacks = self.black_levels(shift)
        low = min(0, -max(blacks))
        high = max((self.top << shift) - min(blacks), 1)
        object.__setattr__(self, "shift", shift)
        span = self.span
        if span <= 0 or max(np.abs(self._curve(np.array([low, high]) / span))) > U_LIMIT / U_WHITE:
            raise ValueError(f"black levels {self.black} leave too little below the white level {self.white}")
        t = self._curve(np.arange(low, high + 1, dtype=np.float64) / span)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "table", np.floor(t * U_WHITE + 0.5).astype(np.int32))

    @property
    def span(self) -> float:
        """White - black, in level units."""
        return (self.white - sum(self.black) / 4) * 2.0**self.shift

    def _curve(self, v: np.ndarray) -> np.ndarray:
        """T of light in shares of white - black, 1 at the white level."""
        a = self.offset * A_UNIT
        root_a = np.sqrt(a)
        unit = np.sqrt(1.0 + a) - root_a
        return np.where(v > 0, np.sqrt(np.maximum(v, 0.0) + a) - root_a, v / (2.0 * root_a)) / unit

    def black_levels(self, shift: int | None = None) -> list[int]:
        """Black level of each plane in level units."""
        scale = 2.0 ** (self.shift if shift is None else shift)
        return [int(np.floor(b * scale + 0.5)) for b in self.black]

    @property
    def high(self) -> int:
        """Largest level; `low` is the least."""
        return self.low + len(self.table) - 1

    def level(self, planes: np.ndarray) -> np.ndarray:
        """DN (..., 4, h, w) to levels, int32."""
        black = np.array(self.black_levels(), np.int32)
        return (planes.astype(np.int32) << self.shift) - black[:, None, None]

    def saturations(self) -> list[tuple[int, int] | None]:
        """By plane: the saturation's level, and the level from which on a prediction is put onto it; None where there
        is none.
        """
        out: list[tuple[int, int] | None] = []
        for dn, reach, black in zip(self.saturation[:4], self.saturation[4:], self.black_levels(), strict=True):
            level = (dn << self.shift) - black
            out.append((level, level - (reach << self.shift)) if dn else None)
        return out

    def saturate(self, prediction: np.ndarray) -> np.ndarray:
        """Prediction (..., 4, h, w) with what comes near the saturation put on it: where the guide is clipped, its last
        values and the JPEG's noise say nothing of a sensor that is clipped too, and would be coded as differences from
        it."""
        prediction = prediction.copy()
        for k, saturation in enumerate(self.saturations()):
            if saturation:
                plane = prediction[..., k, :, :]
                plane[plane >= saturation[1]] = saturation[0]
        return prediction

    def compand(self, level: np.ndarray) -> np.ndarray:
        """Levels to companded values, int32; levels out of range are clipped."""
        return np.take(self.table, np.asarray(level, np.int64) - self.low, mode="clip")

    @property
    def by_plane(self) -> bool:
        """Whether each plane has values of its own."""
        return isinstance(self.values, tuple)

    @cached_property
    def dn(self) -> list[np.ndarray]:
        """The DN that occur, by plane, ascending, int32."""
        if isinstance(self.values, tuple):
            return [np.asarray(values, np.int32) for values in self.values]
        return [(np.arange(self.top + 1) if self.values is None else np.asarray(self.values)).astype(np.int32)] * 4

    @cached_property
    def used(self) -> list[np.ndarray]:
        """Companded value of each DN that occurs, by plane, int32 (number of values,)."""
        blacks = self.black_levels()
        return [
            self.table[(dn << self.shift) - np.int32(black) - self.low]
            for dn, black in zip(self.dn, blacks, strict=True)
        ]

    @cached_property
    def nearest(self) -> tuple[int, np.ndarray]:
        """Least companded value, and for each from there on the number of the nearest DN that occurs, int32 (4, n)."""
        first, last = int(self.table[0]), int(self.table[-1])
        found: dict[tuple[int, int], np.ndarray] = {}
        for which, values in zip(self._kinds, self.used, strict=True):
            if which not in found:
                # As many values lie at or below u as there are middles: each number lasts from its middle to the next.
                middle = (values[1:] + values[:-1] + 1) >> 1
                cuts = np.clip([first, *middle, last + 1], first, last + 1)
                found[which] = np.repeat(np.arange(len(values), dtype=np.int32), np.diff(cuts))
        return first, np.stack([found[which] for which in self._kinds])

    @property
    def _kinds(self) -> list[tuple[int, int]]:
        """Of each plane what its tables follow from: planes that are alike share them."""
        return [(black, k if self.by_plane else 0) for k, black in enumerate(self.black_levels())]

    @cached_property
    def nearest_dn(self) -> list[np.ndarray]:
        """By plane, the nearest DN that occurs for each companded value from the least on, uint16."""
        made: dict[tuple[int, int], np.ndarray] = {}
        for which, dn, nearest in zip(self._kinds, self.dn, self.nearest[1], strict=True):
            if which not in made:
                made[which] = dn.astype(np.uint16)[nearest]
        return [made[which] for which in self._kinds]

    @cached_property
    def dn_of_level(self) -> list[np.ndarray]:
        """By plane, the nearest DN that occurs for each level from `low` on, uint16."""
        made = {id(values): values[self.table - self.nearest[0]] for values in self.nearest_dn}
        return [made[id(values)] for values in self.nearest_dn]

    def expand(self, u: np.ndarray) -> np.ndarray:
        """Companded values (..., 4, h, w), whole numbers, to the nearest DN that occurs, int32 0..top."""
        first, nearest = self.nearest
        index = np.clip(u - first, 0, nearest.shape[1] - 1).astype(np.int64)
        return np.stack([self.dn[k][nearest[k][index[..., k, :, :]]] for k in range(4)], -3)

    def steps(self, index: int, step_exponent: int, plane: int = 0) -> np.ndarray:
        """Quantisation step by level, float64 of whole numbers, `STEP_BINS` entries over the range of levels.

        ``step = Delta T'(ref) (T'(b) / T'(ref))^step_exponent``: step_exponent 1 makes the error even in linear light,
        0 even against the noise. index: of `step_scale`, or `LOSSLESS`; step_exponent: in units of
        `STEP_EXPONENT_UNIT`, 0..8; plane: one matters only without loss, where each has values of its own.
        """
        if index == LOSSLESS:
            return self._gaps(plane if self.by_plane else 0)
        a = self.offset * A_UNIT
        centre = self.low + (np.arange(STEP_BINS) + 0.5) * (len(self.table) / STEP_BINS)
        v = np.maximum(centre / self.span, 0.0)
        unit = 2.0 * (np.sqrt(1.0 + a) - np.sqrt(a))
        slope, ref = 1.0 / (np.sqrt(v + a) * unit), 1.0 / (np.sqrt(0.1 + a) * unit)
        quarter = np.sqrt(np.sqrt(slope / ref))
        power = np.ones_like(quarter)
        for _ in range(step_exponent):
            power = power * quarter
        step = step_scale(index) * U_WHITE * ref * power
        return np.maximum(np.floor(step + 0.5), 1.0)

    def fineness(self, index: int, step_exponent: int) -> np.ndarray:
        """Quantisation steps that a difference of one level makes, by level from `low` on, float32."""
        reach = 32
        near = np.pad(self.table, reach, mode="edge")
        slope = np.maximum(near[2 * reach :] - near[: -2 * reach], 1) / (2 * reach)
        return (slope / self.step_of_level(index, step_exponent)).astype(np.float32)

    def _gaps(self, plane: int) -> np.ndarray:
        """The step of lossless coding: distance of used values, averaged over nine, as `steps` gives its own."""
        values = self.used[plane].astype(np.int64)
        number = np.arange(len(values))
        below, above = np.maximum(number - 4, 0), np.minimum(number + 4, len(values) - 1)
        gap = np.maximum((values[above] - values[below]) // np.maximum(above - below, 1), 1)
        first, nearest = self.nearest
        centre = np.arange(STEP_BINS) * len(self.table) // STEP_BINS + len(self.table) // (2 * STEP_BINS)
        return gap[nearest[plane][self.table[centre] - first]].astype(np.float64)

    def step_bin(self, level: np.ndarray) -> np.ndarray:
        """Index of a level in `steps`, int64."""
        cell = (np.asarray(level, np.int64) - self.low) * STEP_BINS // len(self.table)
        return np.clip(cell, 0, STEP_BINS - 1)

    @cached_property
    def _last_steps(self) -> list[tuple[tuple[int, int, int], np.ndarray]]:
        return []

    def step_of_level(self, index: int, step_exponent: int, plane: int = 0) -> np.ndarray:
        """`steps` of every level from `low` on, int32; the last few are kept: each tile asks."""
        which = index, step_exponent, plane if self.by_plane and index == LOSSLESS else 0
        for known in tuple(self._last_steps):
            if known[0] == which:
                return known[1]
        found = self.steps(*which).astype(np.int32)[self.step_bin(np.arange(self.low, self.high + 1))]
        self._last_steps[:] = [*self._last_steps[-7:], (which, found)]
        return found
