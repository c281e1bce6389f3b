"""Every fuzz target a few hundred times, by mutations of its corpus that need no atheris."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import harness

REPOSITORY = Path(__file__).parents[2]
NAMES = sorted(path.name for path in harness.CORPUS.iterdir())
COUNTS = {"whole": 30, "header": 100}


def test_each_target_has_a_corpus():
    found = {path.stem for path in (REPOSITORY / "tests" / "fuzz").glob("*.py")}
    assert found == {*NAMES, "__init__", "harness", "make_corpus"}


@pytest.mark.parametrize("name", NAMES)
def test_target(name):
    target = importlib.import_module(f"tests.fuzz.{name}").TARGET
    for data in [*target.seeds(), *harness.mutations(target, COUNTS.get(name, 300))]:
        target(data)


def test_checksums_are_made_right():
    from rawinlay.bitstream.stream.container import Container, check

    for data in importlib.import_module("tests.fuzz.container").TARGET.seeds():
        assert harness.mended_stream(data) == data
        damaged = data[:20] + bytes([data[20] ^ 1]) + data[21:]
        assert check(damaged) and Container.from_bytes(harness.mended_stream(damaged))


def test_by_coverage():
    pytest.importorskip("atheris", reason="atheris fuzzes by coverage")
    words = [sys.executable, "-m", "tests.fuzz.container", "--runs", "200"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0 and "number_of_executed_units: 200" in done.stdout + done.stderr, done.stderr[-500:]
