"""The commands for shells and programs around this one: completion, man, schema."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import reason
from .arguments import Parser, nearest
from .distribution import commands, version
from .printing import print_lines

SHELLS = ("bash", "zsh")
SCHEMAS = Path(__file__).with_name("schemas")
FILES = ("FILE", "DIR", "RAW", "JPEG", "IN.jpg", "OUT", "SRC", "DST", "MOUNTPOINT", "RAWDIR")


def completion_command(subparsers: Any) -> None:
    """Add `completion`."""
    parser = _plain(
        subparsers, "completion", "print a script that completes commands and options in a shell",
        "Needs shtab (pip install 'rawinlay[shell]') to print it, the shell needs nothing.",
        "rawinlay completion bash > ~/.local/share/bash-completion/completions/rawinlay",
    )  # fmt: skip
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=_completion)


def man_command(subparsers: Any) -> None:
    """Add `man`."""
    parser = _plain(
        subparsers, "man", "print the manual page",
        "In roff, of all commands. Needs argparse-manpage (pip install 'rawinlay[shell]').",
        "rawinlay man > ~/.local/share/man/man1/rawinlay.1",
    )  # fmt: skip
    parser.set_defaults(run=_man)


def schema_command(subparsers: Any) -> None:
    """Add `schema`."""
    parser = _plain(
        subparsers, "schema", "print the JSON schema of what a command's --json prints",
        "Draft 2020-12. A later version may add keys, and takes none away. `batch-report` is a line of\n"
        "`batch --report`.",
        "rawinlay schema verify",
    )  # fmt: skip
    parser.add_argument("of", metavar="COMMAND", nargs="?", help="without one: their names")
    parser.set_defaults(run=_schema)


def _plain(subparsers: Any, name: str, summary: str, description: str, example: str) -> argparse.ArgumentParser:
    """A command that prints text, and nothing as JSON."""
    text = f"{summary[0].upper()}{summary[1:]}.\n\n{description}"
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=text, epilog=f"example:\n  {example}"
    )
    parser.set_defaults(parser=parser)
    return parser


def whole_parser() -> Parser:
    """The parser of all commands that are installed."""
    parser = Parser(prog="rawinlay", description="One ordinary JPEG that carries its camera RAW.")
    parser.add_argument("-V", "--version", action="version", version=f"rawinlay {version()}")
    subparsers = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    for add in commands().values():
        add(subparsers)
    return parser


def schema_names() -> list[str]:
    """Of what there are schemas."""
    return sorted(path.stem for path in SCHEMAS.glob("*.json"))


def schema_text(name: str) -> str:
    """The schema of a command's output. UsageError, with the nearest one, where there is none."""
    names = schema_names()
    if name not in names:
        near = nearest(name, names)
        raise UsageError(f"there is no schema {name}: " + (f"did you mean {near}?" if near else ", ".join(names)))
    return (SCHEMAS / f"{name}.json").read_text(encoding="utf-8")


def _completion(args: argparse.Namespace) -> None:
    import shtab

    parser = whole_parser()
    _complete_files(parser, shtab.FILE)
    _print(shtab.complete(parser, args.shell))


def _complete_files(parser: argparse.ArgumentParser, files: Any) -> None:
    """Names of files after the arguments that take them."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _complete_files(below, files)
        elif action.nargs != 0 and not action.choices:
            text = str(action.metavar or "")
            if any(word in FILES or word.startswith("FILE") for word in text.replace("|", " ").split()):
                action.complete = files  # type: ignore[attr-defined]


def _man(args: argparse.Namespace) -> None:
    from argparse_manpage.manpage import Manpage

    parser = whole_parser()
    parser.man_short_description = "one ordinary JPEG that carries its camera RAW"  # type: ignore[attr-defined]
    _print(str(Manpage(parser, {"project_name": "rawinlay", "version": version(), "manual_title": "rawinlay"})))


def _schema(args: argparse.Namespace) -> None:
    _print(schema_text(args.of) if args.of else "\n".join(schema_names()))


def _print(text: str) -> None:
    try:
        print_lines([text.rstrip("\n")], sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot write to stdout: {reason(error)}") from None
