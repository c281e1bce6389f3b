"""`encode --margins`: the masked border from the RAW into the DNG, value by value."""

import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import rawpy
from rawinlay.bitstream.dng.border import framed
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.raw_image import Border
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import pack_value
from rawinlay.codec.api import decode, encode, encode_arrays
from rawinlay.codec.cli.main import main
from rawinlay.codec.source.raw import read_raw
from raws import plain_dng
from shots import shot

TOP, LEFT, BOTTOM, RIGHT = 12, 20, 4, 2


def bordered(top=TOP, left=LEFT, bottom=BOTTOM, right=RIGHT, level=None):
    """A shot's mosaic within masked pixels: (the frame, the shot)."""
    taken = shot()
    height, width = taken.raw.mosaic.shape
    rng = np.random.default_rng(1)
    black = taken.raw.black[0] if level is None else level
    frame = np.rint(rng.normal(black, 2, (top + height + bottom, left + width + right))).clip(0).astype(np.uint16)
    frame[top : top + height, left : left + width] = taken.raw.mosaic
    return frame, taken


def source_dng(frame, taken, top=TOP, left=LEFT):
    height, width = taken.raw.mosaic.shape
    cfa = bytes("RGB".index(c) for c in taken.raw.cfa)
    black = pack_value(tiff.RATIONAL, *(n for b in taken.raw.black for n in (int(4 * b), 4)))
    area = pack_value(tiff.LONG, top, left, top + height, left + width)
    return plain_dng(frame, cfa, t50829=area, t50713=pack_value(tiff.SHORT, 2, 2), t50714=black,
                     t50717=pack_value(tiff.LONG, taken.raw.white))  # fmt: skip


def test_every_value_of_the_frame_comes_back(tmp_path):
    frame, taken = bordered()
    source = source_dng(frame, taken)
    encoded = encode(source, taken.jpeg, margins=True, lossless=True, effort=1)
    (tmp_path / "o.dng").write_bytes(decode(encoded.jpeg).dng())
    with rawpy.imread(str(tmp_path / "o.dng")) as raw:
        assert np.array_equal(raw.raw_image, frame)
        assert np.array_equal(raw.raw_image_visible, taken.raw.mosaic)
        assert raw.black_level_per_channel == [round(b) for b in taken.raw.black]
    again = read_raw(tmp_path / "o.dng", margins=True)
    assert np.array_equal(again.border.frame(again.mosaic), frame) and again.cfa == taken.raw.cfa
    assert not any("margins" in line for line in encoded.warnings)


def test_without_the_option_nothing_of_it_is_there():
    frame, taken = bordered()
    plain = encode(source_dng(frame, taken), taken.jpeg, quality=20, effort=1)
    kept = encode(source_dng(frame, taken), taken.jpeg, quality=20, effort=1, margins=True)
    assert decode(plain.jpeg).raw.border is None
    assert 0 < kept.metadata_bytes - plain.metadata_bytes < frame.size - taken.raw.mosaic.size


def test_it_counts_within_the_size():
    frame, taken = bordered()
    encoded = encode(source_dng(frame, taken), taken.jpeg, size=30_000, effort=1, margins=True)
    assert 0.9 * 30_000 < encoded.metadata_bytes <= 30_000 and decode(encoded.jpeg).raw.border is not None


def test_on_the_command_line(tmp_path, capsys):
    frame, taken = bordered()
    (tmp_path / "i.dng").write_bytes(source_dng(frame, taken))
    (tmp_path / "i.jpg").write_bytes(taken.jpeg)
    words = ["encode", str(tmp_path / "i.dng"), str(tmp_path / "i.jpg"), "-o", str(tmp_path / "o.jpg"), "--margins",
             "--quality", "20", "--effort", "1", "-q"]  # fmt: skip
    assert main(words) == 0
    assert main(["decode", str(tmp_path / "o.jpg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["margins"] == [TOP, LEFT, BOTTOM, RIGHT]
    # A part of the mosaic has no border, and a RAW without one is told.
    assert main(["decode", str(tmp_path / "o.jpg"), "--json", "--force", "--crop", "10,10,50,50"]) == 0
    assert json.loads(capsys.readouterr().out)["margins"] is None
    (tmp_path / "i.dng").write_bytes(write_dng(taken.raw))
    assert main([*words, "--force"]) == 0
    assert "no margins around its mosaic" in capsys.readouterr().err


def test_masked_areas_are_those_that_are_dark():
    frame, taken = bordered(level=64)
    height, width = taken.raw.mosaic.shape
    raw = replace(taken.raw, black=(64, 64, 64, 64), border=Border.around(frame, TOP, LEFT, (height, width)))
    areas = tiff.value_numbers(framed(raw).tags[50830])
    assert areas == [0, 0, TOP - 2, LEFT + width + RIGHT, TOP, 0, TOP + height, LEFT - 2]
    bright = frame.copy()
    bright[:TOP] += 40
    raw = replace(raw, border=Border.around(bright, TOP, LEFT, (height, width)))
    assert tiff.value_numbers(framed(raw).tags[50830]) == areas[4:]
    flickering = frame.copy()
    flickering[:, :LEFT:3] = raw.white
    raw = replace(raw, border=Border.around(flickering, TOP, LEFT, (height, width)))
    assert 50830 not in framed(raw).tags


@pytest.mark.parametrize("top, left", [(11, 20), (12, 19), (11, 19), (0, 1), (1, 0)])
def test_an_odd_corner_is_made_even_in_the_dng(tmp_path, top, left):
    frame, taken = bordered(top, left)
    raw = replace(taken.raw, border=Border.around(frame, top, left, taken.raw.mosaic.shape))
    (tmp_path / "o.dng").write_bytes(write_dng(raw))
    with rawpy.imread(str(tmp_path / "o.dng")) as found:
        assert np.array_equal(found.raw_image, frame[top % 2 :, left % 2 :])
        assert np.array_equal(found.raw_image_visible, taken.raw.mosaic)


def test_exiftool_has_nothing_against_it(tmp_path):
    if not shutil.which("exiftool"):
        pytest.skip("no exiftool")
    frame, taken = bordered()
    raw = replace(taken.raw, border=Border.around(frame, TOP, LEFT, taken.raw.mosaic.shape))
    (tmp_path / "o.dng").write_bytes(write_dng(raw))
    words = ["exiftool", "-validate", "-error", "-a", tmp_path / "o.dng"]
    said = subprocess.run(words, capture_output=True, check=True)
    assert b"Error" not in said.stdout


def test_a_border_that_is_none_is_damage():
    encoded = encode_arrays(shot().raw, shot().jpeg, quality=20, effort=1).jpeg
    whole = Container.from_bytes(embed.extract(encoded))
    wrong = Container({**whole.sections, "BORD": b"\1\1\1\1rubbish"}, whole.substreams).to_bytes()
    with pytest.raises(StreamError, match="BORD"):
        decode(embed.embed(shot().jpeg, wrong))
    assert decode(embed.embed(shot().jpeg, wrong), crop=(0, 0, 32, 32)).width == 32
