"""A plain rendering of sensors whose filter LibRaw takes for another: each colour's mean around every pixel.

Their RAWs come with a JPEG nearly always; this is what carries one that comes without.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.raw_image import RawImage
from ..isp.colour import srgb_encode
from ..mosaic.turn import turn

KNOWN = ((1, 1), (1, 2), (2, 1), (2, 2), (6, 6))
"""Cells of filters that LibRaw develops: rows and columns."""

WHITE = 0.99
OF_OTHERS = {"C": "GB", "M": "RB", "Y": "RG", "W": "RGB"}
MOST_GAIN = 8.0


def needed(raw: RawImage) -> bool:
    """Whether LibRaw's rendering of it would be of wrong colours."""
    cell = raw.cell
    return cell is not None and cell.samples == 1 and (cell.rows, cell.cols) not in KNOWN


def rendering(raw: RawImage) -> np.ndarray:
    """uint8 (H, W, 3), upright: grey in the mean, one pixel in a hundred white, sRGB's curve."""
    from scipy.ndimage import uniform_filter  # a sixth of a second, which other RAWs need not wait for

    cell = raw.cell
    assert cell is not None
    (height, width), black = raw.size, float(np.mean(raw.black))
    rows = [cell.colours[r * cell.cols : (r + 1) * cell.cols] for r in range(cell.rows)]
    tall, wide = -(-height // cell.rows), -(-width // cell.cols)
    light, side = np.maximum(raw.values.astype(np.float32) - black, 0), max(cell.rows, cell.cols) + 1
    out = np.empty((height, width, 3), np.float32)
    for k, colour in enumerate("RGB"):
        sees = [[float(c == colour or colour in OF_OTHERS.get(c, "")) for c in row] for row in rows]
        weight = np.tile(np.array(sees, np.float32), (tall, wide))[:height, :width]
        near = uniform_filter(weight, side)
        out[..., k] = uniform_filter(light * weight, side) / np.maximum(near, 1e-6)
    mean = out.mean((0, 1)) + 1e-6
    out *= np.clip(mean[1] / mean, 1 / MOST_GAIN, MOST_GAIN).astype(np.float32)
    white = max(float(np.quantile(out.max(-1), WHITE)), 1.0)
    return turn(np.round(255 * srgb_encode(np.minimum(out / np.float32(white), 1))).astype(np.uint8), raw.orientation)
