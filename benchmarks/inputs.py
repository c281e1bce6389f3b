"""What is measured on: the Bayer RAWs of a folder, and simulated shots among them.

A simulated shot (`codec.simulator.dataset`, shot-*.npz) is written as a DNG first, once, so that every program and
every codec reads the same file; its own JPEG is the guide "simulator".
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ..bitstream.dng.writer import write_dng
from ..bitstream.errors import InputError
from ..bitstream.runtime.files import write_atomically
from ..codec.simulator.dataset import load_shot
from ..codec.source.raw import read_raw

RAW_SUFFIXES = set(".3fr .arw .cr2 .cr3 .crw .dng .erf .iiq .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2 .srw".split())
SHOT_SUFFIX = ".npz"


@dataclass(frozen=True)
class Input:
    """name: the file's own, as rows have it. raw: the RAW that is read. shot: the simulated shot it was made of."""

    name: str
    raw: Path
    shot: Path | None = None


def find_inputs(folder: Path, patterns: Sequence[str], made: Path) -> list[Input]:
    """The folder's files by name that can be read and match one of the patterns (all without one); or a single file.

    patterns: like "nikon-*"; of names, with or without suffix. made: where DNGs of simulated shots go. Says on stderr
    which files are left out. InputError where nothing is left.
    """
    if not folder.exists():
        raise InputError(f"there is no folder or file {folder}")
    found: dict[str, Input] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
        suffix = path.suffix.lower()
        if suffix not in {*RAW_SUFFIXES, SHOT_SUFFIX} or (patterns and not _matches(path, patterns)):
            continue
        try:
            if path.stem in found:
                raise InputError(f"{path.name}: another file has the same stem, by which guides and pictures go")
            found[path.stem] = _shot(path, made) if suffix == SHOT_SUFFIX else _raw(path)
        except InputError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not found:
        wanted = f" that is {' or '.join(patterns)}" if patterns else ""
        raise InputError(f"{folder} holds no Bayer RAW or simulated shot that can be read{wanted}")
    return list(found.values())


def _matches(path: Path, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for name in (path.name, path.stem) for pattern in patterns)


def _raw(path: Path) -> Input:
    read_raw(path)
    return Input(path.name, path)


def _shot(path: Path, made: Path) -> Input:
    raw = made / f"{path.stem}.dng"
    if not raw.exists() or raw.stat().st_mtime < path.stat().st_mtime:
        shot = load_shot(path)
        made.mkdir(parents=True, exist_ok=True)
        write_atomically(raw, write_dng(shot.raw))
    read_raw(raw)
    return Input(path.name, raw, path)
