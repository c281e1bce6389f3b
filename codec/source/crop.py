"""The default crop of a file that is no DNG: what its maker says that the picture is, in the visible mosaic."""

from __future__ import annotations

import math

from ...bitstream.tiff import tags, tiff
from ...bitstream.tiff.tiff import Ifd
from .dng import CROP_ORIGIN, CROP_SIZE, Area
from .libraw import Sizes

LEAST_SHARE = 0.5
"""A crop to less of a side is no picture's frame but something else (a digital zoom, a tele mode)."""


def of_source(sizes: Sizes, visible: Area, ifd0: Ifd | None) -> tags.TagDict:
    """DefaultCropOrigin and Size for the visible area: from the file's own tags, else as LibRaw understands the maker.

    None where there is no crop, or it is all that is visible.
    """
    wanted = _of_tags(sizes, ifd0) or (sizes.crop_left, sizes.crop_top, sizes.crop_width, sizes.crop_height)
    left, top, width, height = wanted
    left, top = left - visible.left, top - visible.top
    inside = 0 <= left and 0 <= top and left + width <= visible.width and top + height <= visible.height
    large = width >= LEAST_SHARE * visible.width and height >= LEAST_SHARE * visible.height
    if not (inside and large) or (width, height) == (visible.width, visible.height):
        return {}
    return {CROP_ORIGIN: tiff.pack_value(tiff.LONG, left, top), CROP_SIZE: tiff.pack_value(tiff.LONG, width, height)}


def _of_tags(sizes: Sizes, ifd0: Ifd | None) -> tuple[int, int, int, int] | None:
    """Left, top, width, height of the crop tags of a directory that describes the stored mosaic."""
    for ifd in ifd0.all() if ifd0 else []:
        size = [int(n) for tag in (256, 257) if tag in ifd.tags for n in tiff.value_numbers(ifd.tags[tag])[:1]]
        given = [tiff.value_numbers(ifd.tags[tag]) for tag in (CROP_ORIGIN, CROP_SIZE) if tag in ifd.tags]
        numbers = [n for pair in given for n in pair]
        whole = len(numbers) == 4 and all(math.isfinite(n) and n == int(n) for n in numbers)
        if size == [sizes.raw_width, sizes.raw_height] and whole:
            left, top, width, height = map(int, numbers)
            return left, top, width, height
    return None
