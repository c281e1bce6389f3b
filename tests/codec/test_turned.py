"""JPEGs that a program has turned or mirrored without loss, and other pictures."""

import importlib.util
import io
import shutil
import subprocess

import carriers
import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.frame import Picture
from rawinlay.codec import api, turned
from shots import shot

jpegtran = pytest.mark.skipif(shutil.which("jpegtran") is None, reason="jpegtran turns JPEGs without loss")


@pytest.mark.parametrize("words", ["-rotate 90", "-flip vertical", "-transpose", "-optimize", "-progressive"])
@jpegtran
def test_lossless_transformations(words, monkeypatch):
    sample = carriers.sample(512, (250, 314), quality=40)
    command = ["jpegtran", "-copy", "all", *words.split()]
    done = subprocess.run(command, input=sample.jpeg, capture_output=True, check=True)
    decoded = api.decode(done.stdout)
    is_turned = words.startswith(("-rotate", "-flip", "-trans"))
    assert np.array_equal(decoded.raw.mosaic, sample.mosaic) and bool(decoded.warnings) == is_turned
    assert api.info(done.stdout).intact and api.verify(done.stdout).exit_code == 6
    if is_turned:
        assert "without loss" in decoded.warnings[0]
        shown = Jpeg(api.decode(done.stdout, preview="jpeg").preview)
        assert np.array_equal(shown.planes.y, Jpeg(sample.bare).planes.y)
    if is_turned and importlib.util.find_spec("jpeglib"):
        monkeypatch.setenv("PATH", "")
        without = api.decode(done.stdout, preview="none")
        assert np.array_equal(without.raw.mosaic, sample.mosaic) and without.warnings == decoded.warnings


@pytest.mark.parametrize("options", [{"subsampling": 1}, {"subsampling": 2, "progressive": True}, None])
@jpegtran
def test_coefficients_are_turned_as_jpegtran_does(options):
    """Blocks at the edges that are not whole too; None: a picture of one component."""
    pytest.importorskip("jpeglib", reason="jpeglib reads and writes coefficients")
    values, out = np.random.default_rng(0).integers(0, 256, (13, 17, 3)), io.BytesIO()
    shown = Image.fromarray(values.astype(np.uint8)).resize((131, 97))
    (shown if options else shown.convert("L")).save(out, "JPEG", **options or {})
    picture = Picture(out.getvalue()).stream()
    for words in turned.STEPS:
        by_program = turned._by_jpegtran("jpegtran", picture, words)
        assert turned._by_coefficients(picture, words).planes.binding_hash() == by_program.planes.binding_hash(), words


def test_another_picture_is_still_refused(monkeypatch):
    sample = carriers.sample(512, (250, 314), quality=40)
    other = embed.embed(shot(9, (400, 600), (0, 0)).jpeg, Jpeg(sample.jpeg).payload)
    with pytest.raises(StreamError, match="another JPEG"):
        api.decode(other)
    monkeypatch.setenv("PATH", "")
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jpeglib" else there(name))
    with pytest.raises(StreamError, match=r"another JPEG.*jpegtran turns it back, which is not installed"):
        api.decode(other)
    assert "not installed" in next(c for c in api.verify(other).checks if c.name == "picture").said
