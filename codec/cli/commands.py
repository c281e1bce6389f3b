"""The commands of this layer: encode, decode, info; others by name. Each function adds one to argparse's subparsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...bitstream.errors import UsageError
from .arguments import (
    STANDARD,
    add_command,
    add_device,
    add_force,
    add_max_pixels,
    add_profile,
    add_rate,
    add_sidecar,
    file_path,
    percentage,
    rising_numbers,
    settings_of,
    whole_number,
)  # fmt: skip
from .batch import batch_command
from .console import TerminalProgress, bytes_text, profiled, show, show_warnings
from .decode import PREVIEW_TEXT, decode_command, settle
from .develop import develop_command
from .mount import mount_command
from .places import JPEG_SUFFIXES, check_output, explained, renamed, source, write_output
from .shell import completion_command, man_command, schema_command
from .shrink import strip_command, trim_command
from .verify import verify_command
from .words import jpeg_and_raw

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
    add_rate(parser)
    parser.add_argument("--layers", type=rising_numbers, default=(), metavar="F,F,...",
                        help="where the layers end, in bits per pixel; implies --trimmable")  # fmt: skip
    parser.add_argument("--tune", choices=("edit", "psnr"), default="edit",
                        help="error that edits show evenly (edit, default) or even in linear light (psnr)")  # fmt: skip
    parser.add_argument("--for-edit", type=settings_of, metavar="EDIT", help="least error in one development, as "
                        '"exposure=+2,temperature=3000", by the sliders of develop')  # fmt: skip
    parser.add_argument("--effort", type=whole_number, default=5, metavar="1..9",
                        help="how hard to think: slower is smaller, decoding stays as fast; default 5")  # fmt: skip
    parser.add_argument("--parity", type=percentage, metavar="5%%",
                        help="so many of the RAW's bytes more, which mend others that are lost or damaged "
                        "later")  # fmt: skip
    add_sidecar(parser, "write the RAW into a file of its own, and the JPEG, without it, only where -o says")
    parser.add_argument("--frame", type=whole_number, metavar="N",
                        help="which of several mosaics in the RAW, from 1; default: the largest")  # fmt: skip
    parser.add_argument("--margins", action="store_true",
                        help="keep the sensor's masked border too, without loss")  # fmt: skip
    parser.add_argument("--no-guide", action="store_true", help="the JPEG only carries the RAW, whatever it shows")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--no-metadata", action="store_true",
                      help="nothing of people, times, places and things: only what developing needs")  # fmt: skip
    told.add_argument("--whole-note", action="store_true", help="all of the MakerNote, however large")
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
    add_sidecar(parser, "the file that has the RAW, where the JPEG has not")
    add_max_pixels(parser)
    parser.set_defaults(run=_info)


COMMANDS = {
    "encode": encode_command, "decode": decode_command, "develop": develop_command, "info": info_command,
    "verify": verify_command, "strip": strip_command, "trim": trim_command, "batch": batch_command,
    "mount": mount_command, "completion": completion_command, "man": man_command, "schema": schema_command,
}  # fmt: skip
"""What this layer brings: found without a look at what is installed."""


def _encode(args: argparse.Namespace) -> None:
    from ...bitstream.jpeg import embed
    from ..api import encode

    raw_path, jpeg_path = jpeg_and_raw(args)
    if raw_path == jpeg_path == STANDARD:
        raise UsageError("stdin can be the RAW or the JPEG, not both")
    output = args.output or (None if args.sidecar else renamed("encode", raw_path, CARRIER_SUFFIX))
    inputs = [raw_path, *([jpeg_path] if jpeg_path else [])]
    if output:
        check_output(output, inputs, args.force, JPEG_SUFFIXES)
    if args.sidecar:
        check_output(args.sidecar, [*inputs, *([output] if output else [])], args.force)
    settle()
    raw, jpeg = source(raw_path, "RAW"), source(jpeg_path, "JPEG") if jpeg_path else None
    with profiled(args) as profile, TerminalProgress() as progress:
        with explained("encode", (raw_path, raw, "RAW"), (jpeg_path, jpeg, "JPEG")):
            encoded = encode(
                raw, jpeg, bpp=args.bpp, size=args.size, quality=args.quality, lossless=args.lossless,
                trimmable=args.trimmable, layers=args.layers, tune=args.tune, effort=args.effort, device=args.device,
                guide="none" if args.no_guide else "auto", progress=progress, frame=args.frame, margins=args.margins,
                parity=args.parity, metadata=_metadata(args), for_edit=args.for_edit,
            )  # fmt: skip
        inputs += [encoded.guide_path] if encoded.guide_path else []
        written = encoded.jpeg
        if args.sidecar:
            if output is None and not (jpeg_path or encoded.guide_path):
                raise UsageError(
                    f"the JPEG is {encoded.guide}, no file yet: -o OUT.jpg says where to write it"
                )
            written = embed.strip(written)
            write_output(args.sidecar, encoded.sidecar(), inputs, args.force)
        if output:
            write_output(output, written, inputs, args.force, JPEG_SUFFIXES)
    result = {
        "output": str(output or args.sidecar), "jpeg_bytes": len(written), "metadata_bytes": encoded.metadata_bytes,
        "bpp": encoded.bpp, "guide": encoded.guide, "model": encoded.model, "seconds": round(encoded.seconds, 3),
        "alignment": encoded.alignment, "place_error": encoded.place_error, "preview": encoded.preview,
        "guided": encoded.guided, "own_guide_bytes": encoded.own_guide_bytes, "edit_gain": encoded.edit_gain,
        "warnings": encoded.warnings,
        **({"sidecar": str(args.sidecar)} if args.sidecar else {}), **profile,
    }  # fmt: skip
    lines = [
        ("JPEG", encoded.guide),
        ("alignment", encoded.alignment),
        (
            "size",
            f"{bytes_text(len(written))} and {bytes_text(encoded.metadata_bytes)} of RAW beside it"
            if args.sidecar
            else f"{bytes_text(len(written))}, of which the RAW {bytes_text(encoded.metadata_bytes)}",
        ),
        ("rate", f"{encoded.bpp:.4g} bits per pixel"),
        *([("this edit", f"up to {encoded.edit_gain:.1f} dB better than under the usual steps")]
          if encoded.edit_gain is not None else []),
        ("time", f"{encoded.seconds:.1f} s"),
    ]
    show(args, result, lines, title=str(output or args.sidecar))
    show_warnings(encoded.warnings)


def _metadata(args: argparse.Namespace) -> str:
    """What of the RAW's metadata is asked for."""
    asked = {"none": args.no_metadata, "all": args.gps, "whole": args.whole_note}
    return next((kind for kind, wanted in asked.items() if wanted), "auto")


def _info(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from ..info import info

    jpeg = source(args.jpeg, "JPEG")
    with explained("info", (args.jpeg, jpeg, "JPEG")):
        found = info(jpeg, sidecar=args.sidecar, max_pixels=args.max_pixels)
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
            *((name, text) for name, text in _digests(found) if text),
            ("format", f"version {found.version or 'unknown'}, model {found.model or 'unknown'}"),
        ]
    show(args, asdict(found), lines, title=str(args.jpeg))


def _digests(found: Info) -> Iterator[tuple[str, str | None]]:
    yield "parity", f"{found.parity:.1%}" if found.parity else None
    yield "RAW was", f"SHA-256 {found.raw_sha256}" if found.raw_sha256 else None
    yield "JPEG was", f"SHA-256 {found.jpeg_sha256}" if found.jpeg_sha256 else None
    yield "decodes to", f"mosaic digest {found.mosaic_digest}" if found.mosaic_digest else None


def _layers_text(found: Info) -> str:
    if not found.layers or found.layers == 1:
        return str(found.layers or "unknown")
    least = f", down to {bytes_text(found.least_bytes)}" if found.least_bytes else ""
    return f"{found.layers}, of the last {100 * (found.last_layer or 0):.0f} %{least}"
