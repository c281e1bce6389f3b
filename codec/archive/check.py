"""`verify` of many: every JPEG of folders and URLs checked over all cores, and RAWs that are still there beside them.

::

    sources --stores.py--> files --over processes, in bundles--> verify.py --> `Checked`, as they come
    journals of batches in the folders --> outputs that are gone -----------------^
    `--against`: RAWs by their digest --------> trash.checked --------------------^
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError, NoRawError, RawinlayError, StreamError
from ...bitstream.runtime.parallel import cores
from ..source.endings import JPEG_SUFFIXES, RAW_SUFFIXES
from ..verify import FAILED, OK, SKIPPED, Check, Verified, verify
from .journal import NAME, entries_in
from .shots import files_of
from .stores import Place, exists, is_folder, read, size_of

BUNDLE = 32
"""Files that a process is given at once."""

FEW = 64
"""Files for which no processes are started: they'd take longer to begin than to work."""

Told = Callable[[str, float], None]


@dataclass(frozen=True)
class How:
    """deep: decode too; max_pixels: as `verify`; raws: those that are still there, by the SHA-256 of their files, in
    hex; None where none are asked for."""

    deep: bool = False
    max_pixels: int | None = None
    raws: dict[str, str] | None = None


@dataclass(frozen=True)
class Checked:
    """A file and what became of its checks; size: its bytes; named: whether it was given by its own name."""

    path: Place
    verified: Verified
    size: int = 0
    named: bool = True

    @property
    def counts(self) -> bool:
        """Whether it is one of ours: a JPEG in a folder that never had a RAW is none, and nothing is wrong with it."""
        return self.named or self.verified.had_raw or self.verified.exit_code == InputError.exit_code


@dataclass
class Totals:
    """Of many: files that count, JPEGs without a RAW among the others, bytes read."""

    files: int = 0
    plain: int = 0
    size: int = 0
    by_code: dict[int, int] = field(default_factory=dict)

    def add(self, one: Checked) -> None:
        """One file more."""
        self.size += one.size
        if not one.counts:
            self.plain += 1
            return
        self.files += 1
        code = one.verified.exit_code
        self.by_code[code] = self.by_code.get(code, 0) + 1


def jpegs_in(sources: Iterable[Place]) -> list[tuple[Place, bool]]:
    """All JPEGs of files and folders, and whether each was named itself. InputError for a folder that isn't there."""
    found: dict[Place, bool] = {}
    for source in sources:
        if is_folder(source):
            for path in files_of(source):
                if path.suffix.lower() in JPEG_SUFFIXES:
                    found.setdefault(path, False)
        else:
            found[source] = True
    return list(found.items())


def gone(sources: Iterable[Place]) -> list[Checked]:
    """Outputs that the journals of batches in these folders know as done and that are no longer there."""
    out = []
    for source in sources:
        for line in _journal(source):
            path = Path(str(line.get("output")))
            if line.get("state") == "done" and not path.exists():
                said = f"it is gone, though the batch of {source} made it"
                out.append(Checked(path, Verified((Check("stream", FAILED, said),), NoRawError.exit_code)))
    return out


def _journal(source: Place) -> Iterable[dict[str, Any]]:
    """The last line of each RAW in the journal of a folder; none where there is none."""
    path = source / NAME
    if not isinstance(path, Path) or not path.is_file():
        return []
    try:
        return entries_in(path.read_bytes()).values()
    except OSError:
        return []


def raws_in(folder: Place, tell: Told | None = None) -> dict[str, str]:
    """RAWs of a folder by the SHA-256 of their files, in hex."""
    paths = [path for path in files_of(folder) if path.suffix.lower() in RAW_SUFFIXES]
    found = {}
    with ThreadPoolExecutor(cores()) as pool:
        for n, (path, digest) in enumerate(zip(paths, pool.map(_sha256, paths), strict=True)):
            if tell:
                tell("reading RAWs", n / len(paths))
            found[digest] = str(path)
    return found


