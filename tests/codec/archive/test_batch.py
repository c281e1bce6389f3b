"""codec.archive.batch: each RAW once, whatever dies in between; the journal, the trash, the command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from landscape import landscape
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.api import decode, info, strip
from rawinlay.codec.archive import batch as batching
from rawinlay.codec.archive.batch import Batch
from rawinlay.codec.archive.journal import NAME, Journal
from rawinlay.codec.archive.work import Outcome
from rawinlay.codec.archive.workers import KILLED, Workers
from rawinlay.codec.cli.main import main
from rawinlay.codec.simulator import simulate

QUIET = {"odd_size": False, "distortion": 0.0, "orientation": 1, "iso": 100, "median": 0.2}


@pytest.fixture(scope="module")
def shot():
    return simulate(landscape(96, 128), 3, quality=95, **QUIET)


@pytest.fixture
def folder(tmp_path, shot):
    """Three RAWs, two with their JPEGs, and a sidecar."""
    photos = tmp_path / "photos"
    (photos / "day").mkdir(parents=True)
    dng = write_dng(shot.raw)
    for name in ("a.dng", "day/b.dng", "day/c.dng"):
        (photos / name).write_bytes(dng)
    for name in ("a.jpg", "day/b.JPG"):
        (photos / name).write_bytes(shot.jpeg)
    (photos / "a.dng.xmp").write_text("<x/>")
    return photos


def here(task):
    """What a worker does, quickly."""
    data = b"\xff\xd8" + str(task.pair.raw).encode()
    task.output.parent.mkdir(parents=True, exist_ok=True)
    task.output.write_bytes(data)
    return Outcome(task, size=len(data), grown=9, bpp=0.5)


def failing(task):
    if task.pair.raw.name.startswith("b"):
        return Outcome(task, 5, "made up")
    return here(task)


def dying(task):
    if task.pair.raw.name == "b.dng" or not (task.output.parent / "died").exists():
        task.output.parent.mkdir(parents=True, exist_ok=True)
        (task.output.parent / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return here(task)


def run(folder, to, work=here, **more):
    batch = Batch([folder], to, more.pop("options", {"bpp": 1.0}), jobs=more.pop("jobs", 2), **more)
    batch.work = work
    told = []
    with batch.journal.opened():
        plan = batch.plan()
        return batch.run(plan, report=told.append), plan, told


def test_all_are_done_once_and_skipped_then(folder, tmp_path):
    to = tmp_path / "out"
    summary, plan, told = run(folder, to)
    assert (summary.done, summary.failed, summary.skipped, len(plan.tasks)) == (3, 0, 0, 3)
    names = sorted(str(p.relative_to(to)) for p in to.rglob("*.[jJ]*") if p.name != NAME)
    assert names == ["a.jpg", "day/b.JPG", "day/c.jpg"]
    assert [line["state"] for line in told] == ["done"] * 3
    again, plan, told = run(folder, to)
    assert (again.done, again.skipped, plan.tasks) == (0, 3, [])
    (folder / "a.dng").write_bytes((folder / "a.dng").read_bytes() + b"\0")  # the RAW is another
    (to / "day" / "b.JPG").unlink()
    assert run(folder, to)[0].done == 2
    assert run(folder, to, options={"bpp": 2.0})[0].done == 3


def test_failures_stop_nothing_and_are_tried_again(folder, tmp_path):
    summary, _, told = run(folder, tmp_path / "out", failing)
    assert (summary.done, summary.failed) == (2, 1)
    (line,) = [line for line in told if line["state"] == "failed"]
    assert (line["error"], line["code"]) == ("made up", 5)
    assert run(folder, tmp_path / "out")[0].done == 1


def test_a_process_that_dies_takes_nobody_along(folder, tmp_path):
    summary, _, told = run(folder, tmp_path / "out", dying)
    assert (summary.done, summary.failed) == (2, 1)
    assert [line["error"] for line in told if line["state"] == "failed"] == [KILLED]


def test_outputs_of_others_are_left(folder, tmp_path):
    to = tmp_path / "out"
    to.mkdir()
    (to / "a.jpg").write_bytes(b"mine")
    batch = Batch([folder], to, {"bpp": 1.0}, jobs=1)
    with batch.journal.opened():
        plan = batch.plan()
        assert [task.may_write for task in plan.tasks] == [False, True, True]
        summary = batch.run(plan)
    assert summary.failed == 1 and (to / "a.jpg").read_bytes() == b"mine"
    batch = Batch([folder], to, {"bpp": 1.0}, jobs=1)
    with batch.journal.opened():  # a second run does not take it for its own
        assert batch.run(batch.plan()).failed == 1 and (to / "a.jpg").read_bytes() == b"mine"


def test_two_outputs_of_one_name(tmp_path, folder):
    (folder / "a.nef").write_bytes((folder / "a.dng").read_bytes())
    (folder / "a.jpg").unlink()
    batch = Batch([folder], tmp_path / "out", {}, jobs=1)
    with pytest.raises(UsageError, match="both become"):
        batch.plan()


def test_journals_that_were_cut(tmp_path):
    journal = Journal(tmp_path / NAME)
    with journal.opened():
        journal.add({"raw": "a", "state": "done"}, {"raw": "b", "state": "begun"})
        with pytest.raises(UsageError, match="another batch"), Journal(tmp_path / NAME).opened():
            pass
    whole = (tmp_path / NAME).read_bytes()
    for cut in range(len(whole) + 1):
        (tmp_path / NAME).write_bytes(whole[:cut])
        again = Journal(tmp_path / NAME)
        with again.opened():
            assert set(again.entries) <= {"a", "b"}
            again.add({"raw": "c", "state": "done"})
        with Journal(tmp_path / NAME).opened() as read:
            assert read.entries["c"] == {"raw": "c", "state": "done"}
    for junk in (b"\0" * 100, b"[1]\n", b'{"raw": 3}\n', b"\xff\xfe\n"):
        (tmp_path / NAME).write_bytes(junk)
        with Journal(tmp_path / NAME).opened() as read:
            assert not read.entries


def test_memory_bounds_what_runs_at_once(folder, tmp_path):
    batch = Batch([folder], tmp_path / "out", {}, jobs=3)
    plan = batch.plan()
    busy, most = 0, 0

    class Counting(Workers):
        def _submit(self, task):
            from concurrent.futures import Future

            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            future = Future()
            future.set_result(here(task))
            return future

    for memory, wanted in ((None, 3), (1, 1), (600 << 20, 2)):
        busy = most = 0
        for _ in Counting(3, 1, memory, here).run(plan.tasks):
            busy -= 1
        assert most == wanted


def test_in_place_gives_the_jpegs_back(folder, shot, capsys):
    """The real thing, and again: nothing is done twice, `strip` undoes it."""
    words = ["batch", str(folder), "--in-place", "--quality", "40", "--effort", "1", "--jobs", "1", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"], told["problems"]) == (3, 0, 0)
    assert strip(folder / "a.jpg") == shot.jpeg and info(folder / "day" / "c.jpg").has_raw
    assert main(words) == 2 and "--resume" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 3
    # A kill between the last byte of an output and its line in the journal: it is not made again.
    lines = [json.loads(line) for line in (folder / NAME).read_text().splitlines()]
    (folder / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines if line["state"] == "begun"))
    before = (folder / "a.jpg").stat().st_mtime_ns
    assert main([*words, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 3 and (folder / "a.jpg").stat().st_mtime_ns == before


def test_raws_go_into_the_trash_when_they_are_safe(folder, tmp_path, shot, capsys):
    words = ["batch", str(folder), "-o", str(tmp_path / "out"), "--lossless", "--effort", "1", "--jobs", "1"]
    assert main([*words, "--delete-raw", "--report", str(tmp_path / "r.jsonl"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["moved"]["raws"] == 3 and not list(folder.rglob("*.dng")) and (folder / "a.jpg").exists()
    trash = Path(told["moved"]["trash"])
    lines = [json.loads(line) for line in (trash / "manifest.jsonl").read_text().splitlines()]
    assert all(line["lossless"] for line in lines)
    assert {Path(line["raw"]).name for line in lines} == {"a.dng", "b.dng", "c.dng"}
    assert sorted(str(p.relative_to(trash)) for p in trash.rglob("*.dng")) == ["a.dng", "day/b.dng", "day/c.dng"]
    assert np.array_equal(decode(tmp_path / "out" / "day" / "b.JPG").raw.mosaic, shot.raw.mosaic)
    assert (tmp_path / "out" / "a.dng.xmp").read_text() == "<x/>"
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 3


def test_a_raw_that_would_be_lost_stays(folder, tmp_path, monkeypatch):
    from rawinlay.codec.archive import trash

    out = tmp_path / "b.jpg"
    out.write_bytes((folder / "a.jpg").read_bytes())
    assert "no RAW" in trash.checked(folder / "a.dng", out, True).error
    assert trash.checked(folder / "nothing.dng", out, True).error
    with pytest.raises((InputError, OSError)):
        trash.moved(folder / "nothing.dng", out, trash.Check(), folder, tmp_path / "t")


@pytest.mark.parametrize(
    "words, code, line",
    [
        (["nowhere", "-o", "out"], 3, "nowhere: there is no such file"),
        (["photos", "-o", "out", "--jobs", "0"], 2, "0 jobs"),
        (["photos", "-o", "out", "--bpp", "-1"], 2, "bpp -1"),
        (["photos"], 2, "one of the arguments"),
        (["photos", "-o", "out", "--bpp", "1", "--lossless"], 2, "not allowed with"),
    ],
)
def test_mistakes(folder, monkeypatch, capsys, words, code, line):
    monkeypatch.chdir(folder.parent)
    assert main(["batch", *words]) == code
    err = capsys.readouterr().err
    assert line in err and "Traceback" not in err and not (folder.parent / "out").exists()


def test_dry_run_writes_nothing(folder, capsys):
    before = sorted(folder.rglob("*"))
    assert main(["batch", str(folder), "--in-place", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["pairs"]) == 3 and sum(p["jpeg"] is None for p in told["pairs"]) == 1
    assert sorted(folder.rglob("*")) == before


def test_kills_at_any_moment(folder, tmp_path):
    """A batch killed again and again comes to its end, each RAW done, journal and files agreeing."""
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]; from pathlib import Path\n"
        "import slow_work; from rawinlay.codec.archive.batch import Batch\n"
        "b = Batch([Path(sys.argv[2])], Path(sys.argv[3]), {'bpp': 1.0}, jobs=1); b.work = slow_work.work\n"
        "with b.journal.opened(): b.run(b.plan())\n"
    )
    (tmp_path / "slow_work.py").write_text(
        "import time\n"
        "from rawinlay.bitstream.runtime.files import write_atomically\n"
        "from rawinlay.codec.archive.work import Outcome\n"
        "def work(task):\n"
        "    time.sleep(0.2)\n"
        "    task.output.parent.mkdir(parents=True, exist_ok=True)\n"
        "    write_atomically(task.output, b'\\xff\\xd8' + str(task.pair.raw).encode())\n"
        "    return Outcome(task, size=1)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", program, str(tmp_path), str(folder), str(tmp_path / "out")]
    for n in range(3):
        process = subprocess.Popen(command, env=env, start_new_session=True)
        time.sleep(0.9 + 0.35 * n)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, env=env, timeout=120).returncode == 0
    with Journal(tmp_path / "out" / NAME).opened() as journal:
        assert sorted(Path(raw).name for raw in journal.entries) == ["a.dng", "b.dng", "c.dng"]
        for raw, entry in journal.entries.items():
            assert entry["state"] == "done" and Path(entry["output"]).read_bytes() == b"\xff\xd8" + raw.encode()


def test_no_worker_outlives_its_batch(folder, tmp_path):
    """Neither one that came to its end by os._exit, as the command line does, nor one that was killed."""
    program = (
        "import os, sys; sys.path[:0] = [sys.argv[1]]; from pathlib import Path\n"
        "import noting; from rawinlay.codec.archive.batch import Batch\n"
        "b = Batch([Path(sys.argv[2])], Path(sys.argv[3]), {'bpp': 1.0}, jobs=1); b.work = noting.work\n"
        "with b.journal.opened():\n"
        "    for n in b._outcomes(b.plan().tasks):\n"
        "        if sys.argv[4] == 'killed': os.kill(os.getpid(), 9)\n"
        "os._exit(0)\n"
    )
    (tmp_path / "noting.py").write_text(
        "import os\nfrom pathlib import Path\nfrom rawinlay.codec.archive.work import Outcome\n"
        "def work(task):\n"
        "    Path(__file__).with_name('pid').write_text(str(os.getpid()))\n"
        "    return Outcome(task, size=1)\n"
    )
    for end in ("whole", "killed"):
        words = [sys.executable, "-c", program, str(tmp_path), str(folder), str(tmp_path / end), end]
        subprocess.run(words, env={**os.environ, "PYTHONPATH": str(tmp_path)}, timeout=120)
        worker = int((tmp_path / "pid").read_text())
        for _ in range(300):
            if not Path(f"/proc/{worker}").exists():
                break
            time.sleep(0.1)
        assert not Path(f"/proc/{worker}").exists(), end


def test_cameras_and_pace():
    assert batching._pace(5, 10, 1, 60.0) == "5 of 10, 1 failed, 5.0 a minute, 60 s left"
