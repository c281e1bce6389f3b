"""The RAW stream: golden bytes, round trips, and damage that never goes unnoticed."""

import re
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.jumbf import wrap
from rawinlay.bitstream.jpeg.segments import segment_bytes
from rawinlay.bitstream.stream.container import DECLARED, INDEX, PREAMBLE, SECTIONS, Container, check
from rawinlay.bitstream.stream.fields import markdown_table, write_varint

MANUAL = Path(__file__).parents[3] / "docs" / "bitstream.md"

EXAMPLE = Container(
    {"HEAD": b"\x10\x20", "RECP": b"\x30"},
    {(0, 0, 0): b"abc", (0, 0, 2): b"d", (1, 0, 1): b"ef"},
)
GOLDEN = """
    5257494e 01 00 0000 3a000000
    48 02 1020 2f4d7ebd
    52 01 30 2122bbaf
    53 13 02 01 03 15 03 c2412435 01 cc4add98 02 704982fd 818dfa18
    616263 64 6566
"""

sections = st.dictionaries(st.sampled_from(["HEAD", "RECP", "LOCL", "PARM", "LAYR"]), st.binary(max_size=300))
keys = st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(0, 63))
containers = st.builds(Container, sections, st.dictionaries(keys, st.binary(max_size=200), max_size=30))


def test_golden_bytes():
    data = bytes.fromhex(GOLDEN)
    assert EXAMPLE.to_bytes() == data
    assert Container.from_bytes(data) == EXAMPLE
    assert check(data) == []


@given(containers)
def test_round_trip(container):
    data = container.to_bytes()
    assert Container.from_bytes(data) == container
    assert Container.from_bytes(data, verify=False) == container
    assert check(data) == []


def test_extreme_places():
    container = Container({}, {((1 << 20) - 1, 0, 0): b"x", (0, 0, 1): b"y"})
    assert Container.from_bytes(container.to_bytes()) == container
    container = Container({}, {(0, 20, 63): b"x" * 70000})
    assert Container.from_bytes(container.to_bytes()) == container


def test_overhead():
    """37 bytes for a file of one tile and 16 stages, plus 6 and a bit for each substream that is not empty."""
    empty = Container({"HEAD": bytes(300), "RECP": bytes(2000)}, {(0, 0, 15): b"x"})
    assert len(empty.to_bytes()) - 300 - 2000 - 1 - 5 == 37
    full = Container({"HEAD": bytes(300), "RECP": bytes(2000)}, {(0, 0, stage): bytes(500) for stage in range(16)})
    assert len(full.to_bytes()) - 300 - 2000 - 16 * 500 - 16 * 6 == 37


def test_empty_parts_are_not_kept():
    assert Container({"HEAD": b""}, {(3, 2, 1): b""}) == Container()
    assert Container.from_bytes(Container().to_bytes()) == Container()


@pytest.mark.parametrize("key", [(1 << 20, 0, 0), (0, 21, 0), (0, 0, 64), (-1, 0, 0)])
def test_impossible_places(key):
    with pytest.raises(ValueError, match="no place"):
        Container({}, {key: b"x"})


def test_unknown_section_name():
    with pytest.raises(ValueError, match="HEDA"):
        Container({"HEDA": b"x"})


def test_every_flipped_bit_is_noticed():
    data = EXAMPLE.to_bytes()
    for k in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[k // 8] ^= 1 << k % 8
        with pytest.raises(StreamError) as caught:
            Container.from_bytes(bytes(damaged))
        assert "\n" not in str(caught.value)
        assert check(bytes(damaged))


def test_every_truncation_is_noticed():
    data = EXAMPLE.to_bytes()
    for length in range(len(data)):
        with pytest.raises(StreamError):
            Container.from_bytes(data[:length])
        assert check(data[:length])


@given(containers, st.data())
def test_any_damage_is_noticed(container, data):
    stream = bytearray(container.to_bytes())
    start = data.draw(st.integers(0, len(stream) - 1))
    stop = data.draw(st.integers(start, min(len(stream), start + 8)))
    stream[start:stop] = data.draw(st.binary(max_size=8))
    if bytes(stream) != container.to_bytes():
        with pytest.raises(StreamError):
            Container.from_bytes(bytes(stream))
        assert check(bytes(stream))


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_fail_cleanly(data, verify):
    for stream in (data, b"RWIN\1\0\0\0" + struct.pack("<I", 12 + len(data)) + data):
        try:
            Container.from_bytes(stream, verify=verify)
        except StreamError as error:
            assert "\n" not in str(error)
        check(stream)


def damaged_example(offset):
    data = bytearray(EXAMPLE.to_bytes())
    data[offset] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (0, 'does not start with "RWIN"'),
        (5, "preamble or section HEAD: CRC mismatch"),
        (6, "unknown flags 0x00ff"),
        (8, "has 58 bytes, its preamble says 197"),
        (14, "section HEAD: CRC mismatch"),
        (22, "section RECP: CRC mismatch"),
        (52, "substream of tile 0, layer 0, stage 0: CRC mismatch"),
        (55, "substream of tile 0, layer 0, stage 2: CRC mismatch"),
        (57, "substream of tile 1, layer 0, stage 1: CRC mismatch"),
    ],
)
def test_messages_name_the_damage(offset, message):
    data = damaged_example(offset)
    with pytest.raises(StreamError, match=message):
        Container.from_bytes(data)
    assert any(message in damage for damage in check(data))


def test_newer_version():
    data = bytearray(EXAMPLE.to_bytes())
    data[4:6] = 2, 7
    with pytest.raises(StreamError, match=r"version 2\.7, this program reads up to 1\.x"):
        Container.from_bytes(bytes(data))


