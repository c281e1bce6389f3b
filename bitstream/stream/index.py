"""The index of the substreams: which of them have bytes, how many, and the CRC of each.

==============  ===============  =============================================================================
what            bytes            meaning
==============  ===============  =============================================================================
tiles           varint           0..2^20; 0 when no substream has any bytes, layers and stages too then
layers          varint           0..21
stages          varint           0..64
presence        ceil(T*L*S / 8)  one bit per substream, from each byte's low end; 0: the substream is empty
lengths, CRCs   each             of every substream that is present: varint length >= 1, u32 CRC of its bytes
==============  ===============  =============================================================================

Substreams go by layer, then tile, then stage: the coarser layers of the whole picture come first.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from ..errors import StreamError
from .fields import Reader, write_varint

MAX_TILES, MAX_STAGES = 1 << 20, 64

MAX_LAYERS = 21
"""Layers of a stream: each of the 20 octaves of the step scale once, and the lossless one."""

Key = tuple[int, int, int]  # tile, layer, stage


def write_index(substreams: Mapping[Key, bytes]) -> tuple[bytes, list[bytes]]:
    """The index of substreams that all have bytes, and those in its order."""
    tiles, layers, stages = (1 + max((key[k] for key in substreams), default=-1) for k in range(3))
    presence = bytearray(-(-tiles * layers * stages // 8))
    entries, streams = [], []
    for tile, layer, stage in sorted(substreams, key=lambda key: (key[1], key[0], key[2])):
        stream = substreams[tile, layer, stage]
        place = (layer * tiles + tile) * stages + stage
        presence[place // 8] |= 1 << place % 8
        entries.append(write_varint(len(stream)) + zlib.crc32(stream).to_bytes(4, "little"))
        streams.append(stream)
    counts = (write_varint(count) for count in (tiles, layers, stages))
    return b"".join([*counts, bytes(presence), *entries]), streams


def read_index(index: bytes) -> list[tuple[int, int, int, int, int]]:
    """Of each substream present: tile, layer, stage, length, CRC."""
    reader = Reader(index, "RAW stream's index")
    limits = {"tiles": MAX_TILES, "layers": MAX_LAYERS, "stages": MAX_STAGES}
    tiles, layers, stages = counts = [reader.varint(f"number of {name}") for name in limits]
    for (name, limit), count in zip(limits.items(), counts, strict=True):
        if count > limit:
            raise StreamError(f"RAW stream's index: {count} {name}, allowed are {limit}")
    places = tiles * layers * stages
    if not places and any(counts):
        raise StreamError("RAW stream's index: only some of tiles, layers and stages are 0")
    presence = reader.take(-(-places // 8), "presence bits")
    count = sum(byte.bit_count() for byte in presence)
    if 5 * count > reader.remaining:
        raise StreamError(f"RAW stream's index: {count} substreams claimed, {reader.remaining} bytes left for them")
    present = [8 * k + bit for k, byte in enumerate(presence) if byte for bit in range(8) if byte >> bit & 1]
    if present and present[-1] >= places:
        raise StreamError("RAW stream's index: presence bits of substreams that do not exist")
    entries = []
    for place in present:
        length, crc = reader.varint("length of a substream"), reader.number(4, "CRC of a substream")
        if not length:
            raise StreamError("RAW stream's index: a substream that is present has no bytes")
        entries.append((place // stages % tiles, place // stages // tiles, place % stages, length, crc))
    if reader.remaining:
        raise StreamError(f"RAW stream's index: {reader.remaining} bytes too many")
    return entries
