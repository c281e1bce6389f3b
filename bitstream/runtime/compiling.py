"""Who wants to know that inner loops are being compiled (`bitstream.runtime.jit`), and what becomes of the compiled
code.

Nothing is printed here, and nothing warned of: whoever has a user to tell it to puts a function into these lists, as
the command line does.
"""

from __future__ import annotations

from collections.abc import Callable

WATCHERS: list[Callable[[], None]] = []
"""Called, from any thread, whenever a function is about to be compiled."""

TROUBLES: list[Callable[[str], None]] = []
"""Called, from any thread, with one line where compiled code that was kept is no good, or can't be kept."""

_told: set[str] = set()
_lasted = 0.0


def trouble(kind: str, line: str) -> None:
    """Tell of a trouble: the first of its kind in this process."""
    if kind not in _told:
        _told.add(kind)
        for watcher in list(TROUBLES):
            watcher(line)


def lasted() -> float:
    """Seconds by the clock that this process has compiled for so far."""
    return _lasted


def add(seconds: float) -> None:
    """Count seconds of compiling."""
    global _lasted
    _lasted += seconds
