"""The command `decode`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ...bitstream.errors import UsageError
from .arguments import (
    add_command,
    add_device,
    add_force,
    add_max_pixels,
    add_profile,
    add_sidecar,
    crop_of,
    file_path,
    number,
)  # fmt: skip
from .console import TerminalProgress, bytes_text, profiled, show, show_warnings
from .damage_map import write_map
from .places import check_output, explained, form_of, is_stdout, renamed, source, write_output
from .words import output_of

PREVIEW_TEXT = {
    "raw": "the RAW's own, small", "jpeg": "the JPEG", "neutral": "a neutral picture of the mosaic", "none": "none",
}  # fmt: skip


def decode_command(subparsers: Any) -> None:
    """Add `decode`."""
    parser = add_command(
        subparsers, "decode", "write the RAW that a JPEG carries as a DNG",
        "Needs the JPEG only. The mosaic is the same, bit for bit, on every machine. `rawinlay decode IN.jpg OUT.dng`\n"
        "is the same as with -o. - is stdin, and as OUT.dng stdout. OUT.tif, OUT.npy and OUT.raw are the mosaic's\n"
        "numbers as a TIFF, as NumPy's array, and bare, with their facts in OUT.raw.json.",
        "rawinlay decode IMG_1-raw.jpg -o IMG_1.dng",
    )  # fmt: skip
    parser.add_argument("jpeg", metavar="IN.jpg", type=file_path, help="a JPEG that carries a RAW")
    parser.add_argument("-o", "--output", type=file_path, metavar="OUT.dng",
                        help="default: the JPEG's name with .dng; .tif, .npy and .raw too")  # fmt: skip
    parser.add_argument("--format", choices=("dng", "tif", "npy", "raw"),
                        help="what to write where the output's name does not tell: on stdout, say")  # fmt: skip
    parser.add_argument("--dng-jxl", action="store_true",
                        help="a DNG of JPEG XL (DNG 1.7, lossless): for programs of 2024 and later")  # fmt: skip
    parser.add_argument("--jxl-distance", type=number, metavar="D",
                        help="a DNG of JPEG XL with loss: libjxl's distance, 0.05 to 15")  # fmt: skip
    parser.add_argument("--crop", type=crop_of, metavar="X,Y,W,H",
                        help="a part alone, in pixels of the mosaic as stored; decodes only what it needs")  # fmt: skip
    parser.add_argument("--preview", choices=("screen", "full", "none", "auto", "raw", "jpeg", "neutral"),
                        default="screen", help="picture in the DNG, to which some programs fit their tones: what the "
                        "camera made of the RAW, of screen size (default) or full size, or none; or by kind: the RAW's "
                        "own, the JPEG, a small neutral one, whichever applies (auto)")  # fmt: skip
    parser.add_argument("--salvage", action="store_true",
                        help="of a damaged RAW write what is left, and a map of it: OUT.salvage.png, "
                        "OUT.salvage.json")  # fmt: skip
    parser.add_argument("--unverified", action="store_true",
                        help="write the RAW though its digest is not that of what was encoded")  # fmt: skip
    add_sidecar(parser, "the file that has the RAW, where the JPEG has not")
    parser.add_argument("--grain", action="store_true",
                        help="put back the noise that coding took away, as grain of its variance")  # fmt: skip
    add_max_pixels(parser)
    parser.add_argument("--unbounded", action="store_true",
                        help="decode a file of your own that is refused as too much work for its size")  # fmt: skip
    add_device(parser)
    add_profile(parser)
    add_force(parser)
    parser.set_defaults(run=_run, more=[])


def settle() -> None:
    """This process is the command's own: what it imports may be less than others could ask of it."""
    from ...bitstream.runtime.jit import ALONE

    ALONE.append(True)


def _run(args: argparse.Namespace) -> None:
    from ..api import decode

    output = output_of(args) or renamed("decode", args.jpeg, f".{args.format or 'dng'}")
    form, suffixes = form_of(output, args.format)
    jxl = (args.jxl_distance or 0.0) if args.dng_jxl or args.jxl_distance is not None else None
    if jxl is not None and form != "dng":
        raise UsageError(f"JPEG XL is for DNGs; a .{form} holds plain numbers")
    beside = output.with_name(f"{output.name}.json") if form == "raw" and not is_stdout(output) else None
    inputs = [args.jpeg, *([args.sidecar] if args.sidecar else [])]
    for path, endings in ((output, suffixes), (beside, (".json",))):
        if path:
            check_output(path, inputs, args.force, endings)
    if jxl is not None:
        from ...bitstream.dng.jxl import JpegXl, need_imagecodecs

        need_imagecodecs()
        JpegXl(jxl)
    settle()
    jpeg = source(args.jpeg, "JPEG")
    with profiled(args) as profile, TerminalProgress() as progress:
        with explained("decode", (args.jpeg, jpeg, "JPEG")):
            decoded = decode(
                jpeg, crop=args.crop, preview=args.preview, grain=args.grain, max_pixels=args.max_pixels,
                unbounded=args.unbounded, device=args.device, progress=progress, salvage=args.salvage,
                unverified=args.unverified, sidecar=args.sidecar,
            )  # fmt: skip
            progress("writing", 1.0)
            data = decoded.dng(jxl) if form == "dng" else decoded.file(form)
        write_output(output, data, inputs, args.force, suffixes)
        salvage = write_map(output, decoded.salvage, inputs, args.force)
        if beside:
            told = json.dumps(decoded.facts, indent=1).encode() + b"\n"
            write_output(beside, told, inputs, args.force, (".json",))
    preview_bytes = len(decoded.preview or b"") if form == "dng" else 0
    result = {
        "output": str(output), "width": decoded.width, "height": decoded.height, "cfa": decoded.cfa,
        "device": decoded.device, "seconds": round(decoded.seconds, 3), "layers": decoded.layers,
        "lossless": decoded.lossless, "crop": args.crop, "preview": decoded.preview_kind,
        "default_crop": decoded.default_crop, "grain": decoded.grain,
        "margins": list(decoded.raw.border.sides) if decoded.raw.border else None,
        "format": form, "bytes": len(data), "preview_bytes": preview_bytes, "facts": decoded.facts,
        "warnings": decoded.warnings, "salvage": salvage, **profile,
    }  # fmt: skip
    share = f", of which the preview {bytes_text(preview_bytes)}" if preview_bytes else ""
    lines = [
        ("camera", decoded.raw.camera or "unknown"),
        ("mosaic", f"{decoded.width} x {decoded.height}, {decoded.cfa}"),
        ("layers", str(decoded.layers)),
        ("lossless", "yes" if decoded.lossless else "no"),
        *([("preview", PREVIEW_TEXT[decoded.preview_kind])] if form == "dng" else []),
        *([("frame", "as the JPEG: {2} x {3} at {0},{1}".format(*decoded.default_crop))] if decoded.default_crop else
        []), *([("salvage", f"{decoded.salvage.recovered:.1%} of the tiles are whole")] if decoded.salvage else []),
        ("size", bytes_text(len(data)) + share),
        ("time", f"{decoded.seconds:.1f} s on {decoded.device}"),
    ]
    show(args, result, lines, title=str(output))
    show_warnings(decoded.warnings)
