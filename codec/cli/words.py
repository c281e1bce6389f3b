"""What words without an option stand for: the JPEG of `encode RAW JPEG`, the output of `decode IN OUT`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.filetype import HEAD, JPEG, RAW, FileType, file_type
from .arguments import STANDARD, UNITS, Parser, file_path
from .places import one_at_a_time


def take(args: argparse.Namespace, words: Sequence[str]) -> None:
    """Hand a command the words that its parser has no place for; UsageError where it has no use for them."""
    if not words:
        return
    parser: Parser = args.parser
    for word in words:
        if word.startswith("-") and word != "-":
            parser.unknown(word)
    for word in words:
        if word.lower().removesuffix("b") in UNITS and not os.path.exists(word):
            parser.error(f"a size and its unit are one word, like 600{word}")
    if not hasattr(args, "more"):
        _refuse(args, words)
    args.more = [file_path(word) for word in words]


def jpeg_and_raw(args: argparse.Namespace) -> tuple[Path, Path | None]:
    """(RAW, JPEG or None) of `encode RAW [JPEG]`, in either order where their contents tell."""
    if not args.more:
        return args.raw, args.jpeg
    if args.jpeg or len(args.more) > 1:
        _refuse(args, args.more)
    first, second = args.raw, args.more[0]
    kinds = _kind(first), _kind(second)
    groups = tuple(kind.group if kind else None for kind in kinds)
    if groups[1] == JPEG and groups[0] != JPEG:
        return first, second
    if groups[0] == JPEG and groups[1] == RAW:
        return second, first
    if groups == (JPEG, JPEG):
        raise InputError(f"{first} and {second} are both JPEGs: encode wants the RAW and its JPEG")
    if groups[1] == RAW:
        raise UsageError(f"{first} and {second} are both RAWs; {one_at_a_time('encode')}")
    if second != STANDARD and not second.exists():
        raise InputError(f"cannot read the JPEG {second}: there is no such file (the output is named with -o {second})")
    if second == STANDARD:
        return first, second
    raise InputError(f"{second} is {kinds[1].name if kinds[1] else 'of an unknown kind'}, not a JPEG")


def output_of(args: argparse.Namespace) -> Path | None:
    """The output of `decode IN [OUT]`, `strip IN [OUT]`, `trim IN [OUT]`, with or without -o; then in `args.output`."""
    if not args.more:
        return args.output
    if args.output or len(args.more) > 1:
        _refuse(args, args.more)
    kind = _kind(args.more[0])
    if kind and kind.group == JPEG and args.parser.prog.endswith("decode"):
        _refuse(args, args.more)
    args.output = args.more[0]
    return args.output


MEANT = {
    "embed": "encode", "pack": "encode", "compress": "encode", "extract": "decode", "unpack": "decode",
    "decompress": "decode", "restore": "decode", "check": "verify", "show": "info",
    "inspect": "info", "list": "info", "test": "verify", "remove": "strip", "clean": "strip", "shrink": "trim",
    "reduce": "trim", "diff": "compare", "psnr": "compare", "version": "--version", "example": "demo",
    "benchmark": "bench",
}  # fmt: skip
"""What other programs call it."""


def guess(word: str) -> str | None:
    """A command line for a word that is no command: by what others call it, or by the file that it names."""
    kind = _kind(Path(word))
    if kind and kind.group == RAW:
        return f"encode {word}"
    return f"info {word}" if kind and kind.group == JPEG else MEANT.get(word.lower())


def _refuse(args: argparse.Namespace, words: Sequence[str | Path]) -> NoReturn:
    """UsageError for words too many."""
    parser: Parser = args.parser
    command = parser.prog.split()[-1]
    many = any(os.path.isfile(word) for word in words) and command in ("encode", "decode", "info", "strip", "trim")
    if many:
        parser.error(f"too many files, from {words[0]} on; {one_at_a_time(command)}")
    parser.error(f"there is no place for {' '.join(map(str, words))}")


def _kind(path: Path) -> FileType | None:
    """What a regular file is; None for what is none, or of an unknown kind."""
    try:
        if not path.is_file():
            return None
        with open(path, "rb") as file:
            return file_type(file.read(HEAD), path.name)
    except (OSError, ValueError):
        return None
