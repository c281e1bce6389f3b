"""`develop`: a finished picture from a JPEG with a RAW inside, or from a RAW.

::

    JPEG with a RAW --decode--> mosaic ----------------> `codec.isp.develop.Developer` --> picture --> JPEG, TIFF, PNG
                    --the JPEG laid over it, small--> look "camera" --'
    RAW             --its own preview, tones alone--> look "camera" --'

Look "camera" brings the RAW to the tones and the colours' strength of the picture that the person knows, so that every
slider starts from there; "plain" has sRGB's curve alone. Other looks are those of `codec.looks.chosen`: a net's grid of
maps, behind a plain rendering.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..bitstream.dng.crop import default_crop
from ..bitstream.errors import InputError, UsageError
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.raw_image import RawImage, TiffValue
from ..bitstream.runtime.files import Source, bytes_of
from .guide.geometry import POSITION_BITS, Geometry
from .isp.cube import Cube
from .isp.develop import Developer, Layer, Layers, Rendering, plain_rendering
from .isp.local import Exposed
from .isp.picture_file import QUALITY, picture_file
from .isp.settings import Settings
from .isp.shown import matched, rendering_of
from .looks import alike, chosen, illuminant
from .looks import exposure as exposing
from .mosaic.turn import turn

LOOKS = (chosen.CAMERA, chosen.PLAIN)
"""Those of one curve, which `view` draws by itself."""

KINDS = {".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".tif": "tiff", ".tiff": "tiff", ".png": "png"}
SMALL = 256
"""Longest side of the small pictures that a look is fitted to, blocks."""

JPEG_SOI = b"\xff\xd8"


@dataclass(frozen=True)
class Developed:
    """picture: sRGB, uint8 or uint16 (H, W, 3), upright. look: what it was brought to. kelvin, tint: of the light that
    was made grey, None where the RAW doesn't say. camera, exif: tags for the file. seconds: what it took."""

    picture: np.ndarray
    look: str
    kelvin: float | None
    tint: float | None
    camera: dict[int, TiffValue]
    exif: dict[int, TiffValue]
    seconds: float

    def file(self, kind: str = "jpeg", quality: int = QUALITY) -> bytes:
        """The picture as "jpeg", "png" or "tiff"; a picture of 16 bits as TIFF alone."""
        if self.picture.dtype == np.uint16 and kind != "tiff":
            raise UsageError(f"16 bits go into a TIFF, not into a {kind.upper()}")
        return picture_file(self.picture, kind, self.camera, self.exif, quality)


def develop(
    source: Source,
    settings: Settings | None = None,
    *,
    look: str | Path | bytes = chosen.CAMERA,
    auto: bool = False,
    local_exposure: bool | float = False,
    lut: str | Path | Cube | None = None,
    size: int | None = None,
    bits: int = 8,
    **sliders: Any,
) -> Developed:
    """A picture of a JPEG that carries a RAW, or of a RAW (a path or the file's bytes).

    settings, or its fields as keywords: exposure=1, shadows=40 (`codec.isp.settings.Settings`). look: a name of
    `codec.looks.chosen.names`, "camera" unless told, or a mix: "filmic:0.5,pop:0.3", what is missing from 1 being
    "camera"; or a picture whose look is wanted, a Path or its bytes: of the same scene or, by its statistics, of
    another. auto: the look that imitates exposure fusion. local_exposure: parts of the picture exposed each for
    itself; a number from 0 to 1 says how much. lut: a `.cube` table, applied last. size: longest side in pixels, never
    enlarged. bits: 8 or 16.

    InputError for what isn't a picture of these kinds, NoRawError for a JPEG without a RAW, StreamError for a damaged
    one, UsageError for settings out of range.
    """
    started = time.monotonic()
    if auto and look != chosen.CAMERA:
        raise UsageError("auto is a look of its own: it goes without another one")
    reference = None if isinstance(look, str) else _reference(look)
    mix = chosen.mix(chosen.AUTO if auto else look) if isinstance(look, str) else {chosen.PLAIN: 1.0}
    if not 0 <= local_exposure <= 1:
        raise UsageError(f"local exposure of {local_exposure:g}: want 0 .. 1")
    if bits not in (8, 16):
        raise UsageError(f"{bits} bits: want 8 or 16")
    if size is not None and size < 16:
        raise UsageError(f"a size of {size} pixels is too small: want 16 or more")
    settings = settings or Settings(**sliders)
    cube = lut if isinstance(lut, Cube) or lut is None else Cube.read(lut)
    raw, shown = _opened(source, chosen.CAMERA if chosen.CAMERA in mix else "plain")
    developer = Developer(raw, shown)
    exposed = _exposed(developer, float(local_exposure)) if local_exposure else None
    layers, said = Layers(chosen.layers(developer, mix), exposed), chosen.said(mix, shown is not None)
    if reference is not None:
        layer, said = _liked(developer, reference)
        layers = Layers((layer,), exposed)
    return developed(developer, settings, cube, size, bits, said, started, layers)


