"""The DNG's frame: it opens as the JPEG does, where the RAW's own file says nothing of it.

DefaultCropOrigin and Size come from the geometry, which the stream has anyway. Of a JPEG that shows less than the
mosaic they are the least upright rectangle with all that it shows; the mosaic is whole around it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...bitstream.raw_image import RawImage, TiffValue
from ...bitstream.tiff import tiff
from ..guide.coverage import covered, frame

if TYPE_CHECKING:
    from ..recipe.gate import Gate
    from .stream import Stream

CROP_ORIGIN, CROP_SIZE, USER_CROP = 50719, 50720, 51125
LEAST_SIDE = 16
"""Sites of a side below which there is no picture to frame."""

LEAST_GUIDED = 0.5
"""Share of what a JPEG covers that it has to guide to be a frame."""

Frame = tuple[int, int, int, int]


def frame_of(raw: RawImage, stream: Stream, jpeg_shape: tuple[int, ...]) -> Frame | None:
    """Column, row, width and height of what the JPEG shows of a stream's whole mosaic.

    None where that is all of it or nothing, where the RAW has a crop of its own, or where the JPEG guides little of
    what it covers: then it may lie anywhere.
    """
    if any(tag in raw.raw_tags for tag in (CROP_ORIGIN, CROP_SIZE, USER_CROP)):
        return None
    if stream.gate and _guided(stream.gate, stream, jpeg_shape) < LEAST_GUIDED:
        return None
    found = frame(stream.geometry, raw.mosaic.shape, jpeg_shape)
    if found is None:
        return None
    (height, width), scale = raw.size, raw.cell.scale if raw.cell else 1
    top, left, bottom, right = (n // scale for n in found)
    bottom, right = min(bottom, height), min(right, width)
    if (top, left, bottom, right) == (0, 0, height, width):
        return None
    return None if min(bottom - top, right - left) < LEAST_SIDE else (left, top, right - left, bottom - top)


def _guided(gate: Gate, stream: Stream, jpeg_shape: tuple[int, ...]) -> float:
    """Share of what the JPEG covers that it guides."""
    if gate.blocks is None:
        return 0.0
    shares = covered(stream.geometry, stream.layout, jpeg_shape, gate.blocks.side)
    return float((shares * ~gate.blocks.own).sum() / max(shares.sum(), 1e-9))


def framed(raw: RawImage, found: Frame | None) -> RawImage:
    """The RAW with the tags of a frame."""
    if found is None:
        return raw
    tags: dict[int, TiffValue] = {
        CROP_ORIGIN: tiff.pack_value(tiff.LONG, *found[:2]), CROP_SIZE: tiff.pack_value(tiff.LONG, *found[2:])
    }  # fmt: skip
    return replace(raw, raw_tags={**raw.raw_tags, **tags})
