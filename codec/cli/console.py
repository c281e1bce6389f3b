"""What the commands share: arguments, outputs that replace nothing by accident, results, progress on a terminal."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from bitstream import compiling
from bitstream.errors import InputError, UsageError
from bitstream.files import write_atomically
from bitstream.profile import peak_memory, profiling
from codec.cli.distribution import NAME

PATIENCE = 2.0  # seconds before progress is shown


class Parser(argparse.ArgumentParser):
    """argparse with errors as `UsageError`, one line each, and help that keeps its line breaks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def add_command(subparsers: Any, name: str, summary: str, description: str, example: str) -> argparse.ArgumentParser:
    """A command's parser, with --json."""
    text = f"{summary[0].upper()}{summary[1:]}.\n\n{description}"
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=text, epilog=f"example:\n  {example}"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def add_force(parser: argparse.ArgumentParser) -> None:
    """--force, for commands that write files."""
    parser.add_argument("--force", action="store_true", help="replace an output file that exists already")


def add_profile(parser: argparse.ArgumentParser) -> None:
    """--profile, for commands that take their time."""
    text = "tell on stderr where the time went: seconds of the processor, summed over threads"
    parser.add_argument("--profile", action="store_true", help=text)


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
    print("\n".join(["where the processor's time went:", *lines]), file=sys.stderr)


def byte_count(text: str) -> int:
    """Bytes of "600k", "1.5M" or "600000": k is 1000, M a million."""
    factor = {"k": 1e3, "m": 1e6, "g": 1e9}.get(text[-1:].lower(), 1)
    try:
        value = float(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        value = math.nan
    if not 1 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: want bytes, like 600k or 1.5M")
    return int(value)


def crop_of(text: str) -> tuple[int, int, int, int]:
    """Column, row, width and height of "X,Y,W,H"."""
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no crop: want X,Y,W,H in pixels, like 80,60,640,480") from None
    return x, y, width, height


def rising_numbers(text: str) -> tuple[float, ...]:
    """Numbers above 0 of "0.1,0.4,1.5", each above the one before."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(a < b for a, b in zip((0.0, *numbers), (*numbers, math.inf), strict=True)):
        raise argparse.ArgumentTypeError(f"{text!r}: want rising numbers of bits per pixel, like 0.1,0.4,1.5")
    return numbers


def check_output(output: Path, inputs: Iterable[Path], force: bool) -> None:
    """Refuse an output early: one that is an input, one that exists unless `force`, one that can't be written.

    UsageError, UsageError, InputError.
    """
    for path in inputs:
        if output.exists() and path.exists() and os.path.samefile(output, path):
            raise UsageError(f"the output {output} is the input {path}, which is never changed: choose another name")
    if output.is_dir():
        raise InputError(f"cannot write {output}: it is a directory")
    if output.is_file() and not force:
        raise UsageError(f"{output} exists already: --force replaces it, -o chooses another name")
    folder = Path(os.path.realpath(output)).parent
    if not folder.is_dir():
        raise InputError(f"cannot write {output}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {output}: the folder {folder} is read-only")


def write_output(output: Path, data: bytes, inputs: Iterable[Path], force: bool) -> None:
    """Write a file whole, if what `check_output` found still holds."""
    check_output(output, inputs, force)
    write_atomically(output, data)


def show(
    args: argparse.Namespace, result: Mapping[str, Any], lines: Iterable[tuple[str, str]], title: str = ""
) -> None:
    """The result on stdout: with --json as one object, else a title and aligned lines for people."""
    if args.json:
        print(json.dumps(dict(result), ensure_ascii=False))
        return
    if title:
        print(title)
    pairs = list(lines)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        print(f"  {name.ljust(width)}  {value}")


def show_warnings(warnings: Iterable[str]) -> None:
    """A line on stderr for each warning; where --json is printed too, it has them as "warnings"."""
    for warning in warnings:
        print(f"{NAME}: warning: {warning}", file=sys.stderr)


def bytes_text(count: int) -> str:
    """12345678 as "12.3 MB"."""
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"
    return f"{count} bytes"


COMPILING = " (compiling for this processor, first run only)"
FIRST_RUN = "compiling for this processor (first run only, about a minute)"
QUIET = False  # whether `notice` says nothing


def notice(line: str) -> None:
    """One line on stderr, if there is one, terminal or not: what takes long or was mended, no error, no warning."""
    if not QUIET and sys.stderr is not None:
        print(f"{NAME}: {line}", file=sys.stderr, flush=True)


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
        if sys.stderr is not None and sys.stderr.isatty():
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
