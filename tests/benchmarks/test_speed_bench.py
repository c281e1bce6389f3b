"""The speed benchmark: patchworks in register, costs of processes, fits of growth; a whole run on a small picture."""

import io
import json
import sys

import numpy as np
import pytest
from PIL import Image
from rawinlay.benchmarks.speed import costs, measure, patchwork, plots
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError
from rawinlay.codec.source.raw import read_raw
from raws import long
from shots import shot

ROWS = [
    {"setting": f"{what} {m:g} MP", "megapixels": m, "wall": 0.5 + 0.1 * m, "cores": 0.1 * m**1.5, "memory": 1e8 * m}
    for what in ("encode", "decode")
    for m in (1, 6, 12, 24, 50)
]


def test_exponents_are_those_of_power_laws():
    found = plots.exponents(ROWS)
    assert found["encode cores / megapixels"] == pytest.approx(1.5, abs=0.01)
    assert found["decode memory / megapixels"] == pytest.approx(1.0, abs=0.01)
    assert plots.exponents(ROWS[:2]) == {}


def test_the_plot_is_drawn(tmp_path):
    rated = [{"setting": f"decode bpp={b:g}", "bpp": b, "wall": 1 + b, "cores": 1 + b} for b in (0.1, 0.4, 1.5)]
    plots.plot([*ROWS, *rated], tmp_path / "speed.png")
    assert Image.open(tmp_path / "speed.png").size[0] > 800


def test_sides_are_of_the_size_that_is_asked_for():
    for megapixels in (1, 12, 150):
        height, width = patchwork.sides(megapixels)
        assert height % 16 == width % 16 == 0 and height * width == pytest.approx(megapixels * 1e6, rel=0.03)


def test_a_patchwork_is_in_register(tmp_path, monkeypatch):
    monkeypatch.setattr(patchwork, "PIECE", 128)
    source = tmp_path / "shot.dng"
    source.write_bytes(write_dng(shot().raw))
    raw_path, jpeg_path = patchwork.make(source, 0.2, tmp_path)
    raw, picture = read_raw(raw_path), np.asarray(Image.open(jpeg_path)).astype(float)
    assert raw.mosaic.shape == picture.shape[:2] == patchwork.sides(0.2) and raw.cfa == shot().raw.cfa
    green = raw.cfa.index("G")
    light = raw.mosaic[green // 2 :: 2, green % 2 :: 2].astype(float) ** 0.5
    luma = picture[green // 2 :: 2, green % 2 :: 2, 1]
    here = np.corrcoef(light.ravel(), luma.ravel())[0, 1]
    beside = np.corrcoef(light[:, :-2].ravel(), luma[:, 2:].ravel())[0, 1]
    assert here > 0.9 and here > beside
    before = raw_path.read_bytes()
    patchwork.make(source, 0.2, tmp_path)
    assert raw_path.read_bytes() == before


def test_a_command_is_measured_by_itself():
    held = np.ones(30_000_000)  # what this process holds is not the command's
    work = "import time\nx = bytearray(100_000_000)\nwhile time.process_time() < 0.3: pass"
    cost = costs.of_command([sys.executable, "-c", work])
    assert 0.3 <= cost["cores"] < 2 and cost["wall"] >= 0.3 and 1e8 < cost["memory"] < 2e8 < held.nbytes
    with pytest.raises(InputError, match="exit 3: gone wrong"):
        costs.of_command([sys.executable, "-c", "import sys; print('gone wrong', file=sys.stderr); sys.exit(3)"])


@long
def test_rows_of_a_small_picture(tmp_path, monkeypatch):
    source = tmp_path / "shot.dng"
    source.write_bytes(write_dng(shot().raw))
    monkeypatch.setattr(measure, "BPP", 0.8)
    measured = measure.Measure(tmp_path / "work", 1, set())
    rows = list(measured.ratios(source))
    assert [r["setting"] for r in rows] == ["warm encode", "warm decode", "warm mosaic", "encode", "decode", "info"]
    for row in rows:
        json.dumps(row)
        assert row["ratio"] == pytest.approx(row["wall"] / row["ahd"], rel=0.05) and row["cores"] > 0
    assert all("memory" in row for row in rows[3:])
    again = measure.Measure(tmp_path / "work", 1, {(r["file"], r["setting"]) for r in rows})
    assert list(again.ratios(source)) == []
    assert any("ahd" not in line for line in plots.table(rows))


def test_the_rendering_lies_over_the_mosaic(tmp_path):
    source = tmp_path / "shot.dng"
    source.write_bytes(write_dng(shot().raw))
    path = measure.Measure(tmp_path / "work", 1, set())._rendered(source)
    assert Image.open(io.BytesIO(path.read_bytes())).size == shot().raw.mosaic.shape[::-1]