def _reference(source: Path | bytes) -> np.ndarray:
    """A small display picture, upright, float32 (h, w, 3); InputError for what is no picture."""
    try:
        with Image.open(io.BytesIO(bytes_of(source, "picture"))) as image:
            image.draft("RGB", (2 * SMALL, 2 * SMALL))
            image.thumbnail((2 * SMALL, 2 * SMALL))
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("RGB"), np.float32) / np.float32(255)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        name = source if isinstance(source, Path) else "the reference"
        raise InputError(f"{name}: not a picture whose look can be taken") from error


def _liked(developer: Developer, reference: np.ndarray) -> tuple[Layer, str]:
    """The layer that looks as a reference does, and what it is called."""
    raw = developer.raw
    plain = plain_rendering(raw)
    small = plain.curve(Developer(raw, plain).small(Settings(), SMALL))
    rows, cols = raw.size
    left, top, width, height = frame_of(raw)
    down, across = len(small) / rows, small.shape[1] / cols
    part = small[round(top * down) : max(1, round((top + height) * down)),
                 round(left * across) : max(1, round((left + width) * across))]  # fmt: skip
    made, same = alike.like(reference, turn(np.ascontiguousarray(part), raw.orientation))
    return Layer(1.0, plain, (made,)), "like the reference, the same scene" if same else "like the reference"


def developed(
    developer: Developer, settings: Settings, cube: Cube | None = None, size: int | None = None, bits: int = 8,
    look: str = "plain", started: float | None = None, layers: Layers | None = None,
) -> Developed:  # fmt: skip
    """`develop` of a RAW that is decoded already; look: how its rendering, or its layers, are called."""
    started, raw = time.monotonic() if started is None else started, developer.raw
    picture = developer.picture(settings, cube, bits, layers)
    picture = turn(_framed(picture, raw), raw.orientation)
    light = developer.light.as_shot()
    kelvin, tint = (settings.temperature, settings.tint) if light is None else (
        light[0] if settings.temperature is None else settings.temperature,
        light[1] if settings.tint is None else settings.tint,
    )  # fmt: skip
    return Developed(
        _sized(picture, size), look, kelvin, tint, dict(raw.ifd0_tags), dict(raw.exif_tags),
        time.monotonic() - started,
    )  # fmt: skip


def _exposed(developer: Developer, strength: float) -> Exposed:
    """Local exposure from the picture under the plain rendering's exposure, whatever its look."""
    own = Developer(developer.raw, plain_rendering(developer.raw))
    return exposing.local_exposure(own.small(Settings(), SMALL), strength)


def _opened(source: Source, look: str) -> tuple[RawImage, Rendering | None]:
    """The RAW, and the rendering of what the camera showed, None where nothing says or "plain" is wanted."""
    data = bytes_of(source, "picture")
    if data[:2] == JPEG_SOI:
        from .asked import choose_device
        from .decoder.options import DecodeOptions
        from .decoding import decode_carrier

        carrier, raw, _ = decode_carrier(Jpeg(data), DecodeOptions(device=choose_device("auto")))
        raw = illuminant.lit(raw)
        if look == "plain":
            return raw, None
        return raw, rendering_laid(raw, carrier.picture or data, carrier.stream.geometry)
    from .source.raw import own_preview, read_raw

    raw = illuminant.lit(read_raw(source if not isinstance(source, str) else Path(source)))
    preview = own_preview(source if not isinstance(source, str) else Path(source)) if look == "camera" else None
    return raw, None if preview is None else rendering_like(raw, preview)


def rendering_like(raw: RawImage, preview: bytes) -> Rendering | None:
    """The rendering of a picture of the RAW whose place over the mosaic is not known, as a RAW's own preview; None for
    one that can't be shown."""
    display = _small_jpeg(preview, 2 * SMALL)[0]
    return None if display is None else matched(Developer(raw, _unexposed(raw)).small(Settings(), SMALL), display)


def _unexposed(raw: RawImage) -> Rendering:
    """The plain rendering without its exposure: what a curve is fitted to."""
    return Rendering(0.0, plain_rendering(raw).curve)


