"""Files whole or not at all: reading with one-line errors, writing that a reader never sees half done."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bitstream.errors import InputError
from bitstream.profile import timed

MAX_FILE_BYTES = 2 << 30  # far above any RAW or JPEG; a bound for devices and pipes that never end


def read_file(path: str | os.PathLike[str], what: str) -> bytes:
    """The bytes of a file; `what` names it in errors ("JPEG", "RAW").

    Raises InputError when it can't be read, is empty, or has over 2 GiB.
    """
    try:
        with timed("reading"), open(path, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1) if os.fstat(file.fileno()).st_size <= MAX_FILE_BYTES else None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the {what} {_shown(path)}: {_reason(error)}") from error
    if data is None or len(data) > MAX_FILE_BYTES:
        raise InputError(f"cannot read the {what} {_shown(path)}: it is over {MAX_FILE_BYTES >> 30} GiB")
    if not data:
        raise InputError(f"cannot read the {what} {_shown(path)}: it is empty")
    return data


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that `path` is either as before or holds all of `data`, whatever happens in between.

    Through a temporary file in the same directory, synced and renamed; it is removed on errors and interrupts. A new
    file gets the usual permissions, a replaced one keeps its own; a symbolic link is followed. What is no regular file
    (a terminal, a pipe, /dev/null) is written to directly. Raises InputError when it can't be written.
    """
    try:
        with timed("writing"):
            _write(Path(os.path.realpath(path)), data)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {_shown(path)}: {_reason(error)}") from error


def _write(target: Path, data: bytes) -> None:
    mode = target.stat().st_mode if target.exists() else None
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        with open(target, "wb") as device:
            device.write(data)
    else:
        _replace(target, data, mode)


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(None, "it is a directory")
    # Not tempfile: its files are for the owner alone, whatever the umask.
    temporary = target.with_name(f".rawinlay-{os.urandom(8).hex()}.part")
    try:
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Make the rename itself last; where directories can't be opened or synced, the file system sees to it."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _shown(path: str | os.PathLike[str]) -> str:
    """The path on one line, whatever characters it has."""
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
