"""A carrier opened: the RAW stream of a JPEG parsed, mended where it is damaged, and the picture that it is bound to.

::

    JPEG, or JPEG and sidecar --carried.py--> payload --decoder/stream.py--> Stream
              '--damaged--> mend.py --> payload, what is lost of it ---------'
    JPEG's planes --binding--> the right picture, or one that a program has turned without loss (turned.py)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..bitstream.errors import InputError, NoRawError, StreamError
from ..bitstream.jpeg.carried import AnotherPictureError, check_binding
from ..bitstream.jpeg.cut import PartialPlanes, is_cut
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.mend import Mended, mend, mend_superbox
from ..bitstream.jpeg.planes import JpegPlanes
from ..bitstream.raw_image import RawImage
from ..bitstream.runtime.files import Source
from ..bitstream.stream.container import Container
from ..bitstream.stream.header import Header
from ..bitstream.stream.limits import check_pixels
from .decoder.salvage import RIM, WHOLE, Salvage, states, unguided, without
from .decoder.stream import Stream
from .mosaic.noise import NOISE_PROFILE, Profile
from .sidecar import parts, read_sidecar
from .turned import turned_back


@dataclass(frozen=True)
class Carrier:
    """jpeg: the file, without our segments where those are damaged; stream, planes: what is decoded. warnings: what was
    damaged, mended or turned, a line each; salvage: what is left, where that was asked for; picture: the JPEG's before
    it was turned, without its metadata, None where it was not; cut: whether the picture is, so that nobody should be
    shown it."""

    jpeg: Jpeg
    stream: Stream = field(repr=False)
    planes: JpegPlanes = field(repr=False)
    warnings: tuple[str, ...] = ()
    salvage: Salvage | None = None
    picture: bytes | None = None
    cut: bool = False


def open_carrier(
    jpeg: Jpeg, sidecar: Source | None = None, *, salvage: bool = False, max_pixels: int | None = None
) -> Carrier:
    """What `decode` begins with.

    sidecar: holds the RAW instead of the JPEG. salvage: whether a stream of which parts are lost will do. Raises
    NoRawError, InputError and StreamError as `codec.api.decode` says.
    """
    stream, found = _stream(jpeg, sidecar, salvage, max_pixels)
    check_pixels(stream.header.width, stream.header.height, max_pixels, "the mosaic")
    notes = (found.notes or ("what is damaged is not needed",)) if found else ()
    warnings = [f"the RAW is damaged: {'; '.join(notes)}"] if notes else []
    if found and found.lost:
        stream = without(stream, found.lost, min(found.size, len(jpeg.data) + len(found.payload)))
    seen = Jpeg(found.bare) if found and found.bare else jpeg
    turned, partial = None, None
    try:
        planes, turned = _picture(seen, stream.header.binding, max_pixels)
    except StreamError as error:
        partial = _partial(seen, stream, max_pixels) if salvage else None
        if partial is None:
            raise
        blind = unguided(stream, partial.planes, partial.others)
        if len(blind) == len(stream.transforms):
            raise StreamError(f"{error}; no tile of the RAW lies within what is left of it") from None
        planes, note = partial.planes, (
            f"the JPEG's picture is damaged: {int(partial.known.sum())} of its {len(partial.known)} rows are sound"
        )
        notes, warnings = (*notes, note), [*warnings, note]
        stream = without(stream, ((tile, 0, 0) for tile in blind), stream.size)
    if turned:
        warnings.append(f"the JPEG was {turned[1]} since, without loss: the RAW is decoded as it lay before")
    left = states(stream, notes) if salvage else None
    if left and left.recovered < 1:
        gone = sum(tile.state not in (WHOLE, RIM) for tile in left.tiles)
        warnings.append(f"{gone} of {len(left.tiles)} tiles are not whole: there the picture is guessed from the JPEG")
    back = turned[0].data if turned else None
    return Carrier(seen, stream, planes, tuple(warnings), left, back, partial is not None)


def _partial(jpeg: Jpeg, stream: Stream, max_pixels: int | None) -> PartialPlanes | None:
    """What is left of a picture that is not the one that a stream is bound to; None of what is no picture at all."""
    try:
        if max_pixels is not None:
            check_pixels(jpeg.frame.width, jpeg.frame.height, max_pixels, "the JPEG")
        return jpeg.partial_planes(stream.bands)
    except InputError:
        return None


def image_of(found: Carrier, mosaic: np.ndarray) -> tuple[RawImage, tuple[str, ...]]:
    """A decoded mosaic, uint16 (H, W), with all that the stream and the JPEG's Exif say of it; and what of that is
    damaged, a line each."""
    stream, header = found.stream, found.stream.header
    meta, told = stream.meta
    raw_tags = dict(meta.raw_tags)
    if stream.noise and NOISE_PROFILE not in raw_tags:
        raw_tags[NOISE_PROFILE] = Profile.of(stream.noise).tag()
    raw = RawImage(
        mosaic=mosaic, cfa=header.phase, black=header.levels, white=header.white, orientation=header.orientation,
        camera=header.camera, ifd0_tags=meta.ifd0_tags, raw_tags=raw_tags,
        exif_tags={**found.jpeg.exif_tags, **meta.exif_tags}, gps_tags=meta.gps_tags, note=meta.note,
        profiles=meta.profiles, cell=stream.cell, levels=stream.levels,
    )  # fmt: skip
    return raw, told


def _picture(jpeg: Jpeg, binding: bytes, max_pixels: int | None) -> tuple[JpegPlanes, tuple[Jpeg, str] | None]:
    """The planes that a stream is bound to; how the JPEG was turned since, and the picture before that."""
    try:
        return check_binding(jpeg, binding, max_pixels), None
    except AnotherPictureError:
        back = turned_back(jpeg, binding)
        if back is None:
            raise
        return back[0].planes, back
    except StreamError as error:
        if is_cut(jpeg.data):
            raise StreamError(f"{error}; --salvage decodes the tiles that lie in what is left of it") from None
        raise


def is_bound(found: Mended, max_pixels: int | None) -> bool:
    """Whether a mended stream belongs to the picture that it lies in."""
    try:
        binding = Header.from_bytes(Container.from_bytes(found.payload).sections["HEAD"]).binding
        check_binding(Jpeg(found.bare), binding, max_pixels)
        return True
    except (InputError, StreamError):
        return False


def _stream(
    jpeg: Jpeg, sidecar: Source | None, salvage: bool, max_pixels: int | None
) -> tuple[Stream, Mended | None]:
    """The stream, and how it was mended if it was damaged."""
    try:
        return Stream.from_bytes(parts(jpeg, sidecar)[0]), None
    except (NoRawError, InputError):
        raise
    except StreamError as error:
        try:
            if sidecar is None:
                found = mend(jpeg.data, lambda one: is_bound(one, max_pixels))
            else:
                found = mend_superbox(read_sidecar(sidecar))
            stream = Stream.from_bytes(found.payload)
        except StreamError as reason:
            raise StreamError(f"{error} ({reason})" if salvage else str(error)) from None
        if found.lost and not salvage:
            raise StreamError(f"{error}; --salvage decodes what is left of it") from None
        return stream, found

