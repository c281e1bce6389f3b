"""Damaged, foreign and forged streams: a `StreamError` or `NoRawError`, never another mosaic, exception or hunger."""

import random
import zlib
from dataclasses import asdict, replace

import goldens
import numpy as np
import pytest
from cost import Cost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rawinlay.bitstream.errors import NoRawError, RawinlayError, StreamError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import binding_hash, decode_planes
from rawinlay.bitstream.stream import container
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.stream.fields import write_record, write_varint
from rawinlay.bitstream.stream.header import FIELDS
from rawinlay.codec.api import decode_arrays
from rawinlay.codec.decoder.stream import Stream, pack_transforms
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.guide.geometry import Geometry, Warp
from rawinlay.codec.guide.projection import Projection

JPEG = goldens.jpeg("plain")
PAYLOAD = goldens.payload("plain")
BARE = embed.strip(JPEG)
RIGHT = goldens.decoded("plain")


def refused(jpeg, *errors):
    with pytest.raises(errors or StreamError) as caught:
        decode_arrays(jpeg)
    assert str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------- damage


def test_every_byte_of_the_payload():
    """One flipped bit in every third byte: found before any symbol is decoded."""
    start = JPEG.index(PAYLOAD[:40])
    assert JPEG[start : start + len(PAYLOAD)] == PAYLOAD  # one segment
    rng = random.Random(1)
    for at in range(0, len(PAYLOAD), 3):
        damaged = bytearray(JPEG)
        damaged[start + at] ^= 1 << rng.randrange(8)
        refused(bytes(damaged))


def test_any_byte_of_the_file():
    """In our segments, others', or the picture: an error, or a byte that nothing depends on and the right mosaic."""
    rng = random.Random(2)
    errors = 0
    for _ in range(150):
        damaged = bytearray(JPEG)
        damaged[rng.randrange(len(JPEG))] ^= 1 << rng.randrange(8)
        try:
            mosaic = decode_arrays(bytes(damaged)).mosaic
        except RawinlayError:
            errors += 1
            continue
        assert np.array_equal(mosaic, RIGHT)
    assert errors > 120


def test_cuts():
    for at in sorted(random.Random(3).sample(range(300, len(JPEG) - 1), 120)):
        refused(JPEG[:at])
    for at in sorted(random.Random(4).sample(range(len(PAYLOAD)), 120)):
        refused(embed.embed(BARE, PAYLOAD[:at]))
    refused(BARE, NoRawError)


def test_runs_of_zeros_swaps_and_additions():
    rng = random.Random(5)
    for _ in range(60):
        a, b = sorted(rng.sample(range(len(PAYLOAD)), 2))
        for damaged in (
            PAYLOAD[:a] + bytes(b - a) + PAYLOAD[b:],
            PAYLOAD[:a] + PAYLOAD[b:],
            PAYLOAD[:b] + PAYLOAD[a:],
            PAYLOAD + PAYLOAD[a:b],
        ):
            if damaged != PAYLOAD:
                refused(embed.embed(BARE, damaged))


def test_another_jpeg():
    """A stream belongs to one picture: in any other it is refused, the same with one sample changed included."""
    own = binding_hash(goldens.jpeg(goldens.NAMES[0]))
    others = [name for name in goldens.NAMES[1:] if binding_hash(goldens.jpeg(name)) != own]
    assert len(others) > len(goldens.NAMES) / 2
    for other in others:
        message = refused(embed.embed(embed.strip(goldens.jpeg(other)), PAYLOAD))
        assert "another JPEG" in message


def test_damage_is_named():
    """`container.check` finds what `decode` refuses, by substream."""
    key, stream = next(iter(Container.from_bytes(PAYLOAD).substreams.items()))
    at = PAYLOAD.rindex(stream)
    damaged = PAYLOAD[:at] + bytes([PAYLOAD[at] ^ 1]) + PAYLOAD[at + 1 :]
    where = f"substream of tile {key[0]}, layer 0, stage {key[2]}"
    assert container.check(damaged) == [f"RAW stream: {where}: CRC mismatch"]


# ---------------------------------------------------------------------------------------------------- forgery


def forge(
    head=None, recp=None, locl=None, parm=None, substreams=None, geom=None, gate=None, look=None, **fields
):
    """The payload with right CRCs and parts of somebody's choosing; fields of the header by name, checked by nobody."""
    whole = Container.from_bytes(PAYLOAD)
    if fields:
        values = asdict(Stream.from_bytes(PAYLOAD).header) | fields
        head = write_record([unchecked(f) for f in FIELDS], values)
    sections = dict(whole.sections)
    changed = {
        "HEAD": head, "RECP": recp, "LOCL": locl, "PARM": parm, "GEOM": geom, "GATE": gate, "LOOK": look,
    }  # fmt: skip
    sections |= {k: v for k, v in changed.items() if v is not None}
    return Container(sections, whole.substreams if substreams is None else substreams).to_bytes()


