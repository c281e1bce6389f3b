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
    add_sidecar,
    byte_count,
    crop_of,
    file_path,
    number,
    percentage,
    rising_numbers,
    whole_number,
)  # fmt: skip
from .console import TerminalProgress, bytes_text, profiled, show, show_warnings
from .damage_map import write_map
from .places import DNG_SUFFIXES, JPEG_SUFFIXES, check_output, explained, renamed, source, write_output  # fmt: skip
from .shrink import strip_command, trim_command
from .verify import verify_command
from .words import jpeg_and_raw, output_of

if TYPE_CHECKING:
    from ..info import Info

CARRIER_SUFFIX = ".raw.jpg"
PREVIEW_TEXT = {
    "raw": "the RAW's own, small", "jpeg": "the JPEG", "neutral": "a neutral picture of the mosaic", "none": "none",
}  # fmt: skip


def encode_command(subparsers: Any) -> None:
    """Add `encode`."""
    parser = add_command(
        subparsers, "encode", "put a RAW into a JPEG of the same picture",
        "The JPEG is the one given; else a full-size one beside the RAW with the same stem; else the RAW's embedded\n"
        "full-size preview; else LibRaw's rendering. The output shows exactly that JPEG. Without a rate: --quality\n"
        "60. `rawinlay encode RAW JPEG` is the same as with --jpeg. - is stdin, and as OUT.jpg stdout.",
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
    parser.add_argument(
        "--parity",
        type=percentage,
        metavar="5%%",
        help="so many of the RAW's bytes more, which mend others that are lost or damaged later",
    )
    add_sidecar(parser, "write the RAW into a file of its own, and the JPEG, without it, only where -o says")
    add_device(parser)
    add_profile(parser)
    add_force(parser)
    parser.set_defaults(run=_encode, more=[])


def decode_command(subparsers: Any) -> None:
    """Add `decode`."""
    parser = add_command(
        subparsers, "decode", "write the RAW that a JPEG carries as a DNG",
        "Needs the JPEG only. The DNG is the same, bit for bit, on every machine. `rawinlay decode IN.jpg OUT.dng` is\n"
        "the same as with -o. - is stdin, and as OUT.dng stdout.",
        "rawinlay decode IMG_1-raw.jpg -o IMG_1.dng",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=file_path, help="a JPEG that carries a RAW")
    parser.add_argument("-o", "--output", type=file_path, metavar="OUT.dng", help="default: the JPEG's name with .dng")
    parser.add_argument("--crop", type=crop_of, metavar="X,Y,W,H",
                        help="a part alone, in pixels of the mosaic as stored; decodes only what it needs")  # fmt: skip
    parser.add_argument("--preview", choices=("auto", "raw", "jpeg", "neutral", "none"), default="auto",
                        help="picture in the DNG, to which some programs fit their tones: what the camera made of the "
                        "RAW (auto, default), the RAW's own, the JPEG, a neutral one, none")  # fmt: skip
    parser.add_argument(
        "--salvage",
        action="store_true",
        help="of a damaged RAW decode what is left, and write a map of it: OUT.salvage.png, .json",
    )
    parser.add_argument(
        "--unverified",
        action="store_true",
        help="write the RAW though it is not the one that was encoded, by the digest of it",
    )
    add_sidecar(parser, "the file that has the RAW, where the JPEG has not")
    add_max_pixels(parser)
    parser.add_argument("--unbounded", action="store_true",
                        help="decode a file of your own that is refused as too much work for its size")  # fmt: skip
    add_device(parser)
    add_profile(parser)
    add_force(parser)
    parser.set_defaults(run=_decode, more=[])


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
    "encode": encode_command, "decode": decode_command, "info": info_command, "verify": verify_command,
    "strip": strip_command, "trim": trim_command,
}  # fmt: skip
"""What this layer brings: found without a look at what is installed."""


def _settle() -> None:
    """This process is the command's own: what it imports may be less than others could ask of it."""
    from ...bitstream.runtime.jit import without_blas

    without_blas()


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
    _settle()
    raw, jpeg = source(raw_path, "RAW"), source(jpeg_path, "JPEG") if jpeg_path else None
    with profiled(args) as profile, TerminalProgress() as progress:
        with explained("encode", (raw_path, raw, "RAW"), (jpeg_path, jpeg, "JPEG")):
            encoded = encode(
                raw, jpeg, bpp=args.bpp, size=args.size, quality=args.quality, lossless=args.lossless,
                trimmable=args.trimmable, layers=args.layers, tune=args.tune, effort=args.effort, device=args.device,
                progress=progress, parity=args.parity,
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
        "alignment": encoded.alignment, "preview": encoded.preview, "warnings": encoded.warnings,
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
        ("time", f"{encoded.seconds:.1f} s"),
    ]
    show(args, result, lines, title=str(output or args.sidecar))
    show_warnings(encoded.warnings)


def _decode(args: argparse.Namespace) -> None:
    from ..api import decode

    output = output_of(args) or renamed("decode", args.jpeg, ".dng")
    inputs = [args.jpeg, *([args.sidecar] if args.sidecar else [])]
    check_output(output, inputs, args.force, DNG_SUFFIXES)
    _settle()
    jpeg = source(args.jpeg, "JPEG")
    with profiled(args) as profile, TerminalProgress() as progress:
        with explained("decode", (args.jpeg, jpeg, "JPEG")):
            decoded = decode(
                jpeg, crop=args.crop, preview=args.preview, max_pixels=args.max_pixels, unbounded=args.unbounded,
                device=args.device, progress=progress, salvage=args.salvage, unverified=args.unverified,
                sidecar=args.sidecar,
            )  # fmt: skip
            progress("writing", 1.0)
            data = decoded.dng()
        write_output(output, data, inputs, args.force, DNG_SUFFIXES)
        salvage = write_map(output, decoded.salvage, inputs, args.force)
    result = {
        "output": str(output), "width": decoded.width, "height": decoded.height, "cfa": decoded.cfa,
        "device": decoded.device, "seconds": round(decoded.seconds, 3), "layers": decoded.layers,
        "lossless": decoded.lossless, "crop": args.crop, "preview": decoded.preview_kind,
        "warnings": decoded.warnings, "salvage": salvage, **profile,
    }  # fmt: skip
    lines = [
        ("camera", decoded.raw.camera or "unknown"),
        ("mosaic", f"{decoded.width} x {decoded.height}, {decoded.cfa}"),
        ("layers", str(decoded.layers)),
        ("lossless", "yes" if decoded.lossless else "no"),
        ("preview", PREVIEW_TEXT[decoded.preview_kind]),
        *([("salvage", f"{decoded.salvage.recovered:.1%} of the tiles are whole")] if decoded.salvage else []),
        ("size", bytes_text(len(data))),
        ("time", f"{decoded.seconds:.1f} s on {decoded.device}"),
    ]
    show(args, result, lines, title=str(output))
    show_warnings(decoded.warnings)


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
