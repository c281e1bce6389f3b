"""Where files lie: folders of this machine as `Path`, everything else (`s3://`, `sftp://`, ...) as a path of the same
methods by universal_pathlib over fsspec, which the extra `remote` brings.

What is written appears whole or not at all: object stores show an object once all of it is there; elsewhere it is
written under a name of its own and renamed.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import MAX_FILE_BYTES, read_file, reason, write_atomically

Place = Any
"""`pathlib.Path`, or `upath.UPath`, which has its methods but is none."""

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
WHOLE_AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "adl", "oci", "memory"})
"""Protocols whose objects appear when all of them is there."""


def place(text: str | os.PathLike[str]) -> Place:
    """A path or URL as a place. UsageError for a protocol that fsspec doesn't know; ModuleNotFoundError without the
    extra, or without what a protocol needs."""
    said = os.fspath(text)
    if not URL.match(said):
        return Path(said)
    if said.startswith("file://"):
        return Path(said[7:])
    from upath import UPath

    if said.startswith(("sftp://", "ssh://")):
        from . import sftp  # noqa: F401 - what is registered there counts from now on

    if urlsplit(said).password:
        raise UsageError("a password in an URL is seen by everyone and kept in journals: use a key")
    try:
        found = UPath(said)
        found.fs  # noqa: B018 - the file system is opened, if it can be
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError):
            raise
        raise UsageError(f"{said}: {_first_line(error)}") from None
    except ValueError as error:
        raise UsageError(f"{said}: {_first_line(error)}") from None
    except Exception as error:
        raise InputError(f"cannot reach {said}: {_first_line(error)}") from None
    return found


def is_local(path: Place) -> bool:
    """Whether it is a path of this machine."""
    return isinstance(path, Path)


def exists(path: Place) -> bool:
    """Whether something is there. InputError where that can't be told."""
    return bool(_asked(path, lambda: path.exists()))


def is_folder(path: Place) -> bool:
    """Whether it is a folder."""
    return bool(_asked(path, lambda: path.is_dir()))


def below(folder: Place) -> list[Place]:
    """All files below a folder of a store, in order, by as few questions as it allows."""
    names = _asked(folder, lambda: folder.fs.find(folder.path))
    root = str(folder.path).rstrip("/")
    return [folder / str(name)[len(root) :].lstrip("/") for name in sorted(names) if str(name).startswith(root)]


def size_of(path: Place) -> int | None:
    """Bytes of a file; None where there is none."""
    try:
        return int(path.stat().st_size)
    except (OSError, ValueError):
        return None


def told_of(path: Place, fresh: bool) -> list[Any] | None:
    """Size of a file elsewhere and what its store tells its versions by; None for no file."""
    try:
        if fresh:
            path.fs.invalidate_cache()
        found = path.fs.info(path.path)
    except FileNotFoundError:
        return None
    except Exception as error:
        raise InputError(f"cannot read {path}: {_first_line(error)}") from error
    names = ("ETag", "etag", "md5", "LastModified", "mtime", "modified", "created")
    version = next((str(found[name]) for name in names if found.get(name)), "")
    return [found.get("size"), version]


def read(path: Place, what: str) -> bytes:
    """The bytes of a file, errors as `read_file`."""
    if is_local(path):
        return read_file(path, what)
    size = _asked(path, lambda: path.stat().st_size)
    if size > MAX_FILE_BYTES:
        raise InputError(f"cannot read the {what} {path}: it is over {MAX_FILE_BYTES >> 30} GiB")
    data = bytes(_asked(path, lambda: path.fs.cat_file(path.path)))
    if not data:
        raise InputError(f"cannot read the {what} {path}: it is empty")
    return data


def start_of(path: Place, count: int) -> bytes:
    """The first bytes of a file. InputError where it can't be read."""
    if is_local(path):
        with path.open("rb") as file:
            return bytes(file.read(count))
    return bytes(_asked(path, lambda: path.fs.cat_file(path.path, start=0, end=count)))


def write_whole(path: Place, data: bytes) -> None:
    """Write a file so that a reader sees all of it or what was there before. InputError where it can't be."""
    if is_local(path):
        write_atomically(path, data)
        return
    try:
        if path.protocol in WHOLE_AT_ONCE:
            path.fs.pipe_file(path.path, data)
        else:
            part = f"{path.path}.{uuid.uuid4().hex[:8]}.part"
            try:
                path.fs.pipe_file(part, data)
                path.fs.mv(part, path.path)
            except BaseException:
                if path.fs.exists(part):
                    path.fs.rm_file(part)
                raise
        found = path.fs.info(path.path)["size"]
    except Exception as error:
        raise InputError(f"cannot write {path}: {_first_line(error)}") from error
    if found != len(data):
        raise InputError(f"cannot write {path}: {found} bytes are there, not {len(data)}")


def make_folder(path: Place) -> None:
    """The folder, with those around it. InputError where it can't be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except Exception as error:
        raise InputError(f"cannot make the folder {path}: {_first_line(error)}") from error


def _asked(path: Place, ask: Any) -> Any:
    """What a store answers. Its errors are of as many kinds as there are protocols: input that can't be read."""
    try:
        return ask()
    except FileNotFoundError:
        raise InputError(f"cannot read {path}: there is no such file or folder") from None
    except Exception as error:
        raise InputError(f"cannot read {path}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    text = reason(error) if isinstance(error, Exception) else str(error)
    return " ".join(text.split()) or type(error).__name__
