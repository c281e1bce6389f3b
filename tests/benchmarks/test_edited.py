"""`rawinlay bench edits`: full-size developments of decoded mosaics, and what is measured of them."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from rawinlay.benchmarks import edited, needed
from rawinlay.benchmarks.inputs import Input
from rawinlay.benchmarks.peers.jxl import JxlLossy
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.codec.cli.main import main
from rawinlay.codec.source.raw import read_raw
from rawinlay.eval.developed import EDITS, FullDeveloper, apply
from rawinlay.eval.differences import block_means, blocks, difference
from raws import long
from shots import shot

pytest.importorskip("ssimulacra2")
pytest.importorskip("flip_evaluator")


@pytest.fixture(scope="module")
def raw():
    return shot(2, (128, 160), iso=100).raw


def noisy(raw, deviation, seed=0):
    rng = np.random.default_rng(seed)
    found = raw.mosaic + rng.normal(0, deviation, raw.mosaic.shape)
    return np.clip(np.rint(found), 0, raw.white).astype(np.uint16)


def test_developments(raw):
    """Each edit does something of its own, in range; +2 EV is four times the light, and base exposure is the true's."""
    developer = FullDeveloper(raw)
    linear = developer.linear(raw.mosaic)
    assert linear.shape == (*raw.mosaic.shape, 3) and linear.dtype == np.float32
    pictures = {edit: apply(linear, edit) for edit in EDITS}
    for edit, picture in pictures.items():
        assert picture.dtype == np.float32 and picture.min() >= 0 and picture.max() <= 1, edit
        assert edit == "as_shot" or np.abs(picture - pictures["as_shot"]).mean() > 0.005, edit
    assert np.allclose(pictures["plus2ev"], apply(4 * linear, "as_shot"), atol=1e-6)
    bright = pictures["as_shot"].mean()
    assert bright < pictures["shadows"].mean() and pictures["highlights"].mean() < bright < pictures["plus2ev"].mean()
    warm, cold = (pictures[edit].mean((0, 1)) for edit in ("warm", "cold"))
    assert warm[0] / warm[2] > cold[0] / cold[2]
    assert developer.edited(raw.mosaic, "highlights").shape == linear.shape


def test_differences_grow_with_the_error(raw):
    measured = edited.Measured(raw)
    same, little, much = (measured.mosaic(m) for m in (raw.mosaic, noisy(raw, 5), noisy(raw, 40)))
    assert same["psnr"] is None and same["blocks"]["mean"] == 0 == same["blocks_mosaic"]["p99"]
    assert set(same["edits"]) == set(EDITS)
    for edit in EDITS:
        a, b, c = (row["edits"][edit] for row in (same, little, much))
        assert a["psnr"] is None and a["ciede2000"] == 0 == a.get("flip", 0) and a["ssimulacra2"] > 99.9
        assert b["psnr"] > c["psnr"] and b["ssimulacra2"] > c["ssimulacra2"], edit
        assert b["ciede2000"] < c["ciede2000"], edit
        assert (edit in edited.FLIPPED and b["flip"] < c["flip"]) or "flip" not in c, edit
    assert little["edits"]["plus2ev"]["psnr"] < little["edits"]["as_shot"]["psnr"]


def test_casts_are_seen_under_noise(raw):
    """A shift of all reds is in the blocks' means, noise of zero mean hardly."""
    developer = FullDeveloper(raw)
    red = raw.mosaic.copy()
    row, col = divmod(raw.cfa.index("R"), 2)
    red[row::2, col::2] += 60
    assert block_means(developer, red)["mean"] > 3 * block_means(developer, noisy(raw, 25))["mean"]
    linear = developer.linear(raw.mosaic)
    assert blocks(linear, linear * np.array([1.2, 1, 1], np.float32))["mean"] > 0.3
    gray = np.full((5, 7, 3), 0.5, np.float32)
    assert blocks(gray, gray)["mean"] == 0 and difference(linear, linear)["psnr"] is None


def test_the_edited_jpeg_is_at_its_best(raw):
    """Of the development itself in 8 bits little is lost as shot; one of another size is not compared."""
    measured = edited.Measured(raw)
    shown = Image.fromarray(np.rint(255 * measured.true["as_shot"]).astype(np.uint8))
    file = io.BytesIO()
    shown.save(file, "PNG")
    found = measured.picture(file.getvalue())
    assert found["edits"]["as_shot"]["psnr"] > max(50, found["edits"]["plus4ev"]["psnr"])
    file = io.BytesIO()
    shown.resize((80, 64)).save(file, "PNG")
    assert measured.picture(file.getvalue()) is None


def test_jpeg_xl_meets_the_rate(raw, tmp_path):
    path = tmp_path / "raw.dng"
    path.write_bytes(write_dng(raw))
    for rate in (1.0, 3.0):
        size, mosaic = edited.at_rate(JxlLossy("sqrt"), path, path, rate, raw.mosaic.size)
        assert abs(8 * size / raw.mosaic.size / rate - 1) < 0.05 and mosaic.shape == raw.mosaic.shape


def test_a_cut_is_the_middle(raw, tmp_path):
    path = tmp_path / "raw.dng"
    path.write_bytes(write_dng(raw))
    part = read_raw(edited.cut(Input("raw.dng", path), (96, 64), tmp_path / "cuts").raw)
    assert part.mosaic.shape == (64, 96) and part.cfa == raw.cfa and part.orientation == 1
    assert np.array_equal(part.mosaic, raw.mosaic[32:96, 32:128])


def test_bytes_needed():
    rows = [{"file": "a", "guide": "g", "codec": "c", "bpp": bpp, "edits": {"plus2ev": {"ssimulacra2": s}}}
            for bpp, s in ((0.5, 50.0), (1.0, 70.0), (2.0, 80.0))]  # fmt: skip
    assert needed.bytes_needed(rows)["a", "g", "c"] == [pytest.approx(0.5 * 2**0.5), pytest.approx(2**0.5), None]
    assert needed.bytes_needed([{"file": "a", "guide": "g", "codec": "c", "error": "none"}]) == {}


@long
def test_the_command(raw, tmp_path, capsys, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dng").write_bytes(write_dng(raw))
    monkeypatch.setattr(edited, "codecs", lambda: [edited.Tuned()])
    words = ["bench", "edits", "--raw", str(tmp_path / "in"), "--rates", "2", "--cut", "96x80", "--out", str(tmp_path)]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["all"] == 2
    rows = [json.loads(line) for line in (tmp_path / "edited.jsonl").read_text().splitlines()]
    assert [row["codec"] for row in rows] == ["rawinlay-edit", "edited-jpeg"]
    assert rows[0]["bpp"] <= 2 and set(rows[0]["edits"]) == set(EDITS)
    assert "rawinlay-edit" in (tmp_path / "edited.md").read_text()
    assert main(words) == 0 and len((tmp_path / "edited.jsonl").read_text().splitlines()) == 2
    assert main([*words[:-4], "--cut", "nothing", "--out", str(tmp_path)]) == 2
