"""What of a RAW's metadata goes into the stream, and where: header, section META, or not at all.

The header has what a developer of the picture needs (colours, levels, crops, corrections), section META all that tells
of the shot: people, times, places, things, the MakerNote. Both are the RAW's own: nothing is stored as "the same as in
the JPEG's Exif", which may be cleared. A RAW's place (GPS) is stored only where the JPEG has one too, or is no JPEG of
the user's: whoever took it from the JPEG does not want to give it away in the RAW within.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..bitstream.jpeg.carried import carried_stream
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import further_boxes, share_of
from ..bitstream.raw_image import MakerNote, RawImage, TiffValue
from ..bitstream.stream.container import Container, with_sections
from ..bitstream.stream.header import Header
from ..bitstream.tiff import maker_note, tags, tiff
from ..bitstream.tiff.meta import Meta
from ..bitstream.tiff.meta_tags import ABOUT_THE_SHOT, IFD0, RAW
from ..bitstream.tiff.tags import pack_tags, unpack_tags

XMP, IPTC, PRIVATE_DATA = 700, 33723, 50740

WHOLE_ROOM = 1 << 18
"""The same where all of the metadata is wanted."""

ROOM = 2048
"""Bytes that MakerNote, private data, Exif, XMP and IPTC may take together, compressed; of the note only what fits is
stored, but what is needed of it even where people wrote much."""

WRITTEN_ROOM = 1 << 15
"""Bytes that XMP and IPTC, which people wrote, may take, compressed."""

PROFILE_ROOM = 1 << 14
"""Bytes that further camera profiles may take, compressed."""

SHARE = 32
"""Where a size is asked for, the MakerNote takes at most one part in so many of it."""

_NEEDED: dict[bytes, frozenset[int]] = {
    b"Nikon\0": frozenset({1, 2, 4, 5, 0x1D, 0x1E, 0x83, 0x84, 0x8B, 0x93, 0x98, 0xA7}),
    b"SONY": frozenset({0x0102, 0x0115, 0xB001, 0xB020, 0xB027, 0xB02A}),
    b"OLYMP": frozenset({0x20100100, 0x20100101, 0x20100201, 0x20100202, 0x20100203}),
    b"OM SYSTEM": frozenset({0x20100100, 0x20100101, 0x20100201, 0x20100202, 0x20100203}),
    b"Panasonic": frozenset({0x25, 0x51, 0x52, 0x53, 0x54}),
    b"FUJIFILM": frozenset({0, 0x10, 0x1404, 0x1405, 0x1406, 0x1407}),
    b"PENTAX": frozenset({0, 5, 0x3F, 0x207, 0x229}),
    b"AOC\0": frozenset({0, 5, 0x3F, 0x207, 0x229}),
    b"": frozenset({1, 2, 4, 6, 7, 9, 0x0C, 0x10, 0x83, 0x84, 0x95, 0x96, 0x93, 0x10C}),
}
"""Of each maker, what names the lens, the body and the settings: what is kept longest."""


@dataclass(frozen=True)
class Chosen:
    """tags: the header's; section: META. warnings: what is not stored though the RAW has it, a line each."""

    tags: bytes
    section: bytes
    warnings: tuple[str, ...] = ()


