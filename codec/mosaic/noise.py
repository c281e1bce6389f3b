"""Noise of a sensor: variance in shares of white - black is ``scale v + offset`` at the level v, by plane.

That is what DNG's tag NoiseProfile holds, of all planes or by colour, and section NOIS (`bitstream.stream.noise`) by
plane, in powers of 2^(1/256).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...bitstream.raw_image import TiffValue
from ...bitstream.stream.noise import PROFILE_ONE, PROFILE_UNIT, CarriedNoise
from ...bitstream.tiff import tiff

NOISE_PROFILE = 51041


@dataclass(frozen=True)
class Noise:
    """Of one plane; both not below 0."""

    scale: float
    offset: float

    def variance(self, v: np.ndarray | float) -> np.ndarray:
        """At levels in shares of white - black."""
        return np.asarray(self.scale * np.maximum(v, 0.0) + self.offset)


@dataclass(frozen=True)
class Profile:
    """planes: R, G1, G2, B."""

    planes: tuple[Noise, ...]

    @property
    def mean(self) -> Noise:
        """Of the planes."""
        count = len(self.planes)
        return Noise(sum(p.scale for p in self.planes) / count, sum(p.offset for p in self.planes) / count)

    def tag(self) -> TiffValue:
        """NoiseProfile for red, green and blue."""
        red, *greens, blue = self.planes
        green = Profile(tuple(greens)).mean
        return tiff.pack_value(tiff.DOUBLE, *(n for p in (red, green, blue) for n in (p.scale, p.offset)))

    def carried(self) -> tuple[int, ...]:
        """For the section NOIS."""
        return tuple(_number(n) for p in self.planes for n in (p.scale, p.offset))

    @classmethod
    def of(cls, carried: CarriedNoise) -> Profile:
        """Inverse of `carried`, but for its rounding."""
        values = [power(n - PROFILE_ONE, PROFILE_UNIT) if n else 0.0 for n in carried.profile]
        return cls(tuple(Noise(*values[i : i + 2]) for i in range(0, len(values), 2)))


def power(n: int, unit: int) -> float:
    """2^(n / unit) for a power of two, from square roots alone: every machine gets the same float64."""
    octave, fraction = divmod(n, unit)
    value, root, bit = 1.0, 2.0, unit // 2
    while bit:
        root = math.sqrt(root)
        if fraction & bit:
            value *= root
        bit //= 2
    return value * 2.0**octave


def _number(value: float) -> int:
    if value <= 0:
        return 0
    return min(max(round(PROFILE_UNIT * math.log2(value)) + PROFILE_ONE, 1), PROFILE_ONE)


def told(raw_tags: Mapping[int, TiffValue]) -> Profile | None:
    """The profile that a RAW's NoiseProfile tells; None where there is none that makes sense."""
    tag = raw_tags.get(NOISE_PROFILE)
    numbers = tiff.value_numbers(tag) if tag else []
    sound = np.isfinite(numbers).all() and all(0 <= n < 1 for n in numbers) and any(numbers)
    if len(numbers) not in (2, 6) or not sound:
        return None
    pairs = [Noise(float(numbers[i]), float(numbers[i + 1])) for i in range(0, len(numbers), 2)]
    red, green, blue = pairs * (3 // len(pairs))
    return Profile((red, green, green, blue))
