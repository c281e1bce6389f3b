"""A plain rendering of sensors whose filter LibRaw takes for another: each colour's mean around every pixel.

Their RAWs come with a JPEG nearly always; this is what carries one that comes without.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.raw_image import RawImage
from ..isp.colour import srgb_encode
from ..isp.sensor import by_differences, libraw_knows
from ..mosaic.turn import turn

WHITE = 0.99
LEAST_WHITE = 1e-4
MOST_GAIN = 8.0


def needed(raw: RawImage) -> bool:
    """Whether LibRaw's rendering of it would be of wrong colours."""
    cell = raw.cell
    return cell is not None and cell.samples == 1 and cell.order != "W" and not raw.levels and not libraw_knows(raw)


def rendering(raw: RawImage) -> np.ndarray:
    """uint8 (H, W, 3), upright: grey in the mean, one pixel in a hundred white, sRGB's curve."""
    out = np.maximum(by_differences(raw).values, 0)
    mean = out.mean((0, 1)) + 1e-6
    out *= np.clip(mean[1] / mean, 1 / MOST_GAIN, MOST_GAIN).astype(np.float32)
    white = max(float(np.quantile(out.max(-1), WHITE)), LEAST_WHITE)
    return turn(np.round(255 * srgb_encode(np.minimum(out / np.float32(white), 1))).astype(np.uint8), raw.orientation)
