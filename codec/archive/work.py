"""What a worker of a batch does with one pair: encode it and write it whole.

A worker is a process of its own with warm kernels; whatever happens in it ends as an `Outcome`. Files elsewhere come
into a folder of its own first: what LibRaw and sidecars want lies side by side there.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError, RawinlayError, UsageError
from ...bitstream.runtime.files import reason
from .pairs import Pair
from .stores import Place, exists, is_local, make_folder, read, write_whole


@dataclass(frozen=True)
class Task:
    """A pair, where it goes, and how. force: whether an output that exists already is replaced; in place it is the
    pair's own JPEG, and that alone may be. begun: the same was begun before, with these options and this RAW, and may
    have been done."""

    pair: Pair
    output: Place
    options: Mapping[str, Any]
    force: bool = False
    begun: bool = False

    @property
    def may_write(self) -> bool:
        """Whether the output isn't there, or may be replaced: in place it is the pair's own JPEG."""
        return self.force or self.output == self.pair.jpeg or not exists(self.output)


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


def prepare(threads: int, pinned: bool = True) -> None:
    """At a worker's start: its share of the cores, and none of the terminal's interrupts, which are its master's.

    pinned: whether to keep to cores of its own, for one of several that this machine was shared out among.
    """
    import os
    import signal

    from threadpoolctl import threadpool_limits

    _end_with_parent()
    with contextlib.suppress(ValueError):  # an actor may begin in a thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(threads)
    threadpool_limits(threads)
    if pinned and hasattr(os, "sched_setaffinity") and hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if threads < len(cores):
            first = os.getpid() * threads % len(cores)
            os.sched_setaffinity(0, {cores[(first + k) % len(cores)] for k in range(threads)})


def _end_with_parent() -> None:
    """Let this process end when its master does, whatever ends that: a worker without one would wait for ever."""
    import os
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


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
    make_folder(output.parent)
    with _here(pair) as (raw, jpeg):
        found = _made_before(task, raw) if task.begun else None
        if found is None:
            encoded = encode(raw, jpeg, **task.options)
            write_whole(output, encoded.jpeg)
    warnings = [] if found else list(encoded.warnings)
    for sidecar in pair.sidecars:
        to = output.parent / sidecar.name
        try:
            if to != sidecar and not exists(to):
                _copy(sidecar, to)
        except (OSError, InputError) as error:
            warnings.append(f"{sidecar.name} could not be copied: {reason(error)}")
    if found:
        return replace(found, seconds=time.monotonic() - started, warnings=tuple(warnings))
    return Outcome(
        task, size=len(encoded.jpeg), sha256=hashlib.sha256(encoded.jpeg).hexdigest(), grown=encoded.metadata_bytes,
        bpp=encoded.bpp, seconds=time.monotonic() - started, warnings=tuple(warnings),
    )  # fmt: skip


@contextlib.contextmanager
def _here(pair: Pair) -> Iterator[tuple[Path, Path | None]]:
    """A pair as files of this machine, sidecars beside them; gone afterwards where they lie elsewhere."""
    if is_local(pair.raw) and (pair.jpeg is None or is_local(pair.jpeg)):
        yield pair.raw, pair.jpeg
        return
    with tempfile.TemporaryDirectory(prefix="rawinlay-") as folder:
        here = Path(folder)
        (here / "jpeg").mkdir()  # apart: beside the RAW another JPEG of that stem would be looked for
        for sidecar in pair.sidecars:
            (here / sidecar.name).write_bytes(read(sidecar, "sidecar"))
        raw = here / pair.raw.name
        raw.write_bytes(read(pair.raw, "RAW"))
        jpeg = here / "jpeg" / pair.jpeg.name if pair.jpeg is not None else None
        if jpeg is not None:
            jpeg.write_bytes(read(pair.jpeg, "JPEG"))
        yield raw, jpeg


def _copy(sidecar: Place, to: Place) -> None:
    if is_local(sidecar) and is_local(to):
        shutil.copy2(sidecar, to)
    else:
        write_whole(to, read(sidecar, "sidecar"))


def _made_before(task: Task, raw: Path) -> Outcome | None:
    """What a worker that died has made all the same: the output is whole, and carries this very RAW; else None."""
    from ..info import info
    from ..verify import verify

    try:
        if not exists(task.output):
            return None
        data = read(task.output, "JPEG")
        found = verify(data)
        if not found.ok or found.raw_sha256 != hashlib.sha256(raw.read_bytes()).hexdigest():
            return None
        told = info(data)
    except (RawinlayError, OSError):
        return None
    return Outcome(task, size=len(data), sha256=hashlib.sha256(data).hexdigest(), grown=told.metadata_bytes or 0,
                   bpp=told.bpp or 0.0)  # fmt: skip
