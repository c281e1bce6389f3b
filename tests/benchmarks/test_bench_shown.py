"""The benchmark's pictures: which settings have some, where the crop lies, what the scales mean."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from raws import synthetic_raw

pytest.importorskip("matplotlib", reason="the bench extra is not installed")
from rawinlay.benchmarks import shown
from rawinlay.benchmarks.processes import Failed
from rawinlay.bitstream.rect import Rect


class Stand_in:
    """In place of `Processes`: a map of one bit everywhere, or a failure."""

    def __init__(self, fails=False):
        self.fails, self.commands = fails, []

    def run(self, what, command):
        self.commands.append(command)
        if self.fails:
            raise Failed("bit map: exit 5: the stream is damaged")
        np.save(command[-1], np.ones((30, 40), np.float32))


def row(setting, codec="rawinlay", guide="libraw"):
    return {"file": "a.dng", "guide": guide, "codec": codec, "setting": setting, "identical": False}


def test_settings_nearest_to_the_targets():
    points = {"a": 0.02, "b": 0.09, "c": 0.2, "d": 0.5, "e": 1.0, "f": 4.0}
    assert shown.nearest(points) == {"b", "d", "e"}
    assert shown.nearest({"a": 4.0}) == set() and shown.nearest({}) == set()


def test_pictures_are_written_and_those_overtaken_removed(tmp_path):
    raw = synthetic_raw(shape=(60, 80))
    pictures = shown.Shown(tmp_path, Stand_in())
    mosaic = raw.mosaic // 64 * 64
    stream = tmp_path / "stream"
    points = {}
    for setting, bpp in (("q=1", 0.07), ("q=2", 0.11), ("q=3", 0.2), ("q=4", 0.41), ("q=5", 9.0)):
        points[setting] = bpp
        pictures.offer(row(setting), raw, mosaic, stream, points)
    pictures.prune(row("q=5"), points)
    folder = tmp_path / "pictures" / "a" / "libraw" / "rawinlay"
    assert sorted(p.name for p in folder.iterdir()) == ["q=2", "q=4"]
    assert sorted(p.name for p in (folder / "q=2").iterdir()) == ["bits.png", "decoded.png", "error.png"]
    sizes = {p.name: Image.open(p).size for p in (folder / "q=4").iterdir()}
    assert sizes == {"decoded.png": (80, 60), "error.png": (40, 30), "bits.png": (40, 30)}
    assert Image.open(tmp_path / "pictures" / "a" / "true.png").size == (80, 60)
    assert {"scale-error.png", "scale-bits.png"} <= {p.name for p in (tmp_path / "pictures").iterdir()}


def test_only_ours_has_maps_of_bits_and_a_failure_is_told(tmp_path, capsys):
    raw = synthetic_raw(shape=(60, 80))
    failing = Stand_in(fails=True)
    pictures = shown.Shown(tmp_path, failing)
    pictures.offer(row("q=1", "jxl-linear", ""), raw, raw.mosaic // 64 * 64, tmp_path / "s", {"q=1": 0.1})
    assert not failing.commands and (tmp_path / "pictures/a/blind/jxl-linear/q=1/error.png").exists()
    pictures.offer(row("q=1"), raw, raw.mosaic // 64 * 64, tmp_path / "s", {"q=1": 0.1})
    assert "no map of bits: bit map: exit 5" in capsys.readouterr().err


def test_the_true_crop_and_a_perfect_one_are_the_same(tmp_path):
    raw = synthetic_raw(shape=(500, 700), orientation=6)
    pictures = shown.Shown(tmp_path, Stand_in())
    pictures.offer(row("q=1", "jxl"), raw, raw.mosaic, tmp_path / "s", {"q=1": 0.1})
    true, found = (Image.open(tmp_path / "pictures" / "a" / p) for p in ("true.png", "libraw/jxl/q=1/decoded.png"))
    assert true.size == (480, 640) and true.tobytes() == found.tobytes()  # turned upright


def test_the_crop_is_where_detail_is_and_nothing_is_clipped():
    rng = np.random.default_rng(1)
    mosaic = np.full((1000, 1400), 3000, np.uint16)
    mosaic[512:992, 704:1344] += rng.integers(0, 3000, (480, 640)).astype(np.uint16)
    mosaic[:480, :640] = rng.choice([1000, 60000], (480, 640))  # more detail, but half of it beyond white
    raw = synthetic_raw(shape=(64, 64))
    raw = replace(raw, mosaic=mosaic, black=(0.0,) * 4, white=16000)
    assert shown.most_detailed(raw) == Rect.at(704, 512, 640, 480)


def test_error_scale_is_in_14_bit_dn():
    """An error of 1024 DN of 14 bits is the lightest, of a quarter black; in between by the logarithm."""
    raw = replace(synthetic_raw(shape=(64, 64)), black=(0.0,) * 4, white=16383)
    raw.mosaic[:] = 3000
    colours = shown.coloured(np.array([[0.0, 0.5, 1.0]]), "magma")[0]
    for error, colour in ((0, colours[0]), (16, colours[1]), (1024, colours[2]), (9000, colours[2])):
        drawn = shown.error_map(raw, raw.mosaic + np.uint16(error))
        assert drawn.shape == (32, 32, 3) and np.abs(drawn[0, 0].astype(int) - colour).max() <= 2
    coarse = replace(raw, white=16383 // 4)  # 12 bits: the same DN are four times as much
    drawn = shown.error_map(replace(coarse, mosaic=raw.mosaic), raw.mosaic + np.uint16(4))
    assert np.abs(drawn[0, 0].astype(int) - colours[1]).max() <= 2


def test_maps_are_small_enough():
    raw = synthetic_raw(shape=(64, 64))
    tall = replace(raw, mosaic=np.zeros((4000, 300), np.uint16))
    assert shown.error_map(tall, tall.mosaic).shape == (500, 37, 3)