def chosen(raw: RawImage, jpeg: Jpeg, own: bool, wanted: str, size: int | None) -> Chosen:
    """What the stream says of a RAW.

    jpeg: the carrier; own: whether it is the RAW's preview or a rendering of it by us. wanted: "auto", "all" (the place
    too, whatever the JPEG has), "whole" (all of the note) or "none". size: bytes that the RAW may take, if that is
    asked for.
    """
    technical = {tag: v for tag, v in raw.ifd0_tags.items() if (IFD0, tag) not in ABOUT_THE_SHOT}
    header = pack_tags(replace(raw, ifd0_tags=technical, exif_tags={}))
    whole = Meta.of(raw)
    closed = {(ifd, tag) for ifd, tag, _ in tags.TAGS}
    of_the_mosaic = {tag: v for tag, v in whole.raw_tags.items() if (RAW, tag) not in closed}
    warnings, profiles = [], whole.profiles
    while profiles and len(Meta(profiles=profiles).to_bytes()) > PROFILE_ROOM:
        profiles = profiles[:-1]
    if len(profiles) < len(whole.profiles):
        warnings.append(f"{len(whole.profiles) - len(profiles)} further camera profiles are too large to be stored")
    if wanted == "none":
        return Chosen(header, Meta(raw_tags=of_the_mosaic, profiles=profiles).to_bytes(), tuple(warnings))
    gps = whole.gps_tags
    if gps and wanted in ("auto", "whole") and not own and not _has_place(jpeg):
        warnings.append("the RAW's place (GPS) is not stored, since the JPEG has none; --gps stores it")
        gps = {}
    shot = {tag: v for tag, v in whole.ifd0_tags.items() if (IFD0, tag) in ABOUT_THE_SHOT or (IFD0, tag) not in closed}
    for names, of in ((XMP, "XMP"), (IPTC, "IPTC")):
        if names in shot and len(Meta({names: shot[names]}).to_bytes()) > WRITTEN_ROOM:
            warnings.append(f"the RAW's {of} is too large to be stored")
            del shot[names]
    meta = Meta(shot, of_the_mosaic, whole.exif_tags, gps, None, profiles)
    bare = Meta({tag: v for tag, v in shot.items() if tag not in (XMP, IPTC, PRIVATE_DATA)}, {}, whole.exif_tags, gps)
    room = WHOLE_ROOM if wanted == "whole" else min(ROOM, size // SHARE) if size else ROOM
    private = shot.get(PRIVATE_DATA)
    if private and len(replace(bare, ifd0_tags={**bare.ifd0_tags, PRIVATE_DATA: private}).to_bytes()) > room:
        warnings.append(f"the RAW's private data ({private.count:,} bytes) is too large to be stored")
        del shot[PRIVATE_DATA]
    elif private:
        bare = replace(bare, ifd0_tags={**bare.ifd0_tags, PRIVATE_DATA: private})
    written = {tag: v for tag, v in shot.items() if tag in (XMP, IPTC)}
    note = thinned(raw.note, replace(bare, ifd0_tags={**bare.ifd0_tags, **written}), room, bare)
    return Chosen(header, replace(meta, note=note).to_bytes(), tuple(warnings))


def thinned(note: MakerNote | None, beside: Meta, room: int, bare: Meta) -> MakerNote | None:
    """As much of the note as fits, with all that `beside` has, into so many compressed bytes: the smallest values
    first, after those that name lens and body. As many of these as fit with what `bare` has alone are kept in any
    case. None where nothing fits."""
    if note is None or len(replace(beside, note=note).to_bytes()) <= room:
        return note
    values = maker_note.flat(note)
    needed = next(some for start, some in _NEEDED.items() if note.prefix.startswith(start))
    order = sorted(values, key=lambda tag: (tag not in needed, len(values[tag].data), tag))

    def of(count: int) -> MakerNote:
        kept = {tag: values[tag] for tag in order[:count]}
        gone = sorted({*note.left_out, *(_number(tag) for tag in order[count:])})
        return maker_note.with_flat(replace(note, left_out=tuple(gone)), kept)

    def most(meta: Meta, end: int) -> int:
        """How many values fit, of the first so many."""
        low, high = 0, end + 1
        while high - low > 1:
            middle = (low + high) // 2
            fits = len(replace(meta, note=of(middle)).to_bytes()) <= room
            low, high = (middle, high) if fits else (low, middle)
        return low

    count = max(most(beside, len(order)), most(bare, len(needed & values.keys())))
    return of(count) if count else None


def strip_metadata(jpeg: bytes) -> bytes:
    """The JPEG with its RAW, which no longer says anything of the shot: no names, times, places, serial numbers.

    What the mosaic needs to be developed stays. Raises as `strip`, and StreamError where the RAW is damaged.
    """
    file = Jpeg(jpeg)
    payload = carried_stream(file)
    container = Container.from_bytes(payload)
    header = Header.from_bytes(container.sections["HEAD"])
    ifd0_tags, raw_tags, _ = unpack_tags(header.tags)
    technical = {tag: v for tag, v in ifd0_tags.items() if (IFD0, tag) not in ABOUT_THE_SHOT}
    meta, _ = Meta.of_stream(header.tags, container.sections["META"], "META" in container.lost)
    closed = {(ifd, tag) for ifd, tag, _ in tags.TAGS}
    own = {tag: v for tag, v in meta.raw_tags.items() if (RAW, tag) not in closed}
    kept = Meta(raw_tags=own, profiles=meta.profiles).to_bytes()
    packed = pack_tags(_Tags(technical, raw_tags, {}))
    head = replace(header, tags=packed).to_bytes()
    shorter = with_sections(payload, {"HEAD": head, "META": kept})
    return file.with_payload(shorter, further_boxes(shorter, share_of(file.superbox))).data


@dataclass(frozen=True)
class _Tags:
    """What `pack_tags` looks at."""

    ifd0_tags: Mapping[int, TiffValue]
    raw_tags: Mapping[int, TiffValue]
    exif_tags: Mapping[int, TiffValue]


def _number(tag: int) -> int:
    """The tag that is named as left out: the pointer's, for one of a directory below the first."""
    return tag // maker_note.BLOCK if tag >= maker_note.BLOCK else tag


def _has_place(jpeg: Jpeg) -> bool:
    ifd0 = jpeg.ifd0
    return bool(ifd0 and any(any(tag in gps.tags for tag in (2, 4)) for gps in ifd0.subs.get(tiff.GPS_IFD, [])))