def unchecked(field):
    """A field without its range."""
    fixed = field.low is not None and field.low == field.high
    return field if fixed else replace(field, low=None, high=1 << 25 if field.kind == "bytes" else None)


def index_forged(index):
    """The payload with another index, under a right CRC."""
    at = len(Container(Container.from_bytes(PAYLOAD).sections, {}).to_bytes()) - 9  # "S", 4 bytes, CRC
    block = b"S" + write_varint(len(index)) + index
    out = PAYLOAD[:at] + block + zlib.crc32(block).to_bytes(4, "little") + b"abc"
    return out[:8] + len(out).to_bytes(4, "little") + out[12:]


def with_first_crc(payload):
    """The payload with the CRC behind the first section made right again."""
    length = 12 + 1
    size, shift = 0, 0
    while True:
        byte = payload[length]
        size |= (byte & 0x7F) << shift
        length, shift = length + 1, shift + 7
        if byte < 0x80:
            break
    end = length + size
    return payload[:end] + zlib.crc32(payload[:end]).to_bytes(4, "little") + payload[end + 4 :]


def test_a_forgery_of_nothing_decodes():
    """The helpers leave right what they do not change: else the tests below would prove nothing."""
    assert forge() == forge(tile=Stream.from_bytes(PAYLOAD).header.tile) == PAYLOAD
    body = index_forged(b"\0\0\0")
    assert body[:12] != PAYLOAD[:12]
    whole = with_first_crc(body)
    with pytest.raises(StreamError, match="bytes too many"):
        Container.from_bytes(whole)


BASES = Stream.from_bytes(PAYLOAD).header.transforms

HUGE = {"height": 1 << 16, "width": 1 << 13}
"""As many pixels as allowed: 2^27 cells, 2^17 blocks of the smallest side, of which half as many are allowed."""

WIDE = {"height": 1 << 16, "width": 1 << 12}
"""2^16 blocks of the smallest side."""


def local(side=5, exponents=bytes(12), classes=bytes(48), flags=b"", rest=b""):
    """A section LOCL."""
    return bytes([side]) + exponents + classes + flags + rest


def projection(middle=(0, 0), linear=(1 << 24, 0, 0, 1 << 24), **parts):
    """A section GEOM."""
    return Projection(middle, linear, **parts).to_bytes()


def bomb(side=65500):
    """A JPEG that claims to be huge."""
    at = BARE.index(b"\xff\xc0") + 5
    return BARE[:at] + side.to_bytes(2, "big") * 2 + BARE[at + 4 :]


BOMB = bomb()

