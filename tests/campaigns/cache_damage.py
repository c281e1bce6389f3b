"""Damage to kept compiled code: single files, then all of them at once, in each of several ways.

    python -m tests.campaigns.cache_damage --count 40

Compiles what `decode` needs into a cache of its own, damages files of it, and runs `decode` in a fresh process: it must
succeed with the same output and say so in one line at most (none where the file is one that this run doesn't read),
and the next run must say nothing. --count: how many single files are damaged, each in the next way.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from campaigns.forks import small_carrier  # noqa: E402

DAMAGE = {
    "empty": lambda data, at: b"",
    "half": lambda data, at: data[: len(data) // 2],
    "bit": lambda data, at: data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :],
    "zeros": lambda data, at: bytes(len(data)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40)
    count, started = parser.parse_args().count, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bad, runs, files = run(Path(folder), count)
    print(f"{files} files, {runs} damages: {len(bad)} not mended; {time.monotonic() - started:.0f} s")
    print("\n".join(bad))
    return int(bool(bad))


def run(folder, count):
    """What was not mended, in words; how often files were damaged; how many there are."""
    jpeg = folder / "small.jpg"
    jpeg.write_bytes(small_carrier())
    aim = _decode(folder, jpeg)[0]
    paths = sorted((folder / "cache").rglob("*.kernel"))
    singles = [paths[i * len(paths) // count] for i in range(count)]
    jobs = [(name, [path], 0) for path, name in zip(singles, itertools.cycle(DAMAGE), strict=False)]
    jobs += [(name, paths, 1) for name in DAMAGE]
    bad = []
    for name, some, least in jobs:
        for path in some:
            data = path.read_bytes()
            if data:  # else it was emptied before, and no run has wanted it since
                path.write_bytes(DAMAGE[name](data, int.from_bytes(os.urandom(4), "big") % len(data)))
        found, lines = _decode(folder, jpeg)
        again = _decode(folder, jpeg)
        told = least <= len(lines) <= 1 and all("no good" in line for line in lines)
        if found != aim or not told or again != (aim, []):
            bad.append(f"{name} in {some[0].name}, {len(some)} files: {lines}, then {again[1]}")
    return bad, len(jobs), len(paths)


def _decode(folder, jpeg):
    """The DNG that a fresh process writes, None if it fails, and what it says."""
    words = [sys.executable, "-m", "rawinlay", "decode", jpeg, "-o", folder / "out.dng", "--force", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, env=environment, cwd=folder)
    return None if done.returncode else (folder / "out.dng").read_bytes(), done.stderr.splitlines()


if __name__ == "__main__":
    sys.exit(main())
