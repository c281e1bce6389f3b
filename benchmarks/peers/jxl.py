"""JPEG XL without a guide, on the packed mosaic (`packing`): lossy under a companding, and lossless.

Lossy: the image of 16 bits at a butteraugli distance. libjxl takes integers for sRGB-coded values whatever they mean,
so `linear` is what a user gets who hands it a mosaic, and `sqrt` is near to what DNG's lossy mosaic does. Lossless: the
DN themselves. Effort is libjxl's default, 7. The bytes are the bare codestream in the peers' frame; only the lossless
one, of 16 bits, has to stand in a container of some tens of bytes (libjxl's level 10).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import imagecodecs
import numpy as np

from ...bitstream.errors import StreamError, UsageError
from .base import number
from .blind import Lossless, Lossy, grey16

EFFORT = 7
COARSEST, FINEST = 25.0, 0.01  # libjxl's butteraugli distances: 25 is its limit
STEPS_PER_OCTAVE = 1.5


def compress(image: np.ndarray, distance: float | None) -> bytes:
    """The codestream of a 16-bit grey image at a distance, 0 to 25; lossless for None."""
    how = {"lossless": True} if distance is None else {"distance": distance}
    return bytes(
        imagecodecs.jpegxl_encode(image, effort=EFFORT, bitspersample=16, usecontainer=False, numthreads=1, **how)
    )


def decompress(data: bytes) -> np.ndarray:
    """The 16-bit grey image of a codestream; StreamError where there is none."""
    try:
        image = np.asarray(imagecodecs.jpegxl_decode(data, numthreads=1))
    except (imagecodecs.JpegxlError, ValueError) as error:
        raise StreamError(f"JPEG XL: {error}") from error
    return grey16(image, "JPEG XL")


def distances() -> Iterator[float]:
    """The sweep from coarse to fine, even in the logarithm and rounded, so that a later run finds the same ones."""
    count = math.floor(math.log2(COARSEST / FINEST) * STEPS_PER_OCTAVE)
    for i in range(count + 1):
        yield float(f"{COARSEST / 2 ** (i / STEPS_PER_OCTAVE):.4g}")


def distance_of(setting: str) -> float:
    """The distance of a setting; UsageError outside (0, 25]."""
    distance = number(setting, "distance")
    if not 0 < distance <= COARSEST:
        raise UsageError(f"setting {setting!r}: want a distance above 0, at most {COARSEST:g}")
    return distance


class JxlLossy(Lossy):
    """`jxl-linear` and `jxl-sqrt`."""

    codec = "jxl"

    def settings(self) -> Sequence[str]:
        return [f"distance={distance:g}" for distance in distances()]

    def strength(self, setting: str) -> float:
        return distance_of(setting)

    def compress(self, image: np.ndarray, strength: float) -> bytes:
        return compress(image, strength)

    def decompress(self, data: bytes) -> np.ndarray:
        return decompress(data)


class JxlLossless(Lossless):
    """`jxl-lossless`."""

    name = "jxl-lossless"

    def compress(self, image: np.ndarray) -> bytes:
        return compress(image, None)

    def decompress(self, data: bytes) -> np.ndarray:
        return decompress(data)
