"""Numbers in a JPEG's metadata that say where something behind its picture lies, or how long the picture is.

Whoever makes the file longer in front of its scans has to mend them:

======================================  ============================================================================
number                                  counts from
======================================  ============================================================================
MPF: size of image 1 (CIPA DC-007, 5.2)  SOI; it grows with the file
MPF: offsets of further images          MPF's TIFF header; in some files from SOI
Exif: JPEGInterchangeFormat of IFD1     Exif's TIFF header
a MakerNote's preview, behind the EOI   Exif's TIFF header, or the note's own beginning (Olympus), or SOI
======================================  ============================================================================

MakerNotes are read by their common form only (a TIFF directory behind a header of up to 18 bytes), so a number counts
as an offset where a JPEG begins there, behind the header of the file: 32 bits hit one by accident as good as never.
Lengths and offsets from the file's end (motion photos, Ultra HDR's items, Samsung's trailer) need no mending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from .segments import APP1, APP2, Segment

MPF_HEADER = b"MPF\0"
EXIF_HEADER = b"Exif\0\0"

# As in `bitstream.tiff`, which needs NumPy; `strip` is done before that is loaded.
BYTE, LONG, UNDEFINED, IFD = 1, 4, 7, 13
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}

MAX_DIRECTORIES, MAX_ENTRIES, MAX_IMAGES = 32, 512, 256
NOTE_HEADERS = (0, 6, 8, 10, 12, 16, 18)
"""Lengths of what stands before a MakerNote's directory: Minolta and Canon none, Casio and Pentax 6, old Olympus 8, new
Pentax 10, Sony, Panasonic and Olympus 12, OM System 16, Nikon 18."""
SONY_HEADER = 32
"""Bytes before the JPEG in the block that Sony's tag 0x2001 leads to."""
LEAST_PREVIEW = 1024  # bytes
EXIF_IFD, MAKER_NOTE, THUMBNAIL, MP_ENTRY = 34665, 37500, 0x0201, 0xB002
PREVIEW_STARTS = frozenset({0x0088, 0x0101, 0x1036, 0x0201})
"""Tags of MakerNotes (Minolta, Olympus) whose number is a preview's place; the next tag is its length."""

Order = Literal["little", "big"]


@dataclass(frozen=True)
class Number:
    """Four bytes of the file.

    at: where they stand; order: their byte order; value: what they say. base: the place in the file that an offset
    counts from; None for a size of image 1, which counts from the file's start to the end of its first picture.
    """

    at: int
    order: Order
    value: int
    base: int | None


@dataclass(frozen=True)
class Pointers:
    """numbers: what has to be mended. doubts: what may be wrong in a longer file, and isn't understood; for people."""

    numbers: tuple[Number, ...]
    doubts: tuple[str, ...]


def find_pointers(segments: Sequence[Segment], strict: bool = False) -> Pointers:
    """All of a JPEG's, whose segments these are; no four bytes twice.

    strict: of MPF the size alone, and only where image 1 is the first entry: what version 0.1.0 mended.
    """
    numbers: list[Number] = []
    doubts: list[str] = []
    for segment in segments:
        if segment.marker == APP2 and segment.payload.startswith(MPF_HEADER):
            _mpf(segment, segments[-1].end, numbers, doubts, strict)
        elif segment.marker == APP1 and segment.payload.startswith(EXIF_HEADER):
            _Exif(segment, segments[-1].end, numbers, doubts).look()
    apart: list[Number] = []
    for number in sorted(numbers, key=lambda n: n.at):
        if not apart or number.at >= apart[-1].at + 4:
            apart.append(number)
    return Pointers(tuple(apart), tuple(dict.fromkeys(doubts)))


def _order(tiff_header: bytes) -> Order | None:
    return {b"II*\0": "little", b"MM\0*": "big"}.get(tiff_header[:4])  # type: ignore[return-value]


