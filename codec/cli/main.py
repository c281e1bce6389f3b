"""The command line: `main` finds the commands, runs one, and turns every end into an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from ...bitstream.errors import InputError, RawinlayError, UsageError
from ...bitstream.runtime.files import reason
from . import console
from .arguments import Parser, nearest
from .commands import COMMANDS
from .distribution import GROUPS, NAME, commands, remedy, version
from .printing import discard, print_lines, say
from .words import guess, take

INTERRUPTED, TERMINATED = 130, 143
EXIT_CODES = """exit codes:
  0    done
  1    a fault of this program
  2    usage: the options make no sense, an output exists already, or a package of an extra is not installed
  3    an input is unreadable, unsupported or of another scene; an output can't be written
  4    the JPEG carries no RAW
  5    the RAW in the JPEG is damaged, of a newer version, or belongs to another JPEG
  6    verify: the RAW is sound, but the JPEG around it was changed
  130  interrupted; 143 terminated"""


class Terminated(BaseException):
    """SIGTERM, as an exception, so that temporary files are removed on the way out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing but its result goes to stdout, one line to stderr at most.

    What it changes of the process for that time, signals and warnings, is as before when it returns.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # names of files need not be text
            stream.reconfigure(errors="backslashreplace")
    with _terminable(), warnings.catch_warnings():
        if not sys.warnoptions:  # those of libraries are nothing for stderr unless Python was asked for them
            warnings.simplefilter("ignore")
        return _ended(list(sys.argv[1:] if argv is None else argv))


def _ended(argv: list[str]) -> int:
    """Run the command and turn its end, whatever it is, into an exit code."""
    try:
        args, more = _parsed(_words(argv))
        console.QUIET = getattr(args, "quiet", False)
        take(args, more)
        args.run(args)
        return 0
    except SystemExit as end:  # argparse after --help and --version
        return int(end.code or 0)
    except RawinlayError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except Terminated:
        return _fail("terminated", TERMINATED)
    except BrokenPipeError:  # whoever read the result has seen enough
        discard(sys.stdout)
        return 0
    except ModuleNotFoundError as error:
        told = remedy(error)
        if told is None:
            return _fault(error)
        return _fail(told, UsageError.exit_code)
    except MemoryError:
        return _fail("not enough memory for this picture", 3)
    except Exception as error:
        return _fault(error)


class _Version(argparse.Action):
    """--version, looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print_lines([f"{NAME} {version()}"], sys.stdout)
        parser.exit()


def run() -> NoReturn:
    """`main` as a process: ends it with the exit code.

    Taking numba's compiler and everything else apart in good order takes a quarter of a second. After a command of this
    layer there is nothing left to do: files are closed, threads have ended. Others, and torch, end as Python does.
    """
    _open_standard_streams()
    code = main()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
    except (OSError, ValueError) as error:
        discard(sys.stdout)
        code = code or _fail(f"cannot write to stdout: {reason(error)}", 3)
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    if command in COMMANDS and "torch" not in sys.modules:
        os._exit(code)
    sys.exit(code)


def _open_standard_streams() -> None:
    """Put /dev/null where standard streams are closed, else the next file opened would be taken for one of them."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class _Top(Parser):
    """The parser of all commands, which shows them in groups, as they are needed."""

    def format_help(self) -> str:
        rows = {
            choice.dest: choice.help or ""
            for action in self._actions if isinstance(action, argparse._SubParsersAction)
            for choice in action._choices_actions
        }  # fmt: skip
        known = [name for names in GROUPS.values() for name in names]
        groups = {**GROUPS, "others": tuple(name for name in rows if name not in known)}
        lines = [f"usage: {self.prog} COMMAND ...", "", self.description or ""]
        for title, names in groups.items():
            shown = [f"  {name.ljust(12)}{rows[name]}" for name in names if name in rows]
            lines += ["", f"{title}:", *shown] if shown else []
        lines += ["", f"`{self.prog} help COMMAND` or `{self.prog} COMMAND --help` tells more; `-V` the version.", ""]
        return "\n".join([*lines, self.epilog or "", ""])


def _parsed(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The arguments, and the words that they have no place for. InputError where help can't be printed."""
    try:
        return _parser(argv).parse_known_args(argv)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write to stdout: {reason(error)}") from None


def _words(argv: list[str]) -> list[str]:
    """The command line, `help COMMAND` as `COMMAND --help`."""
    return [*argv[1:], "--help"] if argv[:1] == ["help"] else argv


def _parser(argv: Sequence[str]) -> Parser:
    """The parser of the command that is asked for where that is one of this layer's; else of all that are installed.

    Looking for those takes longer than `info` does. UsageError, with the nearest one, for a command that is none.
    """
    parser = _Top(
        prog=NAME, description="One ordinary JPEG that carries its camera RAW.",
        epilog=f"example:\n  {NAME} encode IMG_1.NEF --jpeg IMG_1.JPG -o IMG_1-raw.jpg\n\n{EXIT_CODES}",
    )  # fmt: skip
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("-q", "--quiet", action="store_true", help=argparse.SUPPRESS)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    command = next((word for word in argv if not word.startswith("-")), None)
    known = {command: COMMANDS[command]} if command in COMMANDS else commands(command)
    if command is not None and command not in known:
        raise UsageError(_unknown(command, list(known)))
    if command is None and argv and not {"-h", "--help", "-V", "--version"} & set(argv):
        parser.unknown(next((word for word in argv if word not in ("-q", "--quiet")), argv[0]))
    if not argv:
        raise UsageError(f"no COMMAND is given: {NAME} encode puts a RAW into its JPEG (see {NAME} --help)")
    for add in known.values():
        add(subparsers)
    return parser


def _unknown(command: str, known: Sequence[str]) -> str:
    """What is said of a command that is none."""
    near = guess(command) or nearest(command, known)
    hint = f"did you mean `{NAME} {near}`?" if near else f"there are {', '.join(known)}"
    return f"there is no command {command}: {hint} (see {NAME} --help)"


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM as an exception; nothing outside the main thread, where signals are the caller's business."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        if before is not None:  # None: a handler that was not set from Python, which can't be put back
            signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _fail(message: str, code: int) -> int:
    say(f"{NAME}: {message}")
    return code


def _fault(error: Exception) -> int:
    """Code 1, for what should not have happened."""
    if os.environ.get("RAWINLAY_DEBUG"):
        raise error
    told = f"{type(error).__name__}: {error}"
    return _fail(f"a fault of this program ({told}); RAWINLAY_DEBUG=1 shows where, please report it", 1)
