"""Mosaics that no sensor gives are warned of; dark, clipped and ordinary ones are not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rawinlay import encode
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.codec.cli.main import main
from rawinlay.codec.source.plausible import doubts
from rawinlay.codec.source.raw import read_raw
from raws import BAYER_FILES, shared_raw
from shots import large_shot, shot

RNG = np.random.default_rng(4)


def changed(change, raw=None):
    raw = raw or large_shot().raw
    mosaic = raw.mosaic.copy()
    change(mosaic)
    return replace(raw, mosaic=mosaic)


def fill(rows, columns, value):
    return lambda mosaic: mosaic.__setitem__((rows, columns), value)


def repeat_pair(mosaic):
    start = mosaic.shape[0] * 2 // 5 // 2 * 2
    mosaic[start:] = np.resize(mosaic[start - 2 : start], mosaic[start:].shape)


def repeat_cell(mosaic):
    mosaic[:, :100] = np.tile(mosaic[:2, :2], (mosaic.shape[0] // 2, 50))


HALF, ALL = slice(200, None), slice(None)


@pytest.mark.parametrize("change, said", [
    (fill(ALL, ALL, 0), "whole mosaic is one value"), (fill(ALL, ALL, 300), "whole mosaic is one value"),
    (fill(HALF, ALL, 0), "rows 202 to 399 of 400"), (fill(slice(0, 200), ALL, 77), "rows 2 to 199 of 400"),
    (repeat_pair, "rows 160 to 399 of 400"), (repeat_cell, "columns 2 to 99 of 600"),
    (fill(ALL, slice(580, None), 0), "columns 582 to 599 of 600"), (fill(slice(388, None), ALL, 9), "rows 390 to 399"),
    (fill(slice(100, 228), slice(64, 192), 0), "% of the mosaic is flat"),
    (fill(slice(300, None), slice(500, None), 5), "% of the mosaic is flat"),
])  # fmt: skip
def test_missing_data_are_warned_of(change, said):
    (line,) = doubts(changed(change))
    assert said in line and "check the RAW before you delete it" in line


def test_ordinary_shots_are_not():
    for seed in range(12):
        assert doubts(shot(seed).raw) == ()
    assert doubts(large_shot().raw) == ()


def test_clipped_skies_are_not():
    raw = large_shot().raw
    for value in (raw.white, 65535):
        assert doubts(changed(fill(slice(0, 250), ALL, value))) == ()
        assert doubts(changed(fill(slice(50, 250), slice(100, 500), value))) == ()
        assert doubts(changed(fill(ALL, ALL, value))) == ()
    wrong_level = replace(raw, white=min(65535, 2 * int(raw.mosaic.max()) - 200))  # clips far below its white level
    top = int(raw.mosaic.max())
    assert doubts(changed(fill(slice(0, 250), ALL, top), wrong_level)) == ()


@pytest.mark.parametrize("sigma", [0.2, 0.5, 2])
@pytest.mark.parametrize("black", [0, 64])
def test_lens_caps_are_not_even_with_black_clipped(sigma, black):
    noise = np.clip(np.round(RNG.normal(black, sigma, (400, 600))), 0, None).astype(np.uint16)
    assert doubts(replace(large_shot().raw, mosaic=noise, black=(black,) * 4)) == ()


def test_ragged_shadows_that_a_lossy_codec_made_flat_are_not():
    y, x = np.mgrid[:1600, :2400]
    shadow = np.hypot(y - 800 - 90 * np.sin(x / 70), x - 1200 - 60 * np.cos(y / 50)) < 600
    noise = RNG.integers(200, 900, shadow.shape).astype(np.uint16)
    assert doubts(replace(large_shot().raw, mosaic=np.where(shadow, 0, noise).astype(np.uint16))) == ()


def test_small_mosaics_are_not_judged():
    assert doubts(replace(shot().raw, mosaic=np.zeros((30, 30), np.uint16))) == ()


@pytest.mark.parametrize("name", BAYER_FILES)
def test_real_files_are_not(name):
    assert doubts(read_raw(shared_raw(name))) == ()


def test_warnings_reach_the_result_stderr_and_json(tmp_path, capsys):
    path = tmp_path / "IMG_1.dng"
    path.write_bytes(write_dng(changed(fill(slice(128, None), ALL, 0), shot().raw)))
    (line,) = encode(path, quality=20, effort=1).warnings
    assert main(["encode", str(path), "--quality", "20", "--effort", "1", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == f"rawinlay: warning: {line}\n" and json.loads(said.out)["warnings"] == [line]
    assert main(["decode", str(tmp_path / "IMG_1.raw.jpg"), "--json", "-o", str(tmp_path / "2.dng")]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []
