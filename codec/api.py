"""The Python interface: `encode`, `decode`, `info`, `strip`, `trim`, and the first two on arrays.

Files are given as paths or as their bytes; results are bytes. Nothing here writes a file. Errors are those of
`bitstream.errors`: one line each that says what is wrong with which thing.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from ..bitstream.errors import InputError, UsageError
from ..bitstream.jpeg import embed
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import further_boxes, sizes
from ..bitstream.raw_image import RawImage
from ..bitstream.runtime import forks as forks  # before anything is imported or compiled that a fork has to wait for
from ..bitstream.runtime.files import read_file
from ..bitstream.runtime.profile import timed
from ..bitstream.runtime.progress import Progress
from ..bitstream.stream.border import parse_border
from ..bitstream.stream.digests import DIGM_SIZE, FileDigests, check_mosaic
from . import sections
from .decoder.crop import Crop
from .decoder.framing import Frame, frame_of, framed
from .decoder.options import DecodeKeywords, DecodeOptions
from .encoder.options import EncodeKeywords, EncodeOptions, Rate
from .guide.geometry import Geometry
from .guide_report import GuideReport
from .info import Info, info
from .mosaic.layout import Box
from .preview import PREVIEWS, made_preview
from .preview_choice import SHARE, choose, kind_of, section_bytes, with_preview
from .sidecar import sidecar_of
from .trim import Trimmed, trim
from .verify import Verified, verify

if TYPE_CHECKING:
    from .align.place import Origin
    from .carrier import Carrier
    from .decoder.salvage import Salvage

__all__ = [
    "DecodeOptions", "Decoded", "EncodeOptions", "Encoded", "Info", "Progress", "Rate", "Source", "Trimmed", "Verified",
    "decode", "decode_arrays", "encode", "encode_arrays", "info", "strip", "trim", "verify",
]  # fmt: skip

Source = str | Path | bytes
Options = TypeVar("Options", EncodeOptions, DecodeOptions)
DEVICES = ("auto", "cpu", "cuda")

GRAIN_NOTE = "rawinlay: the noise that coding took away was put back as grain (decode --grain)"
"""ImageDescription of a DNG with grain."""

NO_GRAIN = "no grain: the stream does not tell what noise is missing (lossless, in layers, small, or tuned for psnr)"


@dataclass(frozen=True)
class Encoded:
    """A JPEG that carries its RAW.

    metadata_bytes: what the JPEG grew by. bpp: 8 x that per pixel of the mosaic. guide: where the JPEG comes from;
    guide_path: its file. alignment: how it lies over the mosaic, for people. model: identity of the probability tables.
    seconds: time taken. preview: what the decoded DNG's will be, "raw", "jpeg" or "neutral" (`codec.preview_choice`).
    warnings: what the user should look at before the RAW is deleted, a line each. guided: share of the RAW's picture,
    0..1, that the JPEG helps to code; own_guide_bytes: what stands for it elsewhere (`codec.guide_report`).
    """

    jpeg: bytes = field(repr=False)
    metadata_bytes: int
    bpp: float
    guide: str
    alignment: str
    model: str
    seconds: float
    guide_path: Path | None = None
    preview: str = "neutral"
    warnings: tuple[str, ...] = ()
    guided: float = 1.0
    own_guide_bytes: int = 0

    def sidecar(self) -> bytes:
        """The RAW as a file of its own, for `decode`'s `sidecar`: the JPEG then needs to carry nothing."""
        return sidecar_of(self.jpeg)


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
    default_crop: Frame | None = None
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
        return write_dng(framed(self.raw, self.default_crop), shown, jpeg, None if jxl is None else JpegXl(jxl), note)

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


