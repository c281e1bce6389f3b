"""The frame around every peer's stream: what a decoder needs of the RAW that the codec's own bytes do not say.

======  ===========================================================================
bytes   meaning
======  ===========================================================================
4       CRC-32 of the rest, little-endian
rest    the record `FIELDS` (`bitstream.stream.fields`): size, CFA, levels, geometry, body
======  ===========================================================================

All of it is counted: some 20 bytes, and for a guided peer the JPEG's geometry over the mosaic, 1 to 74 bytes more.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import asdict, dataclass

import numpy as np

from ...bitstream.errors import InputError, StreamError
from ...bitstream.raw_image import CFA_PHASES, RawImage
from ...bitstream.stream.fields import Field, read_record, write_record
from ...bitstream.stream.header import LEVEL_UNIT, MAX_PIXELS, MAX_SIDE

FIELDS = (
    Field("height", "varint", "rows of the mosaic", low=2, high=MAX_SIDE),
    Field("width", "varint", "columns of the mosaic", low=2, high=MAX_SIDE),
    Field("cfa", "u8", "number of the CFA phase in `CFA_PHASES`", high=3),
    Field("white", "u16", "white level, DN", low=1),
    Field("black", "array", "black level of the four sites, 1/1024 DN; one stands for all", low=1, high=4,
          of=Field("level", "varint", high=65535 * LEVEL_UNIT)),
    Field("geometry", "bytes", "`codec.guide.geometry`, header and section; empty for a blind peer", high=80),
    Field("body", "bytes", "the codec's own bytes", high=(1 << 32) - 1),
)  # fmt: skip
DN_MAX = 65535


@dataclass(frozen=True)
class Frame:
    """Size, CFA, levels and geometry of one stream; fields as in `FIELDS`."""

    height: int
    width: int
    cfa: int
    white: int
    black: list[int]
    geometry: bytes = b""

    @classmethod
    def of(cls, raw: RawImage, geometry: bytes = b"") -> Frame:
        """The frame of a RAW; InputError for a mosaic that is too small or too large."""
        height, width = raw.mosaic.shape
        if min(height, width) < 2 or max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
            raise InputError(f"a mosaic of {width} x {height} is outside what the peers' frame holds")
        units = [round(b * LEVEL_UNIT) for b in raw.black]
        black = units[:1] if len(set(units)) == 1 else units
        if min(units) < 0:
            raise InputError(f"black level {min(raw.black):g} is below zero")
        return cls(height, width, CFA_PHASES.index(raw.cfa), raw.white, black, geometry)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the mosaic."""
        return self.height, self.width

    @property
    def phase(self) -> str:
        """CFA phase as text."""
        return CFA_PHASES[self.cfa]

    @property
    def levels(self) -> tuple[float, float, float, float]:
        """Black level of the four sites, DN."""
        four = [b / LEVEL_UNIT for b in self.black] * (4 // len(self.black))
        return four[0], four[1], four[2], four[3]

    def light(self, mosaic: np.ndarray) -> np.ndarray:
        """(DN - black) / (white - black), clipped to [0, 1]: float64, for rows (h, W) from an even one on."""
        value = mosaic.astype(np.float64)
        for site, black in enumerate(self.levels):
            part = value[site // 2 :: 2, site % 2 :: 2]
            part -= black
            part /= self.white - black
        return np.clip(value, 0.0, 1.0, out=value)

    def dn(self, light: np.ndarray) -> np.ndarray:
        """The inverse of `light`, rounded: uint16; works in place on `light`, float64 (h, W)."""
        for site, black in enumerate(self.levels):
            part = light[site // 2 :: 2, site % 2 :: 2]
            part *= self.white - black
            part += black
        return np.clip(np.rint(light, out=light), 0, DN_MAX, out=light).astype(np.uint16)

    def wrap(self, body: bytes) -> bytes:
        """The whole stream."""
        record = write_record(FIELDS, asdict(self) | {"body": body})
        return struct.pack("<I", zlib.crc32(record)) + record


def unwrap(data: bytes) -> tuple[Frame, bytes]:
    """Frame and body of a stream; `StreamError` where it is damaged or a number is out of range."""
    record = memoryview(data)[4:]
    if len(data) < 4 or zlib.crc32(record) != struct.unpack_from("<I", data)[0]:
        raise StreamError("the peer's stream is damaged")
    values = read_record(FIELDS, bytes(record), "frame")
    body = values.pop("body")
    frame = Frame(**values)
    if frame.height * frame.width > MAX_PIXELS:
        raise StreamError(f"frame: a mosaic of {frame.width} x {frame.height} is larger than this version reads")
    if len(frame.black) not in (1, 4) or max(frame.black) >= frame.white * LEVEL_UNIT:
        raise StreamError("frame: the black levels make no sense")
    return frame, body
