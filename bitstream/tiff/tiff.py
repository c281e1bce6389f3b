"""Classic TIFF 6.0: a reader of IFD trees that trusts nothing, and a writer of them.

The reader serves camera RAWs and the Exif of JPEGs, which in the wild are often slightly wrong: an entry that cannot be
right (unknown type, outside the file, over the limits) is left out, and the rest is read. It costs at most `MAX_IFDS`
directories and `MAX_VALUE_BYTES` of values, whatever the file says. Values are given in little-endian order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..raw_image import TiffValue

BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE, IFD = range(1, 14)
UTF8 = 129  # Exif 3.0

# Bytes of one value, and the numpy type of its atoms (a rational is two).
TYPE_SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, SBYTE: 1, UNDEFINED: 1, SSHORT: 2, SLONG: 4,
              SRATIONAL: 8, FLOAT: 4, DOUBLE: 8, IFD: 4, UTF8: 1}
ATOMS = {BYTE: "u1", ASCII: "u1", SHORT: "u2", LONG: "u4", RATIONAL: "u4", SBYTE: "i1", UNDEFINED: "u1", SSHORT: "i2",
         SLONG: "i4", SRATIONAL: "i4", FLOAT: "f4", DOUBLE: "f8", IFD: "u4", UTF8: "u1"}

SUB_IFDS, EXIF_IFD, GPS_IFD = 330, 34665, 34853
POINTERS = (SUB_IFDS, EXIF_IFD, GPS_IFD)
MAGICS = (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")  # TIFF; Olympus and Panasonic only changed the 42

MAX_IFDS = 64
MAX_ENTRIES = 1024
MAX_DEPTH = 4
MAX_VALUE_BYTES = 32 << 20


@dataclass
class Ifd:
    """One image file directory.

    tags: tag -> value, pointers to other directories excepted.
    subs: pointer tag (330, 34665, 34853) -> the directories it leads to.
    chunks: strips or tiles to be written after the directories; `chunk_tags` names the (offsets, byte counts) tags.
        The reader leaves it empty.
    offsets: tag -> where the value lies in the file that was read.
    placed: tag -> what makes its value's bytes, as many as it has, of the place where they will lie. attached: tag ->
        blocks that are written behind all else, to whose places it points. The reader leaves both empty.
    following: of the first directory of a file that was read, those that it links to.
    """

    tags: dict[int, TiffValue] = field(default_factory=dict)
    subs: dict[int, list[Ifd]] = field(default_factory=dict)
    chunks: Sequence[bytes] = ()
    chunk_tags: tuple[int, int] = (273, 279)
    offsets: dict[int, int] = field(default_factory=dict)
    placed: dict[int, Callable[[int], bytes]] = field(default_factory=dict)
    attached: dict[int, Sequence[bytes]] = field(default_factory=dict)
    following: Sequence[Ifd] = ()

    def walk(self) -> list[Ifd]:
        """This directory and all below it, depth first."""
        return [self, *(below for subs in self.subs.values() for sub in subs for below in sub.walk())]

    def all(self) -> list[Ifd]:
        """All directories of a file, whose first one this is."""
        return [below for ifd in (self, *self.following) for below in ifd.walk()]


# ---------------------------------------------------------------------------------------------------- values


def pack_value(kind: int, *numbers: float) -> TiffValue:
    """A value of TIFF type `kind` of whole or floating numbers; rationals are given as numerator, denominator, ..."""
    data = np.asarray(numbers).astype("<" + ATOMS[kind]).tobytes()
    return TiffValue(kind, len(data) // TYPE_SIZES[kind], data)


def pack_ascii(text: str) -> TiffValue:
    """A NUL-terminated ASCII value; other characters become question marks."""
    data = text.encode("ascii", "replace").replace(b"\0", b"") + b"\0"
    return TiffValue(ASCII, len(data), data)


def value_numbers(value: TiffValue) -> list[float]:
    """The numbers of a value: rationals divided (a zero denominator gives nan), text and bytes as their codes."""
    atoms = np.frombuffer(value.data, "<" + ATOMS[value.type])
    if value.type in (RATIONAL, SRATIONAL):
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = atoms[0::2] / atoms[1::2].astype(np.float64)
        return [float(q) if np.isfinite(q) else float("nan") for q in quotient]
    return [x.item() for x in atoms]


def value_text(value: TiffValue) -> str:
    """The text of a value up to its first NUL, without blanks around it."""
    text = value.data.split(b"\0")[0]
    try:
        return text.decode().strip()
    except UnicodeDecodeError:
        return text.decode("latin-1").strip()


# ---------------------------------------------------------------------------------------------------- reading


def is_tiff(data: bytes) -> bool:
    """Whether `data` starts like a TIFF file or one of the camera makers' variants of it."""
    return data[:4] in MAGICS


def read_tiff(data: bytes) -> list[Ifd]:
    """The main chain of directories of a TIFF file, each with its SubIFDs, Exif and GPS directories.

    Raises InputError when `data` has no TIFF header or no readable first directory.
    """
    if not is_tiff(data) or len(data) < 14:
        raise InputError("not a TIFF file")
    reader = _Reader(data, "<" if data[:2] == b"II" else ">")
    chain = reader.chain(reader.u32(4), depth=0)
    if not chain:
        raise InputError("the TIFF file has no readable directory")
    chain[0].following = chain[1:]
    return chain


