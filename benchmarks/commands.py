"""`rawinlay bench`: a command of commands. `rd` measures, `report` shows, `protocol` measures as others have.

Nothing heavy is imported before one of them runs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from ..bitstream.errors import UsageError
from ..bitstream.runtime.files import write_atomically
from ..codec.cli.arguments import Parser, add_command
from ..codec.cli.console import show

SUBCOMMANDS = (
    "rawinlay.benchmarks.commands:rd_command",
    "rawinlay.benchmarks.html.command:report_command",
    "rawinlay.benchmarks.commands:protocol_command",
    "rawinlay.benchmarks.commands:edits_command",
)  # fmt: skip
GUIDES = "libraw:95"
CODECS = "ours,jxl"
RATES = "0.1,0.2,0.4,0.8,1.5,3.0,lossless"
RAW_HELP = "folder of RAW files or simulated shots (.npz), or one of them"
ROWS, PROTOCOL_ROWS = "rows.jsonl", "protocol.jsonl"


def bench_command(subparsers: Any) -> None:
    """Add `bench`."""
    text = "The rate-distortion benchmark: real files, real bytes, every codec in fresh processes."
    example = "rawinlay bench rd --raw DIR --guide libraw:95,rtnr --codecs ours,jxl --out results"
    parser = subparsers.add_parser(
        "bench", help="measure against other codecs", description=text, epilog=f"example:\n  {example}"
    )
    inner = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for place in SUBCOMMANDS:
        module, _, name = place.partition(":")
        getattr(importlib.import_module(module), name)(inner)


def rd_command(subparsers: Any) -> None:
    """Add `bench rd`."""
    parser = add_command(
        subparsers, "rd", "measure bytes and quality of codecs on a folder of RAWs",
        "Every codec encodes and decodes every RAW in processes of its own, with every guide's JPEG if it uses one.\n"
        "DIR/rows.jsonl gets one line for each file, guide, codec and setting as soon as it is measured; started\n"
        "again, the command goes on where it was stopped. DIR/pictures gets crops, error and bit maps.\n\n"
        "Guides, each with [:quality[:sampling]]: libraw, darktable, rawtherapee, rtnr (RawTherapee's noise-reduction\n"
        "profile); and preview (the camera's own JPEG in the RAW), simulator (of simulated shots). What is absent is\n"
        "said so and left out. Codecs: names, groups (ours, blind, guided, learned), beginnings of names (jxl), all;\n"
        "`python -m rawinlay.benchmarks.peers list` tells them.",
        "rawinlay bench rd --raw DIR --guide libraw:95,rtnr --codecs ours,jxl --rates 0.1,0.4,1.5 --out results",
    )  # fmt: skip
    parser.add_argument("--raw", type=Path, required=True, metavar="DIR", help=RAW_HELP)
    parser.add_argument("--files", default="", metavar="NAME,...", help="only these; with * and ?")
    parser.add_argument("--codecs", default=CODECS, metavar="NAME,...", help="default %(default)s")
    parser.add_argument("--guide", action="append", metavar="NAME,...", help=f"default {GUIDES}")
    parser.add_argument("--rates", default=RATES, metavar="BPP,...", help="bits per pixel; default %(default)s")
    parser.add_argument("--out", type=Path, default=Path("bench-out"), metavar="DIR", help="default %(default)s")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keeps the guides; default in the user's cache")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="codings at once; times are only fair with 1")
    parser.add_argument("--fresh", action="store_true", help="measure again what other commits have measured")
    parser.add_argument("--no-pictures", action="store_true", help="rows only")
    parser.set_defaults(run=_rd)


def protocol_command(subparsers: Any) -> None:
    """Add `bench protocol`."""
    parser = add_command(
        subparsers, "protocol", "measure as R2LCM++ was published, on other data",
        "Demosaicked RAWs made small by 4, guided by 8-bit sRGB of the same demosaicking, three colours a pixel:\n"
        "the published protocol with this codec, as far as a codec of mosaics and JPEGs can follow it, and on other\n"
        "pictures. DIR/protocol.jsonl gets the rows, DIR/protocol.json and DIR/protocol.md the table beside the\n"
        "published figures. Started again, it goes on where it was stopped.",
        "rawinlay bench protocol --raw DIR --out results",
    )  # fmt: skip
    parser.add_argument("--raw", type=Path, required=True, metavar="DIR", help=RAW_HELP)
    parser.add_argument("--files", default="", metavar="NAME,...", help="only these; with * and ?")
    parser.add_argument("--codecs", default="rawinlay", metavar="NAME,...", help="that take bpp=; default %(default)s")
    parser.add_argument("--out", type=Path, default=Path("bench-out"), metavar="DIR", help="default %(default)s")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="files at once")
    parser.set_defaults(run=_protocol)


def edits_command(subparsers: Any) -> None:
    """Add `bench edits`."""
    parser = add_command(
        subparsers, "edits", "measure what edits of the decoded RAW show, at full size",
        "The middle of every RAW, coded by rawinlay (both tunes) and JPEG XL at equal bytes, developed by LibRaw and\n"
        "edited: exposure, shadows, curve, white balance, highlights, a look; beside it the JPEG edited instead.\n"
        "DIR/edited.jsonl gets the rows, DIR/edited.md the tables: PSNR, CIEDE2000, SSIMULACRA2, FLIP, and the bytes\n"
        "that +2 EV needs. Started again, it goes on where it was stopped.",
        "rawinlay bench edits --raw DIR --guide libraw:95,rtnr --rates 0.4,1,2 --out results",
    )  # fmt: skip
    parser.add_argument("--raw", type=Path, required=True, metavar="DIR", help=RAW_HELP)
    parser.add_argument("--files", default="", metavar="NAME,...", help="only these; with * and ?")
    parser.add_argument("--guide", default=GUIDES, metavar="NAME,...", help="default %(default)s")
    parser.add_argument("--rates", default="0.2,0.4,1,2", metavar="BPP,...", help="default %(default)s")
    parser.add_argument("--needed", action="store_true", help="look for the bytes that +2 EV needs, not by rates alone")
    parser.add_argument("--cut", type=_size, default=(1024, 768), metavar="WxH", help="default 1024x768")
    parser.add_argument("--out", type=Path, default=Path("bench-out"), metavar="DIR", help="default %(default)s")
    parser.set_defaults(run=_edits)


def _size(text: str) -> tuple[int, int]:
    """Columns and rows of "1024x768"."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 64):
        raise argparse.ArgumentTypeError(f"{text!r}: want WIDTHxHEIGHT, 64 pixels at least")
    return int(width), int(height)


