"""From a RAW and its JPEG to a JPEG that carries it: `encode`, and `encode_arrays` for a mosaic in memory.

::

    RAW --source--> `RawImage`    JPEG, given or found
            |                      |
            '--align--> geometry <-'
                  |
              encoder --> stream --preview, border, digests, metadata--> jpeg --> `Encoded`
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from ..bitstream.errors import InputError
from ..bitstream.jpeg.bands import bands_of
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import further_boxes, sizes
from ..bitstream.raw_image import RawImage
from ..bitstream.runtime.files import Source
from ..bitstream.runtime.profile import timed
from ..bitstream.stream.border import border_of
from ..bitstream.stream.container import sections_size, with_sections
from ..bitstream.stream.digests import DIGM_SIZE, FileDigests
from ..bitstream.stream.head_copy import LEAST
from .asked import choose_device, chosen_options, tell
from .encoder.options import EncodeKeywords, EncodeOptions
from .guide.geometry import Geometry
from .guide_report import GuideReport
from .preview_choice import SHARE, choose, kind_of, section_bytes, with_preview
from .sidecar import sidecar_of

if TYPE_CHECKING:
    from ..bitstream.stream.preview import CarriedPreview
    from .align.place import Origin
    from .source.choose_jpeg import Choice


@dataclass(frozen=True)
class Encoded:
    """A JPEG that carries its RAW.

    metadata_bytes: what the JPEG grew by. bpp: 8 x that per pixel of the mosaic. guide: where the JPEG comes from;
    guide_path: its file. alignment: how it lies over the mosaic, for people; place_error: px of the coarser picture by
    which it may be off, rms, None where that was not measured. model: identity of the probability tables.
    seconds: time taken. preview: what the decoded DNG's will be, "raw", "jpeg" or "neutral" (`codec.preview_choice`).
    warnings: what the user should look at before the RAW is deleted, a line each. guided: share of the RAW's picture,
    0..1, that the JPEG helps to code; own_guide_bytes: what stands for it elsewhere (`codec.guide_report`). edit_gain:
    by how many dB less error `for_edit`'s development would show than under the usual steps if all bits went with
    the steps, as at high rates (half of it was measured at 1 bpp); None without it.
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
    edit_gain: float | None = None
    place_error: float | None = None

    def sidecar(self) -> bytes:
        """The RAW as a file of its own, for `decode`'s `sidecar`: the JPEG then needs to carry nothing."""
        return sidecar_of(self.jpeg)


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
    progress: see `Progress`. parity: share of the bytes that mends others which are lost (`bitstream.jpeg.parity`).
    options: all that as one object, instead of keywords.

    Raises UsageError for contradicting or unreachable options, InputError for files that are unreadable, unsupported,
    or of another scene.
    """
    from .source import choose_jpeg
    from .source.raw import RawFile

    started = time.monotonic()
    options = chosen_options(EncodeOptions.of, options, keywords)
    choose_device(options.device)
    tell(options.progress, "reading")
    with ThreadPoolExecutor(1) as pool:
        # LibRaw works in a process of its own: meanwhile there is time for the JPEG.
        early = None if jpeg is None else pool.submit(_decoded, jpeg)
        file = RawFile(raw, frame, margins)
        named = early.result() if early else None
    image, preview, passed_over = file.image, file.own_preview(), list[str]()
    told, digest = file.warnings, file.digest
    if margins and image.border is None:
        told += ("the RAW has no margins around its mosaic: there is nothing to keep",)
    candidates = choose_jpeg.choices(file, named, passed_over)
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


def _decoded(jpeg: Source) -> Choice:
    """A JPEG that the user names, its picture decoded if that can be done: whoever asks again is told why not."""
    from .source.choose_jpeg import given

    choice = given(jpeg)
    with contextlib.suppress(InputError):
        choice.jpeg.planes  # noqa: B018 (it is kept)
    return choice


def encode_arrays(
    raw: RawImage,
    jpeg: bytes,
    *,
    options: EncodeOptions | None = None,
    **keywords: Unpack[EncodeKeywords],
) -> Encoded:
    """`encode` for a mosaic that is in memory: `raw.mosaic` uint16 (H, W), DN, with its levels and tags."""
    from .align.place import Origin

    return _encode(raw, Jpeg(jpeg).bare, Origin.UNKNOWN, chosen_options(EncodeOptions.of, options, keywords))


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
    from .align.place import Placed, place
    from .encoder.encode import encode_stream
    from .source.plausible import doubts

    warnings = (*doubts(raw), *jpeg.warnings)
    with one_blas_thread():
        planes = jpeg.planes
        tell(options.progress, "aligning")
        unguided = options.guide == "none"
        placed = Placed(Geometry(), "none asked for") if unguided else place(raw, planes, jpeg, origin)
        beside = _Beside.of(raw, jpeg, origin, options, own, digest)
        size = options.rate.bytes_for(raw.mosaic.size)
        bands = {"DIGJ": bands_of(planes)}
        if size and size >= LEAST:
            beside = replace(beside, sections={**beside.sections, **bands})
        growth_of = sizes(jpeg.growth, options.parity, beside.bytes_for(options, raw.mosaic.size), beside.copied)
        payload = encode_stream(raw, planes, placed.geometry, options, beside.tags, growth_of, placed.elsewhere)
        if size is None:
            more = bands if len(payload) >= LEAST else {}
            preview = choose(own, jpeg, raw, len(payload) / SHARE)
            beside = replace(beside, preview=preview, sections={**beside.sections, **more})
        payload = with_sections(with_preview(payload, beside.preview), beside.sections)
    with timed("writing"):
        carrier = jpeg.with_payload(payload, further_boxes(payload, options.parity))
        undone = carrier.payload == payload and carrier.bare == jpeg
    if not undone:
        raise InputError(
            "the JPEG's own metadata looks so much like a damaged RAW of rawinlay's that it would not come back from "
            "`strip` byte for byte; `jpegtran -copy none` makes a JPEG of the same picture without metadata"
        )
    report = GuideReport.of(payload)
    warnings += beside.warnings + (() if unguided else (placed.warnings() if report.share else ()) + report.warnings())
    return Encoded(
        carrier.data, carrier.grown, 8 * carrier.grown / raw.mosaic.size, "given", placed.report,
        tables.load().identity.hex(), time.monotonic() - started, preview=kind_of(beside.preview, jpeg, raw.ifd0_tags),
        warnings=warnings, guided=report.share, own_guide_bytes=report.own_bytes, edit_gain=_gain(raw, options),
        place_error=placed.error,
    )  # fmt: skip


def _gain(raw: RawImage, options: EncodeOptions) -> float | None:
    """What the steps for one edit should gain, dB."""
    if options.for_edit is None or options.rate.lossless:
        return None
    from .encoder.for_edit import best_steps
    from .encoder.steps import usual

    return best_steps(raw, options.for_edit, usual())[1]


@dataclass(frozen=True)
class _Beside:
    """What a stream holds beside the mosaic, put in once that is coded; its bytes count before.

    sections: by their names; preview: what the DNG's is to show, None as long as that is open or where nothing is to be
    said; tags: for the header; copied: bytes of it that the copy of the head repeats; warnings: a line each.
    """

    sections: Mapping[str, bytes]
    preview: CarriedPreview | None
    tags: bytes
    copied: int
    warnings: tuple[str, ...]

    @classmethod
    def of(
        cls, raw: RawImage, jpeg: Jpeg, origin: Origin, options: EncodeOptions, own: bytes | None, digest: bytes | None
    ) -> _Beside:
        """That of a RAW and its JPEG, as `_encode` is given them."""
        from . import metadata
        from .align.place import Origin

        size = options.rate.bytes_for(raw.mosaic.size)
        preview = choose(own, jpeg, raw, size / SHARE) if size else None  # before it is known what is left for the rest
        border, untold = border_of(raw)
        said = metadata.chosen(raw, jpeg, origin is not Origin.UNKNOWN, options.metadata, size)
        files = FileDigests.of(jpeg.data, digest)
        sections = {**border, "DIGS": files.to_bytes(), "META": said.section}
        return cls(sections, preview, said.tags, DIGM_SIZE + files.size, said.warnings + untold)

    def bytes_for(self, options: EncodeOptions, sites: int) -> int:
        """Bytes that the stream of so many sites will have beside what codes the mosaic."""
        from .encoder import bias, grain, post

        kept = sum(part.reserved(options, sites) for part in (grain, post, bias))
        return section_bytes(self.preview) + sections_size(self.sections) + DIGM_SIZE + kept
