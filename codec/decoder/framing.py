"""The DNG's frame: it opens as the JPEG does, where the RAW's own file says nothing of it.

DefaultCropOrigin and Size come from the geometry, which the stream has anyway. Of a JPEG that shows less than the
mosaic they are the least upright rectangle with all that it shows; the mosaic is whole around it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...bitstream.dng.crop import CROP_ORIGIN, CROP_SIZE, USER_CROP, crop_tags
from ...bitstream.raw_image import RawImage
from ...bitstream.rect import Rect
from ..guide.coverage import covered, frame

if TYPE_CHECKING:
    from ..recipe.gate import Gate
    from .stream import Stream

LEAST_SIDE = 16
"""Sites of a side below which there is no picture to frame."""

LEAST_GUIDED = 0.5
"""Share of what a JPEG covers that it has to guide to be a frame."""


def frame_of(raw: RawImage, stream: Stream, jpeg_shape: tuple[int, ...]) -> Rect | None:
    """What the JPEG shows of a stream's whole mosaic, in sites.

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
    scale = raw.cell.scale if raw.cell else 1
    inside = Rect.between(*(n // scale for n in (found.top, found.left, found.bottom, found.right)))
    found = inside.within(Rect(0, 0, *raw.size))
    return None if found.shape == raw.size or min(found.shape) < LEAST_SIDE else found


def _guided(gate: Gate, stream: Stream, jpeg_shape: tuple[int, ...]) -> float:
    """Share of what the JPEG covers that it guides."""
    if gate.blocks is None:
        return 0.0
    shares = covered(stream.geometry, stream.layout, jpeg_shape, gate.blocks.side)
    return float((shares * ~gate.blocks.own).sum() / max(shares.sum(), 1e-9))


def framed(raw: RawImage, found: Rect | None) -> RawImage:
    """The RAW with the tags of a frame, if there is one."""
    if found is None:
        return raw
    return replace(raw, raw_tags={**raw.raw_tags, **crop_tags(found)})
