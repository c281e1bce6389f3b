"""A JPEG file walked through and checked: frame, tables and scans, and a JPEG of nothing but those.

Only what a decoder needs reaches it (ITU-T T.81 annex B); no EXIF, no APPn.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence

import numpy as np

from ..errors import InputError, UnsupportedError
from .segments import APP0, EOI, FRAMES, SOS, Segment, frame_info, read_segments, segment_at

MAX_PIXELS = 1 << 28
"""Largest picture taken, in pixels: 268 MP, about 1 GB while decoding."""

MIN_SIDE = 8
MAX_SIDE = 65500  # libjpeg's own limit
MAX_SCANS = 100  # a usual progressive file has 10; each costs a pass over its components' blocks

VISITS, VISITS_A_BIT = 1 << 20, 32
"""Blocks that scans may pass over in all, and those for each bit of them more. The first pass takes a bit for each
block at least, so that this many passes over everything are always allowed."""

_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PROGRESSIVE = (0xC2, 0xCA)
_ARITHMETIC = (0xC9, 0xCA)
_STRANGE_FRAMES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "lossless", 0xCB: "lossless",
    0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "lossless",
}  # fmt: skip
ARITHMETIC_GAIN = 64
"""Blocks that an arithmetic coder may put into a bit (flat ones); Huffman codes take a bit a block at least."""


class _TooMuchError(InputError):
    """More work than a picture of its size is worth."""


class Picture:
    """A JPEG's frame, its tables and scans, checked; everything else left out."""

    def __init__(self, jpeg: bytes, segments: Sequence[Segment] | None = None, cut: bool = False) -> None:
        """segments: those of the header, where they are known already (`read_segments`); cut: scans may have any number
        of bytes."""
        self.components: list[tuple[int, int, int, int]] = []  # id, horizontal and vertical factor, quantisation table
        self.quantisation: list[np.ndarray] = []
        self.height = self.width = self.frame = 0
        self._parts: list[bytes] = []  # segments before and after the frame header, without it
        self._before_frame = 0
        self._tables: dict[int, np.ndarray] = {}
        self._latched: dict[int, np.ndarray] = {}
        self._precision: dict[int, list[int]] = {}  # component -> bits still missing of each coefficient; 16: all of it
        self._jfif = False
        self._adobe: int | None = None
        self._scans = self._visits = 0
        self.scan_bytes = 0
        self.is_open = False
        self._cut = cut
        self._walk(segments or read_segments(jpeg))
        self._check()

    def stream(self, behind: bytes = b"") -> bytes:
        """A JPEG of nothing but what the decoder needs; behind: bytes behind the last scan's."""
        return self._assemble(self.width, self.height, self.components, _JFIF, behind)

    def evened_stream(self, behind: bytes = b"") -> bytes:
        """The same scans in a frame in which chroma's sampling ratio is the same in both directions."""
        h, v = self.subsampling
        ratio = max(h, v)
        _, chroma_h, chroma_v, table = self.components[1]
        unused = next(i for i in range(256) if i not in {c[0] for c in self.components})
        if max(ratio * chroma_h, ratio * chroma_v) > 4:
            raise InputError(f"the JPEG's chroma sampling ({h}x{v} of {chroma_h}x{chroma_v}) is not supported")
        extra = (unused, ratio * chroma_h, ratio * chroma_v, table)
        width, height = self.width * (ratio // h), self.height * (ratio // v)
        if max(width, height) > MAX_SIDE:
            raise InputError(f"the JPEG is too large for its chroma sampling ({self.width}x{self.height})")
        return self._assemble(width, height, [*self.components, extra], b"", behind)

    @property
    def subsampling(self) -> tuple[int, int]:
        """(h, v) of the chroma."""
        return (
            self.components[0][1] // self.components[1][1],
            self.components[0][2] // self.components[1][2],
        )

    @property
    def is_arithmetic(self) -> bool:
        """Whether its scans are coded arithmetically, which few programs read, rather than by Huffman codes."""
        return self.frame in _ARITHMETIC

    def _assemble(
        self, width: int, height: int, components: list[tuple[int, int, int, int]], head: bytes,
        behind: bytes = b"",
    ) -> bytes:  # fmt: skip
        frame = struct.pack(">BBHBHHB", 0xFF, self.frame, 8 + 3 * len(components), 8, height, width, len(components))
        frame += b"".join(bytes((i, h << 4 | v, table)) for i, h, v, table in components)
        n = self._before_frame
        return b"".join([b"\xff\xd8", head, *self._parts[:n], frame, *self._parts[n:], behind, b"\xff\xd9"])

    def _walk(self, segments: Sequence[Segment]) -> None:
        """The header's segments, then scans and what stands between them, up to EOI.

        Some phones write a panorama without EOI, a trailer of theirs right behind the scan. So where all of the
        picture was seen and what follows can't belong to it, it ends there; `is_open` then says that nobody knows yet
        whether the last scan is whole.
        """
        for segment in segments[1:-1]:
            self._segment(segment)
        segment = segments[-1]
        whole: tuple[int, ...] = ()  # what is there once all of the picture is
        while segment.marker != EOI:
            try:
                end = self._scan(segment) if segment.marker == SOS else self._segment(segment)
                if segment.marker == SOS:
                    whole = (len(self._parts), self.scan_bytes, self._scans, self._visits) if self._has_all() else ()
                segment = segment_at(segment.data, end)
            except InputError as error:
                if not whole or isinstance(error, _TooMuchError):
                    raise
                count, self.scan_bytes, self._scans, self._visits = whole
                del self._parts[count:]
                self.is_open = True
                return

    def _scan(self, segment: Segment) -> int:
        """A scan: its header and the coded bytes behind; where they end."""
        data = segment.data
        blocks, least = self._scan_header(segment.payload)
        match = _SCAN_END.search(data, segment.end)
        # What was never written is zeros, where the file is as long as it should be.
        end = match.start() if match else segment.end + len(data[segment.end :].rstrip(b"\xff\0"[: 1 + self._cut]))
        if 8 * (end - segment.end) < least and not self._cut:
            raise InputError("the JPEG has too few bytes for its size")
        self.scan_bytes += end - segment.end
        self._visits += blocks
        if self._visits > VISITS + VISITS_A_BIT * 8 * self.scan_bytes:
            raise _TooMuchError("the JPEG has too many scans for its bytes")
        self._parts += [segment.clean, data[segment.end : end]]
        return end

    def _segment(self, segment: Segment) -> int:
        """A segment that is no scan; where it ends."""
        marker = segment.marker
        if marker in (0xC4, 0xCC, 0xDB, 0xDD):
            self._parts.append(segment.clean)
        if marker == 0xDB:
            self._quantisation_tables(segment.payload)
        elif marker in FRAMES:
            if self.frame:
                raise InputError("the JPEG has two frame headers")
            self._frame_header(segment)
        elif marker == APP0 and segment.payload[:5] == b"JFIF\0":
            self._jfif = True
        elif marker == 0xEE and segment.payload[:5] == b"Adobe" and len(segment.payload) >= 12:
            self._adobe = segment.payload[11]
        elif marker == 0xDC:
            raise UnsupportedError("the JPEG gives its height after its picture (DNL); this is not supported")
        return segment.end

    def _quantisation_tables(self, body: bytes) -> None:
        at = 0
        while at < len(body):
            precision, slot = body[at] >> 4, body[at] & 15
            size = 64 * (precision + 1)
            if precision > 1 or slot > 3 or at + 1 + size > len(body):
                raise InputError("the JPEG's quantisation tables are damaged")
            values = np.frombuffer(body, ">u2" if precision else np.uint8, 64, at + 1)
            self._tables[slot] = values.astype(np.uint16)
            at += 1 + size

    def _frame_header(self, segment: Segment) -> None:
        kind = _STRANGE_FRAMES.get(segment.marker)
        if kind:
            raise UnsupportedError(f"the JPEG is {kind}; only baseline and progressive ones are supported")
        found = frame_info([segment])
        width, height, count = found.width, found.height, len(found.components)
        if found.precision != 8:
            raise UnsupportedError(f"the JPEG has {found.precision} bits per sample; only 8 are supported")
        if count == 4:
            raise UnsupportedError("the JPEG is CMYK or YCCK; only YCbCr and grayscale are supported")
        if count not in (1, 3):
            raise UnsupportedError(f"the JPEG has {count} components; only YCbCr and grayscale are supported")
        if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE) or width * height > MAX_PIXELS:
            raise UnsupportedError(f"the JPEG's size {width}x{height} is not supported")
        self.frame, self.height, self.width = segment.marker, height, width
        self._before_frame = len(self._parts)
        self.components = [(c.identifier, c.horizontal, c.vertical, c.table) for c in found.components]
        self._precision = {c.identifier: [16] * 64 for c in found.components}
        if count == 3:
            (_, h, v, _), (_, *blue, _), (_, *red, _) = self.components
            ratios = {h / blue[0], v / blue[1]}
            if blue != red or not ratios <= {1, 2, 4}:
                raise UnsupportedError(f"the JPEG's chroma sampling (factors {h}x{v}, {blue}, {red}) is not supported")

    def _scan_header(self, body: bytes) -> tuple[int, int]:
        """Blocks that the scan passes over, and the bits that it takes at least."""
        if not self.frame:
            raise InputError("the JPEG has a scan before its frame header")
        if len(body) < 4 or not 1 <= body[0] <= 3 or len(body) != 4 + 2 * body[0]:
            raise InputError("the JPEG's scan header is damaged")
        self._scans += 1
        if self._scans > MAX_SCANS:
            raise _TooMuchError(f"the JPEG has more than {MAX_SCANS} scans")
        first, last, shifts = body[-3:]
        progressive = self.frame in _PROGRESSIVE
        if not progressive:
            first, last, shifts = 0, 63, 0
        if first > last or last > 63:
            raise InputError("the JPEG's scan header is damaged")
        for i in body[1 : 1 + 2 * body[0] : 2]:
            if i not in self._precision:
                raise InputError("the JPEG's scan names a component that it hasn't")
            self._precision[i][first : last + 1] = [shifts & 15] * (last + 1 - first)
            table = next(c[3] for c in self.components if c[0] == i)
            if i not in self._latched:  # T.81: a component keeps the table of its first scan
                if table not in self._tables:
                    raise InputError("the JPEG lacks a quantisation table")
                self._latched[i] = self._tables[table]
        blocks = sum(self._blocks(i) for i in body[1 : 1 + 2 * body[0] : 2])
        # A bit for each block's DC, and one for its AC coefficients; later scans may pass over many blocks at once.
        least = 0 if first or shifts >> 4 else blocks if progressive else 2 * blocks
        return blocks, least // (ARITHMETIC_GAIN if self.is_arithmetic else 1)

    def _blocks(self, component: int) -> int:
        """Blocks of 8x8 samples of a component."""
        _, h, v, _ = next(c for c in self.components if c[0] == component)
        most_h, most_v = (max(c[k] for c in self.components) for k in (1, 2))
        return -(-self.width * h // (8 * most_h)) * -(-self.height * v // (8 * most_v))

    def _has_all(self) -> bool:
        """Whether all bits of all coefficients have had their scan."""
        return not any(any(bits) for bits in self._precision.values())

    def _check(self) -> None:
        if not self.frame:
            raise InputError("the JPEG has no picture")
        if not self._has_all():
            # decoders smooth such a picture, each version in its own way
            raise InputError("the JPEG is incomplete: scans are missing")
        ids = [c[0] for c in self.components]
        if len(ids) == 3 and not self._jfif and (self._adobe == 0 or (self._adobe is None and bytes(ids) == b"RGB")):
            raise UnsupportedError("the JPEG is coded as RGB; only YCbCr and grayscale are supported")
        self.quantisation = [self._latched[i] for i in ids]
