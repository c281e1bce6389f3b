"""The head of a stream twice: what decoding can't do without, copied behind the substreams.

A box of its own behind `bidb` (docs/bitstream.md, 2.7) holds the bytes of the stream from its start to the end of the
index, less the sections that only embellish a DNG: everything is as it is in the stream, CRCs included. Streams of less
than `LEAST` bytes have none: they lie in one segment with it. A large guide of the stream's own is not copied either: a
block of letter `LEFT_OUT` says that it must be found where it stands.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from ..errors import StreamError
from .container import INDEX, PREAMBLE_BYTES, SECTIONS
from .fields import Reader

UUID = bytes.fromhex("1E6A7C3B52574E434F50590000000001")
LEAST = 1 << 16
MOST_BETWEEN = 1 << 20
MOST_BLOCKS = 64  # there are fewer letters; more are an attack on memory
SMALL = (SECTIONS["DIGM"], SECTIONS["DIGS"])
"""Sections with small letters that are copied all the same."""

LEFT_OUT = b"g"
"""Letter of the block that says, in its contents, which letters the copy lacks though decoding needs them."""

LARGE = 1 << 11
"""Bytes from which on a guide of the stream's own is left out, as the JPEG's scan has no copy either: it may be a tenth
of a stream, and more."""


@dataclass(frozen=True)
class Block:
    """A section as it stands: its letter, the whole block, its contents, and whether its CRC is right."""

    letter: bytes
    data: bytes
    body: bytes
    intact: bool


def blocks(data: bytes, start: int = 0, begins: bool = True) -> list[Block]:
    """The blocks of a stream's head from `start` on: the index is the last one, unless damage hides what follows.

    begins: the stream does, with its preamble.
    """
    reader = Reader(data, "RAW stream")
    reader.at = start
    found: list[Block] = []
    try:
        reader.take(PREAMBLE_BYTES if begins else 0, "preamble")
        at = start
        while len(found) < MOST_BLOCKS and (not found or found[-1].letter != INDEX):
            letter = reader.take(1, "section id")
            if not letter.isalpha():
                break
            body = reader.take(reader.varint("length"), "section")
            block = data[at : reader.at]
            intact = reader.number(4, "CRC") == zlib.crc32(block)
            found.append(Block(letter, data[at : reader.at], body, intact))
            at = reader.at
    except StreamError:
        pass
    return found


def behind(copy: list[Block], data: bytes, start: int) -> list[Block]:
    """Blocks that stand in a damaged head, from `start` on, behind those that its copy has: the copy lacks some."""
    stop = start + 2 * sum(len(block.data) for block in copy) + MOST_BETWEEN
    found: list[Block] = []
    reached = start
    for at, size in sorted((data.find(block.data, start, stop), len(block.data)) for block in copy):
        if at >= 0 and at + size >= reached:  # nothing is read twice
            more = blocks(data, at + size, begins=False)
            found, reached = found + more, at + size + sum(len(block.data) for block in more)
    return found


def is_whole(found: list[Block]) -> bool:
    """Whether the blocks reach to an intact index, so that none is missing."""
    return bool(found) and found[-1].letter == INDEX and found[-1].intact


def head_copy(payload: bytes) -> bytes:
    """What the box holds."""
    found = (b for b in blocks(payload) if b.letter.isupper() or b.letter in SMALL)
    return b"".join(_marker(b.letter) if _is_large(b) else b.data for b in found)


def left_out(copy: list[Block]) -> bytes:
    """Letters that a copy lacks and tells of."""
    return b"".join(block.body for block in copy if block.letter == LEFT_OUT and block.intact)


def _is_large(block: Block) -> bool:
    return block.letter == SECTIONS["GATE"] and len(block.data) >= LARGE


def _marker(letter: bytes) -> bytes:
    """A block that stands for one that is left out."""
    block = LEFT_OUT + b"\1" + letter
    return block + zlib.crc32(block).to_bytes(4, "little")


def total_length(first: Block) -> int:
    """Of a stream whose first block this is."""
    return int.from_bytes(first.data[8:PREAMBLE_BYTES], "little")
