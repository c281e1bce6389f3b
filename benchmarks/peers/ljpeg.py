"""Lossless JPEG without a guide, as cameras' DNGs have it: ITU-T T.81 process 14, what `bitstream.ljpeg` writes.

The mosaic's even and odd columns are two components, predicted from the left neighbour, with one optimal Huffman table;
the whole picture is one tile. An odd width is made even by its last column but one. Decoded by another program's
decoder (imagecodecs: liblj92).
"""

from __future__ import annotations

from collections.abc import Sequence

import imagecodecs
import numpy as np

from benchmarks.peers.base import Peer
from benchmarks.peers.clock import part
from benchmarks.peers.frame import Frame, unwrap
from benchmarks.peers.jxl import COUNTS, lossless_only
from bitstream.errors import StreamError
from bitstream.ljpeg import encode_tiles
from bitstream.raw_image import RawImage


class LosslessJpeg(Peer):
    """`ljpeg`."""

    name = "ljpeg"
    guided = False
    counts = COUNTS

    def settings(self) -> Sequence[str]:
        return ["lossless"]

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        lossless_only(setting)
        frame = Frame.of(raw)
        with part("entropy"):
            even = np.pad(raw.mosaic, [(0, 0), (0, frame.width % 2)], mode="reflect")
            return frame.wrap(encode_tiles([even])[0])

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        with part("entropy"):
            try:
                image = np.asarray(imagecodecs.ljpeg_decode(body))
            except (imagecodecs.LjpegError, ValueError) as error:
                raise StreamError(f"lossless JPEG: {error}") from error
        if image.dtype != np.uint16 or image.shape != (frame.height, (frame.width + 1) // 2, 2):
            raise StreamError(f"lossless JPEG gave {image.dtype} {image.shape} for a mosaic of {frame.shape}")
        return np.ascontiguousarray(image.reshape(frame.height, -1)[:, : frame.width])
