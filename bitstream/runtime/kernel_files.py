"""Compiled code in files that are whole, unchanged and the user's own, or don't count.

A file holds a mark, SHA-256 of its own name and of what follows, and that: what was kept. Nothing is unpickled
by whoever reads it before all of it has been found right, since that is as good as running it. So a file counts only
where no other user can have written it: it belongs to this user or the system's, and no one else may write it or its
folder. (Windows keeps a user's folders from others by itself.)

Files appear under their names whole, by a rename: processes that write at once don't see each other's halves, and
there is no lock to go stale. A folder per version of the compiler; folders and files that no run has used for
`FORGOTTEN` seconds are removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MARK = b"rawinlay kernel 1\n"
SUFFIX, PART = ".kernel", ".part"
MOST = 1 << 26  # bytes; the largest kernel takes half a megabyte
FORGOTTEN = 90 * 86400.0  # a season: some have several versions at once, and to compile one anew takes a minute
DAY = 86400.0


class Unusable(Exception):
    """Why a file or a folder doesn't count."""


class KernelFolder:
    """The folder of one version of the compiler. version: 16 hexadecimal digits."""

    def __init__(self, version: str) -> None:
        """Raises Unusable, with the reason for the first choice, where no folder will do."""
        self._reasons: list[str] = []
        for parent, prefix in _choices():
            self.path = parent / f"{prefix}{version}"
            try:
                _usable(self.path)
                break
            except (OSError, Unusable) as error:
                self._reasons.append(f"{self.path}: {reason(error)}")
        else:
            raise Unusable(self.set_back)
        self._tidied = False

    @property
    def set_back(self) -> str:
        """Why this is not the folder of first choice; "" if it is."""
        return self._reasons[0] if self._reasons else ""

    def file(self, name: str) -> Path:
        """Where something is kept."""
        return self.path / (name + SUFFIX)

    def read(self, name: str) -> bytes | None:
        """What `write` kept under a name, None if nothing; Unusable or OSError where a file doesn't count."""
        try:
            descriptor = os.open(self.file(name), os.O_RDONLY | _FLAGS)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unusable("no ordinary file")
            _check_owner(status)
            data = file.read(MOST)
        head = len(MARK) + 32
        if data[:head] != _head(name, data[head:]):
            raise Unusable("its checksum is wrong")
        _in_use(self.file(name), status)
        return data[head:]

    def write(self, name: str, data: bytes) -> None:
        """Keep something under a name; OSError where that can't be."""
        self._tidy()
        path = self.file(name)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)  # someone may have emptied the cache meanwhile
        descriptor, part = tempfile.mkstemp(PART, path.stem[:40], self.path)  # readable for this user alone
        try:
            with open(descriptor, "wb") as file:
                file.write(_head(name, data) + data)
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            os.replace(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def _tidy(self) -> None:
        """Remove what killed processes left here, and kernels and versions that are out of use."""
        if self._tidied:
            return
        self._tidied, now = True, time.time()
        versions = self.path.parent.glob(self.path.name[:-16] + "[0-9a-f]" * 16)
        for path in [*self.path.glob("*" + PART), *self.path.glob("*" + SUFFIX), *versions]:
            try:
                age = now - path.lstat().st_mtime
                if path.parent == self.path and age > (DAY if path.suffix == PART else FORGOTTEN):
                    path.unlink()
                elif path.parent != self.path and path != self.path and age > FORGOTTEN:
                    shutil.rmtree(path, ignore_errors=True)
            except OSError:
                continue


_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def _choices() -> Iterator[tuple[Path, str]]:
    """Parents of such folders and how the folders' names begin, best first."""
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(named), "kernels-"
    home = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    try:
        yield (Path(home) if home else Path.home() / ".cache") / "rawinlay", "kernels-"
    except RuntimeError:  # no home
        pass
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    yield Path(tempfile.gettempdir()), f"rawinlay-{user}-kernels-"


def _usable(folder: Path) -> None:
    """Make a folder if need be. OSError, Unusable: where that can't be, others may write it, or it's of no use."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise Unusable("no folder")
    _check_owner(status)
    if not os.access(folder, os.W_OK | os.X_OK) and not next(folder.glob("*" + SUFFIX), None):
        raise Unusable("read-only")
    _in_use(folder, status)


def _in_use(path: Path, status: os.stat_result) -> None:
    """What is in use is not forgotten."""
    if time.time() - status.st_mtime > DAY:
        try:
            os.utime(path)
        except OSError:
            pass


def _check_owner(status: os.stat_result) -> None:
    if not hasattr(os, "geteuid"):
        return
    if status.st_uid not in (0, os.geteuid()):
        raise Unusable("it belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unusable("other users may write it")


def _head(name: str, data: bytes) -> bytes:
    return MARK + hashlib.sha256(name.encode() + b"\0" + data).digest()


def reason(error: BaseException) -> str:
    """In a few words, on one line."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200]
