"""The second decoder's way through damage, from 2.7 to 2.9 of docs/bitstream.md alone (see `manual`)."""

import hashlib
import struct
import zlib

import numpy as np
from manual_container import FULL, Bytes, rows

COPY, PARITY = (bytes.fromhex(f"1E6A7C3B52574E434F5059000000000{n}") for n in (1, 2))
RECORD = [row[0].strip("`") for row in rows("### 2.8 Parity", "Unit i of the contents")[1:] if row[0].startswith("`")]


def digest(mosaic):
    """Section DIGM."""
    return hashlib.sha256(mosaic.astype("<u2").tobytes()).digest()[:8]


def bands(planes, rows):
    """Section DIGJ with so many rows to a band; below 128, so that the varint is a byte, or two."""
    out = bytes([rows]) if rows < 128 else bytes([rows & 127 | 128, rows >> 7])
    v = planes.subsampling[1]
    for y in range(0, len(planes.y), rows):
        colour = (c[y // v : (y + rows) // v] for c in (planes.cb, planes.cr) if c is not None)
        parts = [planes.y[y : y + rows], *colour]
        out += hashlib.sha256(b"".join(part.tobytes() for part in parts)).digest()[:4]
    return out


def boxes(contents):
    """Kind and data of each box in a superbox."""
    while contents:
        length = struct.unpack(">I", contents[:4])[0]
        yield contents[4:8], contents[8:length]
        contents = contents[length:]


def blocks(stream):
    """Letter and contents of a head's blocks whose CRC is right; the first begins behind the preamble."""
    reader, begin = Bytes(stream), 0
    reader.take(12)
    while reader.at < len(stream):
        letter = reader.take(1)
        body = reader.take(reader.varint())
        assert zlib.crc32(stream[begin : reader.at]) == reader.number(4)
        begin = reader.at
        yield letter, body
        if letter == b"S":
            return


def part_ends(contents):
    """Where a writer ends the parts of a superbox without a `free` box, by 1.2."""
    total, stream = len(contents), dict(boxes(contents))[b"bidb"]
    begin = dict(starts(contents))[b"bidb"]
    if total <= FULL or any(len(data) + 8 > FULL and data.startswith(PARITY) for _, data in boxes(contents)):
        return [*range(FULL, total, FULL), total]
    tiles, layers, stages, bits, lengths = index_of(dict(blocks(stream))[b"S"])
    at, bounds, number = begin + len(stream) - sum(lengths), [], iter(lengths)
    for k in range(tiles * layers):
        own = [next(number) for i in range(stages) if bits[k * stages + i]]
        bounds += [at] if own else []
        at += sum(own)
    bounds.append(begin + len(stream))
    ends, at = [], 0
    while total - at > FULL:
        near, far = [b for b in bounds if at + 12 <= b <= at + FULL], [b for b in bounds if b > at + FULL]
        if near:
            ends.append(near[-1])
        else:
            rest = (far or [total])[0] - at
            size = -(-rest // -(-rest // FULL))
            ends += [min(at + k, at + rest) for k in range(size, rest + size, size)]
        at = ends[-1]
    return ends + [total] * (at < total)


def index_of(body):
    """Tiles, layers, stages, which substreams there are, and the lengths of those."""
    reader = Bytes(body)
    tiles, layers, stages = (reader.varint() for _ in range(3))
    presence = reader.take(-(-tiles * layers * stages // 8))
    bits = [presence[k // 8] >> k % 8 & 1 for k in range(tiles * layers * stages)]
    lengths = []
    for _ in range(sum(bits)):
        lengths.append(reader.varint())
        reader.take(4)
    return tiles, layers, stages, bits, lengths


def by_the_copy(contents):
    """Of a superbox whose stream's head is damaged, by 2.7: sections by letter, and the substreams' bytes."""
    copy = contents[contents.rindex(COPY) + 16 :]
    found = dict(blocks(copy))
    *_, lengths = index_of(found[b"S"])
    begin = next(at for kind, at in starts(contents) if kind == b"bidb")
    end = begin + int.from_bytes(copy[8:12], "little")
    return found, contents[end - sum(lengths) : end]


def starts(contents):
    """Kind, and where the data begins, of each box."""
    at = 0
    for kind, data in boxes(contents):
        yield kind, at + 8
        at += 8 + len(data)


def gathered(sections, substreams):
    """Sections with LOCL, and the tiles' own substreams, of a stream with AWAY (2.15); pieces that are None are mended
    by the others."""
    reader = Bytes(sections["AWAY"])
    size, spare = reader.varint(), reader.varint()
    keys = sorted(key for key in substreams if key[1:] == (0, 16))
    count, pieces = len(keys) - spare, [substreams[key] for key in keys]
    assert reader.at == len(reader.data) and 0 < count <= 256 - spare and not sections["LOCL"] and not sections["LAYR"]
    have = dict([(n, piece) for n, piece in enumerate(pieces) if piece is not None][:count])
    parts = [piece or unit_from(n, have) for n, piece in enumerate(pieces[:count])]
    whole = b"".join(parts)
    assert all(len(part) == -(-size // count) for part in parts) and not any(whole[size:])
    own = {key: data for key, data in substreams.items() if key[2] < 16}
    return {**sections, "AWAY": b"", "LOCL": whole[:size]}, own


def exponents():
    """a^0 to a^254, and which power each number is."""
    powers = [1]
    while len(powers) < 255:
        doubled = powers[-1] << 1
        powers.append(doubled ^ 0x11D if doubled > 255 else doubled)
    return powers, {value: n for n, value in enumerate(powers)}


POWERS, LOGS = exponents()


def times(x, y):
    return POWERS[(LOGS[x] + LOGS[y]) % 255] if x and y else 0


def over(x, y):
    return POWERS[(LOGS[x] - LOGS[y]) % 255] if x else 0


def point(n):
    return POWERS[(n - 1) % 255] if n else 0


def unit_from(n, have):
    """Unit n of a group, from as many of its units (number -> bytes) as it has data units: Lagrange's formula."""
    out = np.zeros(len(next(iter(have.values()))), np.uint8)
    for i, data in have.items():
        factor = 1
        for j in have:
            if j != i:
                factor = times(factor, over(point(n) ^ point(j), point(i) ^ point(j)))
        table = np.array([times(factor, v) for v in range(256)], np.uint8)
        out ^= table[np.frombuffer(data, np.uint8)]
    return out.tobytes()


def mended(contents):
    """A superbox's contents, mended by their parity."""
    at = contents.index(PARITY) + 16
    size = int.from_bytes(contents[at : at + 4], "little")
    record = contents[at + 4 : at + 4 + size]
    assert zlib.crc32(record) == int.from_bytes(contents[at + 4 + size : at + 8 + size], "little")
    reader = Bytes(record)
    values = {name: reader.varint() for name in RECORD[:-1]}
    crcs = struct.unpack(f"<{reader.varint() // 4}I", record[reader.at :])
    covered, unit, groups, spare = (values[name] for name in ("covered", "unit", "groups", "spare"))
    data = [contents[k : min(k + unit, covered)].ljust(unit, b"\0") for k in range(0, covered, unit)]
    start = at + 8 + size
    data += [contents[start + k * unit : start + (k + 1) * unit] for k in range(spare * groups)]
    whole = -(-covered // unit)
    good = [zlib.crc32(d) == crc for d, crc in zip(data, crcs, strict=True)]
    for i in range(whole):
        if not good[i]:
            own = range(i % groups, whole, groups)
            places = [*own, *range(whole + i % groups, len(data), groups)]
            have = {n: data[place] for n, place in enumerate(places) if good[place]}
            chosen = dict(sorted(have.items())[: len(own)])
            assert len(chosen) == len(own)
            data[i] = unit_from(i // groups, chosen)
    return b"".join(data[:whole])[:covered] + contents[covered:]


