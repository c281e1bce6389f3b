"""The default crop of a file that is no DNG: what its maker says that the picture is, in the visible mosaic."""

from __future__ import annotations

from ...bitstream.dng.crop import crop_tags, default_crop
from ...bitstream.rect import Rect
from ...bitstream.tiff import tags, tiff
from ...bitstream.tiff.tiff import Ifd
from .libraw import Sizes

LEAST_SHARE = 0.5
"""A crop to less of a side is no picture's frame but something else (a digital zoom, a tele mode)."""


def of_source(sizes: Sizes, visible: Rect, ifd0: Ifd | None) -> tags.TagDict:
    """DefaultCropOrigin and Size for the visible area: from the file's own tags, else as LibRaw understands the maker.

    None where there is no crop, or it is all that is visible.
    """
    stored = _of_tags(sizes, ifd0) or Rect(sizes.crop_top, sizes.crop_left, sizes.crop_height, sizes.crop_width)
    large = stored.rows >= LEAST_SHARE * visible.rows and stored.cols >= LEAST_SHARE * visible.cols
    if not (stored.lies_in(visible) and large) or stored.shape == visible.shape:
        return {}
    return crop_tags(stored._replace(top=stored.top - visible.top, left=stored.left - visible.left))


def _of_tags(sizes: Sizes, ifd0: Ifd | None) -> Rect | None:
    """The crop by the tags of a directory that describes the stored mosaic, in that."""
    for ifd in ifd0.all() if ifd0 else []:
        size = [int(n) for tag in (256, 257) if tag in ifd.tags for n in tiff.value_numbers(ifd.tags[tag])[:1]]
        found = default_crop(ifd.tags)
        if size == [sizes.raw_width, sizes.raw_height] and found and all(n == int(n) for n in found):
            return Rect.at(*map(int, found))
    return None
