"""Floating-point pixels in a DNG: deflated tiles under predictor 3 (Adobe Photoshop TIFF Technical Note 3; DNG 1.4).

Of each row of a tile first the highest bytes of all numbers stand, then the next ones; of these bytes the differences
from the one before of the same place in a pixel are deflated (zlib).
"""

from __future__ import annotations

import zlib

import numpy as np

from ..raw_image import TiffValue
from ..tiff import tiff

DEFLATE, PREDICTOR, FLOAT = 8, 3, 3


def float_tags(stored: np.ndarray) -> dict[int, TiffValue]:
    """What the mosaic's directory says of them beside its tiles; stored: float16 or float32 (H, W) or (H, W, values a
    pixel)."""
    samples = stored.shape[2] if stored.ndim > 2 else 1
    return {
        258: tiff.pack_value(tiff.SHORT, *(8 * stored.dtype.itemsize,) * samples),
        259: tiff.pack_value(tiff.SHORT, DEFLATE),
        317: tiff.pack_value(tiff.SHORT, PREDICTOR),
        339: tiff.pack_value(tiff.SHORT, *(FLOAT,) * samples),
    }


def float_side(shape: tuple[int, ...]) -> int:
    """Width and height of the tiles: LibRaw (0.22, measured) refuses tiles that are wider or higher than the mosaic."""
    return next((side for side in (256, 128, 64, 32) if side <= min(shape[:2])), 16)


def square_tiles(stored: np.ndarray, side: int) -> list[np.ndarray]:
    """The tiles, row by row, the last ones filled up by their edges."""
    below, right = (-n % side for n in stored.shape[:2])
    whole = np.pad(stored, ((0, below), (0, right), (0, 0))[: stored.ndim], "edge")
    return [whole[y : y + side, x : x + side] for y in range(0, whole.shape[0], side)
            for x in range(0, whole.shape[1], side)]  # fmt: skip


def deflated(tile: np.ndarray) -> bytes:
    """A tile's bytes."""
    samples, size = tile.shape[2] if tile.ndim > 2 else 1, tile.dtype.itemsize
    parts = np.ascontiguousarray(tile).astype(tile.dtype.newbyteorder(">")).view(np.uint8).reshape(len(tile), -1, size)
    rows = np.ascontiguousarray(parts.swapaxes(1, 2)).reshape(len(tile), -1, samples)
    rows[:, 1:] = rows[:, 1:] - rows[:, :-1]
    return zlib.compress(rows.tobytes(), 6)
