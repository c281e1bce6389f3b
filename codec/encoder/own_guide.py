"""A rendering of the RAW for itself alone: the guide where the JPEG is none.

One pixel for each cell or for each few, each colour as bright as green in the mean, sRGB's curve, as a JPEG. It should
say the broad structure, which a wide transform codes in fewer bits than the stages do; the fine one is theirs.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...bitstream.raw_image import RawImage
from ..isp.colour import srgb_encode
from ..mosaic.layout import Layout
from ..recipe.gate import pixels

WHITE = 0.999
"""Share of the pixels that are not white."""

MOST_GAIN = 8.0
BLOCK = 8
"""Side in pixels of what is made flat together: a JPEG's block."""


@dataclass(frozen=True)
class Look:
    """How an own guide is made. scale: logarithm of the sites that a pixel is wide; quality: libjpeg's."""

    scale: int
    quality: int


def rendering(raw: RawImage, scale: int) -> np.ndarray:
    """A rendering of a scale (`Look`), uint8 (rows, columns, 3)."""
    height, width = raw.mosaic.shape
    layout = Layout(height, width, raw.cfa)
    black = layout.per_plane(raw.black)
    (h, w), (rows, cols), side = layout.cells, pixels(layout, scale), 1 << (scale - 1)
    light = np.zeros((3, rows * side, cols * side), np.float32)
    for k, plane in enumerate(layout.pack(raw.mosaic)):
        colour = (0, 1, 1, 2)[k]
        light[colour, :h, :w] += (plane - np.float32(black[k])) / np.float32(2 if colour == 1 else 1)
    light[:, h:], light[:, :, w:] = light[:, h - 1 : h], light[:, :, w - 1 : w]
    light = np.maximum(light.reshape(3, rows, side, cols, side).mean((2, 4)), 0)
    mean = light.mean((1, 2)) + np.float32(1e-6)
    light *= np.clip(mean[1] / mean, 1 / MOST_GAIN, MOST_GAIN)[:, None, None]
    white = max(float(np.quantile(light.max(0), WHITE)), 1.0)
    light = np.minimum(light / np.float32(white), 1)
    return np.ascontiguousarray(np.round(255 * srgb_encode(light)).astype(np.uint8).transpose(1, 2, 0))


def flattened(picture: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The picture with what is not wanted made flat, so that it takes next to nothing.

    wanted: bool (rows, columns), by pixel. Flat are blocks of 2x2 of the JPEG's, since chroma's are so wide.
    """
    side = 2 * BLOCK
    out, (rows, cols) = picture.copy(), wanted.shape
    last = picture.reshape(-1, 3).mean(0)
    for r in range(0, rows, side):
        for c in range(0, cols, side):
            block = np.s_[r : r + side, c : c + side]
            if wanted[block].any():
                last = picture[block].reshape(-1, 3).mean(0)
            else:
                out[block] = last
    return out


def as_jpeg(picture: np.ndarray, quality: int) -> bytes:
    """The smaller one of a sequential and a progressive JPEG."""
    found = []
    for progressive in (False, True):
        out = io.BytesIO()
        Image.fromarray(picture).save(
            out, "JPEG", quality=quality, optimize=True, progressive=progressive, subsampling=2
        )
        found.append(out.getvalue())
    return min(found, key=len)
