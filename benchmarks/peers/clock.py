"""Seconds by part of the coding that this process does, and the most memory it had."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PARTS = ("reading", "guide", "network", "entropy", "writing")
"""reading: files to numbers. guide: the JPEG's planes, aligned, and what is made of them. network: learned or fitted
maps. entropy: symbols to bytes and back, transforms of other programs' codecs included. writing: files."""

seconds: dict[str, float] = {}
memory = 0
"""Set where the work is another process's, as is `seconds["total"]`: the most memory of that, bytes."""

_open: list[float] = []  # of each part that is running, the seconds that parts within it took


@contextmanager
def part(name: str) -> Iterator[None]:
    """Counts the block's wall clock to a part, less what parts within it take."""
    if name not in PARTS:
        raise ValueError(f"part {name!r} is none of {PARTS}")
    start = time.perf_counter()
    _open.append(0.0)
    try:
        yield
    finally:
        took = time.perf_counter() - start
        seconds[name] = seconds.get(name, 0.0) + took - _open.pop()
        if _open:
            _open[-1] += took


def peak_memory() -> int:
    """The most memory that this process had resident, bytes.

    Linux's VmHWM where there is one: ru_maxrss begins with what the process had that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return _bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def of_child(total: float, parts: Mapping[str, float]) -> None:
    """The work was a process's that was started here and has ended: its seconds, and its memory instead of ours."""
    global memory
    seconds.clear()
    seconds.update(parts, total=total)
    memory = peak_memory_of_children()


def peak_memory_of_children() -> int:
    """The same of the largest process that was started from this one and has ended."""
    return _bytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024
