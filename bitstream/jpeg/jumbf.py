"""One JUMBF embedded-file box in the APP11 segments of a JPEG (ISO/IEC 19566-5, its annex D; ISO/IEC 18477-3).

All numbers are big-endian. Payload of one APP11 segment (behind FF EB and the length field):

======  ====  ==========================================================================
offset  size  meaning
======  ====  ==========================================================================
0       2     "JP"
2       2     En: box instance; ours is 0x5243
4       4     Z: part, from 1
8       4     LBox: bytes of the whole superbox, these 8 included; repeated in every part
12      4     TBox: "jumb"; repeated in every part
16      n     the next bytes of the superbox's contents, at most 65 517
======  ====  ==========================================================================

Contents of the superbox, each box being LBox u32, TBox, data:

======  ====================================================================================
box     data
======  ====================================================================================
"jumd"  type UUID 40CB0C32-BB8A-489D-A70B-2AD6F47F4369, toggles 03, "org.rawinlay.raw\\0"
"bfdb"  toggles 00, "application/vnd.rawinlay\\0"
"bidb"  the payload
"uuid"  only where there are: further boxes of ours (`bitstream.jpeg.further`)
"free"  only where the last part would else be under 12 bytes: zeros
======  ====================================================================================

Where parts end, `bitstream.jpeg.parts` says. ImageMagick joins the payloads of all APP11 segments and splits them anew
at 65 533 bytes, which a reader undoes. c2pa-rs refuses a JPEG with an APP11 payload of less than 28 bytes. En is
neither C2PA's 0x0211 (c2pa-rs takes equal En for its continuation) nor the obvious 1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import InputError, StreamError
from .segments import MAX_PAYLOAD

EN = 0x5243
LABEL = b"org.rawinlay.raw"
MIME = b"application/vnd.rawinlay"
EMBEDDED_FILE = bytes.fromhex("40CB0C32BB8A489DA70B2AD6F47F4369")

HEADER = struct.Struct(">2sHIL4s")
PART = MAX_PAYLOAD - HEADER.size  # 65 517 bytes of contents in a full segment
MIN_PART = 12
MAX_LBOX = 0xFFFFFFFF  # beyond, JUMBF uses XLBox, which exiftool misreads
FIRST = HEADER.pack(b"JP", EN, 1, 0, b"")[:8]
OURS = FIRST[:4]


# ---------------------------------------------------------------------------------------------------- writing


def wrap(payload: bytes, further: bytes = b"", ends: Sequence[int] = ()) -> list[bytes]:
    """The payloads of the APP11 segments that carry `payload` and further boxes behind it, in order.

    ends: of the parts, in the contents; without them all but the last are full. Raises InputError at 4 GiB.
    """
    # The whole contents are joined once: payloads may be hundreds of megabytes.
    total = PAYLOAD_AT + len(payload) + len(further)
    ends = ends or [*range(PART, total, PART), total]
    starts = [0, *ends[:-1]]
    padding = padding_of(total - starts[-1])
    lbox = 8 + total + len(padding)
    if lbox > MAX_LBOX:
        raise InputError("the RAW data is over 4 GiB: too large for one box in a JPEG")
    whole = b"".join([contents(payload), further, padding])
    return [
        HEADER.pack(b"JP", EN, z, lbox, b"jumb") + whole[start:end]
        for z, (start, end) in enumerate(zip(starts, [*ends[:-1], len(whole)], strict=True), 1)
    ]


def padding_of(last: int) -> bytes:
    """The box that makes a last part of so many bytes long enough; nothing where it is."""
    return box(b"free", bytes(max(0, MIN_PART - last - 8))) if last < MIN_PART else b""


def contents(payload: bytes) -> bytes:
    """The superbox's contents up to the end of the box with the payload."""
    return HEAD + struct.pack(">L4s", 8 + len(payload), b"bidb") + payload


