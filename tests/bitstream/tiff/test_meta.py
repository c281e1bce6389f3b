"""Section META: what goes in comes out; damage is told, bombs are bounded, the unknown is passed over."""

import random
import tracemalloc
import zlib

import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.raw_image import MakerNote, TiffValue
from rawinlay.bitstream.stream.fields import write_varint
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.meta import DAMAGED, Meta
from rawinlay.bitstream.tiff.tiff import pack_ascii, pack_value

NOTE = MakerNote(b"OLYMPUS\0II\3\0", 0, False, {1: pack_value(tiff.SSHORT, -7, 300)},
                 {0x2010: {0x203: pack_ascii("A lens")}}, (0x99, 0x2020))  # fmt: skip
WHOLE = Meta(
    {270: pack_ascii("A caption"), 18246: pack_value(tiff.SHORT, 4), 700: TiffValue(1, 5, b"<x/>\n")},
    {28722: pack_value(tiff.SSHORT, 16, -1, 20), 50713: pack_value(tiff.SHORT, 4, 4)},
    {42036: pack_ascii("Lens 18-55"), 33434: pack_value(tiff.RATIONAL, 1, 250)},
    {1: pack_ascii("N"), 2: pack_value(tiff.RATIONAL, 48, 1, 30, 1, 0, 1)},
    NOTE,
    ({50936: pack_ascii("Camera Neutral"), 50721: pack_value(tiff.SRATIONAL, -1, 10000)},),
)


def section(*entries):
    """A section of entries as the manual has them: place, tag, type, count, data."""
    plain = b"".join(bytes([p]) + write_varint(t) + bytes([k]) + write_varint(n) + d for p, t, k, n, d in entries)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"\0" + packer.compress(plain) + packer.flush()


def test_all_comes_back():
    assert Meta.from_bytes(WHOLE.to_bytes()) == WHOLE
    assert Meta().to_bytes() == b"" and Meta.from_bytes(b"\1anything") == Meta()


def test_what_is_not_known_is_passed_over():
    """Tags that a DNG may not take, places and forms of later versions."""
    known = (0, 270, 2, 3, b"ab\0")
    found = Meta.from_bytes(section((0, 256, 4, 1, bytes(4)), known, (2, 34665, 4, 1, bytes(4)), (9, 5, 1, 1, b"x")))
    assert found == Meta({270: TiffValue(2, 3, b"ab\0")})


@pytest.mark.parametrize("entries", [
    [(0, 270, 2, 0, b"")], [(0, 270, 14, 1, b"x")], [(0, 270, 2, 9, b"short")], [(0, 270, 2, 1 << 40, b"")],
    [(0, 270, 2, 2, b"a\0"), (0, 270, 2, 2, b"a\0")], [(2, 42036, 2, 2, b"a\0"), (0, 270, 2, 2, b"a\0")],
    [(4, 1 << 40, 1, 1, b"a")],
])  # fmt: skip
def test_impossible_entries_are_damage(entries):
    with pytest.raises(StreamError, match="META"):
        Meta.from_bytes(section(*entries))


def test_damage_is_told_and_nothing_else_raised():
    data = WHOLE.to_bytes()
    rng = random.Random(3)
    for _ in range(400):
        broken = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(1, len(broken))] ^= 1 << rng.randrange(8)
        meta, told = Meta.of_stream(b"\0", bytes(broken[: rng.randrange(2, len(broken) + 1)]))
        assert told in ((), (DAMAGED,)) and (not told or meta == Meta())


def test_a_bomb_is_stopped():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"\0" + packer.compress(bytes(200 << 20)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(StreamError):
        Meta.from_bytes(bomb)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
