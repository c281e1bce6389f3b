"""Files whole or not at all."""

import os
import stat
import sys

import pytest

from bitstream import files
from bitstream.errors import InputError
from bitstream.files import read_file, write_atomically

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