def test_check_lists_every_damage():
    data = bytearray(EXAMPLE.to_bytes())
    data[14] ^= 1
    data[52] ^= 1
    damages = check(bytes(data[:-1]))
    assert [damage.removeprefix("RAW stream: ") for damage in damages] == [
        "it has 57 bytes, its preamble says 58",
        "preamble or section HEAD: CRC mismatch",
        "substream of tile 0, layer 0, stage 0: CRC mismatch",
        "substream of tile 1, layer 0, stage 1: cut off",
    ]


def test_without_verifying_damaged_substreams_are_given_out():
    assert Container.from_bytes(damaged_example(55), verify=False).substreams[0, 0, 2] == b"\x9b"


def stream(*blocks, substreams=b"", minor=0):
    """A stream of blocks (id and body) with right lengths and CRCs."""
    coded = [block[:1] + write_varint(len(block) - 1) + block[1:] for block in blocks]
    total = 12 + sum(len(block) + 4 for block in coded) + len(substreams)
    coded[0] = b"RWIN" + bytes((1, minor, 0, 0)) + struct.pack("<I", total) + coded[0]
    return b"".join(block + struct.pack("<I", zlib.crc32(block)) for block in coded) + substreams


def test_a_later_minor_version_may_add_lower_case_sections():
    data = stream(b"Hhead", b"xnew", b"S\0\0\0", minor=3)
    assert Container.from_bytes(data) == Container({"HEAD": b"head"})


def test_every_letter_has_one_meaning():
    known = [*SECTIONS.values(), INDEX, *DECLARED]
    names = [*SECTIONS, *(name for name, _ in DECLARED.values())]
    assert len(set(known)) == len(known) and len(set(names)) == len(names)
    assert all(len(letter) == 1 and letter.isalpha() for letter in known)


@pytest.mark.parametrize("letter", [letter for letter in DECLARED if letter.isupper()])
def test_what_is_declared_and_not_to_be_skipped_is_named(letter):
    name, what = DECLARED[letter]
    data = stream(b"Hhead", letter + b"new", b"S\0\0\0")
    for verify in (True, False):
        with pytest.raises(StreamError, match=re.escape(f"newer version of rawinlay (section {name}: {what})")):
            Container.from_bytes(data, verify=verify)
    assert check(data) == [f"the RAW stream needs a newer version of rawinlay (section {name}: {what})"]


@pytest.mark.parametrize("letter", [letter for letter in DECLARED if letter.islower()])
def test_what_is_declared_and_may_be_skipped_is_skipped(letter):
    assert Container.from_bytes(stream(b"Hhead", letter + b"new", b"S\0\0\0")) == Container({"HEAD": b"head"})


def test_a_damaged_letter_is_no_newer_version():
    """One flipped bit makes a P a declared letter."""
    data = Container({"HEAD": b"head", "PARM": b"some"}).to_bytes().replace(b"P\4some", b"T\4some")
    with pytest.raises(StreamError, match=r"unknown section b'T', damaged"):
        Container.from_bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (stream(b"Hhead", b"Znew", b"S\0\0\0"), "unknown section b'Z'"),
        (stream(b"Rr", b"Hh", b"S\0\0\0"), "section HEAD out of order"),
        (stream(b"Hh", b"Hh", b"S\0\0\0"), "section HEAD out of order"),
        (stream(b"H", b"S\0\0\0"), "section HEAD is written though empty"),
        (stream(b"S\0\0"), "number of stages needs 1 bytes"),
        (stream(b"S\0\0\0\0"), "index: 1 bytes too many"),
        (stream(b"S\1\0\0"), "only some of tiles, layers and stages are 0"),
        (stream(b"S" + write_varint((1 << 20) + 1) + b"\1\1"), "1048577 tiles, allowed are 1048576"),
        (stream(b"S" + write_varint(1 << 20) + b"\x15\x40"), "presence bits needs 176160768 bytes"),
        (stream(b"S\1\x16\1"), "22 layers, allowed are 21"),
        (stream(b"S\1\1\x41"), "65 stages, allowed are 64"),
        (stream(b"S\1\1\x08\xff\1\0\0\0\0"), "8 substreams claimed, 5 bytes left for them"),
        (stream(b"S\1\1\1\3" + bytes(10)), "presence bits of substreams that do not exist"),
        (stream(b"S\1\1\1\1\0\0\0\0\0"), "a substream that is present has no bytes"),
        (stream(b"S\1\1\1\1\2\0\0\0\0", substreams=b"a"), "tile 0, layer 0, stage 0: cut off"),
        (stream(b"S\0\0\0", substreams=b"ab"), "2 bytes too many behind the last substream"),
    ],
)
def test_contradictions_under_right_checksums(data, message):
    with pytest.raises(StreamError, match=message):
        Container.from_bytes(data)
    assert any(message in damage for damage in check(data))


def test_the_manual_shows_these_bytes():
    text = MANUAL.read_text(encoding="utf-8")
    assert markdown_table(PREAMBLE) in text
    shown = []
    for block in text.split("    offset  bytes\n")[1:]:
        listing = re.findall(r"^ +(\d+)  ((?:[0-9a-f]{2} ?)+)(?=  |\n)", block.split("\n\n")[0], re.MULTILINE)
        data = b""
        for offset, line in listing:
            assert int(offset) == len(data)
            data += bytes.fromhex(line)
        shown.append(data)
    stream = EXAMPLE.to_bytes()
    assert shown == [stream, segment_bytes(0xEB, wrap(stream)[0])[: -len(stream)]]
