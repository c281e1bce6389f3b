"""Where files come from and go to: names, "-"; outputs that replace nothing by accident; what a wrong input is."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...bitstream.errors import InputError, NoRawError, RawinlayError, StreamError, UsageError
from ...bitstream.runtime.files import (
    MAX_FILE_BYTES,
    descriptor_of,
    is_protected,
    read_file,
    reason,
    shown,
    write_atomically,
    write_descriptor,
)  # fmt: skip
from .arguments import STANDARD, nearest

Source = Path | bytes

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
FORM_SUFFIXES = {"dng": (".dng",), "tif": (".tif", ".tiff"), "npy": (".npy",), "raw": (".raw",)}
"""What `decode` writes, by the endings of its names."""
ALL_FORMS = tuple(suffixes[0] for suffixes in FORM_SUFFIXES.values())


def source(path: Path, what: str) -> Source:
    """What a command reads: a path to a file, or the bytes of what can be read but once ("-", pipes).

    what: "JPEG" or "RAW", for errors. Raises InputError.
    """
    if path == STANDARD:
        if sys.stdin is None or sys.stdin.closed:
            raise InputError(f"cannot read the {what} from stdin: it is closed")
        if sys.stdin.isatty():
            raise InputError(f"cannot read the {what} from stdin: it is a terminal, so pipe a file into it")
        return _standard_input(what)
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return path  # whoever reads it will say so
    return path if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else read_file(path, what)


def _standard_input(what: str) -> bytes:
    try:
        data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the {what} from stdin: {reason(error)}") from error
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"cannot read the {what} from stdin: it is over {MAX_FILE_BYTES >> 30} GiB")
    if not data:
        raise InputError(f"cannot read the {what} from stdin: it is empty")
    return data


def renamed(command: str, path: Path, suffix: str) -> Path:
    """The default output: the input's name with another suffix.

    UsageError for what has no name, InputError for a folder.
    """
    if path.is_dir():
        raise InputError(_folder(command, path))
    if path == STANDARD or not path.name:
        raise UsageError(f"there is no name to derive the output's from: give -o OUT{suffix[-4:]}, or -o - for stdout")
    return path.with_suffix(suffix)


def form_of(output: Path, form: str | None) -> tuple[str, tuple[str, ...]]:
    """(what `decode` is to write, the suffixes of its names) for an output, and what --format says of it.

    A name that ends otherwise has none of the suffixes: nobody wants a DNG under the name of a picture.
    """
    ending = output.suffix.lower()
    known = next((name for name, suffixes in FORM_SUFFIXES.items() if ending in suffixes), None)
    form = form or known
    return form or "dng", FORM_SUFFIXES[form] if form else ALL_FORMS


def check_output(output: Path, inputs: Iterable[Path], force: bool, suffixes: tuple[str, ...] = ()) -> None:
    """Refuse an output early: one that is an input, one that exists unless `force`, one that can't be written, one
    whose name says another kind of file than `suffixes`.

    UsageError, UsageError, InputError, UsageError.
    """
    if output == STANDARD:
        _check_standard_output()
        return
    there = _status(output)
    for path in inputs:
        its = None if path == STANDARD else _status_or_none(path)
        if there and its and os.path.samestat(there, its):
            raise UsageError(f"the output {output} is the input {path}, which is never changed: choose another name")
    if there and stat.S_ISDIR(there.st_mode):
        raise InputError(f"cannot write {output}: it is a directory; give a file in it, like {output / 'OUT'}")
    if (there and not stat.S_ISREG(there.st_mode)) or descriptor_of(output) is not None:
        return
    if suffixes and output.suffix.lower() not in ("", *suffixes):
        several = suffixes == ALL_FORMS
        what = f"decode writes {', '.join(suffixes)}" if several else f"what is written is a {suffixes[0][1:].upper()}"
        raise UsageError(f"{output}: {what}, so name it {output.with_suffix(suffixes[0]).name}")
    if there and not force:
        raise UsageError(f"{output} exists already: --force replaces it, -o chooses another name")
    if there and (is_protected(there.st_mode) or not os.access(output, os.W_OK)):
        raise InputError(f"cannot write {output}: it is write-protected, which --force respects; chmod u+w lifts it")
    _check_folder(output, Path(os.path.realpath(output)).parent)


def _check_folder(output: Path, folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"cannot write {output}: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {output}: the folder {folder} is read-only")


def _check_standard_output() -> None:
    if sys.stdout is None or sys.stdout.closed:
        raise InputError("cannot write to stdout: it is closed")
    if sys.stdout.isatty():
        raise UsageError("stdout is a terminal: send it into a file or a pipe, or name an output with -o")


def _status(output: Path) -> os.stat_result | None:
    """What an output's name stands for now; None for nothing. InputError where no file of that name can be."""
    try:
        return os.stat(output)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {shown(output)}: {reason(error)}") from None
    return None


