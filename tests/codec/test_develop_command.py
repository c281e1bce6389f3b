"""`develop`: from a JPEG with a RAW and from a RAW, as library and as command."""

import io
import json

import numpy as np
import pytest
from landscape import landscape
from PIL import Image
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, NoRawError, UsageError
from rawinlay.codec.api import encode_arrays
from rawinlay.codec.cli.main import main
from rawinlay.codec.develop import develop
from rawinlay.codec.simulator import simulate

QUIET = {"odd_size": False, "distortion": 0.0, "orientation": 6, "pixels_turned": True, "iso": 100, "median": 0.2}


@pytest.fixture(scope="module")
def shot():
    return simulate(landscape(160, 224), 3, quality=95, local_compression=0.0, local_detail=1.0, **QUIET)


@pytest.fixture(scope="module")
def carrier(shot):
    return encode_arrays(shot.raw, shot.jpeg, bpp=1.5).jpeg


def shown(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), np.float64)


def test_camera_look_is_near_the_jpeg(shot, carrier):
    """Upright, of the JPEG's size, and nearer to it in tones and colours than the plain development."""
    found = develop(carrier)
    wanted = shown(shot.jpeg)
    assert found.picture.shape == wanted.shape == (224, 160, 3) and found.look == "camera"
    near, far = (np.abs(develop(carrier, look=look).picture - wanted).mean() for look in ("camera", "plain"))
    assert near < 6 and near < far / 2


def test_sliders_start_from_the_look(carrier):
    plain, bright = develop(carrier).picture, develop(carrier, exposure=1.0, bits=16).picture
    assert bright.dtype == np.uint16 and bright.mean() / 257 > plain.mean() + 15


def test_raws_too(tmp_path, shot):
    """A RAW without a preview plainly, one with its own to the tones of that."""
    bare, own = tmp_path / "bare.dng", tmp_path / "own.dng"
    bare.write_bytes(write_dng(shot.raw))
    own.write_bytes(write_dng(shot.raw, shot.jpeg))
    assert develop(bare).look == "plain"
    found = develop(own)
    wanted = shown(shot.jpeg)
    assert found.look == "camera" and found.picture.shape == (220, 156, 3)  # a DNG's own crop, 2 sites a side
    assert np.abs(np.quantile(found.picture, [0.1, 0.5, 0.9]) - np.quantile(wanted, [0.1, 0.5, 0.9])).max() < 12
    assert np.array_equal(develop(own.read_bytes()).picture, found.picture)


def test_sizes_and_files(carrier):
    small = develop(carrier, size=100)
    assert max(small.picture.shape) == 100
    assert develop(carrier, size=100_000).picture.shape == (224, 160, 3)
    for kind, name in (("jpeg", "JPEG"), ("png", "PNG"), ("tiff", "TIFF")):
        data = small.file(kind)
        assert data == develop(carrier, size=100).file(kind)
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == name and image.size == (71, 100) and image.getexif()[272] == "simulated"
            assert image.info["icc_profile"][36:40] == b"acsp" and image.getexif().get(274) == 1
            assert np.abs(np.asarray(image, np.float64) - small.picture).mean() < 3
    tifffile = pytest.importorskip("tifffile")
    deep = develop(carrier, size=100, bits=16)
    assert np.array_equal(tifffile.imread(io.BytesIO(deep.file("tiff"))), deep.picture)
    with pytest.raises(UsageError, match="16 bits"):
        deep.file("png")


def test_what_cannot_be_developed(tmp_path, shot, carrier):
    with pytest.raises(NoRawError):
        develop(shot.jpeg)
    with pytest.raises(InputError):
        develop(b"nothing of the kind")
    with pytest.raises(UsageError, match="look"):
        develop(carrier, look="sepia")
    with pytest.raises(UsageError, match="exposure"):
        develop(carrier, exposure=20)


def test_command(tmp_path, shot, carrier, capsys):
    file, out = tmp_path / "a.jpg", tmp_path / "b.png"
    file.write_bytes(carrier)
    assert main(["develop", str(file), "-o", str(out), "--exposure", "0.5", "--size", "64", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["width"], told["height"], told["look"]) == (46, 64, "camera") and told["settings"] == {"exposure": 0.5}
    assert Image.open(out).size == (46, 64)
    assert main(["develop", str(file)]) == 0 and (tmp_path / "a.developed.jpg").exists()


@pytest.mark.parametrize(
    "words, code, line",
    [
        (["-o", "c.gif"], 2, "c.gif: want a name that ends in .jpg, .tif or .png"),
        (["-o", "c.jpg", "--bits", "16"], 2, "c.jpg: 16 bits go into a TIFF"),
        (["-o", "c.jpg", "--look", "sepia"], 2, "look 'sepia'"),
        (["-o", "c.jpg", "--lut", "a.jpg"], 3, "a.jpg: not a .cube"),
        (["-o", "c.jpg", "--contrast", "300"], 2, "contrast is 300"),
        (["-o", "c.jpg", "--size", "3"], 2, "a size of 3"),
        (["-o", "c.jpg", "--jpeg-quality", "0"], 2, "quality of 0"),
        (["-o", "a.jpg"], 2, "never changed"),
    ],
)
def test_mistakes(tmp_path, monkeypatch, carrier, capsys, words, code, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(carrier)
    assert main(["develop", "a.jpg", *words]) == code
    err = capsys.readouterr().err
    assert line in err and err.count("\n") == 1 and "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jpg"] and (tmp_path / "a.jpg").read_bytes() == carrier


def test_a_jpeg_without_a_raw(tmp_path, shot, capsys):
    (tmp_path / "a.jpg").write_bytes(shot.jpeg)
    assert main(["develop", str(tmp_path / "a.jpg")]) == 4
    assert "a.jpg" in capsys.readouterr().err
