"""The commands of this layer: encode, decode, info, strip. Each function adds one to argparse's subparsers."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codec.console import (
    TerminalProgress, add_command, add_force, byte_count, bytes_text, check_output, show, write_output,
)  # fmt: skip

CARRIER_SUFFIX = ".raw.jpg"


def encode_command(subparsers: Any) -> None:
    """Add `encode`."""
    parser = add_command(
        subparsers, "encode", "put a RAW into a JPEG of the same picture",
        "The JPEG is the one given; else a full-size one beside the RAW with the same stem; else the RAW's embedded\n"
        "full-size preview; else LibRaw's rendering. The output shows exactly that JPEG. Without a rate: --quality 60.",
        "rawinlay encode IMG_1.NEF --jpeg IMG_1.JPG -o IMG_1-raw.jpg --bpp 0.4",
    )  # fmt: skip
    parser.add_argument("raw", metavar="RAW", type=Path, help="any Bayer RAW that LibRaw reads")
    parser.add_argument("--jpeg", type=Path, metavar="JPEG", help="the JPEG to put it into")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.jpg", help="default: RAW's name with .raw.jpg")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--bpp", type=float, metavar="F", help="growth in bits per pixel of the mosaic, at most; 0.01 to 6")
    rate.add_argument("--size", type=byte_count, metavar="BYTES", help="growth in bytes, at most; 600k, 1.5M")
    rate.add_argument("--quality", type=float, metavar="Q", help="even error instead of a size, 0 to 100")
    parser.add_argument("--tune", choices=("psnr", "edit"), default="psnr",
                        help="error even in linear light (psnr, default) or against the noise (edit)")  # fmt: skip
    _add_device(parser)
    add_force(parser)
    parser.set_defaults(run=_encode)


def decode_command(subparsers: Any) -> None:
    """Add `decode`."""
    parser = add_command(
        subparsers, "decode", "write the RAW that a JPEG carries as a DNG",
        "Needs the JPEG only. The DNG is the same, bit for bit, on every machine.",
        "rawinlay decode IMG_1-raw.jpg -o IMG_1.dng",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=Path, help="a JPEG that carries a RAW")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.dng", help="default: the JPEG's name with .dng")
    _add_device(parser)
    add_force(parser)
    parser.set_defaults(run=_decode)


def info_command(subparsers: Any) -> None:
    """Add `info`."""
    parser = add_command(
        subparsers, "info", "tell what a JPEG carries",
        "Intact means that no byte of the RAW stream is damaged and that the picture is the one it belongs to. Exits\n"
        "with 0 whatever the JPEG carries.",
        "rawinlay info IMG_1-raw.jpg --json",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=Path, help="any JPEG")
    parser.set_defaults(run=_info)


def strip_command(subparsers: Any) -> None:
    """Add `strip`."""
    parser = add_command(
        subparsers, "strip", "take the RAW out of a JPEG again",
        "What is written is the JPEG that was encoded into, byte for byte, if nothing else changed it since.",
        "rawinlay strip IMG_1-raw.jpg -o IMG_1.jpg",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=Path, help="a JPEG that carries a RAW")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.jpg", required=True, help="the JPEG without it")
    add_force(parser)
    parser.set_defaults(run=_strip)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")


def _encode(args: argparse.Namespace) -> None:
    from codec import api

    output = args.output or args.raw.with_suffix(CARRIER_SUFFIX)
    inputs = [args.raw, *([args.jpeg] if args.jpeg else [])]
    read_inputs = api.read_inputs(args.raw, args.jpeg)
