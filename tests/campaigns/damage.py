"""Damaged carriers: bits, cuts, segments that are lost, doubled, in another order, or of another JPEG.

`python -m tests.campaigns.damage --count N [--seed S]`; each must give the right mosaic, one whose map says which tiles
are right, or an error of one line with its code.
"""

import argparse
import collections
import itertools
import random
import time
from pathlib import Path

import carriers
import numpy as np
from rawinlay.bitstream.errors import InputError, NoRawError, StreamError
from rawinlay.bitstream.jpeg.carried import carried_stream
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.jumbf import HEADER, PAYLOAD_AT
from rawinlay.bitstream.jpeg.mend import mend
from rawinlay.bitstream.jpeg.segments import splice
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.stream.head_copy import blocks
from rawinlay.codec import api
from rawinlay.codec.carrier import is_bound
from rawinlay.codec.decoder.salvage import WHOLE

SLOW = 10.0
UNCOPIED = ("PREV", "META", "NOIS", "BORD", "DIGJ")
"""Sections that the copy of the head lacks."""


def flip(data, at, bit):
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def head_places(sample):
    """Where the bytes of the stream's head lie, up to the end of the index; those of the segment's own head too."""
    segment = sample.segments[0]
    start = segment.first + HEADER.size + PAYLOAD_AT
    size = sum(len(block.data) for block in blocks(sample.jpeg, start))
    return range(segment.start, start + size)


def damages(sample, other, rng, count):
    """Name and bytes of damaged files, without end."""
    segments, jpeg, head = sample.segments, sample.jpeg, head_places(sample)
    end = segments[-1].end
    kinds = ("head", "stream", "file", "cut", "lost", "doubled", "moved", "foreign", "zeros", "hole")
    for n in range(count):
        kind = kinds[n % len(kinds)]
        yield kind, _damaged(kind, sample, other, rng, (segments, jpeg, head, end))


def _damaged(kind, sample, other, rng, parts):
    segments, jpeg, head, end = parts
    if kind == "head":
        return flip(jpeg, rng.choice(head), rng.randrange(8))
    if kind == "stream":
        return flip(jpeg, rng.randrange(segments[0].start, end), rng.randrange(8))
    if kind == "file":
        return flip(jpeg, rng.randrange(len(jpeg)), rng.randrange(8))
    if kind == "cut":
        return jpeg[: rng.randrange(len(jpeg))]
    if kind == "lost":
        return sample.without(*rng.sample(range(len(segments)), rng.randint(1, 2)))
    one, two = (segments[k] for k in rng.sample(range(len(segments)), 2))
    if kind == "doubled":
        return splice(jpeg, [(two.end, two.end, jpeg[one.start : one.end])])
    if kind == "moved":
        order = list(segments)
        rng.shuffle(order)
        return jpeg[: segments[0].start] + b"".join(jpeg[s.start : s.end] for s in order) + jpeg[end:]
    if kind == "foreign":
        theirs = rng.choice(other.segments)
        return splice(jpeg, [(one.start, one.end, other.jpeg[theirs.start : theirs.end])])
    at = rng.randrange(segments[0].start, end)
    size = min(rng.randint(1, 3000), end - at)
    return jpeg[:at] + (bytes(size) if kind == "zeros" else b"") + jpeg[at + size :]


def outcome(data, mosaic, salvage):
    """What became of a damaged file: a word; AssertionError for what must not be."""
    start = time.monotonic()
    try:
        decoded = api.decode(data, preview="none", salvage=salvage)
    except (StreamError, NoRawError, InputError) as error:
        assert "\n" not in str(error) and time.monotonic() - start < SLOW
        return f"exit {error.exit_code}"
    assert time.monotonic() - start < SLOW
    if decoded.salvage is None or decoded.salvage.recovered == 1:
        assert np.array_equal(decoded.raw.mosaic, mosaic), "a wrong mosaic"
        return "mended" if decoded.warnings else "right"
    assert decoded.warnings and not decoded.lossless
    for tile in decoded.salvage.tiles:
        here = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        assert tile.state != WHOLE or np.array_equal(decoded.raw.mosaic[here], mosaic[here]), tile
    return "salvaged"


def run(count, seed=0, sample=None):
    """How often each kind of damage came to which end, by decode and by decode with salvage."""
    rng = random.Random(seed)
    sample = sample or carriers.sample()
    other = carriers.sample(seed=4)
    found = collections.defaultdict(collections.Counter)
    for kind, data in damages(sample, other, rng, count):
        found[kind][outcome(data, sample.mosaic, False), outcome(data, sample.mosaic, True)] += 1
    return found


