"""From a JPEG to the RAW it carries: `decode`, and `decode_arrays` for the mosaic alone.

::

    JPEG --carrier.py--> stream, planes --decoder--> mosaic --grain, crop, border--> `RawImage`, preview --> `Decoded`
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Unpack

from ..bitstream.errors import UsageError
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.raw_image import RawImage
from ..bitstream.rect import Rect
from ..bitstream.runtime.files import Source, bytes_of
from ..bitstream.runtime.profile import timed
from ..bitstream.runtime.progress import Progress
from ..bitstream.stream.border import parse_border
from ..bitstream.stream.digests import check_mosaic
from .asked import choose_device, chosen_options, tell
from .decoder.crop import cells_of, cropped, wanted
from .decoder.framing import frame_of, framed
from .decoder.options import DecodeKeywords, DecodeOptions
from .preview import PREVIEWS, made_preview

if TYPE_CHECKING:
    import numpy as np

    from .carrier import Carrier
    from .decoder.salvage import Salvage

GRAIN_NOTE = "rawinlay: the noise that coding took away was put back as grain (decode --grain)"
"""ImageDescription of a DNG with grain."""

NO_GRAIN = "no grain: the stream does not tell what noise is missing (lossless, in layers, small, or tuned for psnr)"


@dataclass(frozen=True)
class Decoded:
    """The RAW of a JPEG.

    device: where it was decoded; seconds: time taken. layers: how many are there; lossless: whether the mosaic is the
    camera's, bit for bit. preview: the DNG's, a JPEG; preview_kind: "raw", "jpeg", "neutral" or "none". warnings: what
    the user should know of, a line each. frame: the DNG's default crop (column, row, width, height) where the JPEG
    gives one (`codec.decoder.framing`). salvage: what is left of a damaged RAW, where that was asked for. grain:
    whether noise was put back.
    """

    raw: RawImage = field(repr=False)
    width: int
    height: int
    cfa: str
    device: str
    seconds: float
    layers: int
    lossless: bool
    preview: bytes | None = field(repr=False)
    jpeg: bytes | None = field(default=None, repr=False)
    preview_kind: str = "jpeg"
    warnings: tuple[str, ...] = ()
    default_crop: tuple[int, int, int, int] | None = None
    salvage: Salvage | None = field(default=None, repr=False)
    grain: bool = False

    def dng(self, jxl: float | None = None) -> bytes:
        """The DNG file: the mosaic, the preview, the Exif of the RAW and of the JPEG.

        jxl: the mosaic by JPEG XL (DNG 1.7), smaller, for programs of 2024 and later: 0 without loss, else libjxl's
        distance, 0.05 to 15. UsageError where the package imagecodecs is not installed.
        """
        from ..bitstream.dng.jxl import JpegXl
        from ..bitstream.dng.writer import write_dng

        jpeg = Jpeg(self.jpeg) if self.jpeg else None
        shown = jpeg if self.preview is self.jpeg else self.preview
        note = GRAIN_NOTE if self.grain else ""
        raw = framed(self.raw, Rect.at(*self.default_crop) if self.default_crop else None)
        return write_dng(raw, shown, jpeg, None if jxl is None else JpegXl(jxl), note)

    def file(self, form: str) -> bytes:
        """The mosaic as "dng", "tif", "npy" or "raw" (`codec.outputs`)."""
        from . import outputs

        made = {"dng": lambda _: self.dng(), "tif": outputs.tif, "npy": outputs.npy, "raw": outputs.little_endian}
        if form not in made:
            raise UsageError(f"form {form!r}: want one of {', '.join(made)}")
        return made[form](self.raw)

    @property
    def facts(self) -> dict[str, Any]:
        """What has to be known of the mosaic's numbers, as JSON has it."""
        from .outputs import facts_of

        return {**facts_of(self.raw), "lossless": self.lossless}


