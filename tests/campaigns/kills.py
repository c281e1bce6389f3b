"""Kill `encode` and `decode` at random moments: outputs as before or whole, inputs untouched, nothing left behind.

    python -m tests.campaigns.kills --count 500 [--seed 1] [--fallback]

Half of the kills come at any time, half beside one of the system's calls that write the output, which take too little
time to be hit by chance; half of the runs replace a file by --force. With --fallback, as on file systems without
nameless files: what a kill leaves there must be gone after the next run.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
OLD = b"what was there before" * 1000
POINTS = [f"{call}:{when}" for call in ("write", "fsync", "link", "replace") for when in ("before", "after")] + ["half"]
# argv: "fallback" or "nameless"; one of POINTS or "never"; the command line.
RUN = """
import os, signal, sys
if sys.argv.pop(1) == "fallback":
    del os.O_TMPFILE  # without this name there are no nameless files
call, _, when = sys.argv.pop(1).partition(":")

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def patched(real):
    def run(*args, **options):
        if when == "before":
            die()
        real(*args, **options)
        die()
    return run

def half(descriptor, data, real=os.write):
    real(descriptor, data[:len(data) // 2])
    die()

if call == "half":
    os.write = half
elif call != "never":
    setattr(os, call, patched(getattr(os, call)))
from rawinlay.codec.cli.main import run
run()
"""


@dataclass
class Result:
    """Counts of a campaign. late: kills that came after the end."""

    kills: int = 0
    late: int = 0
    before: int = 0
    whole: int = 0
    left: int = 0  # files that a kill left, for the next run to tidy up
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (f"{self.kills} kills ({self.late} too late): {self.before} outputs as before, {self.whole} whole, "
                f"{self.left} files left for the next run, {len(self.faults)} faults")  # fmt: skip


def campaign(
    count: int, seed: int = 0, fallback: bool = False, commands: tuple[str, ...] = ("encode", "decode"),
    at_random: float = 0.5,
) -> Result:  # fmt: skip
    """`count` kills, shared by the commands in turn; `at_random` at any time, the others at `POINTS` in turn."""
    chance = random.Random(seed)
    result = Result()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = {command: _words(folder, command) for command in commands}
        whole, lasts = {}, {}
        for command in commands:
            for _ in range(2):  # the first run may compile
                started = time.monotonic()
                _start(words[command], fallback).wait()
                lasts[command] = time.monotonic() - started
                whole[command] = (folder / words[command][-1]).read_bytes()
                (folder / words[command][-1]).unlink()
        inputs = {path: path.read_bytes() for path in folder.iterdir()}
        for k in range(count):
            command = commands[k % len(commands)]
            point = None if chance.random() < at_random else POINTS[k // len(commands) % len(POINTS)]
            _kill(folder, words[command], whole[command], lasts[command], chance, point, fallback, result)
            if {path: path.read_bytes() for path in inputs} != inputs:
                result.faults.append(f"{command}: an input has changed")
                break
    return result


def _words(folder: Path, command: str) -> list[str]:
    """The folder and the command line, whose output comes last; makes the inputs."""
    sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "support")]
    from rawinlay import encode_arrays
    from shots import shot, write_pair

    if command == "strip":  # writes as they do, and is quick
        (folder / "golden.jpg").write_bytes((REPOSITORY / "tests" / "format" / "golden" / "plain.jpg").read_bytes())
        return [str(folder), "strip", "golden.jpg", "--force", "-o", "bare.jpg"]
    if command == "decode":
        (folder / "with.jpg").write_bytes(encode_arrays(shot().raw, shot().jpeg, quality=30, effort=1).jpeg)
        return [str(folder), "decode", "with.jpg", "--force", "-o", "out.dng"]
    write_pair(folder)
    return [str(folder), "encode", "IMG_1.dng", "IMG_1.JPG", "--effort", "1", "--bpp", "1", "--force", "-o", "out.jpg"]


def _start(words: list[str], fallback: bool, point: str = "never") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", RUN, "fallback" if fallback else "nameless", point, *words[1:]]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=words[0], env=environment, stdout=nowhere, stderr=nowhere)


def _kill(
    folder: Path, words: list[str], whole: bytes, lasts: float, chance: random.Random, point: str | None,
    fallback: bool, result: Result,
) -> None:  # fmt: skip
    output = folder / words[-1]
    old = OLD if chance.random() < 0.5 else None
    output.unlink(missing_ok=True)
    if old is not None:
        output.write_bytes(old)
    known = {path.name for path in folder.iterdir()} | {output.name}
    result.kills += 1
    process = _start(words, fallback, point or "never")
    if point is None:
        time.sleep(lasts * chance.random())
        process.send_signal(signal.SIGKILL)
    result.late += process.wait() == 0
    found = output.read_bytes() if output.exists() else None
    result.before += found == old
    result.whole += found == whole
    if found not in (old, whole):
        result.faults.append(f"{words[1]}: the output is neither as before nor whole")
    left = {path.name for path in folder.iterdir()} - known
    if not left:
        return
    result.left += len(left)
    if not fallback and old is None:  # by --force a name is needed for the moment of the rename
        result.faults.append(f"{words[1]}: {', '.join(sorted(left))} left behind")
    _start(words, fallback).wait()
    if {path.name for path in folder.iterdir()} - known:
        result.faults.append(f"{words[1]}: {', '.join(sorted(left))} left behind after the next run")
    elif output.read_bytes() != whole:
        result.faults.append(f"{words[1]}: the next run fails")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fallback", action="store_true", help="as where there are no nameless files")
    options = parser.parse_args()
    outcome = campaign(options.count, options.seed, options.fallback)
    print("\n".join([*outcome.faults, outcome.line()]))
    sys.exit(bool(outcome.faults))