def box(kind: bytes, data: bytes) -> bytes:
    """A box with a 32-bit length."""
    return struct.pack(">L4s", 8 + len(data), kind) + data


HEAD = box(b"jumd", EMBEDDED_FILE + b"\x03" + LABEL + b"\0") + box(b"bfdb", b"\0" + MIME + b"\0")
PAYLOAD_AT = len(HEAD) + 8
"""Where in the superbox's contents the payload begins."""


# ---------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class _Found:
    """Where our box lies: its contents or why they can't be had, and what is left of each APP11 payload without it."""

    contents: bytes | None
    damage: str
    rest: list[Part]


Part = bytes | memoryview


def unwrap(payloads: Sequence[Part]) -> bytes | None:
    """The embedded payload from the payloads of a JPEG's APP11 segments, or None when our box is not among them.

    The order of the parts does not matter, exact duplicates are dropped, boxes of others are ignored, and framing that
    a program destroyed by splitting anew is repaired. Raises StreamError that says what is missing.
    """
    found = contents_of(payloads)
    return None if found is None else embedded_file(found)


def contents_of(payloads: Sequence[Part]) -> bytes | None:
    """The superbox's contents, else as `unwrap`."""
    found = _find(payloads)
    if found is None:
        return None
    if found.contents is None:
        raise StreamError(found.damage)
    return found.contents


def remove(payloads: Sequence[Part]) -> list[Part]:
    """The same payloads with every byte of our box taken out, damaged or not; one that was all ours becomes b""."""
    found = _find(payloads, contents=False)
    return list(payloads) if found is None else found.rest


def _find(payloads: Sequence[Part], contents: bool = True) -> _Found | None:
    """contents: whether they are wanted; else b"" stands for them."""
    found = _find_parts(payloads, contents)
    if found is not None and found.contents is not None:
        return found
    # Framing is only destroyed if some segment does not start like a JUMBF part. Looking for our box inside whole
    # boxes of others would find the RAW of a picture that, say, a C2PA manifest holds as an ingredient.
    if any(payload[:2] != b"JP" for payload in payloads):
        joined = _find_joined(payloads)
        return joined if found is None or (joined is not None and joined.contents is not None) else found
    return found


def _find_parts(payloads: Sequence[Part], wanted: bool) -> _Found | None:
    """Our box in segments whose framing is sound."""
    boxes: dict[int, dict[int, list[int]]] = {}  # LBox -> Z -> which payloads
    for index, payload in enumerate(payloads):
        if len(payload) > HEADER.size:
            magic, en, z, lbox, tbox = HEADER.unpack_from(payload)
            if (magic, en, tbox) == (b"JP", EN, b"jumb"):
                boxes.setdefault(lbox, {}).setdefault(z, []).append(index)
    labelled = {
        lbox: parts
        for lbox, parts in boxes.items()
        if any(_has_our_label(payloads[i], HEADER.size) for i in parts.get(1, ()))
    }
    # A box without a first part can't say whose it is: by En and type it is ours, damaged.
    orphans = {lbox: parts for lbox, parts in boxes.items() if 1 not in parts}
    if not labelled and not orphans:
        return None
    rest = list(payloads)
    for i in (i for parts in (labelled | orphans).values() for indices in parts.values() for i in indices):
        rest[i] = b""
    if len(labelled) > 1:
        return _Found(None, f"the JPEG carries {len(labelled)} different RAW streams", rest)
    lbox, parts = next(iter((labelled or orphans).items()))
    views = [memoryview(payloads[parts[z][0]])[HEADER.size :] for z in range(1, 1 + _contiguous(parts))]
    length = sum(map(len, views))
    damage = _damage(payloads, parts, lbox, length)
    if damage:
        return _Found(None, damage, rest)
    # What a program joined on behind our last part belongs to somebody else.
    surplus = length - (lbox - 8)
    last = parts[max(parts)][0]
    rest[last] = payloads[last][len(payloads[last]) - surplus :] if surplus else b""
    return _Found(b"".join(views)[: lbox - 8] if wanted else b"", "", rest)


