"""Exif's MakerNote: read from any file, trusting nothing, and built anew for its place in another.

Makers write a TIFF directory behind a few bytes of their own. Its offsets count from a place within the note, or from
the start of the file that the note was made in; a note that is copied to another file is then unreadable. So it is
taken apart here (`MakerNote`) and put together again. What has no such directory is kept as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..raw_image import MakerNote, TiffValue
from .tiff import ATOMS, EXIF_IFD, IFD, LONG, TYPE_SIZES, UNDEFINED, Ifd

MAKER_NOTE = 37500
MAX_NOTE = 1 << 18
MAX_VALUE = 1 << 16
MAX_ENTRIES, MAX_PREFIX = 512, 64
BLOCK = 0x10000  # a pointer's tag times this, plus a tag: a tag of a directory below the first

OWN, FILE = 0, None
# How a note begins; where its directory does (an int, or where four bytes say so: "@place", counted from the base); the
# base of its offsets (`MakerNote.base`); its byte order: where "II" or "MM" stands, "<", or "" for the file's.
_FORMS: tuple[tuple[bytes, int | str, int | None, int | str], ...] = (
    (b"Nikon\0\2", "@14", 10, 10),
    (b"Nikon\0\1", 8, FILE, "<"),
    (b"OLYMPUS\0", 12, OWN, 8),
    (b"OM SYSTEM\0\0\0", 16, OWN, 12),
    (b"OLYMP\0", 8, FILE, ""),
    (b"SONY ", 12, FILE, ""),
    (b"VHAB", 12, FILE, ""),
    (b"Panasonic\0\0\0", 12, FILE, ""),
    (b"FUJIFILM", "@8", OWN, "<"),
    (b"GENERALE", "@8", OWN, "<"),
    (b"PENTAX \0", 10, OWN, 8),
    (b"AOC\0", 6, FILE, 4),
    (b"Apple iOS\0\0\1", 14, OWN, 12),
    (b"SIGMA\0\0\0", 10, FILE, ""),
    (b"FOVEON\0\0", 10, FILE, ""),
    (b"QVC\0", 6, FILE, ""),
    (b"RICOH\0", 8, FILE, ""),
    (b"Ricoh", 8, FILE, ""),
    (b"", 0, FILE, ""),  # Canon, Minolta, the first Nikons and more: the directory at once
)
_OLYMPUS = (b"OLYMP", b"OM SYSTEM")
_OLYMPUS_DIRECTORIES = (0x2010, 0x2020, 0x2030, 0x2031, 0x2040, 0x2050)
_STALE = {
    b"Nikon": (0x11, 0xE0E, 0xE10), b"AOC\0": (2, 3, 4), b"PENTAX": (2, 3, 4), b"QVC\0": (2, 3, 4), b"SONY": (0x2001,),
}  # fmt: skip
"""Tags of previews and of where they lie, by the note's beginning: nothing of it is in the other file."""


def read_note(data: bytes, at: int, size: int, big: bool, base: int = 0) -> MakerNote | None:
    """The note of `size` bytes at `at` of `data`, where the file that its offsets count from begins at `base`.

    big: whether that file is big-endian. None for none, or one that is too large and of an unknown form.
    """
    note = data[max(at, 0) : max(at, 0) + min(size, MAX_NOTE)]
    if at < 0 or len(note) < 12:
        return None
    for magic, where, origin, order in _FORMS:
        if not note.startswith(magic):
            continue
        found = _taken_apart(data, at, note, big, (where, origin, order), base)
        if found is not None:
            return found
    return MakerNote(note, 0, False, {}) if size <= MAX_VALUE else None


def note_of(payload: bytes, ifd0: Ifd | None) -> MakerNote | None:
    """The MakerNote of the TIFF file `payload`, whose first directory is `ifd0`."""
    for exif in ifd0.subs.get(EXIF_IFD, [])[:1] if ifd0 else []:
        if MAKER_NOTE in exif.tags:
            size = len(exif.tags[MAKER_NOTE].data)
            return read_note(payload, exif.offsets[MAKER_NOTE], size, payload[:2] == b"MM")
    return None


def build_note(note: MakerNote, place: int = 0) -> bytes:
    """The note's bytes for place `place` of a little-endian TIFF file. Their number doesn't depend on the place."""
    if not note.tags and not note.subs:
        return note.prefix
    shift = place if note.base is None else -note.base
    at = len(note.prefix)
    starts: dict[int | None, int] = {None: at}
    for pointer, tags in ((None, note.tags), *note.subs.items()):
        starts[pointer] = at
        rows = len(tags) + (len(note.subs) if pointer is None else 0)
        at += 2 + 12 * rows + 4 + sum(len(v.data) + len(v.data) % 2 for v in tags.values() if len(v.data) > 4)
    pointers = {tag: TiffValue(IFD, 1, struct.pack("<I", (starts[tag] + shift) & 0xFFFFFFFF)) for tag in note.subs}
    main = _directory({**note.tags, **pointers}, starts[None], shift, note.big)
    below = (_directory(tags, starts[pointer], shift, note.big) for pointer, tags in note.subs.items())
    return b"".join([note.prefix, main, *below])


def note_value(note: MakerNote) -> TiffValue:
    """The note as the value of Exif's tag, for a place that is not known yet."""
    data = build_note(note)
    return TiffValue(UNDEFINED, len(data), data)