def encode(
    raw: Source,
    jpeg: Source | None = None,
    *,
    frame: int | None = None,
    margins: bool = False,
    options: EncodeOptions | None = None,
    **keywords: Unpack[EncodeKeywords],
) -> Encoded:
    """Put a RAW into a JPEG of the same picture.

    raw: any Bayer RAW that LibRaw reads. jpeg: its JPEG; without one, the largest beside the RAW with the same stem
    that shows its picture, the RAW's own full-size preview, or LibRaw's rendering (`codec.source.choose_jpeg`);
    warnings tell of one beside it that was not taken. A RAW that the JPEG carries already is replaced. frame: which of
    several mosaics that the RAW may hold, from 1; without it the largest, the first of equal ones, with a warning.
    margins: store what the sensor has around the mosaic too, without loss.
    keywords: at most one of bpp (bits per pixel of the mosaic), size (bytes that the JPEG may grow by; both are met to
    3 % and never exceeded), quality (0..100, even error) and lossless; quality 60 without any. tune: "edit" for an
    error that edits of the RAW show evenly, "psnr" for one that is even in linear light. trimmable: in layers, so that
    `trim` can lower the rate later; layers: where to put them, in ascending bits per pixel, rather than where the codec
    would (implies trimmable). effort: 1 to 9, or an `Effort` (`codec.encoder.effort`). guide: "auto", "jpeg" to trust
    it everywhere, or "none" for a JPEG that only carries the RAW, whatever it shows. device: "auto", "cpu" or "cuda".
    progress: see `Progress`. parity: share of the bytes that mends others which are lost (`bitstream.jpeg.parity`;
    needs `zfec`). options: all that as one object, instead of keywords.

    Raises UsageError for contradicting or unreachable options, InputError for files that are unreadable, unsupported,
    or of another scene.
    """
    from .source import choose_jpeg
    from .source.raw import RawFile

    started = time.monotonic()
    options = _chosen(EncodeOptions.of, options, keywords)
    choose_device(options.device)
    _tell(options.progress, "reading")
    file = RawFile(raw, frame, margins)
    image, preview, passed_over = file.image, file.own_preview(), list[str]()
    told, digest = file.warnings, hashlib.sha256(file.data).digest()
    if margins and image.border is None:
        told += ("the RAW has no margins around its mosaic: there is nothing to keep",)
    candidates = choose_jpeg.choices(file, jpeg, passed_over)
    del file  # and with it the file's bytes, once nothing more is to be found in them
    for choice in candidates:
        try:
            encoded = _encode(image, choice.jpeg, choice.known, options, preview, digest)
        except InputError as error:  # of another scene, most likely; what is wrong with the RAW is wrong with the next
            if choice.last:
                raise
            passed_over.append(choose_jpeg.unused(choice, error))
            continue
        if choice.last or encoded.guided or options.guide == "none":
            break
        passed_over.append(choose_jpeg.unused(choice, "it doesn't help to code this RAW"))
    seconds, warnings = time.monotonic() - started, (*told, *passed_over, *encoded.warnings)
    return replace(encoded, guide=choice.origin, guide_path=choice.path, seconds=seconds, warnings=warnings)


