"""What other programs leave of a RAW (the whole table: `tests/campaigns/survival.py`), and signatures."""

import carriers
import credentials
import numpy as np
import pytest
from rawinlay.bitstream.jpeg import embed
from rawinlay.codec import api

from tests.campaigns import probes, survival


@pytest.mark.parametrize("only, result", [
    ("exiftool 12", None), ("piexif", "survives"), ("-optimize", "survives"), ("-rotate 90", "survives"),
    ("-crop", "**void**"), ("-copy none", "**lost**"), ("JPEG XL", "survives, byte for byte"), ("OpenCV", "**lost**"),
    ("with `xmp=`", "**lost**, known"), ("zip", "survives, byte for byte"),
])  # fmt: skip
def test_rows(only, result):
    for row in survival.rows(only):
        if row.result == "not installed":
            pytest.skip(f"{row.program} is not installed")
        assert row.result != "**WRONG**" and (result is None or row.result == result), row


def test_the_table_is_in_the_document():
    text = survival.DOCUMENT.read_text(encoding="utf-8")
    table = text[text.index(survival.BEGIN) : text.index(survival.END)]
    programs = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")}
    assert len(programs) >= 14 and "WRONG" not in table  # 12 programs, and the head's two rows


def test_embed_then_sign():
    pytest.importorskip("c2pa", reason="c2pa-python signs")
    pytest.importorskip("cryptography", reason="cryptography makes the certificates")
    sample = carriers.sample()
    signed = credentials.signed(sample.jpeg)
    assert credentials.state(signed) == "Valid"
    assert np.array_equal(api.decode(signed).raw.mosaic, sample.mosaic)
    before = credentials.signed(sample.bare)
    voided = embed.embed(before, embed.extract(sample.jpeg))
    assert credentials.state(voided) == "Invalid" and api.strip(voided) == before


def test_the_size_is_found_in_the_first_kilobytes():
    """By what reads no further than it must; what version 0.1.0 wrote hides it from those in megabytes of APP11."""
    told = "{} {}".format(*probes.SIZE)
    files = probes.carriers()
    for name, ask in probes.probes():
        for where, jpeg in files.items():
            assert ask(jpeg) == told, (name, where)
        if not name.startswith("Pillow"):
            assert ask(files["as written now"][:4096]) == told and ask(files["as by 0.1.0"][:65536]) != told, name
