"""What gets installed: all of the product and nothing else, from a wheel and from an sdist, without PyTorch too."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from rawinlay.bitstream.runtime.torch_needed import REQUIREMENT
from raws import slow

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = ("benchmarks", "bitstream", "codec", "entropy", "eval")
NOT_SHIPPED = ("benchmarks/results/", "benchmarks/peers/learned/weights.md")
PEERS = "benchmarks/peers/learned/"
"""Where the peers' weights lie, 6 MB, which stay in the repository."""

LARGEST = 2_000_000
"""Bytes of a wheel: it was 1.8 MB with the looks' weights, the page of `view`, and kernels for two processors."""


def tracked():
    """Files of the repository, those not committed yet too; without git, of the folder of an unpacked sdist."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists() and shutil.which("git"):
        names = subprocess.run(git, capture_output=True, text=True, check=True).stdout.split("\0")
        return sorted({name for name in names if (ROOT / name).is_file()})
    made = ("PKG-INFO", "setup.cfg", "build/", "dist/", "runs/", "demo-out/", "rawinlay.egg-info/")
    hidden = (".venv/", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/")
    names = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())
    return sorted(n for n in names if not n.startswith((*made, *hidden)) and "__pycache__" not in n)


def shipped(name):
    """Whether a file of the repository belongs into the wheel."""
    inside = name in ("__init__.py", "__main__.py") or name.partition("/")[0] in ROOMS
    weights = name.startswith(PEERS) and name.endswith(".safetensors")
    return inside and not weights and not name.startswith(NOT_SHIPPED)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(sdist, wheel that was built from it), of a copy: what an earlier build left in `build` would get in."""
    pytest.importorskip("build", reason="the package build is not installed")
    if int(importlib.metadata.version("setuptools").partition(".")[0]) < 77:
        pytest.skip("the package setuptools is older than 77")
    home = tmp_path_factory.mktemp("built")
    for name in tracked():
        (home / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, home / "source" / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", str(home / "dist"), str(home / "source")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((home / "dist").glob("*.tar.gz")), next((home / "dist").glob("*.whl"))


def test_every_folder_of_the_product_is_a_package():
    folders = {str(Path(name).parent) for name in tracked() if name.endswith(".py") and name.partition("/")[0] in ROOMS}
    wanted = {"rawinlay", *(f"rawinlay.{folder.replace('/', '.')}" for folder in folders)}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert set(listed) == wanted and len(listed) == len(wanted)


def test_a_wheel_holds_the_product_and_nothing_else(built):
    with zipfile.ZipFile(built[1]) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    kernels = [name for name in names if name.startswith("rawinlay/bitstream/runtime/_kernels.")]
    assert len(kernels) == bool(shutil.which("cc")), "kernels are compiled where there is a compiler"
    assert sorted(set(names) - set(kernels)) == sorted(f"rawinlay/{name}" for name in tracked() if shipped(name))
    for kind in (".npz", ".safetensors", ".toml", ".html", "py.typed", "libraw_child.py"):
        assert any(name.endswith(kind) for name in names), kind
    assert built[1].stat().st_size < LARGEST


def test_an_sdist_holds_the_repository(built):
    with tarfile.open(built[0]) as archive:
        names = {m.name.partition("/")[2]: m for m in archive.getmembers() if m.isfile()}
    made = {n for n in names if n.startswith("rawinlay.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert names.keys() - made == set(tracked())
    assert all(names[name].mode & 0o100 for name in ("tests/run", ".ci/run"))


def test_pytorch_is_asked_for_in_the_same_words_everywhere():
    extras = PROJECT["project"]["optional-dependencies"]
    assert extras["learned"] == [REQUIREMENT] and all(REQUIREMENT in extras[name] for name in ("peers", "dev"))
    assert not any(line.startswith("torch") for line in PROJECT["project"]["dependencies"])


def test_every_package_that_is_asked_for_has_a_version_in_the_constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if not line.startswith("#")}
    project = PROJECT["project"]
    asked = [*project["dependencies"], *(one for those in project["optional-dependencies"].values() for one in those)]
    assert {one.partition(";")[0].partition(">=")[0].partition("==")[0].strip() for one in asked} <= pinned


@slow
@pytest.mark.slow
def test_a_wheel_works_in_an_empty_environment(built, tmp_path):
    """From an empty folder and without PyTorch: README's demonstration, and what is said of extras.

    Compiled kernels are the suite's own, named by what they are made of: to compile them anew takes a minute.
    """
    venv.create(tmp_path / "venv", with_pip=True)
    python, rawinlay = tmp_path / "venv/bin/python", tmp_path / "venv/bin/rawinlay"
    empty = tmp_path / "empty"
    empty.mkdir()
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RAWINLAY", "COV"))}

    def run(*command, **more):
        return subprocess.run(command, capture_output=True, text=True, cwd=empty, env={**plain, **more})

    pip = (python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", f"{built[1]}[demo]")
    done = run(*pip)
    assert done.returncode == 0, done.stderr
    home = {"HOME": str(empty), "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")}

    code = "import rawinlay; print(rawinlay.__file__, rawinlay.__version__); rawinlay.encode"
    where, version = run(python, "-c", code, **home).stdout.split()
    assert Path(where).is_relative_to(tmp_path) and version == PROJECT["project"]["version"]
    for command in ((rawinlay,), (python, "-m", "rawinlay")):
        assert run(*command, "--version", **home).stdout == f"rawinlay {version}\n"
    for name in (*ROOMS, "tests", "torch"):
        assert "ModuleNotFoundError" in run(python, "-c", f"import {name}", **home).stderr

    done = run(rawinlay, "demo", "--json", **home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {p.name for p in (empty / "demo-out").iterdir()} == {Path(name).name for name in told["files"]}
    assert told["psnr"] > 40

    old = ROOT / "tests/compatibility" / version
    assert run(rawinlay, "decode", old / "lossless.jpg", "-o", "lossless.dng", **home).returncode == 0
    assert run(rawinlay, "strip", old / "lossless.jpg", "-o", "plain.jpg", **home).returncode == 0
    for words, remedy in (
        (("decode", old / "learned.jpg", "-o", "learned.dng"), "torch>="),
        (("encode", "lossless.dng", "plain.jpg", "-o", "x.jpg", "--lossless", "--effort", "9"), "torch>="),
        (("decode", old / "plain.jpg", "-o", "x.dng", "--device", "cuda"), "torch>="),
        (("train",), "torch>="),
        (("bench", "rd", "--raw", "lossless.dng"), "imagecodecs>="),
    ):
        done = run(rawinlay, *words, **home)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, (words, done.stderr)
        assert "pip install" in done.stderr and remedy in done.stderr, (words, done.stderr)
