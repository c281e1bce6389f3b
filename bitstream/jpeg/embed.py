"""The RAW stream in and out of a JPEG: where its segments go, what else has to follow, and how to undo it.

What `embed` writes, as one block between the metadata that readers want early and everything else:

===========================================  ==============================================================
segments                                     whose
===========================================  ==============================================================
SOI, APP0, EXIF, XMP, ICC                    the input's; one description more in XMP where that is safe
APP1 XMP: a flag of about 330 bytes          ours; only where the input has no XMP
APP11 ... APP11: the box                     ours
APP2 MPF, other APPn                         the input's; image 1's size in MPF is patched
the first non-APP segment and all behind it  the input's, untouched
===========================================  ==============================================================

Before MPF, because its offsets count from its own header to images behind the EOI and so stay right; only the size of
image 1 is absolute.

The flag (`bitstream.jpeg.flag`) lets `extract` tell a JPEG that lost its RAW from one that never had one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..errors import NoRawError
from . import flag, jumbf
from .flag import FLAG_BYTES, FLAG_NAMESPACE, XMP_HEADER
from .segments import APP0, APP1, APP2, APP11, Segment, read_segments, segment_bytes, splice

EXIF_HEADER = b"Exif\0\0"
XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
ICC_HEADER = b"ICC_PROFILE\0"
MPF_HEADER = b"MPF\0"
C2PA = b"c2pa\0"  # the label of a box of Content Credentials, which bind the file's bytes by a hash
BEFORE_THE_BOX = (
    (APP1, EXIF_HEADER),
    (APP1, XMP_HEADER),
    (APP1, XMP_EXTENSION_HEADER),
    (APP2, ICC_HEADER),
)

Edit = tuple[int, int, bytes]
"""data[start:end] becomes the bytes."""


def embed(jpeg: bytes, payload: bytes) -> bytes:
    """`jpeg` with `payload` in APP11; a box and flag of ours that it already has are replaced.

    Every segment of others, and every byte from the first non-APP segment on, is the input's, but for the flag in XMP
    and image 1's size in MPF. Raises InputError when `jpeg` is no JPEG or the payload is 4 GiB.
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


def with_payload(bare: bytes, segments: Sequence[Segment], payload: bytes, further: bytes = b"") -> bytes:
    """`embed` for a JPEG without anything of ours, of these segments; further: boxes behind the payload's."""
    packet, edits = _flag(segments, len(payload))
    block = packet + b"".join(segment_bytes(APP11, part) for part in jumbf.wrap(payload, further))
    at = _place(segments)
    edits.append((at, at, block))
    return splice(bare, [*edits, *_mpf_size_edits(segments, _growth(edits))])


def payload_of(segments: Sequence[Segment]) -> bytes:
    """The payload in a JPEG's segments.

    Raises NoRawError when they carry none (the message says whether they once did), and StreamError when parts of it
    are missing.
    """
    return jumbf.embedded_file(superbox_of(segments))


def superbox_of(segments: Sequence[Segment]) -> bytes:
    """The contents of the box with the payload, else as `payload_of`."""
    contents = jumbf.contents_of([s.payload for s in segments if s.marker == APP11])
    if contents is not None:
        return contents
    for segment in segments:
        if _is_xmp(segment) and FLAG_NAMESPACE in segment.payload:
            size = FLAG_BYTES.search(segment.payload)
            of = f" of {int(size[1])} bytes" if size else ""
            raise NoRawError(f"the JPEG carried a RAW{of}, but a program that saved it since has removed the RAW")
    raise NoRawError("the JPEG carries no RAW")


