"""From a folder of results to the report's files, written whole or not at all."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError
from ...bitstream.runtime.files import write_atomically
from ...codec.api import Progress
from ...codec.cli.places import check_output
from ..curves import OURS
from ..rows import Row, key
from ..summary import summarise
from . import published
from .checked import load
from .gallery import find
from .outputs import CURVES, PAGE, ROWS, TEXT
from .page import render, verdicts
from .plot import plot
from .results import Results
from .text import markdown

TRUNK = "trunk"


def make(
    folder: Path, trunk: Path | None = None, force: bool = False, progress: Progress = lambda what, share: None
) -> dict[str, Any]:
    """Write report.html, report.md and curves.png beside the rows; counts of what they tell.

    InputError: the rows can't be read, or the outputs not written; UsageError: one exists already, unless `force`.
    """
    outputs = [folder / name for name in (PAGE, TEXT, CURVES)]
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    for output in outputs:
        check_output(output, [], force)
    progress("reading the results", 0.0)
    rows = load(folder / ROWS)
    if trunk:
        rows += as_trunk(load(trunk), rows)
    progress("comparing", 0.2)
    results, summary = Results(rows), summarise(rows)
    found, gallery = verdicts(results), find(folder, results)
    command = shlex.join(["rawinlay", "bench", "report", str(folder), *(["--trunk", str(trunk)] if trunk else [])])
    progress("drawing", 0.5)
    page = render(results, summary, found, gallery, published.load(folder), command)
    text = markdown(results, summary, found)
    # Lone surrogates, which JSON can hold and UTF-8 cannot, become question marks.
    files = (page.encode("utf-8", "replace"), text.encode("utf-8", "replace"), plot(results))
    for output, data in zip(outputs, files, strict=True):
        write_atomically(output, data)
    headline = next((v for v in found if v.measure.name == "psnr"), None)
    return {
        "folder": str(folder), "files": len(results.files), "guides": results.guides, "codecs": results.codecs,
        "measurements": len(results.points), "failures": len(summary["failures"]),
        "losses": len(headline.losses) if headline else 0, "comparisons": headline.compared if headline else 0,
        "pictures": gallery.count, "broken_pictures": gallery.broken, "written": [o.name for o in outputs],
    }  # fmt: skip


def as_trunk(earlier: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """An earlier version's rows of ours as those of the codec "trunk", where there are none.

    Only of what is measured in `rows` too: curves through the same few rates err alike between them.
    """
    if any(row["codec"] == TRUNK for row in rows):
        return []
    there = {(*key(row)[:2], row["setting"]) for row in rows if row["codec"] == OURS}
    return [
        row | {"codec": TRUNK, "counts": f"everything, by commit {row.get('commit') or 'unknown'}"}
        for row in earlier if row["codec"] == OURS and (*key(row)[:2], row["setting"]) in there
    ]  # fmt: skip
