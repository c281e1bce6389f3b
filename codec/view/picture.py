"""One photograph, opened: what is known of it at once, its mosaic as it is decoded, its JPEG laid over that.

::

    JPEG with a RAW --open_carrier--> stream, planes --`Tiles`--> mosaic, where it is looked at first
                                               '--`LaidJpeg`--> the JPEG at the same places
    RAW             --LibRaw--> mosaic; its own preview stands for a JPEG
    JPEG            --planes--> the JPEG alone
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...bitstream.errors import InputError, NoRawError, RawinlayError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.jpeg.planes import JpegPlanes, decode_planes
from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.forks import cached_property
from ..carrier import Carrier, image_of, open_carrier
from ..develop import frame_of, rendering_laid, rendering_like
from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from ..isp.develop import Developer, Rendering
from ..isp.planes import Part, planes
from ..isp.sensor import sensor_of
from ..isp.settings import Settings
from ..isp.tone import plain
from ..mosaic.turn import turn
from .frame import Frame, Rectangle
from .laid import LaidJpeg
from .tiles import Tiles

if TYPE_CHECKING:
    from .first_look import FirstLook

MOST_STEP = 64
MOST_PIXELS = 12_000_000
"""Of one answer: a large screen and its surroundings."""


@dataclass(frozen=True)
class View:
    """A part of a photograph as it is sent. pixels: float16 roots of light or uint8 sRGB, (rows, cols, 3), upright;
    box: what it shows of the upright picture, column, row, columns, rows, which may reach beyond it."""

    pixels: np.ndarray
    box: Rectangle


class Picture:
    """source: the file's bytes, or a JPEG that is known already; kind: "jpeg" or "raw", by its name. InputError and
    StreamError as `decode` and `read_raw` raise them; for a JPEG whose RAW is damaged, `damage` says what is wrong, for
    one whose sensor's mosaic isn't developed `refused`, and the JPEG is there alone."""

    def __init__(self, source: Jpeg | bytes, kind: str) -> None:
        data = source.data if isinstance(source, Jpeg) else source
        self.damage, self.refused, self.warnings = "", "", tuple[str, ...]()
        self.carrier: Carrier | None = None
        self.tiles: Tiles | None = None
        self.raw: RawImage | None = None
        self.laid: LaidJpeg | None = None
        self.preview: bytes | None = None
        self.kind = kind
        self._developers: dict[str, Developer] = {}
        self._lock, self._looking = threading.Lock(), threading.Lock()
        self._first: FirstLook | None = None
        if kind == "raw":
            self._open_raw(data)
        else:
            self._open_jpeg(Jpeg.of(source))
        self.frame = self._frame()

    def _open_jpeg(self, jpeg: Jpeg) -> None:
        try:
            self.carrier = open_carrier(jpeg)
        except NoRawError:
            pass
        except InputError:
            raise
        except RawinlayError as error:
            self.damage = str(error)
        if self.carrier and (self.carrier.stream.cell or self.carrier.stream.levels):
            self._open_whole(self.carrier)
        if self.carrier is None:
            rows, cols = jpeg.planes.y.shape
            self.laid, self._orientation = LaidJpeg(jpeg.planes, Geometry(), (rows, cols)), jpeg.orientation
            return
        self.kind, self.warnings = "carrier", self.warnings + self.carrier.warnings
        if self.raw is None:
            self.tiles = Tiles(self.carrier)
            self.raw, told = image_of(self.carrier, self.tiles.mosaic)
            self.warnings += told
        self.preview, shape = self.carrier.picture or jpeg.data, self.raw.mosaic.shape
        sites = self.raw.cell.scale if self.raw.cell else 1
        self.laid = LaidJpeg(self.carrier.planes, self.carrier.stream.geometry, (shape[0], shape[1]), sites)

    def _open_whole(self, carrier: Carrier) -> None:
        """A sensor other than Bayer's, which is decoded and demosaicked as a whole; where even that can't be, the JPEG
        is shown, and the RAW can be written as a DNG."""
        tiles = Tiles(carrier)
        tiles.need(0, 0, *tiles.mosaic.shape)
        raw, told = image_of(carrier, tiles.mosaic)
        try:
            sensor_of(raw)
        except InputError as error:
            self.refused, self.carrier = str(error), None
        else:
            self.raw, self.warnings = raw, told

    def _open_raw(self, data: bytes) -> None:
        from ..source.raw import RawFile

        file = RawFile(data)
        self.raw, self.warnings = file.image, file.warnings
        sensor_of(self.raw)
        self.preview = file.own_preview()
        if self.preview and self.preview[:2] == b"\xff\xd8":
            self.laid = stretched(self.preview, self.raw)

    @property
    def stored(self) -> tuple[int, int]:
        """Rows and columns of the sensor's pixels; of the JPEG where there is no RAW."""
        return self.raw.size if self.raw is not None else self.laid.shape if self.laid else (1, 1)

    def _frame(self) -> Frame:
        if self.raw is not None:
            return Frame(*frame_of(self.raw), self.raw.orientation)
        rows, cols = self.stored
        return Frame(0, 0, cols, rows, self._orientation)

    @property
    def nbytes(self) -> int:
        """Bytes that it holds, about."""
        planes_ = self.laid.planes if self.laid else None
        held = sum(p.nbytes for p in (planes_.y, planes_.cb, planes_.cr) if p is not None) if planes_ else 0
        held += self.laid.nbytes if self.laid else 0
        return held + (self.raw.mosaic.nbytes if self.raw else 0) + len(self.preview or b"")

    @cached_property
    def plain(self) -> Developer:
        """Of colours alone: made before the mosaic is whole. NoRawError where there is none."""
        if self.raw is None:
            raise NoRawError(self.damage or self.refused or "it carries no RAW")
        return Developer(self.raw, Rendering(0.0, plain()))

    def developer(self, look: str) -> Developer:
        """The whole mosaic decoded, and how it becomes a picture in a look, "camera" or "plain"."""
        raw = self.plain.raw
        if self.tiles:
            self.tiles.need(0, 0, *raw.mosaic.shape)
        with self._lock:
            if look not in self._developers:
                rendering = None
                if look == "camera" and self.carrier and self.preview:
                    rendering = rendering_laid(raw, self.preview, self.carrier.stream.geometry)
                elif look == "camera" and self.preview:
                    rendering = rendering_like(raw, self.preview)
                self._developers[look] = Developer(raw, rendering)
            return self._developers[look]

    def fill(self) -> None:
        """Have ready what will be looked at: the first look, then all tiles."""
        from .first_look import can_be

        if can_be(self.raw, self.carrier):
            assert self.first_look
        if self.tiles:
            self.tiles.fill()

    @property
    def first_look(self) -> FirstLook:
        """What can be shown of its RAW before that is decoded. NoRawError where nothing can."""
        from .first_look import FirstLook, can_be

        if self.raw is None or self.carrier is None or not self.laid or not can_be(self.raw, self.carrier):
            raise NoRawError("there is no first look at it")
        with self._looking:
            self._first = self._first or FirstLook(self.raw, self.laid, self.carrier.stream.setup)
            return self._first

    def part(self, box: Rectangle, step: int) -> Part:
        """The part of the mosaic for a rectangle of the upright picture. InputError for one that is too large."""
        if not (step == 1 or (2 <= step <= MOST_STEP and step % 2 == 0)) or min(box[2:]) < 1:
            raise InputError("no such part of the picture")
        width, height = self.frame.size
        x, y = max(box[0], 0), max(box[1], 0)
        inside = x, y, min(box[0] + box[2], width) - x, min(box[1] + box[3], height) - y
        if min(inside[2:]) < 1 or inside[2] * inside[3] > MOST_PIXELS * step * step:
            raise InputError("no such part of the picture")
        left, top, cols, rows = self.frame.stored(inside)
        return Part.holding((top, left, rows, cols), step, self.stored)

    def view(self, pixels: np.ndarray, part: Part) -> View:
        """A part of the mosaic as the page wants it."""
        top, left, bottom, right = part.sites
        box = self.frame.upright((left, top, right - left, bottom - top))
        return View(np.ascontiguousarray(turn(pixels, self.frame.orientation)), box)

    def of_raw(self, part: Part, light: Settings, quick: bool = False) -> np.ndarray:
        """Planes of a part of the mosaic, decoded where it isn't yet. light: temperature and tint that count."""
        developer = self.plain
        if self.tiles:
            top, left, bottom, right = part.sites
            self.tiles.need(top - 8, left - 8, bottom + 8, right + 8)
        return planes(developer, developer.neutral(light), part, quick)

    def of_jpeg(self, part: Part) -> np.ndarray:
        """The JPEG at a part of the mosaic. NoRawError where no JPEG is known."""
        if self.laid is None:
            raise NoRawError("no JPEG is known of it")
        return self.laid.part(part)

    def value(self, x: int, y: int) -> tuple[int, int, int | float, str] | None:
        """Column, row, DN and colour of the site that is seen at a pixel of the upright picture; None outside, and
        where it isn't decoded."""
        if self.raw is None:
            return None
        left, top, _, _ = self.frame.stored((x, y, 1, 1))
        rows, cols = self.stored
        if not (0 <= top < rows and 0 <= left < cols):
            return None
        if self.tiles:
            self.tiles.need(top, left, top + 1, left + 1)
        if self.raw.cell is None and self.raw.levels is None:
            return left, top, int(self.raw.mosaic[top, left]), self.raw.cfa[top % 2 * 2 + left % 2]
        return left, top, *_value_at(self.raw, self._values, top, left)

    @cached_property
    def _values(self) -> np.ndarray:
        """The values of a sensor other than Bayer's, which is decoded as a whole."""
        assert self.raw is not None
        return self.raw.values


