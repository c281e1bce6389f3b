"""The second decoder's way to the stream, from chapters 1 to 3 of docs/bitstream.md alone (see `manual`).

Which sections there are and which fields a header has is read off the text's own tables.
"""

import hashlib
import re
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

TEXT = (Path(__file__).parents[2] / "docs" / "bitstream.md").read_text(encoding="utf-8")
DESCRIPTION = bytes.fromhex("40CB0C32BB8A489DA70B2AD6F47F4369") + b"\3org.rawinlay.raw\0"
FULL = 65517


def rows(begin, end):
    """The cells of all rows of tables between two headings."""
    found = re.findall(r"^\| (.*) \|$", TEXT[TEXT.index(begin) : TEXT.index(end)], re.MULTILINE)
    return [row.split(" | ") for row in found]


FIELDS = [(row[0].strip("`"), row[1], row[2]) for row in rows("## 3. Header", "`model` names the prob")[1:]]
SECTIONS = {row[0].strip("`").encode(): row[1] for row in rows("### 2.2 Sections", "### 2.3 Index")
            if re.fullmatch("[A-Z]{4}", row[1])}  # fmt: skip

# ------------------------------------------------------------------------------------------------ 1. in the JPEG


def segments(jpeg):
    """Marker and payload of all segments before the first scan."""
    at = 2
    while True:
        while jpeg[at + 1] == 0xFF:
            at += 1
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xDA:
            return
        yield marker, jpeg[at + 4 : at + 2 + length]
        at += 2 + length


def payload_of(jpeg):
    """The RAW stream; None where there is none."""
    app11 = [payload for marker, payload in segments(jpeg) if marker == 0xEB]
    parts = {}
    for payload in app11:
        if payload[:4] == b"JP\x52\x43" and payload[12:16] == b"jumb":
            parts.setdefault(payload[4:12], payload)
    for key, payload in parts.items():
        if key[:4] == b"\0\0\0\1" and payload[20:24] == b"jumd" and payload[24:].startswith(DESCRIPTION):
            whole, want, z = b"", int.from_bytes(key[4:], "big") - 8, 1
            while len(whole) < want and struct.pack(">I", z) + key[4:] in parts:
                whole, z = whole + parts[struct.pack(">I", z) + key[4:]][16:], z + 1
            if len(whole) >= want:
                return embedded(whole[:want])
    if any(payload[:2] != b"JP" for payload in app11):
        return embedded(from_joined(b"".join(app11)))
    return None


def from_joined(joined):
    """The superbox's contents where a program split all payloads anew."""
    found = re.search(rb"JP\x52\x43\x00\x00\x00\x01(....)jumb....jumd" + re.escape(DESCRIPTION), joined, re.DOTALL)
    want, at, out, z = int.from_bytes(found[1], "big") - 8, found.start(), b"", 1
    while len(out) < want:
        z += 1
        following = joined.find(joined[at : at + 4] + struct.pack(">I", z) + found[1] + b"jumb", at + 16)
        first, left = at + 16, want - len(out)
        at = following if 0 < following - first <= FULL else first + min(FULL, left)
        out += joined[first : min(at, first + left)]
    return out


def embedded(contents):
    """The data of `bidb`."""
    while contents:
        length = int.from_bytes(contents[:4], "big")
        if contents[4:8] == b"bidb":
            return contents[8:length]
        contents = contents[length:]
    raise AssertionError("no bidb")


