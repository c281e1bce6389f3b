"""Try before you encode: what a rate would leave of a RAW, at the place that is looked at, and what the file would take.

::

    RAW, JPEG --aligned once--> a piece of both --encoded at a quality, decoded--> planes of the piece
                          '--> pieces here and there --encoded at some qualities--> bits a site --> bytes of the whole

A quality means the same error in a piece as in the whole picture, so what is seen is what `encode --quality` gives. The
bytes are an estimate until the file is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...bitstream.errors import InputError, RawinlayError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ..align.place import Origin, place
from ..decoder.crop import Crop
from ..decoder.stream import Stream
from ..encoder.encode import encode_stream
from ..encoder.options import EncodeOptions
from ..guide.geometry import Geometry
from ..isp.planes import Part
from .laid import LaidJpeg

LOSSLESS = 101
"""Stands for no loss among qualities 0 to 100."""

PIECE = 256
"""Side of the pieces that the whole picture's size is told from, sites."""

PIECES = 9
KNOTS = (10, 30, 50, 70, 90, LOSSLESS)
"""Qualities at which those are encoded; between them bits are interpolated in their logarithm."""

MOST_SITES = 2_500_000
"""Of what is shown: an encoding of more takes seconds."""

EFFORT = 3


@dataclass(frozen=True)
class Coded:
    """A piece after encoding. mosaic: what it decodes to; symbols, rest: bytes of its substreams, and of all else."""

    mosaic: np.ndarray
    symbols: int
    rest: int


class Trial:
    """raw: the file's; jpeg: the one that is to carry it. InputError for a JPEG of another scene."""

    def __init__(self, raw: RawImage, jpeg: bytes) -> None:
        self.raw, file = raw, Jpeg(jpeg).bare
        self.jpeg_bytes = len(file.data)
        self.laid = LaidJpeg(
            file.planes, place(raw, file.planes, file, Origin.UNKNOWN).geometry, (raw.mosaic.shape[0], raw.mosaic.shape[1])
        )
        self._bits: dict[int, tuple[float, int]] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes that it holds, about."""
        return int(self.raw.mosaic.nbytes + 2 * self.laid.planes.y.nbytes + self.laid.nbytes)

    def piece(self, part: Part, quality: int) -> np.ndarray:
        """The mosaic of a part after encoding at a quality or `LOSSLESS`, uint16, within the RAW's whole mosaic."""
        height, width = self.raw.mosaic.shape
        top, left, bottom, right = part.sites
        box = Crop(left, top, min(right, width) - left, min(bottom, height) - top)
        if box.width * box.height > MOST_SITES:
            raise InputError("zoom in to try a rate: the part that is seen is too large to be encoded at once")
        out = self.raw.mosaic.copy()
        out[top : top + box.height, left : left + box.width] = self._coded(box, quality).mosaic
        return out

    def size(self, quality: int, wait: Callable[[], bool] = lambda: True) -> float | None:
        """Bytes that the JPEG would grow by, about; None where `wait` says that nobody waits any longer."""
        if quality == LOSSLESS:
            return self._bytes(LOSSLESS) if wait() else None
        knots = [k for k in KNOTS if k != LOSSLESS]
        low = max((k for k in knots if k <= quality), default=knots[0])
        high = min((k for k in knots if k >= low + 1 and k >= quality), default=knots[-1])
        found = []
        for knot in (low, high):
            if not wait():
                return None
            found.append(np.log(self._bytes(knot)))
        share = (quality - low) / (high - low) if high > low else 0.0
        return float(np.exp(found[0] + share * (found[1] - found[0])))

    def _bytes(self, knot: int) -> float:
        with self._lock:
            if knot not in self._bits:
                done = [self._coded(box, knot) for box in self._boxes()]
                sites = sum(one.mosaic.size for one in done)
                self._bits[knot] = sum(one.symbols for one in done) / sites, max(one.rest for one in done)
            share, rest = self._bits[knot]
        return share * self.raw.mosaic.size + rest

    def _boxes(self) -> list[Crop]:
        """Squares spread over the picture, beginning at even sites."""
        height, width = self.raw.mosaic.shape
        side_y, side_x = min(PIECE, height), min(PIECE, width)
        count = round(PIECES**0.5)
        rows, cols = (sorted({int(at) // 2 * 2 for at in np.linspace(0, n - side, count + 2)[1:-1]})
                      for n, side in ((height, side_y), (width, side_x)))  # fmt: skip
        return [Crop(x, y, side_x, side_y) for y in rows for x in cols]

    def _coded(self, box: Crop, quality: int) -> Coded:
        """A piece, encoded under the JPEG as it lies there."""
        raw = box.of(self.raw)
        shown = self.laid.part(Part(box.y, box.x, box.height, box.width, 1))
        options = EncodeOptions.of(effort=EFFORT, guide="jpeg",
                                   **({"lossless": True} if quality == LOSSLESS else {"quality": quality}))  # fmt: skip
        try:
            payload = encode_stream(raw, _planes(shown), Geometry(), options, b"", len)
        except RawinlayError:
            payload = encode_stream(raw, _planes(shown), Geometry(), replace(options, guide="none"), b"", len)
        stream = Stream.from_bytes(payload)
        symbols = sum(map(len, stream.substreams.values())) + sum(map(len, stream.finer.values()))
        return Coded(stream.decode(_planes(shown), unbounded=True), symbols, len(payload) - symbols)


def _planes(rgb: np.ndarray) -> JpegPlanes:
    """Colours as a JPEG of 4:4:4 would hold them, without its loss."""
    import cv2

    y, cr, cb = (np.ascontiguousarray(p) for p in cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)))
    return JpegPlanes(y, cb, cr, (1, 1), (np.ones(64, np.uint16),) * 3, rgb.size)