def _sha256(path: Place) -> str:
    if not isinstance(path, Path):
        return hashlib.sha256(read(path, "RAW")).hexdigest()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the RAW {path}: {error.strerror}") from error


def checked_all(files: Sequence[tuple[Place, bool]], how: How, tell: Told | None = None) -> Iterator[Checked]:
    """Each file's checks, as they come; whatever dies in between, all are told of."""
    jobs = cores()
    heavy = how.deep or how.raws is not None
    if heavy or jobs < 2 or len(files) <= FEW:
        # What takes time without decoding lets go of the interpreter's lock: reading, SHA-256, CRCs.
        with contextlib.nullcontext() if heavy else ThreadPoolExecutor(jobs) as threads:
            found = (threads.map if threads else map)(partial(_checked, how=how), files)
            for n, one in enumerate(found):
                if tell:
                    tell(f"checking {len(files)} files", n / len(files))
                yield one
        return
    bundles, done, left = iter(_bundles(files)), 0, list[tuple[Place, bool]]()
    running: dict[Future[list[Checked]], list[tuple[Place, bool]]] = {}
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        try:
            while True:
                for bundle in islice(bundles, 2 * jobs - len(running)):
                    running[pool.submit(_bundle, bundle, how)] = bundle
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    bundle = running.pop(future)
                    done += len(bundle)
                    if tell:
                        tell(f"checking {len(files)} files", done / len(files))
                    yield from future.result()
        except BrokenProcessPool:
            left = [file for bundle in [bundle, *running.values(), *bundles] for file in bundle]
    for file in left:  # one of them killed a process: each has one of its own now
        yield _alone(file, how)


def _alone(file: tuple[Place, bool], how: How) -> Checked:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_bundle, [file], how).result()[0]
        except BrokenProcessPool:
            said = "the process that checked it died (killed, or out of memory)"
            return Checked(file[0], Verified((Check("stream", FAILED, said),), 1), named=file[1])


def _bundles(files: Sequence[tuple[Place, bool]]) -> Iterator[list[tuple[Place, bool]]]:
    for at in range(0, len(files), BUNDLE):
        yield list(files[at : at + BUNDLE])


def _bundle(files: Sequence[tuple[Place, bool]], how: How) -> list[Checked]:
    return [_checked(file, how) for file in files]


def _checked(file: tuple[Place, bool], how: How) -> Checked:
    """One file. Never raises but for what ends a process."""
    path, named = file
    try:
        if not named and not size_of(path):
            raise InputError(f"cannot read the JPEG {path}: it is empty")
        data = read(path, "JPEG")
        found = verify(data, deep=how.deep, max_pixels=how.max_pixels)
        if how.raws is not None and found.had_raw:
            found = _against(data, found, how.raws)
    except RawinlayError as error:
        return Checked(path, Verified((Check("stream", FAILED, str(error)),), error.exit_code), named=named)
    except MemoryError:
        return Checked(path, Verified((Check("stream", FAILED, "not enough memory"),), 3), named=named)
    return Checked(path, found, len(data), named)


def _against(jpeg: bytes, found: Verified, raws: dict[str, str]) -> Verified:
    """With a check more: what it decodes to beside the RAW that it was made of."""
    from .stores import place
    from .trash import checked

    if found.raw_sha256 is None or found.raw_sha256 not in raws:
        why = "the RAW it was made of is not among those" if found.raw_sha256 else "it does not tell of which RAW it is"
        return replace(found, checks=(*found.checks, Check("raw", SKIPPED, why)))
    path = place(raws[found.raw_sha256])
    check = checked(path if isinstance(path, Path) else read(path, "RAW"), jpeg)
    state = Check("raw", FAILED if check.error else OK, f"{path}: {check.error}" if check.error else str(path))
    code = max(found.exit_code, StreamError.exit_code) if check.error else found.exit_code
    return replace(found, checks=(*found.checks, state), exit_code=code)


def there(source: Place) -> None:
    """InputError where a source is not there at all."""
    if not exists(source):
        raise InputError(f"cannot read {source}: there is no such file or folder")
