"""What the blind peers share: the mosaic as an image in the peers' frame, lossy under a companding, or lossless."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from ...bitstream.errors import StreamError, UsageError
from ...bitstream.raw_image import RawImage
from .base import Peer
from .clock import part
from .frame import Frame, unwrap
from .packing import companded, expanded, from_quadrants, quadrants


class Blind(Peer):
    """A peer that sees no JPEG."""

    guided = False
    counts = "size, CFA phase, black and white level"


class Lossy(Blind):
    """A codec of 16-bit grey images, given the mosaic's quadrants under a companding.

    codec: how its name begins.
    """

    codec: str

    def __init__(self, companding: str) -> None:
        self.companding = companding
        self.name = f"{self.codec}-{companding}"

    @abstractmethod
    def strength(self, setting: str) -> float:
        """The number of a setting; UsageError for one out of range."""

    @abstractmethod
    def compress(self, image: np.ndarray, strength: float) -> bytes:
        """The codestream of an image, uint16."""

    @abstractmethod
    def decompress(self, data: bytes) -> np.ndarray:
        """The image of a codestream, uint16; StreamError where there is none."""

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        strength, frame = self.strength(setting), Frame.of(raw)
        image = companded(raw.mosaic, frame, self.companding)
        with part("entropy"):
            return frame.wrap(self.compress(image, strength))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        with part("entropy"):
            image = self.decompress(body)
        return expanded(image, frame, self.companding)


class Lossless(Blind):
    """A codec that loses nothing; of quadrants, unless it lays the mosaic out itself."""

    def settings(self) -> Sequence[str]:
        return ["lossless"]

    @abstractmethod
    def compress(self, image: np.ndarray) -> bytes:
        """The codestream of what `image` makes of a mosaic."""

    @abstractmethod
    def decompress(self, data: bytes) -> np.ndarray:
        """The inverse of `compress`; StreamError where the bytes are none of its."""

    def image(self, mosaic: np.ndarray, frame: Frame) -> np.ndarray:
        """The mosaic as it is compressed."""
        return quadrants(mosaic, frame.phase)

    def mosaic(self, image: np.ndarray, frame: Frame) -> np.ndarray:
        """The inverse of `image`; StreamError for one of another size."""
        return from_quadrants(image, frame.phase, frame.shape)

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        if setting != "lossless":
            raise UsageError(f"setting {setting!r}: this peer has only lossless")
        frame = Frame.of(raw)
        with part("entropy"):
            return frame.wrap(self.compress(self.image(raw.mosaic, frame)))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        with part("entropy"):
            image = self.decompress(body)
        return self.mosaic(image, frame)


def grey16(image: np.ndarray, codec: str) -> np.ndarray:
    """The image, which has to be 16-bit grey; StreamError else."""
    if image.dtype != np.uint16 or image.ndim != 2:
        raise StreamError(f"{codec} gave {image.dtype} {image.shape}, not a 16-bit grey image")
    return image
