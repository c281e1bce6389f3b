"""JPEG 2000 (OpenJPEG) without a guide, on the packed mosaic (`packing`): lossy under a companding, and lossless.

Lossy: 9/7 wavelet, one quality layer, to a PSNR that OpenJPEG's rate control aims at in the 16-bit companded image.
Lossless: 5/3 wavelet, reversible, of the DN themselves. The bytes are the bare codestream in the peers' frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import imagecodecs
import numpy as np

from benchmarks.peers.base import Peer, number
from benchmarks.peers.clock import part
from benchmarks.peers.frame import Frame, unwrap
from benchmarks.peers.jxl import COUNTS, lossless_only
from benchmarks.peers.packing import companded, expanded, from_quadrants, quadrants
from bitstream.errors import StreamError, UsageError
from bitstream.raw_image import RawImage

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
    if image.dtype != np.uint16 or image.ndim != 2:
        raise StreamError(f"JPEG 2000 gave {image.dtype} {image.shape}, not a 16-bit grey image")
    return image


class Jpeg2000Lossy(Peer):
    """`jpeg2000-linear` and `jpeg2000-sqrt`."""

    guided = False
    counts = COUNTS

    def __init__(self, companding: str) -> None:
        self.companding = companding
        self.name = f"jpeg2000-{companding}"

    def settings(self) -> Sequence[str]:
        return [f"psnr={psnr}" for psnr in range(COARSEST, FINEST + 1, STEP)]

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        psnr, frame = number(setting, "psnr"), Frame.of(raw)
        if not 1 <= psnr <= 120:
            raise UsageError(f"setting {setting!r}: want 1 to 120 dB")
        image = companded(raw.mosaic, frame, self.companding)
        with part("entropy"):
            return frame.wrap(compress(image, psnr))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        with part("entropy"):
            image = decompress(body)
        return expanded(image, frame, self.companding)


class Jpeg2000Lossless(Peer):
    """`jpeg2000-lossless`."""

    name = "jpeg2000-lossless"
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
