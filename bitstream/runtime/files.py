"""Files whole or not at all: reading with one-line errors, writing that a reader never sees half done."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from . import unfinished
from .profile import timed

MAX_FILE_BYTES = 2 << 30  # far above any RAW or JPEG; a bound for devices and pipes that never end
MAX_LINKS = 40  # as Linux: what has more is a loop

WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


Source = str | Path | bytes
"""A file: its path, or its bytes."""


def read_file(path: str | os.PathLike[str], what: str) -> bytes:
    """The bytes of a file; `what` names it in errors ("JPEG", "RAW").

    Raises InputError when it can't be read, is empty, or has over 2 GiB.
    """
    try:
        with timed("reading"), open(path, "rb") as file:
            data = _read(file)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the {what} {shown(path)}: {reason(error)}") from error
    if data is None or len(data) > MAX_FILE_BYTES:
        raise InputError(f"cannot read the {what} {shown(path)}: it is over {MAX_FILE_BYTES >> 30} GiB")
    if not data:
        raise InputError(f"cannot read the {what} {shown(path)}: it is empty")
    return data


def _read(file: BinaryIO) -> bytes | None:
    """All of it, in room for as much as it says; None for more than `MAX_FILE_BYTES`."""
    size = os.fstat(file.fileno()).st_size
    if size > MAX_FILE_BYTES:
        return None
    data = file.read(size + 1)
    if len(data) > size:  # a pipe, or a file that grows
        data += file.read(MAX_FILE_BYTES + 1 - len(data))
    return data


def bytes_of(source: Source, what: str) -> bytes:
    """The bytes of a file that is given by its path, or as bytes; `what` and errors as in `read_file`."""
    return source if isinstance(source, bytes) else read_file(source, what)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that `path` is either as before or holds all of `data`, whatever happens in between.

    A nameless file in the same directory, synced and given its name at the end, or a temporary one that is renamed
    (`bitstream.runtime.unfinished`); nothing is left behind after errors and interrupts. A new file gets the usual
    permissions,
    a replaced one keeps its own, and a write-protected one is not replaced; a symbolic link is followed. What is no
    regular file (a terminal, a pipe, /dev/null, /dev/stdout, /dev/fd/N) is written to directly. Raises InputError when
    it can't be written.
    """
    try:
        with timed("writing"):
            _write(path, data)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {shown(path)}: {reason(error)}") from error


def write_descriptor(descriptor: int, data: bytes) -> None:
    """Write all of `data` to an open descriptor. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def descriptor_of(path: str | os.PathLike[str]) -> int | None:
    """N where `path` is /dev/stdout, /dev/fd/N or the like of this process, through whatever links; else None.

    What such a path leads to ("pipe:[123]") is no file's name, and opening it anew would start at a file's beginning.
    """
    at = os.path.abspath(path)
    for _ in range(MAX_LINKS):
        at = os.path.join(os.path.realpath(os.path.dirname(at)), os.path.basename(at))
        match = re.fullmatch(r"(?:/proc/(\d+)(?:/task/\d+)?|/dev)/fd/(\d+)", at)
        if match and match[1] in (None, str(os.getpid())):
            return int(match[2])
        try:
            at = os.path.join(os.path.dirname(at), os.readlink(at))
        except OSError:
            return None
    return None


def is_protected(mode: int) -> bool:
    """Whether nobody may write a file of these mode bits; root could, and would not want to."""
    return not mode & WRITE_BITS


def _write(path: str | os.PathLike[str], data: bytes) -> None:
    descriptor = descriptor_of(path)
    if descriptor is not None:
        write_descriptor(descriptor, data)
        return
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is None or stat.S_ISREG(mode):
        _replace(Path(os.path.realpath(path)), data, mode)
    elif stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory")
    else:
        with open(path, "wb", buffering=0) as device:
            write_descriptor(device.fileno(), data)


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    if mode is not None and is_protected(mode):
        raise PermissionError(errno.EACCES, "it is write-protected")
    unfinished.tidy(target.parent)

    def fill(descriptor: int) -> None:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(descriptor, stat.S_IMODE(mode))
        write_descriptor(descriptor, data)
        os.fsync(descriptor)

    if not unfinished.write_nameless(target, fill, replaces=mode is not None):
        unfinished.write_named(target, fill)
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


def shown(path: str | os.PathLike[str]) -> str:
    """The path on one line, whatever characters it has."""
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)


def reason(error: Exception) -> str:
    """What the system says of an error, without the path."""
    return getattr(error, "strerror", None) or str(error)
