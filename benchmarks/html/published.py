"""R2LCM++'s published figures and ours by the same protocol, which `rawinlay bench protocol` leaves in DIR."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checked import number, short

FILE = "protocol.json"
LONGEST = 2000  # characters of the note


@dataclass(frozen=True)
class Table:
    """head, rows: texts, of which all from the second (published) or third (measured) column on are figures."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Published:
    """note: what is alike and what is not. The tables stand apart, for their pictures are others."""

    note: str
    published: Table
    measured: Table


def load(folder: Path) -> Published | str | None:
    """What DIR/protocol.json says; a text that tells why where it can't be used; None where there is none."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Published(short(found["note"], LONGEST), _published(found["published"]), _measured(found["measured"]))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError) as error:
        return f"{FILE} can't be read: {short(repr(error))}"


def _published(entries: list[dict[str, Any]]) -> Table:
    cameras = list(dict.fromkeys(camera for entry in entries for camera in entry["psnr"]))
    rows = [
        [short(entry["method"]), short(entry["guide"]), _figure(entry["bpp"], 4)]
        + [_figure(entry["psnr"].get(camera), 2) for camera in cameras]
        for entry in entries
    ]
    return Table(["published", "guide", "bpp", *(f"{short(camera)}, dB" for camera in cameras)], rows)


def _measured(entries: list[dict[str, Any]]) -> Table:
    rows = [
        [
            short(entry["codec"]), short(entry["layout"]), _figure(entry["bpp"], 4), _figure(entry["psnr"], 2),
            _figure(entry["worst"], 2), _figure(entry["ssim"], 4), _figure(entry["files"], 0),
            _figure(entry["exact"], 0),
        ]
        for entry in entries
    ]  # fmt: skip
    head = ["measured, other data", "layout", "bpp", "PSNR, dB", "worst, dB", "SSIM", "files", "without error"]
    return Table(head, rows)


def _figure(value: Any, digits: int) -> str:
    found = number(value)
    return "–" if found != found else f"{found:.{digits}f}"
