"""The whole path on every real file: default guide, a fresh process to decode, two programs to read the DNG."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import rawpy
from rawinlay.bitstream.jpeg.embed import strip
from rawinlay.codec.source.raw import read_raw, render_jpeg
from raws import SOME_FILES, shared_raw, slow

LEAST_PSNR = {"nikon-d1.nef": 49, "nikon-d5000-a.dng": 45, "nikon-d5000-b.dng": 42, "canon-kissx4-chart.dng": 57,
              "gopro-hero6.dng": 54, "gopro-fusion.dng": 53}


def rawinlay(*args):
    command = [sys.executable, "-m", "rawinlay", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@slow
@pytest.mark.parametrize("name", SOME_FILES)
def test_encode_decode_and_open(name, tmp_path):
    source = shared_raw(name)
    guide, carrier, dng = tmp_path / "guide.jpg", tmp_path / "carrier.jpg", tmp_path / "decoded.dng"
    guide.write_bytes(render_jpeg(source))
    told = rawinlay("encode", source, "--jpeg", guide, "-o", carrier, "--bpp", 0.4, "--tune", "psnr", "--json")
    assert 0.97 * 0.4 <= told["bpp"] <= 0.4
    assert told["metadata_bytes"] == carrier.stat().st_size - guide.stat().st_size
    assert strip(carrier.read_bytes()) == guide.read_bytes()
    rawinlay("decode", carrier, "-o", dng, "--json")
    told = rawinlay("compare", source, dng, "--json")
    assert told["psnr"] > LEAST_PSNR[name]
    true = read_raw(source)
    with rawpy.imread(str(dng)) as found:
        assert found.raw_image_visible.shape == true.mosaic.shape
        assert found.white_level == true.white
        assert np.allclose(found.black_level_per_channel, true.black)


@slow
@pytest.mark.skipif(not shutil.which("darktable-cli"), reason="darktable-cli is not installed")
@pytest.mark.parametrize("name", SOME_FILES[:1])
def test_darktable_opens_it(name, tmp_path):
    source = shared_raw(name)
    carrier, dng, out = tmp_path / "carrier.jpg", tmp_path / "decoded.dng", tmp_path / "out.png"
    rawinlay("encode", source, "-o", carrier, "--bpp", 0.4, "--json")
    rawinlay("decode", carrier, "-o", dng, "--json")
    config = ["--core", "--configdir", tmp_path / "config", "--cachedir", tmp_path / "cache"]
    subprocess.run(["darktable-cli", dng, out, "--width", "800", *config], check=True, capture_output=True,
                   env={**os.environ, "HOME": str(tmp_path)})
    assert out.stat().st_size > 10_000