class _Reader:
    """Reading state: which directories were met already, and how many bytes of values may still be copied."""

    def __init__(self, data: bytes, order: str) -> None:
        self.data = data
        self.order = order
        self.seen: set[int] = set()
        self.value_budget = MAX_VALUE_BYTES

    def u32(self, at: int) -> int:
        return int(struct.unpack_from(self.order + "I", self.data, at)[0])

    def chain(self, offset: int, depth: int) -> list[Ifd]:
        """The directories linked from `offset` by their next-directory fields."""
        out = []
        while offset:
            ifd = self.ifd(offset, depth)
            if ifd is None:
                break
            out.append(ifd)
            link = offset + 2 + 12 * int(struct.unpack_from(self.order + "H", self.data, offset)[0])
            offset = self.u32(link) if link + 4 <= len(self.data) else 0
        return out

    def ifd(self, offset: int, depth: int) -> Ifd | None:
        if offset in self.seen or len(self.seen) >= MAX_IFDS or not 8 <= offset <= len(self.data) - 2:
            return None
        self.seen.add(offset)
        count = int(struct.unpack_from(self.order + "H", self.data, offset)[0])
        if not 0 < count <= MAX_ENTRIES:
            return None
        ifd = Ifd()
        for at in range(offset + 2, min(offset + 2 + 12 * count, len(self.data) - 11), 12):
            self.entry(ifd, at, depth)
        return ifd

    def entry(self, ifd: Ifd, at: int, depth: int) -> None:
        tag, kind, count = struct.unpack_from(self.order + "HHI", self.data, at)
        size = TYPE_SIZES.get(kind, 0) * count
        where = at + 8 if size <= 4 else self.u32(at + 8)
        if tag in ifd.tags or not 0 < size <= self.value_budget or where + size > len(self.data):
            return
        self.value_budget -= size
        atoms = np.frombuffer(self.data, self.order + ATOMS[kind], size // np.dtype(ATOMS[kind]).itemsize, where)
        value = TiffValue(kind, count, atoms.astype("<" + ATOMS[kind]).tobytes())
        if tag in POINTERS:
            if kind in (LONG, IFD) and depth < MAX_DEPTH:
                subs = [self.ifd(int(o), depth + 1) for o in atoms[:MAX_IFDS]]
                ifd.subs[tag] = [s for s in subs if s is not None]
        else:
            ifd.tags[tag] = value
            ifd.offsets[tag] = where


# ---------------------------------------------------------------------------------------------------- writing


def write_tiff(root: Ifd) -> bytes:
    """A little-endian TIFF file of one main directory and those below it.

    Tags ascend, values and chunks lie at even offsets; all directories come first, then the chunks, so that metadata
    can be read from the start of the file. Raises InputError over 4 GiB.
    """
    ifds = root.walk()
    tables = [_table_shape(ifd) for ifd in ifds]
    starts, end = [], 8
    for n, values in tables:
        starts.append(end)
        end += 2 + 12 * n + 4 + values
    blocks_at: list[list[int]] = []
    for ifd in ifds:
        blocks_at.append([])
        for block in _blocks(ifd):
            blocks_at[-1].append(end)
            end += len(block) + len(block) % 2
    if end >= 1 << 32:
        raise InputError("the image is too large for a TIFF file of 4 GiB")
    place = {id(ifd): start for ifd, start in zip(ifds, starts, strict=True)}
    parts = [b"II*\0" + struct.pack("<I", 8)]
    for ifd, start, at in zip(ifds, starts, blocks_at, strict=True):
        parts.append(_directory(_entries(ifd, place, at), start, ifd.placed))
    for ifd in ifds:
        parts.extend(bytes(block) + b"\0" * (len(block) % 2) for block in _blocks(ifd))
    return b"".join(parts)


def _blocks(ifd: Ifd) -> list[bytes]:
    """What is written behind the directories: the chunks, then what is attached."""
    return [*ifd.chunks, *(block for blocks in ifd.attached.values() for block in blocks)]


def _entries(ifd: Ifd, place: dict[int, int], blocks_at: list[int]) -> dict[int, TiffValue]:
    """All entries of a directory: its tags, the pointers below it, and where its blocks lie."""
    entries = dict(ifd.tags)
    for tag, subs in ifd.subs.items():
        if subs:
            entries[tag] = pack_value(LONG, *(place[id(sub)] for sub in subs))
    if ifd.chunks:
        entries[ifd.chunk_tags[0]] = pack_value(LONG, *blocks_at[: len(ifd.chunks)])
        entries[ifd.chunk_tags[1]] = pack_value(LONG, *(len(chunk) for chunk in ifd.chunks))
    rest = blocks_at[len(ifd.chunks) :]
    for tag, blocks in ifd.attached.items():
        entries[tag] = pack_value(LONG, *rest[: len(blocks)])
        rest = rest[len(blocks) :]
    return entries


def _table_shape(ifd: Ifd) -> tuple[int, int]:
    """Number of entries, and bytes of the values that do not fit into them."""
    blank = _entries(ifd, {id(sub): 0 for sub in ifd.walk()}, [0] * len(_blocks(ifd)))
    return len(blank), sum(len(v.data) + len(v.data) % 2 for v in blank.values() if len(v.data) > 4)


def _directory(entries: dict[int, TiffValue], start: int, placed: dict[int, Callable[[int], bytes]]) -> bytes:
    values_at = start + 2 + 12 * len(entries) + 4
    table, values = [struct.pack("<H", len(entries))], []
    for tag in sorted(entries):
        value = entries[tag]
        table.append(struct.pack("<HHI", tag, value.type, value.count))
        if len(value.data) <= 4:
            table.append(value.data.ljust(4, b"\0"))
        else:
            table.append(struct.pack("<I", values_at))
            data = placed[tag](values_at) if tag in placed else value.data
            values.append(data + b"\0" * (len(data) % 2))
            values_at += len(values[-1])
    return b"".join([*table, struct.pack("<I", 0), *values])
