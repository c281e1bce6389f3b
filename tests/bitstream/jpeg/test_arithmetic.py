"""JPEGs that a lossless transcoder made arithmetic-coded: the same planes, and never called damaged."""

import shutil
import subprocess

import numpy as np
import pytest
from jpegs import plain_jpeg
from rawinlay.bitstream.errors import StreamError, UnsupportedError
from rawinlay.bitstream.jpeg import planes as jpeg_planes
from rawinlay.bitstream.jpeg.carried import check_binding
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.planes import decode_planes

jpegtran = pytest.mark.skipif(shutil.which("jpegtran") is None, reason="jpegtran is not installed")


def transcoded(jpeg, *options):
    command = ["jpegtran", "-copy", "all", "-arithmetic", *options]
    return subprocess.run(command, input=jpeg, check=True, capture_output=True, timeout=60).stdout


@jpegtran
@pytest.mark.parametrize("options", [(), ("-progressive",), ("-restart", "1")])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_the_planes_are_the_same(options, subsampling):
    jpeg = plain_jpeg(subsampling=subsampling)
    before, after = decode_planes(jpeg), decode_planes(transcoded(jpeg, *options))
    assert all(np.array_equal(getattr(before, p), getattr(after, p)) for p in ("y", "cb", "cr"))
    assert check_binding(Jpeg(transcoded(jpeg, *options)), before.binding_hash()).subsampling == before.subsampling


@jpegtran
def test_where_libjpeg_lacks_it_the_remedy_is_named(monkeypatch):
    def lacks(*_):
        raise jpeg_planes.InputError("the JPEG is damaged: broken data stream when reading image file")

    jpeg = transcoded(plain_jpeg(subsampling=0))
    monkeypatch.setattr(jpeg_planes, "_decode", lacks)
    with pytest.raises(StreamError, match=r"can't be decoded .* arithmetic-coded, .*`jpegtran -copy all -optimize`"):
        check_binding(Jpeg(jpeg), bytes(16))


def test_a_kind_that_is_not_supported_is_no_damage():
    jpeg = plain_jpeg()
    lossless = jpeg.replace(b"\xff\xc0\0\x11", b"\xff\xc3\0\x11")
    with pytest.raises(UnsupportedError, match="the JPEG is lossless"):
        decode_planes(lossless)
    with pytest.raises(StreamError, match="as it is now: the JPEG is lossless") as caught:
        check_binding(Jpeg(lossless), bytes(16))
    assert "damaged" not in str(caught.value)
