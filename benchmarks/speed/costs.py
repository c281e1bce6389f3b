"""What a process costs, and what work in a warm process costs: seconds by the clock, seconds of cores, memory.

`python -m rawinlay.benchmarks.speed.costs RAW JPEG BPP ROUNDS` is the warm process: it prints one JSON object.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ...bitstream.errors import InputError

Cost = dict[str, float]

WATCHER = """
import json, os, sys, time
start = time.perf_counter()
read, write = os.pipe()
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    os.dup2(write, 2)
    os.closerange(3, 100)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(write)
said = b""
while part := os.read(read, 65536):
    said = (said + part)[-4000:]
_, status, usage = os.wait4(child, 0)
print(json.dumps({
    "wall": time.perf_counter() - start, "cores": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024,
    "status": os.waitstatus_to_exitcode(status), "said": said.decode(errors="replace"),
}))
"""
"""Runs a command and watches it. A small process of its own, since a new process counts as its own peak of memory what
the one that started it holds at that moment."""


def of_command(command: Sequence[str], cpus: int | None = None) -> Cost:
    """wall and cores in seconds, memory (most that was resident) in bytes, of a command in a fresh process.

    cpus: processors that it may use. InputError where it fails.
    """
    found = json.loads(_run([sys.executable, "-S", "-c", WATCHER, *command], cpus))
    if found["status"]:
        last = (found.pop("said").strip() or "no message").splitlines()[-1]
        raise InputError(f"{' '.join(map(str, command[:4]))}: exit {found['status']}: {last}")
    return {name: float(found[name]) for name in ("wall", "cores", "memory")}


def _run(command: Sequence[str], cpus: int | None) -> str:
    """stdout of a command that may use so many processors, all without a number."""
    available = sorted(os.sched_getaffinity(0))
    prepare = (lambda: os.sched_setaffinity(0, available[:cpus])) if cpus else None
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=prepare)
    if done.returncode:
        raise InputError(f"a measured process ended badly: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return done.stdout


def of_work(work: Callable[[], Any]) -> tuple[Cost, Any]:
    """wall and cores of a call in this process, and what it returned."""
    wall, cores = time.perf_counter(), time.process_time()
    found = work()
    return {"wall": time.perf_counter() - wall, "cores": time.process_time() - cores}, found


def medians(costs: Sequence[Cost]) -> Cost:
    """The median of each, and all walls as they came."""
    out: dict[str, Any] = {name: median(cost[name] for cost in costs) for name in costs[0]}
    return {name: round(value, 4) for name, value in out.items()} | {
        "walls": [round(cost["wall"], 4) for cost in costs]
    }


def develop(raw: bytes) -> None:
    """LibRaw's development: AHD, the camera's white balance, 8 bits."""
    import io

    import rawpy

    with rawpy.RawPy() as handle:
        handle.open_buffer(io.BytesIO(raw))
        handle.postprocess(demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD, use_camera_wb=True, output_bps=8)


def warm(raw_path: Path, jpeg_path: Path, bpp: float, rounds: int, ahd: bool = True) -> dict[str, Cost]:
    """Costs of work on bytes in this process: rounds of all, one after another; a round before them doesn't count.

    ahd: LibRaw; encode; decode: to a DNG's bytes; mosaic: to the mosaic in memory alone.
    """
    from ...codec.api import decode_arrays, encode

    raw, jpeg = raw_path.read_bytes(), jpeg_path.read_bytes()
    costs: dict[str, list[Cost]] = {}
    for number in range(rounds + 1):
        found = {}
        if ahd:
            found["ahd"], _ = of_work(lambda: develop(raw))
        found["encode"], encoded = of_work(lambda: encode(raw, jpeg, bpp=bpp, device="cpu"))
        found["decode"], _ = of_work(functools.partial(_decode_to_dng, encoded.jpeg))
        found["mosaic"], _ = of_work(functools.partial(decode_arrays, encoded.jpeg, device="cpu"))
        if number:
            for name, cost in found.items():
                costs.setdefault(name, []).append(cost)
    return {name: medians(all_of_it) for name, all_of_it in costs.items()}


def _decode_to_dng(jpeg: bytes) -> bytes:
    from ...codec.api import decode

    return decode(jpeg, device="cpu").dng()


def in_warm_process(raw: Path, jpeg: Path, bpp: float, rounds: int, cpus: int | None = None) -> dict[str, Cost]:
    """`warm` in a process of its own. InputError where it fails."""
    command = [sys.executable, "-m", "rawinlay.benchmarks.speed.costs", str(raw), str(jpeg), str(bpp), str(rounds)]
    found: dict[str, Cost] = json.loads(_run(command, cpus))
    return found


if __name__ == "__main__":
    print(json.dumps(warm(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))))
