"""The command verify."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bitstream.errors import InputError, RawinlayError, UsageError
from .arguments import add_command, add_max_pixels, add_sidecar, file_path
from .console import show
from .places import explained, source

if TYPE_CHECKING:
    from ..verify import Verified

TITLES = {"stream": "RAW", "copies": "copies", "picture": "picture", "jpeg": "JPEG", "mosaic": "mosaic"}


class UnverifiedError(RawinlayError):
    """Some file did not pass; its code is that of the worst one."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code


def verify_command(subparsers: Any) -> None:
    """Add `verify`."""
    parser = add_command(
        subparsers, "verify", "check that JPEGs still give back what was put into them",
        "Structure, check sums, the picture that the RAW belongs to, and that `strip` gives the JPEG back byte for\n"
        "byte. Exits with the largest of the files' codes: 0 all is well; 3 unreadable; 4 it carries no RAW; 5 its\n"
        "RAW is damaged; 6 the RAW is sound, but the JPEG around it was changed, by an editor of metadata say.",
        "rawinlay verify *-raw.jpg --deep",
    )  # fmt: skip
    parser.add_argument("jpegs", metavar="FILE", nargs="+", type=file_path, help="JPEGs that carry a RAW")
    parser.add_argument("--deep", action="store_true",
                        help="decode each RAW too, and compare it with the digest of what was encoded")  # fmt: skip
    add_sidecar(parser, "the file that has the RAW, of a single JPEG")
    add_max_pixels(parser)
    parser.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> None:
    if args.sidecar and len(args.jpegs) > 1:
        raise UsageError("--sidecar belongs to one JPEG: give one FILE")
    found = [(path, _one(path, args)) for path in args.jpegs]
    bad = [path for path, verified in found if not verified.ok]
    lines = [(str(path), _text(verified)) for path, verified in found]
    rows = [{"file": str(path), "ok": verified.ok, "exit_code": verified.exit_code,
             "checks": [asdict(check) for check in verified.checks]} for path, verified in found]  # fmt: skip
    show(args, {"ok": not bad, "files": rows}, lines)
    if bad:
        said = f"{bad[0]}: {_text(found[[path for path, _ in found].index(bad[0])][1])}"
        more = f" ({len(bad)} of {len(found)} files did not pass)" if len(found) > 1 else ""
        raise UnverifiedError(said + more, max(verified.exit_code for _, verified in found))


def _one(path: Path, args: argparse.Namespace) -> Verified:
    from ..verify import FAILED, Check, Verified, verify

    try:
        jpeg = source(path, "JPEG")
        with explained("verify", (path, jpeg, "JPEG")):
            return verify(jpeg, sidecar=args.sidecar, deep=args.deep, max_pixels=args.max_pixels)
    except InputError as error:
        return Verified((Check("stream", FAILED, str(error)),), error.exit_code)


def _text(verified: Verified) -> str:
    """On one line: what failed, else what was checked."""
    from ..verify import FAILED, OK

    bad = [f"{TITLES[check.name]}: {check.said}" for check in verified.checks if check.state == FAILED]
    if bad:
        return "; ".join(bad)
    good = ", ".join(TITLES[check.name] for check in verified.checks if check.state == OK)
    rest = "".join(f"; {TITLES[check.name]}: {check.said}" for check in verified.checks if check.said)
    return f"ok ({good}{rest})"
