"""Section META: the RAW's metadata for the DNG, all of it its own; nothing of the mosaic's values depends on it.

======  ======  ====================================================================================================
bytes   field   meaning
======  ======  ====================================================================================================
1       form    0; a reader takes a section of another form for one that is not there
rest            raw deflate (RFC 1951) of entries, one behind the other, in ascending order of place and tag:
1       place   0 IFD0, 1 the mosaic's IFD, 2 Exif, 3 GPS, 4 the MakerNote's directory, 5 about the MakerNote, 16 to
                31 further camera profiles
varint  tag     TIFF tag; place 4: 65536 times the tag that points to it, for a directory below the first; place 5: 0
                the bytes before the directory, 1 the base of its offsets (none: the file's start), 2 whether it is
                big-endian, 3 the tags that were left out
1       type    TIFF type, 1 to 13
varint  count   number of values
...     values  little-endian, as TIFF has them
======  ======  ====================================================================================================

Values have at most 2^22 bytes together, the entries 2^23 bytes inflated. A reader passes over places, tags and types
that it does not know.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import StreamError
from ..raw_image import MakerNote, RawImage, TiffValue
from ..stream.fields import Reader, write_varint
from . import maker_note, tiff
from .allowed import MAX_TAG_BYTES, TagDict, allowed_tags
from .meta_tags import EXIF, GPS, IFD0, OF_A_PROFILE, RAW
from .tags import unpack_tags

FORM = 0
NOTE, ABOUT_NOTE, PROFILES = 4, 5, 16
MAX_PROFILES = 16
PREFIX, BASE, BIG, LEFT_OUT = range(4)
MAX_TAG = 1 << 32
DAMAGED = "the RAW's metadata (section META) is damaged and left out; the mosaic is whole"

Places = dict[int, dict[int, TiffValue]]


@dataclass(frozen=True)
class Meta:
    """What a section holds, by the DNG's directory."""

    ifd0_tags: TagDict = field(default_factory=dict)
    raw_tags: TagDict = field(default_factory=dict)
    exif_tags: TagDict = field(default_factory=dict)
    gps_tags: TagDict = field(default_factory=dict)
    note: MakerNote | None = None
    profiles: tuple[Mapping[int, TiffValue], ...] = ()

    @classmethod
    def of(cls, raw: RawImage) -> Meta:
        """All that a RAW has of what the DNG may have."""
        profiles = tuple(profile_tags(tags) for tags in raw.profiles[:MAX_PROFILES])
        return cls(
            allowed_tags(IFD0, raw.ifd0_tags), allowed_tags(RAW, raw.raw_tags), allowed_tags(EXIF, raw.exif_tags),
            allowed_tags(GPS, raw.gps_tags), raw.note, profiles,
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """The section; empty where there is nothing to say."""
        places: Places = {IFD0: self.ifd0_tags, RAW: self.raw_tags, EXIF: self.exif_tags, GPS: self.gps_tags}
        if self.note:
            places[NOTE], places[ABOUT_NOTE] = maker_note.flat(self.note), _about(self.note)
        places |= {PROFILES + k: dict(tags) for k, tags in enumerate(self.profiles)}
        plain = b"".join(
            bytes([place]) + write_varint(tag) + bytes([v.type]) + write_varint(v.count) + v.data
            for place, tags in sorted(places.items()) for tag, v in sorted(tags.items())
        )  # fmt: skip
        if not plain:
            return b""
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
        return bytes([FORM]) + deflate.compress(plain) + deflate.flush()

    @classmethod
    def from_bytes(cls, section: bytes) -> Meta:
        """Inverse of `to_bytes`. StreamError for a section that is damaged; nothing for one of another form."""
        if section[:1] != bytes([FORM]):
            return cls()
        places = _read(_inflated(section[1:]))
        profiles = (profile_tags(places[k]) for k in sorted(places) if PROFILES <= k < PROFILES + MAX_PROFILES)
        return cls(
            allowed_tags(IFD0, places.get(IFD0, {})), allowed_tags(RAW, places.get(RAW, {})),
            allowed_tags(EXIF, places.get(EXIF, {})), allowed_tags(GPS, places.get(GPS, {})),
            _note(places.get(NOTE, {}), places.get(ABOUT_NOTE, {})),
            tuple(tags for tags in profiles if tags),
        )  # fmt: skip

    @classmethod
    def of_stream(cls, header_tags: bytes, section: bytes, lost: bool = False) -> tuple[Meta, tuple[str, ...]]:
        """All that a stream says for the DNG, its header's tags among it, and what is damaged of it, a line each.

        lost: the section was there and is damaged. StreamError where the header's tags are.
        """
        ifd0_tags, raw_tags, exif_tags = unpack_tags(header_tags)
        try:
            meta = cls.from_bytes(section) if section else cls()
        except StreamError:
            meta, lost = cls(), True
        joined = replace(
            meta, ifd0_tags={**meta.ifd0_tags, **ifd0_tags}, raw_tags={**meta.raw_tags, **raw_tags},
            exif_tags={**meta.exif_tags, **exif_tags},
        )  # fmt: skip
        return joined, (DAMAGED,) if lost else ()


def profile_tags(tags: Mapping[int, TiffValue]) -> TagDict:
    """What a further profile may have of these."""
    return {tag: v for tag, v in allowed_tags(IFD0, tags).items() if tag in OF_A_PROFILE}


def _about(note: MakerNote) -> dict[int, TiffValue]:
    out = {BIG: tiff.pack_value(tiff.BYTE, int(note.big))}
    if note.prefix:
        out[PREFIX] = TiffValue(tiff.BYTE, len(note.prefix), note.prefix)
    if note.base is not None:
        out[BASE] = tiff.pack_value(tiff.LONG, note.base)
    if note.left_out:
        out[LEFT_OUT] = tiff.pack_value(tiff.SHORT, *note.left_out)
    return out


def _note(tags: dict[int, TiffValue], about: dict[int, TiffValue]) -> MakerNote | None:
    """The note of these entries; None where they make none."""
    prefix = about[PREFIX].data if PREFIX in about else b""
    if len(tags) > 4 * maker_note.MAX_ENTRIES:
        return None
    if not about or (tags and len(prefix) > maker_note.MAX_PREFIX) or not (tags or prefix):
        return None
    numbers = {k: [int(n) for n in tiff.value_numbers(about[k])] for k in (BASE, BIG, LEFT_OUT)
               if k in about and about[k].type in (tiff.BYTE, tiff.SHORT, tiff.LONG)}  # fmt: skip
    tags = {tag: v for tag, v in tags.items() if tag < maker_note.BLOCK**2}
    note = MakerNote(prefix, numbers[BASE][0] if BASE in numbers else None, bool(numbers.get(BIG, [0])[0]), {}, {},
                     tuple(numbers.get(LEFT_OUT, ())))  # fmt: skip
    return maker_note.with_flat(note, tags)


def _inflated(data: bytes) -> bytes:
    inflate = zlib.decompressobj(-15)
    try:
        plain = inflate.decompress(data, 2 * MAX_TAG_BYTES)
    except zlib.error as error:
        raise StreamError(f"section META: damaged ({error})") from None
    if not inflate.eof or inflate.unused_data:
        raise StreamError("section META: damaged (cut, too long, or followed by something)")
    return plain


def _read(plain: bytes) -> Places:
    reader, places, room, last = Reader(plain, "section META"), Places(), MAX_TAG_BYTES, (-1, -1)
    while reader.remaining:
        place, tag = reader.number(1, "place"), reader.varint("tag")
        kind, count = reader.number(1, "type"), reader.varint("count")
        size = tiff.TYPE_SIZES.get(kind, 0) * count if kind <= tiff.IFD else 0
        if not 0 < size <= room or tag >= MAX_TAG or (place, tag) <= last:
            raise StreamError(f"section META: tag {tag} of place {place} is repeated, or of an impossible type or size")
        places.setdefault(place, {})[tag] = TiffValue(kind, count, reader.take(size, f"tag {tag}"))
        room, last = room - size, (place, tag)
    return places