def _status_or_none(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def write_output(
    output: Path, data: bytes, inputs: Iterable[Path], force: bool, suffixes: tuple[str, ...] = ()
) -> None:
    """Write a file whole, if what `check_output` found still holds; "-" is stdout."""
    check_output(output, inputs, force, suffixes)
    if output != STANDARD:
        write_atomically(output, data)
        return
    try:
        sys.stdout.flush()
        write_descriptor(sys.stdout.fileno(), data)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write to stdout: {reason(error)}") from error


def is_stdout(output: Path | None) -> bool:
    """Whether an output goes to stdout, by whatever name, so that nothing else may."""
    if output is None or output == STANDARD:
        return output is not None
    if descriptor_of(output) == 1:
        return True
    try:
        there, here = os.stat(output), os.fstat(1)
    except (OSError, ValueError):
        return False
    return os.path.samestat(there, here) and not stat.S_ISCHR(here.st_mode)


@contextmanager
def explained(command: str, *inputs: tuple[Path | None, Source | None, str]) -> Iterator[None]:
    """Errors name the file, and say what it is where it is of another kind than the command wants.

    inputs: (path as given, what is read, "JPEG" or "RAW").
    """
    try:
        yield
    except (InputError, NoRawError, StreamError) as error:
        if isinstance(error, InputError):
            for path, read, want in inputs:
                told = _told(command, path, read, want) if path and read else None
                if told:
                    raise InputError(told) from None
        named = [path for path, _, _ in inputs if path]
        if len(named) == 1 and not any(p.name in str(error) for p in named):
            raise type(error)(f"{_name(named[0])}: {error}") from None
        jpegs = [path for path, _, want in inputs if path and want == "JPEG"]
        if jpegs and _is_about_a_jpeg(error) and not any(p.name in str(error) for p in named):
            raise type(error)(f"{_name(jpegs[0])}: {error}") from None
        raise


def _is_about_a_jpeg(error: RawinlayError) -> bool:
    return str(error).startswith(("the JPEG", "damaged JPEG", "not a JPEG"))


def _name(path: Path) -> str:
    return "stdin" if path == STANDARD else shown(path)


def _told(command: str, path: Path, read: Source, want: str) -> str | None:
    """What is wrong with an input, if that can be seen from outside."""
    if isinstance(read, bytes):
        from ...bitstream.runtime.filetype import HEAD

        return _misfit(command, _name(path), read[:HEAD], want)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return f"cannot read the {want} {shown(path)}: {os.strerror(errno.ENOENT)}{_alike(path)}"
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(mode):
        return _folder(command, path)
    try:
        from ...bitstream.runtime.filetype import HEAD

        with open(path, "rb") as file:
            return _misfit(command, _name(path), file.read(HEAD), want)
    except OSError:
        return None


def _folder(command: str, path: Path) -> str:
    return f"cannot read {shown(path)}: it is a directory; {one_at_a_time(command, str(path))}"


def _misfit(command: str, name: str, head: bytes, want: str) -> str | None:
    """A line for a file of another kind than wanted; None where its kind is right, or unknown."""
    from ...bitstream.jpeg.jumbf import LABEL
    from ...bitstream.runtime import filetype

    found = filetype.file_type(head, name)
    if found is None or found.group == want or (want == "RAW" and found.name == "a TIFF"):
        return None
    what = f"{name} is {found.name}, not a {want}"
    if want == "JPEG":
        if found.group == filetype.RAW:
            return f"{what}: did you mean `rawinlay encode {name}`?"
        return f"{what}: export it as a JPEG first" if found.group == filetype.PICTURE else what
    if found.group == filetype.JPEG:
        if LABEL in head:
            return f"{what}: it carries a RAW already, which `rawinlay decode {name}` writes as a DNG"
        return f"{what}: the RAW comes first, `rawinlay encode RAW {name}`" if command == "encode" else what
    return what


def one_at_a_time(command: str, folder: str = "") -> str:
    """How to go through many files."""
    suffix = "NEF" if command == "encode" else "jpg"
    where = "" if folder in ("", ".") else f"{folder}/"
    return f'one file at a time: for f in {where}*.{suffix}; do rawinlay {command} "$f"; done'


def _alike(path: Path) -> str:
    """A name in the folder that is much like one that isn't there."""
    try:
        names = {name.lower(): name for name in os.listdir(path.parent)}
    except OSError:
        return ""
    near = nearest(path.name, list(names))
    return f" (did you mean {names[near]}?)" if near else ""
