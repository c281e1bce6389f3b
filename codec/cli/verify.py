"""The command verify."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bitstream.errors import InputError, RawinlayError, UsageError
from .arguments import STANDARD, add_command, add_max_pixels, add_sidecar, place_text
from .console import TerminalProgress, bytes_text, show
from .places import explained, source

if TYPE_CHECKING:
    from ..archive.check import Checked
    from ..verify import Verified

TITLES = {
    "stream": "RAW", "copies": "copies", "picture": "picture", "jpeg": "JPEG", "mosaic": "mosaic", "raw": "its RAW",
}  # fmt: skip
SHOWN = 20
"""Lines of files on the screen, broken ones first; --json has all."""


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
        "byte. Of folders and URLs (s3://, sftp://) all JPEGs below are checked; those that never had a RAW are\n"
        "passed over. Exits with the largest of the files' codes: 0 all is well; 3 unreadable; 4 it carries no RAW; 5\n"
        "its RAW is damaged; 6 the RAW is sound, but the JPEG around it was changed, by an editor of metadata say.",
        "rawinlay verify ~/Archive --json",
    )  # fmt: skip
    parser.add_argument("jpegs", metavar="FILE|DIR|URL", nargs="+", type=place_text, help="JPEGs that carry a RAW")
    parser.add_argument("--deep", action="store_true",
                        help="decode each RAW too, and compare it with the digest of what was encoded")  # fmt: skip
    parser.add_argument("--against", type=place_text, metavar="RAWDIR",
                        help="compare with the RAWs that are still there: mosaic, levels, metadata")  # fmt: skip
    add_sidecar(parser, "the file that has the RAW, of a single JPEG")
    add_max_pixels(parser)
    parser.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> None:
    from ..archive import check
    from ..archive.stores import is_folder, place

    started = time.monotonic()
    found: list[Checked] = []
    if args.sidecar or STANDARD in map(Path, args.jpegs):
        if args.sidecar and len(args.jpegs) > 1:
            raise UsageError("--sidecar belongs to one JPEG: give one FILE")
        if args.against:
            raise UsageError("--against goes with files and folders")
        paths = [Path(text) for text in args.jpegs]
        found = [check.Checked(path, _one(path, args)) for path in paths]
    else:
        sources = [place(text) for text in args.jpegs]
        with TerminalProgress() as progress:
            raws = check.raws_in(place(args.against), progress) if args.against else None
            folders = [source for source in sources if is_folder(source)]
            files = check.jpegs_in(sources)
            how = check.How(args.deep, args.max_pixels, raws)
            found = [_explained(one) for one in check.checked_all(files, how, progress)] + check.gone(folders)
    order = {path: n for n, (path, _) in enumerate(files)} if not args.sidecar and found else {}
    _tell(args, sorted(found, key=lambda one: order.get(one.path, len(order))), time.monotonic() - started)


def _tell(args: argparse.Namespace, found: list[Checked], seconds: float) -> None:
    from ..archive.check import Totals

    totals = Totals()
    for one in found:
        totals.add(one)
    ours = [one for one in found if one.counts]
    bad = [one for one in ours if not one.verified.ok]
    rows = [_row(one) for one in ours]
    speed = totals.size / max(seconds, 1e-6) / 1e6
    result = {"ok": not bad, "files": rows, "without_raw": totals.plain, "bytes": totals.size,
              "seconds": round(seconds, 3), "mb_per_second": round(speed, 1)}  # fmt: skip
    ordered = ours if len(ours) <= SHOWN else [*bad, *(one for one in ours if one.verified.ok)]
    lines = [(str(one.path), _text(one.verified)) for one in ordered[:SHOWN]]
    if len(ours) > SHOWN:
        lines.append(("and", f"{len(ours) - SHOWN} more: --json has all"))
    if len(found) > 1:
        told = f"{len(ours) - len(bad)} of {len(ours)} passed; {bytes_text(totals.size)}, {speed:,.0f} MB/s"
        lines.append(("in all", told + (f"; {totals.plain} JPEGs without a RAW" if totals.plain else "")))
    show(args, result, lines)
    if bad:
        said = f"{bad[0].path}: {_text(bad[0].verified)}"
        more = f" ({len(bad)} of {len(ours)} files did not pass)" if len(ours) > 1 else ""
        raise UnverifiedError(said + more, max(one.verified.exit_code for one in bad))


def _row(one: Checked) -> dict[str, Any]:
    found = one.verified
    return {
        "file": str(one.path), "ok": found.ok, "exit_code": found.exit_code,
        "checks": [asdict(check) for check in found.checks], "tiles": [asdict(tile) for tile in found.tiles],
        "raw_sha256": found.raw_sha256,
    }  # fmt: skip


def _explained(one: Checked) -> Checked:
    """A file that can't be read: what it is, where that can be seen."""
    from dataclasses import replace

    from ..verify import FAILED, Check

    if not (one.named and isinstance(one.path, Path) and one.verified.exit_code == InputError.exit_code):
        return one
    try:
        with explained("verify", (one.path, one.path, "JPEG")):
            raise InputError(one.verified.checks[0].said)
    except InputError as error:
        return replace(one, verified=replace(one.verified, checks=(Check("stream", FAILED, str(error)),)))


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
        tiles = ", ".join(map(str, verified.tiles[:5])) + (", ..." if len(verified.tiles) > 5 else "")
        return "; ".join(bad) + (f"; broken tile{'s' if len(verified.tiles) > 1 else ''}: {tiles}" if tiles else "")
    good = ", ".join(TITLES[check.name] for check in verified.checks if check.state == OK)
    rest = "".join(f"; {TITLES[check.name]}: {check.said}" for check in verified.checks if check.said)
    return f"ok ({good}{rest})"
