"""The masked border in a DNG: the frame with it, ActiveArea, and MaskedAreas.

Readers may measure the black level in MaskedAreas (LibRaw does, and forgets BlackLevel), so only rectangles of the
border go there that are dark, and in which they find what BlackLevel says: each site's mean is within half a DN of it.
Two pixels beside the picture, into which light leaks, don't count. Cameras have other pixels around the mosaic too:
bright ones, dead ones, test patterns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..raw_image import Border, RawImage, TiffValue
from ..rect import Rect
from ..tiff import tiff

LEAK = 2  # pixels beside the picture
LEAST = 4  # rows or columns of a masked area
FAR = 64
"""All but one in a hundred of a site's masked pixels are as near to black as one part in so many of black to white."""
LEVEL_UNIT = 1024  # black levels to 1/1024 DN, as the header has them



@dataclass(frozen=True)
class Framed:
    """What is stored of a RAW with a border: frame, uint16 (H, W); where the mosaic is in it; tags that say so."""

    frame: np.ndarray
    tags: dict[int, TiffValue]


def framed(raw: RawImage) -> Framed | None:
    """The frame of a RAW that has a border, else None.

    LibRaw takes the next even corner for an odd one of ActiveArea: an outermost row or column is left out so that the
    corner is even.
    """
    if raw.border is None:
        return None
    border = _even(raw.border)
    top, left, _, _ = border.sides
    height, width = raw.mosaic.shape
    frame = border.frame(raw.mosaic)
    tags = {
        256: tiff.pack_value(tiff.LONG, frame.shape[1]),
        257: tiff.pack_value(tiff.LONG, frame.shape[0]),
        50829: tiff.pack_value(tiff.LONG, top, left, top + height, left + width),
    }
    dark = [area for area in _areas(border, height, width) if _is_dark(frame, area, raw, top, left)]
    if dark:
        tags[50830] = tiff.pack_value(tiff.LONG, *(n for a in dark for n in (a.top, a.left, a.bottom, a.right)))
    return Framed(frame, tags)


def _even(border: Border) -> Border:
    rows, cols = border.sides[0] % 2, border.sides[1] % 2
    return replace(
        border, above=border.above[rows:, cols:], left=border.left[:, cols:], below=border.below[:, cols:]
    )


def _areas(border: Border, height: int, width: int) -> list[Rect]:
    """The rectangles of the border without what leaks in, no two of which overlap."""
    top, left, bottom, right = border.sides
    whole = left + width + right
    areas = [
        Rect(0, 0, top - LEAK, whole),
        Rect(top, 0, height, left - LEAK),
        Rect(top, left + width + LEAK, height, right - LEAK),
        Rect(top + height + LEAK, 0, bottom - LEAK, whole),
    ]
    return [area for area in areas if min(area.shape) >= LEAST]


def _is_dark(frame: np.ndarray, area: Rect, raw: RawImage, top: int, left: int) -> bool:
    """Whether a rectangle of the frame is black, whose mosaic begins at (top, left)."""
    for site, black in enumerate(raw.black):
        rows = slice(area.top + (site // 2 + top - area.top) % 2, area.bottom, 2)
        cols = slice(area.left + (site % 2 + left - area.left) % 2, area.right, 2)
        values = frame[rows, cols]
        if 2 * abs(int(values.sum(dtype=np.int64)) * LEVEL_UNIT - round(black * LEVEL_UNIT) * values.size) > (
            LEVEL_UNIT * values.size
        ):
            return False
        apart = np.abs(values.astype(np.int64) - round(black))
        if np.count_nonzero(apart * FAR > raw.white - round(black)) * 100 > values.size:
            return False
    return True
