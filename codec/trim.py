"""`trim`: a lower rate for a JPEG, or a sidecar, whose RAW lies in layers, without the RAW that it was made of.

What is left is decoded, since its digest is another one (section DIGM).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..bitstream.errors import StreamError, UsageError
from ..bitstream.jpeg import jumbf
from ..bitstream.jpeg.carried import check_binding
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import further_boxes, share_of, sizes
from ..bitstream.jpeg.planes import JpegPlanes
from ..bitstream.runtime.files import Source, bytes_of
from ..bitstream.stream.container import Container, with_sections
from ..bitstream.stream.digests import mosaic_digest
from ..bitstream.stream.header import Header
from ..bitstream.stream.layers import Layers, shorten, tile_count
from ..bitstream.stream.limits import check_pixels, check_work
from .sidecar import parts, sidecar_size, sidecar_with


@dataclass(frozen=True)
class Trimmed:
    """A JPEG that carries less of its RAW, or one and a smaller sidecar.

    metadata_bytes: what its RAW takes; bpp: 8 x that per pixel of the mosaic. layers: how many layers are left, the
    last one perhaps in part; lossless: whether nothing was lost yet. before: bytes that the RAW took before. sidecar:
    where the RAW was in one; the JPEG is then as it was.
    """

    jpeg: bytes = field(repr=False)
    metadata_bytes: int
    bpp: float
    layers: int
    lossless: bool
    before: int
    sidecar: bytes | None = field(default=None, repr=False)


def trim(
    jpeg: Source,
    *,
    size: int | None = None,
    bpp: float | None = None,
    sidecar: Source | None = None,
    max_pixels: int | None = None,
) -> Trimmed:
    """A JPEG of the same picture whose RAW takes at most `size` bytes, or `bpp` bits per pixel of the mosaic.

    sidecar: has the RAW instead of the JPEG, and becomes smaller instead of it.

    What it decodes to is what the part of the layers that is kept says; the picture and all segments of others stay as
    they are. A RAW that fits already stays whole. Raises UsageError where even the coarsest layer is larger (the
    message names its size) or the RAW has one layer only, InputError, NoRawError and StreamError as `decode` does.
    max_pixels: InputError, before the JPEG is decoded, where it or the mosaic has more.
    """
    if (size is None) == (bpp is None):
        raise UsageError("give either a size or a bpp to trim to")
    if size is not None and not 0 < size < 1 << 32:
        raise UsageError(f"size {size}: want a number of bytes above 0, below 4 GiB")
    if bpp is not None and not 0 < bpp <= 64:
        raise UsageError(f"bpp {bpp:g}: want a number above 0, at most 64")
    file = Jpeg(bytes_of(jpeg, "JPEG"))
    payload, contents = parts(file, sidecar)
    sections = Container.from_bytes(payload).sections
    header = Header.from_bytes(sections["HEAD"])
    check_pixels(header.width, header.height, max_pixels, "the mosaic")
    planes = check_binding(file, header.binding, max_pixels)
    whole = Layers.from_bytes(sections["LAYR"]) if sections["LAYR"] else None
    check_work(header, 1 + len(whole.further) if whole else 1, len(payload) + planes.scan_bytes)
    pixels = header.height * header.width
    if bpp is not None:
        size = int(bpp * pixels / 8)
    assert size is not None
    share = share_of(contents)
    apart = b"" if sidecar is None else jumbf.box(b"jumb", contents)
    grown, growth = (len(apart), sidecar_size) if apart else (file.grown, file.growth)
    shorter, layers = payload, whole
    if grown > size:
        shorter, layers = shorten(payload, size, sizes(growth, share))
    count = 1 + len(layers.further) if layers else 1
    try:
        check_work(header, count, len(shorter) + planes.scan_bytes)
    except StreamError as error:
        raise UsageError(f"trimmed so far no reader would take it: {error}") from None
    if shorter != payload and sections["DIGM"]:
        shorter = with_sections(shorter, {"DIGM": _digest(shorter, planes)})
    lossless = layers.lossless(tile_count(header)) if layers else header.lossless
    if apart:
        small = apart if shorter == payload else sidecar_with(shorter, further_boxes(shorter, share))
        return Trimmed(file.data, len(small), 8 * len(small) / pixels, count, lossless, grown, small)
    out = file.data if shorter == payload else file.with_payload(shorter, further_boxes(shorter, share)).data
    taken = len(out) - len(file.bare.data)
    return Trimmed(out, taken, 8 * taken / pixels, count, lossless, grown)


def _digest(payload: bytes, planes: JpegPlanes) -> bytes:
    """Section DIGM of what a stream decodes to; empty where that can't be had here, for want of PyTorch."""
    from .decoder.stream import Stream  # takes longer to import than all else does

    try:
        return mosaic_digest(Stream.from_bytes(payload).decode(planes))
    except UsageError:
        return b""
