"""`trim`: a lower rate for a JPEG whose RAW lies in layers, without the RAW that it was made of.

What is left is decoded, since its digest is another one (section DIGM).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..bitstream.errors import StreamError, UsageError
from ..bitstream.jpeg.carried import carried_stream, check_binding
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import further_boxes, share_of, sizes
from ..bitstream.jpeg.planes import JpegPlanes
from ..bitstream.runtime.files import Source, bytes_of
from ..bitstream.stream.container import Container, with_sections
from ..bitstream.stream.digests import mosaic_digest
from ..bitstream.stream.header import Header
from ..bitstream.stream.layers import Layers, shorten, tile_count
from ..bitstream.stream.limits import check_pixels, check_work


@dataclass(frozen=True)
class Trimmed:
    """A JPEG that carries less of its RAW.

    metadata_bytes: what its RAW takes; bpp: 8 x that per pixel of the mosaic. layers: how many layers are left, the
    last one perhaps in part; lossless: whether nothing was lost yet. before: bytes that the RAW took before.
    """

    jpeg: bytes = field(repr=False)
    metadata_bytes: int
    bpp: float
    layers: int
    lossless: bool
    before: int


def trim(
    jpeg: Source, *, size: int | None = None, bpp: float | None = None, max_pixels: int | None = None
) -> Trimmed:
    """A JPEG of the same picture whose RAW takes at most `size` bytes, or `bpp` bits per pixel of the mosaic.

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
    payload = carried_stream(file)
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
    contents = file.superbox
    share = share_of(contents)
    shorter, layers = payload, whole
    if file.grown > size:
        shorter, layers = shorten(payload, size, sizes(file.growth, share))
    count = 1 + len(layers.further) if layers else 1
    try:
        check_work(header, count, len(shorter) + planes.scan_bytes)
    except StreamError as error:
        raise UsageError(f"trimmed so far no reader would take it: {error}") from None
    out = file.data
    if shorter != payload:
        if sections["DIGM"]:
            shorter = with_sections(shorter, {"DIGM": _digest(shorter, planes)})
        out = file.with_payload(shorter, further_boxes(shorter, share)).data
    grown = len(out) - len(file.bare.data)
    lossless = layers.lossless(tile_count(header)) if layers else header.lossless
    return Trimmed(out, grown, 8 * grown / pixels, count, lossless, file.grown)


def _digest(payload: bytes, planes: JpegPlanes) -> bytes:
    """Section DIGM of what a stream decodes to; empty where that can't be had here, for want of PyTorch."""
    from .decoder.stream import Stream  # takes longer to import than all else does

    try:
        return mosaic_digest(Stream.from_bytes(payload).decode(planes))
    except UsageError:
        return b""
