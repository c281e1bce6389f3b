"""JPEG XL (ISO/IEC 18181) as DNG 1.7's compression 52546 has it, by imagecodecs, an extra of this distribution.

A mosaic's neighbours are of other colours, which JPEG XL does not expect. So it is stored as Adobe's SDK stores it:
rows and columns in two fields each (RowInterleaveFactor and ColumnInterleaveFactor 2), first all even ones, then all
odd ones, over the whole frame. That makes four pictures beside each other, each of one site of the CFA's cell; the
tiles are cut from the whole. Of a 12 MP frame without loss this takes 60 % of what lossless JPEG does.

A JPEG XL stream without loss is decoded again before it is taken for right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, UsageError
from ..raw_image import TiffValue
from ..tiff import tiff

REQUIREMENT = "imagecodecs>=2024.9.22"
"""As the extra `jxl` of pyproject.toml has it."""

COMPRESSION = 52546
SIDE = 512  # of tiles: four times as many pixels gain nothing
EFFORT = 3
"""Of libjxl's 1 to 9: 5 takes seven times as long for 1 % less, 7 ten times for 2 %."""
LEAST_DISTANCE, MOST_DISTANCE = 0.05, 15.0


@dataclass(frozen=True)
class JpegXl:
    """How a mosaic is coded: without loss (distance 0), or with an error by libjxl's measure, 1 hardly being seen."""

    distance: float = 0.0

    def __post_init__(self) -> None:
        if self.distance and not LEAST_DISTANCE <= self.distance <= MOST_DISTANCE:
            raise UsageError(f"a distance of {self.distance:g} is not JPEG XL's: want 0 (lossless), or 0.05 to 15")

    def tile(self, tile: np.ndarray) -> bytes:
        """The JPEG XL stream of a tile, uint16 (H, W)."""
        codec = need_imagecodecs()
        tile = np.ascontiguousarray(tile)
        if self.distance:
            return bytes(codec.jpegxl_encode(tile, distance=self.distance, effort=EFFORT, numthreads=1))
        data = bytes(codec.jpegxl_encode(tile, lossless=True, effort=EFFORT, numthreads=1))
        if not np.array_equal(np.asarray(codec.jpegxl_decode(data, numthreads=1)).reshape(tile.shape), tile):
            raise InputError("JPEG XL does not give the mosaic back: write the DNG without --dng-jxl")
        return data

    def tags(self, fields: bool = True) -> dict[int, TiffValue]:
        """What the mosaic's directory says otherwise than with lossless JPEG; fields: whether rows and columns are
        `interleaved`."""
        apart = 2 if fields else 1
        return {
            259: tiff.pack_value(tiff.SHORT, COMPRESSION),
            322: tiff.pack_value(tiff.LONG, SIDE),
            323: tiff.pack_value(tiff.LONG, SIDE),
            50975: tiff.pack_value(tiff.LONG, apart),  # RowInterleaveFactor
            52547: tiff.pack_value(tiff.LONG, apart),  # ColumnInterleaveFactor
            52553: tiff.pack_value(tiff.FLOAT, self.distance),  # JXLDistance
            52554: tiff.pack_value(tiff.LONG, EFFORT),  # JXLEffort
        }


def interleaved(mosaic: np.ndarray) -> np.ndarray:
    """The mosaic's rows and columns in two fields each, even ones first."""
    height, width = mosaic.shape
    rows, cols = ([*range(0, n, 2), *range(1, n, 2)] for n in (height, width))
    return mosaic[np.ix_(rows, cols)]


def tiles(stored: np.ndarray) -> list[np.ndarray]:
    """The tiles of what is stored, row by row, the last ones filled up by their edges."""
    height, width = stored.shape[:2]
    below, right = -height % SIDE, -width % SIDE
    more = ((0, below), (0, right), (0, 0))[: stored.ndim]
    whole = np.pad(stored, more, "edge") if below or right else stored
    corners = [(y, x) for y in range(0, whole.shape[0], SIDE) for x in range(0, whole.shape[1], SIDE)]
    return [whole[y : y + SIDE, x : x + SIDE] for y, x in corners]


def need_imagecodecs() -> Any:
    """imagecodecs; UsageError with the remedy where it is not installed, or has no JPEG XL."""
    remedy = f"a DNG of JPEG XL needs imagecodecs: pip install '{REQUIREMENT}'"
    try:
        import imagecodecs
    except ImportError:
        raise UsageError(remedy) from None
    if not imagecodecs.JPEGXL.available:
        raise UsageError(f"{remedy} (the one here was built without JPEG XL)")
    return imagecodecs
