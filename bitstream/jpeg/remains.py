"""What is left of the superbox in a damaged JPEG, found by its segments' own heads rather than by walking the file.

Each segment says which part of which superbox it holds (docs/bitstream.md, 1.2), so one that is lost, doubled, in the
wrong place, with a wrong length or from another JPEG is told from the rest, and every other part finds its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..stream import head_copy
from ..stream.container import INDEX
from ..stream.head_copy import Block
from .jumbf import EN, HEADER, PART, PAYLOAD_AT
from .parts import aligned_ends, bounds_of, full_ends
from .segments import APP11, SOS

HEAD = re.compile(rb"JP" + re.escape(EN.to_bytes(2, "big")) + rb"(.{4})(.{4})jumb", re.DOTALL)
MARKER = 4  # bytes of marker and length before a segment's payload
STEP = MARKER + HEADER.size  # from the end of a part to the beginning of the next
ALIKE = 14  # bytes of a segment's 20 first that must be right, where the place says that it is one
FLIPPED = 3  # bits of it
MARKERS = re.compile(rb"\xff[\xc0-\xfe]")
MOST_PARTS, MOST_BOXES, MOST_COPIES = 70_000, 4, 4

Head = tuple[int, int, int]
"""Where the head of a part stands in the file, which part it says it is, and of a superbox of how many bytes."""


@dataclass(frozen=True)
class Remains:
    """contents: of the superbox, zeros where something is missing; others: parts of which there are several variants,
    the one that is in `contents` first; ends: of the parts; notes: what was found, for people; bare: the file without
    our segments; strange: segments of other RAWs that are there too."""

    contents: bytes
    others: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    ends: Sequence[int] = ()
    notes: tuple[str, ...] = ()
    bare: bytes = b""
    strange: int = 0

    def with_part(self, contents: bytes, part: int, data: bytes) -> bytes:
        """Contents with another variant of a part."""
        whole = bytearray(contents)
        _put(whole, start_of(self.ends, part), data)
        return bytes(whole)


def remains_in(data: bytes) -> Iterator[Remains]:
    """What is left in a JPEG, of the box that most segments belong to first; nothing where there is none."""
    found = [
        (match.start(), int.from_bytes(match[1], "big"), int.from_bytes(match[2], "big"))
        for match in HEAD.finditer(data)
    ]
    for length, _ in Counter(box for _, _, box in found).most_common(MOST_BOXES):
        if 8 < length <= MOST_PARTS * PART and length - 8 <= 2 * len(data) + PART * 64:
            for ends in _layouts(data, found, length):
                remains = _of_a_box(data, found, length, ends)
                if remains:
                    yield remains


def _layouts(data: bytes, found: Sequence[Head], length: int) -> list[list[int]]:
    """Where the parts of a superbox may end, the likelier way first.

    Part 1 and the copy of the head lead to the index, and so to where tiles end; the parts' own sizes tell whether that
    is where they end too.
    """
    full = full_ends(length - 8)
    pieces = _pieces(data, found, length)
    aligned = _aligned(pieces, length - 8)
    if aligned is None or aligned == full:
        return [full]

    def agreeing(ends: list[int]) -> int:
        return sum(z <= len(ends) and len(piece) == size_of(ends, z) for z, piece in pieces.items())

    return sorted((aligned, full), key=agreeing, reverse=True)


def _pieces(data: bytes, found: Sequence[Head], length: int) -> dict[int, bytes]:
    """What stands behind the first head of each part, as far as its segment and the next head leave it."""
    stops = [*(at - MARKER for at, _, _ in found[1:]), len(data)]
    pieces: dict[int, bytes] = {}
    for (at, z, box), stop in zip(found, stops, strict=True):
        if box == length:
            start, told = at + HEADER.size, at - 2 + int.from_bytes(data[at - 2 : at], "big")
            pieces.setdefault(z, data[start : told if start < told <= stop else min(stop, start + PART)])
    return pieces


def _aligned(pieces: Mapping[int, bytes], total: int) -> list[int] | None:
    """Where the parts end if they end where tiles do; None where no index can be had."""
    copies = [(z, piece.rfind(head_copy.UUID)) for z, piece in pieces.items() if head_copy.UUID in piece]
    begins = [(z, at + len(head_copy.UUID)) for z, at in copies[-MOST_COPIES:]]
    sound: dict[bytes, Block] = {}
    for z, at in [*begins, (1, PAYLOAD_AT)]:
        joined = b"".join(_following(pieces, z))
        sound.update((block.letter, block) for block in head_copy.blocks(joined, at) if block.intact)
    if b"H" not in sound or INDEX not in sound:
        return None
    bounds = bounds_of(sound[b"H"], sound[INDEX])
    return aligned_ends(bounds, total) if bounds and bounds[-1] <= total else None


def _following(pieces: Mapping[int, bytes], z: int) -> Iterator[bytes]:
    while z in pieces:
        yield pieces[z]
        z += 1


def _of_a_box(data: bytes, found: Sequence[Head], length: int, ends: Sequence[int]) -> Remains | None:
    """What is left of a superbox of so many bytes whose parts end there."""
    parts = len(ends)
    strange = sum(box != length for _, _, box in found)
    places = sorted((at, z) for at, z, box in found if box == length and 1 <= z <= parts)
    often = Counter(z for _, z in places)
    sure = {at for at, z in places if often[z] == 1}
    places += _overlooked(data, places, sure, length, ends)
    if not places:
        return None
    places.sort()
    starts = sorted({at for at, _ in places})
    stops = dict(zip(starts, [*starts[1:], len(data) + MARKER], strict=True))
    variants: dict[int, list[bytes]] = {}
    cuts = []
    for at, z in places:
        start = at + HEADER.size
        end = min(start + size_of(ends, z), max(start, stops[at] - MARKER))
        cuts.append((at - MARKER, end))
        if data[start:end] not in variants.setdefault(z, []):
            variants[z].append(data[start:end])
    contents = bytearray(length - 8)
    for z, choices in variants.items():
        choices.sort(key=len, reverse=True)
        _put(contents, start_of(ends, z), choices[0])
    missing = parts - len(variants)
    notes = [f"{missing} of {parts} segments of the RAW are missing"] if missing else []
    notes += [f"{strange} segments of another RAW are among them"] if strange else []
    others = {z: tuple(choices) for z, choices in variants.items() if len(choices) > 1}
    notes += [f"{len(others)} segments are there twice, with different contents"] if others else []
    return Remains(bytes(contents), others, ends, tuple(notes), _without(data, cuts), strange)


def start_of(ends: Sequence[int], part: int) -> int:
    """Where a part, from 1, begins in the contents."""
    return ends[part - 2] if part > 1 else 0


def size_of(ends: Sequence[int], part: int) -> int:
    """Bytes of a part."""
    return ends[part - 1] - start_of(ends, part)


def _put(contents: bytearray, at: int, data: bytes) -> None:
    contents[at : at + len(data)] = data


def _overlooked(
    data: bytes, places: list[tuple[int, int]], sure: set[int], length: int, ends: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Parts whose heads are damaged, but which lie where their neighbours say that they should.

    sure: places of parts that are what they say.
    """
    there = {z for _, z in places}
    for at, z in places:
        for way in (1, -1):
            other, place = z + way, at
            while 1 <= other <= len(ends) and other not in there:
                place += way * (STEP + size_of(ends, min(other, other - way)))
                if place in sure or not MARKER <= place < len(data):
                    break
                wanted = bytes((0xFF, APP11)) + (2 + HEADER.size + size_of(ends, other)).to_bytes(2, "big")
                wanted += HEADER.pack(b"JP", EN, other, length, b"jumb")
                if not _alike(wanted, data[place - MARKER : place - MARKER + len(wanted)]):
                    break
                there.add(other)
                yield place, other
                other += way