def rendering_laid(raw: RawImage, jpeg: bytes, geometry: Geometry) -> Rendering | None:
    """The rendering of a JPEG that lies over the mosaic by a geometry."""
    linear = Developer(raw, _unexposed(raw)).small(Settings(), SMALL)
    display = laid_display(raw, jpeg, geometry, (linear.shape[0], linear.shape[1]))
    return None if display is None else rendering_of(linear, display)


def rendering_beside(raw: RawImage, shown: np.ndarray) -> Rendering:
    """The rendering of a picture that has a pixel for each site, display float (H, W, 3), NaN where it shows none."""
    linear = Developer(raw, _unexposed(raw)).small(Settings(), SMALL)
    (h, w), (height, width) = linear.shape[:2], raw.mosaic.shape
    step = max(1, -(-max(height // 2, width // 2) // SMALL))
    at = np.ix_(*(np.minimum(2 * step * np.arange(n) + step, side - 1) for n, side in ((h, height), (w, width))))
    return rendering_of(linear, shown[at])


def laid_display(raw: RawImage, jpeg: bytes, geometry: Geometry, size: tuple[int, int]) -> np.ndarray | None:
    """A JPEG at the places of `Developer.small`'s blocks, display float32 (*size, 3), NaN where it shows none; None
    for a picture that can't be shown."""
    display, shape = _small_jpeg(jpeg, 4 * SMALL)
    if display is None:
        return None
    (h, w), (height, width), sites = size, raw.size, raw.cell.scale if raw.cell else 1
    step = max(1, -(-max(height // 2, width // 2) // SMALL))
    rows2 = 2 * sites * (2 * step * np.arange(h, dtype=np.int64) + step) - 1
    cols2 = 2 * sites * (2 * step * np.arange(w, dtype=np.int64) + step) - 1
    ys, xs = geometry.laid(rows2, cols2, raw.mosaic.shape, shape)
    one = float(1 << POSITION_BITS)
    y = np.floor((ys / one + 0.5) * display.shape[0] / shape[0]).astype(int)
    x = np.floor((xs / one + 0.5) * display.shape[1] / shape[1]).astype(int)
    inside = (y >= 0) & (y < display.shape[0]) & (x >= 0) & (x < display.shape[1])
    there = display[np.clip(y, 0, display.shape[0] - 1), np.clip(x, 0, display.shape[1] - 1)]
    there[~inside] = np.nan
    return there


def _small_jpeg(jpeg: bytes, side: int) -> tuple[np.ndarray | None, tuple[int, int]]:
    """A JPEG at an eighth to a whole of its size, display sRGB float32 (h, w, 3) 0..1, and its own (height, width).

    None for one that can't be shown in colours.
    """
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            shape = image.height, image.width
            image.draft("RGB", (side, side))
            pixels = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None, (0, 0)
    return pixels, shape


def _framed(picture: np.ndarray, raw: RawImage) -> np.ndarray:
    """The part that the RAW's own crop shows."""
    left, top, width, height = frame_of(raw)
    return picture[top : top + height, left : left + width]


def frame_of(raw: RawImage) -> tuple[int, int, int, int]:
    """Column, row, columns and rows of what the RAW's own crop shows (DefaultCropOrigin and Size), else of all."""
    rows, cols = raw.size
    whole, given = (0, 0, cols, rows), default_crop(raw.raw_tags)
    if given is None:
        return whole
    left, top, width, height = map(round, given)
    left, top = max(left, 0), max(top, 0)
    found = left, top, min(width, cols - left), min(height, rows - top)
    return found if min(found[2:]) >= 2 else whole


def _sized(picture: np.ndarray, size: int | None) -> np.ndarray:
    """At most `size` pixels a side: means of whole blocks, then Lanczos; in the display's values."""
    height, width = picture.shape[:2]
    if size is None or max(height, width) <= size:
        return np.ascontiguousarray(picture)
    share = size / max(height, width)
    to = max(1, round(width * share)), max(1, round(height * share))
    if picture.dtype == np.uint8:
        image = Image.fromarray(np.ascontiguousarray(picture))
        return np.asarray(image.resize(to, Image.Resampling.LANCZOS, reducing_gap=3.0))
    planes = [
        np.asarray(Image.fromarray(picture[..., k].astype(np.float32)).resize(to, Image.Resampling.LANCZOS))
        for k in range(3)
    ]
    return np.clip(np.rint(np.stack(planes, -1)), 0, 65535).astype(np.uint16)


def kind_of_name(path: Path) -> str:
    """ "jpeg", "png" or "tiff" by a file's ending; UsageError for another."""
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: want a name that ends in .jpg, .tif or .png")
    return kind


