"""A `View` mounted by FUSE (libfuse 2 or 3, by mfusepy)."""

from __future__ import annotations

import errno
import os
import signal
import stat
import threading
import time
from pathlib import Path
from typing import Any

import mfusepy

from .view import View, is_sidecar

BLOCK = 1 << 17


class Mounted(mfusepy.Operations):
    """The operations of a read-only tree in which sidecars may be written."""

    use_ns = True

    def __init__(self, view: View) -> None:
        self.view = view

    def __call__(self, op: str, *args: Any) -> Any:
        try:
            return super().__call__(op, *args)
        except mfusepy.FuseOSError:
            raise
        except OSError as error:
            raise mfusepy.FuseOSError(error.errno or errno.EIO) from None

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        found = self.view.status(path)
        return {
            "st_mode": found.st_mode, "st_size": found.st_size, "st_nlink": 2 if stat.S_ISDIR(found.st_mode) else 1,
            "st_uid": found.st_uid, "st_gid": found.st_gid, "st_mtime": found.st_mtime_ns,
            "st_atime": found.st_atime_ns, "st_ctime": found.st_ctime_ns, "st_blocks": -(-found.st_size // 512),
        }  # fmt: skip

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *self.view.names(path)]

    def access(self, path: str, amode: int) -> int:
        self.view.entry(path)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self.view.folder)
        names = "bavail bfree blocks bsize favail ffree files frsize namemax"
        return {name: getattr(found, name) for name in (f"f_{n}" for n in names.split())}

    def open(self, path: str, flags: int) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_TRUNC)
        if not writes:
            self.view.entry(path)
            return 0
        return os.open(self._writable(path), flags & ~os.O_EXCL)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return self.view.read(path, offset, size)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return os.open(self._writable(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode & 0o777)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        if not fh:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        os.truncate(self._writable(path), length)
        return 0

    def flush(self, path: str, fh: int) -> int:
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        if fh:
            os.fsync(fh)
        return 0

    def release(self, path: str, fh: int) -> int:
        if fh:
            os.close(fh)
        return 0

    def unlink(self, path: str) -> int:
        os.unlink(self._writable(path))
        return 0

    def rename(self, old: str, new: str, flags: int = 0) -> int:
        os.replace(self._writable(old), self._writable(new))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._writable(path), mode & 0o777)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        os.utime(self._writable(path), ns=times or (time.time_ns(), time.time_ns()))
        return 0

    def _writable(self, path: str) -> Path:
        """Where a sidecar lies; everything else is read-only."""
        if not is_sidecar(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return self.view.real(path)


def mount(view: View, point: Path, background: bool) -> None:
    """Mount, and return when it is taken down (`umount`, `fusermount -u`), or at once in the background. Raises OSError
    and RuntimeError where that can't be."""
    # libfuse takes the mount down at a SIGTERM, if nobody else has a handler; Python's would wait until it is down.
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL) if main else None
    try:
        mfusepy.FUSE(Mounted(view), str(point), foreground=not background, nothreads=False, fsname="rawinlay", ro=False,
                     default_permissions=True)  # fmt: skip
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
