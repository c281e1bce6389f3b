"""The published protocol: layouts, guide, scores, and the table with the published figures; codecs are stand-ins."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from shots import large_shot, shot, write_pair

pytest.importorskip("skimage", reason="scikit-image is not installed")
from rawinlay.benchmarks import protocol, protocol_data, rows
from rawinlay.benchmarks.inputs import Input
from rawinlay.benchmarks.processes import Codec, Failed
from rawinlay.bitstream.errors import InputError
from rawinlay.codec.source.raw import read_raw

CODEC = Codec("rawinlay", "ours", True, settings=("bpp=0.1",))


def target(shape=(7, 9)):
    return np.random.default_rng(1).integers(0, 65536, (*shape, 3)).astype(np.uint16)


def test_cells_hold_three_colours_and_come_back():
    image = target()
    mosaic = protocol_data.to_cells(image)
    assert mosaic.shape == (14, 18) and mosaic[2, 4] == image[1, 2, 0] and mosaic[3, 5] == image[1, 2, 2]
    assert mosaic[2, 5] == mosaic[3, 4] == image[1, 2, 1]
    assert np.array_equal(protocol_data.from_cells(mosaic), image)


def test_a_mosaic_holds_one_colour_of_each_pixel():
    image = target()
    mosaic = protocol_data.to_mosaic(image)
    assert mosaic.shape == (6, 8)
    assert [mosaic[y, x] for y in (2, 3) for x in (4, 5)] == [
        image[2, 4, 0], image[2, 5, 1], image[3, 4, 1], image[3, 5, 2],
    ]  # fmt: skip


def test_scores_are_psnr_over_white():
    image = target((40, 44)) // 2
    mosaic = protocol_data.to_cells(image)
    assert protocol_data.score(image, mosaic, "cells") == {"psnr": None, "ssim": pytest.approx(1)}
    off = protocol_data.score(image, mosaic + np.uint16(655), "cells")["psnr"]
    assert off == pytest.approx(-20 * np.log10(655 / 65535))
    single = protocol_data.to_mosaic(image)
    assert protocol_data.score(image, single + np.uint16(655), "mosaic") == {"psnr": pytest.approx(off), "ssim": None}


@pytest.mark.parametrize(("layout", "size"), [("cells", (18, 14)), ("mosaic", (8, 6))])
def test_the_guide_fits_the_mosaic(layout, size):
    guide = np.full((7, 9, 3), (200, 100, 50), np.uint8)
    image = Image.open(io.BytesIO(protocol_data.jpeg_of(guide, layout)))
    assert image.size == size and np.abs(np.asarray(image).astype(int) - guide[0, 0]).max() <= 1


@pytest.fixture
def source(tmp_path):
    raw, _ = write_pair(tmp_path, large_shot())
    return Input(raw.name, raw)


def test_target_and_guide_show_the_same(source):
    pair = protocol_data.make_pair(source.raw)
    h = read_raw(source.raw).mosaic.shape[0] // 4
    assert pair.target.shape[:2] == pair.guide.shape[:2] and abs(pair.target.shape[0] - h) <= 2
    linear, shown = (image.mean(2).ravel() for image in (pair.target.astype(float) ** 0.45, pair.guide.astype(float)))
    assert np.corrcoef(linear, shown)[0, 1] > 0.95


def test_what_is_too_small_or_no_raw_is_refused(tmp_path):
    raw, _ = write_pair(tmp_path, shot(shape=(120, 320)))
    with pytest.raises(InputError, match="too small"):
        protocol_data.make_pair(raw)
    raw.write_bytes(b"no RAW")
    with pytest.raises(InputError, match="LibRaw can't develop it"):
        protocol_data.make_pair(raw)




class Stand_in:
    """In place of `Processes`: shifts the mosaic by 64, fails at one rate."""

    def __init__(self):
        self.stopped, self.calls = False, []

    def encode(self, codec, raw, jpeg, setting, stream):
        self.calls.append(setting)
        if setting == "bpp=0.75":
            raise Failed("encode: exit 1: no")
        mosaic = read_raw(raw).mosaic
        np.save(stream.with_suffix(".npy"), np.minimum(mosaic, 65000) + np.uint16(64))
        stream.with_suffix(".npy").rename(stream)
        return round(float(setting.removeprefix("bpp=")) * mosaic.size / 8), {"total": 1.0, "peak_memory": 1}

    def decode(self, codec, stream, jpeg, mosaic):
        stream.rename(mosaic)
        return {"total": 1.0, "peak_memory": 1}

    def stop(self):
        self.stopped = True


def test_rows_and_table(source, tmp_path):
    said = []
    results = rows.Results(tmp_path / "protocol.jsonl")
    first = Stand_in()
    protocol.Protocol(results, first, said.append).run([source], [CODEC], 1)
    assert len(first.calls) == len(said) == 8 and first.stopped
    found = protocol.write_table(tmp_path, results.done.values())
    cells = [entry for entry in found["measured"] if entry["layout"] == "cells"]
    assert [entry["bpp"] for entry in cells] == pytest.approx(protocol.RATES, rel=1e-3)
    assert all(50 < entry["psnr"] < 61 and entry["files"] == 1 for entry in cells)
    # 0.75 is a rate of the second layout's; a quarter of it is asked for in the first, where a pixel is four samples
    assert sum("exit 1: no" in line for line in said) == 1
    assert json.loads((tmp_path / "protocol.json").read_text()) == found
    text = (tmp_path / "protocol.md").read_text()
    assert text.index("OTHER DATA") < text.index("| R2LCM++ | 8-bit sRGB | 0.3763 | 56.74 | 59.04 | 58.21 |")
    again = Stand_in()
    protocol.Protocol(results, again, said.append).run([source], [CODEC], 1)
    assert again.calls == ["bpp=0.75"]
