"""Corrections by block that stand along the stream: pieces, spare ones, and what is done where too many are lost."""

import itertools
import random

import goldens
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg import jumbf, mend
from rawinlay.bitstream.jpeg.further import further_boxes
from rawinlay.bitstream.jpeg.jumbf import PART
from rawinlay.bitstream.stream import away, gf256, head_copy
from rawinlay.bitstream.stream.container import Container
from rawinlay.codec import api
from rawinlay.codec.encoder.away_writer import apart, stand_away

BODY = bytes(random.Random(0).randbytes(101))


def stream(body=BODY, tiles=range(1, 14, 2), spare=2, **sections):
    """A stream with pieces beside substreams of its own."""
    section, pieces = away.scattered(body, tiles, spare)
    own = {(n, 0, stage): bytes([n, stage]) * 9 for n in range(14) for stage in (0, 15)}
    return Container({"HEAD": b"h", "AWAY": section, **sections}, own | pieces), pieces


def test_what_is_scattered_is_gathered():
    container, pieces = stream()
    assert len(pieces) == 7 and {len(piece) for piece in pieces.values()} == {21}
    whole = away.gathered(Container.from_bytes(container.to_bytes()))
    assert whole.sections["LOCL"] == BODY and not whole.sections["AWAY"]
    assert set(whole.substreams) == set(container.substreams) - set(pieces)
    assert away.gathered(whole) is whole
    few, pieces = stream(b"abc", spare=1)  # fewer bytes than tiles
    assert len(pieces) == 4 and away.gathered(few).sections["LOCL"] == b"abc"


def test_any_two_of_the_pieces_may_be_lost():
    container, pieces = stream()
    section = container.sections["AWAY"]
    for lost in itertools.combinations(pieces, 2):
        left = {key: data for key, data in container.substreams.items() if key not in lost}
        assert away.mended(section, container.substreams, left) == {key: pieces[key] for key in lost}
    left = {key: data for key, data in container.substreams.items() if key not in [*pieces][:3]}
    assert away.mended(section, container.substreams, left) is None
    assert away.mended(b"\xff", container.substreams, left) is None


def test_the_code_is_that_of_zfec(monkeypatch):
    pytest.importorskip("zfec", reason="zfec has the same numbers")
    parts = [random.Random(n).randbytes(40) for n in range(200)]
    more = gf256.spare(parts, 56)
    have = dict(enumerate([*parts, *more]))
    left = {n: part for n, part in have.items() if n not in (0, 3, 70, 199)}
    assert gf256.solved(left, 200) == parts
    monkeypatch.setattr(gf256, "has_zfec", lambda: False)
    assert [gf256.piece(n, dict(enumerate(parts))) for n in (200, 231, 255)] == [more[n] for n in (0, 31, 55)]
    few = {n: part for n, part in enumerate(gf256.spare(parts[:9], 4), 9)} | {n: parts[n] for n in range(1, 6)}
    assert gf256.solved(few, 9) == parts[:9]


