"""Files whole or not at all."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.runtime import files, unfinished
from rawinlay.bitstream.runtime.files import read_file, write_atomically

ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and devices")


def test_write_and_read(tmp_path):
    path = tmp_path / "photo.jpg"
    write_atomically(path, b"first")
    write_atomically(str(path), b"second")
    assert read_file(path, "JPEG") == b"second"
    assert os.listdir(tmp_path) == ["photo.jpg"]


@posix
def test_permissions_of_new_and_replaced_files(tmp_path):
    ordinary, ours = tmp_path / "ordinary", tmp_path / "ours"
    ordinary.write_bytes(b"x")
    write_atomically(ours, b"x")
    assert ours.stat().st_mode == ordinary.stat().st_mode
    ours.chmod(0o640)
    write_atomically(ours, b"y")
    assert stat.S_IMODE(ours.stat().st_mode) == 0o640


@posix
def test_links_and_devices(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink() and real.read_bytes() == b"new"
    write_atomically("/dev/null", b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failures_leave_the_old_file_and_nothing_else(tmp_path, monkeypatch, failure, call):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"old")

    def fail(*_):
        raise failure

    monkeypatch.setattr(files.os, call, fail)
    with pytest.raises(InputError if isinstance(failure, OSError) else KeyboardInterrupt) as caught:
        write_atomically(path, b"new")
    if isinstance(failure, OSError):
        assert str(caught.value) == f"cannot write {path}: No space left on device"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["photo.jpg"]


def test_places_that_can_not_be_written(tmp_path):
    with pytest.raises(InputError, match="it is a directory"):
        write_atomically(tmp_path, b"x")
    with pytest.raises(InputError, match=r"cannot write .*photo\.jpg: No such file"):
        write_atomically(tmp_path / "nowhere" / "photo.jpg", b"x")
    with pytest.raises(InputError, match="null"):
        write_atomically("a\0b", b"x")


def test_files_that_can_not_be_read(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"cannot read the JPEG .*none\.jpg: No such file or directory"):
        read_file(tmp_path / "none.jpg", "JPEG")
    with pytest.raises(InputError, match="cannot read the RAW"):
        read_file(tmp_path, "RAW")
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="it is empty"):
        read_file(tmp_path / "empty", "JPEG")
    with pytest.raises(InputError) as caught:
        read_file(tmp_path / "two\nlines", "JPEG")
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 3)
    (tmp_path / "large").write_bytes(b"1234")
    with pytest.raises(InputError, match="over 0 GiB"):
        read_file(tmp_path / "large", "JPEG")


@posix
def test_a_device_without_end_is_bounded(monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(InputError, match="cannot read the JPEG /dev/zero: it is over"):
        read_file("/dev/zero", "JPEG")


NAME = f".rawinlay-{unfinished.HOST}-0123456789abcdef.part"


@posix
@pytest.mark.parametrize("nameless", [True, False])
def test_what_dead_processes_left_is_tidied_up(tmp_path, monkeypatch, nameless):
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    dead, living = tmp_path / NAME, tmp_path / NAME.replace("0123", "4567")
    others = [tmp_path / f".rawinlay-{mark}0123456789abcdef.part" for mark in ("00000000-", "")]
    for path in (dead, living, *others):
        path.write_bytes(b"half")
    ours = [tmp_path / name for name in (".rawinlay-x.part", NAME + "x", "a" + NAME, NAME[:-5])]
    for path in ours:
        path.write_bytes(b"a user's")
    (tmp_path / NAME.replace("0123", "89ab")).symlink_to(ours[0])
    (tmp_path / NAME.replace("0123", "cdef")).mkdir()
    with open(living, "rb") as file:
        assert unfinished.lock(file.fileno())
        write_atomically(tmp_path / "photo.jpg", b"x")
        assert not dead.exists() and living.exists() and all(path.exists() for path in others)
        for path in others:
            os.utime(path, (0, 0))
        write_atomically(tmp_path / "photo.jpg", b"y")
    assert not any(path.exists() for path in others) and living.exists()
    assert all(path.read_bytes() == b"a user's" for path in ours) and len(list(tmp_path.iterdir())) == 8
    write_atomically(tmp_path / "photo.jpg", b"z")
    assert not living.exists()


@posix
@pytest.mark.parametrize("call", ["link", "open"])
def test_without_nameless_files_the_named_way_does(tmp_path, monkeypatch, call):
    real = getattr(os, call)

    def refuse(path, *args, **options):
        if call == "link" or args[0] & getattr(os, "O_TMPFILE", 0) == getattr(os, "O_TMPFILE", 0):
            raise OSError(95, "Operation not supported")
        return real(path, *args, **options)

    monkeypatch.setattr(os, call, refuse)
    for data in (b"new", b"replaced"):
        write_atomically(tmp_path / "photo.jpg", data)
        assert (tmp_path / "photo.jpg").read_bytes() == data and os.listdir(tmp_path) == ["photo.jpg"]


@posix
def test_a_write_protected_file_stays(tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(InputError, match="write-protected"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


@posix
@pytest.mark.parametrize("name", [
    "n" * 256, "n" * 252 + ".jpg", "é" * 200, "loop", "file/in", "gone/in", "dir", "a\0b", "locked/in",
])  # fmt: skip
def test_names_that_can_not_be_written(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dir").mkdir()
    (tmp_path / "locked").mkdir(0o000)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    carrier = ROOT / "tests" / "format" / "golden" / "plain.jpg"
    words = [sys.executable, "-m", "rawinlay", "strip", str(carrier), "-o", name]
    if "\0" in name:
        from rawinlay.codec.cli.main import main

        assert main(words[3:]) == 3
        return
    # Root may enter any folder, unless these are taken from it.
    mortal = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if shutil.which("setpriv") else []
    done = subprocess.run(
        [*(mortal if os.geteuid() == 0 else []), *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    if name == "locked/in" and done.returncode == 0:
        pytest.skip("this user may enter any folder")
    assert done.returncode == 3 and done.stderr.count("\n") == 1 and "cannot write" in done.stderr, done.stderr
    (tmp_path / "locked").chmod(0o700)
    assert sorted(os.listdir(tmp_path)) == ["dir", "file", "gone", "locked", "loop"]


@posix
def test_a_dangling_link_gets_its_file(tmp_path):
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"x")
    assert (tmp_path / "real").read_bytes() == b"x" and (tmp_path / "link").is_symlink()
