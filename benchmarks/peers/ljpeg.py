"""Lossless JPEG without a guide, as cameras' DNGs have it: ITU-T T.81 process 14, what `bitstream.dng.ljpeg` writes.

The mosaic's even and odd columns are two components, predicted from the left neighbour, with one optimal Huffman table;
the whole picture is one tile. An odd width is made even by its last column but one. Decoded by another program's
decoder (imagecodecs: liblj92).
"""

from __future__ import annotations

import imagecodecs
import numpy as np

from ...bitstream.dng.ljpeg import encode_tiles
from ...bitstream.errors import StreamError
from .blind import Lossless
from .frame import Frame


class LosslessJpeg(Lossless):
    """`ljpeg`."""

    name = "ljpeg"

    def compress(self, image: np.ndarray) -> bytes:
        return encode_tiles([image])[0]

    def decompress(self, data: bytes) -> np.ndarray:
        try:
            return np.asarray(imagecodecs.ljpeg_decode(data))
        except (imagecodecs.LjpegError, ValueError) as error:
            raise StreamError(f"lossless JPEG: {error}") from error

    def image(self, mosaic: np.ndarray, frame: Frame) -> np.ndarray:
        return np.pad(mosaic, [(0, 0), (0, frame.width % 2)], mode="reflect")

    def mosaic(self, image: np.ndarray, frame: Frame) -> np.ndarray:
        if image.dtype != np.uint16 or image.shape != (frame.height, (frame.width + 1) // 2, 2):
            raise StreamError(f"lossless JPEG gave {image.dtype} {image.shape} for a mosaic of {frame.shape}")
        return np.ascontiguousarray(image.reshape(frame.height, -1)[:, : frame.width])
