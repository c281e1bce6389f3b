"""The RAW stream: preamble, sections, and the substreams of the coded mosaic, every byte under exactly one CRC-32.

All numbers are little-endian; varints are those of `bitstream.stream.fields`.

=====================  =====  =================================================================================
what                   bytes  meaning
=====================  =====  =================================================================================
preamble               12     the record `PREAMBLE` below
sections               each   u8 id, varint length, that many bytes, u32 CRC; in the order of the next table
index of substreams    once   u8 id "S", varint length, the index, u32 CRC; always there, behind all sections
substreams             rest   their bytes, one behind the other in the order of the index
=====================  =====  =================================================================================

A CRC (zlib's CRC-32) covers all bytes since the previous one: the first thus covers the preamble, and each the id and
the length of its section.

=====  ====  =====================================================
id     name  contents
=====  ====  =====================================================
"H"    HEAD  the header
"R"    RECP  the recipe
"L"    LOCL  the recipe's corrections by block
"P"    PARM  parameters of the model that are this image's own
"Y"    LAYR  which layers there are, in a stream with layers
"p"    PREV  what the DNG's preview is to show
"W"    GEOM  where the JPEG lies over the mosaic, as the header can't say it
"K"    LOOK  the second look at the guide
"G"    GATE  a guide of the stream's own, and where it stands for the JPEG
"d"    DIGM  digest of the decoded mosaic
"s"    DIGS  digests of the JPEG as it was and of the RAW file
"b"    BORD  what the sensor has around the mosaic
"n"    NOIS  the sensor's noise, and how much of it is missing
"m"    META  the RAW's metadata and MakerNote
"C"    CELL  how the values of a sensor without a Bayer filter lie in the mosaic
"V"    LEVL  values that the mosaic's numbers stand for
"B"    POST  the second look at the guide behind the loop
"j"    DIGJ  digests of the JPEG's samples, by bands of rows
"A"    AWAY  where the corrections by block stand, if not in LOCL
"U"    USED  the values that each plane uses
"I"    BIAS  what decoded values lack in the mean
"S"          the index
=====  ====  =====================================================

An empty section is not written. Ids are letters: a reader that does not know a lower-case one skips it, and refuses the
stream for an upper-case one. `DECLARED` holds the letters that are taken for later sections.

The index, and the substreams' order: `bitstream.stream.index`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import InputError, StreamError
from .fields import Field, Reader, write_record, write_varint
from .index import MAX_LAYERS as MAX_LAYERS
from .index import MAX_STAGES, MAX_TILES, Key, read_index, write_index

MAGIC = b"RWIN"
MAJOR, MINOR = 1, 0
PREAMBLE = (
    Field("magic", "bytes", '"RWIN"', low=4, high=4),
    Field("major", "u8", "a reader refuses a larger one than its own", low=1),
    Field("minor", "u8", "a larger one adds only what a reader may skip"),
    Field("flags", "u16", "none is defined; a reader refuses one that it does not know", high=0),
    Field("total_length", "u32", "bytes of the whole stream, preamble included"),
)
PREAMBLE_BYTES = 12

SECTIONS = {
    "HEAD": b"H", "RECP": b"R", "LOCL": b"L", "PARM": b"P", "LAYR": b"Y", "PREV": b"p", "GEOM": b"W", "LOOK": b"K",
    "GATE": b"G", "DIGM": b"d", "DIGS": b"s", "BORD": b"b", "NOIS": b"n", "META": b"m",
    "CELL": b"C", "LEVL": b"V", "POST": b"B", "DIGJ": b"j", "AWAY": b"A", "USED": b"U", "BIAS": b"I",
}  # fmt: skip
INDEX = b"S"
SPARED = ("META",)
"""Sections that may be damaged and the rest is still read."""

DECLARED = {
    b"Q": ("STEP", "step maps"),
    b"T": ("TRAF", "transforms other than in place and Haar"),
    b"O": ("ORDR", "another order or interleaving of stages"),
    b"X": ("CTXT", "another context model"),
    b"f": ("FRAM", "further frames"),
    b"w": ("BLND", "weights for the mean of development and JPEG"),
    b"e": ("PRTY", "parity"),
}
"""Sections that no version writes yet, by id: name and contents. Nobody may give one of these letters another meaning
(docs/bitstream.md, 8.3); a letter moves from here to `SECTIONS` when the section is made."""


@dataclass(frozen=True)
class Container:
    """The parts of a RAW stream.

    sections: name, one of `SECTIONS` -> bytes; one that is not given is empty.
    lost: sections that are damaged and left out, of `SPARED`.
    substreams: (tile, layer, stage) -> bytes. Empty ones are not kept: read with `.get(key, b"")`.

    Raises ValueError for names and keys that the format does not have.
    """

    sections: Mapping[str, bytes] = field(default_factory=dict)
    substreams: Mapping[Key, bytes] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = set(self.sections) - set(SECTIONS)
        if unknown:
            raise ValueError(f"unknown sections {sorted(unknown)}")
        for tile, layer, stage in self.substreams:
            if not (0 <= tile < MAX_TILES and 0 <= layer < MAX_LAYERS and 0 <= stage < MAX_STAGES):
                raise ValueError(f"no place for a substream of tile {tile}, layer {layer}, stage {stage}")
        object.__setattr__(self, "sections", {name: self.sections.get(name, b"") for name in SECTIONS})
        object.__setattr__(self, "substreams", {key: data for key, data in self.substreams.items() if data})

    def to_bytes(self) -> bytes:
        """The stream. Raises InputError at 4 GiB."""
        index, streams = write_index(self.substreams)
        blocks = [
            section_id + write_varint(len(self.sections[name])) + self.sections[name]
            for name, section_id in SECTIONS.items()
            if self.sections[name]
        ]
        blocks.append(INDEX + write_varint(len(index)) + index)
        total = PREAMBLE_BYTES + sum(len(block) + 4 for block in blocks) + sum(map(len, streams))
        if total >= 1 << 32:
            raise InputError("the RAW stream is over 4 GiB")
        preamble = {"magic": MAGIC, "major": MAJOR, "minor": MINOR, "flags": 0, "total_length": total}
        blocks[0] = write_record(PREAMBLE, preamble) + blocks[0]
        return b"".join([*(block + _crc(block) for block in blocks), *streams])

    @classmethod
    def from_bytes(cls, data: bytes, verify: bool = True) -> Container:
        """The parts of a stream; `verify` says whether CRCs are compared.

        Raises StreamError that names what is damaged, or the versions when the stream is newer than this reader.
        """
        return _parse(data, _raise, verify, [])


def section_size(count: int) -> int:
    """Bytes that a section of so many adds to a stream."""
    return 1 + len(write_varint(count)) + count + 4


def sections_size(sections: Mapping[str, bytes]) -> int:
    """Bytes that these sections add to a stream; empty ones add none."""
    return sum(section_size(len(body)) for body in sections.values() if body)


def with_sections(payload: bytes, sections: Mapping[str, bytes]) -> bytes:
    """A stream with these sections instead of its own, the same bytes where it has them; empty ones are left out."""
    container = Container.from_bytes(payload)
    if all(container.sections[name] == body for name, body in sections.items()):
        return payload
    return Container({**container.sections, **sections}, container.substreams).to_bytes()


@dataclass(frozen=True)
class Examined:
    """What was found in a stream without keeping it: its sections as far as they could be read, damaged ones too; what
    is damaged, a line each, and in which tiles. All CRCs were compared."""

    sections: Mapping[str, bytes]
    damages: tuple[str, ...] = ()
    tiles: tuple[int, ...] = ()


def examined(data: bytes) -> Examined:
    """A stream walked through without a copy of its substreams; nothing is raised."""
    reader, damages, tiles = Reader(data, "RAW stream"), list[str](), set[int]()
    sections: dict[str, bytes] = {}
    try:
        _read_preamble(reader, damages.append)
        sections, index = _read_sections(reader, damages.append, True, None)
        for _ in _read_substreams(reader, index, damages.append, True, tiles):
            pass
    except StreamError as error:
        damages.append(str(error))
    return Examined({name: sections.get(name, b"") for name in SECTIONS}, tuple(damages), tuple(sorted(tiles)))


def check(data: bytes) -> list[str]:
    """Everything that is damaged in a stream, a line each; nothing when it is intact."""
    return list(examined(data).damages)


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def _raise(damage: str) -> None:
    raise StreamError(damage)


def _parse(data: bytes, report: Callable[[str], None], verify: bool, lost: list[str] | None = None) -> Container:
    """Read a stream; damage after which reading can go on is reported, any other raises StreamError.

    lost: gets the names of damaged sections of `SPARED`, which are not reported then.
    """
    reader = Reader(data, "RAW stream")
    _read_preamble(reader, report)
    sections, index = _read_sections(reader, report, verify, lost)
    substreams = {key: bytes(view) for key, view in _read_substreams(reader, index, report, verify, set())}
    return Container(sections, substreams, tuple(lost or ()))


def _read_preamble(reader: Reader, report: Callable[[str], None]) -> None:
    if reader.take(4, "magic") != MAGIC:
        raise StreamError('not a RAW stream: it does not start with "RWIN"')
    major, minor = reader.number(1, "major version"), reader.number(1, "minor version")
    if major > MAJOR:
        raise StreamError(f"the RAW stream has version {major}.{minor}, this program reads up to {MAJOR}.x: update it")
    if major < 1:
        raise StreamError("RAW stream: version 0 does not exist")
    flags, total = reader.number(2, "flags"), reader.number(4, "total length")
    if total != len(reader.data):
        report(f"RAW stream: it has {len(reader.data)} bytes, its preamble says {total}")
    if flags:
        report(f"RAW stream: unknown flags {flags:#06x}")


def _read_sections(
    reader: Reader, report: Callable[[str], None], verify: bool, lost: list[str] | None
) -> tuple[dict[str, bytes], bytes]:
    """The sections, and the index behind them."""
    names = {section_id: name for name, section_id in SECTIONS.items()}
    order = list(SECTIONS)
    sections: dict[str, bytes] = {}
    checked = 0  # everything before is under a CRC
    while True:
        section_id = reader.take(1, "section id")
        name = "index" if section_id == INDEX else names.get(section_id, "")
        if not name and not (section_id.isalpha() and section_id.islower()):
            raise StreamError(_refusal(reader, section_id, checked))
        shown = f"section {name}" if name in order else name or f"section {section_id.decode()}"
        body = reader.take(reader.varint(f"length of {shown}"), shown)
        block = memoryview(reader.data)[checked : reader.at]
        crc = reader.number(4, f"CRC of {shown}")
        damaged = verify and zlib.crc32(block) != crc
        if damaged and name in SPARED and lost is not None:
            checked = reader.at
            lost.append(name)
            continue
        if damaged:
            report(f"RAW stream: {'preamble or ' if not checked else ''}{shown}: CRC mismatch")
            if name == "index":
                raise StreamError("RAW stream: substreams can't be located without the index")
        checked = reader.at
        if name == "index":
            return sections, body
        if name:
            if any(order.index(name) <= order.index(earlier) for earlier in sections):
                raise StreamError(f"RAW stream: {shown} out of order")
            if not body:
                raise StreamError(f"RAW stream: {shown} is written though empty")
            sections[name] = body


def _refusal(reader: Reader, section_id: bytes, checked: int) -> str:
    """Why a section that is not known can't be skipped; `reader` stands behind its id.

    Only a right CRC tells a newer stream from a damaged letter.
    """
    name, what = DECLARED.get(section_id, (None, ""))
    try:
        reader.take(reader.varint("length"), "section")
        block = memoryview(reader.data)[checked : reader.at]
        intact = reader.number(4, "CRC") == zlib.crc32(block)
    except StreamError:
        intact = False
    if name and intact:
        return f"the RAW stream needs a newer version of rawinlay (section {name}: {what})"
    return f"RAW stream: unknown section {section_id!r}, damaged or of a newer version"


def _read_substreams(
    reader: Reader, index: bytes, report: Callable[[str], None], verify: bool, damaged: set[int]
) -> Iterator[tuple[Key, memoryview]]:
    """The substreams that are there, in order; `reader` stands behind the index. damaged: gets the tiles of those that
    are not."""
    data = memoryview(reader.data)
    for tile, layer, stage, length, crc in read_index(index):
        if length > reader.remaining:
            reader.at = len(reader.data)
            wrong = "cut off"
        else:
            stream = data[reader.at : reader.at + length]
            reader.at += length
            if not verify or zlib.crc32(stream) == crc:
                yield (tile, layer, stage), stream
                continue
            wrong = "CRC mismatch"
        damaged.add(tile)
        report(f"RAW stream: substream of tile {tile}, layer {layer}, stage {stage}: {wrong}")
    if reader.remaining:
        report(f"RAW stream: {reader.remaining} bytes too many behind the last substream")
