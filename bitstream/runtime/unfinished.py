"""Files on their way: nameless until they are whole where the system has that, else named, locked and tidied up later.

Linux writes a file without a name (O_TMPFILE) and gives it one when it is whole, so that nothing is left behind by a
process that is killed. Elsewhere (NFS, FAT, older overlays, other systems) the file is called
`.rawinlay-HOST-RANDOM.part` and locked as long as its writer lives: one whose lock can be had belongs to a dead
process, and the next run in that folder removes it.
"""

from __future__ import annotations

import os
import re
import stat
import time
import zlib
from collections.abc import Callable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Fill = Callable[[int], None]
"""Writes a file's contents to a descriptor."""

HOST = f"{zlib.crc32(os.uname().nodename.encode() if hasattr(os, 'uname') else b''):08x}"
NAME = re.compile(r"\.rawinlay-(?:([0-9a-f]{8})-)?[0-9a-f]{16}\.part")
"""Our names, without a host those of version 0.1.0."""

OLD = 3600.0
"""Seconds without a byte written after which another host's file counts as dead: its locks may be unknown here."""

DESCRIPTORS = "/proc/self/fd"


def write_nameless(target: Path, fill: Fill, replaces: bool) -> bool:
    """Write `target` as a file without a name that gets it when it is whole; False where the system can't.

    replaces: whether there is a file of that name. Raises OSError, of `fill` or where the name can't be taken.
    """
    descriptor = _nameless(target.parent)
    if descriptor is None:
        return False
    try:
        fill(descriptor)
        if not replaces:
            try:
                return _give_name(descriptor, target)
            except FileExistsError:  # it came meanwhile
                pass
        # A name can be given only where there is none; the rename behind it is what replaces.
        lock(descriptor)
        temporary = _new_path(target.parent)
        try:
            if not _give_name(descriptor, temporary):
                return False
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return True
    finally:
        os.close(descriptor)


def write_named(target: Path, fill: Fill) -> None:
    """Write `target` as a file of another name that is renamed when it is whole. Raises OSError."""
    descriptor, temporary = _locked_new(target.parent)
    try:
        try:
            fill(descriptor)
            if fcntl is not None:  # as long as it is locked
                os.replace(temporary, target)
        finally:
            os.close(descriptor)
        if fcntl is None:  # Windows renames only what is closed
            os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def tidy(folder: Path) -> None:
    """Remove what dead processes left in `folder`. Never fails."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if NAME.fullmatch(entry.name)]
    except OSError:
        return
    for name in found:
        try:
            _remove_if_dead(folder / name)
        except OSError:
            pass


def _new_path(folder: Path) -> Path:
    """A name in `folder` that nobody has."""
    return folder / f".rawinlay-{HOST}-{os.urandom(8).hex()}.part"


def _nameless(folder: Path) -> int | None:
    """A descriptor of a nameless file; None where there can't be any."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir(DESCRIPTORS):
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    except OSError:  # no such files here, or none at all: then a named one fails as well, and says why
        return None


def _give_name(descriptor: int, path: Path) -> bool:
    """Name a nameless file; False where that can't be, FileExistsError where the name is taken."""
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # With a folder's descriptor it is linkat(), which can follow the link in /proc to the file itself.
            os.link(f"{DESCRIPTORS}/{descriptor}", path.name, dst_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _locked_new(folder: Path) -> tuple[int, Path]:
    """A new named file, locked: descriptor for writing, path."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    while True:
        path = _new_path(folder)
        descriptor = os.open(path, flags, 0o666)  # not tempfile: its files are for the owner alone, whatever the umask
        # Between the two calls another run may have taken it for a dead one's.
        if lock(descriptor) is not False and (fcntl is None or os.fstat(descriptor).st_nlink):
            return descriptor, path
        os.close(descriptor)


def lock(descriptor: int) -> bool | None:
    """Lock a file as long as it is open: whether that worked, None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except OSError:
        return None


def _remove_if_dead(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        match = NAME.fullmatch(path.name)
        ours = match is not None and match[1] == HOST
        locked = lock(descriptor) if stat.S_ISREG(status.st_mode) else False
        old = time.time() - status.st_mtime > OLD
        if (ours and locked) or (old and locked is not False):
            path.unlink()
    finally:
        os.close(descriptor)
