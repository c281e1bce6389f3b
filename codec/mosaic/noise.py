"""Noise of a sensor: variance in shares of white - black is ``scale v + offset`` at the level v, by plane.

That is what DNG's tag NoiseProfile holds, of all planes or by colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...bitstream.raw_image import TiffValue
from ...bitstream.tiff import tiff

NOISE_PROFILE = 51041


@dataclass(frozen=True)
class Noise:
    """Of one plane; both not below 0."""

    scale: float
    offset: float

    def variance(self, v: np.ndarray) -> np.ndarray:
        """At levels in shares of white - black."""
        return self.scale * np.maximum(v, 0.0) + self.offset


@dataclass(frozen=True)
class Profile:
    """planes: R, G1, G2, B."""

    planes: tuple[Noise, ...]

    @property
    def mean(self) -> Noise:
        """Of the four planes."""
        return Noise(
            *(sum(n) / len(self.planes) for n in zip(*((p.scale, p.offset) for p in self.planes), strict=True))
        )

    def tag(self) -> TiffValue:
        """NoiseProfile for red, green and blue."""
        red, *greens, blue = self.planes
        green = Profile(tuple(greens)).mean
        return tiff.pack_value(tiff.DOUBLE, *(n for p in (red, green, blue) for n in (p.scale, p.offset)))


def told(raw_tags: Mapping[int, TiffValue]) -> Profile | None:
    """The profile that a RAW's NoiseProfile tells; None where there is none that makes sense."""
    tag = raw_tags.get(NOISE_PROFILE)
    numbers = tiff.value_numbers(tag) if tag else []
    sound = np.isfinite(numbers).all() and all(0 <= n < 1 for n in numbers) and any(numbers)
    if len(numbers) not in (2, 6) or not sound:
        return None
    pairs = [Noise(*map(float, numbers[i : i + 2])) for i in range(0, len(numbers), 2)] * (
        3 if len(numbers) == 2 else 1
    )
    red, green, blue = pairs
    return Profile((red, green, green, blue))