def without_ours(jpeg: bytes, segments: Sequence[Segment]) -> bytes:
    """`jpeg`, of these segments, without anything of ours; itself where there is nothing."""
    edits = [(s.start, s.end, b"") for s in segments if _is_our_flag(s)]
    for segment in segments:
        ours = flag.find(segment.payload) if _is_xmp(segment) and not _is_our_flag(segment) else None
        if ours:
            edits += _payload_edits(segment, *ours, b"")
    app11 = [s for s in segments if s.marker == APP11]
    for segment, rest in zip(app11, jumbf.remove([s.payload for s in app11]), strict=True):
        if len(rest) < segment.end - segment.first:
            edits.append((segment.start, segment.end, segment_bytes(APP11, rest) if rest else b""))
    return splice(jpeg, [*edits, *_mpf_size_edits(segments, _growth(edits))]) if edits else jpeg


def added_bytes(segments: Sequence[Segment], payload_size: int, further: int = 0) -> int:
    """By how much `with_payload` makes a JPEG without anything of ours larger for a payload of `payload_size` bytes,
    with further boxes of so many."""
    contents = jumbf.PAYLOAD_AT + payload_size + further
    tail = contents % jumbf.PART
    if 0 < tail < jumbf.MIN_PART:
        contents += max(8, jumbf.MIN_PART - tail)
    parts = -(-contents // jumbf.PART)
    packet, edits = _flag(segments, payload_size)
    return len(packet) + _growth(edits) + contents + parts * (4 + jumbf.HEADER.size)


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


def _growth(edits: list[Edit]) -> int:
    return sum(len(new) - (end - start) for start, end, new in edits)


def _place(segments: Sequence[Segment]) -> int:
    """The offset for our block: behind what readers want early, before MPF, within the first run of APP segments."""
    at = segments[0].end
    for segment in segments[1:]:
        if not segment.is_app or _starts(segment, APP2, MPF_HEADER):
            break
        if segment.marker == APP0 or any(_starts(segment, *kind) for kind in BEFORE_THE_BOX):
            at = segment.end
    return at


def _is_xmp(segment: Segment) -> bool:
    return _starts(segment, APP1, XMP_HEADER)


def _is_our_flag(segment: Segment) -> bool:
    return segment.marker == APP1 and flag.is_our_packet(segment.payload)


def _starts(segment: Segment, marker: int, header: bytes) -> bool:
    return segment.marker == marker and segment.payload.startswith(header)


def _mpf_size_edits(segments: Sequence[Segment], growth: int) -> list[Edit]:
    """The edit that adds `growth` to image 1's size in each MPF segment (CIPA DC-007, 5.2.3); none where it is damaged.

    Modulo 2^32, so that what was wrong before stays equally wrong and `strip` undoes it exactly.
    """
    edits = []
    for segment in segments:
        if _starts(segment, APP2, MPF_HEADER):
            tiff = segment.payload[len(MPF_HEADER) :]
            place = _mpf_size_place(tiff)
            if place is not None:
                at, order = place
                size = (int.from_bytes(tiff[at : at + 4], order) + growth) % (1 << 32)
                start = segment.end - len(tiff) + at
                edits.append((start, start + 4, size.to_bytes(4, order)))
    return edits


def _mpf_size_place(tiff: bytes) -> tuple[int, Literal["little", "big"]] | None:
    """Where in MPF's own TIFF structure image 1's size stands, and the byte order; None when it can't be found.

    MPEntry (tag 0xB002) holds 16 bytes per image: attributes u32, size u32, offset u32, two dependents u16.
    """
    order: Literal["little", "big"]
    if tiff[:4] == b"II*\0":
        order = "little"
    elif tiff[:4] == b"MM\0*":
        order = "big"
    else:
        return None

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    ifd = number(4, 4)
    end = ifd + 2 + 12 * number(ifd, 2)
    for entry in range(ifd + 2, min(end, len(tiff) + 1) - 11, 12):
        if number(entry, 2) == 0xB002 and number(entry + 4, 4) >= 16:
            first = number(entry + 8, 4)
            # A patch inside the directory itself could not be undone.
            apart = 8 <= first <= len(tiff) - 16 and (first >= end or first + 16 <= ifd)
            # Image 1 is the file's own: its offset is 0 by definition.
            if apart and number(first + 8, 4) == 0:
                return first + 4, order
    return None