@pytest.mark.parametrize("change, message", [
    ({"LOCL": b"x"}, "two places"), ({"LAYR": b"x"}, "of layers"), ({"AWAY": b"\x65\x07"}, "7 pieces, 7 of them"),
    ({"AWAY": b"\x70\x02"}, "another size"), ({"AWAY": b"\x66\x02"}, None), ({"AWAY": b"\x61\x02"}, "another size"),
    ({"AWAY": b"\x00\x02"}, "size"), ({"AWAY": b"\x65"}, "AWAY"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(change, message):
    container, _ = stream()
    container = Container({**container.sections, **change}, container.substreams)
    if message is None:
        assert away.gathered(container).sections["LOCL"] == BODY + b"\0"
        return
    with pytest.raises(StreamError, match=message):
        away.gathered(container)


def test_a_tail_of_the_last_piece_is_refused():
    container, pieces = stream()
    last = [*pieces][4]
    hurt = Container(container.sections, container.substreams | {last: pieces[last][:-1] + b"\1"})
    with pytest.raises(StreamError, match="a tail"):
        away.gathered(hurt)


def hurt(contents, payload, keys):
    """A superbox with a wrong byte in some substreams."""
    out, container = bytearray(contents), Container.from_bytes(payload)
    at = contents.index(payload) + len(payload) - sum(map(len, container.substreams.values()))
    for key in sorted(container.substreams, key=lambda key: (key[1], key[0], key[2])):
        out[at] ^= key in keys
        at += len(container.substreams[key])
    return bytes(out)


def test_a_damaged_stream_gets_its_pieces_back(monkeypatch):
    monkeypatch.setattr(head_copy, "LEAST", 0)
    payload = goldens.payload("away")
    contents = jumbf.contents(payload) + further_boxes(payload)
    pieces = away.keys_in(Container.from_bytes(payload).substreams)
    other = next(key for key in Container.from_bytes(payload).substreams if key[0] == 3)
    found = mend.mend_superbox(hurt(contents, payload, {*pieces[2:4], other}))
    assert found.lost == {other} and "2 pieces of the corrections" in " ".join(found.notes)
    assert Container.from_bytes(found.payload).substreams == {
        key: data for key, data in Container.from_bytes(payload).substreams.items() if key != other}  # fmt: skip
    start = contents.index(b"RWIN")
    headless = contents[:start] + bytes(900) + contents[start + 900 :]
    assert not mend.mend_superbox(headless).lost
    gone = mend.mend_superbox(hurt(contents, payload, pieces[:3]))
    assert {tile for tile, *_ in gone.lost} == set(range(12)) and "are lost" in " ".join(gone.notes)


def test_without_its_pieces_a_picture_is_guessed(monkeypatch):
    monkeypatch.setattr(head_copy, "LEAST", 0)
    payload, carrier = goldens.payload("away"), goldens.jpeg("away")
    pieces = away.keys_in(Container.from_bytes(payload).substreams)
    with pytest.raises(StreamError, match="--salvage"):
        api.decode(hurt(carrier, payload, pieces[1:4]))
    decoded = api.decode(hurt(carrier, payload, pieces[1:4]), salvage=True, preview="none")
    assert decoded.salvage.recovered == 0 and any("corrections by block" in line for line in decoded.warnings)
    whole = api.decode(hurt(carrier, payload, pieces[1:3]), preview="none")
    assert goldens.digest(whole.raw.mosaic) == goldens.digest(api.decode(carrier, preview="none").raw.mosaic)
    assert whole.warnings


def test_when_they_stand_away():
    """Where the copy of the head would take over a hundredth with them; not where that costs more."""
    own = {(n, 0, stage): bytes(3000) for n in range(20) for stage in range(16)}  # 960 kB, 48 a tile
    sections = {"HEAD": b"h" * 900, "LOCL": bytes(9000)}
    there, substreams = stand_away(sections, own)
    keys = away.keys_in(substreams)
    assert not there["LOCL"] and [tile for tile, *_ in keys] == [*range(0, 20, 2)] and keys
    whole = away.gathered(Container(there, substreams))
    assert whole.sections["LOCL"] == sections["LOCL"] and whole.substreams == own
    spare = sum(len(substreams[key]) for key in keys) - 9000
    assert 0 < spare + len(head_copy.head_copy(Container(there, substreams).to_bytes())) <= 0.01 * 960_000
    for few, some in (({**sections, "LOCL": bytes(60)}, own), ({"HEAD": b"h" * 900}, own), (
        sections, {key: data for key, data in own.items() if key[0] < 2}), (sections, {})):  # fmt: skip
        assert stand_away(few, some) == (few, some)


def test_no_part_holds_the_ends_of_two():
    rng = random.Random(1)
    own = {(n, 0, 0): bytes(rng.choice((900, 20_000, 90_000))) for n in range(1, 60)}
    chosen, at = apart(own), 0
    ends = [at := at + len(own[n, 0, 0]) for n in range(1, 60)]
    places = [ends[n - 1] for n in chosen]
    assert chosen[0] == 1 and all(b - a >= PART for a, b in itertools.pairwise(places)) and len(chosen) > 15
