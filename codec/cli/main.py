"""The command line: `main` finds the commands, runs one, and turns every end into an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from bitstream.errors import RawinlayError
from codec.cli.commands import COMMANDS
from codec.cli.console import Parser
from codec.cli.distribution import NAME, commands, version

INTERRUPTED, TERMINATED = 130, 143
EXIT_CODES = """exit codes:
  0    done
  1    a fault of this program
  2    usage: the options make no sense, or an output exists already
  3    an input is unreadable, unsupported or of another scene; an output can't be written
  4    the JPEG carries no RAW
  5    the RAW in the JPEG is damaged, of a newer version, or belongs to another JPEG
  130  interrupted; 143 terminated"""


class Terminated(BaseException):
    """SIGTERM, as an exception, so that temporary files are removed on the way out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing but its result goes to stdout, one line to stderr at most."""
    _settle()
    argv = sys.argv[1:] if argv is None else argv
    try:
        args = _parser(argv).parse_args(argv)
        args.run(args)
        sys.stdout.flush()
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _fail("not enough memory for this picture", 3)
    except Exception as error:
        if os.environ.get("RAWINLAY_DEBUG"):
            raise
        reason = f"{type(error).__name__}: {error}"
        return _fail(f"a fault of this program ({reason}); RAWINLAY_DEBUG=1 shows where, please report it", 1)


class _Version(argparse.Action):
    """--version, looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        print(f"{NAME} {version()}")
        parser.exit()


def run() -> NoReturn:
    """`main` as a process: ends it with the exit code.

    Taking numba's compiler and everything else apart in good order takes a quarter of a second. After a command of this
    layer there is nothing left to do: files are closed, threads have ended. Others, and torch, end as Python does.
    """
    code = main()
    if sys.argv[1:2] and sys.argv[1] in COMMANDS and "torch" not in sys.modules:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # nobody listens
            pass
        os._exit(code)
    sys.exit(code)


def _parser(argv: Sequence[str]) -> Parser:
    """The parser of the command that is asked for where that is one of this layer's; else of all that are installed.

    Looking for those takes longer than `info` does.
    """
    parser = Parser(
        prog=NAME, description="One ordinary JPEG that carries its camera RAW.",
        epilog=f"example:\n  {NAME} encode IMG_1.NEF --jpeg IMG_1.JPG -o IMG_1-raw.jpg\n\n{EXIT_CODES}",
    )  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    here = COMMANDS.get(argv[0]) if argv else None
    for add in [here] if here else commands().values():
        add(subparsers)
    return parser


def _settle() -> None:
    """Signals as exceptions; no warnings of libraries on stderr unless Python was asked for them."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        signal.signal(signal.SIGTERM, _terminate)
    except ValueError:  # not in the main thread: signals are the caller's business
        pass


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"{NAME}: {line}", file=sys.stderr)
    return code