def decode(jpeg: Source, *, options: DecodeOptions | None = None, **keywords: Unpack[DecodeKeywords]) -> Decoded:
    """The RAW that a JPEG carries.

    keywords: crop: x, y, width and height of the part of the mosaic that is wanted (`codec.decoder.crop`); only the
    tiles that it meets are decoded. preview: of the DNG: "screen", what the camera made of the RAW
    (`codec.preview_choice`), at most 2048 pixels a side; "full", the same, the JPEG as large as it is; "none"; or
    "raw", the small version that the stream carries of the RAW's own (UsageError where it carries none); "jpeg", the
    JPEG; "neutral", a plain picture of the mosaic, of 160 pixels; "auto", whichever of these shows what the camera
    made. grain: put back the noise that coding took away (`codec.decoder.grain`); a warning tells where nothing is
    known of it. sidecar: the file that has the RAW instead of the JPEG (`Encoded.sidecar`). salvage: what is left of a
    damaged RAW will do (`Decoded.salvage`). unverified: the mosaic all the same where it is not the one that the
    stream's digest names. max_pixels: InputError, before anything is decoded, where the JPEG or the mosaic has more.
    unbounded: decode a file of one's own that asks for more work than one of its size may (`bitstream.stream.limits`;
    StreamError else). device, progress: as `encode`'s. options: all that as one object.

    The mosaic is the same, bit for bit, on every machine and device, and where all of it is decoded the stream's digest
    of it is checked. Raises InputError for a file that is no JPEG, NoRawError for one that carries no RAW, StreamError
    where the RAW is damaged, of a newer version, or belongs to another JPEG (which includes this one with its picture
    edited).
    """
    started = time.monotonic()
    options = chosen_options(DecodeOptions, options, keywords)
    device = choose_device(options.device)
    if options.preview not in PREVIEWS:
        raise UsageError(f"preview {options.preview!r}: want one of {', '.join(PREVIEWS)}")
    file = Jpeg(bytes_of(jpeg, "JPEG"))
    found, raw, salvaged = decode_carrier(file, replace(options, device=device))
    stream = found.stream
    height, width = raw.size
    with timed("writing"):
        part = Rect.at(*options.crop) if options.crop else None
        kind, shown = made_preview(options.preview, found, raw, part)
    frame = None if part else frame_of(raw, stream, found.planes.y.shape)
    seconds = time.monotonic() - started
    grained = options.grain and stream.noise is not None and any(stream.noise.missing)
    warnings = (*found.warnings, *((NO_GRAIN,) if options.grain and not grained else ()))
    lossless = stream.lossless and not (salvaged and salvaged.recovered < 1)
    return Decoded(
        raw, width, height, raw.kind, device, seconds, stream.layer_count, lossless, shown, found.jpeg.bare.data, kind,
        warnings, frame and frame.xywh, salvaged, grained,
    )  # fmt: skip


def decode_arrays(
    jpeg: bytes,
    *,
    crop: tuple[int, int, int, int] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> RawImage:
    """`decode` to the `RawImage` alone: mosaic uint16 (H, W), DN, with its levels, orientation and tags."""
    options = DecodeOptions(crop=crop, device=choose_device(device), progress=progress)
    return decode_carrier(Jpeg(jpeg), options)[1]


def decode_carrier(jpeg: Jpeg, options: DecodeOptions) -> tuple[Carrier, RawImage, Salvage | None]:
    """The carrier, its RAW, and where that was to be salvaged what is left of it."""
    from .carrier import open_carrier

    tell(options.progress, "reading")
    found = open_carrier(jpeg, options.sidecar, salvage=options.salvage, max_pixels=options.max_pixels)
    stream, header = found.stream, found.stream.header
    size = stream.cell.size[:2] if stream.cell else (header.height, header.width)
    part = wanted(options.crop, *size) if options.crop else None
    box = cells_of(part, stream.layout) if part else None
    if options.grain and box:
        box = box.grown(1).within(Rect(0, 0, *stream.layout.cells))  # grain looks at its neighbours
    mosaic = stream.decode(found.planes, options.progress, options.device, box, unbounded=options.unbounded)
    if not (part or stream.cut or options.unverified):
        check_mosaic(mosaic, stream.digest)
    raw, told = _as_raw(mosaic, found, part, options.grain)
    return replace(found, warnings=(*found.warnings, *told)), raw, found.salvage


def _as_raw(mosaic: np.ndarray, found: Carrier, part: Rect | None, grain: bool) -> tuple[RawImage, tuple[str, ...]]:
    """What the stream says of its mosaic and the mosaic, its part of it where that is wanted; and what to tell."""
    from .carrier import image_of
    from .decoder.grain import Grain

    stream, header = found.stream, found.stream.header
    if stream.noise and grain and not stream.cell and not stream.levels:
        rows = (part.top, part.bottom) if part else (0, header.height)
        mosaic = Grain(header, stream.noise).add(mosaic, *rows)
    raw, told = image_of(found, mosaic)
    if part:
        return cropped(raw, part), told
    if stream.border:
        raw = replace(raw, border=parse_border(stream.border, header.height, header.width))
    return raw, told
