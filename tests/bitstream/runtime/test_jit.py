"""Compiled code: where it is kept, that it is not another version's, that nothing wrong with it is fatal."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numba
import pytest
from rawinlay.bitstream.runtime import by_numba as by_numba  # which tells of what is compiled
from rawinlay.bitstream.runtime import compiling
from rawinlay.bitstream.runtime.kernel_files import FORGOTTEN, MARK, KernelFolder, Unusable
from rawinlay.codec.cli import console
from raws import long

ROOT = Path(__file__).parents[3]
NUMBA = {"RAWINLAY_KERNELS": "numba"}
PROGRAM = """
import sys
import numpy as np
from rawinlay.bitstream.runtime import compiling
compiling.TROUBLES.append(lambda line: print(line, file=sys.stderr))
seen = []
compiling.WATCHERS.append(lambda: seen or (seen.append(1), print("compiling", file=sys.stderr)))
from rawinlay.bitstream.runtime.by_numba import cache_folder
from rawinlay.entropy.ans import sort_by_class
sort_by_class(np.zeros(3, np.uint8), np.zeros(3, np.int32), np.zeros(96, np.int64))
print(cache_folder())
"""
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")


def run(home, root=ROOT, before="", **more):
    """Where a fresh process keeps what it compiles, and the lines that it was told."""
    kept = {n: v for n, v in os.environ.items() if n != "NUMBA_CACHE_DIR"}
    environment = {**kept, **NUMBA, "PYTHONPATH": str(root), "XDG_CACHE_HOME": str(home), **more}
    done = subprocess.run(
        [sys.executable, "-c", before + PROGRAM], env=environment, cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.splitlines()


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A cache that holds one kernel and those that it calls."""
    home = tmp_path_factory.mktemp("warm")
    found, told = run(home)
    assert told == ["compiling"] and Path(found).parent == home / "rawinlay"
    return home


@pytest.fixture
def home(warm, tmp_path):
    """A copy of it."""
    shutil.copytree(warm, tmp_path / "home")
    return tmp_path / "home"


def kernel(home):
    (path,) = home.rglob("*.sort_by_class-*.kernel")
    return path


def test_a_second_run_compiles_nothing(home):
    assert run(home) == (str(kernel(home).parent), [])


def test_what_changed_is_compiled_anew_and_nothing_else(tmp_path, home):
    """Also where the change is in another file than the kernel's; and both versions are kept."""
    copy = tmp_path / "copy"
    for name in ("bitstream", "entropy", "codec"):
        shutil.copytree(ROOT / name, copy / "rawinlay" / name)
    shutil.copy(ROOT / "__init__.py", copy / "rawinlay")
    (copy / "rawinlay" / "entropy" / "golomb.py").open("a").write("\n# of no kernel here\n")
    same, told = run(home, copy)
    assert told == []  # where the program lies makes no difference
    (copy / "rawinlay" / "entropy" / "tables.py").open("a").write("\n# another version\n")
    assert run(home, copy) == (same, ["compiling"])
    assert run(home) == run(home, copy) == (same, [])


