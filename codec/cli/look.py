"""The command `look`: list looks, learn one of your own, forget it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .arguments import add_command
from .console import TerminalProgress, show, show_warnings


def look_command(subparsers: Any) -> None:
    """Add `look`."""
    parser = add_command(
        subparsers, "look", "list the looks of develop, or learn one of your own",
        "list: every look, and what it imitates. learn NAME --pairs DIR: a look from RAWs and pictures of the same\n"
        "name that you made of them; ten do. forget NAME: remove a look of your own.",
        "rawinlay look learn mine --pairs ~/Pictures/edited",
    )  # fmt: skip
    parser.add_argument("action", choices=("list", "learn", "forget"))
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a look of your own")
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="RAWs and JPEGs of the same names")
    parser.set_defaults(run=_look)


def _look(args: argparse.Namespace) -> None:
    from ...bitstream.errors import UsageError
    from ..looks import chosen, own

    if args.action == "list":
        if args.name or args.pairs:
            raise UsageError("look list takes no more words")
        names = chosen.names()
        show(args, {"looks": names}, list(names.items()), title="looks")
        return
    if not args.name:
        raise UsageError(f"look {args.action}: which look? NAME is missing")
    if args.action == "forget":
        path = own.folder() / f"{own.check_name(args.name, tuple(chosen.SHIPPED))}.safetensors"
        if not path.exists():
            raise UsageError(f"look {args.name!r} is none of your own")
        path.unlink()
        show(args, {"forgotten": str(path)}, [("forgotten", str(path))], title=args.name)
        return
    if args.pairs is None:
        raise UsageError("look learn: --pairs DIR is missing")
    from ..look_learning import learn_look

    with TerminalProgress() as progress:
        found = learn_look(args.name, args.pairs, lambda share: progress("learning", share))
    show_warnings(found.warnings)
    result = {"look": args.name, "file": str(found.path), "start": found.start, "pairs": found.pairs,
              "psnr": round(found.psnr, 2), "warnings": found.warnings}  # fmt: skip
    lines = [("pairs", str(found.pairs)), ("built on", found.start), ("left-out pairs", f"{found.psnr:.1f} dB")]
    show(args, result, lines, title=str(found.path))
