"""The RAW stream in and out of a JPEG: where its segments go, what else has to follow, and how to undo it.

What `embed` writes:

===========================================  ==============================================================
segments                                     whose
===========================================  ==============================================================
SOI, APPn, comments, tables, frame header    the input's; one description more in XMP where that is safe
among them: APP1 XMP, a flag of 330 bytes    ours; behind Exif, XMP, ICC, MPF; only where the input has no XMP
APP11 ... APP11: the box                     ours, right before the first scan
the first SOS and all behind it              the input's, untouched
===========================================  ==============================================================

Before the first scan T.81 (B.2.4) allows what it allows before the frame header, and whoever wants the picture's size,
its Exif or its profile finds them in the first kilobytes. (Version 0.1.0 put the box before MPF and the tables, where
programs that look at the first 64 kB of a file saw nothing else. It is read wherever it stands.)

What counts from the file's header to places behind the picture is mended (`bitstream.jpeg.pointers`).

The flag (`bitstream.jpeg.flag`) lets `extract` tell a JPEG that lost its RAW from one that never had one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from ..errors import NoRawError, RawLostError
from . import flag, jumbf, parts
from .flag import FLAG_BYTES, FLAG_NAMESPACE, XMP_HEADER
from .pointers import EXIF_HEADER, MPF_HEADER, Pointers, find_pointers
from .segments import APP0, APP1, APP2, APP11, SOI, Segment, pieces, read_segments, segment_bytes, splice

XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
ICC_HEADER = b"ICC_PROFILE\0"
C2PA = b"c2pa\0"  # the label of a box of Content Credentials, which bind the file's bytes by a hash
C2PA_ELSEWHERE = re.compile(rb"dcterms:provenance\s*(=|>)")  # where the credentials are, if not in the file
BEFORE_THE_FLAG = (
    (APP1, EXIF_HEADER),
    (APP1, XMP_HEADER),
    (APP1, XMP_EXTENSION_HEADER),
    (APP2, ICC_HEADER),
    (APP2, MPF_HEADER),
)

MOST_PASSES = 8

Edit = tuple[int, int, bytes]
"""data[start:end] becomes the bytes."""


def embed(jpeg: bytes, payload: bytes) -> bytes:
    """`jpeg` with `payload` in APP11; a box and flag of ours that it already has are replaced.

    Every segment of others, and every byte from the first SOS on, is the input's, but for the flag in XMP, and for
    sizes and offsets in MPF and Exif. Raises InputError when `jpeg` is no JPEG or the payload is 4 GiB.
    """
    bare = without_ours(jpeg, read_segments(jpeg))
    return with_payload(bare, read_segments(bare), payload)


def extract(jpeg: bytes) -> bytes:
    """The payload that `embed` put into `jpeg`; InputError when it is no JPEG, else errors as `payload_of`."""
    return payload_of(read_segments(jpeg))


def strip(jpeg: bytes) -> bytes:
    """`jpeg` without our box and flag: what `embed` was given, byte for byte, if nothing else changed it since.

    A flag that another program took over into an XMP packet of its own stays. Raises InputError when it is no JPEG and
    NoRawError when there is nothing of ours in it.
    """
    bare = without_ours(jpeg, read_segments(jpeg))
    if len(bare) == len(jpeg):
        raise NoRawError("the JPEG carries no RAW")
    return bare


def with_payload(
    bare: bytes, segments: Sequence[Segment], payload: bytes, further: bytes = b"", mend: bool = True
) -> bytes:
    """`embed` for a JPEG without anything of ours, of these segments.

    further: boxes behind the payload's. mend: offsets too, not only the size of image 1 in MPF.
    """
    packet, edits = _flag(segments, len(payload))
    ends = parts.ends_for(payload, further)
    block = b"".join(segment_bytes(APP11, part) for part in jumbf.wrap(payload, further, ends))
    place, scan = _flag_place(segments), segments[-1].start
    edits += [(place, place, packet), (scan, scan, block)] if place < scan else [(scan, scan, packet + block)]
    return splice(bare, [*edits, *_mended(find_pointers(segments, strict=not mend), edits)])


def warnings_of(segments: Sequence[Segment]) -> list[str]:
    """What a RAW will do to a JPEG without anything of ours, of these segments, that it can't be mended for."""
    out = [f"the JPEG's metadata may mislead: {doubt}; it is left as it is" for doubt in find_pointers(segments).doubts]
    if has_credentials(segments):
        out.insert(0, "the JPEG has Content Credentials (C2PA): their signature is void once a RAW is in it, so sign "
                    "the output anew; `rawinlay strip` gives back the signed file")  # fmt: skip
    return out


def has_credentials(segments: Sequence[Segment]) -> bool:
    """Whether a JPEG has Content Credentials (C2PA), within it or, by XMP, apart: any change of the file voids them."""
    return any(
        C2PA in s.payload if s.marker == APP11 else _is_xmp(s) and C2PA_ELSEWHERE.search(s.payload) for s in segments
    )


def payload_of(segments: Sequence[Segment]) -> bytes:
    """The payload in a JPEG's segments.

    Raises NoRawError when they carry none (the message says whether they once did), and StreamError when parts of it
    are missing.
    """
    return jumbf.embedded_file(superbox_of(segments))


