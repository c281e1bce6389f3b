"""JPEG 2000 (OpenJPEG) without a guide, on the packed mosaic (`packing`): lossy under a companding, and lossless.

Lossy: 9/7 wavelet, one quality layer, to a PSNR that OpenJPEG's rate control aims at in the 16-bit companded image.
Lossless: 5/3 wavelet, reversible, of the DN themselves. The bytes are the bare codestream in the peers' frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import imagecodecs
import numpy as np

from ...bitstream.errors import StreamError, UsageError
from .base import number
from .blind import Lossless, Lossy, grey16

COARSEST, FINEST, STEP = 28, 88, 4  # dB


def compress(image: np.ndarray, psnr: float | None) -> bytes:
    """The codestream of a 16-bit grey image at a PSNR in dB; lossless for None."""
    how = {"reversible": True} if psnr is None else {"level": psnr, "reversible": False}
    return bytes(imagecodecs.jpeg2k_encode(image, codecformat="j2k", mct=False, numthreads=1, **how))


def decompress(data: bytes) -> np.ndarray:
    """The 16-bit grey image of a codestream; StreamError where there is none."""
    try:
        image = np.asarray(imagecodecs.jpeg2k_decode(data, numthreads=1))
    except (imagecodecs.Jpeg2kError, ValueError) as error:
        raise StreamError(f"JPEG 2000: {error}") from error
    return grey16(image, "JPEG 2000")


class Jpeg2000Lossy(Lossy):
    """`jpeg2000-linear` and `jpeg2000-sqrt`."""

    codec = "jpeg2000"

    def settings(self) -> Sequence[str]:
        return [f"psnr={psnr}" for psnr in range(COARSEST, FINEST + 1, STEP)]

    def strength(self, setting: str) -> float:
        psnr = number(setting, "psnr")
        if not 1 <= psnr <= 120:
            raise UsageError(f"setting {setting!r}: want 1 to 120 dB")
        return psnr

    def compress(self, image: np.ndarray, strength: float) -> bytes:
        return compress(image, strength)

    def decompress(self, data: bytes) -> np.ndarray:
        return decompress(data)


class Jpeg2000Lossless(Lossless):
    """`jpeg2000-lossless`."""

    name = "jpeg2000-lossless"

    def compress(self, image: np.ndarray) -> bytes:
        return compress(image, None)

    def decompress(self, data: bytes) -> np.ndarray:
        return decompress(data)
