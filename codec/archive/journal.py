"""The journal of a batch: what was done, a line of JSON each, appended and synced, read again after any kill.

====================  ==================================================================================
key                   meaning
====================  ==================================================================================
`raw`, `jpeg`         paths as given; jpeg null where the RAW has none
`raw_is`, `jpeg_is`   size and modification time (ns; elsewhere an object's tag) of the files as they were
`options`             digest of how they were encoded
`state`               "begun", "done" or "failed"
`output`, `bytes`     of what was written; `sha256` its digest
`error`, `code`       why not, and the exit code that `encode` alone would have had
`seconds`, `bpp`      time taken, bits per pixel
====================  ==================================================================================

The last line of a RAW counts. A line that a kill cut short is the last one, and counts for nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import reason
from .stores import Place, is_local, told_of

NAME = ".rawinlay-batch.jsonl"
VERSION = 1


def stamp(path: Place | None, fresh: bool = False) -> list[Any] | None:
    """What tells whether a file has changed: size and modification time, ns, elsewhere what the store says instead;
    None for no file. fresh: not as it was when its folder was listed."""
    if path is None:
        return None
    if not is_local(path):
        return told_of(path, fresh)
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def digest_of(options: Mapping[str, Any]) -> str:
    """Of options: the same for the same, in any order."""
    return hashlib.sha256(json.dumps(dict(options), sort_keys=True, default=str).encode()).hexdigest()[:16]


def entries_in(lines: bytes) -> dict[str, dict[str, Any]]:
    """The last line of each RAW, by its path; what a kill cut short counts for nothing, wherever it stands."""
    entries: dict[str, dict[str, Any]] = {}
    for line in lines.split(b"\n"):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and isinstance(found.get("raw"), str) and "state" in found:
                entries[found["raw"]] = found
    return entries


class Journal:
    """Opened by one batch at a time. entries: the last line of each RAW, by its path."""

    def __init__(self, path: Path) -> None:
        self.path, self.entries = path, dict[str, dict[str, Any]]()
        self._file: Any = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Journal]:
        """InputError where it can't be, UsageError where another batch has it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
        except OSError as error:
            raise InputError(f"cannot keep a journal in {self.path.parent}: {reason(error)}") from error
        with self._file:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(f"{self.path.parent}: another batch is at work there") from None
            self._read()
            yield self

    def _read(self) -> None:
        self._file.seek(0)
        lines = self._file.read()
        self.entries |= entries_in(lines)
        if lines and not lines.endswith(b"\n"):
            self._file.write(b"\n")  # what is written next begins a line of its own

    def add(self, *entries: dict[str, Any]) -> None:
        """Append, and let it reach the disk. InputError where it can't."""
        self.entries |= {entry["raw"]: entry for entry in entries}
        try:
            self._file.write(b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise InputError(f"cannot write the journal {self.path}: {reason(error)}") from error