def superbox_of(segments: Sequence[Segment]) -> bytes:
    """The contents of the box with the payload, else as `payload_of`."""
    contents = jumbf.contents_of([s.view for s in segments if s.marker == APP11])
    if contents is not None:
        return contents
    for segment in segments:
        if _is_xmp(segment) and FLAG_NAMESPACE in segment.payload:
            size = FLAG_BYTES.search(segment.payload)
            of = f" of {int(size[1])} bytes" if size else ""
            raise RawLostError(f"the JPEG carried a RAW{of}, but a program that saved it since has removed the RAW")
    raise NoRawError("the JPEG carries no RAW")


def without_ours(jpeg: bytes, segments: Sequence[Segment]) -> bytes:
    """`jpeg`, of these segments, without anything of ours; itself where there is nothing.

    Taking a damaged box out may bring another one to light: so until there is none, or `MOST_PASSES` have found some.
    """
    for _ in range(MOST_PASSES):
        edits = _undoing(jpeg, segments)
        if not edits:
            break
        jpeg = splice(jpeg, edits)
        segments = read_segments(jpeg)
    return jpeg


def sha256_without_ours(jpeg: bytes, segments: Sequence[Segment]) -> bytes:
    """The digest of `without_ours` by one pass, which takes no copy: another one where damage hides more of ours."""
    digest = hashlib.sha256()
    for piece in pieces(jpeg, _undoing(jpeg, segments)):
        digest.update(piece)
    return digest.digest()


def _undoing(jpeg: bytes, segments: Sequence[Segment]) -> list[Edit]:
    """The edits that take out what can be seen of ours at once."""
    edits = [(s.start, s.end, b"") for s in segments if _is_our_flag(s)]
    for segment in segments:
        ours = flag.find(segment.payload) if _is_xmp(segment) and not _is_our_flag(segment) else None
        if ours:
            edits += _payload_edits(segment, *ours, b"")
    app11 = [s for s in segments if s.marker == APP11]
    for segment, rest in zip(app11, jumbf.remove([s.view for s in app11]), strict=True):
        if len(rest) < segment.end - segment.first:
            edits.append((segment.start, segment.end, segment_bytes(APP11, bytes(rest)) if rest else b""))
    return [*edits, *_mended(find_pointers(segments, strict=_is_before_mpf(segments)), edits)] if edits else []


def added_bytes(segments: Sequence[Segment], payload_size: int, further: int = 0, ends: Sequence[int] = ()) -> int:
    """By how much `with_payload` makes a JPEG without anything of ours larger for a payload of `payload_size` bytes,
    with further boxes of so many; ends: of the parts, of which all but the last are full without that."""
    contents = jumbf.PAYLOAD_AT + payload_size + further
    ends = ends or parts.full_ends(contents)
    contents += len(jumbf.padding_of(contents - [0, *ends][-2]))
    packet, edits = _flag(segments, payload_size)
    return len(packet) + _growth(edits) + contents + len(ends) * (4 + jumbf.HEADER.size)


def _flag(segments: Sequence[Segment], payload_size: int) -> tuple[bytes, list[Edit]]:
    """The flag as a segment of its own, or as edits of the packet that is there; neither where that has to stay."""
    theirs = [s for s in segments if _is_xmp(s) and not _is_our_flag(s)]
    if not theirs:
        return segment_bytes(APP1, flag.packet(payload_size)), []
    found = flag.description([s.payload for s in theirs], payload_size)
    if found is None or any(s.marker == APP11 and C2PA in s.payload for s in segments):
        return b"", []
    return b"", _payload_edits(theirs[0], found[0], found[0], found[1])


def _payload_edits(segment: Segment, start: int, end: int, new: bytes) -> list[Edit]:
    """Edits that replace payload[start:end] of a segment and mend its length."""
    first = segment.first
    length = segment.end - first + len(new) - (end - start) + 2
    return [(first - 2, first, length.to_bytes(2, "big")), (first + start, first + end, new)]


def _growth(edits: Sequence[Edit]) -> int:
    return sum(len(new) - (end - start) for start, end, new in edits)


def _flag_place(segments: Sequence[Segment]) -> int:
    """The offset for a packet of our own: behind what readers want early."""
    early = [s.end for s in segments if s.marker in (SOI, APP0) or any(_starts(s, *kind) for kind in BEFORE_THE_FLAG)]
    return early[-1]


def _is_before_mpf(segments: Sequence[Segment]) -> bool:
    """Whether our box stands where version 0.1.0 put it, which mended less."""
    ours = next((s.start for s in segments if s.marker == APP11 and s.payload.startswith(jumbf.OURS)), 0)
    return any(_starts(s, APP2, MPF_HEADER) and s.start >= ours for s in segments)


def _is_xmp(segment: Segment) -> bool:
    return _starts(segment, APP1, XMP_HEADER)


def _is_our_flag(segment: Segment) -> bool:
    return segment.marker == APP1 and flag.is_our_packet(segment.payload)


def _starts(segment: Segment, marker: int, header: bytes) -> bool:
    return segment.marker == marker and segment.payload.startswith(header)


def _mended(pointers: Pointers, edits: Sequence[Edit]) -> list[Edit]:
    """The edits that keep sizes and offsets right beside these ones.

    Modulo 2^32, so that a size that was wrong before stays equally wrong, and `strip` undoes all of it exactly.
    """

    def moved(place: int) -> int:
        return sum(len(new) - (end - start) for start, end, new in edits if end <= place)

    out = []
    for number in pointers.numbers:
        by = _growth(edits) if number.base is None else moved(number.base + number.value) - moved(number.base)
        if by:
            new = (number.value + by) % (1 << 32)
            out.append((number.at, number.at + 4, new.to_bytes(4, number.order)))
    return out
