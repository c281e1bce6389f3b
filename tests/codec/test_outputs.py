"""`decode` for other people's pipelines: TIFF, NumPy's array, bare numbers; read back by what they use."""

import io
import json
import shutil
import subprocess

import numpy as np
import pytest
from rawinlay.bitstream.errors import UsageError
from rawinlay.codec.api import decode, encode_arrays
from rawinlay.codec.cli.main import main
from shots import shot


@pytest.fixture(scope="module")
def carrier():
    return encode_arrays(shot().raw, shot().jpeg, lossless=True, effort=1).jpeg


@pytest.fixture
def path(tmp_path, carrier):
    (tmp_path / "in.jpg").write_bytes(carrier)
    return tmp_path / "in.jpg"


def run(*words):
    return main([str(word) for word in words])


def test_numpys_array(path):
    assert run("decode", path, "-o", path.with_suffix(".npy")) == 0
    found = np.load(path.with_suffix(".npy"), allow_pickle=False)
    assert found.dtype == np.dtype("<u2") and np.array_equal(found, shot().raw.mosaic)


def test_bare_numbers_with_their_facts_beside_them(path, capsys):
    out = path.with_name("o.raw")
    assert run("decode", path, out, "--json") == 0
    facts = json.loads(path.with_name("o.raw.json").read_text())
    assert json.loads(capsys.readouterr().out)["facts"] == facts
    raw = shot().raw
    found = np.fromfile(out, "<u2").reshape(facts["height"], facts["width"])
    assert np.array_equal(found, raw.mosaic)
    assert (facts["cfa"], facts["black"], facts["white"]) == (raw.cfa, list(raw.black), raw.white)
    assert facts["type"] == "uint16" and facts["byte_order"] == "little" and facts["lossless"] is True
    # Neither of the two is replaced by accident.
    out.unlink()
    assert run("decode", path, out) == 2 and not out.exists()
    assert "o.raw.json exists already" in capsys.readouterr().err
    assert run("decode", path, out, "--force") == 0


def test_a_tiff(path):
    tifffile = pytest.importorskip("tifffile")
    for name in ("o.tif", "o.TIFF"):
        assert run("decode", path, "-o", path.with_name(name), "--force") == 0
        with tifffile.TiffFile(path.with_name(name)) as file:
            (page,) = file.pages
            assert not page.is_subifd and np.array_equal(page.asarray(), shot().raw.mosaic)
            assert page.tags[33422].value and page.tags[50717].value == shot().raw.white
            assert json.loads(page.description)["cfa"] == shot().raw.cfa
    if shutil.which("exiftool"):
        said = subprocess.run(["exiftool", "-j", "-validate", "-CFAPattern", path.with_name("o.tif")],
                              capture_output=True, check=True)  # fmt: skip
        assert json.loads(said.stdout)[0]["Validate"].startswith("OK") or b"Error" not in said.stdout


def test_on_stdout_the_format_is_told(path, capfdbinary):
    assert run("decode", path, "-o", "-", "--format", "npy") == 0
    assert np.array_equal(np.load(io.BytesIO(capfdbinary.readouterr().out)), shot().raw.mosaic)
    assert run("decode", path, "-o", "-", "--format", "raw") == 0
    assert len(capfdbinary.readouterr().out) == 2 * shot().raw.mosaic.size
    assert not list(path.parent.glob("*.json"))


def test_the_name_follows_the_format(path):
    assert run("decode", path, "--format", "npy") == 0
    assert path.with_suffix(".npy").exists() and not path.with_suffix(".dng").exists()


def test_a_crop_of_numbers(path):
    assert run("decode", path, "-o", path.with_suffix(".npy"), "--crop", "16,32,48,40") == 0
    assert np.array_equal(np.load(path.with_suffix(".npy")), shot().raw.mosaic[32:72, 16:64])


def test_other_forms_are_none(carrier):
    with pytest.raises(UsageError, match="form 'png'"):
        decode(carrier).file("png")
    assert decode(carrier).file("dng") == decode(carrier).dng()
