"""`info`: what a JPEG carries, without decoding the mosaic and without torch."""

from __future__ import annotations

from dataclasses import dataclass

from ..bitstream.errors import NoRawError, RawinlayError, StreamError
from ..bitstream.jpeg.carried import AnotherPictureError, check_binding
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import damages, share_of, sizes
from ..bitstream.jpeg.planes import JpegPlanes
from ..bitstream.runtime.files import Source, bytes_of
from ..bitstream.stream import container
from ..bitstream.stream.container import MAGIC, Container
from ..bitstream.stream.digests import FileDigests
from ..bitstream.stream.header import Header
from ..bitstream.stream.layers import STAGES, Layers, Prefixes, tile_count
from ..bitstream.stream.limits import check_pixels, check_work
from ..bitstream.stream.preview import CarriedPreview
from ..bitstream.tiff.meta import Meta
from .decoder.sensor import parse_cell, parse_levels
from .preview_choice import kind_of
from .sidecar import parts, sidecar_size
from .turned import turned_back


@dataclass(frozen=True)
class Info:
    """What a JPEG carries; all but `has_raw` and `damage` are None where it can't be told.

    version: of the stream, "1.0". model: identity of the probability tables. cfa: phase, "RGGB". metadata_bytes: what
    the file would lose by `strip`; bpp: 8 x that per pixel. intact: no byte of the stream is damaged and the picture is
    the one it belongs to. damage: what is wrong, a line each. lossless: the mosaic comes back bit for bit.
    layers: how many are there; last_layer: how much of the last one is, 0..1; least_bytes: what `trim` can bring
    metadata_bytes down to. preview: what the DNG's will be, "raw", "jpeg" or "neutral" (`codec.preview_choice`).
    about_bytes: what the RAW's metadata takes of it; note_left_out: tags of the MakerNote that were too large.
    """

    has_raw: bool
    version: str | None = None
    model: str | None = None
    camera: str | None = None
    width: int | None = None
    height: int | None = None
    cfa: str | None = None
    bpp: float | None = None
    metadata_bytes: int | None = None
    intact: bool | None = None
    damage: tuple[str, ...] = ()
    lossless: bool | None = None
    layers: int | None = None
    last_layer: float | None = None
    least_bytes: int | None = None
    preview: str | None = None
    mosaic_digest: str | None = None
    jpeg_sha256: str | None = None
    raw_sha256: str | None = None
    parity: float | None = None
    about_bytes: int | None = None
    note_left_out: tuple[int, ...] = ()


def info(jpeg: Source, *, sidecar: Source | None = None, max_pixels: int | None = None) -> Info:
    """What a JPEG carries. Raises InputError for a file that is no JPEG; damage is told, not raised.

    sidecar: has the RAW instead of the JPEG. max_pixels: InputError, before the JPEG is decoded, where it or the mosaic
    has more.
    """
    file = Jpeg(bytes_of(jpeg, "JPEG"))
    try:
        payload, contents = parts(file, sidecar)
    except NoRawError:
        return Info(has_raw=False)
    except StreamError as error:
        return Info(has_raw=True, metadata_bytes=_growth(file), intact=False, damage=(str(error),))
    share, damage = share_of(contents), [*container.check(payload), *damages(contents)]
    version = f"{payload[4]}.{payload[5]}" if payload[:4] == MAGIC and len(payload) > 5 else None
    growth = _growth(file) if sidecar is None else 8 + len(contents)
    try:
        sections = Container.from_bytes(payload, verify=False).sections
        header = Header.from_bytes(sections["HEAD"])
        layers = Layers.from_bytes(sections["LAYR"]) if sections["LAYR"] else None
    except StreamError as error:
        lines = tuple(damage or [str(error)])
        return Info(has_raw=True, version=version, metadata_bytes=growth, intact=False, damage=lines)
    check_pixels(header.width, header.height, max_pixels, "the mosaic")
    try:
        planes = _planes(file, header, max_pixels)
        check_work(header, 1 + len(layers.further) if layers else 1, len(payload) + planes.scan_bytes)
    except StreamError as error:
        damage.append(str(error))
    tiles, files = tile_count(header), FileDigests.from_bytes(sections["DIGS"])
    meta = _meta(header, sections["META"])
    try:
        cell, levels = parse_cell(sections, header), parse_levels(sections, header)
    except StreamError as error:
        cell, levels, damage = None, None, [*damage, str(error)]
    kept = levels is None or levels.kept
    height, width = cell.size[:2] if cell else (header.height, header.width)
    least = growth
    if layers and not damage:
        growth_of = file.growth if sidecar is None else sidecar_size
        least = sizes(growth_of, share)(Prefixes(payload).without_preview().cut(0)[0])
    return Info(
        has_raw=True, version=version, model=header.model.hex(), camera=header.camera, width=width,
        height=height, cfa=cell.name if cell else header.phase,
        bpp=8 * growth / (header.width * header.height) if growth else None,
        metadata_bytes=growth, intact=not damage, damage=tuple(damage),
        lossless=(layers.lossless(tiles) if layers else header.lossless) and kept,
        layers=1 + len(layers.further) if layers else 1,
        last_layer=min(1.0, layers.kept / (STAGES * tiles)) if layers else 1.0, least_bytes=least,
        preview=_preview(file, meta, sections["PREV"]) if meta and not damage else None,
        mosaic_digest=sections["DIGM"].hex() or None,
        jpeg_sha256=files.jpeg.hex() if files else None, raw_sha256=files.raw.hex() if files and files.raw else None,
        parity=round(share or 0.0, 4),
        about_bytes=len(sections["META"]), note_left_out=meta.note.left_out if meta and meta.note else (),
    )  # fmt: skip


def _planes(file: Jpeg, header: Header, max_pixels: int | None) -> JpegPlanes:
    """The planes that the RAW is bound to, turned back where the JPEG was turned."""
    try:
        return check_binding(file, header.binding, max_pixels)
    except AnotherPictureError:
        back = turned_back(file, header.binding)
        if back is None:
            raise
        return back[0].planes


def _meta(header: Header, section: bytes) -> Meta | None:
    """What is said for the DNG; None where the header's tags can't be read."""
    try:
        return Meta.of_stream(header.tags, section)[0]
    except StreamError:
        return None


def _preview(file: Jpeg, meta: Meta, section: bytes) -> str:
    """What the preview will be."""
    return kind_of(CarriedPreview.from_bytes(section), file, meta.ifd0_tags)


def _growth(file: Jpeg) -> int | None:
    """Bytes of ours in the file; None where its segments can't be read."""
    try:
        return file.grown or None
    except RawinlayError:
        return None