def every_bit_of_the_head(sample, step=1):
    """Flip bits of segment head, sections and index, each `step`-th: the stream must be read as it was, or mended.

    What is mended is compared as a stream, which takes a hundredth of the time of decoding it. What the copy lacks may
    be lost where it is hit itself. How many flips.
    """
    whole, counted, lost = Container.from_bytes(Jpeg(sample.jpeg).payload), 0, 0
    first = head_places(sample)[0]
    for number in range(0, 8 * len(head_places(sample)), step):
        data = flip(sample.jpeg, first + number // 8, number % 8)
        try:
            found = Container.from_bytes(carried_stream(Jpeg(data)))
        except (StreamError, NoRawError, InputError):
            mended = mend(data)
            assert not mended.lost, number
            found = Container.from_bytes(mended.payload)
        gone = {name: b"" for name in UNCOPIED if not found.sections[name]}
        assert found.sections == {**whole.sections, **gone} and found.substreams == whole.substreams, number
        lost += any(whole.sections[name] for name in gone)
        counted += 1
    assert lost * step <= 8 * sum(len(whole.sections[name]) + 16 for name in UNCOPIED) + 8 * step
    return counted


def _end_of_stream(sample):
    """Where the last substream ends, or before."""
    size, place = len(Jpeg(sample.jpeg).payload) + PAYLOAD_AT, 0
    for segment in sample.segments:
        inside = segment.end - segment.first - HEADER.size
        if place + inside >= size:
            return segment.first + HEADER.size + size - place
        place += inside
    return segment.end


def bits_of_substreams(sample, rng, count):
    """Flip bits of the coded mosaic: just the one substream must be lost, or a piece (section AWAY) that comes back.

    How many were pieces.
    """
    start, end = head_places(sample)[-1] + 1, _end_of_stream(sample)
    keys = set(Container.from_bytes(Jpeg(sample.jpeg).payload).substreams)
    pieces = 0
    for _ in range(count):
        place = rng.randrange(start, end)
        mended = mend(flip(sample.jpeg, place, rng.randrange(8)))
        assert len(mended.lost) <= 1 and mended.lost <= keys, place
        if not any(s.start <= place < s.first + HEADER.size for s in sample.segments):
            back = any("pieces of the corrections" in note for note in mended.notes)
            assert bool(mended.lost) != back, place
            pieces += back
    return pieces


def rearranged(sample, other):
    """Name and bytes: every choice of segments lost, every order, each doubled at each place, each replaced by each of
    another carrier's or put beside it."""
    segments, theirs = sample.segments, other.segments
    first, last = segments[0].start, segments[-1].end
    own = [sample.jpeg[s.start : s.end] for s in segments]
    foreign = [other.jpeg[s.start : s.end] for s in theirs]

    def file(parts):
        return sample.jpeg[:first] + b"".join(parts) + sample.jpeg[last:]

    numbers = range(len(own))
    for count in numbers:
        for kept in itertools.combinations(numbers, count):
            yield "lost", file([own[n] for n in kept])
    for order in itertools.permutations(numbers):
        yield "moved", file([own[n] for n in order])
    for place, n in itertools.product(range(len(own) + 1), numbers):
        yield "doubled", file([*own[:place], own[n], *own[place:]])
    for place, part in itertools.product(numbers, foreign):
        yield "foreign", file([*own[:place], part, *own[place + 1 :]])
        yield "spliced", file([*own[:place], part, *own[place:]])


def every_arrangement(sample, other):
    """Of all `rearranged`, as streams: how often each kind is read as it was, mended, in part, or refused."""
    whole = Container.from_bytes(Jpeg(sample.jpeg).payload)
    found = collections.defaultdict(collections.Counter)
    for kind, data in rearranged(sample, other):
        found[kind][_as_stream(data, whole)] += 1
    return found


def _as_stream(data, whole):
    """What is had of a stream; AssertionError for what it never held."""
    try:
        stream, word = Container.from_bytes(carried_stream(Jpeg(data))), "right"
    except (StreamError, NoRawError, InputError):
        try:
            mended = mend(data, lambda one: is_bound(one, None))
        except StreamError as error:
            assert "\n" not in str(error)
            return "refused"
        stream, word = Container.from_bytes(mended.payload), "in part" if mended.lost else "mended"
    assert {**whole.substreams, **stream.substreams} == whole.substreams, "another substream"
    assert all(body in (b"", whole.sections[name]) for name, body in stream.sections.items()), "another section"
    assert word == "in part" or stream.substreams == whole.substreams
    return word


def cuts(sample, count):
    """Cut the file on a grid: an error with its code; salvage decodes what lies above a cut of the picture."""
    for n in range(count):
        end = len(sample.jpeg) * n // count
        for salvage in (False, True):
            found = outcome(sample.jpeg[:end], sample.mosaic, salvage)
            assert found.startswith("exit") or (salvage and found == "salvaged" and end > sample.segments[-1].end), end


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", action="store_true", help="each bit of the head; so many cuts, and bits behind it")
    parser.add_argument("--segments", action="store_true", help="segments lost, moved, doubled, foreign: all ways")
    parser.add_argument("--file", help="the same bits of a carrier of your own, as streams, without the cuts")
    parser.add_argument("--step", type=int, default=1, help="of its head, each so-manieth")
    args = parser.parse_args()
    if args.file:
        sample = carriers.Sample(Path(args.file).read_bytes(), None, b"")
        pieces = bits_of_substreams(sample, random.Random(args.seed), args.count)
        print(f"{args.count} flips behind the head, {pieces} of them in pieces: one substream lost each, or none")
        print(f"{every_bit_of_the_head(sample, args.step)} flips in the head: all read or mended", flush=True)
        return
    if args.segments:
        for kind, ends in every_arrangement(carriers.sample(), carriers.sample(seed=4)).items():
            print(f"{kind:8}", *(f"{word}: {n};" for word, n in ends.most_common()))
        return
    if args.every:
        sample = carriers.sample(64, (256, 320))  # two segments
        bits = every_bit_of_the_head(sample)
        bits_of_substreams(sample, random.Random(args.seed), args.count)
        cuts(sample, args.count)
        print(f"{bits} flips in the head, {args.count} behind it, {args.count} cuts: all read, mended or refused")
        return
    found = run(args.count, args.seed)
    for kind, ends in found.items():
        print(f"{kind:8}", *(f"{a} / {b}: {n};" for (a, b), n in ends.most_common()))
    print(f"{args.count} damaged files, none decoded wrongly")


if __name__ == "__main__":
    main()
