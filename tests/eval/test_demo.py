"""The demonstration, as a user runs it: one command, five files, figures that hold."""

import json
import time

import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.errors import UsageError
from rawinlay.codec.api import decode, strip
from rawinlay.codec.cli.main import main
from rawinlay.codec.source.raw import read_raw
from rawinlay.eval import demo


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The folder and the figures of one run, and how long it took."""
    folder, started = tmp_path_factory.mktemp("demo") / "out", time.monotonic()
    figures = demo.demo(folder)
    return folder, figures, time.monotonic() - started


def test_its_files_are_what_they_say(shown):
    folder, figures, _ = shown
    assert sorted(path.name for path in folder.iterdir()) == sorted(demo.FILES) == sorted(figures["files"])
    carrier = (folder / demo.CARRIER).read_bytes()
    assert strip(carrier) == (folder / demo.CAMERA).read_bytes()
    assert np.array_equal(decode(carrier).raw.mosaic, read_raw(folder / demo.DECODED).mosaic)
    with Image.open(folder / demo.PICTURE) as picture:
        assert picture.format == "PNG" and picture.width > 3 * 600


def test_its_figures(shown):
    _, figures, seconds = shown
    assert figures["metadata_bytes"] == figures["jpeg_bytes"] - figures["camera_bytes"]
    assert figures["bpp"] == 8 * figures["metadata_bytes"] / (600 * 400) <= demo.BPP
    assert figures["psnr"] > 45 and 0 < figures["seconds"] < seconds + 0.001
    json.dumps(figures)


def test_it_replaces_nothing_unless_forced(shown, capsys):
    folder, *_ = shown
    before = (folder / demo.DECODED).stat().st_mtime_ns
    assert main(["demo", str(folder)]) == 2 and "exists already" in capsys.readouterr().err
    assert (folder / demo.DECODED).stat().st_mtime_ns == before


def test_a_fresh_process_that_fails_is_told(tmp_path):
    path = tmp_path / "plain.jpg"
    path.write_bytes(demo.photograph().jpeg)
    with pytest.raises(demo.RawinlayError, match="carries no RAW"):
        demo.decode_afresh(path, tmp_path / "o.dng")


def test_without_the_photograph_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage.data", None)
    with pytest.raises(UsageError, match="pip install scikit-image"):
        demo.demo(tmp_path)
    assert not list(tmp_path.iterdir())