def _is_picture(data: bytes, at: int, least: int, loose: bool = False) -> bool:
    """Whether a JPEG begins at `at`, behind `least`; loose: with any first byte, as Minolta and Sony write."""
    if not least <= at <= len(data) - 4:
        return False
    return data[at + 1 : at + 3] == b"\xd8\xff" and (loose or data[at] == 0xFF)


# ---------------------------------------------------------------------------------------------------- MPF


def _mpf(segment: Segment, scan: int, numbers: list[Number], doubts: list[str], strict: bool) -> None:
    """Image 1's size in an MPF segment, and the further images' offsets; scan: where the file's header ends."""
    data, base = segment.data, segment.first + len(MPF_HEADER)
    tiff_file = data[base : segment.end]
    order = _order(tiff_file)
    if order is None:
        return
    images = _mp_entries(tiff_file, order)
    known = [(at, *(int.from_bytes(tiff_file[at + k : at + k + 4], order) for k in (4, 8))) for at in images]
    first = [(at, size) for at, size, offset in (known[:1] if strict else known) if offset == 0]
    # Further entries of offset 0 are blanks; so is any where image 1's has a size.
    for at, size in sorted(first, key=lambda image: image[1] == 0)[:1]:
        numbers.append(Number(base + at + 4, order, size, None))
    for at, size, offset in known:
        if offset == 0 or strict:
            continue
        start = next((b for b in (base, 0) if _is_picture(data, b + offset, scan)), None)
        if start is not None:
            numbers.append(Number(base + at + 8, order, offset, start))
        elif size and scan <= base + offset < len(data):
            doubts.append("its MPF index names a further picture that is not where it says")


