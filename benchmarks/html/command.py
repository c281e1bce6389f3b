"""`rawinlay bench report`: the benchmark's results as a page, a text and a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...codec.cli.arguments import add_command, add_force
from ...codec.cli.console import TerminalProgress, show
from .outputs import CURVES, PAGE, ROWS, TEXT


def report_command(subparsers: Any) -> None:
    """Add `report`."""
    parser = add_command(
        subparsers, "report", "show the benchmark's results",
        f"Makes DIR/{PAGE} (one page, without a server or network), DIR/{TEXT} and DIR/{CURVES} from DIR/{ROWS}\n"
        "and DIR/pictures, as `rawinlay bench rd` writes them. Nothing is measured again.",
        "rawinlay bench report results",
    )  # fmt: skip
    parser.add_argument("folder", metavar="DIR", type=Path, help=f"the folder of {ROWS}; the outputs go there too")
    parser.add_argument("--trunk", metavar="FILE", type=Path, help="earlier rows, to count the bytes against")
    add_force(parser)
    parser.set_defaults(run=_report)


def _report(args: argparse.Namespace) -> None:
    from .make import make

    with TerminalProgress() as progress:
        made = make(args.folder, args.trunk, args.force, progress)
    lines = [
        ("measurements", f"{made['measurements']:,} of {made['files']} files"),
        ("failures", str(made["failures"])),
        ("a peer is better", f"{made['losses']} times in {made['comparisons']} comparisons of PSNR"),
        ("pictures", str(made["pictures"])),
        ("written", ", ".join(made["written"])),
    ]
    show(args, made, lines, title=f"{args.folder}:")
