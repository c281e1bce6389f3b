"""The benchmark's loop: what is run at which settings, what a row says, resuming, failures; codecs are stand-ins."""

import io
import json
import threading
import time

import numpy as np
import pytest
from rawinlay.benchmarks import guides, rows
from rawinlay.benchmarks.inputs import Input
from rawinlay.benchmarks.processes import Codec, Failed
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import UsageError
from raws import synthetic_raw

pytest.importorskip("skimage", reason="scikit-image is not installed")
from rawinlay.benchmarks import rd

OURS = Codec("rawinlay", "ours", True, "all of it", "", ("bpp=0.1", "bpp=9", "lossless"))
SWEPT = Codec("jxl-linear", "blind", False, "all", "", tuple(f"distance={d}" for d in (8, 4, 2, 1, 0.5, 0.25)))
EXACT = Codec("ljpeg", "blind", False, "all", "", ("lossless",))
LEARNED = Codec("r2lcm", "learned", True, "all", "200 steps", ("quality=1", "quality=2", "quality=3", "quality=4"))


class Stand_in:
    """In place of `Processes`: rounds the mosaic to a step, and takes 1000 bits per halving of it."""

    def __init__(self, raw):
        self.raw, self.calls, self.stopped, self.broken = raw, [], False, set()

    def encode(self, codec, raw, jpeg, setting, stream):
        self.calls.append(("encode", codec, setting, jpeg and jpeg.name))
        if (codec, setting) in self.broken or codec in self.broken:
            raise Failed(f"encode: exit 5: {setting} is broken")
        size, step = self._of(setting)
        stream.write_bytes(json.dumps(step).encode())
        return size, {"total": 2.0, "entropy": 1.0, "peak_memory": 5000}

    def decode(self, codec, stream, jpeg, mosaic):
        self.calls.append(("decode", codec))
        step = json.loads(stream.read_bytes())
        np.save(mosaic, (self.raw.mosaic // step * step).astype(np.uint16))
        return {"total": 1.0, "peak_memory": 4000}

    def _of(self, setting):
        name, _, value = setting.partition("=")
        if name == "lossless":
            return 900, 1
        if name == "bpp":
            return int(float(value) * self.raw.mosaic.size / 8), 256
        return int(self.raw.mosaic.size / 8 / float(value)), int(64 * float(value))

    def stop(self):
        self.stopped = True


@pytest.fixture
def bench(tmp_path):
    """A benchmark of one RAW whose guide is in the cache."""
    raw = synthetic_raw(shape=(48, 64))
    path = tmp_path / "a.dng"
    path.write_bytes(write_dng(raw))
    (tmp_path / "cache" / "libraw").mkdir(parents=True)
    (tmp_path / "cache" / "libraw" / "a.jpg").write_bytes(b"x" * 500)
    results, log = rows.Results(tmp_path / "rows.jsonl"), io.StringIO()
    made = rd.Benchmark(results, Stand_in(raw), tmp_path / "cache", None, "rawinlay bench rd", log)
    made.source = Input("a.dng", path)
    made.written = lambda: rows.read_rows(tmp_path / "rows.jsonl")
    return made


def task(bench, codec, guide="libraw"):
    return rd.Task(bench.source, guides.parse(guide) if codec.guided else None, codec)


def test_a_row_has_all_that_was_measured(bench):
    bench.measure(task(bench, OURS), [0.4, rd.LOSSLESS])
    lossy, exact = bench.written()
    assert (lossy["bytes"], lossy["setting"], lossy["guide"]) == (153, "bpp=0.4", "libraw")
    assert lossy["bpp"] == 8 * 153 / (48 * 64) and lossy["max_error"] == 255 and not lossy["identical"]
    assert lossy["psnr_companded"] > 20 and 0 < lossy["ssim"] < 1 and lossy["edits"]["curve"]["ciede2000"] > 0
    assert lossy["encode"] == {"total": 2.0, "entropy": 1.0, "peak_memory": 5000}
    assert lossy["counts"] == "all of it" and lossy["guide_program"] == "libraw, found in the cache"
    assert lossy["machine"] and lossy["versions"]["python"] and lossy["command"] == "rawinlay bench rd"
    assert exact["identical"] and exact["psnr"] is None and exact["ssim"] == 1


def test_what_is_measured_is_not_measured_again(bench):
    bench.processes.broken = {("rawinlay", "bpp=1.5")}
    bench.measure(task(bench, OURS), [0.4, 1.5])
    before = len(bench.processes.calls)
    assert before == 3
    bench.measure(task(bench, OURS), [0.2, 0.4, 1.5])
    assert [c[2] for c in bench.processes.calls[before:] if c[0] == "encode"] == ["bpp=0.2", "bpp=1.5"]
    again = len(bench.processes.calls)
    bench.measure(task(bench, OURS), [0.2, 0.4])
    assert len(bench.processes.calls) == again


def test_older_rows_without_todays_measures_are_measured(bench):
    old = {"file": "a.dng", "guide": "libraw", "codec": "rawinlay", "setting": "bpp=0.4", "bpp": 0.4, "psnr": 40.0}
    bench.results.add(old)
    bench.measure(task(bench, OURS), [0.4])
    assert "edits" in bench.written()[0]


def test_fresh_measures_what_another_commit_did_and_what_this_one_did_not(bench):
    bench.measure(task(bench, OURS), [0.4])
    bench._fresh, before = True, len(bench.processes.calls)
    bench.measure(task(bench, OURS), [0.4])
    assert len(bench.processes.calls) == before
    bench.setup["commit"] = "another"
    bench.measure(task(bench, OURS), [0.4])
    assert len(bench.processes.calls) == before + 2
    assert bench.written()[0]["commit"] == f"another..{rows.commit()}"  # as if it had changed while measuring


def test_pictures_that_fail_cost_no_measurement(bench):
    class Broken:
        def offer(self, *words):
            raise OSError("disk full")

        def prune(self, *words):
            pass

    bench.shown = Broken()
    bench.measure(task(bench, OURS), [0.4])
    assert bench.written()[0]["identical"] is False and "no pictures: OSError" in bench._log.getvalue()


def test_a_sweep_ends_above_the_range_and_is_resumed_there(bench):
    bench.measure(task(bench, SWEPT), [0.1, 0.7])
    swept = [row["setting"] for row in bench.written()]
    assert swept == ["distance=8", "distance=4", "distance=2", "distance=1", "distance=0.5"]  # 2 bpp are above 1.4
    before = len(bench.processes.calls)
    bench.measure(task(bench, SWEPT), [0.1, 0.7])
    assert len(bench.processes.calls) == before
    assert all(call[3] is None for call in bench.processes.calls if call[0] == "encode")  # blind: no JPEG


def test_one_failure_is_a_row_and_stops_nothing(bench):
    bench.processes.broken = {("jxl-linear", "distance=4")}
    bench.run([task(bench, SWEPT), task(bench, OURS)], [0.1, 0.2], 1)
    errors = [row for row in bench.written() if "error" in row]
    assert [(r["setting"], r["error"]) for r in errors] == [("distance=4", "encode: exit 5: distance=4 is broken")]
    assert "bytes" not in errors[0] and (bench.added, bench.failed) == (4, 1)


def test_a_codec_that_fails_always_is_given_up(bench):
    bench.processes.broken = {"r2lcm"}
    bench.run([task(bench, LEARNED), task(bench, OURS)], [0.1], 1)
    assert [row["codec"] for row in bench.written()] == ["r2lcm"] * rd.PATIENCE + ["rawinlay"]


def test_a_fault_while_scoring_is_a_row_too(bench, monkeypatch):
    monkeypatch.setattr(rd, "scores", lambda raw, mosaic: 1 // 0)
    bench.measure(task(bench, EXACT), [0.1])
    assert "ZeroDivisionError" in bench.written()[0]["error"]


def test_a_codec_or_guide_that_is_not_there_is_a_row_with_the_reason(bench, monkeypatch):
    bench.measure(task(bench, Codec("cam", "learned", True, unavailable="no weights")), [0.1])
    monkeypatch.setattr(guides.shutil, "which", lambda name: None)
    bench.measure(task(bench, OURS, "darktable"), [0.1])
    assert [row["error"] for row in bench.written()] == [
        "not to be run here: no weights", "no guide: darktable-cli is not installed",
    ]  # fmt: skip
    assert not bench.processes.calls


def test_being_stopped_is_no_failure(bench, monkeypatch):
    def encode(*words):
        bench.processes.stop()
        raise Failed("encode: exit -9: no message")

    monkeypatch.setattr(bench.processes, "encode", encode)
    bench.run([task(bench, OURS), task(bench, SWEPT)], [0.1], 1)
    assert bench.written() == []


def test_an_interrupt_ends_the_processes(bench, monkeypatch):
    started = threading.Event()

    def encode(*words):
        started.set()
        while not bench.processes.stopped:
            time.sleep(0.01)
        raise Failed("encode: exit -9: no message")

    def waiting(futures, return_when):
        started.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.processes, "encode", encode)
    monkeypatch.setattr(rd, "wait", waiting)
    with pytest.raises(KeyboardInterrupt):
        bench.run([task(bench, OURS)], [0.1], 1)
    assert bench.processes.stopped and bench.written() == []


def test_progress_says_where_it_is(bench):
    bench.run([task(bench, EXACT)], [0.1], 1)
    assert bench._log.getvalue() == "[1/1] a.dng ljpeg lossless: 2.3438 bpp, no error, 2.0 + 1.0 s\n"


def test_settings():
    assert rd.settings_of(OURS, [0.4, 0.1, rd.LOSSLESS]) == ["bpp=0.1", "bpp=0.4", "lossless"]
    assert rd.settings_of(OURS, [0.4]) == ["bpp=0.4"]
    assert rd.settings_of(SWEPT, [0.4]) == list(SWEPT.settings)
    assert rd.settings_of(EXACT, [0.4]) == ["lossless"]


def test_a_blind_codec_is_run_once_per_file(bench):
    chosen = [guides.parse("libraw"), guides.parse("rtnr")]
    tasks = rd.tasks_of([bench.source], chosen, [OURS, SWEPT])
    assert [(t.codec.name, t.guide and t.guide.name) for t in tasks] == [
        ("jxl-linear", None), ("rawinlay", "libraw"), ("rawinlay", "rtnr"),
    ]  # fmt: skip


def test_rates():
    assert rd.parse_rates("0.1,2") == [0.1, 2.0]
    for text in ("", "0.1,x", "0", "99"):
        with pytest.raises(UsageError):
            rd.parse_rates(text)
