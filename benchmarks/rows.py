"""The benchmark's raw results: a file of JSON lines, one row per picture x guide x codec x setting.

================================  =====================================================================
file, camera, pixels              name of the RAW, its camera, samples of its mosaic
guide, guide_program              the guide's name ("" for a blind codec) and the program that made it
codec, setting                    "rawinlay", "jxl-linear", ...; "bpp=0.4", "distance=2.5", "lossless"
counts, state                     what the codec's bytes hold; how far a learned codec is trained, else ""
bytes, bpp                        what the JPEG grew by, or the peer's whole stream; 8 bytes / pixels
psnr, max_error, identical        as `rawinlay compare` gives them; psnr is null where it is infinite
psnr_companded, ssim, edits       as `eval.scores` gives them; dB that are infinite are null
encode, decode                    of one process each: {"total": seconds of the processor over all threads,
                                  "starting", "reading", "guide", "network", "entropy", "writing", "other":
                                  its parts, as far as there are some, "wall": seconds by the clock,
                                  "peak_memory": bytes}
machine, commit, versions         where and by what it was measured
error                             instead of the measures: why there are none
================================  =====================================================================

Rows of before had encode_seconds and decode_seconds instead, by the clock: `read_rows` gives them as totals.

A row is written as soon as it is measured, so a run can be stopped at any time; what stands here without an error is
not measured again. Of rows with the same key the last counts.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import threading
from pathlib import Path
from typing import Any

from ..bitstream.errors import InputError

Row = dict[str, Any]
Key = tuple[str, str, str, str]
SETUP = ("machine", "commit", "versions")
PACKAGES = ("rawinlay", "torch", "numpy", "rawpy", "numba", "imagecodecs", "scikit-image", "bjontegaard")
REPOSITORY = Path(__file__).resolve().parent.parent


def key(row: Row) -> Key:
    """What makes a row one measurement: file, guide, codec, setting."""
    return row["file"], row["guide"], row["codec"], row["setting"]


def parts_of(cost: Row) -> list[str]:
    """The names of the parts into which a row's `encode` or `decode` is split."""
    return [name for name in cost if name not in ("total", "wall", "peak_memory")]


def _modern(row: Row) -> Row:
    """An older row with today's fields."""
    for what in ("encode", "decode"):
        seconds = row.pop(f"{what}_seconds", None)
        if seconds is not None:
            row.setdefault(what, {"total": seconds})
    return row


def read_rows(path: Path) -> list[Row]:
    """The last row of every key, in order of first appearance; a last line that was cut off is left out.

    InputError: another line is no row.
    """
    rows: dict[Key, Row] = {}
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows[key(row)] = _modern(row)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            if number == len(lines):  # no newline after it: the run that wrote it was killed
                continue
            raise InputError(f"{path.name}, line {number}: no row of the benchmark") from error
    return list(rows.values())


class Results:
    """The results file, open for adding; safe to use from several threads. done: the rows that were measured."""

    def __init__(self, path: Path) -> None:
        """Read what is measured already and cut off a last line that was left unfinished."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = read_rows(path) if path.exists() else []
        self.done = {key(row): row for row in rows if "error" not in row}
        self._lock = threading.Lock()
        if path.exists():
            data = path.read_bytes()
            os.truncate(path, data.rfind(b"\n") + 1)
        self._file = path.open("a", encoding="utf-8")

    def add(self, row: Row) -> None:
        """Write a row, whole, before anything else can happen to the process."""
        line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()
            if "error" not in row:
                self.done[key(row)] = row

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def machine() -> str:
    """Processor, cores and system, for people."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def commit() -> str | None:
    """The repository's commit, "-dirty" behind it if files differ; None where this is no checkout."""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that the figures can depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
