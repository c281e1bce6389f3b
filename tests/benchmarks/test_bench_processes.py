"""Codecs in processes: what their JSON becomes, how failures and a stop look; with a small program in their place."""

import sys
import threading
import time
from pathlib import Path

import pytest
from rawinlay.benchmarks.processes import Codec, Failed, Processes, choose, read_codecs
from rawinlay.bitstream.errors import InputError, UsageError

PROGRAM = """
import json, subprocess, sys, time
words = sys.argv[1:]
if words[0] == "list":
    print(json.dumps([{"name": "one", "group": "blind", "guided": False, "counts": "all", "state": "",
                       "settings": ["q=1"]}, {"name": "two", "group": "learned", "unavailable": "no weights"}]))
elif words[1] == "bad":
    print("working"); print("error: no such thing", file=sys.stderr); sys.exit(3)
elif words[1] == "mute":
    sys.exit(7)
elif words[1] == "chatty":
    print("not JSON")
elif words[1] == "slow":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open(words[words.index("-o") + 1], "w").write(str(child.pid)); time.sleep(60)
else:
    open(words[words.index("-o") + 1], "w").write(" ".join(words))
    print(json.dumps({"bytes": 12, "seconds": {"reading": 0.12345678, "total": 1}, "peak_memory": 7}))
"""


@pytest.fixture
def processes(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    return Processes([sys.executable, str(program)])


def test_encode_and_decode(processes, tmp_path):
    stream, jpeg = tmp_path / "stream", tmp_path / "a.jpg"
    size, cost = processes.encode("one", tmp_path / "a.nef", jpeg, "q=1", stream)
    assert size == 12 and cost == {"reading": 0.1235, "total": 1, "peak_memory": 7}
    assert stream.read_text() == f"encode one {tmp_path}/a.nef --jpeg {jpeg} --setting q=1 -o {stream}"
    processes.decode("one", stream, None, tmp_path / "m.npy")
    assert (tmp_path / "m.npy").read_text() == f"decode one {stream} -o {tmp_path}/m.npy"


def test_codecs(processes):
    one, two = read_codecs(processes)
    assert one == Codec("one", "blind", False, "all", "", ("q=1",))
    assert two.unavailable == "no weights" and two.settings == ()
    with pytest.raises(InputError, match="cannot list"):
        read_codecs(Processes([sys.executable, "-c", "raise SystemExit(1)"]))


@pytest.mark.parametrize(
    ("codec", "said"),
    [("bad", "encode: exit 3: no such thing"), ("mute", "encode: exit 7: no message"), ("chatty", "no JSON on stdout")],
)
def test_failures_have_one_line(processes, tmp_path, codec, said):
    with pytest.raises(Failed, match=said):
        processes.encode(codec, tmp_path / "a", None, "q=1", tmp_path / "s")


def test_a_program_that_takes_too_long_is_ended(processes, tmp_path):
    with pytest.raises(Failed, match=r"sleeping took more than 0\.2 s"):
        processes.run("sleeping", [sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_stop_ends_the_process_and_its_children(processes, tmp_path):
    stream, seen = tmp_path / "stream", []

    def run():
        try:
            processes.encode("slow", tmp_path / "a", None, "q=1", stream)
        except Failed as error:
            seen.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    end = time.monotonic() + 30
    while not (stream.exists() and stream.read_text()) and time.monotonic() < end:
        time.sleep(0.02)
    child = Path("/proc") / stream.read_text() / "stat"
    processes.stop()
    thread.join(10)
    assert not thread.is_alive() and seen
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < end:
        time.sleep(0.02)
    assert not child.exists() or child.read_text().split()[2] == "Z"
    with pytest.raises(Failed, match="stopped"):
        processes.encode("one", tmp_path / "a", None, "q=1", stream)


CODECS = [Codec("rawinlay", "ours"), Codec("trunk", "ours"), Codec("trunk-blind", "ours"), Codec("jxl-linear", "blind"),
          Codec("jxl-sqrt", "blind"), Codec("sam", "guided"), Codec("r2lcm", "learned")]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rawinlay,jxl", "rawinlay jxl-linear jxl-sqrt"),
        ("ours", "rawinlay trunk trunk-blind"),
        ("trunk", "trunk"),
        ("guided, learned", "sam r2lcm"),
        ("sam,guided,sam", "sam"),
        ("all", "rawinlay trunk trunk-blind jxl-linear jxl-sqrt sam r2lcm"),
    ],
)
def test_codecs_by_name_group_and_beginning(text, names):
    assert [codec.name for codec in choose(text, CODECS)] == names.split()


@pytest.mark.parametrize("text", ["", "jx", "rawinlay,", "webp"])
def test_codecs_that_are_none(text):
    with pytest.raises(UsageError, match="no codec or group"):
        choose(text, CODECS)
