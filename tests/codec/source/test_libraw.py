"""LibRaw in a process of its own: whatever happens there is about one file and leaves this process as it was."""

import os
import sys
import threading
from pathlib import Path

import camera_files as made
import numpy as np
import pytest
from campaigns import reading
from rawinlay import encode
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.runtime.profile import profiling
from rawinlay.codec.source import libraw, libraw_child
from rawinlay.codec.source.raw import embedded_preview, read_raw, render_jpeg
from raws import BAYER_FILES, shared_raw
from shots import shot, write_pair


def test_a_noisy_thread_makes_no_sound_file_damaged_and_loses_no_line():
    refused, printed, swallowed = reading.beside_noise(5)
    assert printed > 20 and refused == swallowed == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forks_beside_a_reading_thread_read_too():
    assert reading.in_forks(4) == (0, 0)


def test_what_libraw_prints_refuses_its_file_and_stays_off_stderr(capfd):
    damaged = bytearray(made.tiled_dng())
    at = damaged.rindex(b"\xff\xda") + 40  # in the last tile's data
    damaged[at : at + 400] = b"\x55" * 400
    with pytest.raises(InputError, match="the RAW: the file is damaged or cut short"):
        read_raw(bytes(damaged))
    assert capfd.readouterr().err == ""


def test_nothing_of_this_process_is_touched():
    before = (os.dup(2), len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0)
    try:
        read_raw(made.tiled_dng())
        assert os.fstat(before[0]) == os.fstat(2)
        assert not before[1] or len(os.listdir("/proc/self/fd")) == before[1]
        assert threading.active_count() == len(threading.enumerate())
    finally:
        os.close(before[0])


@pytest.mark.parametrize("script, reason", [
    ("import os; os.abort()", "LibRaw failed on it"), ("raise ValueError('x')", "LibRaw failed on it"),
    ("import time; time.sleep(60)", "not done with the file within 1 seconds"),
    ("import sys; sys.stdout.write('rawinlay')", "LibRaw failed on it"),
    ("import sys; sys.stdin.read()", "LibRaw failed on it"),
])  # fmt: skip
def test_a_crash_or_a_hang_is_an_error_about_the_file(script, reason, tmp_path, monkeypatch):
    child = tmp_path / "child.py"
    child.write_text(script)
    monkeypatch.setattr(libraw_child, "__file__", str(child))
    monkeypatch.setattr(libraw, "SECONDS", 1.0)
    (tmp_path / "IMG_1.dng").write_bytes(made.tiled_dng())
    with pytest.raises(InputError, match=rf"IMG_1\.dng: .*{reason}"):
        read_raw(tmp_path / "IMG_1.dng")


def test_too_little_memory_is_an_error_about_the_file(monkeypatch):
    pytest.importorskip("resource")
    if not sys.platform.startswith("linux"):
        pytest.skip("address space is bounded on Linux")
    monkeypatch.setattr(libraw, "MEMORY", 64 << 20)
    with pytest.raises(InputError, match="the RAW: LibRaw failed on it"):
        read_raw(made.tiled_dng())


def test_without_an_interpreter_to_start_it_runs_here(monkeypatch):
    data = made.tiled_dng()
    there, preview, picture = read_raw(data), embedded_preview(data), render_jpeg(data, half_size=True)
    for name in ("", "/usr/bin/blender"):
        monkeypatch.setattr(sys, "executable", name)
        here = read_raw(data)
        assert np.array_equal(here.mosaic, there.mosaic) and here.black == there.black and here.cfa == there.cfa
        assert here.ifd0_tags == there.ifd0_tags and here.exif_tags == there.exif_tags
        assert embedded_preview(data) == preview and render_jpeg(data, half_size=True) == picture
        with pytest.raises(InputError, match="cut short"):
            read_raw(data[:-100])


def test_a_folder_like_a_module_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "rawpy.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert np.array_equal(read_raw(made.tiled_dng()).mosaic, made.MOSAIC)


def test_options_of_rendering_may_be_rawpys():
    import rawpy

    data = made.tiled_dng()
    linear = rawpy.DemosaicAlgorithm.LINEAR
    assert render_jpeg(data, demosaic_algorithm=linear) != render_jpeg(data)
    with pytest.raises(TypeError):
        render_jpeg(data, demosaic_algorithm=object())


def test_its_time_counts_as_reading():
    with profiling() as profile:
        read_raw(made.tiled_dng())
    assert 0.03 < profile.elsewhere <= profile.seconds["reading"] < profile.total


def test_two_encodes_at_once(tmp_path):
    pairs = []
    for i in range(2):
        (tmp_path / str(i)).mkdir()
        pairs.append(write_pair(tmp_path / str(i), shot(31 + i)))
    alone = [encode(*pair, quality=40, effort=1).jpeg for pair in pairs]
    beside: list[bytes | None] = [None, None]

    def work(i):
        beside[i] = encode(*pairs[i], quality=40, effort=1).jpeg

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert beside == alone


@pytest.mark.parametrize("name", BAYER_FILES)
def test_real_files_are_as_libraw_gives_them_in_this_process(name):
    import rawpy

    path = shared_raw(name)
    with rawpy.imread(str(path)) as raw:
        assert np.array_equal(read_raw(path).mosaic, raw.raw_image_visible)
