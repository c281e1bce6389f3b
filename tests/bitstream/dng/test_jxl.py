"""DNGs of JPEG XL: what another reader makes of them, and their size."""

import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from rawinlay.bitstream.dng.jxl import SIDE, JpegXl, interleaved, tiles
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import UsageError
from raws import synthetic_raw

imagecodecs = pytest.importorskip("imagecodecs")
tifffile = pytest.importorskip("tifffile")


def stored(dng):
    """What tifffile reads of the mosaic, fields not put together."""
    with tifffile.TiffFile(io.BytesIO(dng)) as file:
        page = file.pages[0] if file.pages[0].photometric == 32803 else file.pages[0].pages[0]
        return page.asarray(), {tag.code: tag.value for tag in page.tags.values()}, file.pages[0].tags


def put_together(fields):
    """A mosaic of its fields, by plain indices (DNG 1.7, RowInterleaveFactor and ColumnInterleaveFactor)."""
    height, width = fields.shape
    out = np.zeros_like(fields)
    for y in range(height):
        for x in range(width):
            out[y, x] = fields[y // 2 + (y % 2) * ((height + 1) // 2), x // 2 + (x % 2) * ((width + 1) // 2)]
    return out


@pytest.mark.parametrize("shape", [(64, 80), (63, 81), (1, 2), (SIDE + 1, 30), (300, 404)])
def test_every_value_comes_back(shape):
    raw = synthetic_raw(shape=shape)
    dng = write_dng(raw, jxl=JpegXl())
    fields, tags, _ = stored(dng)
    assert np.array_equal(put_together(fields), raw.mosaic)
    assert (tags[259], tags[50975], tags[52547], tags[52553]) == (52546, 2, 2, 0)


def test_any_values_come_back():
    rng = np.random.default_rng(1)
    mosaic = rng.integers(0, 1 << 16, (90, 110)).astype(np.uint16)
    raw = synthetic_raw(shape=(90, 110))
    dng = write_dng(type(raw)(mosaic, "GBRG", (0, 0, 0, 0), 65535), jxl=JpegXl())
    assert np.array_equal(put_together(stored(dng)[0]), mosaic)


def test_it_is_smaller_and_says_its_version():
    raw = synthetic_raw(shape=(600, 800))
    plain, lossless, lossy = write_dng(raw), write_dng(raw, jxl=JpegXl()), write_dng(raw, jxl=JpegXl(1.0))
    assert len(lossy) < len(lossless) < 0.9 * len(plain)
    _, tags, root = stored(lossy)
    assert tags[52553] == 1 and bytes(root[50706].value) == bytes(root[50707].value) == b"\1\7\0\0"
    error = put_together(stored(lossy)[0]).astype(float) - raw.mosaic
    assert 0 < np.sqrt(np.mean(error**2)) < raw.white / 50


def test_exiftool_has_nothing_against_it(tmp_path):
    if not shutil.which("exiftool"):
        pytest.skip("no exiftool")
    (tmp_path / "x.dng").write_bytes(write_dng(synthetic_raw(), jxl=JpegXl()))
    said = subprocess.run(["exiftool", "-j", "-a", "-n", "-validate", "-warning", "-Compression", "-DNGVersion",
                           tmp_path / "x.dng"], capture_output=True, check=True)  # fmt: skip
    assert json.loads(said.stdout)[0]["DNGVersion"] == "1 7 0 0"
    assert b"rror" not in said.stdout and said.stdout.count(b"52546") == 1


def test_fields_and_tiles():
    mosaic = np.arange(35, dtype=np.uint16).reshape(5, 7)
    fields = interleaved(mosaic)
    assert fields[:, 0].tolist() == [0, 14, 28, 7, 21] and fields[0].tolist() == [0, 2, 4, 6, 1, 3, 5]
    assert [t.shape for t in tiles(np.zeros((SIDE + 1, 3), np.uint16))] == [(SIDE, SIDE)] * 2


@pytest.mark.parametrize("distance", [-1, 0.01, 16, float("nan")])
def test_distances_that_are_none(distance):
    with pytest.raises(UsageError, match="distance"):
        JpegXl(distance)


def test_without_imagecodecs_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(UsageError, match="pip install 'imagecodecs"):
        write_dng(synthetic_raw(), jxl=JpegXl())
