"""What the commands import: nothing heavy that they do not use, since that is most of a short command's time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from goldens import FOLDER
from rawinlay.codec.cli.commands import COMMANDS
from rawinlay.codec.cli.distribution import commands
from shots import write_pair

REPOSITORY = Path(__file__).parents[3]
HEAVY = {"torch", "numba", "scipy", "rawpy", "rich", "safetensors", "constriction"}
RUN = """
import contextlib, io, json, sys
from rawinlay.codec.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def modules(*words):
    """The modules that a command leaves in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, words)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    code, found = json.loads(done.stdout)
    assert code == 0, done.stderr
    return set(found)


@pytest.mark.parametrize("command", ["info", "strip", "help"])
def test_short_commands_import_nothing_heavy(tmp_path, command):
    words = {
        "info": ["info", FOLDER / "plain.jpg", "--json"],
        "strip": ["strip", FOLDER / "plain.jpg", "-o", tmp_path / "bare.jpg"],
        "help": ["--help"],
    }[command]
    found = modules(*words)
    assert not found & HEAVY
    if command != "help":
        assert not {name for name in found if name.startswith(("eval", "benchmarks", "codec.training"))}
    if command != "info":
        assert not found & {"numpy", "PIL"}


def test_encode_and_decode_need_no_torch_and_no_scipy_linalg(tmp_path):
    raw, jpeg = write_pair(tmp_path)
    carrier = tmp_path / "with.jpg"
    encoded = modules("encode", raw, "--jpeg", jpeg, "-o", carrier, "--quality", "30", "--effort", "1", "--json")
    decoded = modules("decode", carrier, "-o", tmp_path / "out.dng", "--json")
    for found in (encoded, decoded):
        assert not found & {"torch", "scipy.linalg", "scipy.optimize", "scipy.ndimage", "rich", "safetensors.torch"}
        assert not found & {"constriction"}, "the tests' second opinion, which need not be installed"
    assert not decoded & {"rawpy"}


def test_trim_needs_no_torch(tmp_path):
    # The golden streams have one layer: that it says so comes after everything that it imports.
    run = RUN.replace("code = main(sys.argv[1:])", "code = main(sys.argv[1:]) - 2")
    done = subprocess.run(
        [sys.executable, "-c", run, "trim", str(FOLDER / "plain.jpg"), "--bpp", "0.01", "-o", str(tmp_path / "o.jpg")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    code, found = json.loads(done.stdout)
    assert code == 0 and not set(found) & HEAVY


def test_the_layers_own_commands_are_those_that_are_registered():
    registered = commands()
    assert {name: registered[name] for name in COMMANDS} == COMMANDS
    assert set(registered) > set(COMMANDS)