def _value_at(raw: RawImage, values: np.ndarray, top: int, left: int) -> tuple[int | float, str]:
    """What the sensor measured at a pixel, and the colour; of several values a pixel the middle one."""
    cell, value = raw.cell, values[top, left]
    if cell and cell.samples > 1:
        value, colour = value[cell.samples // 2], cell.colours[cell.samples // 2]
    elif cell:
        colour = cell.colours[top % cell.rows * cell.cols + left % cell.cols]
    else:
        colour = raw.cfa[top % 2 * 2 + left % 2]
    return (round(float(np.nan_to_num(value)), 6) if raw.levels else int(value)), colour


def stretched(preview: bytes, raw: RawImage) -> LaidJpeg | None:
    """A RAW's own preview over its frame; None for one that can't be shown."""
    try:
        picture = decode_planes(preview)
    except InputError:
        found = _any_planes(preview)
        if found is None:
            return None
        picture = found
    left, top, width, height = frame_of(raw)
    rows, cols = picture.y.shape
    upright = raw.orientation >= 5 and (rows > cols) == (width > height)  # most are stored as the sensor lies
    scale = (rows / width, cols / height) if upright else (rows / height, cols / width)
    fixed = round(scale[0] * (1 << SCALE_BITS)), round(scale[1] * (1 << SCALE_BITS))
    orientation, shape = raw.orientation if upright else 1, raw.size
    corners = [np.array([2 * first, 2 * (first + n - 1)]) for first, n in ((top, height), (left, width))]
    at = Geometry(orientation, (0, 0), fixed).laid(corners[0], corners[1], shape, (rows, cols))
    offset = [round((s / 2 - 0.5) * (1 << POSITION_BITS)) - int(v.min()) for s, v in zip(scale, at, strict=True)]
    return LaidJpeg(picture, Geometry(orientation, (offset[0], offset[1]), fixed), shape)


def _any_planes(preview: bytes) -> JpegPlanes | None:
    try:
        with Image.open(io.BytesIO(preview)) as image:
            y, cb, cr = (np.asarray(band) for band in image.convert("YCbCr").split())
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    return JpegPlanes(y, cb, cr, (1, 1), ())
