"""A part of the mosaic: what `decode` gives for `--crop X,Y,W,H`, as a RAW of its own.

X, Y, W, H count sites of the mosaic as it is stored, which is how the DNG has it, before any turn for the viewer. The
crop begins exactly where it is asked to: its CFA phase and black levels are those of the sites there. What refers to
the whole frame is dropped from its tags (default and user crops, gain maps, lens corrections); the preview is the part
of the JPEG that shows it.
"""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from ...bitstream.cell import CellLayout
from ...bitstream.dng import black as black_tags
from ...bitstream.dng.cells import black_of_cell
from ...bitstream.dng.crop import CROP_ORIGIN, CROP_SIZE, USER_CROP
from ...bitstream.errors import UsageError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage, TiffValue
from ...bitstream.rect import Rect
from ...bitstream.tiff import tiff
from ...bitstream.tiff.tiff import Ifd
from ..guide.geometry import POSITION_BITS, Geometry
from ..mosaic.layout import Layout

LEAST_SIDE = 16
"""Sites: a tile of a DNG has no smaller side."""

OF_THE_FRAME = (CROP_ORIGIN, CROP_SIZE, USER_CROP, 51008, 51009, 51022, 52525, *black_tags.BLACK_TAGS)
"""DefaultCropOrigin and Size, DefaultUserCrop, OpcodeList1 to 3, ProfileGainTableMap."""

EDGE = 9
"""Places a side by which the part of the JPEG that shows it is found."""

ORIENTATION = 274
QUALITY = 90


def wanted(crop: tuple[int, int, int, int], height: int, width: int) -> Rect:
    """The sites of a crop (column, row, width, height); `UsageError` where it is not within height x width."""
    part = Rect.at(*crop)
    said = f"a crop of {part.cols} x {part.rows}"
    if min(part.shape) < LEAST_SIDE:
        raise UsageError(f"{said}: want at least {LEAST_SIDE} x {LEAST_SIDE} pixels")
    if not part.lies_in(Rect(0, 0, height, width)):
        raise UsageError(f"{said} at {part.left},{part.top} lies outside the mosaic of {width} x {height}")
    return part


def cells_of(part: Rect, layout: Layout) -> Rect:
    """The cells that hold a part's sites; of a cell layout, its pixels."""
    if layout.cell:
        return Rect.between(*layout.cell.cells_of(*part))
    top, left = layout.origin
    return Rect.between(
        (part.top + top) // 2, (part.left + left) // 2, (part.bottom + top + 1) // 2, (part.right + left + 1) // 2
    )


def share_of(part: Rect, height: int, width: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a part, each as a share of a mosaic of height x width, 0..1."""
    return part.left / width, part.top / height, part.right / width, part.bottom / height


def cropped(raw: RawImage, part: Rect) -> RawImage:
    """The part of a RAW; its mosaic is a copy."""
    tags = {tag: value for tag, value in raw.raw_tags.items() if tag not in OF_THE_FRAME}
    if raw.cell:
        return _cropped_cell(raw, raw.cell, part, tags)
    mosaic = np.array(raw.mosaic[part.slices])
    sites = [(part.top + i) % 2 * 2 + (part.left + j) % 2 for i in (0, 1) for j in (0, 1)]
    black = tuple(raw.black[k] for k in sites)
    return replace(
        raw, mosaic=mosaic, cfa="".join(raw.cfa[k] for k in sites), black=(black[0], black[1], black[2], black[3]),
        levels=raw.levels and raw.levels.part(part, sites),
        raw_tags=tags | black_tags.moved(raw.raw_tags, part.top, part.left, mosaic.shape), border=None,
    )  # fmt: skip


def _cropped_cell(raw: RawImage, cell: CellLayout, part: Rect, tags: dict[int, TiffValue]) -> RawImage:
    """The part of a RAW that has a cell layout; tags: those that hold for it."""
    inner = cell.part(*part)
    levels = black_tags.moved(black_of_cell(cell, raw.raw_tags, raw.black), part.top, part.left, part.shape, cell)
    numbers = cell.unfold(raw.mosaic)[part.slices]
    low = raw.levels.low if raw.levels else None
    counts = raw.levels and replace(
        raw.levels, low=None if low is None else inner.fold(cell.unfold(low)[part.slices])
    )
    black = (raw.levels is None and black_tags.plane_levels(levels, inner)) or raw.black
    return replace(
        raw, mosaic=inner.fold(numbers), black=black, raw_tags=tags | levels, border=None, cell=inner, levels=counts
    )


def shown_by(
    part: Rect, planes: JpegPlanes, geometry: Geometry, layout: Layout, orientation: int
) -> bytes | None:
    """What the JPEG shows of a part, as a JPEG; None where that is next to nothing.

    orientation: the JPEG's own tag.
    """
    # places along the edges too: a straightened or lens-corrected JPEG has its outermost ones anywhere
    starts = (part.top, part.rows), (part.left, part.cols)
    rows, cols = (2 * np.linspace(start, start + n - 1, EDGE).astype(np.int64) for start, n in starts)
    if layout.cell:
        rows, cols = rows * layout.cell.scale, cols * layout.cell.scale
    at_y, at_x = geometry.laid(rows, cols, (layout.height, layout.width), planes.y.shape)
    (top, bottom), (left, right) = (
        np.clip([v.min() >> POSITION_BITS, (v.max() >> POSITION_BITS) + 1], 0, n).tolist()
        for v, n in zip((at_y, at_x), planes.y.shape, strict=True)
    )
    if min(bottom - top, right - left) < 8:
        return None
    size = right - left, bottom - top
    bands = [Image.fromarray(np.ascontiguousarray(planes.y[top:bottom, left:right]))]
    if planes.cb is not None and planes.cr is not None:
        h, v = planes.subsampling
        box = (left / h, top / v, right / h, bottom / v)
        for plane in (planes.cb, planes.cr):
            first = int(box[1]), int(box[0])
            cut = plane[first[0] : -(-bottom // v), first[1] : -(-right // h)]
            inside = (box[0] - first[1], box[1] - first[0], min(box[2] - first[1], cut.shape[1]),
                      min(box[3] - first[0], cut.shape[0]))  # fmt: skip
            picture = Image.fromarray(np.ascontiguousarray(cut))
            bands.append(picture.resize(size, Image.Resampling.BILINEAR, box=inside))
    image = Image.merge("YCbCr", bands) if len(bands) == 3 else bands[0]
    exif = b"Exif\0\0" + tiff.write_tiff(Ifd({ORIENTATION: tiff.pack_value(tiff.SHORT, orientation)}))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, exif=exif)
    return out.getvalue()
