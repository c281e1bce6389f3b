"""The guide: a JPEG's Y, Cb, Cr laid over the mosaic, as encoder and decoder both have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitstream.profile import timed
from codec.geometry import Geometry, resample
from codec.jpeg_planes import JpegPlanes, decode_planes


@dataclass(frozen=True)
class Guide:
    """The JPEG at the padded mosaic's sites and cells, int16 0..4080: 8 bits and 4 of a fraction.

    y: (H', W') at the sites; cb, cr: (H'/2, W'/2) at the cells' middles, 2048 is neutral.
    """

    y: np.ndarray
    cb: np.ndarray
    cr: np.ndarray


def make_guide(
    planes: JpegPlanes, geometry: Geometry, shape: tuple[int, int], cell_origin: tuple[int, int] = (0, 0)
) -> Guide:
    """The guide of decoded planes; `shape` is the mosaic's, `cell_origin` as in `codec.geometry.resample`."""
    with timed("guide"):
        return Guide(*resample(planes, geometry, *shape, cell_origin))


def load_guide(jpeg: bytes, geometry: Geometry, shape: tuple[int, int], cell_origin: tuple[int, int] = (0, 0)) -> Guide:
    """The guide of a JPEG file's bytes; `InputError` as `decode_planes`, `StreamError` for a wild geometry."""
    return make_guide(decode_planes(jpeg), geometry, shape, cell_origin)
