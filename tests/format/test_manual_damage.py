"""Digests, the copy of the head and parity by the second decoder, and by the product."""

import hashlib
import json
from dataclasses import replace

import carriers
import goldens
import manual_container
import manual_damage
import numpy as np
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg import further, jumbf, parity
from rawinlay.bitstream.jpeg.bands import bands_of
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.mend import mend_superbox
from rawinlay.bitstream.stream import digests
from rawinlay.bitstream.stream.container import SECTIONS, Container
from rawinlay.codec import api
from test_manual import by_the_manual


def test_the_digests_of_a_golden_stream():
    jpeg, sections = goldens.jpeg("digests"), Container.from_bytes(goldens.payload("digests")).sections
    mosaic = goldens.decoded("digests")
    assert manual_damage.digest(mosaic) == digests.mosaic_digest(mosaic) == sections["DIGM"]
    files = digests.FileDigests.from_bytes(sections["DIGS"])
    assert files == digests.FileDigests.of(Jpeg(jpeg).bare.data, files.raw) and len(files.raw) == 32


def test_the_copy_of_the_head():
    sample = carriers.sample()
    kind, data = list(manual_damage.boxes(Jpeg(sample.jpeg).superbox))[-1]
    assert kind == b"uuid" and data[:16] == manual_damage.COPY
    container = Container.from_bytes(Jpeg(sample.jpeg).payload)
    copied = dict(manual_damage.blocks(data[16:]))
    left_out = {letter for name, letter in SECTIONS.items() if container.sections[name]} - set(copied)
    assert all(letter.islower() for letter in left_out) and {b"S", b"d"} <= set(copied)
    for name, letter in SECTIONS.items():
        assert letter not in copied or copied[letter] == container.sections[name]


