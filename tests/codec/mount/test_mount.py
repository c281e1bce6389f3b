"""codec.mount: DNGs beside the JPEGs that carry a RAW, of a size that is known before they are decoded."""

import errno
import io
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import carriers
import numpy as np
import pytest
from rawinlay.codec import api
from rawinlay.codec.cli.main import main
from rawinlay.codec.mount.lazy import LazyDng
from rawinlay.codec.mount.view import DAMAGED, View, is_sidecar
from rawinlay.codec.source.raw import read_raw


@pytest.fixture(scope="module")
def sample():
    return carriers.sample(64, (96, 128), lossless=True)


@pytest.fixture
def folder(tmp_path, sample):
    """Two carriers, a JPEG without a RAW, one whose RAW is damaged, a DNG that is there already."""
    here = tmp_path / "photos"
    (here / "day").mkdir(parents=True)
    at = sample.segments[0].end - 50
    for name, data in {
        "a.jpg": sample.jpeg, "day/b.JPG": sample.jpeg, "plain.jpg": sample.bare, "has.jpg": sample.jpeg,
        "has.dng": b"mine", "damaged.jpg": sample.jpeg[:at] + b"\0\1\2\3" + sample.jpeg[at + 4 :],
    }.items():  # fmt: skip
        (here / name).write_bytes(data)
    return here


def test_a_dng_whose_size_is_known_before(sample):
    lazy = LazyDng(sample.jpeg)
    head = lazy.read(0, 100)
    assert not lazy.is_decoded and head[:4] == b"II*\0"
    whole = lazy.read(0, 1 << 30)
    assert lazy.is_decoded and len(whole) == lazy.size and lazy.held < 4 * lazy.size
    assert np.array_equal(read_raw(whole).mosaic, sample.mosaic)
    pieces = [lazy.read(at, 777) for at in range(0, lazy.size + 777, 777)]
    assert b"".join(pieces) == whole == LazyDng(sample.jpeg).read(0, lazy.size)
    assert lazy.read(lazy.size, 10) == lazy.read(10, 0) == b""
    true, ours = read_raw(api.decode(sample.jpeg).dng()), read_raw(whole)
    assert (true.black, true.white, true.cfa) == (ours.black, ours.white, ours.cfa)
    assert {t: v for t, v in true.ifd0_tags.items()} == dict(ours.ifd0_tags)


def test_the_tree(folder, sample):
    view = View(folder, 1 << 20)
    assert view.names("/") == [
        "a.jpg", "damaged.jpg", "day", "has.dng", "has.jpg", "plain.jpg",
        "a.dng", f"damaged.dng{DAMAGED}", "has.jpg.dng",
    ]  # fmt: skip
    assert view.names("/day") == ["b.JPG", "b.dng"]
    assert b"CRC mismatch" in view.read(f"/damaged.dng{DAMAGED}", 0, 1000)
    assert view.status(f"/damaged.dng{DAMAGED}").st_size == len(view.read(f"/damaged.dng{DAMAGED}", 0, 1000))
    status = view.status("/a.dng")
    assert status.st_size == LazyDng(sample.jpeg).size and status.st_mode & 0o222 == 0
    assert status.st_mtime_ns == (folder / "a.jpg").stat().st_mtime_ns
    assert view.read("/has.dng", 0, 10) == b"mine" and view.read("/a.jpg", 2, 2) == sample.jpeg[2:4]
    for path in ("/nothing.dng", "/plain.dng", "/../x", "/day/../../x"):
        with pytest.raises(OSError) as error:
            view.status(path)
        assert error.value.errno == errno.ENOENT
    (folder / "out").symlink_to(folder.parent)  # leads out of the folder
    with pytest.raises(OSError):
        view.names("/out")
    assert is_sidecar("/a.dng.xmp") and is_sidecar("/a.dng.pp3.tmp") and not is_sidecar("/a.jpg")


def test_memory_is_bounded(folder):
    view = View(folder, 1)
    for path in ("/a.dng", "/has.jpg.dng", "/day/b.dng"):
        view.read(path, 0, 1 << 20)
        assert len(view._open) == 1
    view.read("/a.dng", 0, 1 << 20)  # decoded anew


