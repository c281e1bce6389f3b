"""The header: what the decoder must know before it reads a recipe or a symbol.

The record `FIELDS` (see `bitstream.stream.fields`) is the layout; `docs/bitstream.md` carries it as a table.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, field

import numpy as np

from ..errors import StreamError
from ..raw_image import CFA_PHASES
from .fields import Field, read_record, write_record

LEVEL_UNIT = 1024
"""Black levels are stored in 1/1024 DN."""

LOSSLESS_STEP = 5120
"""The step that stands for lossless coding."""

MAX_SIDE = 1 << 16
MAX_PIXELS = 1 << 29

FIELDS = (
    Field("model", "bytes", "identity of the probability tables: first 8 bytes of their SHA-256", low=8, high=8),
    Field("net", "bytes", "identity of the learned features' net, as `model`; empty: hand-made features only", high=8),
    Field("binding", "bytes", "identity of the JPEG's decoded planes, `bitstream.jpeg.planes`", low=16, high=16),
    Field("height", "varint", "rows of the mosaic", low=2, high=MAX_SIDE),
    Field("width", "varint", "columns of the mosaic", low=2, high=MAX_SIDE),
    Field("cfa", "u8", "colours of the first 2x2 sites: 0 RGGB, 1 BGGR, 2 GRBG, 3 GBRG", high=3),
    Field("orientation", "u8", "TIFF orientation of the mosaic", low=1, high=8),
    Field("white", "u16", "white level, DN", low=1),
    Field("top", "u16", "largest value of the mosaic, DN; decoded values are 0..top", low=1),
    Field("black", "array", "black level of the four sites, 1/1024 DN; one stands for all", low=1, high=4,
          of=Field("level", "varint", high=65535 * LEVEL_UNIT)),
    Field("saturation", "array", "where the sensor saturates: four values by plane, DN, 0: nowhere; then by plane how "
          "far below, DN, the prediction is taken to be saturated; empty: nowhere", high=8,
          of=Field("dn", "varint", high=65535)),
    Field("geometry", "bytes", "how the JPEG lies over the mosaic, `codec.guide.geometry`", high=64),
    Field("companding", "u8", "offset a of the companding, 1/512 of white - black", low=1),
    Field("step_exponent", "u8", "exponent of the guided step, 1/4", high=8),
    Field("states", "u8", "logarithm of the number of the trellis's states", low=2, high=6),
    Field("step", "u16", "quantisation step: 2^(step / 256 - 20) of white - black in linear light; 5120: lossless",
          high=LOSSLESS_STEP),
    Field("tile", "u16", "side of a tile in pairs of CFA cells; the last tiles may be smaller", low=8),
    Field("transforms", "bytes", "transform of each tile, a bit each from the low end, 1: Haar; one byte 0 or 255: all",
          low=1, high=1 << 17),
    Field("values", "bytes", "the values that the mosaic uses, `pack_values`; empty: all of 0..top", high=1 << 16),
    Field("camera", "str", "make and model, for people", high=128),
    Field("tags", "bytes", "tags for the DNG, `bitstream.tiff.tags`", high=1 << 24),
)  # fmt: skip


@dataclass(frozen=True)
class Header:
    """One header; every field as in `FIELDS`."""

    model: bytes
    net: bytes
    binding: bytes
    height: int
    width: int
    cfa: int
    orientation: int
    white: int
    top: int
    black: list[int]
    saturation: list[int]
    geometry: bytes
    companding: int
    step_exponent: int
    states: int
    step: int
    tile: int
    transforms: bytes
    values: bytes
    camera: str
    tags: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """The header section's bytes; ValueError where a value is out of range."""
        return write_record(FIELDS, asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Header:
        """Inverse of `to_bytes`; `StreamError` where the bytes are no sound header."""
        header = cls(**read_record(FIELDS, data, "header"))
        if header.height * header.width > MAX_PIXELS:
            raise StreamError(f"header: a mosaic of {header.width} x {header.height} is larger than this version reads")
        if len(header.black) not in (1, 4):
            raise StreamError("header: black has neither one nor four levels")
        if len(header.saturation) not in (0, 8):
            raise StreamError("header: the saturation has neither none nor eight numbers")
        if max(header.saturation, default=0) > header.top:
            raise StreamError("header: the saturation leaves the mosaic's range")
        if max(header.black) >= header.white * LEVEL_UNIT:
            raise StreamError("header: the black level is not below the white level")
        return header

    @property
    def lossless(self) -> bool:
        """Whether layer 0, which is all where there are no others, gives back the mosaic bit for bit."""
        return self.step == LOSSLESS_STEP

    @property
    def phase(self) -> str:
        """CFA phase as text."""
        return CFA_PHASES[self.cfa]

    @property
    def levels(self) -> tuple[float, float, float, float]:
        """Black level of the four sites, DN."""
        four = [b / LEVEL_UNIT for b in self.black] * (4 // len(self.black))
        return four[0], four[1], four[2], four[3]


def pack_values(used: np.ndarray) -> bytes:
    """A sorted set of values 0..65535 for the header: a raw deflate stream (RFC 1951) of the differences.

    The first difference is the first value + 1, so each is at least 1. A byte 0 counts 255 and leaves the number
    open; a byte 1..255 counts itself and closes it.
    """
    out = bytearray()
    for gap in np.diff(used.astype(np.int64), prepend=-1).tolist():
        zeros, rest = divmod(gap - 1, 255)
        out += bytes(zeros) + bytes([rest + 1])
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(out)) + packer.flush()


def unpack_values(data: bytes, top: int) -> np.ndarray:
    """Inverse of `pack_values`, int64 ascending; `StreamError` where it is none or leaves 0..top."""
    unpacker = zlib.decompressobj(-15)
    try:
        plain = unpacker.decompress(data, 2 * (top + 1))
    except zlib.error as error:
        raise StreamError("header: the set of values is damaged") from error
    steps = np.frombuffer(plain, np.uint8).astype(np.int64)
    if not unpacker.eof or unpacker.unused_data or not len(steps) or not steps[-1]:
        raise StreamError("header: the set of values is damaged")
    values = np.cumsum(np.where(steps == 0, 255, steps))[steps > 0] - 1
    if values[-1] > top:
        raise StreamError("header: the set of values leaves the mosaic's range")
    return values
