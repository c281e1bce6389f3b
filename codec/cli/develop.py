"""The command `develop`."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from .arguments import STANDARD, add_command, add_force, file_path, number, whole_number
from .console import TerminalProgress, show
from .places import check_output, explained, renamed, source, write_output
from .words import output_of

ENDINGS = (".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".png")

HELP = {
    "exposure": ("EV", "light times 2^EV, -8 to 8"),
    "temperature": ("K", "of the light that is to be grey, 1667 to 25000: higher makes the picture warmer"),
    "tint": ("T", "of that light, -150 to 150: higher makes the picture more magenta"),
    "contrast": ("C", "-100 to 100"),
    "highlights": ("H", "-100 to 100: below 0 bright areas get darker"),
    "shadows": ("S", "-100 to 100: above 0 dark areas get brighter"),
    "saturation": ("S", "-100 to 100"),
}


def develop_command(subparsers: Any) -> None:
    """Add `develop`."""
    parser = add_command(
        subparsers, "develop", "make a picture from the RAW in a JPEG, or from a RAW",
        "Every slider starts from the picture as the camera showed it: tones and colours are brought to those of the\n"
        "JPEG first (--look plain: they are not). 8 bits a channel; --bits 16 for a TIFF. sRGB.",
        "rawinlay develop IMG_1-raw.jpg -o IMG_1-edit.jpg --exposure 0.7 --shadows 40 --temperature 5200",
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE", type=file_path, help="a JPEG that carries a RAW, or a RAW")
    parser.add_argument("-o", "--output", type=file_path, metavar="OUT.jpg|.tif|.png",
                        help="default: FILE's name with .developed.jpg")  # fmt: skip
    for name, (unit, text) in HELP.items():
        parser.add_argument(f"--{name}", type=number, metavar=unit, help=text)
    parser.add_argument("--look", default="camera", metavar="NAME[:W][,NAME:W]",
                        help="camera (default), or another (rawinlay look list); W: weights, mixed")  # fmt: skip
    parser.add_argument("--look-like", type=file_path, metavar="REF.jpg",
                        help="a picture whose look is wanted: of the same scene, or, roughly, of another")  # fmt: skip
    parser.add_argument("--auto", action="store_true", help="tones for the whole range of light, by areas")
    parser.add_argument("--local-exposure", nargs="?", type=number, const=1.0, default=0.0, metavar="0..1",
                        help="each part of the picture exposed for itself; how much")  # fmt: skip
    parser.add_argument("--lut", type=file_path, metavar="FILE.cube", help="a table of colours, applied last")
    parser.add_argument("--size", type=whole_number, metavar="PX", help="longest side; never enlarged")
    parser.add_argument("--bits", type=whole_number, default=8, metavar="8|16", help="of a TIFF's channels")
    parser.add_argument("--jpeg-quality", type=whole_number, default=92, metavar="Q", help="of a JPEG, default 92")
    add_force(parser)
    parser.set_defaults(run=_develop, more=[])


def _is_jpeg(file: Path | bytes) -> bool:
    """Whether a file begins as a JPEG does; what can't be read isn't one."""
    try:
        if isinstance(file, bytes):
            head = file[:2]
        else:
            with file.open("rb") as opened:
                head = opened.read(2)
    except OSError:
        return False
    return head == b"\xff\xd8"


def _develop(args: argparse.Namespace) -> None:
    from ...bitstream.errors import UsageError
    from ..develop import develop, kind_of_name
    from ..isp.cube import Cube
    from ..isp.settings import Settings

    output: Path = output_of(args) or renamed("develop", args.file, ".developed.jpg")
    check_output(output, [args.file, *(p for p in (args.lut, args.look_like) if p)], args.force)
    kind = "jpeg" if output == STANDARD else kind_of_name(output)
    if args.bits == 16 and kind != "tiff":
        raise UsageError(f"{output}: 16 bits go into a TIFF: name it .tif")
    if not 1 <= args.jpeg_quality <= 100:
        raise UsageError(f"a JPEG's quality of {args.jpeg_quality}: want 1 to 100")
    if args.look_like and args.look != "camera":
        raise UsageError("--look-like is a look of its own: it goes without --look")
    sliders = {f.name: getattr(args, f.name) for f in fields(Settings) if getattr(args, f.name) is not None}
    settings = Settings(**sliders)
    cube = Cube.read(args.lut) if args.lut else None
    file = source(args.file, "JPEG or RAW")
    want = "JPEG" if _is_jpeg(file) else "RAW"
    with TerminalProgress() as progress:
        progress("developing", 0.0)
        with explained("develop", (args.file, file, want)):
            found = develop(
                file, settings, look=args.look_like or args.look, auto=args.auto,
                local_exposure=args.local_exposure, lut=cube, size=args.size, bits=args.bits,
            )  # fmt: skip
        progress("writing", 1.0)
        write_output(output, found.file(kind, args.jpeg_quality), [args.file], args.force)
    height, width = found.picture.shape[:2]
    result = {
        "output": str(output), "width": width, "height": height, "bits": args.bits, "look": found.look,
        "temperature": None if found.kelvin is None else round(found.kelvin),
        "tint": None if found.tint is None else round(found.tint, 1), "settings": sliders,
        "seconds": round(found.seconds, 3),
    }  # fmt: skip
    lines = [("picture", f"{width} x {height}, {args.bits} bits"), ("look", found.look)]
    if found.kelvin is not None and found.tint is not None:
        lines.append(("light", f"{found.kelvin:.0f} K, tint {found.tint:+.0f}"))
    lines.append(("time", f"{found.seconds:.1f} s"))
    show(args, result, lines, title=str(output))
