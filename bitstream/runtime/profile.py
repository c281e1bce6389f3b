"""Where time goes: `with timed("guide")` around what makes the guide, `with profiling()` around a command.

Times are those of the processor, summed over all threads that work (`time.thread_time`), so that waiting and other
programs don't count. What is timed within something timed counts for itself alone. Outside `profiling` a `timed` costs
a fraction of a microsecond.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PHASES = ("starting", "reading", "guide", "network", "entropy", "writing")
"""Interpreter and imports; files, JPEG and RAW; alignment and the guide; recipe, learned features and stages; symbols
to bytes and back; the DNG or JPEG."""


class Profile:
    """Seconds of the processor by phase, those of the whole process among them; wall: seconds by the clock;
    elsewhere: those of other processes that worked for this one."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self.wall = self.total = self.elsewhere = 0.0
        self._lock = threading.Lock()
        self.stacks = threading.local()

    def add(self, phase: str, seconds: float) -> None:
        """Count seconds for a phase; from any thread."""
        with self._lock:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    def as_json(self) -> dict[str, float]:
        """By phase, what belongs to none as "other", and "total", all processor seconds; "wall" by the clock."""
        found = {name: round(value, 4) for name, value in self.seconds.items()}
        other = round(max(0.0, self.total - sum(self.seconds.values())), 4)
        return {**found, "other": other, "total": round(self.total, 4), "wall": round(self.wall, 4)}


_active: Profile | None = None


class timed:
    """Count what this lasts for a phase; before a function, its calls."""

    __slots__ = ("_before", "_phase", "_profile", "_start")

    def __init__(self, phase: str) -> None:
        self._phase = phase

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with timed(self._phase):
                return function(*args, **kwargs)

        return called

    def __enter__(self) -> None:
        self._profile = _active
        if self._profile is not None:
            stack = self._profile.stacks
            self._before = getattr(stack, "within", None)  # seconds timed within the one around this
            stack.within = 0.0
            self._start = time.thread_time()

    def __exit__(self, *_: object) -> None:
        if self._profile is not None:
            stack = self._profile.stacks
            lasted = time.thread_time() - self._start
            self._profile.add(self._phase, lasted - stack.within)
            stack.within = None if self._before is None else self._before + lasted


def _renew() -> None:
    """In a forked child: no thread of its own may have the lock."""
    if _active is not None:
        _active._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def profiling() -> Iterator[Profile]:
    """Time what is done from here on, in all threads; what the process did before counts as starting."""
    global _active
    profile, before, start, clock = Profile(), _active, time.process_time(), time.perf_counter()
    profile.seconds["starting"] = start
    _active = profile
    try:
        yield profile
    finally:
        _active = before
        profile.total, profile.wall = time.process_time() + profile.elsewhere, time.perf_counter() - clock


def peak_memory() -> int | None:
    """Most bytes that were resident at once in this process so far; None where the system doesn't say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def spent_elsewhere(phase: str, seconds: float) -> None:
    """Count seconds that another process worked for this one."""
    profile = _active
    if profile is not None:
        profile.add(phase, seconds)
        profile.elsewhere += seconds