def _contiguous(parts: dict[int, list[int]]) -> int:
    """How many parts there are from part 1 on without a gap."""
    count = 0
    while count + 1 in parts:
        count += 1
    return count


def _damage(payloads: Sequence[Part], parts: dict[int, list[int]], lbox: int, length: int) -> str:
    """Why the parts of one box don't make it whole, or nothing."""
    expected = -(-(lbox - 8) // PART)
    for z, indices in sorted(parts.items()):
        if any(bytes(payloads[i]) != payloads[indices[0]] for i in indices[1:]):
            return f"part {z} of the RAW data is in the JPEG twice, with different contents"
    have = _contiguous(parts)
    if have < max(parts) or length < lbox - 8:
        return f"part {have + 1} of {max(expected, max(parts))} of the RAW data is missing or cut in the JPEG"
    last = len(payloads[parts[have][0]]) - HEADER.size
    if length - (lbox - 8) >= last:
        return f"the RAW data has {have} parts in the JPEG, more than its length of {lbox} bytes allows"
    return ""


def _find_joined(payloads: Sequence[Part]) -> _Found | None:
    """Our box in APP11 payloads that a program joined and split anew: the parts' own heads give the framing back."""
    joined = b"".join(payloads)
    start = joined.find(FIRST)
    while start >= 0 and not _has_our_label(joined, start + HEADER.size):
        start = joined.find(FIRST, start + 1)
    if start < 0:
        return None
    lbox = HEADER.unpack_from(joined, start)[3]
    contents, at, z, damage = [], start, 1, ""
    left = lbox - 8
    while left > 0 and not damage:
        first = at + HEADER.size
        following = joined.find(HEADER.pack(b"JP", EN, z + 1, lbox, b"jumb"), first) if left > MIN_PART else -1
        end = following if first < following <= first + min(left, PART) else first + min(left, PART)
        if end > len(joined) or HEADER.unpack_from(joined, at) != (b"JP", EN, z, lbox, b"jumb"):
            damage = f"part {z} of {max(z, -(-(lbox - 8) // PART))} of the RAW data is missing or cut in the JPEG"
        else:
            contents.append(joined[first:end])
            at, z, left = end, z + 1, left - (end - first)
    rest: list[Part] = []
    position = 0
    for payload in payloads:
        first, last = (min(max(edge - position, 0), len(payload)) for edge in (start, at))
        rest.append(bytes(payload[:first]) + payload[last:])
        position += len(payload)
    return _Found(None if damage else b"".join(contents), damage, rest)


def _has_our_label(data: Part, at: int) -> bool:
    """Whether a description box with our type and label stands at `at`."""
    start = at + 8 + len(EMBEDDED_FILE)
    return (
        data[at + 4 : start] == b"jumd" + EMBEDDED_FILE
        and data[start : start + 1] in (b"\x02", b"\x03")
        and data[start + 1 : start + 2 + len(LABEL)] == LABEL + b"\0"
    )


def inner_boxes(contents: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and where the data begins and ends, of each box in a superbox. Raises StreamError for lengths that lie."""
    at = 0
    while at < len(contents):
        if at + 8 > len(contents):
            raise StreamError("damaged JUMBF box: it ends inside the header of an inner box")
        length, kind = struct.unpack_from(">L4s", contents, at)
        if not 8 <= length <= len(contents) - at:
            raise StreamError(f"damaged JUMBF box: an inner box claims {length} bytes of {len(contents) - at}")
        yield kind, at + 8, at + length
        at += length


def embedded_file(contents: bytes) -> bytes:
    """The data of the one "bidb" box among the boxes of a superbox."""
    files = [(start, end) for kind, start, end in inner_boxes(contents) if kind == b"bidb"]
    if len(files) != 1:
        raise StreamError(f"damaged JUMBF box: it holds {len(files)} embedded files, not one")
    return contents[files[0][0] : files[0][1]]
