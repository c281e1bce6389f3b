"""What kernels are made of: their own files and those of `SOURCES` that they import, as a digest.

By it compiled code is known: what numba has kept (`bitstream.runtime.by_numba`), and what was compiled when the package
was built (`bitstream.ahead`).
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

SOURCES = (
    "bitstream/runtime/by_numba.py", "bitstream/dng/ljpeg_kernels.py", "entropy/*.py", "codec/**/*kernels.py",
    "codec/stages/order.py", "codec/stages/quantiser.py", "codec/recipe/features.py",
)  # fmt: skip
"""What kernels are made of: every file that one of theirs takes a function or a constant from."""

ROOT = Path(__file__).parents[2]
_IMPORT = re.compile(r"^from (\.+)([\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)


def sources_of(path: Path) -> set[Path]:
    """The files of `SOURCES` that a kernel's file is made of: itself, what it imports, what those import."""
    todo, found = [path], set()
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            todo += _imported(here) & _sources()
    return found


@functools.cache
def _sources() -> frozenset[Path]:
    return frozenset(path for pattern in SOURCES for path in ROOT.glob(pattern))


@functools.cache
def _imported(path: Path) -> frozenset[Path]:
    """The files that may stand behind a file's imports of the product's own, all of which are relative."""

    def named() -> Iterator[Path]:
        for dots, module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
            base = path.parents[len(dots) - 1].joinpath(*filter(None, module.split(".")))
            yield base.with_suffix(".py")
            yield from (base / f"{name}.py" for name in re.findall(r"(\w+)(?: as \w+)?", names))

    return frozenset(named())


@functools.cache
def made_of(file: str) -> bytes:
    """A digest of all that the kernels of a file are made of, 32 bytes."""
    digest = hashlib.sha256()
    for source in sorted(sources_of(Path(file)) | {ROOT / SOURCES[0]}):
        content = hashlib.sha256(source.read_bytes()).digest()
        digest.update(source.name.encode() + b"\0" + content)
    return digest.digest()
