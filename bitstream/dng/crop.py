"""DefaultCropOrigin and Size: which part of the mosaic is the picture (DNG 1.7, chapter 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..raw_image import TiffValue
from ..rect import Rect
from ..tiff import tiff

CROP_ORIGIN, CROP_SIZE, USER_CROP = 50719, 50720, 51125
Numbers = tuple[float, float, float, float]


def default_crop(tags: Mapping[int, TiffValue]) -> Numbers | None:
    """Column, row, width and height that the tags say, finite; None where they don't."""
    if CROP_ORIGIN not in tags or CROP_SIZE not in tags:
        return None
    origin, size = (tiff.value_numbers(tags[tag]) for tag in (CROP_ORIGIN, CROP_SIZE))
    if len(origin) != 2 or len(size) != 2 or not all(map(math.isfinite, (*origin, *size))):
        return None
    return origin[0], origin[1], size[0], size[1]


def lies_in(crop: Numbers, width: int, height: int) -> bool:
    """Whether a crop is a part of a mosaic of width x height."""
    return all(0 <= start and 0 < size and start + size <= limit
               for start, size, limit in zip(crop[:2], crop[2:], (width, height), strict=True))  # fmt: skip


def crop_tags(crop: Rect | Sequence[float]) -> dict[int, TiffValue]:
    """Both tags of a crop: a rectangle, or column, row, width and height, which may be fractions."""
    numbers = crop.xywh if isinstance(crop, Rect) else tuple(crop)
    if any(n != int(n) for n in numbers):
        exact = [n for x in numbers for n in Fraction(x).limit_denominator(1000).as_integer_ratio()]
        return {
            CROP_ORIGIN: tiff.pack_value(tiff.RATIONAL, *exact[:4]),
            CROP_SIZE: tiff.pack_value(tiff.RATIONAL, *exact[4:]),
        }
    return {
        CROP_ORIGIN: tiff.pack_value(tiff.LONG, *map(int, numbers[:2])),
        CROP_SIZE: tiff.pack_value(tiff.LONG, *map(int, numbers[2:])),
    }