@pytest.mark.parametrize("size, share, lost", [(900, 0.1, 1), (70_000, 0.05, 1), (70_000, 0.3, 1), (400_000, 0.2, 3)])
def test_parity(size, share, lost):
    contents = jumbf.contents(bytes(i * i // 7 % 251 for i in range(size)))
    whole = contents + parity.parity_box(contents, share)
    plan, _ = parity.Plan.find(whole)
    damaged = bytearray(whole)
    for n in range(lost):
        damaged[(3 * n + 1) % plan.data_units * plan.unit + 5] ^= 1
    assert manual_damage.mended(bytes(damaged)) == parity.mended(bytes(damaged))[0] == whole
    assert len(whole) - len(contents) == parity.parity_size(len(contents), share)
    assert further.damages(whole) == []


def test_parity_in_groups(monkeypatch):
    """As in a stream of tens of megabytes."""
    monkeypatch.setattr(parity, "UNITS", (64,))
    contents = jumbf.contents(bytes(range(256)) * 130)
    whole = contents + parity.parity_box(contents, 0.1)
    plan, _ = parity.Plan.find(whole)
    assert plan.groups > 1
    damaged = bytes(64 * 7) + whole[64 * 7 :]
    assert manual_damage.mended(damaged) == parity.mended(damaged)[0] == whole


GUARDED = json.loads((goldens.FOLDER / "guarded.json").read_text())


def superbox(jpeg):
    """Contents of the superbox by the manual's segments, and the sizes of its parts."""
    parts = [p[16:] for marker, p in manual_container.segments(jpeg) if marker == 0xEB]
    return b"".join(parts), [len(part) for part in parts]


@pytest.mark.parametrize("name", GUARDED)
def test_golden_files(name):
    """What they decode to, by the product, and where the picture is small by the second decoder."""
    jpeg, want = goldens.jpeg(name), GUARDED[name]
    sidecar = (goldens.FOLDER / "apart.rwi").read_bytes() if name == "apart" else None
    decoded = api.decode(jpeg, sidecar=sidecar, preview="none")
    assert goldens.digest(decoded.raw.mosaic) == want["mosaic_sha256"] and not decoded.warnings
    assert hashlib.sha256(Jpeg(jpeg).bare.data).hexdigest() == want["jpeg_sha256"]
    if sidecar:
        (kind, contents), = manual_damage.boxes(sidecar)
        assert kind == b"jumb"
    else:
        contents, _ = superbox(jpeg)
    payload = manual_container.embedded(contents)
    if name != "parted":
        assert np.array_equal(by_the_manual(payload, Jpeg(jpeg).planes), decoded.raw.mosaic)


def test_where_parts_end():
    """By the text's rule they end where the golden file's do, and it is not the plain one."""
    contents, sizes = superbox(goldens.jpeg("parted"))
    assert manual_damage.part_ends(contents) == np.cumsum(sizes).tolist() and max(sizes) < manual_container.FULL
    contents, sizes = superbox(goldens.jpeg("spared"))
    assert manual_damage.part_ends(contents) == np.cumsum(sizes).tolist()


def test_the_golden_bands():
    jpeg = Jpeg(goldens.jpeg("parted"))
    assert Container.from_bytes(jpeg.payload).sections["DIGJ"] == manual_damage.bands(jpeg.planes, 64)
    assert bands_of(jpeg.planes) == manual_damage.bands(jpeg.planes, 64)
    tall = replace(jpeg.planes, y=np.resize(jpeg.planes.y, (9001, 16)), cb=np.resize(jpeg.planes.cb, (4501, 8)),
                   cr=np.resize(jpeg.planes.cr, (4501, 8)))  # fmt: skip
    assert bands_of(tall) == manual_damage.bands(tall, 320)


def test_the_golden_copy_serves():
    contents, _ = superbox(goldens.jpeg("parted"))
    begin = next(at for kind, at in manual_damage.starts(contents) if kind == b"bidb")
    damaged = contents[: begin + 12] + bytes(200) + contents[begin + 212 :]
    payload = manual_container.embedded(contents)
    found, substreams = manual_damage.by_the_copy(damaged)
    assert payload.endswith(substreams)
    mended = Container.from_bytes(mend_superbox(damaged).payload)
    whole = Container.from_bytes(payload)
    for name, letter in SECTIONS.items():
        assert mended.sections[name] == whole.sections[name] == found.get(letter, whole.sections[name]), name
    assert b"".join(mended.substreams.values()) == substreams


def test_the_golden_parity_mends():
    contents, _ = superbox(goldens.jpeg("spared"))
    unit = parity.Plan.find(contents)[0].unit
    damaged = contents[:unit] + bytes(unit) + contents[2 * unit :]
    assert damaged != contents == manual_damage.mended(damaged) == parity.mended(damaged)[0]


def test_a_large_guide_is_not_copied():
    """The head's copy says that it lacks it: found where it stands, or nothing can be decoded."""
    head = Container.from_bytes(goldens.payload("own-guide")).sections
    whole = Container({**head, "GATE": bytes(range(256)) * 20}, {(0, 0, 0): bytes(range(1, 251)) * 280})
    payload = whole.to_bytes()
    contents = jumbf.contents(payload) + further.further_boxes(payload)
    gate, begin = contents.index(bytes(range(256))), contents.index(payload)
    copy = contents[contents.rindex(manual_damage.COPY) + 16 :]
    assert len(copy) < 3000 and dict(manual_damage.blocks(copy))[b"g"] == SECTIONS["GATE"]
    mended = Container.from_bytes(mend_superbox(contents[: begin + 12] + bytes(90) + contents[begin + 102 :]).payload)
    assert mended.sections["HEAD"] == head["HEAD"] and mended.sections["GATE"] == whole.sections["GATE"]
    for damaged in (contents[: gate + 9] + b"\0" + contents[gate + 10 :], contents[:begin] + bytes(gate + 9 - begin)
                    + contents[gate + 9 :]):  # fmt: skip
        with pytest.raises(StreamError, match="no intact copy"):
            mend_superbox(damaged)
