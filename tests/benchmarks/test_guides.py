"""Guides by program: a stand-in for darktable-cli that writes what it was called with."""

import json
import os
from pathlib import Path

import pytest
from rawinlay.benchmarks import guides
from rawinlay.benchmarks.inputs import Input
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import UsageError
from rawinlay.codec.simulator.dataset import save_shot
from shots import shot, write_pair

SCRIPT = """#!/bin/sh
[ "$1" = --version ] && echo "this is darktable-cli 4.9.1" && exit 0
{body}
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that installs a darktable-cli with the given shell body in front of the system's programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def install(body):
        path = folder / "darktable-cli"
        path.write_text(SCRIPT.format(body=body))
        path.chmod(0o755)

    return install


def test_rendered_once_with_its_version_and_no_settings_of_the_user(program, tmp_path):
    program('echo "$@" > "$2"; echo "$HOME $XDG_CONFIG_HOME" >> "$2"')
    raw, cache = tmp_path / "a.nef", tmp_path / "cache"
    raw.write_bytes(b"raw")
    source = Input(raw.name, raw)
    jpeg, made_by = guides.render(guides.parse("darktable:90"), source, cache)
    assert jpeg == cache / "darktable-90" / "a.jpg" and made_by == "darktable-cli 4.9.1"
    arguments, settings = jpeg.read_text().splitlines()
    assert arguments.startswith(str(raw)) and "jpeg/quality=90" in arguments and "--library :memory:" in arguments
    assert str(Path.home()) not in settings.split()
    note = json.loads(jpeg.with_suffix(".json").read_text())
    assert note["program"] == made_by and str(tmp_path) not in note["command"]
    assert sorted(p.name for p in jpeg.parent.iterdir()) == ["a.jpg", "a.json"]  # the work folder is gone
    program("exit 1")
    assert guides.render(guides.parse("darktable:90"), source, cache) == (jpeg, made_by)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo starting; echo no lens >&2; exit 3", "darktable-cli: exit 3: no lens"),
        ("exit 0", "wrote no JPEG of a.nef"),
    ],
)
def test_a_program_that_fails_says_why_and_leaves_nothing(program, tmp_path, body, reason):
    program(body)
    with pytest.raises(guides.Unavailable, match=reason):
        guides.render(guides.parse("darktable"), Input("a.nef", tmp_path / "a.nef"), tmp_path / "cache")
    assert not list((tmp_path / "cache" / "darktable").iterdir())


def test_a_jpeg_that_is_there_is_taken(tmp_path):
    (tmp_path / "rtnr").mkdir()
    (tmp_path / "rtnr" / "a.jpg").write_bytes(b"jpeg")
    jpeg, made_by = guides.render(guides.parse("rtnr"), Input("a.nef", Path("a.nef")), tmp_path)
    assert jpeg.read_bytes() == b"jpeg" and made_by == "rtnr, found in the cache"


def test_a_raw_that_libraw_cannot_read(tmp_path):
    raw = tmp_path / "a.nef"
    raw.write_bytes(b"no raw at all")
    with pytest.raises(guides.Unavailable, match=r"a\.nef"):
        guides.render(guides.parse("libraw"), Input("a.nef", raw), tmp_path / "cache")


def test_a_program_that_is_absent(monkeypatch, tmp_path):
    monkeypatch.setattr(guides.shutil, "which", lambda name: None)
    with pytest.raises(guides.Unavailable, match="darktable-cli is not installed"):
        guides.render(guides.parse("darktable"), Input("a.nef", Path("a.nef")), tmp_path)


def test_the_cameras_own_preview_and_its_absence(tmp_path):
    taken = shot()
    raw = tmp_path / "with.dng"
    raw.write_bytes(write_dng(taken.raw, taken.jpeg))
    jpeg, made_by = guides.render(guides.parse("preview"), Input(raw.name, raw), tmp_path / "cache")
    assert jpeg.read_bytes()[:2] == b"\xff\xd8" and made_by.endswith("in the camera")
    bare, _ = write_pair(tmp_path)
    with pytest.raises(guides.Unavailable, match="holds no full-size JPEG"):
        guides.render(guides.parse("preview"), Input(bare.name, bare), tmp_path / "cache")


def test_the_simulators_jpeg_and_its_absence(tmp_path):
    taken, path = shot(), tmp_path / "shot-00001-val.npz"
    save_shot(path, taken)
    jpeg, made_by = guides.render(guides.parse("simulator"), Input(path.name, tmp_path / "x.dng", path), tmp_path)
    assert jpeg.read_bytes() == taken.jpeg and made_by == "codec.simulator"
    with pytest.raises(guides.Unavailable, match="no simulated shot"):
        guides.render(guides.parse("simulator"), Input("a.nef", Path("a.nef")), tmp_path)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("libraw", "libraw"),
        ("libraw:95:420", "libraw"),
        ("libraw:85", "libraw-85"),
        ("libraw:95:444", "libraw-95-444"),
        ("rtnr:90", "rtnr"),
        ("rawtherapee", "rawtherapee"),
        ("darktable:80", "darktable-80"),
        ("preview", "preview"),
    ],
)
def test_guide_names(text, name):
    assert guides.parse(text).name == name


@pytest.mark.parametrize(
    "text", ["gimp", "libraw:0", "libraw:x", "libraw:9:411", "darktable:9:420", "rtnr:1:444:2", "preview:90"]
)
def test_guides_that_are_none(text):
    with pytest.raises(UsageError):
        guides.parse(text)


def test_another_raw_of_the_same_name_gets_a_picture_of_its_own(program, tmp_path):
    program('cat "$1" > "$2"')
    raw, source = tmp_path / "a.nef", Input("a.nef", tmp_path / "a.nef")
    for contents in (b"one", b"two", b"two"):
        raw.write_bytes(contents)
        jpeg, _ = guides.render(guides.parse("darktable"), source, tmp_path / "cache")
        assert jpeg.read_bytes() == contents
