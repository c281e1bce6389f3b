"""Rows that the rest of the report can rely on: a file of results may come from anywhere.

A row of which something is not what `benchmarks.rows` says it is becomes a row with an error that tells what; the
optional measures and costs that are no numbers are left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError
from ..rows import Row, read_rows

LONGEST = 500  # characters of a text that are kept
NAMES = ("file", "guide", "codec", "setting")
TEXTS = ("camera", "guide_program", "counts", "state", "machine", "commit", "command")


def load(path: Path) -> list[Row]:
    """The rows of a file, checked. InputError: it can't be read, a line of it is no row, or it has none."""
    try:
        rows = read_rows(path)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read the results {path}: {error}") from error
    if not rows:
        raise InputError(f"{path} holds no rows")
    return checked(rows)


def checked(rows: Iterable[Row]) -> list[Row]:
    """Rows whose names and texts are short printable texts and whose numbers are finite numbers."""
    return [_row(row) for row in rows]


def _row(row: Row) -> Row:
    out: Row = {name: short(row.get(name, "")) for name in NAMES}
    out |= {name: short(row[name]) for name in TEXTS if row.get(name) is not None}
    versions = row.get("versions")
    if isinstance(versions, Mapping):
        out["versions"] = {short(name): short(value) for name, value in versions.items()}
    if number(row.get("pixels")) > 0:
        out["pixels"] = int(row["pixels"])
    if "error" in row:
        return out | {"error": short(row["error"]) or "no reason given"}
    wrong = _wrong(row)
    if wrong:
        return out | {"error": f"the row is damaged: {wrong}"}
    out |= {"bpp": float(row["bpp"]), "psnr": row["psnr"], "identical": row["identical"]}
    for name in ("bytes", "max_error", "ssim"):
        if not math.isnan(number(row.get(name))):
            out[name] = row[name]
    if "psnr_companded" in row and _decibels(row["psnr_companded"]):
        out["psnr_companded"] = row["psnr_companded"]
    if isinstance(row.get("edits"), Mapping):
        out["edits"] = {short(name): _edit(edit) for name, edit in row["edits"].items() if isinstance(edit, Mapping)}
    for what in ("encode", "decode"):
        if isinstance(row.get(what), Mapping):
            out[what] = {short(name): cost for name, cost in row[what].items() if number(cost) >= 0}
    return out


def _wrong(row: Row) -> str:
    """What makes the measures of a row unusable, or nothing."""
    if not all(isinstance(row.get(name), str) for name in NAMES):
        return "a name is no text"
    if not number(row.get("bpp")) > 0:
        return "bpp is no number above 0"
    if "psnr" not in row or not _decibels(row["psnr"]):
        return "psnr is neither a number nor null"
    if not isinstance(row.get("identical"), bool):
        return "identical is neither true nor false"
    if row["setting"].startswith("bpp=") and math.isnan(target(row["setting"])):
        return "the setting asks for no rate"
    return ""


def _edit(edit: Mapping[str, Any]) -> Row:
    out = {"psnr": edit["psnr"]} if "psnr" in edit and _decibels(edit["psnr"]) else {}
    return out | ({} if math.isnan(number(edit.get("ciede2000"))) else {"ciede2000": edit["ciede2000"]})


def _decibels(value: Any) -> bool:
    """Whether a value is a number of dB or null, which stands for infinite."""
    return value is None or not math.isnan(number(value))


def target(setting: str) -> float:
    """The rate above 0 that "bpp=0.4" asks for; NaN where it asks for none."""
    try:
        found = float(setting.removeprefix("bpp="))
    except ValueError:
        return math.nan
    return found if 0 < found < math.inf else math.nan


def number(value: Any) -> float:
    """A finite number of a row as a float, NaN for everything else, true and false included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def short(value: Any, longest: int = LONGEST) -> str:
    """A value as a text of a length that a page can bear, without control characters or halves of surrogate pairs."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = "".join(c if c.isprintable() else " " for c in text[: longest + 1])
    return text if len(text) <= longest else text[:longest] + "…"