def _alike(wanted: bytes, there: bytes) -> bool:
    """Whether a segment's head may once have been the one that is wanted: what is sound of it must be that."""
    if HEAD.search(there):  # a sound head: of another RAW, unless a few bits are wrong
        return (int.from_bytes(wanted, "big") ^ int.from_bytes(there, "big")).bit_count() <= FLIPPED
    return sum(a == b for a, b in zip(wanted, there, strict=False)) >= ALIKE


def _without(data: bytes, cuts: list[tuple[int, int]]) -> bytes:
    """The file without the parts' segments; where it can't be walked through then, without what is in the way too.

    Damage to our first or last segment leaves a piece of it before the first cut, or hides where the last one ends.
    """
    cuts = sorted(cuts)
    start, end = cuts[-1]
    if _walked(data, end) >= 0:
        places = (match.start() for match in MARKERS.finditer(data, start, end + STEP + PART))
        cuts[-1] = start, next((at for at in places if _walked(data, at) < 0), end)
    stop = _walked(data, 2)
    if 0 <= stop < cuts[0][0]:
        cuts[0] = stop, cuts[0][1]
    parts, at = [], 0
    for start, end in cuts:
        parts.append(data[at : max(at, start)])
        at = max(at, end)
    return b"".join([*parts, data[at:]])


def _walked(data: bytes, at: int) -> int:
    """The place from which on a walk from marker to marker fails; -1 where it comes to a scan."""
    while data[at : at + 1] == b"\xff" and len(data) >= at + 4:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SOS:
            return -1 if data[at + 4 : at + 5] == bytes([(length - 6) // 2 & 255]) and 8 <= length <= 14 else at
        if marker < 0xC0 or 0xD0 <= marker <= 0xD9 or length < 2 or at + 2 + length > len(data):
            break
        at += 2 + length
    return at
