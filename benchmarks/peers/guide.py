"""The guide of the guided peers: the JPEG's colours at the mosaic's sites, aligned as rawinlay aligns it.

All guided peers share it, so that none wins or loses by its alignment. The geometry stands in the frame and is counted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...bitstream.errors import InputError, StreamError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.jpeg.planes import JpegPlanes, decode_planes
from ...bitstream.raw_image import RawImage
from ...codec.align.align import align
from ...codec.guide.geometry import Geometry
from ...codec.guide.resample import NEUTRAL, resample
from .clock import part
from .frame import Frame

ONE = 255 << 4  # the JPEG's white in `resample`'s samples
BAND = 128  # rows of the mosaic held at once, even
SCALE_LIMIT, SIDE_LIMIT = 64, 8
"""A JPEG has at least 1 / `SCALE_LIMIT` of the mosaic's rows and columns, give or take `SIDE_LIMIT`: so a small file
can't ask for the memory of a huge mosaic."""


def begin(raw: RawImage, jpeg: bytes) -> tuple[Frame, RgbGuide]:
    """The encoder's frame and guide; InputError for a JPEG of something else."""
    with part("guide"):
        planes = decode_planes(jpeg)
        geometry = align(raw, planes, Jpeg(jpeg).orientation).geometry
    frame = Frame.of(raw, geometry.to_bytes() + geometry.section)
    return frame, RgbGuide(planes, frame)


def resume(jpeg: bytes, frame: Frame) -> RgbGuide:
    """The decoder's guide; StreamError where JPEG and frame do not go together."""
    with part("guide"):
        try:
            planes = decode_planes(jpeg)
        except InputError as error:
            raise StreamError(f"the JPEG is damaged ({error})") from error
    height, width = planes.y.shape
    if frame.height * frame.width > (height + SIDE_LIMIT) * (width + SIDE_LIMIT) * SCALE_LIMIT**2:
        raise StreamError(f"frame: a mosaic of {frame.width} x {frame.height} is too large for this JPEG")
    return RgbGuide(planes, frame)


class RgbGuide:
    """The JPEG's red, green and blue at the sites of a frame's mosaic, made band by band."""

    def __init__(self, planes: JpegPlanes, frame: Frame) -> None:
        self.planes, self.shape = planes, frame.shape
        cut = 1 if frame.geometry[:1] < b"\x08" else len(frame.geometry)  # an orientation alone: a section behind
        self.geometry = Geometry.from_bytes(frame.geometry[:cut], frame.geometry[cut:])

    def bands(self) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, colours) of bands of `BAND` rows, the last may have fewer."""
        for top in range(0, self.shape[0], BAND):
            yield top, self.rows(top, min(top + BAND, self.shape[0]))

    def rows(self, top: int, bottom: int) -> np.ndarray:
        """float64 (3, rows, W), 0..1, sRGB-coded, of the mosaic's rows top (even) to bottom.

        Luma is each site's own, chroma that of its 2x2 cell. ITU-R BT.601 in full range, as JFIF has it.
        """
        with part("guide"):
            window = slice(top // 2, (bottom + 1) // 2), slice(None)
            y, cb, cr = resample(self.planes, self.geometry, *self.shape, window=window)
            b, r = ((v - NEUTRAL).repeat(2, 0).repeat(2, 1) for v in (cb, cr))
            rgb = np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b])
            rgb = rgb[:, : bottom - top, : self.shape[1]] / ONE
            return np.clip(rgb, 0.0, 1.0, out=rgb)
