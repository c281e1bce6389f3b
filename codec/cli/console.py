"""What the commands say: results, warnings, progress on a terminal, where the time went."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from ...bitstream.errors import InputError
from ...bitstream.runtime import compiling
from ...bitstream.runtime.files import reason
from ...bitstream.runtime.profile import peak_memory, profiling
from .distribution import NAME
from .places import is_stdout
from .printing import one_line, print_lines, say

PATIENCE = 2.0  # seconds before progress is shown

WRITTEN = frozenset({"output", "files", "written", "rows", "weights"})
"""Keys of the results of commands that write files."""

QUIET = False
"""Set by `main` for --quiet: neither progress nor results for people."""


def show_warnings(warnings: Iterable[str]) -> None:
    """Each warning as a line on stderr."""
    for warning in warnings:
        say(f"{NAME}: warning: {warning}")


@contextmanager
def profiled(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """With --profile, the table on stderr at the end, and for --json "profile" and "peak_memory" in what is yielded."""
    found: dict[str, Any] = {}
    if not args.profile:
        yield found
        return
    with profiling() as profile:
        yield found
    seconds, peak = profile.as_json(), peak_memory()
    found |= {"profile": dict(seconds), "peak_memory": peak}
    clock = seconds.pop("wall")
    lines = [f"  {name.ljust(8)} {value:7.2f} s {value / (profile.total or 1):6.1%}" for name, value in seconds.items()]
    lines += [f"  clock    {clock:7.2f} s", f"  memory   {bytes_text(peak) if peak else 'unknown'}"]
    if sys.stderr is not None:
        print("\n".join(["where the processor's time went:", *lines]), file=sys.stderr)


def show(
    args: argparse.Namespace, result: Mapping[str, Any], lines: Iterable[tuple[str, str]], title: str = ""
) -> None:
    """The result on stdout, or on stderr where stdout has the output: with --json as one object, else a title and
    aligned lines for people, and nothing with --quiet.

    A file that is whole stays so whatever becomes of its result: where that can't be printed, there is a warning.
    Without such a file, InputError.
    """
    pairs = [(name, one_line(value)) for name, value in lines]
    width = max((len(name) for name, _ in pairs), default=0)
    text = [*([one_line(title)] if title else []), *(f"  {name.ljust(width)}  {value}" for name, value in pairs)]
    if args.json:
        text = [json.dumps(dict(result), ensure_ascii=False)]
    elif QUIET:
        return
    written = WRITTEN & result.keys()
    try:
        print_lines(text, sys.stderr if is_stdout(getattr(args, "output", None)) else sys.stdout)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        if not written:
            raise InputError(f"cannot write to stdout: {reason(error)}") from None
        show_warnings([f"{title} is whole, but its description could not be printed: {reason(error)}"])


def bytes_text(count: int) -> str:
    """12345678 as "12.3 MB"."""
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"
    return f"{count} bytes"


COMPILING = " (compiling for this processor, first run only)"
FIRST_RUN = "compiling for this processor (first run only, about a minute)"


def notice(line: str) -> None:
    """One line on stderr, if there is one, terminal or not: what takes long or was mended, no error, no warning."""
    if not QUIET:
        say(f"{NAME}: {line}")


class TerminalProgress:
    """What is being done and how far, on stderr: only where that is a terminal, only after `PATIENCE` seconds.

    Call it as `codec.api.Progress`. Used as a context manager, it leaves nothing on the screen, except where inner
    loops had to be compiled: that, what was wrong with those of an earlier run, and how long it took is said on any
    stderr.
    """

    def __init__(self) -> None:
        self._what, self._share = "starting", 0.0
        self._lock = threading.Lock()
        self._bar: Any = None
        self._task: Any = None
        self._timer: threading.Timer | None = None
        self._closed = False
        self._noticed = self._troubled = False
        self._before = compiling.lasted()

    def __enter__(self) -> TerminalProgress:
        if not QUIET and sys.stderr is not None and sys.stderr.isatty():
            self._timer = threading.Timer(PATIENCE, self._show)
            self._timer.daemon = True
            self._timer.start()
        compiling.WATCHERS.append(self._compiling)
        compiling.TROUBLES.append(self._trouble)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        compiling.WATCHERS.remove(self._compiling)
        compiling.TROUBLES.remove(self._trouble)
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.stop()
        if self._noticed and not self._troubled and error is None:
            notice(f"compiled in {compiling.lasted() - self._before:.0f} s, kept for later runs")

    def __call__(self, what: str, share: float) -> None:
        if self._timer is None:
            return
        with self._lock:
            self._what, self._share = what, share
            if self._bar is not None:
                self._bar.update(self._task, description=what, completed=share)

    def _compiling(self) -> None:
        with self._lock:
            if COMPILING not in self._what:
                self._what += COMPILING
                if self._bar is not None:
                    self._bar.update(self._task, description=self._what)
            first, self._noticed = not self._noticed and not self._troubled, True
        if first:
            notice(FIRST_RUN)

    def _trouble(self, line: str) -> None:
        self._troubled = True
        notice(line)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        share = TextColumn("{task.percentage:>3.0f} %")
        columns = (TextColumn("{task.description}"), BarColumn(), share, TimeElapsedColumn())
        with self._lock:
            if self._closed:
                return
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
            self._task = self._bar.add_task(self._what, total=1.0, completed=self._share)
            self._bar.start()