def flipped(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "last byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a bit of the mark": lambda path: path.write_bytes(flipped(path.read_bytes(), 3)),
    "a bit of the sum": lambda path: path.write_bytes(flipped(path.read_bytes(), 8 * len(MARK) + 7)),
    "a bit of the code": lambda path: path.write_bytes(flipped(path.read_bytes(), 4 * path.stat().st_size)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "writable": lambda path: path.chmod(0o666),
    "a link": lambda path: (path.rename(path.parent / "elsewhere"), path.symlink_to(path.parent / "elsewhere")),
}

FEW = ("cut", "a bit of the code", "a folder", "writable")


@posix
@pytest.mark.parametrize("damage", [pytest.param(d, marks=() if d in FEW else long) for d in DAMAGE])
def test_damage_is_mended_in_the_same_run_with_one_line(home, damage):
    path = kernel(home)
    DAMAGE[damage](path)
    told = run(home)[1]
    assert len(told) == 2 and str(path) in told[0] and "anew" in told[0] and told[1] == "compiling"
    assert run(home)[1] == [] and path.is_file()


def test_a_sound_file_that_numba_cannot_use(home, monkeypatch):
    """What its checksum allows: a numba that thinks otherwise of what it kept."""
    path = kernel(home)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    KernelFolder(path.parent.name[-16:]).write(path.name.removesuffix(".kernel"), b"no pickle")
    told = run(home)[1]
    assert len(told) == 2 and "no good" in told[0]
    assert run(home)[1] == []


def test_a_kernel_under_another_name_is_no_good(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = KernelFolder("0" * 16)
    folder.write("one", b"code")
    assert folder.read("one") == b"code" and folder.read("two") is None
    folder.file("one").rename(folder.file("two"))
    with pytest.raises(Unusable, match="checksum"):
        folder.read("two")


@posix
def test_files_and_folders_of_others_are_not_used(tmp_path, monkeypatch):
    """Whoever can write there could run what they like."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    folder = KernelFolder("0" * 16)
    folder.write("one", b"code")
    assert folder.path.stat().st_mode & 0o777 == 0o700 and folder.file("one").stat().st_mode & 0o777 == 0o600
    me = os.geteuid()
    if not me:  # what the system's own user wrote is as good as the program
        for path in (folder.file("one"), folder.path):
            os.chown(path, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(Unusable, match="another user"):
        folder.read("one")
    monkeypatch.setattr("rawinlay.bitstream.runtime.kernel_files._choices", lambda: [(folder.path.parent, "kernels-")])
    with pytest.raises(Unusable, match="another user"):
        KernelFolder("0" * 16)
    monkeypatch.undo()
    if not me:
        os.chown(folder.path, 0, 0)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    folder.path.chmod(0o770)
    other = KernelFolder("0" * 16)
    assert other.path != folder.path and "other users may write it" in other.set_back


@posix
def test_a_cache_that_cannot_be_written(tmp_path):
    """No folder at all; a file in its place: each run compiles, or keeps it elsewhere, and says so."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no folder")
    found, told = run(blocked, TMPDIR=str(tmp_path))
    assert Path(found).parent == tmp_path and len(told) == 2 and "not in" in told[1]
    assert run(blocked, TMPDIR=str(tmp_path)) == (found, [])
    nowhere = "import tempfile\ntempfile.tempdir = '/dev/null'\n"
    found, told = run(blocked, before=nowhere)
    assert found == "" and "can't be kept" in told[1]


FULL = """
import errno, os, tempfile
make = tempfile.mkstemp
def full(*args):
    descriptor, name = make(*args)
    os.close(descriptor)
    return os.open("/dev/full", os.O_WRONLY), name
tempfile.mkstemp = full
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full device")
def test_a_full_disk(tmp_path):
    found, told = run(tmp_path, before=FULL)
    assert len(told) == 2 and "No space left" in told[1]
    assert list(Path(found).iterdir()) == []


def test_what_is_out_of_use_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    digits = ("1" * 16, "2" * 16)
    old, young = (tmp_path / f"kernels-{name}" for name in digits)
    other = tmp_path / "kernels-of-somebody"
    for path, age in ((old, FORGOTTEN + 60), (young, FORGOTTEN - 60), (other, FORGOTTEN + 60)):
        path.mkdir()
        (path / "x.kernel").write_bytes(b"")
        os.utime(path, (time.time() - age,) * 2)
    here = KernelFolder("0" * 16)
    files = [here.path / name for name in ("a.part", "b.part", "a.kernel", "b.kernel")]
    for file in files:
        file.write_bytes(b"")
    for file in (files[0], files[2]):
        os.utime(file, (0, 0))
    here.write("one", b"code")
    assert [path.exists() for path in (old, young, other)] == [False, True, True]
    assert [path.exists() for path in files] == [False, True, False, True]
    os.utime(here.file("one"), (0, 0))
    assert here.read("one") == b"code" and time.time() - here.file("one").stat().st_mtime < 60  # nor a kernel
    KernelFolder("2" * 16)
    assert time.time() - young.stat().st_mtime < 60  # a version in use is not forgotten


def test_two_processes_compile_at_once(tmp_path):
    """Each finds whole files or none."""
    kept = {n: v for n, v in os.environ.items() if n != "NUMBA_CACHE_DIR"}
    environment = kept | NUMBA | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    words = [sys.executable, "-c", PROGRAM]
    both = [subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert set(process.communicate(timeout=300)[1].split()) <= {"compiling"} and process.returncode == 0
    assert run(tmp_path)[1] == []


@pytest.mark.parametrize("case", ["first run", "nothing to compile", "damage", "quiet"])
def test_what_the_command_line_says(capsys, monkeypatch, case):
    """On a stderr that is no terminal: two lines in a first run, one where something was mended."""
    monkeypatch.setattr(compiling, "_told", set())
    monkeypatch.setattr(console, "QUIET", case == "quiet")
    with console.TerminalProgress():
        if case == "damage":
            compiling.trouble("damage", "the compiled code in FILE is no good: compiling it anew")
            compiling.trouble("damage", "and that in another")
        if case != "nothing to compile":
            numba.njit(lambda a: a + 1)(1)
            numba.njit(lambda a: a + 2)(1)
    out, err = capsys.readouterr()
    first_run = ["rawinlay: compiling for this processor (first run", "rawinlay: compiled in "]
    begin = {"first run": first_run, "damage": ["rawinlay: the compiled code in FILE is no good"]}.get(case, [])
    lines = err.splitlines()
    assert out == "" and len(lines) == len(begin)
    assert all(line.startswith(start) for line, start in zip(lines, begin, strict=True))


def test_threads_compile_at_once(tmp_path):
    """Two first calls in one process, cold: both right."""
    code = "from concurrent.futures import ThreadPoolExecutor\n" + PROGRAM.replace(
        "sort_by_class(np.zeros(3, np.uint8), np.zeros(3, np.int32), np.zeros(96, np.int64))",
        "with ThreadPoolExecutor(2) as pool:\n"
        "    a = lambda i: sort_by_class(np.zeros(3, np.uint8), np.zeros(3, np.int32), np.zeros(96, np.int64))\n"
        "    list(pool.map(a, range(2)))",
    )
    environment = {**os.environ, **NUMBA, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "compiling\n")
