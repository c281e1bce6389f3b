"""Every peer that needs no training, in fresh processes as the benchmark runs it: one to encode, one to decode."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shots

pytest.importorskip("imagecodecs", reason="the bench extra (imagecodecs) is not installed")

from rawinlay.benchmarks.peers import clock, registry
from rawinlay.bitstream.runtime.profile import profiling
from rawinlay.eval.metrics import measure
from raws import long

ROOT = Path(__file__).parents[2]
CLASSICAL = [name for name, (_, place, _) in registry.TABLE.items() if not place.startswith("learned.")]
LEAST = {"polynomial": 28, "sam": 28}  # dB
SETTING = {"rawinlay": "bpp=1.5", "trunk": "lossless", "trunk-blind": "lossless", "sam": "spacing=8"}


def peers(*words):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "rawinlay.benchmarks.peers", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return shots.write_pair(tmp_path_factory.mktemp("pair"))


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n == "rawinlay" else long) for n in CLASSICAL])
def test_round_trip_in_fresh_processes(name, pair, tmp_path):
    peer, taken = registry.get(name), shots.shot()
    setting = SETTING.get(name) or peer.settings()[-1]
    guide = ["--jpeg", pair[1]] if peer.guided else []
    stream, out = tmp_path / "stream", tmp_path / "mosaic.npy"
    encoded = peers("encode", name, pair[0], *guide, "--setting", setting, "-o", stream)
    assert encoded.returncode == 0, encoded.stderr
    decoded = peers("decode", name, stream, *guide, "-o", out)
    assert decoded.returncode == 0, decoded.stderr
    mosaic = np.load(out, allow_pickle=False)
    found = measure(taken.raw, mosaic)
    assert found.identical if setting == "lossless" else found.psnr > LEAST.get(name, 38)
    said = json.loads(encoded.stdout)
    assert said["bytes"] == peer.added(stream.read_bytes(), pair[1].read_bytes())
    for result in (said, json.loads(decoded.stdout)):
        seconds = result["seconds"]
        parts = [value for part, value in seconds.items() if part not in ("total", "wall")]
        assert set(seconds) <= {*clock.PARTS, "total", "wall"} and all(s > 0 for s in parts)
        assert 0 < sum(parts) < seconds["total"] + 0.01 < 600 and seconds["wall"] > 0.02
        assert 20 << 20 < result["peak_memory"] < 8 << 30
        assert {"reading" if result is said else "writing", "starting"} < set(seconds)


def test_errors_are_one_line_with_a_code(pair, tmp_path):
    stream = tmp_path / "stream"
    stream.write_bytes(b"nonsense")
    out = ["-o", tmp_path / "out"]
    for code, words in (
        (2, ["encode", "nobody", pair[0], "--setting", "lossless"]),
        (2, ["encode", "jxl-linear", pair[0], "--setting", "lossless"]),
        (2, ["encode", "sam", pair[0], "--setting", "spacing=8"]),
        (3, ["encode", "jxl-linear", tmp_path / "none.dng", "--setting", "distance=1"]),
        (5, ["decode", "jxl-linear", stream]),
        (4, ["decode", "rawinlay", pair[1]]),
    ):
        done = peers(*words, *out)
        assert done.returncode == code, done.stderr
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and not done.stdout
    assert not (tmp_path / "out").exists()


def test_list_names_all():
    done = peers("list")
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert list(found) == registry.names()
    assert all(one["group"] in registry.GROUPS for one in found.values())
    here = [name for name, one in found.items() if "unavailable" not in one]
    assert set(CLASSICAL) <= set(here) and all(found[name]["settings"] and found[name]["counts"] for name in here)


def test_cost_is_that_of_the_process_that_did_the_work(monkeypatch):
    monkeypatch.setattr(clock, "_child", None)
    with profiling() as profile, clock.part("entropy"):
        sum(range(100_000))
    here = clock.of_process(profile, 0.0)
    assert here["seconds"]["entropy"] > 0 and "guide" not in here["seconds"]
    assert 10 << 20 < here["peak_memory"] < 64 << 30
    clock.of_child({"profile": {"guide": 0.5, "network": 0.0, "total": 2.0, "wall": 1.0}, "peak_memory": 7}, 1.25)
    there = {"seconds": {"guide": 0.5, "total": 2.0, "wall": 1.25}, "peak_memory": 7}
    assert clock.of_process(profile, 0.0) == there
