"""The boxes behind the RAW stream: parity over it, and a copy of its head (docs/bitstream.md, 2.7 and 2.8).

Readers pass over boxes that they don't know, so both are there for those who meet a damaged file only. The copy comes
last: it lies as far as can be from what it is a copy of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import StreamError, UsageError
from ..stream import head_copy
from . import jumbf, parity, parts


def check_share(share: float | None) -> None:
    """`UsageError` for a share of parity that there can't be; None is none."""
    if share is not None and not 0.01 <= share <= parity.MOST_SHARE:
        raise UsageError(f"parity {100 * share:g} %: want 1 to {100 * parity.MOST_SHARE:g} %")


def further_boxes(payload: bytes, share: float | None = None) -> bytes:
    """The boxes for a stream; share: of parity, None for none."""
    spare = parity.parity_box(jumbf.contents(payload), share) if share else b""
    return spare + _copy_box(payload)


def further_size(payload: bytes, share: float | None = None, more: int = 0, copied: int = 0) -> int:
    """Bytes of `further_boxes` for a stream that has so many bytes more, of which the copy will hold so many."""
    size = len(payload) + more
    spare = parity.parity_size(jumbf.PAYLOAD_AT + size, share) if share else 0
    copy = head_copy.head_copy(payload) if size >= head_copy.LEAST else b""
    return spare + (8 + len(head_copy.UUID) + len(copy) + copied if copy else 0)


def sizes(
    growth: Callable[[int, int, Sequence[int]], int], share: float | None = None, beside: int = 0, copied: int = 0
) -> Callable[[bytes], int]:
    """Bytes that a JPEG grows by for a stream.

    growth: of so many bytes of stream and of further boxes, with these ends of parts (`Jpeg.growth`); beside: bytes
    that will be added to the stream, and to its head's copy `copied` of them.
    """

    def size(payload: bytes) -> int:
        behind = further_size(payload, share, beside, copied)
        spare = parity.parity_size(jumbf.PAYLOAD_AT + len(payload) + beside, share) if share else 0
        ends = parts.ends_of_sizes(payload, beside, behind, spare)
        return growth(len(payload) + beside, behind, ends)

    return size


def share_of(contents: bytes) -> float | None:
    """The share of parity in a superbox's contents; None where there is none."""
    found = parity.Plan.find(contents)
    if found is None:
        return None
    spare, plan = found[0].spare_units * found[0].unit, found[0]
    return min(parity.MOST_SHARE, max(0.01, spare / (plan.covered + spare)))


def damages(contents: bytes) -> list[str]:
    """What is damaged in the boxes themselves, a line each; the stream is intact all the same."""
    found = []
    try:
        kinds = list(jumbf.inner_boxes(contents))
    except StreamError as error:
        return [str(error)]
    for kind, start, end in kinds:
        if kind == b"uuid" and contents[start : start + 16] == head_copy.UUID:
            whole = head_copy.blocks(contents[start + 16 : end])
            if not head_copy.is_whole(whole) or not all(block.intact for block in whole):
                found.append("the copy of the RAW stream's head is damaged")
    spare = parity.damages(contents)
    return [*found, *([f"{spare} units of the RAW stream's parity are damaged"] if spare else [])]


def _copy_box(payload: bytes) -> bytes:
    copy = head_copy.head_copy(payload) if len(payload) >= head_copy.LEAST else b""
    return jumbf.box(b"uuid", head_copy.UUID + copy) if copy else b""
