"""What one coding costs: processor seconds by part (`bitstream.runtime.profile`), and the most memory the process had.

Processor seconds, summed over threads, since wall clock says little on a machine that does other things too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...bitstream.runtime.profile import PHASES, Profile, timed
from ...bitstream.runtime.profile import peak_memory as _peak_memory

PARTS = (*PHASES, "other")
"""The phases of `bitstream.runtime.profile`. Of other programs' codecs all counts as entropy, transforms included;
what a peer makes of the guide, learned or fitted, as network."""

part = timed

_child: dict[str, Any] | None = None


def of_child(said: Mapping[str, Any], wall: float) -> None:
    """The work was another process's: what `rawinlay --json --profile` said of it, and its seconds by the clock."""
    global _child
    _child = cost(said["profile"], wall, int(said["peak_memory"]))


def of_process(profile: Profile, started: float) -> dict[str, Any]:
    """The cost of the work: of the process that was started for it if there was one, else of this one.

    started: `time.perf_counter` at this process's first line.
    """
    return _child or cost(profile.as_json(), time.perf_counter() - started, peak_memory())


def cost(seconds: Mapping[str, float], wall: float, memory: int) -> dict[str, Any]:
    """As `benchmarks.peers.run` prints it: {"seconds": {parts that took any, "total", "wall"}, "peak_memory"}."""
    parts = {name: seconds[name] for name in PARTS if seconds.get(name)}
    return {"seconds": parts | {"total": seconds["total"], "wall": round(wall, 4)}, "peak_memory": memory}


def peak_memory() -> int:
    """The most memory that this process had resident, bytes.

    Linux's VmHWM where there is one: ru_maxrss begins with what the process had that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return _peak_memory() or 0
