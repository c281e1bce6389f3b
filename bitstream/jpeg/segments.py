"""JPEG marker segments (ITU-T T.81, annex B): a walker that checks every length, and the frame header.

`read_segments` goes from SOI to the first SOS. What follows (scans, EOI, images of a multi-picture file behind it) is
not looked at, so that whoever splices between segments keeps it byte for byte; `bitstream.jpeg.frame` goes on from
there. Bytes between segments that are no marker (wrong lengths, sloppy programs) are passed over as libjpeg does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import InputError

SOI, EOI, SOS, TEM, COM = 0xD8, 0xD9, 0xDA, 0x01, 0xFE
APP0, APP1, APP2, APP11, APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xEF
STANDALONE = frozenset({TEM, SOI, EOI, *range(0xD0, 0xD8)})  # these have no length field
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn without DHT, JPG, DAC

_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
MAX_PAYLOAD = 65533  # the length field counts itself: 0xFFFF - 2
MAX_SEGMENTS = 100_000  # a JUMBF box of 4 GiB takes 65 556; more is an attack on memory


@dataclass(frozen=True)
class Segment:
    """One marker segment.

    marker: the marker's second byte, 0xE0 for APP0.
    start, end: data[start:end] is the whole segment; fill bytes (0xFF) and stray ones before the marker belong to it,
        so that the segments of a file follow each other without a gap.
    first: where the payload begins, behind the length field; data: the whole file, so that segments that are kept
        take no memory of a stream's size.
    """

    marker: int
    start: int
    end: int
    first: int
    data: bytes = field(repr=False)

    @property
    def payload(self) -> bytes:
        """What stands behind the length field, a copy; empty for stand-alone markers."""
        return self.data[self.first : self.end]

    @property
    def view(self) -> memoryview:
        """`payload` without a copy."""
        return memoryview(self.data)[self.first : self.end]

    @property
    def is_app(self) -> bool:
        """Whether it is one of APP0 to APP15."""
        return APP0 <= self.marker <= APP15

    @property
    def clean(self) -> bytes:
        """The segment without fill and stray bytes before it."""
        alone = self.marker in STANDALONE
        return bytes((0xFF, self.marker)) if alone else segment_bytes(self.marker, self.payload)


@dataclass(frozen=True)
class Component:
    """One component of a frame: its identifier, sampling factors (1..4), and quantisation table (0..3)."""

    identifier: int
    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True)
class FrameInfo:
    """What the frame header (SOFn, n by marker) says: size in pixels, bits per sample, components, kind of coding."""

    width: int
    height: int
    precision: int
    components: tuple[Component, ...]
    progressive: bool
    arithmetic: bool
    lossless: bool
    hierarchical: bool
    marker: int = 0xC0


def read_segments(data: bytes) -> list[Segment]:
    """All marker segments from SOI to the first SOS, both included.

    Raises InputError when `data` is no JPEG, or when its header is cut or damaged.
    """
    if data[:2] != b"\xff\xd8":
        raise InputError("not a JPEG file: it does not start with FF D8")
    segments = [Segment(SOI, 0, 2, 2, data)]
    while segments[-1].marker != SOS:
        if len(segments) >= MAX_SEGMENTS:
            raise InputError(f"damaged JPEG: more than {MAX_SEGMENTS} segments before its first scan")
        segments.append(segment_at(data, segments[-1].end))
        if segments[-1].marker == EOI:
            raise InputError("the JPEG holds no image: it ends before its first scan")
    return segments


def segment_at(data: bytes, start: int) -> Segment:
    """The segment at `start`, behind another one: EOI too. InputError where it is cut or none that may stand there."""
    found = _MARKER.search(data, start)
    if found is None:
        raise InputError("the JPEG is cut short: it ends before its picture does")
    at, marker = found.end(), found[1][0]
    if marker == SOI:
        raise InputError(f"damaged JPEG: a further picture begins (FF D8) at byte {at - 2}, within the first")
    if marker in STANDALONE:
        return Segment(marker, start, at, at, data)
    length = int.from_bytes(data[at : at + 2], "big")
    if len(data) < at + 2 or length < 2 or at + length > len(data):
        raise InputError(f"damaged JPEG: the segment FF {marker:02X} at byte {at - 2} is cut or has a wrong length")
    return Segment(marker, start, at + length, at + 2, data)


def frame_info(segments: Sequence[Segment]) -> FrameInfo:
    """The frame header (T.81, B.2.2) among a JPEG's segments. Raises InputError when it is missing, doubled or
    contradictory."""
    frames = [s for s in segments if s.marker in FRAMES]
    if len(frames) != 1:
        raise InputError(f"damaged JPEG: {len(frames)} frame headers before its first scan, not one")
    marker, payload = frames[0].marker, frames[0].payload
    # u8 precision, u16 height, u16 width, u8 components; of each: u8 identifier, u4 H, u4 V, u8 table
    if len(payload) < 6 or len(payload) != 6 + 3 * payload[5] or payload[5] == 0:
        raise InputError("damaged JPEG: its frame header has a wrong length")
    height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    if not width or not height:
        raise InputError("the JPEG's frame header gives no size (a height told by DNL is not supported)")
    components = tuple(
        Component(identifier, factors >> 4, factors & 15, table)
        for identifier, factors, table in zip(payload[6::3], payload[7::3], payload[8::3], strict=True)
    )
    if any(not (1 <= c.horizontal <= 4 and 1 <= c.vertical <= 4 and c.table <= 3) for c in components):
        raise InputError("damaged JPEG: its frame header has impossible sampling factors or tables")
    if len({c.identifier for c in components}) < len(components):
        raise InputError("damaged JPEG: its frame header names a component twice")
    return FrameInfo(
        width,
        height,
        payload[0],
        components,
        progressive=marker & 3 == 2,
        arithmetic=marker >= 0xC9,
        lossless=marker & 3 == 3,
        hierarchical=marker & 4 != 0,
        marker=marker,
    )


def segment_bytes(marker: int, payload: bytes) -> bytes:
    """The bytes of a segment with a length field. Raises ValueError over 65 533 bytes of payload."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a segment holds {MAX_PAYLOAD} bytes, not {len(payload)}")
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def splice(data: bytes, edits: Iterable[tuple[int, int, bytes]]) -> bytes:
    """`data` with each data[start:end] of the edits (start, end, replacement) replaced; they must not overlap."""
    return b"".join(pieces(data, edits))


def pieces(data: bytes, edits: Iterable[tuple[int, int, bytes]]) -> list[bytes | memoryview]:
    """What `splice` joins: views of `data`, and replacements."""
    parts: list[bytes | memoryview] = []
    view, at = memoryview(data), 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        if not at <= start <= end <= len(data):
            raise ValueError(f"edit {start}..{end} overlaps another or lies outside")
        parts += [view[at:start], replacement]
        at = end
    return [*parts, view[at:]]
