"""A part of the mosaic: what `decode` gives for `--crop X,Y,W,H`, as a RAW of its own.

X, Y, W, H count sites of the mosaic as it is stored, which is how the DNG has it, before any turn for the viewer. The
crop begins exactly where it is asked to: its CFA phase and black levels are those of the sites there. What refers to
the whole frame is dropped from its tags (default and user crops, gain maps, lens corrections); the preview is the part
of the JPEG that shows it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ...bitstream.cell import CellLayout
from ...bitstream.dng import black as black_tags
from ...bitstream.dng.cells import black_of_cell
from ...bitstream.errors import UsageError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage, TiffValue
from ...bitstream.tiff import tiff
from ...bitstream.tiff.tiff import Ifd
from ..guide.geometry import POSITION_BITS, Geometry
from ..mosaic.layout import Box, Layout

LEAST_SIDE = 16
"""Sites: a tile of a DNG has no smaller side."""

OF_THE_FRAME = (50719, 50720, 51125, 51008, 51009, 51022, 52525, *black_tags.BLACK_TAGS)
"""DefaultCropOrigin and Size, DefaultUserCrop, OpcodeList1 to 3, ProfileGainTableMap."""

EDGE = 9
"""Places a side by which the part of the JPEG that shows it is found."""

ORIENTATION = 274
QUALITY = 90


@dataclass(frozen=True)
class Crop:
    """Sites from column x and row y on."""

    x: int
    y: int
    width: int
    height: int

    def check(self, height: int, width: int) -> None:
        """`UsageError` where it is not within a mosaic of height x width."""
        size = f"a crop of {self.width} x {self.height}"
        if min(self.width, self.height) < LEAST_SIDE:
            raise UsageError(f"{size}: want at least {LEAST_SIDE} x {LEAST_SIDE} pixels")
        if min(self.x, self.y) < 0 or self.x + self.width > width or self.y + self.height > height:
            raise UsageError(f"{size} at {self.x},{self.y} lies outside the mosaic of {width} x {height}")

    def cells(self, layout: Layout) -> Box:
        """The cells that hold its sites."""
        if layout.cell:
            return Box(*layout.cell.cells_of(self.y, self.x, self.height, self.width))
        top, left = layout.origin
        return Box(
            (self.y + top) // 2, (self.x + left) // 2, (self.y + self.height + top + 1) // 2,
            (self.x + self.width + left + 1) // 2,
        )  # fmt: skip

    def share(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom as parts of a mosaic of height x width, 0..1."""
        return self.x / width, self.y / height, (self.x + self.width) / width, (self.y + self.height) / height

    def of(self, raw: RawImage) -> RawImage:
        """The part of a RAW; its mosaic is a copy."""
        tags = {tag: value for tag, value in raw.raw_tags.items() if tag not in OF_THE_FRAME}
        if raw.cell:
            return self._of_cell(raw, raw.cell, tags)
        mosaic = np.array(raw.mosaic[self.y : self.y + self.height, self.x : self.x + self.width])
        sites = [(self.y + i) % 2 * 2 + (self.x + j) % 2 for i in (0, 1) for j in (0, 1)]
        black = tuple(raw.black[k] for k in sites)
        return replace(
            raw, mosaic=mosaic, cfa="".join(raw.cfa[k] for k in sites), black=(black[0], black[1], black[2], black[3]),
            raw_tags=tags | black_tags.moved(raw.raw_tags, self.y, self.x, mosaic.shape), border=None,
        )  # fmt: skip

    def _of_cell(self, raw: RawImage, cell: CellLayout, tags: dict[int, TiffValue]) -> RawImage:
        """The part of a RAW that has a cell layout; tags: those that hold for it."""
        values = raw.values[self.y : self.y + self.height, self.x : self.x + self.width]
        part = cell.part(self.y, self.x, self.height, self.width)
        levels = black_tags.moved(black_of_cell(cell, raw.raw_tags, raw.black), self.y, self.x, values.shape, cell)
        black = black_tags.plane_levels(levels, part) or raw.black
        return replace(raw, mosaic=part.fold(values), black=black, raw_tags=tags | levels, border=None, cell=part)

    def preview(self, planes: JpegPlanes, geometry: Geometry, layout: Layout, orientation: int) -> bytes | None:
        """The part of the JPEG that shows it, as a JPEG; None where that shows next to nothing of it.

        orientation: the JPEG's own tag.
        """
        # places along the edges too: a straightened or lens-corrected JPEG has its outermost ones anywhere
        starts = (self.y, self.height), (self.x, self.width)
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