def encode_arrays(
    raw: RawImage,
    jpeg: bytes,
    *,
    options: EncodeOptions | None = None,
    **keywords: Unpack[EncodeKeywords],
) -> Encoded:
    """`encode` for a mosaic that is in memory: `raw.mosaic` uint16 (H, W), DN, with its levels and tags."""
    from .align.place import Origin

    return _encode(raw, Jpeg(jpeg).bare, Origin.UNKNOWN, _chosen(EncodeOptions.of, options, keywords))


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
    options = _chosen(DecodeOptions, options, keywords)
    device = choose_device(options.device)
    if options.preview not in PREVIEWS:
        raise UsageError(f"preview {options.preview!r}: want one of {', '.join(PREVIEWS)}")
    file = Jpeg(_bytes(jpeg))
    found, raw, salvaged = decode_carrier(file, replace(options, device=device))
    stream = found.stream
    height, width = raw.mosaic.shape
    with timed("writing"):
        part = Crop(*options.crop) if options.crop else None
        kind, shown = made_preview(options.preview, found, raw, part)
    default_crop = None if part else frame_of(raw, stream, found.planes.y.shape)
    seconds = time.monotonic() - started
    grained = options.grain and stream.noise is not None and any(stream.noise.missing)
    lossless = stream.lossless and not (salvaged and salvaged.recovered < 1)
    return Decoded(
        raw, width, height, raw.cfa, device, seconds, stream.layer_count, lossless, shown, found.jpeg.bare.data, kind,
        (*found.warnings, *((NO_GRAIN,) if options.grain and not grained else ())), default_crop, salvaged, grained,
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
    from .decoder.grain import Grain
    from .mosaic.noise import NOISE_PROFILE, Profile

    _tell(options.progress, "reading")
    found = open_carrier(jpeg, options.sidecar, salvage=options.salvage, max_pixels=options.max_pixels)
    stream, header = found.stream, found.stream.header
    meta, told = stream.meta
    part = Crop(*options.crop) if options.crop else None
    if part:
        part.check(header.height, header.width)
    box = part.cells(stream.layout) if part else None
    if options.grain and box:
        box = box.grown(1, 1).within(Box(0, 0, *stream.layout.cells))  # grain looks at its neighbours
    mosaic = stream.decode(found.planes, options.progress, options.device, box, unbounded=options.unbounded)
    if not (part or stream.cut or options.unverified):
        check_mosaic(mosaic, stream.digest)
    raw_tags = dict(meta.raw_tags)
    if stream.noise and NOISE_PROFILE not in raw_tags:
        raw_tags[NOISE_PROFILE] = Profile.of(stream.noise).tag()
    if stream.noise and options.grain:
        rows = (part.y, part.y + part.height) if part else (0, header.height)
        mosaic = Grain(header, stream.noise).add(mosaic, *rows)
    raw = RawImage(
        mosaic=mosaic, cfa=header.phase, black=header.levels, white=header.white, orientation=header.orientation,
        camera=header.camera, ifd0_tags=meta.ifd0_tags, raw_tags=raw_tags,
        exif_tags={**found.jpeg.exif_tags, **meta.exif_tags}, gps_tags=meta.gps_tags, note=meta.note,
        profiles=meta.profiles, cell=stream.cell,
    )  # fmt: skip
    if part:
        raw = part.of(raw)
    elif stream.border:
        raw = replace(raw, border=parse_border(stream.border, header.height, header.width))
    return replace(found, warnings=(*found.warnings, *told)), raw, found.salvage


def strip(jpeg: Source, *, metadata: bool = False) -> bytes:
    """The JPEG without its RAW: byte for byte what `encode` was given, if nothing else changed it since.

    metadata: with its RAW, which no longer says anything of people, times, places and things (`codec.metadata`).
    Raises NoRawError where it carries none, InputError where it is no JPEG.
    """
    from .metadata import strip_metadata

    data = _bytes(jpeg)
    return strip_metadata(data) if metadata else embed.strip(data)


def choose_device(name: str) -> str:
    """ "cpu" or "cuda" for one of `DEVICES`; UsageError for a device that is unknown or not here, or without PyTorch.

    "auto" is a GPU only where torch is loaded already: to load it for a single picture takes longer than the CPU does
    for the whole decoding.
    """
    if name not in DEVICES:
        raise UsageError(f"device {name!r}: want one of {', '.join(DEVICES)}")
    if name == "cpu" or (name == "auto" and "torch" not in sys.modules):
        return "cpu"
    from ..bitstream.runtime.torch_needed import need_torch

    need_torch(f"device {name!r} is a GPU's")
    import torch

    here = torch.cuda.is_available()
    if name == "cuda" and not here:
        raise UsageError("there is no CUDA device here: use --device cpu")
    return "cuda" if here else "cpu"


def _encode(
    raw: RawImage,
    jpeg: Jpeg,
    origin: Origin,
    options: EncodeOptions,
    own: bytes | None = None,
    digest: bytes | None = None,
) -> Encoded:
    """Encode into `jpeg`, which carries no RAW; own: the RAW's own preview; digest: SHA-256 of its file."""
    started = time.monotonic()
    options = replace(options, device=choose_device(options.device))
    from ..bitstream.runtime.parallel import one_blas_thread
    from ..entropy import tables
    from . import metadata
    from .align.place import Origin, Placed, place
    from .encoder.encode import encode_stream
    from .encoder.grain import reserved
    from .source.plausible import doubts

    warnings = (*doubts(raw), *jpeg.warnings)
    with one_blas_thread():
        planes = jpeg.planes
        _tell(options.progress, "aligning")
        if options.guide == "none":
            placed = Placed(Geometry(), "none asked for")
        else:
            placed = place(raw, planes, jpeg, origin)
        size = options.rate.bytes_for(raw.mosaic.size)
        preview = choose(own, jpeg, raw, size / SHARE) if size else None  # before it is known what is left for the rest
        border, untold = sections.border_of(raw)
        said = metadata.chosen(raw, jpeg, origin is not Origin.UNKNOWN, options.metadata, size)
        warnings += said.warnings
        files = FileDigests.of(jpeg.data, digest)
        more = {**border, "DIGS": files.to_bytes(), "META": said.section}
        beside, copied = section_bytes(preview) + sections.cost(more) + DIGM_SIZE, DIGM_SIZE + files.size
        beside += reserved(options, raw.mosaic.size)
        growth_of = sizes(jpeg.growth, options.parity, beside, copied)
        payload = encode_stream(
            raw, planes, placed.geometry, options, said.tags, growth_of, placed.elsewhere
        )
        if not size:
            preview = choose(own, jpeg, raw, len(payload) / SHARE)
        payload = sections.put_into(with_preview(payload, preview), more)
    with timed("writing"):
        carrier = jpeg.with_payload(payload, further_boxes(payload, options.parity))
        undone = carrier.payload == payload and carrier.bare == jpeg
    if not undone:
        raise AssertionError("the JPEG does not give back what was put into it: please report this picture")
    growth = carrier.grown
    model = tables.load().identity.hex()
    seconds = time.monotonic() - started
    kind = kind_of(preview, jpeg, raw.ifd0_tags)
    bpp = 8 * growth / raw.mosaic.size
    warnings += untold
    report = GuideReport.of(payload)
    if options.guide != "none":
        warnings += report.warnings()
    return Encoded(
        carrier.data, growth, bpp, "given", placed.report, model, seconds, preview=kind, warnings=warnings,
        guided=report.share, own_guide_bytes=report.own_bytes,
    )  # fmt: skip


def _chosen(kind: Callable[..., Options], options: Options | None, keywords: Mapping[str, Any]) -> Options:
    """The options, given one way or the other."""
    if options is not None and keywords:
        raise TypeError(f"{', '.join(keywords)}: give options or keywords, not both")
    return options or kind(**keywords)


def _bytes(jpeg: Source) -> bytes:
    return jpeg if isinstance(jpeg, bytes) else read_file(jpeg, "JPEG")


def _tell(progress: Progress | None, what: str) -> None:
    if progress:
        progress(what, 0.0)
