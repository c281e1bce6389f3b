"""Where the superbox's contents are cut into parts, one a segment (docs/bitstream.md, 1.2).

A segment that is lost costs every tile of which it has a byte. So parts end where tiles do, as far as that goes::

    head | tile 0 | tile 1 | tile 2 | tile 3 ......... | boxes behind      boundaries
    [ part 1               ][ part 2 ][ part 3][ part 4][ part 5]          parts: at most `jumbf.PART` bytes each

A part takes in as many whole tiles as fit; a tile that no part holds is cut into even parts of its own. With as much
parity as a full part every part but the last is full, since it mends a lost one wherever that was cut, and must find
its place without the index.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ..errors import StreamError
from ..stream.container import INDEX
from ..stream.head_copy import Block, blocks, total_length
from ..stream.index import read_index
from . import parity
from .jumbf import MIN_PART, PART, PAYLOAD_AT


def full_ends(total: int) -> list[int]:
    """Where parts end that are full but for the last one; total: bytes of the contents."""
    return [*range(PART, total, PART), total]


def aligned_ends(bounds: Sequence[int], total: int) -> list[int]:
    """Where parts end, given where tiles and what surrounds them begin (ascending), and the bytes of the contents."""
    ends: list[int] = []
    at = 0
    while total - at > PART:
        fit = bisect_right(bounds, at + PART)
        if fit and bounds[fit - 1] >= at + MIN_PART:
            ends.append(bounds[fit - 1])
        else:
            stop = min(bounds[fit], total) if fit < len(bounds) else total
            pieces = -(-(stop - at) // PART)
            size = -(-(stop - at) // pieces)
            ends += [*range(at + size, stop, size), stop]
        at = ends[-1]
    return ends if ends and at == total else [*ends, total]


def ends_for(payload: bytes, further: bytes = b"") -> list[int]:
    """Where a writer ends the parts of a stream and the boxes behind it."""
    spare = int.from_bytes(further[:4], "big") if parity.UUID in further[:24] else 0
    return ends_of_sizes(payload, 0, len(further), spare)


def ends_of_sizes(payload: bytes, more: int, behind: int, spare: int) -> list[int]:
    """`ends_for` of a stream that gets so many bytes more in its head, with so many of boxes behind it; spare: bytes of
    these that are parity's box."""
    total = PAYLOAD_AT + len(payload) + more + behind
    if total <= PART or spare > PART:
        return full_ends(total)
    head = blocks(payload)
    bounds = bounds_of(head[0], head[-1]) if head and head[-1].letter == INDEX else None
    return aligned_ends([at + more for at in bounds], total) if bounds else full_ends(total)


def bounds_of(first: Block, index: Block) -> list[int] | None:
    """Where in the contents the tiles of a stream begin, layer by layer, and where it ends; None for a damaged one."""
    try:
        entries = read_index(index.body)
    except StreamError:
        return None
    end = PAYLOAD_AT + total_length(first)
    at = end - sum(length for *_, length, _ in entries)
    if at < PAYLOAD_AT:
        return None
    bounds, before = [], None
    for tile, layer, _, length, _ in entries:
        if (tile, layer) != before:
            bounds.append(at)
        before, at = (tile, layer), at + length
    return [*bounds, end]
