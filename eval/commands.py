"""The commands of this layer: compare, demo. Each function adds one to argparse's subparsers."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from ..bitstream.errors import UsageError
from ..codec.cli.arguments import STANDARD, add_command, add_force, file_path
from ..codec.cli.console import TerminalProgress, show
from ..codec.cli.places import explained, source

DEMO_FOLDER = Path("demo-out")


def compare_command(subparsers: Any) -> None:
    """Add `compare`."""
    parser = add_command(
        subparsers, "compare", "measure a decoded DNG against its RAW",
        "PSNR in dB over the visible mosaic, linear, (value - black) / (white - black) clipped to 0..1; the largest\n"
        "error in DN; whether they are identical. In JSON, psnr is null where no clipped value differs.",
        "rawinlay compare IMG_1.NEF IMG_1.dng --json",
    )  # fmt: skip
    parser.add_argument("raw", metavar="RAW", type=file_path, help="the true RAW, whose levels count")
    parser.add_argument("dng", metavar="DECODED.dng", type=file_path, help="what was decoded from its JPEG")
    parser.add_argument("--metadata", action="store_true",
                        help="not the mosaics, but what the two say differently beside them")  # fmt: skip
    parser.set_defaults(run=_compare)


def demo_command(subparsers: Any) -> None:
    """Add `demo`."""
    parser = add_command(
        subparsers, "demo", "show the whole way on a bundled photograph",
        "Photographs an openly licensed picture with the camera simulator, encodes the RAW into the camera's JPEG,\n"
        "decodes it in a fresh process, and writes raw.dng, camera.jpg, with-raw.jpg, decoded.dng, side-by-side.png.",
        "rawinlay demo demo-out",
    )  # fmt: skip
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=DEMO_FOLDER, help="default: %(default)s")
    add_force(parser)
    parser.set_defaults(run=_demo)


def _compare(args: argparse.Namespace) -> None:
    if args.raw == args.dng == STANDARD:
        raise UsageError("stdin can be one of the two, not both")
    raw, dng = source(args.raw, "RAW"), source(args.dng, "RAW")
    if args.metadata:
        return _compare_metadata(args, raw, dng)
    from .compare import compare

    with TerminalProgress() as progress, explained("compare", (args.raw, raw, "RAW"), (args.dng, dng, "RAW")):
        progress("comparing", 0.0)
        found = compare(raw, dng)
    psnr = f"{found.psnr:.2f} dB" if math.isfinite(found.psnr) else "infinite"
    lines = [
        ("PSNR", psnr), ("largest error", f"{found.max_error} DN"), ("identical", "yes" if found.identical else "no"),
    ]  # fmt: skip
    show(args, found.as_json(), lines)


def _compare_metadata(args: argparse.Namespace, raw: Path | bytes, dng: Path | bytes) -> None:
    from dataclasses import asdict

    from ..codec.differences import compare_metadata

    with TerminalProgress() as progress, explained("compare", (args.raw, raw, "RAW"), (args.dng, dng, "RAW")):
        progress("comparing", 0.0)
        found = compare_metadata(raw, dng)
    lines = [(f"{d.place} {d.tag}", f"{_value(d.first)} | {_value(d.second)}") for d in found]
    show(args, {"differences": [asdict(d) for d in found]}, lines or [("differences", "none")])


def _value(text: str | None) -> str:
    return "(none)" if text is None else text


def _demo(args: argparse.Namespace) -> None:
    from .demo import demo

    with TerminalProgress() as progress:
        result = demo(args.folder, args.force, progress)
    lines = [
        ("camera's JPEG", f"{result['camera_bytes']:,} bytes"),
        ("with the RAW", f"{result['jpeg_bytes']:,} bytes"),
        ("growth", f"{result['metadata_bytes']:,} bytes, {result['bpp']:.3g} bits per pixel"),
        ("source RAW", f"{result['raw_bytes']:,} bytes, losslessly compressed"),
        ("decoded RAW", f"PSNR {result['psnr']:.2f} dB; largest error of one value {_of_range(result)}"),
        ("time", f"{result['seconds']:.1f} s"),
        ("files", ", ".join(result["files"])),
        ("photograph", result["credit"]),
        ("next", "rawinlay encode IMG.NEF IMG.JPG -o IMG-raw.jpg, with a RAW and its JPEG of your own"),
    ]  # fmt: skip
    show(args, result, lines, title=f"{args.folder}:")


def _of_range(result: dict[str, Any]) -> str:
    """The largest error on the scale that it is one on."""
    share = result["max_error"] / result["range"]
    return f"{result['max_error']} of the {result['range']} steps from black to white ({share:.1%})"
