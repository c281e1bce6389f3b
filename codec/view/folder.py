"""What the page may see: the photographs of one folder and those below it, by their names from there.

A name is checked part by part: nothing above the folder, nothing hidden, no symbolic links, no other kinds of file.
Files are opened so that a link that takes a file's place in between isn't followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...bitstream.errors import InputError
from ...bitstream.runtime.files import MAX_FILE_BYTES, reason, shown
from ..archive.shots import HIDDEN
from ..source.endings import JPEG_SUFFIXES, RAW_SUFFIXES

MOST_FILES = 50_000
"""Beyond, a folder is shown in part, and the page says so."""


class Forbidden(Exception):
    """A name that is none of the page's business; nothing more is said of it."""


@dataclass(frozen=True)
class Entry:
    """A photograph. name: from the folder on, with slashes. kind: "jpeg" or "raw". size: bytes; changed: seconds."""

    name: str
    kind: str
    size: int
    changed: float


def kind_of(name: str) -> str | None:
    """ "jpeg" or "raw" by a name's ending; None for other files."""
    suffix = os.path.splitext(name)[1].lower()
    return "jpeg" if suffix in JPEG_SUFFIXES else "raw" if suffix in RAW_SUFFIXES else None


class Folder:
    """root: a folder that is there; deep: with all below it."""

    def __init__(self, root: Path, deep: bool = True) -> None:
        self.root, self.deep = Path(os.path.realpath(root)), deep

    def entries(self) -> tuple[list[Entry], bool]:
        """The photographs in the order of their names, and whether those are all. InputError where it can't be read."""
        found: list[Entry] = []
        try:
            os.scandir(self.root).close()
        except OSError as error:
            raise InputError(f"cannot read {shown(self.root)}: {reason(error)}") from error
        for entry in self._walk(str(self.root), ""):
            if len(found) >= MOST_FILES:
                return found, False
            found.append(entry)
        return sorted(found, key=lambda e: e.name.casefold()), True

    def _walk(self, folder: str, before: str) -> Iterator[Entry]:
        try:
            with os.scandir(folder) as opened:
                inside = sorted(opened, key=lambda e: e.name)
        except OSError:
            return
        for one in inside:
            if one.name.startswith(HIDDEN) or one.is_symlink() or not one.name.isprintable():
                continue
            try:
                if one.is_dir(follow_symlinks=False):
                    if self.deep:
                        yield from self._walk(one.path, f"{before}{one.name}/")
                elif (kind := kind_of(one.name)) and one.is_file(follow_symlinks=False):
                    found = one.stat(follow_symlinks=False)
                    yield Entry(before + one.name, kind, found.st_size, found.st_mtime)
            except OSError:
                continue

    def path(self, name: str, new: bool = False) -> Path:
        """Where a photograph lies. Forbidden for a name outside; new: the file itself need not be there, and may end
        otherwise."""
        parts = name.split("/")
        plain = all(p and not p.startswith(HIDDEN) and p.isprintable() and "\\" not in p for p in parts)
        if not plain or len(name) > 4096 or (len(parts) > 1 and not self.deep) or not (new or kind_of(name)):
            raise Forbidden(name)
        at = self.root
        for n, part in enumerate(parts):
            at = at / part
            try:
                mode = os.lstat(at).st_mode
            except OSError:
                if n < len(parts) - 1:
                    raise Forbidden(name) from None
                break
            if stat.S_ISLNK(mode) or (n < len(parts) - 1 and not stat.S_ISDIR(mode)):
                raise Forbidden(name)
        if os.path.realpath(at.parent) != str(at.parent):
            raise Forbidden(name)
        return at

    def read(self, name: str) -> bytes:
        """The bytes of a photograph. Forbidden for a name outside, InputError where that fails."""
        path = self.path(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            raise InputError(f"{name} is no longer there") from None
        except OSError as error:
            if path.is_symlink():
                raise Forbidden(name) from None
            raise InputError(f"cannot read {name}: {reason(error)}") from None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Forbidden(name)
            if found.st_size > MAX_FILE_BYTES:
                raise InputError(f"{name} is over {MAX_FILE_BYTES >> 30} GiB")
            try:
                data = file.read(MAX_FILE_BYTES)
            except OSError as error:
                raise InputError(f"cannot read {name}: {reason(error)}") from None
        if not data:
            raise InputError(f"{name} is empty")
        return data

    def stamp(self, name: str) -> tuple[int, int]:
        """What changes when a file does: its size and time, ns. InputError where it is gone."""
        try:
            found = os.stat(self.path(name), follow_symlinks=False)
        except OSError:
            raise InputError(f"{name} is no longer there") from None
        return found.st_size, found.st_mtime_ns
