"""The DNG's frame: it opens as the JPEG does, where the RAW's own file says nothing of it.

DefaultCropOrigin and Size come from the geometry, which the stream has anyway. Of a JPEG that shows less than the
mosaic they are the least upright rectangle with all that it shows; the mosaic is whole around it.
"""

from __future__ import annotations

from dataclasses import replace

from ...bitstream.raw_image import RawImage, TiffValue
from ...bitstream.tiff import tiff
from ..guide.coverage import frame
from ..guide.geometry import Geometry

CROP_ORIGIN, CROP_SIZE, USER_CROP = 50719, 50720, 51125
LEAST_SIDE = 16
"""Sites of a side below which there is no picture to frame."""

Frame = tuple[int, int, int, int]


def frame_of(raw: RawImage, geometry: Geometry, jpeg_shape: tuple[int, ...]) -> Frame | None:
    """Column, row, width and height of what the JPEG shows of a whole mosaic; None where that is all of it or nothing,
    or where the RAW has a crop of its own."""
    if any(tag in raw.raw_tags for tag in (CROP_ORIGIN, CROP_SIZE, USER_CROP)):
        return None
    found = frame(geometry, raw.mosaic.shape, jpeg_shape)
    if found is None or found == (0, 0, *raw.mosaic.shape):
        return None
    top, left, bottom, right = found
    return None if min(bottom - top, right - left) < LEAST_SIDE else (left, top, right - left, bottom - top)


def framed(raw: RawImage, found: Frame | None) -> RawImage:
    """The RAW with the tags of a frame."""
    if found is None:
        return raw
    tags: dict[int, TiffValue] = {
        CROP_ORIGIN: tiff.pack_value(tiff.LONG, *found[:2]), CROP_SIZE: tiff.pack_value(tiff.LONG, *found[2:])
    }  # fmt: skip
    return replace(raw, raw_tags={**raw.raw_tags, **tags})
