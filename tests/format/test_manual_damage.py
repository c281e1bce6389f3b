"""Digests, the copy of the head and parity by the second decoder, and by the product."""

import carriers
import goldens
import manual_damage
import pytest
from rawinlay.bitstream.jpeg import further, jumbf, parity
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.stream import digests
from rawinlay.bitstream.stream.container import SECTIONS, Container

zfec = pytest.importorskip("zfec", reason="zfec writes the parity that the second decoder mends by")


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
