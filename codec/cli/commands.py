"""The commands of this layer: encode, decode, info, strip, trim. Each function adds one to argparse's subparsers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bitstream.errors import UsageError
from .arguments import (
    STANDARD,
    add_command,
    add_device,
    add_force,
    add_max_pixels,
    add_profile,
    byte_count,
    file_path,
    number,
    rising_numbers,
    whole_number,
)  # fmt: skip
from .console import TerminalProgress, bytes_text, profiled, show, show_warnings
from .decode import PREVIEW_TEXT, decode_command, settle
from .develop import develop_command
from .places import JPEG_SUFFIXES, check_output, explained, renamed, source, write_output
from .words import jpeg_and_raw, output_of

if TYPE_CHECKING:
    from ..info import Info

CARRIER_SUFFIX = ".raw.jpg"


def encode_command(subparsers: Any) -> None:
    """Add `encode`."""
    parser = add_command(
        subparsers, "encode", "put a RAW into a JPEG of the same picture",
        "The JPEG is the one given; else the largest beside the RAW with the same stem, if it shows its picture;\n"
        "else the RAW's embedded full-size preview; else LibRaw's rendering. The output shows exactly that JPEG.\n"
        "Without a rate: --quality 60. `rawinlay encode RAW JPEG` is the same as with --jpeg. - is stdin, and as\n"
        "OUT.jpg stdout.",
        "rawinlay encode IMG_1.NEF --jpeg IMG_1.JPG -o IMG_1-raw.jpg --bpp 0.4",
    )  # fmt: skip
    parser.add_argument("raw", metavar="RAW", type=file_path, help="any Bayer RAW that LibRaw reads")
    parser.add_argument("--jpeg", type=file_path, metavar="JPEG", help="the JPEG to put it into")
    parser.add_argument("-o", "--output", type=file_path, metavar="OUT.jpg", help="default: RAW's name with .raw.jpg")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--bpp", type=number, metavar="F", help="growth in bits per pixel of the mosaic, at most")
    rate.add_argument("--size", type=byte_count, metavar="BYTES", help="growth in bytes, at most; 600k, 1.5M")
    rate.add_argument("--quality", type=number, metavar="Q", help="even error instead of a size, 0 to 100")
    rate.add_argument("--lossless", action="store_true", help="every value of the mosaic, bit for bit")
    parser.add_argument("--trimmable", action="store_true", help="in layers, for `rawinlay trim`; costs 1 to 2 %%")
    parser.add_argument("--layers", type=rising_numbers, default=(), metavar="F,F,...",
                        help="where the layers end, in bits per pixel; implies --trimmable")  # fmt: skip
    parser.add_argument("--tune", choices=("psnr", "edit"), default="psnr",
                        help="error even in linear light (psnr, default) or against the noise (edit)")  # fmt: skip
    parser.add_argument("--effort", type=whole_number, default=5, metavar="1..9",
                        help="how hard to think: slower is smaller, decoding stays as fast; default 5")  # fmt: skip
    parser.add_argument("--frame", type=whole_number, metavar="N",
                        help="which of several mosaics in the RAW, from 1; default: the largest")  # fmt: skip
    parser.add_argument("--no-guide", action="store_true", help="the JPEG only carries the RAW, whatever it shows")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--no-metadata", action="store_true",
                      help="nothing of people, times, places and things: only what developing needs")  # fmt: skip
    told.add_argument("--gps", action="store_true", help="the RAW's place even where the JPEG has none")
    add_device(parser)
    add_profile(parser)
    add_force(parser)
    parser.set_defaults(run=_encode, more=[])


def info_command(subparsers: Any) -> None:
    """Add `info`."""
    parser = add_command(
        subparsers, "info", "tell what a JPEG carries",
        "Intact means that no byte of the RAW stream is damaged and that the picture is the one it belongs to. Exits\n"
        "with 0 whatever the JPEG carries.",
        "rawinlay info IMG_1-raw.jpg --json",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=file_path, help="any JPEG")
    add_max_pixels(parser)
    parser.set_defaults(run=_info)


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
    parser.add_argument("-o", "--output", type=file_path, metavar="OUT.jpg", help="the smaller JPEG")
    add_max_pixels(parser)
    add_force(parser)
    parser.set_defaults(run=_trim, more=[])


COMMANDS = {
    "encode": encode_command, "decode": decode_command, "info": info_command, "strip": strip_command,
    "trim": trim_command, "develop": develop_command,
}  # fmt: skip
"""What this layer brings: found without a look at what is installed."""


def _encode(args: argparse.Namespace) -> None:
    from ..api import encode

    raw_path, jpeg_path = jpeg_and_raw(args)
    if raw_path == jpeg_path == STANDARD:
        raise UsageError("stdin can be the RAW or the JPEG, not both")
    output = args.output or renamed("encode", raw_path, CARRIER_SUFFIX)
    inputs = [raw_path, *([jpeg_path] if jpeg_path else [])]
    check_output(output, inputs, args.force, JPEG_SUFFIXES)
    settle()
    raw, jpeg = source(raw_path, "RAW"), source(jpeg_path, "JPEG") if jpeg_path else None
    with profiled(args) as profile, TerminalProgress() as progress:
        with explained("encode", (raw_path, raw, "RAW"), (jpeg_path, jpeg, "JPEG")):
            encoded = encode(
                raw, jpeg, bpp=args.bpp, size=args.size, quality=args.quality, lossless=args.lossless,
                trimmable=args.trimmable, layers=args.layers, tune=args.tune, effort=args.effort, device=args.device,
                guide="none" if args.no_guide else "auto", progress=progress, frame=args.frame,
                metadata="none" if args.no_metadata else "all" if args.gps else "auto",
            )  # fmt: skip
        inputs += [encoded.guide_path] if encoded.guide_path else []
        write_output(output, encoded.jpeg, inputs, args.force, JPEG_SUFFIXES)
    result = {
        "output": str(output), "jpeg_bytes": len(encoded.jpeg), "metadata_bytes": encoded.metadata_bytes,
        "bpp": encoded.bpp, "guide": encoded.guide, "model": encoded.model, "seconds": round(encoded.seconds, 3),
        "alignment": encoded.alignment, "preview": encoded.preview, "guided": encoded.guided,
        "own_guide_bytes": encoded.own_guide_bytes, "warnings": encoded.warnings, **profile,
    }  # fmt: skip
    lines = [
        ("JPEG", encoded.guide),
        ("alignment", encoded.alignment),
        ("size", f"{bytes_text(len(encoded.jpeg))}, of which the RAW {bytes_text(encoded.metadata_bytes)}"),
        ("rate", f"{encoded.bpp:.4g} bits per pixel"),
        ("time", f"{encoded.seconds:.1f} s"),
    ]
    show(args, result, lines, title=str(output))
    show_warnings(encoded.warnings)


def _info(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from ..info import info

    jpeg = source(args.jpeg, "JPEG")
    with explained("info", (args.jpeg, jpeg, "JPEG")):
        found = info(jpeg, max_pixels=args.max_pixels)
    lines = [("RAW", "yes" if found.has_raw else "none")]
    if found.has_raw:
        lines += [
            ("intact", "yes" if found.intact else "no"),
            *(("damage", line) for line in found.damage),
            ("camera", found.camera or "unknown"),
            ("mosaic", f"{found.width} x {found.height}, {found.cfa}" if found.width else "unknown"),
            ("size", bytes_text(found.metadata_bytes) if found.metadata_bytes else "unknown"),
            ("rate", f"{found.bpp:.4g} bits per pixel" if found.bpp else "unknown"),
            ("layers", _layers_text(found)),
            ("lossless", "unknown" if found.lossless is None else "yes" if found.lossless else "no"),
            ("preview", PREVIEW_TEXT[found.preview] if found.preview else "unknown"),
            ("format", f"version {found.version or 'unknown'}, model {found.model or 'unknown'}"),
        ]
    show(args, asdict(found), lines, title=str(args.jpeg))


def _layers_text(found: Info) -> str:
    if not found.layers or found.layers == 1:
        return str(found.layers or "unknown")
    least = f", down to {bytes_text(found.least_bytes)}" if found.least_bytes else ""
    return f"{found.layers}, of the last {100 * (found.last_layer or 0):.0f} %{least}"


def _strip(args: argparse.Namespace) -> None:
    from ...bitstream.runtime.files import read_file
    from ..api import strip

    output = _named_output(args)
    check_output(output, [args.jpeg], args.force, JPEG_SUFFIXES)
    jpeg = source(args.jpeg, "JPEG")
    with explained("strip", (args.jpeg, jpeg, "JPEG")):
        data = jpeg if isinstance(jpeg, bytes) else read_file(jpeg, "JPEG")
        bare = strip(data, metadata=args.metadata)
    write_output(output, bare, [args.jpeg], args.force, JPEG_SUFFIXES)
    result = {"output": str(output), "jpeg_bytes": len(bare), "removed_bytes": len(data) - len(bare)}
    lines = [("size", bytes_text(len(bare))), ("removed", bytes_text(len(data) - len(bare)))]
    show(args, result, lines, title=str(output))


def _trim(args: argparse.Namespace) -> None:
    from ..trim import trim

    output = _named_output(args)
    check_output(output, [args.jpeg], args.force, JPEG_SUFFIXES)
    jpeg = source(args.jpeg, "JPEG")
    with explained("trim", (args.jpeg, jpeg, "JPEG")):
        trimmed = trim(jpeg, size=args.size, bpp=args.bpp, max_pixels=args.max_pixels)
    write_output(output, trimmed.jpeg, [args.jpeg], args.force, JPEG_SUFFIXES)
    result = {
        "output": str(output), "jpeg_bytes": len(trimmed.jpeg), "metadata_bytes": trimmed.metadata_bytes,
        "bpp": trimmed.bpp, "layers": trimmed.layers, "lossless": trimmed.lossless, "before": trimmed.before,
    }  # fmt: skip
    lines = [
        ("size", f"{bytes_text(len(trimmed.jpeg))}, of which the RAW {bytes_text(trimmed.metadata_bytes)}"),
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
