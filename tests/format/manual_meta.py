"""The second decoder's way to section META, from 2.10 of docs/bitstream.md alone (see `manual`)."""

import zlib

from manual_container import TEXT, Bytes

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # TIFF 6.0


def read_meta(section):
    """{(place, tag): (type, count, bytes)}, in the section's order."""
    assert section[0] == 0
    entries, out = Bytes(zlib.decompress(section[1:], -15)), {}
    while entries.at < len(entries.data):
        place, tag = entries.number(1), entries.varint()
        kind, count = entries.number(1), entries.varint()
        assert count and (place, tag) > max(out, default=(-1, -1))
        out[place, tag] = (kind, count, entries.take(SIZES[kind] * count))
    return out


def places():
    """The places that the text names, first and last of each row."""
    part = TEXT[TEXT.index("| place | holds |") : TEXT.index("Values have at most 2^22 bytes together, the entries")]
    words = [line.split("|")[1].split() for line in part.splitlines()[2:] if line.startswith("|")]
    return [(int(row[0]), int(row[-1])) for row in words]
