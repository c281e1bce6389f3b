"""What takes its time: one thing after another, each with how far it is, stopped when somebody wants it to be."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...bitstream.errors import RawinlayError
from ...bitstream.runtime.progress import Progress

MOST_KEPT = 100


class Stopped(Exception):
    """Somebody wants it to end."""


@dataclass
class Job:
    """state: "waiting", "running", "done", "failed" or "stopped". what: it does, in words; now: at the moment; share:
    0..1; said: the result or what went wrong, a sentence; result: for the page; undo: takes it back, where that can be.
    """

    number: int
    what: str
    work: Callable[[Progress], tuple[str, dict[str, Any], Callable[[], str] | None]] = field(repr=False)
    state: str = "waiting"
    now: str = ""
    share: float = 0.0
    said: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    undo: Callable[[], str] | None = field(default=None, repr=False)
    stopping: bool = False

    def progress(self, what: str, share: float) -> None:
        """As `Progress`; Stopped where somebody wants it to end."""
        if self.stopping:
            raise Stopped
        self.now, self.share = what, share

    def as_json(self) -> dict[str, Any]:
        """For the page."""
        return {"number": self.number, "what": self.what, "state": self.state, "now": self.now, "share": self.share,
                "said": self.said, "result": self.result, "undo": self.undo is not None}  # fmt: skip


class Jobs:
    """All of one server; a thread does them while there are any."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._thread: threading.Thread | None = None

    def start(self, what: str, work: Callable[[Progress], Any]) -> Job:
        """Have something done. work: gives (sentence, result, undo or None)."""
        with self._lock:
            job = Job(next(self._numbers), what, work)
            self._jobs[job.number] = job
            for number in list(self._jobs)[:-MOST_KEPT]:
                if self._jobs[number].state not in ("waiting", "running"):
                    del self._jobs[number]
            self._queue.put(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
                self._thread.start()
        return job

    def get(self, number: int) -> Job | None:
        """The job of a number."""
        return self._jobs.get(number)

    def all(self) -> list[Job]:
        """Those that are remembered, in order."""
        with self._lock:
            return list(self._jobs.values())

    def stop(self, number: int) -> None:
        """Have a job end soon; one that waits never begins."""
        job = self.get(number)
        if job:
            job.stopping = True

    def undo(self, number: int) -> str:
        """Take back what a job has done, once; a sentence."""
        job = self.get(number)
        with self._lock:
            undo, found = (job.undo, job) if job else (None, None)
            if found:
                found.undo = None
        return undo() if undo else "there is nothing to take back"

    def _run(self) -> None:
        while True:
            job = self._queue.get()
            try:
                job.progress("starting", 0.0)
                job.state = "running"
                job.said, job.result, job.undo = job.work(job.progress)
                job.share, job.state = 1.0, "done"
            except Stopped:
                job.state, job.said = "stopped", "stopped; nothing was written"
            except RawinlayError as error:
                job.state, job.said = "failed", str(error)
            except MemoryError:
                job.state, job.said = "failed", "not enough memory for this picture"
            except Exception as error:
                job.state, job.said = "failed", f"a fault of this program ({type(error).__name__}: {error})"
