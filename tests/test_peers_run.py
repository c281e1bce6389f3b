"""Every peer in fresh processes, as the benchmark runs it: one for encoding, one for decoding."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shots

pytest.importorskip("imagecodecs", reason="the bench extra (imagecodecs) is not installed")

from benchmarks.peers import clock, registry
from eval.metrics import measure

ROOT = Path(__file__).parents[1]
LEAST = {"polynomial": 28, "sam": 28}  # dB
SETTING = {"rawinlay": "bpp=1.5", "trunk": "lossless", "trunk-blind": "lossless", "sam": "spacing=8"}


def peers(*words):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.peers", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return shots.write_pair(tmp_path_factory.mktemp("pair"))


@pytest.mark.parametrize("name", registry.names())
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
        parts = [value for part, value in seconds.items() if part != "total"]
        assert set(seconds) <= {*clock.PARTS, "total"} and all(s >= 0 for s in parts)
        assert 0.1 < seconds["total"] < 600 and sum(parts) <= seconds["total"]
        assert 20 << 20 < result["peak_memory"] < 8 << 30
    if name not in ("rawinlay", "trunk", "trunk-blind"):
        assert {"reading", "writing"} < set(said["seconds"])


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
    assert all(one["settings"] and one["counts"] and one["group"] in registry.GROUPS for one in found.values())


def test_clock_counts_parts_once(monkeypatch):
    monkeypatch.setattr(clock, "seconds", {})
    ticks = iter([0.0, 1.0, 3.0, 10.0])
    monkeypatch.setattr(clock.time, "perf_counter", lambda: next(ticks))
    with clock.part("entropy"), clock.part("guide"):
        pass
    assert clock.seconds == {"guide": 2.0, "entropy": 8.0}
    with pytest.raises(ValueError, match="part"), clock.part("lunch"):
        pass
