"""The JUMBF box: golden bytes, disorder, gaps, boxes of others, and framing that a program destroyed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import InputError, StreamError
from rawinlay.bitstream.jpeg import jumbf
from rawinlay.bitstream.jpeg.jumbf import HEADER, MIN_PART, PART, box, remove, unwrap, wrap
from rawinlay.bitstream.jpeg.segments import MAX_PAYLOAD

GOLDEN = """
    4a50 5243 00000001 0000005e 6a756d62
    0000002a 6a756d64 40cb0c32bb8a489da70b2ad6f47f4369 03 6f72672e726177696e6c61792e726177 00
    00000022 62666462 00 6170706c69636174696f6e2f766e642e726177696e6c6179 00
    0000000a 62696462 5257
"""
INNER = 42 + 34 + 8  # jumd, bfdb, and bidb's own header

C2PA = [
    b"JP" + bytes.fromhex("0211 00000001 00000030 6a756d62") + box(b"jumd", bytes(16) + b"\x03c2pa\0") + bytes(8),
    b"JP" + bytes.fromhex("0211 00000002 00000030 6a756d62") + bytes(4),
]


def payload_of(length, seed=0):
    return random.Random(seed).randbytes(length)


def resplit(payloads):
    """What ImageMagick does to the APP11 segments of a JPEG."""
    joined = b"".join(payloads)
    return [joined[at : at + MAX_PAYLOAD] for at in range(0, len(joined), MAX_PAYLOAD)]


def test_golden_bytes():
    assert wrap(b"RW") == [bytes.fromhex(GOLDEN)]
    assert unwrap([bytes.fromhex(GOLDEN)]) == b"RW"


@pytest.mark.parametrize("length", [0, 1, 1000, PART - INNER, 3 * PART - INNER, 200_000])
def test_round_trip(length):
    payload = payload_of(length)
    parts = wrap(payload)
    assert unwrap(parts) == payload
    assert all(len(part) == MAX_PAYLOAD for part in parts[:-1])
    assert remove(parts) == [b""] * len(parts)


def test_no_box_over_4_gib(monkeypatch):
    monkeypatch.setattr(jumbf, "MAX_LBOX", 8 + INNER + 1000)
    assert unwrap(wrap(bytes(1000))) == bytes(1000)
    with pytest.raises(InputError, match="over 4 GiB"):
        wrap(bytes(1001))


@pytest.mark.parametrize("tail", range(0, MIN_PART + 2))
def test_the_last_part_is_never_tiny(tail):
    payload = payload_of(PART - INNER + tail)
    parts = wrap(payload)
    assert unwrap(parts) == payload
    assert len(parts) == (2 if tail else 1)
    assert all(len(part) >= 28 for part in parts)
    assert [HEADER.unpack_from(part)[2] for part in parts] == [1, 2][: len(parts)]


@given(st.integers(0, 300_000), st.randoms(use_true_random=False))
def test_any_order_with_duplicates(length, order):
    payload = payload_of(length)
    parts = wrap(payload)
    parts += order.choices(parts, k=2)
    order.shuffle(parts)
    assert unwrap(parts) == payload
    assert remove(parts) == [b""] * len(parts)


def test_boxes_of_others_are_ignored_and_kept():
    others = [*C2PA, b"HDR_RI ver=11", b"JP", b""]
    assert unwrap(others) is None
    assert remove(others) == others
    payload = payload_of(150_000)
    ours = wrap(payload)
    mixed = [others[0], ours[2], others[1], ours[0], *others[2:], ours[1]]
    assert unwrap(mixed) == payload
    assert [rest for rest in remove(mixed) if rest] == [other for other in others if other]


def test_a_box_of_others_with_our_number():
    theirs = wrap(payload_of(500))[0].replace(b"org.rawinlay.raw", b"org.somebody.els")
    assert unwrap([theirs]) is None
    ours = wrap(payload_of(150_000))
    assert unwrap([theirs, *ours]) == payload_of(150_000)
    assert remove([theirs, *ours]) == [theirs, b"", b"", b""]


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_gaps_name_the_part(missing):
    parts = wrap(payload_of(3 * PART + 100))
    del parts[missing]
    with pytest.raises(StreamError, match=f"part {missing + 1} of 4 of the RAW data is missing"):
        unwrap(parts)
    assert remove([*C2PA, *parts]) == [*C2PA, b"", b"", b""]


def test_cut_and_contradicting_parts():
    parts = wrap(payload_of(150_000))
    with pytest.raises(StreamError, match="missing or cut"):
        unwrap([parts[0], parts[1], parts[2][:-1]])
    with pytest.raises(StreamError, match="part 2 of the RAW data is in the JPEG twice, with different contents"):
        unwrap([*parts, parts[1][:-1] + b"?"])
    with pytest.raises(StreamError, match="has 4 parts in the JPEG, more than"):
        unwrap([*parts, HEADER.pack(b"JP", 0x5243, 4, HEADER.unpack_from(parts[0])[3], b"jumb") + b"x"])
    with pytest.raises(StreamError, match="2 different RAW streams"):
        unwrap([*parts, *wrap(b"another")])
    with pytest.raises(StreamError, match="part 2 of 3"):
        unwrap([parts[0], parts[1].replace(parts[1][8:12], b"\0\0\0\1", 1), parts[2]])


@pytest.mark.parametrize("before", [[], C2PA, [b"HDR_RI"], [b"JPxx" + bytes(70_000)]])
@pytest.mark.parametrize("after", [[], C2PA, [bytes(70_000)]])
def test_imagemagick_splits_anew(before, after):
    payload = payload_of(150_000)
    split = resplit([*before, *wrap(payload), *after])
    assert unwrap(split) == payload
    assert b"".join(remove(split)) == b"".join([*before, *after])


def test_split_anew_and_damaged():
    split = resplit([*C2PA, *wrap(payload_of(150_000))])
    with pytest.raises(StreamError, match="part 2 of 3"):
        unwrap([split[0], *split[2:]])


def test_our_box_inside_a_box_of_others_is_not_ours():
    ingredient = wrap(payload_of(100))[0]
    theirs = [b"JP" + bytes.fromhex("0211 00000001 00000200 6a756d62") + box(b"jumd", bytes(16)) + ingredient]
    assert unwrap(theirs) is None
    assert remove(theirs) == theirs


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (b"", "0 embedded files"),
        (box(b"bidb", b"a") * 2, "2 embedded files"),
        (b"\0\0\0\0bidb", "claims 0 bytes"),
        (b"\0\0\0\x09bidb", "claims 9 bytes of 8"),
        (b"\0\0\0\1bidb" + bytes(8), "claims 1 bytes"),
        (b"\0\0\0", "inside the header"),
    ],
)
def test_damaged_inner_boxes(inner, message):
    contents = wrap(b"")[0][HEADER.size : HEADER.size + 42] + inner
    with pytest.raises(StreamError, match=message):
        unwrap([HEADER.pack(b"JP", 0x5243, 1, 8 + len(contents), b"jumb") + contents])


@given(st.integers(0, 2), st.integers(0, 200), st.binary(min_size=1, max_size=4))
def test_damage_never_gives_another_error(part, at, new):
    parts = wrap(payload_of(150_000))
    parts[part] = parts[part][:at] + new + parts[part][at + len(new) :]
    try:
        result = unwrap(parts)
        assert result is None or len(result) == 150_000
    except StreamError as error:
        assert "\n" not in str(error)
    assert len(remove(parts)) == 3


@given(st.lists(st.binary(max_size=40).map(lambda data: b"JPRC" + data), max_size=4))
def test_any_parts_fail_cleanly(payloads):
    try:
        assert unwrap(payloads) is None
    except StreamError as error:
        assert "\n" not in str(error)
    remove(payloads)