def ask(url, method="GET", data=None, **headers):
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_webdav(folder, sample):
    pytest.importorskip("wsgidav", reason="the extra mount serves WebDAV")
    from rawinlay.codec.mount.webdav import server

    serving, url = server(View(folder, 1 << 24))
    thread = threading.Thread(target=serving.serve, daemon=True)
    thread.start()
    try:
        status, listed = ask(url, "PROPFIND", Depth="1")
        assert status == 207 and b"a.dng" in listed and url.startswith("http://127.0.0.1:")
        status, data = ask(url + "a.dng")
        assert status == 200 and np.array_equal(read_raw(data).mosaic, sample.mosaic)
        assert ask(url + "a.dng", Range="bytes=8-15") == (206, data[8:16])
        assert ask(url + "a.dng.xmp", "PUT", b"<x/>")[0] == 201 and (folder / "a.dng.xmp").read_bytes() == b"<x/>"
        assert ask(url + "a.dng", "PUT", b"no")[0] == ask(url + "new.jpg", "PUT", b"no")[0] == 403
        assert ask(url + "a.jpg", Host="evil.example")[0] == 403
        assert ask(url + "a.jpg", "DELETE")[0] == 403 and (folder / "a.jpg").read_bytes() == sample.jpeg
    finally:
        serving.stop()
        thread.join(20)


def has_fuse():
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError):
        return False
    return os.access("/dev/fuse", os.R_OK | os.W_OK) and shutil.which("fusermount3") is not None and os.geteuid() == 0


@pytest.mark.skipif(not has_fuse(), reason="FUSE, mfusepy and the right to mount are wanted")
def test_fuse(folder, sample, tmp_path):
    point = tmp_path / "point"
    point.mkdir()
    process = subprocess.Popen([sys.executable, "-m", "rawinlay", "mount", str(folder), str(point)],
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        for _ in range(600):
            if os.path.ismount(point) or process.poll() is not None:
                break
            time.sleep(0.1)
        assert os.path.ismount(point)
        assert set(os.listdir(point)) >= {"a.jpg", "a.dng", "plain.jpg", "day"}
        data = (point / "a.dng").read_bytes()
        assert len(data) == (point / "a.dng").stat().st_size and np.array_equal(read_raw(data).mosaic, sample.mosaic)
        (point / "a.dng.xmp").write_text("<x/>")
        os.replace(point / "a.dng.xmp", point / "b.dng.xmp")
        assert (folder / "b.dng.xmp").read_text() == "<x/>"
        for name in ("a.dng", "a.jpg", "new.txt"):
            with pytest.raises(OSError) as error:
                (point / name).write_bytes(b"no")
            assert error.value.errno in (errno.EROFS, errno.EACCES)
        with pytest.raises(OSError):
            os.remove(point / "a.jpg")
        assert (folder / "a.jpg").read_bytes() == sample.jpeg
    finally:
        subprocess.run(["fusermount3", "-u", str(point)], check=False)
        process.wait(20)


def test_mistakes(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for words, code, said in (
        ([folder / "a.jpg", tmp_path / "empty"], 3, "no folder"), ([folder], 2, "no MOUNTPOINT"),
        ([folder, folder], 3, "empty folder"), ([folder, "--webdav", "99999"], 2, "port 99999"),
        ([tmp_path, tmp_path / "empty"], 2, "in one another"),
    ):  # fmt: skip
        if words[-1] == "99999":
            pytest.importorskip("wsgidav", reason="the extra mount serves WebDAV")
        assert main(["mount", *map(str, words)]) == code
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1


def test_imread(tmp_path, sample):
    import rawinlay
    import rawpy
    from rawinlay.bitstream.errors import InputError, NoRawError

    (tmp_path / "x.jpg").write_bytes(sample.jpeg)
    with rawinlay.imread(tmp_path / "x.jpg") as raw:
        assert isinstance(raw, rawpy.RawPy) and np.array_equal(raw.raw_image_visible, sample.mosaic)
        assert raw.postprocess(half_size=True).shape[2] == 3
    with rawinlay.imread(api.decode(sample.jpeg).dng()) as raw:
        assert np.array_equal(raw.raw_image_visible, sample.mosaic)
    with pytest.raises(NoRawError):
        rawinlay.imread(sample.bare)
    with pytest.raises(InputError, match="LibRaw can't open"):
        rawinlay.imread(io.BytesIO(b"junk").read())