def binding(jpeg, planes):
    """`binding` of 5.2; planes: the JPEG's samples."""
    tables, digest = {}, hashlib.sha256(b"rawinlay planes 1")
    for marker, payload in segments(jpeg):
        while marker == 0xDB and payload:
            size = 64 << (payload[0] >> 4)
            entries = struct.unpack(">64H", payload[1:129]) if payload[0] >> 4 else tuple(payload[1:65])
            tables[payload[0] & 15], payload = entries, payload[1 + size :]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width, count = struct.unpack(">HHB", payload[1:6])
            components = [payload[6 + 3 * k : 9 + 3 * k] for k in range(count)]
    ratio = (1, 1)
    if count > 1:
        ratio = tuple((components[0][1] >> n & 15) // (components[1][1] >> n & 15) for n in (4, 0))
    digest.update(struct.pack("<5I", width, height, *ratio, count))
    for component in components:
        digest.update(struct.pack("<64H", *tables[component[2]]))
    for plane in (planes.y, planes.cb, planes.cr)[:count]:
        digest.update(plane.tobytes())
    return digest.digest()[:16]


# ---------------------------------------------------------------------------------------------------- 2. stream


class Bytes:
    """What is left of some bytes, little-endian."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        assert n <= len(self.data) - self.at
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "little")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number(1)
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                assert value < 2**64 and (byte or shift == 7)
                return value


def varint(data, at):
    """A varint in bytes, and where it ends."""
    there = Bytes(data)
    there.at = at
    return there.varint(), there.at


def read_stream(data):
    """Header, sections by name, substreams by (tile, layer, stage)."""
    stream = Bytes(data)
    assert stream.take(4) == b"RWIN" and stream.number(1) == 1
    stream.take(1)
    assert stream.number(2) == 0 and stream.number(4) == len(data)
    sections, begin = dict.fromkeys(SECTIONS.values(), b""), 0
    while True:
        letter = stream.take(1)
        body = stream.take(stream.varint())
        assert zlib.crc32(data[begin : stream.at]) == stream.number(4)
        begin = stream.at
        if letter == b"S":
            return read_header(sections["HEAD"]), sections, read_substreams(Bytes(body), stream)
        assert letter in SECTIONS or letter.islower()
        if letter in SECTIONS:
            assert body
            sections[SECTIONS[letter]] = body


def read_border(section, height, width):
    """The frame's values around a mosaic, int (H, W), -1 in the mosaic's place; and where that begins (2.6)."""
    stream = Bytes(section)
    top, left, bottom, right = (stream.varint() for _ in range(4))
    planes = zlib.decompress(section[stream.at :], -15)
    count = len(planes) // 2
    frame = [[-1] * (left + width + right) for _ in range(top + height + bottom)]
    at = 0
    places = [(0, 0, top, left + width + right), (top, 0, height, left), (top, left + width, height, right),
              (top + height, 0, bottom, left + width + right)]  # fmt: skip
    for first, start, rows, cols in places:
        for y in range(first, first + rows):
            for x in range(start, start + cols):
                folded = planes[at] + 256 * planes[count + at]
                d = folded // 2 if folded % 2 == 0 else -(folded + 1) // 2
                near = (y, x - 2) if x - 2 >= start else (y - 2, x) if y - 2 >= first else None
                frame[y][x] = (d + (frame[near[0]][near[1]] if near else 0)) % 65536
                at += 1
    assert at == count
    return frame, (top, left)


def read_substreams(index, stream):
    tiles, layers, stages = (index.varint() for _ in range(3))
    presence = index.take((tiles * layers * stages + 7) // 8)
    out = {}
    for layer in range(layers):
        for tile in range(tiles):
            for stage in range(stages):
                k = (layer * tiles + tile) * stages + stage
                if presence[k // 8] >> k % 8 & 1:
                    length, crc = index.varint(), index.number(4)
                    out[tile, layer, stage] = stream.take(length)
                    assert length and zlib.crc32(out[tile, layer, stage]) == crc
    assert index.at == len(index.data) and stream.at == len(stream.data)
    return out


# ---------------------------------------------------------------------------------------------------- 3. header


class Header(SimpleNamespace):
    """Its fields by name."""

    @property
    def phase(self):
        return ("RGGB", "BGGR", "GRBG", "GBRG")[self.cfa]

    @property
    def levels(self):
        """Of the four sites, DN."""
        four = [level / 1024 for level in self.black]
        return four * (4 // len(four))

    def but(self, **changed):
        return Header(**{**vars(self), **changed})


def read_header(data):
    reader, values = Bytes(data), {}
    for name, kind, span in FIELDS:
        ends = [int(n) for n in re.findall(r"\d+", span)]
        if kind in ("u8", "u16", "varint"):
            values[name] = number = reader.varint() if kind == "varint" else reader.number(int(kind[1:]) // 8)
        else:
            number = reader.varint() if len(ends) == 2 else ends[0]
            if kind == "array of varint":
                values[name] = [reader.varint() for _ in range(number)]
            else:
                values[name] = reader.take(number).decode() if kind == "str" else reader.take(number)
        assert ends[0] <= number <= ends[-1], name
    assert reader.at == len(data)
    return Header(**values)
