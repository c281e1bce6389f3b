"""The Python interface: `encode`, `decode`, `info`, `strip`, `trim`, and the first two on arrays.

Files are given as paths or as their bytes; results are bytes. Nothing here writes a file. Errors are those of
`bitstream.errors`: one line each that says what is wrong with which thing.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ..bitstream.errors import InputError, UsageError
from ..bitstream.jpeg import embed
from ..bitstream.jpeg.carried import carried_stream, check_binding
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.planes import JpegPlanes
from ..bitstream.raw_image import RawImage
from ..bitstream.runtime import forks as forks  # before anything is imported or compiled that a fork has to wait for
from ..bitstream.runtime.files import read_file
from ..bitstream.runtime.profile import timed
from ..bitstream.runtime.progress import Progress
from ..bitstream.stream.container import section_size, with_sections
from ..bitstream.stream.limits import check_pixels
from .decoder.crop import Crop
from .decoder.framing import Frame, frame_of, framed
from .encoder.options import EncodeKeywords, EncodeOptions, Rate
from .guide.geometry import Geometry
from .guide_report import GuideReport
from .info import Info, info
from .preview import PREVIEWS, made_preview
from .preview_choice import SHARE, choose, kind_of, section_bytes, with_preview
from .trim import Trimmed, trim

if TYPE_CHECKING:
    from .align.place import Origin
    from .decoder.stream import Stream

__all__ = [
    "Decoded", "EncodeOptions", "Encoded", "Info", "Progress", "Rate", "Source", "Trimmed", "decode", "decode_arrays",
    "encode", "encode_arrays", "info", "strip", "trim",
]  # fmt: skip

Source = str | Path | bytes
DEVICES = ("auto", "cpu", "cuda")


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


@dataclass(frozen=True)
class Decoded:
    """The RAW of a JPEG.

    device: where it was decoded; seconds: time taken. layers: how many are there; lossless: whether the mosaic is the
    camera's, bit for bit. preview: the DNG's, a JPEG; preview_kind: "raw", "jpeg", "neutral" or "none". warnings: what
    the user should know of, a line each. frame: the DNG's default crop (column, row, width, height) where the JPEG
    gives one (`codec.decoder.framing`).
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

    def dng(self, jxl: float | None = None) -> bytes:
        """The DNG file: the mosaic, the preview, the Exif of the RAW and of the JPEG.

        jxl: the mosaic by JPEG XL (DNG 1.7), smaller, for programs of 2024 and later: 0 without loss, else libjxl's
        distance, 0.05 to 15. UsageError where the package imagecodecs is not installed.
        """
        from ..bitstream.dng.jxl import JpegXl
        from ..bitstream.dng.writer import write_dng

        jpeg = Jpeg(self.jpeg) if self.jpeg else None
        shown = jpeg if self.preview is self.jpeg else self.preview
        return write_dng(framed(self.raw, self.default_crop), shown, jpeg, None if jxl is None else JpegXl(jxl))

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
    options: EncodeOptions | None = None,
    **keywords: Unpack[EncodeKeywords],
) -> Encoded:
    """Put a RAW into a JPEG of the same picture.

    raw: any Bayer RAW that LibRaw reads. jpeg: its JPEG; without one, the largest beside the RAW with the same stem
    that shows its picture, the RAW's own full-size preview, or LibRaw's rendering (`codec.source.choose_jpeg`);
    warnings tell of one beside it that was not taken. A RAW that the JPEG carries already is replaced. frame: which of
    several mosaics that the RAW may hold, from 1; without it the largest, the first of equal ones, with a warning.
    keywords: at most one of bpp (bits per pixel of the mosaic), size (bytes that the JPEG may grow by; both are met to
    3 % and never exceeded), quality (0..100, even error) and lossless; quality 60 without any. tune: "psnr" for even
    error in linear light, "edit" for error that is even against the noise. trimmable: in layers, so that `trim` can
    lower the rate later; layers: where to put them, in ascending bits per pixel, rather than where the codec would
    (implies trimmable). effort: 1 to 9, or an `Effort` (`codec.encoder.effort`). guide: "auto", or "none" for a JPEG
    that only carries the RAW, whatever it shows. device: "auto", "cpu" or "cuda".
    progress: see `Progress`. options: all that as one object, instead of keywords.

    Raises UsageError for contradicting or unreachable options, InputError for files that are unreadable, unsupported,
    or of another scene.
    """
    from .source import choose_jpeg
    from .source.raw import RawFile

    started = time.monotonic()
    options = _chosen(options, keywords)
    choose_device(options.device)
    _tell(options.progress, "reading")
    file = RawFile(raw, frame)
    image, preview, passed_over = file.image, file.own_preview(), list[str]()
    told = file.warnings
    for choice in choose_jpeg.beside(file, passed_over) if jpeg is None else ():
        try:
            encoded = _encode(image, choice.jpeg, choice.known, options, preview)
            break
        except InputError as error:  # of another scene, most likely; what is wrong with the RAW is wrong with the next
            assert choice.path is not None
            passed_over.append(choose_jpeg.unused(choice.path, error))
    else:
        choice = choose_jpeg.own(file) if jpeg is None else choose_jpeg.given(jpeg)
        del file  # and with it the file's bytes
        encoded = _encode(image, choice.jpeg, choice.known, options, preview)
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

    return _encode(raw, Jpeg(jpeg).bare, Origin.UNKNOWN, _chosen(options, keywords))


