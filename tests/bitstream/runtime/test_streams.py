"""Standard streams, pipes and devices as inputs and outputs, and what becomes of results that nobody takes."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from goldens import FOLDER
from rawinlay.bitstream.jpeg import embed
from rawinlay.codec.source.raw import read_raw
from shots import write_pair

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
REPOSITORY = Path(__file__).parents[3]
CARRIER = FOLDER / "plain.jpg"


@pytest.fixture(scope="module")
def bare() -> bytes:
    return embed.strip(CARRIER.read_bytes())


@pytest.fixture
def sh(tmp_path):
    """Run a line of shell in an empty folder; `raw` is the command line, $C a JPEG that carries a RAW."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "C": str(CARRIER)}
    head = f"set -o pipefail; raw() {{ {shlex.quote(sys.executable)} -m rawinlay \"$@\"; }}; "

    def run(line, **options):
        return subprocess.run(
            ["bash", "-c", head + line], cwd=tmp_path, env=environment, capture_output=True, timeout=100, **options
        )

    return run


@pytest.mark.parametrize("output", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("way", ["| cat >o.jpg", ">o.jpg"])
def test_stdout_by_any_name(sh, tmp_path, bare, output, way):
    (tmp_path / "link").symlink_to("/dev/stdout")
    done = sh(f'raw strip "$C" -o {output} {way}')
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "o.jpg").read_bytes() == bare
    assert b"size" in done.stderr and done.stderr.count(b"rawinlay: ") == 0


def test_stdout_is_appended_to(sh, tmp_path, bare):
    (tmp_path / "o.jpg").write_bytes(b"before")
    assert sh('raw strip "$C" -o /dev/stdout >>o.jpg').returncode == 0
    assert (tmp_path / "o.jpg").read_bytes() == b"before" + bare


def test_json_goes_to_stderr_where_stdout_has_the_output(sh, bare):
    done = sh('raw strip "$C" -o - --json')
    assert done.stdout == bare and json.loads(done.stderr)["jpeg_bytes"] == len(bare)
    done = sh('raw strip "$C" -o - --quiet')
    assert (done.stdout, done.stderr) == (bare, b"")


def test_another_descriptor_a_fifo_and_nothing(sh, tmp_path, bare):
    assert sh('raw strip "$C" -o /dev/fd/3 3>o.jpg').returncode == 0
    assert (tmp_path / "o.jpg").read_bytes() == bare
    assert sh('mkfifo f; cat f >p.jpg & raw strip "$C" -o f; code=$?; wait; exit $code').returncode == 0
    assert (tmp_path / "p.jpg").read_bytes() == bare
    assert sh('raw strip "$C" -o /dev/null').returncode == 0


def test_stdin_and_pipes_in(sh, tmp_path, bare):
    assert sh('raw strip - -o o.jpg <"$C"').returncode == 0 and (tmp_path / "o.jpg").read_bytes() == bare
    assert sh('cat "$C" | raw strip - -o - | cmp - o.jpg').returncode == 0
    assert sh('raw strip <(cat "$C") -o p.jpg').returncode == 0 and (tmp_path / "p.jpg").read_bytes() == bare
    assert json.loads(sh('raw info - --json <"$C"').stdout)["has_raw"] is True


def test_encode_decode_and_compare_in_pipes(sh, tmp_path):
    write_pair(tmp_path)
    done = sh("cat IMG_1.dng | raw encode - IMG_1.JPG --lossless --effort 1 -o - | raw decode - -o - | "
              "raw compare IMG_1.dng - --json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"psnr": None, "max_error": 0, "identical": True}
    done = sh("cat IMG_1.JPG | raw encode IMG_1.dng --jpeg - --quality 10 --effort 1 -o o.jpg -q; "
              "raw decode o.jpg o.dng -q")  # fmt: skip
    assert done.returncode == 0 and read_raw(tmp_path / "o.dng").mosaic.shape == (256, 320)


REFUSED = [
    (2, 'raw decode - <"$C"', b"no name to derive the output's from"),
    (2, 'raw encode - - -o o.jpg <"$C"', b"stdin can be the RAW or the JPEG, not both"),
    (3, "raw info - </dev/null", b"cannot read the JPEG from stdin: it is empty"),
    (3, "raw info - <&-", b"cannot read the JPEG from stdin: it is closed"),
    (3, "raw info - <<<text", b"stdin is a text file, not a JPEG"),
    (3, 'raw strip "$C" -o - >&-', b"cannot write to stdout: it is closed"),
    (3, 'raw strip "$C" -o - >/dev/full', b"cannot write to stdout: No space left"),
    (3, 'raw strip "$C" -o /dev/full', b"cannot write /dev/full: No space left"),
    (3, 'raw strip "$C" -o - | (exec <&-; sleep 1)', b"cannot write to stdout: Broken pipe"),
    (3, 'raw info "$C" >/dev/full', b"cannot write to stdout: No space left"),
    (3, 'raw info "$C" --json >/dev/full', b"cannot write to stdout: No space left"),
    (3, 'raw info "$C" >&-', b"cannot write to stdout: it is closed"),
    (3, "raw --help >/dev/full", b"cannot write to stdout: No space left"),
    (3, "raw --version >/dev/full", b"cannot write to stdout: No space left"),
]


@pytest.mark.parametrize(("code", "line", "said"), REFUSED, ids=[line for _, line, _ in REFUSED])
def test_streams_that_fail(sh, code, line, said):
    done = sh(line)
    assert done.returncode == code and said in done.stderr and done.stderr.count(b"\n") == 1, done.stderr


@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
@pytest.mark.parametrize("option", ["", "--json"])
def test_an_output_that_is_whole_stays_a_success(sh, tmp_path, bare, stdout, option):
    done = sh(f'raw strip "$C" -o o.jpg {option} {stdout}')
    assert done.returncode == 0 and (tmp_path / "o.jpg").read_bytes() == bare
    assert done.stderr.startswith(b"rawinlay: warning: o.jpg is whole, but") and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
def test_without_stderr_the_codes_stay(sh, tmp_path, bare, stderr):
    assert sh(f'raw strip "$C" -o o.jpg {stderr}').returncode == 0 and (tmp_path / "o.jpg").read_bytes() == bare
    assert sh(f"raw info absent.jpg {stderr}").returncode == 3
    assert sh(f"raw encod {stderr}").returncode == 2
    done = sh("raw strip absent.jpg -o p.jpg <&- >&- 2>&-")
    assert done.returncode == 3 and sorted(p.name for p in tmp_path.iterdir()) == ["o.jpg"]


def test_nothing_else_is_written_where_streams_are_closed(sh, tmp_path, bare):
    assert sh('raw strip "$C" -o o.jpg <&- >&- 2>&-').returncode == 0
    assert (tmp_path / "o.jpg").read_bytes() == bare


def test_names_that_are_no_text(sh, tmp_path, bare):
    done = sh("""n=$(printf 'a\\377b.jpg'); raw strip "$C" -o "$n" --json && raw info "$n" """)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    assert json.loads(done.stdout.splitlines()[0])["output"] == "a\udcffb.jpg"
    assert b"\na\\udcffb.jpg\n" in done.stdout
    assert (tmp_path / os.fsdecode(b"a\xffb.jpg")).read_bytes() == bare
