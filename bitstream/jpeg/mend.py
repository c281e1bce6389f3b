"""A damaged RAW stream made whole again as far as may be: by parity, by the copy of its head, by what is left of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import StreamError
from ..stream import away, head_copy
from ..stream.container import INDEX, MAGIC, SECTIONS, Container
from ..stream.head_copy import Block, blocks, is_whole, total_length
from ..stream.index import Key, read_index
from . import parity
from .jumbf import PAYLOAD_AT
from .remains import Remains, remains_in

MOST_TRIED = 16  # variants of parts that are there twice


@dataclass(frozen=True)
class Mended:
    """payload: a sound stream of all that is intact, which had `size` bytes; lost: substreams that are not among it;
    notes: what was damaged, and what that was mended by, for people; bare: the JPEG without our segments, b"" for a
    sidecar."""

    payload: bytes
    lost: frozenset[Key]
    notes: tuple[str, ...]
    bare: bytes
    size: int


def mend(data: bytes, is_bound: Callable[[Mended], bool] | None = None) -> Mended:
    """The RAW stream in a damaged JPEG. `StreamError` where too little is left.

    is_bound: whether a stream belongs to the picture, which is asked where segments of several RAWs are there.
    """
    candidates: list[Mended] = []
    reason, boxes = StreamError("no segment of the RAW is left"), set[int]()
    for found in remains_in(data):
        try:
            candidates.append(_mend(found))
        except StreamError as error:
            reason = error
            continue
        boxes.add(len(found.contents))
        if not candidates[-1].lost and not (is_bound and found.strange):
            break
    if not candidates:
        raise reason
    bound = [one for one in candidates if is_bound(one)] if is_bound and len(boxes) > 1 else []
    return min(bound or candidates, key=lambda one: len(one.lost))


def mend_superbox(contents: bytes) -> Mended:
    """The same of a superbox whose segments, if it had any, are whole."""
    return _mend(Remains(contents))


def _mend(found: Remains) -> Mended:
    whole, damaged, left = parity.mended(found.contents)
    notes = [*found.notes]
    if damaged:
        notes.append(f"{damaged - left} of {damaged} damaged pieces were mended by parity")
    best = _salvaged(whole)
    tries = [(part, choice) for part, choices in found.others.items() for choice in choices[1:]]
    for part, choice in tries[:MOST_TRIED] if best is None or best[1] else ():
        other = found.with_part(whole, part, choice)
        tried = _salvaged(other)
        if tried and (best is None or len(tried[1]) < len(best[1])):
            best, whole = tried, other
    if best is None:
        what = "its header is damaged, and there is no intact copy of it"
        raise StreamError("; ".join(["the RAW can't be mended", *notes, what]))
    container, lost, more = best
    payload = container.to_bytes()
    gone = sum(length for _, length in lost)
    return Mended(payload, frozenset(key for key, _ in lost), (*notes, *more), found.bare, len(payload) + gone)


def _salvaged(contents: bytes) -> tuple[Container, list[tuple[Key, int]], list[str]] | None:
    """The stream in a superbox's contents: what is intact, what is lost, notes; None without a head."""
    main = blocks(contents, PAYLOAD_AT)
    at = contents.rfind(head_copy.UUID)
    copy = blocks(contents, at + len(head_copy.UUID)) if at >= 0 else []
    sound = {b.letter: b for b in [*copy, *main] if b.intact}
    if not is_whole(main):  # what only embellishes a DNG is not in the copy, but may still stand behind the damage
        more, lacking = head_copy.behind(copy, contents, PAYLOAD_AT), head_copy.left_out(copy)
        sound = {b.letter: b for b in more if b.intact and (b.letter.islower() or b.letter in lacking)} | sound
    head = sound.get(b"H")
    if head is None or not head.data.startswith(MAGIC) or not any(_is_enough(found, sound) for found in (copy, main)):
        return None
    names = {letter: name for name, letter in SECTIONS.items()}
    if any(letter.isupper() and letter not in names and letter != INDEX for letter in sound):
        raise StreamError("the RAW is damaged, and of a newer version")
    sections = {names[letter]: block.body for letter, block in sound.items() if letter in names}
    try:
        entries = read_index(sound[INDEX].body)
    except StreamError:
        return None
    first = PAYLOAD_AT + total_length(head) - sum(entry[3] for entry in entries)
    if first < PAYLOAD_AT or first - PAYLOAD_AT + sum(entry[3] for entry in entries) > len(contents):
        return None
    found: dict[Key, bytes] = {}
    lost: list[tuple[Key, int]] = []
    for tile, layer, stage, length, crc in entries:
        data = contents[first : first + length]
        first += length
        if len(data) == length and zlib.crc32(data) == crc:
            found[tile, layer, stage] = data
        else:
            lost.append(((tile, layer, stage), length))
    told = ""
    if "AWAY" in sections:
        pieces = away.mended(sections["AWAY"], (entry[:3] for entry in entries), found)
        if pieces is None:
            told = "the corrections by block are lost, and with them all that was coded by them"
            del sections["AWAY"]
            found, lost = {}, [(entry[:3], entry[3]) for entry in entries if entry[2] < away.STAGE]
        elif pieces:
            told = f"{len(pieces)} pieces of the corrections by block came from spare ones"
            found, lost = found | pieces, [one for one in lost if one[0] not in pieces]
    notes = _notes(main, copy, len(lost), len(entries))
    return Container(sections, found), lost, [*notes, told] if told else notes


def _is_enough(found: list[Block], sound: Mapping[bytes, Block]) -> bool:
    """Whether all that a head had is there, as far as its blocks tell.

    A block with a wrong CRC may have had another letter: it must be one that is sound elsewhere, or can be nothing but
    a section that is not needed. What a copy leaves out must be sound elsewhere too.
    """
    spare = {letter for letter in SECTIONS.values() if letter.islower() and letter.upper() not in SECTIONS.values()}
    lacking = [bytes([letter]) for letter in head_copy.left_out(found)]
    return (
        is_whole(found)
        and all(block.letter in sound or block.letter in spare for block in found)
        and all(letter in sound for letter in lacking)
    )


def _notes(main: list[Block], copy: list[Block], lost: int, count: int) -> list[str]:
    notes = []
    if not is_whole(main) or not all(block.intact for block in main):
        serves = "the copy of it serves" if copy else "but only what is not needed for decoding"
        notes.append(f"the RAW's header was damaged, {serves}")
    if lost:
        notes.append(f"{lost} of {count} substreams are lost")
    return notes