def merged(first: MakerNote | None, second: MakerNote | None) -> MakerNote | None:
    """The first note with what only the second of the same form has."""
    if first is None or second is None:
        return first or second
    if (first.prefix, first.base, first.big) != (second.prefix, second.base, second.big) or not first.tags:
        return first
    subs = {tag: {**second.subs.get(tag, {}), **first.subs.get(tag, {})} for tag in {**second.subs, **first.subs}}
    tags = {tag: value for tag, value in {**second.tags, **first.tags}.items() if tag not in subs}
    return replace(first, tags=tags, subs=subs, left_out=tuple(t for t in first.left_out if t not in tags))


def flat(note: MakerNote) -> dict[int, TiffValue]:
    """All values of a note by one number: those below the first directory by pointer x `BLOCK` + tag."""
    below = {pointer * BLOCK + tag: v for pointer, tags in note.subs.items() for tag, v in tags.items()}
    return {**note.tags, **below}


def with_flat(note: MakerNote, values: Mapping[int, TiffValue]) -> MakerNote:
    """The note with these values instead of its own; inverse of `flat`."""
    subs: dict[int, dict[int, TiffValue]] = {}
    for number, value in values.items():
        if number >= BLOCK:
            subs.setdefault(number // BLOCK, {})[number % BLOCK] = value
    tags = {tag: v for tag, v in values.items() if tag < BLOCK and tag not in subs}
    return replace(note, tags=tags, subs=subs)


def _taken_apart(
    data: bytes, at: int, note: bytes, big: bool, form: tuple[int | str, int | None, int | str], base: int
) -> MakerNote | None:
    """A note of a form; None where it is not."""
    where, origin, order = form
    if isinstance(order, int):
        mark = note[order : order + 2]
        big = mark == b"MM" if mark in (b"II", b"MM") else big
    elif order == "<":
        big = False
    sign = ">" if big else "<"
    if isinstance(where, str):
        place = int(where[1:])
        start = (origin or 0) + int(struct.unpack_from(sign + "I", note.ljust(place + 4, b"\0"), place)[0])
    else:
        start = where
    if not start <= min(MAX_PREFIX, len(note)):
        return None
    zero = base if origin is None else at + origin
    tags, pointed, left, fair = _entries(data, at + start, sign, zero)
    if not fair:
        return None
    stale = {tag for name, some in _STALE.items() if note.startswith(name) for tag in some if tag in tags}
    left += [tag for tag in stale if len(tags[tag].data) > 4]
    tags = {tag: value for tag, value in tags.items() if tag not in stale}
    subs: dict[int, dict[int, TiffValue]] = {}
    if note.startswith(_OLYMPUS):
        for tag in _OLYMPUS_DIRECTORIES:
            if tag in pointed:
                below, _, missing, fine = _entries(data, pointed[tag], sign, zero)
                if fine and below:
                    subs[tag] = below
                    left += missing
                tags.pop(tag, None)
                left = [t for t in left if t != tag]
    prefix, keeps = note[:start], isinstance(order, int) and big
    return MakerNote(prefix, origin, keeps, tags, subs, tuple(sorted(set(left))))


def _entries(
    data: bytes, at: int, sign: str, zero: int
) -> tuple[dict[int, TiffValue], dict[int, int], list[int], bool]:
    """(values, tag -> where its value or directory lies, tags that are too large, whether it is a directory)."""
    if not 0 <= at <= len(data) - 2:
        return {}, {}, [], False
    count = int(struct.unpack_from(sign + "H", data, at)[0])
    if not 0 < count <= MAX_ENTRIES:
        return {}, {}, [], False
    tags: dict[int, TiffValue] = {}
    places: dict[int, int] = {}
    left: list[int] = []
    wrong, room = 0, MAX_NOTE
    for entry in range(at + 2, min(at + 2 + 12 * count, len(data) - 11), 12):
        tag, kind, number, offset = struct.unpack_from(sign + "HHII", data, entry)
        size = TYPE_SIZES.get(kind, 0) * number
        place = entry + 8 if size <= 4 else zero + offset
        if kind > IFD or not size or tag in tags or not 0 <= place <= len(data) - size:
            wrong += 1
            continue
        places[tag] = zero + offset if kind in (IFD, LONG) and number == 1 else place
        if size > min(MAX_VALUE, room):
            left.append(tag)
            continue
        room -= size
        atoms = np.frombuffer(data, sign + ATOMS[kind], size // np.dtype(ATOMS[kind]).itemsize, place)
        tags[tag] = TiffValue(kind, number, atoms.astype("<" + ATOMS[kind]).tobytes())
    return tags, places, left, bool(tags) and wrong <= max(1, count // 4)


def _directory(tags: Mapping[int, TiffValue], start: int, shift: int, big: bool) -> bytes:
    sign = ">" if big else "<"
    at = start + 2 + 12 * len(tags) + 4
    table, values = [struct.pack(sign + "H", len(tags))], []
    for tag in sorted(tags):
        value = tags[tag]
        atoms = np.frombuffer(value.data, "<" + ATOMS[value.type])
        data = atoms.astype(sign + ATOMS[value.type]).tobytes()
        table.append(struct.pack(sign + "HHI", tag, value.type, value.count))
        if len(data) <= 4:
            table.append(data.ljust(4, b"\0"))
        else:
            table.append(struct.pack(sign + "I", (at + shift) & 0xFFFFFFFF))
            values.append(data + b"\0" * (len(data) % 2))
            at += len(values[-1])
    return b"".join([*table, bytes(4), *values])
