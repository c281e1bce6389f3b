"""What a worker of a batch does with one pair: encode it, write it whole, and be sure that it decodes.

A worker is a process of its own with warm kernels; whatever happens in it ends as an `Outcome`.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError, RawinlayError, UsageError
from ...bitstream.runtime.files import reason, write_atomically
from .pairs import Pair


@dataclass(frozen=True)
class Task:
    """A pair, where it goes, and how. force: whether an output that exists already is replaced; in place it is the
    pair's own JPEG, and that alone may be."""

    pair: Pair
    output: Path
    options: Mapping[str, Any]
    force: bool = False

    @property
    def may_write(self) -> bool:
        """Whether the output isn't there, or may be replaced: in place it is the pair's own JPEG."""
        return self.force or self.output == self.pair.jpeg or not self.output.exists()


@dataclass(frozen=True)
class Outcome:
    """What became of a task. code: the exit code that `encode` alone would have had, 0 for done."""

    task: Task
    code: int = 0
    error: str = ""
    size: int = 0
    sha256: str = ""
    grown: int = 0
    bpp: float = 0.0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


def prepare(threads: int) -> None:
    """At a worker's start: its share of the cores, and none of the terminal's interrupts, which are its master's."""
    import os
    import signal

    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(threads)
    threadpool_limits(threads)
    if hasattr(os, "sched_setaffinity") and hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if threads < len(cores):
            first = os.getpid() * threads % len(cores)
            os.sched_setaffinity(0, {cores[(first + k) % len(cores)] for k in range(threads)})


def done(task: Task) -> Outcome:
    """Encode one pair. Never raises but for what ends a process."""
    started = time.monotonic()
    try:
        found = _encoded(task)
    except RawinlayError as error:
        return Outcome(task, error.exit_code, str(error), seconds=time.monotonic() - started)
    except MemoryError:
        return Outcome(task, 3, "not enough memory", seconds=time.monotonic() - started)
    except Exception as error:
        return Outcome(task, 1, f"a fault of this program: {type(error).__name__}: {error}",
                       seconds=time.monotonic() - started)  # fmt: skip
    return found


def _encoded(task: Task) -> Outcome:
    from ..api import encode

    started = time.monotonic()
    pair, output = task.pair, task.output
    if not task.may_write:
        raise UsageError(f"{output} exists already")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {output}: {reason(error)}") from error
    encoded = encode(pair.raw, pair.jpeg, **task.options)
    write_atomically(output, encoded.jpeg)
    warnings = list(encoded.warnings)
    for sidecar in pair.sidecars:
        to = output.parent / sidecar.name
        if to != sidecar and not to.exists():
            try:
                shutil.copy2(sidecar, to)
            except OSError as error:
                warnings.append(f"{sidecar.name} could not be copied: {reason(error)}")
    return Outcome(
        task, size=len(encoded.jpeg), sha256=hashlib.sha256(encoded.jpeg).hexdigest(), grown=encoded.metadata_bytes,
        bpp=encoded.bpp, seconds=time.monotonic() - started, warnings=tuple(warnings),
    )  # fmt: skip