def decode(
    jpeg: Source,
    *,
    crop: tuple[int, int, int, int] | None = None,
    preview: str = "screen",
    max_pixels: int | None = None,
    unbounded: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> Decoded:
    """The RAW that a JPEG carries.

    crop: x, y, width and height of the part of the mosaic that is wanted (`codec.decoder.crop`); only the tiles that it
    meets are decoded. preview: of the DNG: "screen", what the camera made of the RAW (`codec.preview_choice`), at most
    2048 pixels a side; "full", the same, the JPEG as large as it is; "none"; or "raw", the small version that the
    stream carries of the RAW's own (UsageError where it carries none); "jpeg", the JPEG; "neutral", a plain picture of
    the mosaic, of 160 pixels; "auto", whichever of these shows what the camera made. max_pixels: InputError, before
    anything is decoded, where the JPEG or the mosaic has more. unbounded: decode a file of one's own that asks for more
    work than one of its size may (`bitstream.stream.limits`; StreamError else).

    The mosaic is the same, bit for bit, on every machine and device. Raises InputError for a file that is no JPEG,
    NoRawError for one that carries no RAW, StreamError where the RAW is damaged, of a newer version, or belongs to
    another JPEG (which includes this one with its picture edited).
    """
    started = time.monotonic()
    device = choose_device(device)
    if preview not in PREVIEWS:
        raise UsageError(f"preview {preview!r}: want one of {', '.join(PREVIEWS)}")
    file = Jpeg(_bytes(jpeg))
    raw, stream, planes = _decode(file, crop, device, progress, max_pixels, unbounded)
    height, width = raw.mosaic.shape
    with timed("writing"):
        kind, shown = made_preview(preview, file, raw, planes, stream, Crop(*crop) if crop else None)
    default_crop = None if crop else frame_of(raw, stream.geometry, planes.y.shape)
    seconds = time.monotonic() - started
    return Decoded(
        raw, width, height, raw.cfa, device, seconds, stream.layer_count, stream.lossless, shown, file.bare.data, kind,
        default_crop=default_crop, warnings=stream.told,
    )  # fmt: skip


def decode_arrays(
    jpeg: bytes,
    *,
    crop: tuple[int, int, int, int] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> RawImage:
    """`decode` to the `RawImage` alone: mosaic uint16 (H, W), DN, with its levels, orientation and tags."""
    return _decode(Jpeg(jpeg), crop, choose_device(device), progress)[0]


def _decode(
    jpeg: Jpeg, crop: tuple[int, int, int, int] | None, device: str, progress: Progress | None,
    max_pixels: int | None = None, unbounded: bool = False,
) -> tuple[RawImage, Stream, JpegPlanes]:  # fmt: skip
    from .decoder.stream import Stream

    _tell(progress, "reading")
    payload = carried_stream(jpeg)
    stream = Stream.from_bytes(payload)
    header = stream.header
    check_pixels(header.width, header.height, max_pixels, "the mosaic")
    planes = check_binding(jpeg, header.binding, max_pixels)
    meta = stream.meta
    part = Crop(*crop) if crop else None
    if part:
        part.check(header.height, header.width)
    box = part.cells(stream.layout) if part else None
    mosaic = stream.decode(planes, progress, device, box, unbounded=unbounded)
    raw = RawImage(
        mosaic=mosaic, cfa=header.phase, black=header.levels, white=header.white, orientation=header.orientation,
        camera=header.camera, ifd0_tags=meta.ifd0_tags, raw_tags=meta.raw_tags, exif_tags={**jpeg.exif_tags, **meta.exif_tags},
        gps_tags=meta.gps_tags, note=meta.note, profiles=meta.profiles,
    )  # fmt: skip
    return part.of(raw) if part else raw, stream, planes


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
) -> Encoded:
    """Encode into `jpeg`, which carries no RAW; own: the RAW's own preview."""
    started = time.monotonic()
    options = replace(options, device=choose_device(options.device))
    from ..bitstream.runtime.parallel import one_blas_thread
    from ..entropy import tables
    from . import metadata
    from .align.place import Origin, place
    from .encoder.encode import encode_stream
    from .source.plausible import doubts

    warnings = (*doubts(raw), *jpeg.warnings)
    with one_blas_thread():
        planes = jpeg.planes
        _tell(options.progress, "aligning")
        if options.guide == "none":
            geometry, alignment = Geometry(), "none asked for"
        else:
            geometry, alignment = place(raw, planes, jpeg, origin)
        size = options.rate.bytes_for(raw.mosaic.size)
        preview = choose(own, jpeg, raw, size / SHARE) if size else None  # before it is known what is left for the rest
        said = metadata.chosen(raw, jpeg, origin is not Origin.UNKNOWN, options.metadata, size)
        warnings += said.warnings
        beside = section_bytes(preview) + section_size(len(said.section))
        payload = encode_stream(
            raw, planes, geometry, options, said.tags, lambda n: jpeg.growth(n + beside)
        )  # fmt: skip
        if not size:
            preview = choose(own, jpeg, raw, len(payload) / SHARE)
        payload = with_sections(with_preview(payload, preview), {"META": said.section})
    with timed("writing"):
        carrier = jpeg.with_payload(payload)
        undone = carrier.payload == payload and carrier.bare == jpeg
    if not undone:
        raise AssertionError("the JPEG does not give back what was put into it: please report this picture")
    growth = carrier.grown
    model = tables.load().identity.hex()
    seconds = time.monotonic() - started
    kind = kind_of(preview, jpeg, raw.ifd0_tags)
    bpp = 8 * growth / raw.mosaic.size
    report = GuideReport.of(payload)
    if options.guide != "none":
        warnings += report.warnings()
    return Encoded(
        carrier.data, growth, bpp, "given", alignment, model, seconds, preview=kind, warnings=warnings,
        guided=report.share, own_guide_bytes=report.own_bytes,
    )  # fmt: skip


def _chosen(options: EncodeOptions | None, keywords: EncodeKeywords) -> EncodeOptions:
    """The options, given one way or the other."""
    if options is not None and keywords:
        raise TypeError(f"{', '.join(keywords)}: give options or keywords, not both")
    return options or EncodeOptions.of(**keywords)


def _bytes(jpeg: Source) -> bytes:
    return jpeg if isinstance(jpeg, bytes) else read_file(jpeg, "JPEG")


def _tell(progress: Progress | None, what: str) -> None:
    if progress:
        progress(what, 0.0)
