"""Tags for the DNG in the stream's header, by index into a closed list (`TAGS` of `bitstream.tiff.allowed`).

Layout of the serialised tags; `varint` and `zigzag` as in `bitstream.stream.fields`:

====== ======= ====================================================================================================
bytes  field   meaning
====== ======= ====================================================================================================
1      packing 0: the entries follow as they are; 1: they follow as a raw deflate stream (RFC 1951)
then, for each entry, in ascending order of index:
1      index   position in `TAGS`: an IFD and a tag
1      kind    bits 0..3: TIFF type; bit 4: all rationals share one denominator, which stands first
varint count   number of values
...    values  ASCII, BYTE, UNDEFINED: count bytes. FLOAT, DOUBLE: little-endian. Integers: count varints, zigzag for
               signed types. Rationals: numerator, denominator by turns, or with bit 4 the denominator, then count
               numerators; zigzag for SRATIONAL
====== ======= ====================================================================================================
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ..errors import StreamError
from ..raw_image import TiffValue
from ..stream.fields import Reader, unzigzag, write_varint, zigzag
from . import tiff
from .allowed import ALLOWED, MAX_TAG_BYTES
from .allowed import EXIF as EXIF
from .allowed import IFD0 as IFD0
from .allowed import RAW as RAW
from .allowed import TAGS as TAGS
from .allowed import TagDict as TagDict
from .allowed import allowed_tags as allowed_tags

_INDEX = {(ifd, tag): i for i, (ifd, tag, _) in enumerate(TAGS)}

_AS_BYTES = (tiff.ASCII, tiff.BYTE, tiff.UNDEFINED, tiff.FLOAT, tiff.DOUBLE)
SHARED_DENOMINATOR = 0x10


class Tagged(Protocol):
    """What has tags by directory, as `RawImage` has them."""

    @property
    def ifd0_tags(self) -> Mapping[int, TiffValue]: ...
    @property
    def raw_tags(self) -> Mapping[int, TiffValue]: ...
    @property
    def exif_tags(self) -> Mapping[int, TiffValue]: ...


def pack_tags(raw: Tagged, known_exif: Mapping[int, TiffValue] | None = None) -> bytes:
    """The tags of `raw` that are in `TAGS`, serialised; the others go into section META (`bitstream.tiff.meta`).

    `known_exif`: Exif tags that the decoder will have anyway (`bitstream.jpeg.exif.exif_tags` of the carrying
    JPEG); equal ones are not repeated.
    """
    known = known_exif or {}
    exif = {tag: v for tag, v in allowed_tags(EXIF, raw.exif_tags).items() if known.get(tag) != v}
    entries = [(ifd, tag, value) for ifd, tags in ((IFD0, raw.ifd0_tags), (RAW, raw.raw_tags), (EXIF, exif))
               for tag, value in allowed_tags(ifd, tags).items() if (ifd, tag) in _INDEX]
    entries.sort(key=lambda e: _INDEX[e[:2]])
    plain = b"".join(bytes([_INDEX[ifd, tag]]) + _pack_value(value) for ifd, tag, value in entries)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    packed = deflate.compress(plain) + deflate.flush()
    return b"\1" + packed if len(packed) < len(plain) else b"\0" + plain


def unpack_tags(data: bytes) -> tuple[TagDict, TagDict, TagDict]:
    """(ifd0_tags, raw_tags, exif_tags) from what `pack_tags` wrote; StreamError when the data is anything else."""
    reader = Reader(_inflate(data), "the stream's metadata")
    out: tuple[TagDict, TagDict, TagDict] = ({}, {}, {})
    last, room = -1, MAX_TAG_BYTES
    while reader.remaining:
        index = reader.number(1, "a tag")
        if not last < index < len(TAGS):
            raise StreamError("the stream's metadata: a tag is unknown or repeated")
        last = index
        ifd, tag, _ = TAGS[index]
        value = _unpack_value(reader, f"tag {tag}", room)
        if value.type not in ALLOWED[ifd, tag]:
            raise StreamError(f"the stream's metadata: tag {tag} has a type that it cannot have")
        room -= len(value.data)
        out[ifd][tag] = value
    return out


def _inflate(data: bytes) -> bytes:
    if not data or data[0] > 1:
        raise StreamError("the stream's metadata: of an unknown packing")
    if data[0] == 0:
        return data[1:]
    inflate = zlib.decompressobj(-15)
    try:
        plain = inflate.decompress(data[1:], 2 * MAX_TAG_BYTES)
    except zlib.error as error:
        raise StreamError(f"the stream's metadata: damaged ({error})") from None
    if not inflate.eof or inflate.unused_data:
        raise StreamError("the stream's metadata: damaged (cut, too long, or followed by something)")
    return plain


def _pack_value(value: TiffValue) -> bytes:
    kind = value.type
    if kind in _AS_BYTES:
        return bytes([kind]) + write_varint(value.count) + value.data
    numbers = [x.item() for x in np.frombuffer(value.data, "<" + tiff.ATOMS[kind])]
    if kind in (tiff.RATIONAL, tiff.SRATIONAL) and len(set(numbers[1::2])) == 1:
        kind |= SHARED_DENOMINATOR
        numbers = [numbers[1], *numbers[0::2]]
    body = b"".join(write_varint(zigzag(n) if value.type == tiff.SRATIONAL else n) for n in numbers)
    return bytes([kind]) + write_varint(value.count) + body


def _unpack_value(reader: Reader, name: str, room: int) -> TiffValue:
    """The value that comes next, at most `room` bytes of it."""
    kind = reader.number(1, name)
    shared, kind = bool(kind & SHARED_DENOMINATOR), kind & ~SHARED_DENOMINATOR
    rational = kind in (tiff.RATIONAL, tiff.SRATIONAL)
    count = reader.varint(name)
    size = tiff.TYPE_SIZES.get(kind, 0) * count
    if not 0 < size <= room or (shared and not rational):
        raise StreamError(f"the stream's metadata: {name} has an impossible type or size")
    if kind in _AS_BYTES:
        return TiffValue(kind, count, reader.take(size, name))
    numbers = [reader.varint(name) for _ in range(count + 1 if shared else 2 * count if rational else count)]
    if kind == tiff.SRATIONAL:
        numbers = [unzigzag(n) for n in numbers]
    if shared:
        numbers = [x for n in numbers[1:] for x in (n, numbers[0])]
    limits = np.iinfo(tiff.ATOMS[kind])
    if min(numbers) < limits.min or max(numbers) > limits.max:
        raise StreamError(f"the stream's metadata: {name} has a number that is out of its type's range")
    return TiffValue(kind, count, np.array(numbers, "<" + tiff.ATOMS[kind]).tobytes())
