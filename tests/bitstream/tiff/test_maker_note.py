"""MakerNotes: taken apart, moved to another place, merged; of any maker's form, and of none."""

import random
import struct

import pytest
from rawinlay.bitstream.raw_image import TiffValue
from rawinlay.bitstream.tiff import maker_note, tiff
from rawinlay.bitstream.tiff.maker_note import build_note, flat, merged, read_note, with_flat
from rawinlay.bitstream.tiff.tiff import pack_ascii, pack_value

TAGS = {
    1: pack_value(tiff.SHORT, 7, 9, 300), 0x44: pack_value(tiff.LONG, 70000),
    0x84: pack_value(tiff.RATIONAL, 18, 1, 55, 1), 0x95: pack_ascii("Some Lens 18-55mm f/3.5"),
    0x99: pack_value(tiff.SSHORT, -3), 0xA0: TiffValue(7, 9, b"\0\1binary\xff"),
}  # fmt: skip
FORMS = [
    (b"Nikon\0\2\x10\0\0MM\0*\0\0\0\x08", 10, True), (b"Nikon\0\2\x10\0\0II*\0\x08\0\0\0", 10, False),
    (b"OLYMPUS\0II\3\0", 0, False), (b"OLYMP\0\1\0", None, False), (b"SONY DSC \0\0\0", None, False),
    (b"Panasonic\0\0\0", None, False), (b"FUJIFILM\x0c\0\0\0", 0, False), (b"PENTAX \0MM", 0, True),
    (b"AOC\0MM", None, True), (b"Apple iOS\0\0\1MM", 0, True), (b"SIGMA\0\0\0\1\0", None, False), (b"", None, False),
]  # fmt: skip


def note(prefix, base, big, tags=TAGS, subs=()):
    return maker_note.MakerNote(prefix, base, big, tags, dict(subs))


@pytest.mark.parametrize(("prefix", "base", "big"), FORMS)
@pytest.mark.parametrize("place", [8, 5000])
def test_a_note_moves(prefix, base, big, place):
    """Wherever it is put, it reads the same, and from there can be moved on."""
    true = note(prefix, base, big)
    data = bytes(place) + build_note(true, place) + bytes(30)
    found = read_note(data, place, len(build_note(true)), big)
    assert found == true
    assert len(build_note(true, 2**31)) == len(build_note(true))


def test_a_note_of_the_files_byte_order_becomes_little_endian():
    """The DNG is; a note without a mark of its own is read in the file's."""
    values = struct.pack(">HHHIIHHIII", 2, 4, 4, 1, 70000, 0x95, 2, 8, 38 - 8 + 8, 0)
    data = b"MM\0*\0\0\0\x08" + values + b"Lens 1\0\0"
    found = read_note(data, 8, len(data) - 8, True)
    assert found is not None and not found.big
    assert found.tags == {4: pack_value(tiff.LONG, 70000), 0x95: TiffValue(2, 8, b"Lens 1\0\0")}


def test_directories_below_the_first_come_along():
    below = {0x201: pack_value(tiff.BYTE, 0, 1, 2, 3, 4, 5), 0x203: pack_ascii("A lens of an Olympus")}
    true = note(b"OLYMPUS\0II\3\0", 0, False, subs={0x2010: below})
    data = bytes(64) + build_note(true, 64)
    found = read_note(data, 64, len(data) - 64, False)
    assert found == true and flat(found)[0x20100203] == below[0x203]
    assert with_flat(found, flat(found)) == true


def test_previews_are_left_out_and_named():
    true = note(b"SONY DSC \0\0\0", None, False, {**TAGS, 0x2001: TiffValue(7, 900, bytes(900))})
    found = read_note(build_note(true), 0, len(build_note(true)), False)
    assert found.tags == TAGS and found.left_out == (0x2001,)


def test_the_first_note_counts_more_and_the_second_fills_up():
    raw, jpeg = note(b"", None, False, {1: TAGS[1]}), note(b"", None, False, {1: TAGS[0x44], 4: TAGS[0x44]})
    assert merged(raw, jpeg).tags == {1: TAGS[1], 4: TAGS[0x44]}
    other = note(b"SONY DSC \0\0\0", None, False)
    assert merged(raw, other) == raw and merged(None, other) == other and merged(raw, None) == raw


def test_bytes_of_no_known_form_stay_as_they_are():
    found = read_note(b"\xff" * 40, 0, 40, False)
    assert build_note(found, 77) == b"\xff" * 40
    assert read_note(b"short", 0, 5, False) is None and read_note(b"x" * 40, 50, 20, False) is None


@pytest.mark.parametrize(("prefix", "base", "big"), FORMS)
def test_damaged_notes_are_read_or_not_but_never_an_error(prefix, base, big):
    data = bytes(16) + build_note(note(prefix, base, big), 16)
    rng = random.Random(1)
    for _ in range(300):
        broken = bytearray(data[: rng.randrange(16, len(data) + 1)])
        for _ in range(rng.randrange(1, 6)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        found = read_note(bytes(broken), 16, rng.randrange(1 << 20), big, rng.randrange(-500, 500))
        if found is not None:
            assert len(build_note(found, 99)) <= maker_note.MAX_NOTE * 2
