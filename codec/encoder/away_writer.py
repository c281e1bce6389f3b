"""Whether the corrections by block stand in the head, and are copied with it, or in pieces along the stream."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from ...bitstream.jpeg.jumbf import PART
from ...bitstream.stream import away, gf256
from ...bitstream.stream.container import Key, section_size
from ...bitstream.stream.head_copy import LEAST
from ...bitstream.stream.index import write_index

SHARE = 0.01
"""Of a stream, that the copy of its head should not exceed."""

LOST = 20
"""Of so many segments one may be lost, and of fewer one."""

PIECE_COST = 12
"""Bytes of a piece's entry in the index, and in its copy."""


def stand_away(
    sections: Mapping[str, bytes], substreams: Mapping[Key, bytes]
) -> tuple[dict[str, bytes], dict[Key, bytes]]:
    """Sections and substreams of a stream of one layer with its corrections where they cost least: away from the head
    where the copy of that would be too large with them, and pieces with spare ones are fewer bytes.

    As many are spare as keep what is there twice within `SHARE` of the stream; at least those of the parts that may be
    lost.
    """
    local, kept = sections.get("LOCL", b""), (dict(sections), dict(substreams))
    head = sum(section_size(len(body)) for body in sections.values() if body) + len(write_index(substreams)[0])
    total = head + sum(map(len, substreams.values()))
    if not local or total < LEAST or head <= SHARE * total:
        return kept
    tiles = apart(substreams)
    spare = -(-total // (PART * LOST))
    if 2 * spare >= len(tiles):
        return kept
    copied = head - len(local) + PIECE_COST * len(tiles)
    while 2 * (spare + 1) < len(tiles) and copied + (spare + 1) * away.piece_size(
        len(local), len(tiles) - spare - 1
    ) <= SHARE * total:
        spare += 1
    section, pieces = away.scattered(local, tiles, spare)
    cost = PIECE_COST * len(pieces) + 2 * section_size(len(section))
    if spare * len(next(iter(pieces.values()))) + cost >= len(local):
        return kept
    return {**sections, "LOCL": b"", "AWAY": section}, {**substreams, **pieces}


def apart(substreams: Mapping[Key, bytes]) -> list[int]:
    """Tiles, the first with a substream first, that are so far apart that no part of the superbox holds the end of
    two."""
    chosen: list[int] = []
    between = PART
    for tile, group in groupby(sorted(substreams), key=lambda key: key[0]):
        between += sum(len(substreams[key]) for key in group)
        if between >= PART and len(chosen) < gf256.MOST:
            chosen.append(tile)
            between = 0
    return chosen
