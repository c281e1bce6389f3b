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

from benchmarks.peers.base import Peer, number
from benchmarks.peers.clock import part
from benchmarks.peers.frame import Frame, unwrap
from benchmarks.peers.packing import companded, expanded, from_quadrants, quadrants
from bitstream.errors import StreamError, UsageError
from bitstream.raw_image import RawImage

EFFORT = 7
COARSEST, FINEST = 25.0, 0.01  # libjxl's butteraugli distances: 25 is its limit
STEPS_PER_OCTAVE = 1.5
COUNTS = "size, CFA phase, black and white level"


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
    if image.dtype != np.uint16 or image.ndim != 2:
        raise StreamError(f"JPEG XL gave {image.dtype} {image.shape}, not a 16-bit grey image")
    return image


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


class JxlLossy(Peer):
    """`jxl-linear` and `jxl-sqrt`."""

    guided = False
    counts = COUNTS

    def __init__(self, companding: str) -> None:
        self.companding = companding
        self.name = f"jxl-{companding}"

    def settings(self) -> Sequence[str]:
        return [f"distance={distance:g}" for distance in distances()]

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        distance, frame = distance_of(setting), Frame.of(raw)
        image = companded(raw.mosaic, frame, self.companding)
        with part("entropy"):
            return frame.wrap(compress(image, distance))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        with part("entropy"):
            image = decompress(body)
        return expanded(image, frame, self.companding)


class JxlLossless(Peer):
    """`jxl-lossless`."""

    name = "jxl-lossless"
    guided = False
    counts = COUNTS

    def settings(self) -> Sequence[str]:
        return ["lossless"]

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        lossless_only(setting)
        frame = Frame.of(raw)
        with part("entropy"):
            return frame.wrap(compress(quadrants(raw.mosaic, raw.cfa), None))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        with part("entropy"):
            image = decompress(body)
        return from_quadrants(image, frame.phase, frame.shape)


def lossless_only(setting: str) -> None:
    """UsageError for a setting that is not "lossless"."""
    if setting != "lossless":
        raise UsageError(f"setting {setting!r}: this peer has only lossless")