FORGERIES = {
    "height 1": forge(height=1),
    "height over the limit": forge(height=1 << 17),
    "height of 32 bits": forge(height=(1 << 32) - 1),
    "more pixels than allowed": forge(height=1 << 16, width=1 << 16),
    "as many pixels as allowed": forge(**HUGE, tile=8),
    "the same in one tile": forge(**HUGE, tile=65535),
    "a row of 65537": forge(height=2, width=(1 << 16) + 1),
    "phase": forge(cfa=4),
    "orientation 0": forge(orientation=0),
    "orientation 9": forge(orientation=9),
    "white 0": forge(white=0),
    "top 0": forge(top=0),
    "no black": forge(black=[]),
    "five blacks": forge(black=[0] * 5),
    "black at white": forge(black=[65535 * 1024]),
    "black next to white": forge(black=[65535 * 1024 - 1], white=65535),
    "tables of gigabytes": forge(black=[65534 * 1024], white=65535, top=1),
    "far above white": forge(white=1, top=65535, black=[1023]),
    "companding 0": forge(companding=0),
    "step_exponent 9": forge(step_exponent=9),
    "states 1": forge(states=1),
    "states 7": forge(states=7),
    "step 5121": forge(step=5121),
    "lossless over Haar": forge(step=5120, transforms=b"\xff"),
    "tile 0": forge(tile=0),
    "tile 7": forge(tile=7),
    "no transforms": forge(transforms=b""),
    "transforms of many tiles": forge(transforms=bytes(1 << 17)),
    "transforms over the limit": forge(transforms=bytes((1 << 17) + 1)),
    "a transform without parameters": forge(transforms=bytes([255 ^ BASES[0]])),
    "values": forge(values=b"\x03\x00"),
    "values that swell": forge(values=zlib.compress(bytes(1 << 26), 9)[2:-4]),
    "geometry of 64 bytes": forge(geometry=bytes([63]) + bytes(63)),
    "scale 0": forge(geometry=b"\x10" + bytes(8)),
    "offset": forge(geometry=b"\x08" + b"\xff" * 3 + b"\x7f" + bytes(4)),
    "a projection of one byte": forge(geom=b"\0"),
    "a projection and a byte": forge(geom=projection() + b"\0"),
    "a projection of unknown parts": forge(geom=bytes([16]) + projection()[1:]),
    "a projection of zeros": forge(geom=bytes(25)),
    "a projection of ones": forge(geom=bytes([15]) + b"\xff" * 72),
    "a mirror": forge(geom=projection(linear=(1 << 24, 0, 0, -(1 << 24)))),
    "a middle far off": forge(geom=projection(middle=((1 << 28) + 1, 0))),
    "a horizon in the picture": forge(geom=projection(vanish=(3 << 28, 1))),
    "a lens of 4": forge(geom=projection(lens=(0, 0, 0, (1 << 28) + 1))),
    "a projection beside an offset": forge(geom=projection(), geometry=Geometry(1, (5, 5)).to_bytes()),
    "tags": forge(tags=b"\x07garbage"),
    "tags that swell": forge(tags=b"\1" + zlib.compress(bytes(1 << 26), 9)[2:-4]),
    "16 MB of tags and one": forge(tags=bytes((1 << 24) + 1)),
    "16 MB of tags": forge(tags=bytes(1 << 24)),
    "another model": forge(model=bytes(8)),
    "a header and a byte": forge(head=Container.from_bytes(PAYLOAD).sections["HEAD"] + b"\0"),
    "recipe of ones": forge(recp=b"\xff" * 5000),
    "recipe of zeros": forge(recp=bytes(5000)),
    "a local recipe of one byte": forge(locl=b"\5"),
    "a local recipe of ones": forge(locl=b"\xff" * 5000),
    "a local recipe of zeros": forge(locl=bytes(5000)),
    "blocks of 2^4 cells": forge(locl=local(4, flags=bytes(500))),
    "blocks of 2^200 cells": forge(locl=local(200, flags=b"\0")),
    "local steps": forge(locl=local(exponents=b"\x15" * 12, flags=bytes(2))),
    "local classes": forge(locl=local(classes=b"\x60" * 48, flags=bytes(2))),
    "no local blocks": forge(locl=local()),
    "local blocks outside": forge(locl=local(10, flags=b"\xf0")),
    "local words for no block": forge(locl=local(flags=bytes(2), rest=b"\1" * 4000)),
    "local words": forge(locl=local(flags=b"\xff\xff", rest=b"\1" * 4000)),
    "local coefficients": forge(locl=local(classes=bytes([95] * 48), flags=b"\xff\xff", rest=b"\xaf" * 4000)),
    "2^17 local blocks": forge(**HUGE, locl=local(flags=b"\xff" * (1 << 16))),
    "2^16 local blocks that are not there": forge(**WIDE, locl=local(flags=b"\xff" * 30000)),
    "2^16 local blocks of nothing": forge(**WIDE, locl=local(flags=b"\xff" * (1 << 15))),
    "2^16 local blocks of a few words": forge(**WIDE, locl=local(flags=b"\xff" * (1 << 15), rest=b"\1" * 4000)),
    "a gate of one byte": forge(gate=b"\1"),
    "a gate of ones": forge(gate=b"\xff" * 5000),
    "a gate of no picture": forge(gate=b"\1\0\0"),
    "a gate of a huge length": forge(gate=b"\1\0" + write_varint(1 << 62)),
    "a gate of a picture of another size": forge(gate=b"\1\0" + write_varint(len(BARE)) + BARE),
    "a gate of a huge picture": forge(gate=b"\1\0" + write_varint(len(BOMB)) + BOMB),
    "a gate with blocks of 2^16 more": forge(**WIDE, gate=b"\1\3" + write_varint(len(BARE)) + BARE + b"\0" * 4000),
    "a second look of one byte": forge(look=b"\0"),
    "a second look of ones": forge(look=b"\1" + b"\xff" * 5000),
    "a second look of zeros": forge(look=bytes(5000)),
    "a second look of another kind": forge(look=b"\2" + bytes(60)),
    "a second look of large numbers": forge(look=b"\0" + b"\xfe" * 5000),
    "parameters of every transform": forge(parm=b"\xff" + bytes(500)),
    "parameters of a huge length": forge(parm=b"\1" + write_varint(1 << 62)),
    "no parameters": forge(parm=b"\0"),
    "parameters of ones": forge(parm=b"\1" + write_varint(4000) + b"\xff" * 4000),
    "a tile too many": forge(substreams={(1, 0, 0): b"abcd"}),
    "the last tile": forge(substreams={((1 << 20) - 1, 0, 0): b"abcd"}),
    "a layer too many": forge(substreams={(0, 1, 0): b"abcd"}),
    "a stage too many": forge(substreams={(0, 0, 16): b"abcd"}),
    "a substream of 3 bytes": forge(substreams={(0, 0, 0): b"abc"}),
    "a substream of zeros": forge(substreams={(0, 0, 0): bytes(400)}),
    "a substream of ones": forge(substreams={(0, 0, 3): b"\xff" * 4000}),
    "index: 2^32 substreams": with_first_crc(index_forged(write_varint(1 << 20) + b"\x40\x40" + bytes(100))),
    "index: 2^63 tiles": with_first_crc(index_forged(write_varint(1 << 63) + b"\1\1" + bytes(100))),
    "index: no layers": with_first_crc(index_forged(b"\1\0\1" + bytes(100))),
    "index: a length of 2^63": with_first_crc(index_forged(b"\1\1\1\1" + write_varint(1 << 63) + bytes(4))),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged(name):
    """Refused quickly, and before memory is taken for what it claims."""
    jpeg = embed.embed(BARE, FORGERIES[name])
    with Cost() as cost:
        refused(jpeg)
    assert cost.seconds < 10
    assert cost.grown < 200, f"{cost.grown} MiB for a file of {len(jpeg)} bytes"


WILD = st.sampled_from([-(1 << 22), 1 << 22, -9000, 0, 123_456])
FAR = st.sampled_from([-(1 << 28), 1 << 28, 0, -5000, 777_777])
geometries = st.builds(
    Geometry,
    st.integers(1, 8),
    st.tuples(FAR, FAR),
    st.tuples(*[st.sampled_from([1 << 18, 1 << 24, 1 << 26, 12_345_678])] * 2),
    st.none() | st.builds(Warp, st.tuples(FAR, FAR), st.tuples(WILD, WILD, WILD, WILD)),
)


CORNER = st.sampled_from([0, 1 << 28, -(1 << 28), 60_000_000, -7_000_000])
projections = st.builds(
    Projection,
    st.tuples(FAR, FAR),
    st.sampled_from([(1 << 24, 0, 0, 1 << 24), (1 << 26, 1 << 26, -(1 << 26), 1 << 26), (1 << 18, 0, 0, 1 << 18)]),
    st.sampled_from([(0, 0), (3 << 28, 0), (-400_000_000, 400_000_000)]),
    st.tuples(st.sampled_from([0, 1 << 25, -(1 << 25)]), st.just(12_345)),
    st.tuples(CORNER, CORNER, CORNER, CORNER),
    st.tuples(WILD, WILD, WILD, WILD),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            "height": st.integers(2, 120), "width": st.integers(2, 120), "cfa": st.integers(0, 3),
            "white": st.integers(1, 65535), "top": st.sampled_from([1, 100, 1023, 65535]),
            "black": st.lists(st.integers(0, 3000 * 1024), min_size=4, max_size=4),
            "companding": st.sampled_from([1, 255]), "step_exponent": st.integers(0, 8),
            "states": st.integers(2, 6),
            "step": st.sampled_from([0, 1000, 3000, 5119, 5120]), "tile": st.sampled_from([8, 65535]),
            "geometry": geometries.map(Geometry.to_bytes), "values": st.just(b""),
        },
    ),
    askew=st.none() | projections,
    seed=st.none() | st.integers(0, 1000),
)  # fmt: skip
def test_allowed_but_wild(fields, askew, seed):
    """Headers within their ranges over symbols that were made for another: an error, or values within the range."""
    stream = Stream.from_bytes(PAYLOAD)
    substreams = stream.substreams
    if seed is not None:
        rng = np.random.default_rng(seed)
        words = rng.integers(0, 1 << 32, (16, 50), np.uint32)
        substreams = {(0, stage): words[stage, : rng.integers(1, 50)].astype("<u4").tobytes() for stage in range(16)}
    if askew is not None:
        fields = fields | {"geometry": b"\5"}
    wild = replace(stream, header=replace(stream.header, **fields), substreams=substreams, projection=askew)
    try:
        forged = Stream.from_bytes(stream_bytes(wild))
        mosaic = forged.decode(decode_planes(BARE))
    except StreamError:
        return
    assert mosaic.shape == (forged.header.height, forged.header.width) and mosaic.max() <= forged.header.top


def test_tiny_tiles_are_slow_but_bounded():
    """The smallest tile on a larger picture: time grows with the tiles, not beyond."""
    stream = Stream.from_bytes(PAYLOAD)
    (transform,) = stream.params
    transforms = [transform] * (7 * 10)
    header = replace(stream.header, height=200, width=300, tile=8, transforms=pack_transforms(transforms))
    with Cost() as cost:
        mosaic = replace(stream, header=header, transforms=transforms, substreams={}).decode(decode_planes(BARE))
    assert mosaic.shape == (200, 300) and cost.seconds < 60
