"""The command line: JSON, exit codes with one line on stderr, outputs whole or not at all, interrupts, progress."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from rawinlay import encode_arrays
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.segments import APP11, read_segments, splice
from rawinlay.codec.cli.arguments import byte_count
from rawinlay.codec.cli.console import TerminalProgress, bytes_text
from rawinlay.codec.cli.distribution import commands
from rawinlay.codec.cli.main import main
from rawinlay.codec.source.raw import read_raw
from shots import large_shot, shot, write_pair

REPOSITORY = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture(scope="module")
def carrier_bytes() -> bytes:
    return encode_arrays(shot().raw, shot().jpeg, quality=40).jpeg


@pytest.fixture
def folder(tmp_path, carrier_bytes) -> Path:
    """IMG_1.dng, IMG_1.JPG, with.jpg (which carries the RAW), and files that are none of these."""
    write_pair(tmp_path)
    (tmp_path / "with.jpg").write_bytes(carrier_bytes)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("no picture\n" * 50)
    return tmp_path


@pytest.fixture
def run(folder, capsys, monkeypatch):
    """Run a command in the folder: exit code, stdout, stderr. Nothing but `writes` may change in it."""
    monkeypatch.chdir(folder)

    def call(*words, writes=()):
        before = contents(folder)
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        said = SimpleNamespace(out=out, err=without_compiling(err))
        after = contents(folder)
        for path in map(Path, writes):
            assert path.name in after
            before.pop(path.name, None), after.pop(path.name)
        assert after == before
        if code:
            assert said.out == "" and said.err.startswith("rawinlay: ") and said.err.count("\n") == 1, said.err
        else:
            assert said.err == ""
        return code, said.out, said.err

    return call


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def fresh(*words, **options):
    """A command in a process of its own."""
    command = [sys.executable, "-m", "rawinlay", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, **options)
    done.stderr = without_compiling(done.stderr)
    return done


def without_compiling(stderr):
    """What is left but for what a first run says of its compiling, which these tests may be or not."""
    return "".join(line for line in stderr.splitlines(True) if not line.startswith("rawinlay: compil"))


def test_the_whole_way_in_fresh_processes(tmp_path):
    raw, jpeg = write_pair(tmp_path)
    said = fresh("encode", raw, "--jpeg", jpeg, "-o", tmp_path / "out.jpg", "--bpp", 1, "--json", "-q")
    assert said.returncode == 0 and said.stderr == ""
    result = json.loads(said.stdout)
    assert list(result)[:7] == ["output", "jpeg_bytes", "metadata_bytes", "bpp", "guide", "model", "seconds"]
    assert result["jpeg_bytes"] == (tmp_path / "out.jpg").stat().st_size
    assert result["metadata_bytes"] == result["jpeg_bytes"] - jpeg.stat().st_size
    assert result["bpp"] == 8 * result["metadata_bytes"] / shot().raw.mosaic.size <= 1
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    (tmp_path / "out.jpg").rename(alone / "out.jpg")
    said = fresh("decode", "out.jpg", "--json", "-q", cwd=alone)
    assert said.returncode == 0 and said.stderr == ""
    result = json.loads(said.stdout)
    assert list(result)[:6] == ["output", "width", "height", "cfa", "device", "seconds"]
    assert (result["output"], result["width"], result["height"]) == ("out.dng", 320, 256)
    said = fresh("compare", raw, alone / "out.dng", "--json")
    result = json.loads(said.stdout)
    assert list(result) == ["psnr", "max_error", "identical"] and result["psnr"] > 35 and not result["identical"]
    said = fresh("compare", raw, raw, "--json")
    assert json.loads(said.stdout) == {"psnr": None, "max_error": 0, "identical": True}


def test_info(run):
    code, out, _ = run("info", "with.jpg", "--json")
    found = json.loads(out)
    keys = "has_raw version model camera width height cfa bpp metadata_bytes intact"
    assert list(found)[:10] == keys.split()
    assert code == 0 and found["has_raw"] and found["intact"] and found["version"] == "1.0"
    raw = shot().raw
    assert (found["height"], found["width"]) == raw.mosaic.shape
    assert (found["cfa"], found["camera"]) == (raw.cfa, raw.camera)
    assert found["metadata_bytes"] == os.path.getsize("with.jpg") - os.path.getsize("IMG_1.JPG")
    code, out, _ = run("info", "IMG_1.JPG", "--json")
    assert code == 0 and json.loads(out)["has_raw"] is False and json.loads(out)["intact"] is None
    code, out, _ = run("info", "with.jpg")
    assert code == 0 and "320 x 256" in out and re.search("intact +yes", out)


def test_strip_gives_the_jpeg_back(run):
    code, out, _ = run("strip", "with.jpg", "-o", "bare.jpg", "--json", writes=["bare.jpg"])
    assert code == 0 and json.loads(out)["output"] == "bare.jpg"
    assert Path("bare.jpg").read_bytes() == Path("IMG_1.JPG").read_bytes()


def test_default_names_and_the_jpeg_beside(run):
    code, out, _ = run("encode", "IMG_1.dng", "--quality", 20, writes=["IMG_1.raw.jpg"])
    assert code == 0 and "beside the RAW: IMG_1.JPG" in out
    code, out, _ = run("decode", "IMG_1.raw.jpg", writes=["IMG_1.raw.dng"])
    assert code == 0 and "320 x 256" in out
    code, out, _ = run("compare", "IMG_1.dng", "IMG_1.raw.dng")
    assert code == 0 and "dB" in out


def test_an_output_is_replaced_only_by_force(run, folder):
    Path("old.dng").write_text("the only copy")
    code, _, err = run("decode", "with.jpg", "-o", "old.dng")
    assert code == 2 and "exists already" in err
    code, _, _ = run("decode", "with.jpg", "-o", "old.dng", "--force", writes=["old.dng"])
    assert code == 0 and read_raw("old.dng").mosaic.shape == (256, 320)


@pytest.mark.parametrize("words", [
    "encode IMG_1.dng -o IMG_1.dng", "encode IMG_1.dng --jpeg IMG_1.JPG -o IMG_1.JPG", "decode with.jpg -o with.jpg",
    "strip with.jpg -o with.jpg", "strip with.jpg -o ./with.jpg", "strip with.jpg -o link.jpg",
    "encode IMG_1.dng -o IMG_1.JPG --quality 10",
])  # fmt: skip
def test_an_input_is_never_the_output(run, folder, words):
    os.symlink("with.jpg", "link.jpg")
    code, _, err = run(*words.split(), "--force")
    assert code == 2 and "never changed" in err


BAD = [
    # usage
    (2, "", "COMMAND"), (2, "paint a.jpg", "there is no command paint"), (2, "encode", "RAW"),
    (2, "strip with.jpg", "-o"),
    (2, "encode IMG_1.dng --bpp 1 --size 5k", "not allowed with"),
    (2, "encode IMG_1.dng --bpp zero", "'zero' is no number"),
    (2, "encode IMG_1.dng --bpp 0", "bpp 0"), (2, "encode IMG_1.dng --bpp nan", "bpp nan"),
    (2, "encode IMG_1.dng --size many", "no size"), (2, "encode IMG_1.dng --size -3", "size"),
    (2, "encode IMG_1.dng --size 30", "30"), (2, "encode IMG_1.dng --quality 200", "quality 200"),
    (2, "encode IMG_1.dng --tune loud", "tune"), (2, "decode with.jpg --device abacus", "device"),
    (2, "decode with.jpg --forc", "--forc"), (2, "decode with.jpg other.jpg", "other.jpg"),
    # unreadable or unsupported
    (3, "encode absent.dng", "absent.dng"), (3, "encode empty", "empty"), (3, "encode text", "text"),
    (3, "encode .", "."), (3, "encode IMG_1.JPG -o o.jpg", "IMG_1.JPG"), (3, "encode cut.dng", "cut.dng"),
    (3, "encode IMG_1.dng --jpeg absent.jpg", "absent.jpg"), (3, "encode IMG_1.dng --jpeg text", "JPEG"),
    (3, "encode IMG_1.dng --jpeg empty", "empty"), (3, "encode IMG_1.dng --jpeg .", "directory"),
    (3, "encode IMG_1.dng --jpeg IMG_1.dng", "not a JPEG"), (3, "encode IMG_1.dng --jpeg cut.jpg", "JPEG"),
    (3, "encode IMG_1.dng --jpeg scene.jpg", "does not show"), (3, "encode IMG_1.dng --jpeg tiny.jpg", ""),
    (3, "decode absent.jpg", "absent.jpg"), (3, "decode empty", "empty"), (3, "decode text", "not a JPEG"),
    (3, "decode .", "directory"), (3, "decode IMG_1.dng -o o.dng", "not a JPEG"), (3, "info text", "not a JPEG"),
    (3, "info absent.jpg", "absent.jpg"), (3, "strip text -o o.jpg", "not a JPEG"),
    (3, "compare IMG_1.dng absent.dng", "absent.dng"), (3, "compare IMG_1.dng text", "text"),
    (3, "compare IMG_1.dng large.dng", "size"), (3, "compare IMG_1.dng IMG_1.JPG", "IMG_1.JPG"),
    # outputs that can't be written
    (3, "decode with.jpg -o no/such/o.dng", "no folder"), (3, "decode with.jpg -o sub", "directory"),
    (3, "decode with.jpg -o text/o.dng", "cannot write"), (3, "strip with.jpg -o no/o.jpg", "no folder"),
    (3, "encode IMG_1.dng -o no/o.jpg", "no folder"), (3, "demo text/demo", "cannot make"),
    # no RAW; damaged, newer or foreign
    (4, "decode IMG_1.JPG -o o.dng", "carries no RAW"), (4, "strip IMG_1.JPG -o o.jpg", "carries no RAW"),
    (4, "decode lost.jpg", "has removed the RAW"), (5, "decode flipped.jpg", "CRC"), (5, "decode half.jpg", "cut"),
    (5, "decode half-picture.jpg", "picture"), (5, "decode foreign.jpg", "belongs to another JPEG"),
    (5, "decode newer.jpg", "version 9.0"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "reason"), BAD, ids=[words or "nothing" for _, words, _ in BAD])
def test_bad_input_gets_one_line_and_its_code(run, folder, carrier_bytes, code, words, reason):
    prepare_bad(folder, carrier_bytes)
    found, _, err = run(*words.split())
    assert found == code and reason in err, err
    assert "fault of this program" not in err


def prepare_bad(folder, carrier):
    """The files that `BAD` names."""
    payload = embed.extract(carrier)
    middle = carrier.index(payload) + len(payload) // 2
    late = carrier.index(payload) + len(payload) - 40  # among the substreams
    files = {
        "cut.dng": (folder / "IMG_1.dng").read_bytes()[:20_000],
        "cut.jpg": shot().jpeg[: len(shot().jpeg) // 2],
        "large.dng": write_dng(large_shot().raw),
        "flipped.jpg": carrier[:late] + bytes([carrier[late] ^ 16]) + carrier[late + 1 :],
        "half.jpg": carrier[:middle],
        "half-picture.jpg": carrier[:-3000],
        "foreign.jpg": embed.embed(large_shot().jpeg, payload),
        "newer.jpg": embed.embed(shot().jpeg, payload[:4] + b"\x09" + payload[5:]),
        "lost.jpg": without_app11(carrier),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    y, x = np.mgrid[:256, :320]
    wave = (128 + 100 * np.sin(x / 9 + np.sin(y / 17) * 3) * np.cos(y / 11)).astype(np.uint8)
    Image.fromarray(wave).convert("RGB").save(folder / "scene.jpg", quality=90)
    Image.fromarray(wave[:8, :8]).convert("RGB").save(folder / "tiny.jpg", quality=90)
    (folder / "sub").mkdir()


def without_app11(jpeg):
    return splice(jpeg, [(s.start, s.end, b"") for s in read_segments(jpeg) if s.marker == APP11])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk(run):
    code, _, err = run("decode", "with.jpg", "-o", "/dev/full")
    assert code == 3 and "No space left" in err


def test_a_fault_is_one_line_too(run, monkeypatch):
    monkeypatch.setattr("rawinlay.codec.info.info", lambda path, **_: 1 // 0)
    code, _, err = run("info", "with.jpg")
    assert code == 1 and "ZeroDivisionError" in err


@pytest.mark.parametrize("name", ["", *commands()])
def test_help_has_an_example(capsys, name):
    assert main([name, "--help"] if name else ["--help"]) == 0
    said = capsys.readouterr()
    assert "example:\n  rawinlay " in said.out and said.err == ""


def test_the_commands_and_the_version(capsys):
    assert list(commands()) == [
        "encode", "decode", "develop", "look", "view", "info", "verify", "compare", "strip", "trim", "batch", "mount",
        "completion", "man", "schema", "demo", "bench", "train",
    ]  # fmt: skip
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rawinlay ")


def test_decode_tells_where_its_time_went(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["decode", "with.jpg", "-o", "one.dng", "--profile", "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    phases = found["profile"]
    assert min(phases[name] for name in ("reading", "guide", "writing", "total")) > 0
    assert sum(v for k, v in phases.items() if k not in ("total", "wall")) <= phases["total"] + 0.01
    assert found["peak_memory"] > 1e7 and "reading" in said.err and "entropy" in said.err
    assert main(["decode", "with.jpg", "-o", "two.dng", "--json"]) == 0
    said = capsys.readouterr()
    assert without_compiling(said.err) == "" and "profile" not in json.loads(said.out)
    assert Path("one.dng").read_bytes() == Path("two.dng").read_bytes()


def test_sizes_in_words():
    assert [byte_count(text) for text in ("600k", "1.5M", "600000", "2K")] == [600_000, 1_500_000, 600_000, 2000]
    assert [bytes_text(n) for n in (12, 34_567, 12_345_678)] == ["12 bytes", "34.6 kB", "12.3 MB"]


TELLING = """
import sys
from pathlib import Path
from rawinlay.codec.cli.console import TerminalProgress
from rawinlay.codec.cli.main import run
begun = Path(sys.argv.pop(1))
TerminalProgress.__call__ = lambda self, what, share: what == "coding" and begun.touch()
run()
"""


def test_a_call_leaves_signals_and_warnings_as_they_were(capsys):
    def mine(number, frame):
        """A caller's own."""

    before, filters = signal.signal(signal.SIGTERM, mine), list(warnings.filters)
    try:
        assert main(["--version"]) == 0 and main(["no-such-command"]) == 2
        assert signal.getsignal(signal.SIGTERM) is mine and warnings.filters == filters
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_nothing(tmp_path, number, code):
    raw = tmp_path / "large.dng"
    tiled = np.tile(large_shot().raw.mosaic, (4, 4))
    raw.write_bytes(write_dng(replace(large_shot().raw, mosaic=tiled)))
    begun = tmp_path / "begun"
    command = [sys.executable, "-c", TELLING, begun, "encode", raw, "-o", tmp_path / "out.jpg", "--bpp", "2"]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # where tests run behind nohup it is ignored
    )  # fmt: skip
    while process.poll() is None and not begun.exists():
        time.sleep(0.05)
    assert process.poll() is None, "encoding ended before it could be interrupted"
    begun.unlink()
    process.send_signal(number)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, out) == (code, "") and without_compiling(err).count("\n") == 1, err
    assert [path.name for path in tmp_path.iterdir()] == ["large.dng"]


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_progress_is_for_terminals_only_and_leaves_a_clean_line(monkeypatch):
    monkeypatch.setattr("rawinlay.codec.cli.console.PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with TerminalProgress() as progress:
            for share in (0.1, 0.5, 0.9):
                progress("coding", share)
                time.sleep(0.15)
        terminal.flush()
        shown = b""
        while select.select([leader], [], [], 0.3)[0]:
            shown += os.read(leader, 1 << 16)
    os.close(leader)
    assert b"coding" in shown and b"90 %" in shown and shown.endswith(b"\x1b[2K")
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr("sys.stderr", nowhere)
        with TerminalProgress() as progress:
            progress("coding", 0.5)
            assert progress._timer is None


def test_a_reader_that_goes_away(folder):
    command = f"set -o pipefail; {sys.executable} -m rawinlay info {folder / 'with.jpg'} | true"
    done = subprocess.run(["bash", "-c", command], env=ENVIRONMENT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