def _mp_entries(tiff_file: bytes, order: Order) -> list[int]:
    """Where the entries of the images (tag 0xB002) stand: attributes, size, offset, each u32, and two u16."""

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff_file[at : at + size], order)

    ifd = number(4, 4)
    end = ifd + 2 + 12 * number(ifd, 2)
    for entry in range(ifd + 2, min(end, len(tiff_file) + 1) - 11, 12):
        if number(entry, 2) == MP_ENTRY and number(entry + 4, 4) >= 16:
            first = number(entry + 8, 4)
            count = min(number(entry + 4, 4) // 16, MAX_IMAGES, max(0, len(tiff_file) - first) // 16)
            # A patch inside the directory itself could not be undone.
            if first >= 8 and (first >= end or first + 16 * count <= ifd):
                return [first + 16 * k for k in range(count)]
            return []
    return []


# ---------------------------------------------------------------------------------------------------- Exif


class _Exif:
    """A walk through the directories of an Exif segment, its MakerNote's included."""

    def __init__(self, segment: Segment, scan: int, numbers: list[Number], doubts: list[str]) -> None:
        self.data, self.scan, self.numbers, self.doubts = segment.data, scan, numbers, doubts
        self.base, self.end = segment.first + len(EXIF_HEADER), segment.end
        self.seen: set[int] = set()

    def look(self) -> None:
        """Find the numbers."""
        order = _order(self.data[self.base : self.base + 4])
        if order is None:
            return
        ifd = self.base + self.number(self.base + 4, 4, order)
        while (count := self.count(ifd, order)) and ifd not in self.seen and len(self.seen) < MAX_DIRECTORIES:
            for tag, _, _, at in self.entries(ifd, order):
                if tag == THUMBNAIL:
                    self.offset(at, order, (self.base, 0), (0,), what="its Exif thumbnail")
                elif tag == EXIF_IFD:
                    self.exif(self.base + self.number(at, 4, order), order)
            link = self.number(ifd + 2 + 12 * count, 4, order)
            ifd = self.base + link if link else 0

    def exif(self, ifd: int, order: Order) -> None:
        """The Exif directory: its MakerNote."""
        for tag, _, size, at in self.entries(ifd, order):
            if tag == MAKER_NOTE and size > 4:
                start = self.base + self.number(at, 4, order)
                if self.base < start < self.end:
                    self.note(start, min(start + size, self.end))

    def note(self, start: int, end: int) -> None:
        """A MakerNote at data[start:end]: the first directory that makes sense, and one level below."""
        orders: tuple[Order, ...] = ("little", "big")
        places = [(start + head, order) for head in NOTE_HEADERS for order in orders]
        found = next(((ifd, order) for ifd, order in places if self.makes_sense(ifd, end, order)), None)
        if found is None:
            return
        ifd, order = found
        bases = (self.base, start, start + 10, 0)
        below = self.directory(ifd, order, bases)
        for ifd in below:
            if start < ifd < end and self.makes_sense(ifd, end, order):
                self.directory(ifd, order, bases)

    def directory(self, ifd: int, order: Order, bases: tuple[int, ...]) -> list[int]:
        """The numbers of a MakerNote's directory; where directories below it may stand."""
        below = []
        found = {tag: (kind, size, at) for tag, kind, size, at in self.entries(ifd, order)}
        for tag, (kind, size, at) in found.items():
            value = self.number(at, 4, order)
            if kind in (LONG, IFD) and size == 4:
                known = tag in PREVIEW_STARTS and found.get(tag + 1, (0,))[0] == LONG
                length = self.number(found[tag + 1][2], 4, order) if known else 0
                surely = known and self.base + value + length <= len(self.data)
                self.offset(at, order, bases, (0,), known, "a preview of its MakerNote" if surely else "")
            elif kind in (UNDEFINED, BYTE) and size > 4:
                if size >= LEAST_PREVIEW and value + size <= len(self.data):
                    self.offset(at, order, bases, (0, SONY_HEADER), True, "a block of its MakerNote")
            else:
                continue
            below += [base + value for base in bases[:2]]
        return below

    def offset(
        self, at: int, order: Order, bases: tuple[int, ...], heads: tuple[int, ...], loose: bool = False,
        what: str = "",
    ) -> None:  # fmt: skip
        """Take the four bytes at `at` for an offset if a JPEG begins where they lead, or `heads` bytes behind that.

        what: what they surely lead to, if anything: where none begins there, but behind the picture, a doubt.
        """
        value = self.number(at, 4, order)
        for base in bases:
            if any(_is_picture(self.data, base + value + head, self.scan, loose) for head in heads):
                self.numbers.append(Number(at, order, value, base))
                return
        if what and self.scan <= self.base + value < len(self.data):
            self.doubts.append(f"{what} is not where its offset says, behind the picture")

    def makes_sense(self, ifd: int, end: int, order: Order) -> bool:
        """Whether a directory may stand there, in a MakerNote that ends at `end`."""
        count = self.count(ifd, order)
        if not count or ifd + 2 + 12 * count > end:
            return False
        kinds = [self.number(ifd + 4 + 12 * k, 2, order) for k in range(count)]
        return all(kind in TYPE_SIZES for kind in kinds)

    def count(self, ifd: int, order: Order) -> int:
        """Entries of the directory at `ifd`; 0 where there can't be one."""
        if not self.base <= ifd <= self.end - 2:
            return 0
        count = self.number(ifd, 2, order)
        return count if count <= MAX_ENTRIES and ifd + 2 + 12 * count <= self.end else 0

    def entries(self, ifd: int, order: Order) -> Iterator[tuple[int, int, int, int]]:
        """(tag, type, bytes of the value, where its four bytes stand) of each; nothing of a directory seen before."""
        if ifd in self.seen or len(self.seen) >= MAX_DIRECTORIES:
            return
        self.seen.add(ifd)
        for k in range(self.count(ifd, order)):
            at = ifd + 2 + 12 * k
            tag, kind = self.number(at, 2, order), self.number(at + 2, 2, order)
            yield tag, kind, TYPE_SIZES.get(kind, 0) * self.number(at + 4, 4, order), at + 8

    def number(self, at: int, size: int, order: Order) -> int:
        """A number of the file."""
        return int.from_bytes(self.data[at : at + size], order)
