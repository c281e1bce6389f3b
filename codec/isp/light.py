"""What a RAW's tags say of its light: the neutral as shot, colour matrices of one or two illuminants, temperature.

::

    AsShotNeutral or AsShotWhiteXY --> neutral --`as_shot`--> kelvin, tint
    kelvin, tint --matrix interpolated in 1 / kelvin--> neutral to develop with      (DNG 1.7, chapter 6)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.tiff.tiff import value_numbers
from . import colour

COLOR_MATRIX_1, COLOR_MATRIX_2, AS_SHOT_NEUTRAL, AS_SHOT_WHITE_XY = 50721, 50722, 50728, 50729
ILLUMINANT_1, ILLUMINANT_2 = 50778, 50779

KELVIN = {1: 5500, 2: 4200, 3: 2850, 4: 5500, 9: 5500, 10: 6500, 11: 7500, 12: 6400, 13: 5000, 14: 4150, 15: 3450,
          17: 2850, 18: 5500, 19: 6500, 20: 5500, 21: 6500, 22: 7500, 23: 5000, 24: 3200}  # fmt: skip
"""Of the light sources of Exif's LightSource, as the DNG SDK takes them."""

LEAST_PART = 1 / 64
"""Least part of the neutral, against its largest: no light and no sensor make more."""

ROUNDS = 30
"""The neutral's xy depends on the matrix, that on xy: the DNG specification iterates; it settles in a few rounds."""


@dataclass(frozen=True)
class Light:
    """Colours of one RAW.

    neutral: what the camera saw as grey, R, G, B, float64 (3,), the largest 1. matrices: XYZ -> camera with their
    kelvin, warmest first; none, one or two.
    """

    neutral: np.ndarray
    matrices: tuple[tuple[float, np.ndarray], ...]

    @classmethod
    def of(cls, raw: RawImage) -> Light:
        """From the tags; a neutral of 1, 1, 1 where nothing says more."""
        found = [(_matrix(raw, tag), _kelvin(raw, source), tag) for tag, source in
                 ((COLOR_MATRIX_1, ILLUMINANT_1), (COLOR_MATRIX_2, ILLUMINANT_2))]  # fmt: skip
        default = {COLOR_MATRIX_1: 2850.0, COLOR_MATRIX_2: 6500.0}
        some = [(kelvin or default[tag], matrix) for matrix, kelvin, tag in found if matrix is not None]
        matrices = tuple(sorted(some, key=lambda m: m[0]))
        light = cls(np.ones(3), matrices)
        neutral = _numbers(raw, AS_SHOT_NEUTRAL, 3)
        if neutral is None and (xy := _numbers(raw, AS_SHOT_WHITE_XY, 2)) is not None and min(xy) > 0:
            neutral = light.neutral_at(float(xy[0]), float(xy[1]))
        if neutral is None or min(neutral) <= 0:
            return light
        return cls(neutral / neutral.max(), matrices)

    def matrix(self, kelvin: float) -> np.ndarray | None:
        """XYZ -> camera at a temperature: interpolated in 1 / kelvin between the two, else the nearest."""
        if not self.matrices:
            return None
        (low, first), (high, second) = self.matrices[0], self.matrices[-1]
        if high - low < 1:
            return second
        share = np.clip((1 / kelvin - 1 / high) / (1 / low - 1 / high), 0, 1)
        return np.asarray(share * first + (1 - share) * second)

    def daylight(self) -> np.ndarray | None:
        """The matrix nearest to D65."""
        return min(self.matrices, key=lambda m: abs(1 / m[0] - 1 / 6500))[1] if self.matrices else None

    def neutral_at(self, x: float, y: float) -> np.ndarray | None:
        """The camera's colours of a light of chromaticity xy, largest 1; None without a matrix that has an answer."""
        matrix = self.matrix(colour.temperature_of(x, y)[0])
        if matrix is None:
            return None
        seen = matrix @ np.array([x / y, 1.0, (1 - x - y) / y])
        return np.asarray(np.maximum(seen / seen.max(), LEAST_PART)) if seen.max() > 0 else None

    def neutral_for(self, kelvin: float, tint: float) -> np.ndarray:
        """The neutral to develop with for light of a temperature and tint; as shot where no matrix says."""
        found = self.neutral_at(*colour.xy_of(kelvin, tint))
        return self.neutral if found is None else found

    def as_shot(self) -> tuple[float, float] | None:
        """(kelvin, tint) of the neutral, None without a matrix."""
        if not self.matrices:
            return None
        kelvin = 5000.0
        x = y = 1 / 3
        for _ in range(ROUNDS):
            matrix = self.matrix(kelvin)
            assert matrix is not None
            try:
                xyz = np.linalg.solve(matrix, self.neutral)
            except np.linalg.LinAlgError:
                return None
            if not np.isfinite(xyz).all() or xyz.min() <= 0:
                return None
            x, y = float(xyz[0] / xyz.sum()), float(xyz[1] / xyz.sum())
            before, kelvin = kelvin, colour.temperature_of(x, y)[0]
            if abs(before - kelvin) < 0.1:
                break
        return colour.temperature_of(x, y)


def _matrix(raw: RawImage, tag: int) -> np.ndarray | None:
    values = _numbers(raw, tag, 9)
    return None if values is None else values.reshape(3, 3)


def _kelvin(raw: RawImage, tag: int) -> float | None:
    values = _numbers(raw, tag, 1)
    return None if values is None else KELVIN.get(int(values[0]))


def _numbers(raw: RawImage, tag: int, count: int) -> np.ndarray | None:
    """A tag's finite numbers, float64 (count,), None where there aren't so many."""
    value = raw.ifd0_tags.get(tag)
    numbers = np.array(value_numbers(value) if value else [], np.float64)
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None
