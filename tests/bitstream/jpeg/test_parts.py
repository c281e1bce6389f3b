"""Where the superbox's contents are cut, and that a reader finds the places again whatever is gone."""

import itertools
import random

import pytest
from jpegs import plain_jpeg
from rawinlay.bitstream.jpeg import jumbf, parity, parts
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.further import further_boxes
from rawinlay.bitstream.jpeg.jumbf import MIN_PART, PART, PAYLOAD_AT
from rawinlay.bitstream.jpeg.mend import mend
from rawinlay.bitstream.jpeg.segments import APP11, read_segments, splice
from rawinlay.bitstream.stream.container import Container


def stream(sizes, head=100):
    """A stream of tiles of so many bytes, in three stages each."""
    rng = random.Random(0)
    cuts = ((n, 0, stage, size // 3 if stage else size - 2 * (size // 3)) for n, size in enumerate(sizes)
            for stage in range(3))  # fmt: skip
    return Container({"HEAD": rng.randbytes(head)}, {(n, la, s): rng.randbytes(k) for n, la, s, k in cuts}).to_bytes()


@pytest.mark.parametrize("sizes", [[40_000] * 5, [70_000, 3, 66_000, 200_000, 9], [300, 400], [PART] * 2, [5_000] * 60])
def test_the_rule(sizes):
    payload = stream(sizes)
    further = further_boxes(payload)
    ends = parts.ends_for(payload, further)
    total = PAYLOAD_AT + len(payload) + len(further)
    lengths = [b - a for a, b in itertools.pairwise([0, *ends])]
    assert ends[-1] == total and all(0 < length <= PART for length in lengths)
    assert all(length >= MIN_PART for length in lengths[:-1])
    bounds = set(itertools.accumulate(sizes, initial=PAYLOAD_AT + len(payload) - sum(sizes)))
    for end in ends[:-1]:  # where a tile ends, or within one that no part holds
        before, after = max(b for b in (0, *bounds) if b <= end), min(b for b in (*bounds, total) if b >= end)
        assert end in bounds or after - before > PART - MIN_PART
    wrapped = jumbf.wrap(payload, further, ends)
    assert jumbf.unwrap(wrapped) == payload and len(wrapped) == len(ends)


def test_parity_wants_full_parts():
    payload = stream([40_000] * 5)
    spare = jumbf.box(b"uuid", parity.UUID + bytes(PART))
    assert parts.ends_for(payload, spare) == parts.full_ends(PAYLOAD_AT + len(payload) + len(spare))
    less = jumbf.box(b"uuid", parity.UUID + bytes(PART // 2))  # which mends no lost part
    assert parts.ends_for(payload, less) != parts.full_ends(PAYLOAD_AT + len(payload) + len(less))
    assert parts.ends_for(bytes(200_000)) == parts.full_ends(PAYLOAD_AT + 200_000)  # no stream: no tiles


def carrier(sizes):
    payload = stream(sizes)
    return Jpeg(plain_jpeg()).with_payload(payload, further_boxes(payload)).data


def without(data, numbers, doubled=()):
    segments = [s for s in read_segments(data) if s.marker == APP11]
    edits = [(segments[n].start, segments[n].end, b"") for n in numbers]
    edits += [(segments[n].end, segments[n].end, data[segments[n].start : segments[n].end]) for n in doubled]
    return splice(data, edits)


def test_each_lost_segment_costs_the_tiles_in_it():
    """A segment to a tile: of every one that is lost, and every two, those and no others are gone."""
    data = carrier([40_000] * 6)
    count = sum(s.marker == APP11 for s in read_segments(data))
    whole = Container.from_bytes(Jpeg(data).payload)
    for lost in [*itertools.combinations(range(count), 1), *itertools.combinations(range(count), 2)]:
        if set(lost) >= {0, count - 1}:
            continue  # the head and its copy
        found = mend(without(data, lost, {min({0, 1, 2} - set(lost))}))
        assert len({tile for tile, _, _ in found.lost}) <= len(lost), lost
        kept = Container.from_bytes(found.payload)
        assert kept.sections == whole.sections
        assert kept.substreams == {k: d for k, d in whole.substreams.items() if k not in found.lost}


def test_a_damaged_head_is_found_by_its_neighbours():
    """Whatever byte of a segment's head is wrong, its place follows from those around it."""
    data = carrier([40_000, 30_000, 66_000, 20_000])
    for segment in [s for s in read_segments(data) if s.marker == APP11]:
        for at in range(segment.start, segment.first + jumbf.HEADER.size):
            hurt = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
            try:
                assert Jpeg(hurt).payload == Jpeg(data).payload
            except Exception:
                assert not mend(hurt).lost, at - segment.start


def test_files_with_full_parts_are_mended_too():
    """As version 0.1.0 wrote them."""
    payload, bare = stream([40_000] * 6), plain_jpeg()
    wrapped = jumbf.wrap(payload, further_boxes(payload))
    scan = read_segments(bare)[-1].start
    block = b"".join(b"\xff\xeb" + (len(p) + 2).to_bytes(2, "big") + p for p in wrapped)
    found = mend(without(bare[:scan] + block + bare[scan:], [1]))
    assert {tile for tile, _, _ in found.lost} == {1, 2, 3}
