"""`View`: the tree that is mounted, whatever mounts it.

A folder's own files as they are, read-only; beside each JPEG that carries a RAW `STEM.dng`, or `STEM.jpg.dng` where a
file of that name is there or two JPEGs would want it; for a RAW that can't be opened `STEM.dng.damaged.txt`, which says
why. What developers write beside a picture (`SIDECARS`) goes into the folder itself.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ...bitstream.errors import RawinlayError
from ...bitstream.jpeg.jumbf import LABEL
from ...bitstream.runtime.files import read_file, shown
from ...bitstream.runtime.kept import Kept
from ..source.endings import JPEG_SUFFIXES, SIDECAR_SUFFIXES
from .lazy import LazyDng

HEAD = 1 << 18
"""Bytes of a JPEG in which the RAW's first segment stands, but for rare ones with longer headers."""

DAMAGED = ".damaged.txt"
KNOWN = 100_000
"""Files of which is remembered whether they carry a RAW, and the size of its DNG."""

SIDECARS = (*SIDECAR_SUFFIXES, ".pp2", ".xml", ".json", ".exv")


@dataclass(frozen=True)
class Entry:
    """A file of the tree. real: its path where it is one of the folder's own or may become one; jpeg: whose DNG it is;
    text: what it holds, where it is a note of ours."""

    real: Path | None = None
    jpeg: Path | None = None
    text: bytes = b""


class View:
    """The tree over a folder. cache: bytes of memory that decoded RAWs may take; the one that is read last stays.

    Paths are as FUSE gives them, "/" and names. Raises OSError with the system's numbers.
    """

    def __init__(self, folder: Path, cache: int) -> None:
        self.folder = folder.resolve()
        self._lock = threading.Lock()
        self._carries: OrderedDict[tuple[str, int, int], bool] = OrderedDict()
        self._sizes: OrderedDict[tuple[str, int, int], int | str] = OrderedDict()
        self._open: Kept[LazyDng] = Kept(cache, lambda dng: dng.held)

    def real(self, path: str) -> Path:
        """Where a path lies, or would lie, in the folder; FileNotFoundError for one that leads out of it."""
        names = [name for name in path.split("/") if name not in ("", ".")]
        found = self.folder.joinpath(*names)
        if ".." in names or not found.resolve().is_relative_to(self.folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return found

    def names(self, path: str) -> list[str]:
        """The names in a folder, those of DNGs among them."""
        here = self.real(path)
        own = sorted(os.listdir(here))
        return [*own, *sorted(self._added(here, own))]

    def entry(self, path: str) -> Entry:
        """What a path stands for; FileNotFoundError for nothing."""
        real = self.real(path)
        if real.exists():
            return Entry(real=real)
        if real.name.lower().endswith((".dng", DAMAGED)) and real.parent.is_dir():
            found = self._added(real.parent, os.listdir(real.parent)).get(real.name)
            if found is not None:
                return found
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def status(self, path: str) -> os.stat_result:
        """As `os.stat`: nobody may write but to sidecars; a DNG is as old as its JPEG."""
        found = self.entry(path)
        if found.real:
            its = os.stat(found.real)
            keep = 0o777 if stat.S_ISDIR(its.st_mode) or is_sidecar(path) else 0o555
            return _changed(its, its.st_mode & ~0o777 | its.st_mode & 0o777 & keep)
        assert found.jpeg is not None
        its = os.stat(found.jpeg)
        size = len(found.text) or self.dng_size(found.jpeg)
        return _changed(its, stat.S_IFREG | 0o444, size)

    def dng_size(self, jpeg: Path) -> int:
        """Bytes of a JPEG's DNG."""
        found = self._size(jpeg)
        if isinstance(found, str):
            raise OSError(errno.EIO, found, str(jpeg))
        return found

    def read(self, path: str, start: int, count: int) -> bytes:
        """Bytes of a file."""
        found = self.entry(path)
        if found.text:
            return found.text[start : start + count]
        if found.real:
            with found.real.open("rb") as file:
                file.seek(start)
                return file.read(count)
        assert found.jpeg is not None
        try:
            dng = self._dng(found.jpeg)
            data = dng.read(start, count)
        except RawinlayError as error:
            print(f"rawinlay: {shown(found.jpeg)}: {error}", file=sys.stderr, flush=True)
            raise OSError(errno.EIO, str(error), path) from None
        self._open.trim()  # decoded, it takes more
        return data

    def _added(self, here: Path, own: list[str]) -> dict[str, Entry]:
        """What a folder shows beside its own files."""
        taken = {name.lower() for name in own}
        jpegs = [name for name in sorted(own) if Path(name).suffix.lower() in JPEG_SUFFIXES]
        out: dict[str, Entry] = {}
        for name in jpegs:
            jpeg = here / name
            if not self.carries(jpeg):
                continue
            dng = f"{jpeg.stem}.dng"
            if dng.lower() in taken:
                dng = f"{name}.dng"
            if dng.lower() in taken:
                continue
            taken.add(dng.lower())
            found = self._sizes.get(_key(jpeg))
            if isinstance(found, str):
                out[dng + DAMAGED] = Entry(jpeg=jpeg, text=f"{name}: {found}\n".encode())
            else:
                out[dng] = Entry(jpeg=jpeg)
        return out

    def carries(self, jpeg: Path) -> bool:
        """Whether a JPEG has a RAW in it; one that can't be opened is noted, and has."""
        try:
            key = _key(jpeg)
            if key in self._carries:
                return self._carries[key]
            with jpeg.open("rb") as file:
                head = file.read(HEAD)
                has = LABEL in head or (len(head) == HEAD and b"\xff\xda" not in head and LABEL in file.read())
        except OSError:
            return False
        with self._lock:
            _remember(self._carries, key, has)
        if has:
            self._size(jpeg)
        return has

    def _size(self, jpeg: Path) -> int | str:
        """Bytes of a DNG, or why there is none."""
        key = _key(jpeg)
        found = self._sizes.get(key)
        if found is None:
            try:
                found = self._dng(jpeg).size
            except RawinlayError as error:
                found = str(error)
            with self._lock:
                _remember(self._sizes, key, found)
        return found

    def _dng(self, jpeg: Path) -> LazyDng:
        return self._open.get(_key(jpeg), lambda: LazyDng(read_file(jpeg, "JPEG")))


def is_sidecar(path: str) -> bool:
    """Whether a developer may write a file of this name: one of its endings is a sidecar's ("IMG_1.dng.xmp.tmp")."""
    return any(ending.lower() in SIDECARS for ending in Path(path).suffixes)


def _key(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def _remember(known: OrderedDict, key: object, value: object) -> None:
    known[key] = value
    while len(known) > KNOWN:
        known.popitem(last=False)


def _changed(its: os.stat_result, mode: int, size: int | None = None) -> os.stat_result:
    fields = {name: getattr(its, name) for name in ("st_mtime_ns", "st_atime_ns", "st_ctime_ns")}
    values = list(its)
    values[0] = mode
    if size is not None:
        values[6] = size
    return os.stat_result(values, fields)
