"""Arguments: a parser whose errors are one line that helps, and the types of the options."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ...bitstream.errors import UsageError
from .printing import print_lines

if TYPE_CHECKING:
    from ..isp.settings import Settings

STANDARD = Path("-")
"""Standard input or output, as an argument."""

UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
_SIZE = re.compile(r"([0-9.]+(?:e[0-9]+)?)\s*([kmg]i?)?(?:b|bytes?)?", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """argparse with errors as `UsageError`, one line each, and help that keeps its line breaks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse's own lets it pass in silence where nothing could be printed.
        print_lines([message.rstrip("\n")], file)

    def unknown(self, option: str) -> NoReturn:
        """Refuse an option that is none; the nearest one is named."""
        name = option.partition("=")[0]
        if os.path.lexists(option):
            self.error(f"{option} reads as an option: a file of that name is written ./{option}")
        known = [option for action in self._actions for option in action.option_strings]
        if name in known:
            self.error(f"{name} is an option of the command: {self.prog} {name}")
        near = nearest(name, known)
        self.error(f"there is no option {name}" + (f": did you mean {near}?" if near else ""))


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that is most like `word`, if any is like it."""
    found = difflib.get_close_matches(word.lower(), known, 1, 0.65)
    return found[0] if found else None


def add_command(subparsers: Any, name: str, summary: str, description: str, example: str) -> argparse.ArgumentParser:
    """A command's parser, with --json and --quiet.

    Words that it has no place for are collected in `args.more`, if the command sets a default for it; else refused.
    """
    text = f"{summary[0].upper()}{summary[1:]}.\n\n{description}"
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=text, epilog=f"example:\n  {example}"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS,
                        help="print neither progress nor the result; warnings and errors stay")  # fmt: skip
    parser.set_defaults(parser=parser)
    return parser


def add_force(parser: argparse.ArgumentParser) -> None:
    """--force, for commands that write files."""
    parser.add_argument("--force", action="store_true", help="replace an output file that exists already")


def add_profile(parser: argparse.ArgumentParser) -> None:
    """--profile, for commands that take their time."""
    text = "tell on stderr where the time went: seconds of the processor, summed over threads"
    parser.add_argument("--profile", action="store_true", help=text)


def file_path(text: str) -> Path:
    """A path; "-" is `STANDARD`, a file of that name is "./-"."""
    path = Path(text)
    return Path(os.path.abspath(text)) if path == STANDARD and text != "-" else path


def place_text(text: str) -> str:
    """A path or a URL; "-" stays what it is, an empty one is refused."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name")
    return text


def number(text: str) -> float:
    """A number as people write it where the decimal sign is a point."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number{_point(text)}") from None


def whole_number(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device, for commands that compute."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")


def add_rate(parser: argparse.ArgumentParser) -> None:
    """What the RAW may cost, for commands that encode: at most one of four."""
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--bpp", type=number, metavar="F", help="growth in bits per pixel of the mosaic, at most")
    rate.add_argument("--size", type=byte_count, metavar="BYTES", help="growth in bytes, at most; 600k, 1.5M")
    rate.add_argument("--quality", type=number, metavar="Q", help="even error instead of a size, 0 to 100")
    rate.add_argument("--lossless", action="store_true", help="every value of the mosaic, bit for bit")
    parser.add_argument("--trimmable", action="store_true", help="in layers, for `rawinlay trim`; costs 1 to 2 %%")


def add_max_pixels(parser: argparse.ArgumentParser) -> None:
    """--max-pixels, for commands that read files of others."""
    parser.add_argument("--max-pixels", type=pixel_count, metavar="N",
                        help="refuse a JPEG or a mosaic of more, before any work; 50M is 50 megapixels")  # fmt: skip


def add_sidecar(parser: argparse.ArgumentParser, text: str) -> None:
    """--sidecar, for commands that read or write the RAW as a file of its own."""
    parser.add_argument("--sidecar", type=file_path, metavar="F", help=text)


def percentage(text: str) -> float:
    """A share of "5%" or "5 %"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text.strip())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage: want one like 5%{_point(text)}")
    return float(match[1]) / 100


def settings_of(text: str) -> Settings:
    """A development of "exposure=+2,temperature=3000"."""
    from ..isp.settings import Settings

    try:
        return Settings.of_text(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def byte_count(text: str) -> int:
    """Bytes of "600k", "1.5M", "600 kB", "600KiB" or "600000": k is 1000, M a million; Ki 1024, Mi 1024 of those."""
    match = _SIZE.fullmatch(text.strip())
    try:
        value = float(match[1]) * UNITS[(match[2] or "").lower()] if match else math.nan
    except ValueError:
        value = math.nan
    if not 1 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: want bytes, like 600k or 1.5M{_point(text)}")
    return int(value)


def memory_count(text: str) -> int:
    """As `byte_count`, of any size."""
    match = _SIZE.fullmatch(text.strip())
    if not match or not (value := float(match[1]) * UNITS[(match[2] or "").lower()]) >= 1 << 20:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory: want one like 4G, of 1 Mi at least")
    return int(value)


def pixel_count(text: str) -> int:
    """Pixels of "50M" or "50000000"."""
    try:
        return byte_count(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pixels: want one like 50M") from None


def crop_of(text: str) -> tuple[int, int, int, int]:
    """Column, row, width and height of "X,Y,W,H"."""
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no crop: want X,Y,W,H in pixels, like 80,60,640,480") from None
    return x, y, width, height


def rising_numbers(text: str) -> tuple[float, ...]:
    """Numbers above 0 of "0.1,0.4,1.5", each above the one before."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(a < b for a, b in zip((0.0, *numbers), (*numbers, math.inf), strict=True)):
        raise argparse.ArgumentTypeError(f"{text!r}: want rising numbers of bits per pixel, like 0.1,0.4,1.5")
    return numbers


def _point(text: str) -> str:
    """A hint where a comma stands for the point."""
    return f"; the decimal sign is a point: {text.replace(',', '.')}" if re.fullmatch(r"\d*,\d+\D*", text) else ""
