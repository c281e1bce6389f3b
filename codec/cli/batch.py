"""The command `batch`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bitstream.errors import InputError, UsageError
from .arguments import add_command, add_rate, file_path, memory_count, place_text, whole_number
from .console import TerminalProgress, bytes_text, show
from .distribution import NAME
from .printing import say

if TYPE_CHECKING:
    from ..archive.batch import Batch, Plan, Summary

SHOWN = 20
"""Failures and problems that are listed on the screen; the report has all."""

TRASH = ".rawinlay-trash"


def batch_command(subparsers: Any) -> None:
    """Add `batch`."""
    parser = add_command(
        subparsers, "batch", "put many RAWs into their JPEGs",
        "RAW and JPEG are paired by name, shot time and camera, in a folder, sub-folders or several trees; what can't\n"
        "be told is reported, never guessed. A journal keeps what is done: after any interruption --resume goes on.\n"
        "RAWs stay where they are, unless --delete-raw moves them, checked, into a trash folder. Without a rate:\n"
        "--quality 60. Exit code 3 where something could not be done.",
        "rawinlay batch ~/Photos/2024 -o ~/Archive/2024 --bpp 0.4 --report report.jsonl",
    )  # fmt: skip
    parser.add_argument("sources", metavar="SRC", nargs="+", type=place_text, help="folders, files, URLs")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("-o", "--to", type=place_text, metavar="DST", help="folder or URL for them, as the sources lie")
    where.add_argument("--in-place", action="store_true", help="into the JPEGs where they lie (`strip` undoes it)")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    parser.add_argument("--resume", action="store_true", help="go on with a batch that was begun there")
    parser.add_argument("--force", action="store_true", help="replace outputs that exist and are not the batch's own")
    parser.add_argument("--jobs", type=whole_number, metavar="N", help="at once; default: one a core")
    parser.add_argument("--memory", type=memory_count, metavar="BYTES", help="that all together may want; 4G")
    parser.add_argument("--report", type=file_path, metavar="FILE.jsonl", help="a line of JSON for each RAW")
    parser.add_argument("--delete-raw", action="store_true",
                        help="decode each output afresh, compare, then move the RAW into the trash folder")  # fmt: skip
    parser.add_argument("--trash", type=file_path, metavar="DIR", help=f"default: {TRASH} beside the journal")
    parser.add_argument("--engine", choices=("local", "ray"), default="local",
                        help="processes, or actors of a Ray cluster that reaches the same paths")  # fmt: skip
    parser.add_argument("--address", metavar="HOST:PORT", help="of the Ray cluster; default: one begun here")
    parser.add_argument("--journal", type=file_path, metavar="FILE", help="where what is done is kept")
    add_rate(parser)
    parser.add_argument("--effort", type=whole_number, default=5, metavar="1..9", help="how hard to think; default 5")
    parser.set_defaults(run=_batch)


def _batch(args: argparse.Namespace) -> None:
    from functools import partial

    from ..archive.batch import Batch, ReportFile
    from ..archive.ray_workers import RayWorkers
    from ..archive.stores import is_local, place

    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"{args.jobs} jobs: want 1 or more")
    options: dict[str, Any] = {
        name: value for name in ("bpp", "size", "quality", "effort") if (value := getattr(args, name)) is not None
    }
    options |= {name: True for name in ("lossless", "trimmable") if getattr(args, name)}
    _check(options)
    if options.get("lossless") or args.delete_raw:
        options["metadata"] = "whole"  # what is archived is all there
    sources, to = [place(text) for text in args.sources], None if args.in_place else place(args.to)
    if args.delete_raw and not all(map(is_local, sources)):
        raise UsageError("--delete-raw moves RAWs of this machine only")
    batch = Batch(
        sources, to, options, jobs=args.jobs, memory=args.memory, force=args.force, journal=args.journal
    )
    if args.address and args.engine != "ray":
        raise UsageError("--address is of --engine ray")
    if args.engine == "ray":
        batch.workers = partial(RayWorkers, address=args.address, fixed=args.jobs is not None)
    if args.dry_run:
        with TerminalProgress() as progress:
            plan = batch.plan(progress)
        _show_plan(args, plan)
        return
    if batch.journal.path.exists() and not args.resume:
        raise UsageError(f"a batch was begun in {batch.journal.path.parent}: --resume goes on with it")
    with batch.journal.opened(), TerminalProgress() as progress:
        report = ReportFile(args.report) if args.report else None
        plan = batch.plan(progress)
        summary = batch.run(plan, progress, report)
        moved = _into_trash(args, batch, plan, progress) if args.delete_raw else None
        if report:
            report.close()
    _show_summary(args, batch, plan, summary, moved)


def _check(options: dict[str, Any]) -> None:
    """Mistakes in the options are told once, before anything is read."""
    from ..encoder.options import EncodeOptions, Rate

    rates = {name: value for name, value in options.items() if name not in ("effort", "metadata")}
    EncodeOptions(rate=Rate(**rates), effort=options.get("effort", 5))


def _show_plan(args: argparse.Namespace, plan: Plan) -> None:
    found = plan.found
    result = {
        "pairs": [{"raw": str(t.pair.raw), "jpeg": str(t.pair.jpeg) if t.pair.jpeg else None,
                   "output": str(t.output), "sidecars": [str(path) for path in t.pair.sidecars]} for t in plan.tasks],
        "problems": [{"raw": str(p.raw), "error": p.why} for p in found.problems],
        "unused": [str(path) for path in found.unused], "carriers": [str(path) for path in found.carriers],
        "unreadable": plan.unreadable,
    }  # fmt: skip
    lines = [
        ("pairs", str(sum(t.pair.jpeg is not None for t in plan.tasks))),
        ("RAWs alone", f"{sum(t.pair.jpeg is None for t in plan.tasks)} (their own preview, or a rendering)"),
        ("problems", str(len(found.problems))),
        ("other JPEGs", f"{len(found.unused)}, and {len(found.carriers)} that carry a RAW already"),
    ]
    show(args, result, lines, title="nothing is written: --dry-run")
    _list([f"{problem.raw}: {problem.why}" for problem in found.problems] + plan.unreadable)


def _show_summary(
    args: argparse.Namespace, batch: Batch, plan: Plan, summary: Summary, moved: dict[str, Any] | None
) -> None:
    failures = [entry for entry in batch.journal.entries.values()
                if entry["state"] == "failed" and any(str(t.pair.raw) == entry["raw"] for t in plan.tasks)]  # fmt: skip
    result = {
        "done": summary.done, "failed": summary.failed, "skipped": summary.skipped, "problems": summary.problems,
        "by_camera": summary.by_camera, "seconds": round(summary.seconds, 1), "journal": str(batch.journal.path),
        "failures": [{k: entry[k] for k in ("raw", "error", "code")} for entry in failures],
        **({"moved": moved} if moved is not None else {}),
    }  # fmt: skip
    lines = [("done", f"{summary.done}, and {summary.skipped} before"), ("failed", str(summary.failed)),
             ("problems", str(summary.problems))]  # fmt: skip
    for camera, group in sorted(summary.by_camera.items()):
        whole, grown = (bytes_text(group[name]) for name in ("raw_bytes", "grown_bytes"))
        lines.append((camera, f"{group['raws']} RAWs of {whole} take {grown} in the JPEGs"))
    if moved is not None:
        lines.append(("moved", f"{moved['raws']} RAWs into {moved['trash']}"))
    show(args, result, lines, title=str(batch.journal.path.parent))
    _list([f"{entry['raw']}: {entry['error']} (exit code {entry['code']})" for entry in failures]
          + [f"{problem.raw}: {problem.why}" for problem in plan.found.problems] + plan.unreadable
          + [f"{line['raw']}: stays: {line['error']}" for line in (moved or {}).get("kept", [])])  # fmt: skip
    wrong = summary.failed + summary.problems + len((moved or {}).get("kept", []))
    if wrong:
        raise InputError(f"{wrong} of {summary.done + summary.skipped + summary.failed + summary.problems} RAWs could "
                         "not be done; --resume tries those that failed again")  # fmt: skip


def _list(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        say(f"{NAME}: {line}")
    if len(lines) > SHOWN:
        say(f"{NAME}: and {len(lines) - SHOWN} more: --report has all")


def _into_trash(args: argparse.Namespace, batch: Batch, plan: Plan, progress: TerminalProgress) -> dict[str, Any]:
    """Check what is done, each in a fresh process, and move its RAW; what stays, and why."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from ..archive.journal import stamp
    from ..archive.trash import checked, moved

    trash: Path = args.trash or batch.journal.path.parent / TRASH
    done = [entry for entry in batch.journal.entries.values()
            if entry["state"] == "done" and entry["raw_is"] == stamp(Path(entry["raw"]))]  # fmt: skip
    out: dict[str, Any] = {"raws": 0, "bytes": 0, "trash": str(trash), "kept": []}
    context = multiprocessing.get_context("spawn")
    for n, entry in enumerate(done):
        progress("checking and moving RAWs", n / len(done))
        raw, jpeg = Path(entry["raw"]), Path(entry["output"])
        try:
            with ProcessPoolExecutor(1, context) as fresh:
                check = fresh.submit(checked, raw, jpeg, bool(batch.options.get("lossless"))).result()
            if check.error:
                raise InputError(check.error)
            if entry["raw_is"] != stamp(raw):
                raise InputError("it has changed since it was encoded")
            size = raw.stat().st_size
            moved(raw, jpeg, check, batch.root, trash)
        except (InputError, OSError, RuntimeError) as error:
            out["kept"].append({"raw": str(raw), "error": str(error)})
            continue
        out["raws"] += 1
        out["bytes"] += size
    return out
