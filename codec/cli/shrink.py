"""The commands that take away: strip and trim."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...bitstream.errors import UsageError
from .arguments import add_command, add_force, add_max_pixels, add_sidecar, byte_count, file_path, number
from .console import bytes_text, show
from .places import JPEG_SUFFIXES, check_output, explained, source, write_output
from .words import output_of


def strip_command(subparsers: Any) -> None:
    """Add `strip`."""
    parser = add_command(
        subparsers, "strip", "take the RAW out of a JPEG again",
        "What is written is the JPEG that was encoded into, byte for byte, if nothing else changed it since.",
        "rawinlay strip IMG_1-raw.jpg -o IMG_1.jpg",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=file_path, help="a JPEG that carries a RAW")
    parser.add_argument("-o", "--output", type=file_path, metavar="OUT.jpg", help="the JPEG without it")
    parser.add_argument("--metadata", action="store_true",
                        help="only what the RAW says of people, times, places and things; the RAW stays")  # fmt: skip
    add_force(parser)
    parser.set_defaults(run=_strip, more=[])


def trim_command(subparsers: Any) -> None:
    """Add `trim`."""
    parser = add_command(
        subparsers, "trim", "lower the rate of a RAW in layers",
        "Keeps the coarser part of what `encode --trimmable` wrote, lossless or not. Needs neither the RAW nor a\n"
        "model; the picture stays as it is. A RAW that fits already stays whole.",
        "rawinlay trim IMG_1-raw.jpg --size 600k -o IMG_1-small.jpg",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=file_path, help="a JPEG that carries a RAW")
    rate = parser.add_mutually_exclusive_group(required=True)
    rate.add_argument("--size", type=byte_count, metavar="BYTES", help="what the RAW may take; 600k, 1.5M")
    rate.add_argument("--bpp", type=number, metavar="F", help="the same in bits per pixel of the mosaic")
    add_sidecar(parser, "the file that has the RAW, where the JPEG has not; OUT is then the smaller one of that kind")
    parser.add_argument("-o", "--output", type=file_path, metavar="OUT", help="the smaller JPEG")
    add_max_pixels(parser)
    add_force(parser)
    parser.set_defaults(run=_trim, more=[])


def _strip(args: argparse.Namespace) -> None:
    from ...bitstream.jpeg import embed
    from ...bitstream.runtime.files import bytes_of

    output = _named_output(args)
    check_output(output, [args.jpeg], args.force, JPEG_SUFFIXES)
    jpeg = source(args.jpeg, "JPEG")
    with explained("strip", (args.jpeg, jpeg, "JPEG")):
        data = bytes_of(jpeg, "JPEG")
        if args.metadata:
            from ..api import strip

            bare = strip(data, metadata=True)
        else:
            bare = embed.strip(data)  # which needs no NumPy
    write_output(output, bare, [args.jpeg], args.force, JPEG_SUFFIXES)
    result = {"output": str(output), "jpeg_bytes": len(bare), "removed_bytes": len(data) - len(bare)}
    lines = [("size", bytes_text(len(bare))), ("removed", bytes_text(len(data) - len(bare)))]
    show(args, result, lines, title=str(output))


def _trim(args: argparse.Namespace) -> None:
    from ..trim import trim

    output, inputs = _named_output(args), [args.jpeg, *([args.sidecar] if args.sidecar else [])]
    suffixes = () if args.sidecar else JPEG_SUFFIXES
    check_output(output, inputs, args.force, suffixes)
    jpeg = source(args.jpeg, "JPEG")
    with explained("trim", (args.jpeg, jpeg, "JPEG"), *([(args.sidecar, None, "sidecar")] if args.sidecar else [])):
        trimmed = trim(jpeg, size=args.size, bpp=args.bpp, sidecar=args.sidecar, max_pixels=args.max_pixels)
    written = trimmed.jpeg if trimmed.sidecar is None else trimmed.sidecar
    write_output(output, written, inputs, args.force, suffixes)
    result = {
        "output": str(output), "jpeg_bytes": len(trimmed.jpeg), "metadata_bytes": trimmed.metadata_bytes,
        "bpp": trimmed.bpp, "layers": trimmed.layers, "lossless": trimmed.lossless, "before": trimmed.before,
        **({"sidecar_bytes": len(written)} if args.sidecar else {}),
    }  # fmt: skip
    lines = [
        ("size", f"{bytes_text(len(written))}, of which the RAW {bytes_text(trimmed.metadata_bytes)}"),
        ("before", f"{bytes_text(trimmed.before)} of RAW"),
        ("rate", f"{trimmed.bpp:.4g} bits per pixel"),
        ("layers", str(trimmed.layers)),
        ("lossless", "yes" if trimmed.lossless else "no"),
    ]
    show(args, result, lines, title=str(output))


def _named_output(args: argparse.Namespace) -> Path:
    """The output of a command that derives none."""
    output = output_of(args)
    if output is None:
        raise UsageError(f"no output is named: {args.parser.prog} {args.jpeg} -o OUT.jpg")
    return output