def _edits(args: argparse.Namespace) -> None:
    from . import edited, guides, needed, rd
    from .inputs import find_inputs
    from .rows import Results

    rates = [rate for rate in rd.parse_rates(args.rates) if rate != rd.LOSSLESS]
    chosen = [guides.parse(word) for word in _words(args.guide)]
    sources = find_inputs(args.raw, _words(args.files), args.out / "inputs")
    results = Results(args.out / "edited.jsonl")
    try:
        say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
        campaign = edited.Campaign(sources, chosen, args.cut, args.out, results, say)
        campaign.rows(rates)
        if args.needed:
            campaign.needed()
    finally:
        results.close()
    text = needed.markdown(results.done.values())
    write_atomically(args.out / "edited.md", text.encode())
    if args.json:
        print(json.dumps({"rows": str(args.out / "edited.jsonl"), "all": len(results.done)}))
    else:
        print(text, end="")


def _protocol(args: argparse.Namespace) -> None:
    from . import protocol
    from .inputs import find_inputs
    from .processes import Processes, choose, read_codecs
    from .rows import Results

    processes = Processes(threads=_threads(args.jobs))
    codecs = [c for c in choose(args.codecs, read_codecs(processes)) if any(s.startswith("bpp=") for s in c.settings)]
    if not codecs:
        raise UsageError(f"--codecs {args.codecs}: none of them takes a rate in bpp, as this protocol asks for")
    sources = find_inputs(args.raw, _words(args.files), args.out / "inputs")
    results = Results(args.out / PROTOCOL_ROWS)
    try:
        say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
        protocol.Protocol(results, processes, say).run(sources, codecs, args.jobs)
    finally:
        results.close()
    found = protocol.write_table(args.out, results.done.values())
    if args.json:
        print(json.dumps(found))
    else:
        print(protocol.markdown(found), end="")


def _threads(jobs: int) -> int | None:
    """Threads of each process where several run at once."""
    return None if jobs <= 1 else max(1, (os.cpu_count() or 1) // jobs)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _rd(args: argparse.Namespace) -> None:
    from . import guides, rd
    from .inputs import find_inputs
    from .processes import Processes, choose, read_codecs
    from .rows import Results
    from .shown import Shown

    rates = rd.parse_rates(args.rates)
    words = [word.strip() for text in args.guide or [GUIDES] for word in text.split(",")]
    chosen = list({guide.name: guide for guide in map(guides.parse, words)}.values())
    jobs = max(1, args.jobs)
    processes = Processes(threads=_threads(jobs))
    codecs = choose(args.codecs, read_codecs(processes))
    sources = find_inputs(args.raw, _words(args.files), args.out / "inputs")
    results = Results(args.out / ROWS)
    command = (
        f"rawinlay bench rd --raw DIR --codecs {args.codecs} --guide {','.join(words)} --rates {args.rates} "
        f"--jobs {jobs} --out DIR"
    )
    shown = None if args.no_pictures else Shown(args.out, processes)
    cache = args.cache or guides.default_cache()
    bench = rd.Benchmark(results, processes, cache, shown, command, fresh=args.fresh)
    try:
        bench.run(rd.tasks_of(sources, chosen, codecs), rates, jobs)
    finally:
        results.close()
    lines = [
        ("measured", f"{bench.added} rows, {len(results.done)} in all"),
        ("failed", f"{bench.failed}, with the reason in the row"),
        ("rows", str(args.out / ROWS)),
    ]
    result = {"rows": str(args.out / ROWS), "added": bench.added, "failed": bench.failed, "all": len(results.done)}
    show(args, result, lines, title=str(args.out))
