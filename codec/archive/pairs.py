"""Pairing: which JPEG belongs to which RAW, by name and by what both say of time and camera; nothing is guessed.

::

    RAW IMG_1.NEF --JPEGs of that stem--> those that contradict it fall away --> in its own folder, if any are there
                                                                             --> one is left: a `Pair`
                                                                             --> more: the ones that agree in time
                                                                             --> still more, or two RAWs want one JPEG:
                                                                                 a `Problem`, for a person

The picture itself has the last word: `encode` refuses a JPEG that shows another scene.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .shots import Shot
from .stores import Place


@dataclass(frozen=True)
class Pair:
    """A RAW and its JPEG, None where it has none; sidecars: files of other programs that belong to it."""

    raw: Place
    jpeg: Place | None = None
    sidecars: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A RAW that is left alone, and why, in words."""

    raw: Place
    why: str
    jpegs: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Paired:
    """What pairing found. unused: JPEGs that belong to no RAW (edits, shots without one); carriers: with a RAW in."""

    pairs: list[Pair] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unused: list[Place] = field(default_factory=list)
    carriers: list[Place] = field(default_factory=list)


def paired(raws: Iterable[Shot], jpegs: Iterable[Shot], sidecars: Iterable[Place] = ()) -> Paired:
    """Pairs of many files, in the order of the RAWs."""
    raws, jpegs = list(raws), list(jpegs)
    by_stem: dict[str, list[Shot]] = defaultdict(list)
    for jpeg in jpegs:
        if not jpeg.carries:
            by_stem[jpeg.stem].append(jpeg)
    out = Paired(carriers=[jpeg.path for jpeg in jpegs if jpeg.carries])
    chosen: dict[Place, Shot | None] = {}
    problems: dict[Place, Problem] = {}
    for raw in raws:
        found = _candidates(raw, by_stem[raw.stem])
        if isinstance(found, Problem):
            problems[raw.path] = found
        else:
            chosen[raw.path] = found
    wanted: dict[Place, list[Place]] = defaultdict(list)
    for path, wants in chosen.items():
        if wants is not None:
            wanted[wants.path].append(path)
    for jpeg_path, by in wanted.items():
        if len(by) > 1:
            names = ", ".join(str(path) for path in by)
            for path in by:
                del chosen[path]
                problems[path] = Problem(path, f"several RAWs fit one JPEG: {names}", (jpeg_path,))
    beside = _sidecars(sidecars)
    for raw in raws:
        if raw.path in problems:
            out.problems.append(problems[raw.path])
        else:
            its = chosen[raw.path]
            own = _own(raw.path, beside) + (_own(its.path, beside, raw.path) if its else ())
            out.pairs.append(Pair(raw.path, its.path if its else None, tuple(dict.fromkeys(own))))
    taken = {pair.jpeg for pair in out.pairs} | {path for problem in out.problems for path in problem.jpegs}
    out.unused.extend(jpeg.path for jpeg in jpegs if not jpeg.carries and jpeg.path not in taken)
    return out


def _candidates(raw: Shot, named: list[Shot]) -> Shot | Problem | None:
    """The one JPEG that is left for a RAW, None for none, or why that can't be told."""
    if not named:
        return None
    against = {jpeg.path: raw.contradicts(jpeg) for jpeg in named}
    left = [jpeg for jpeg in named if against[jpeg.path] is None]
    here = [jpeg for jpeg in left if jpeg.path.parent == raw.path.parent]
    if not left:
        here_too = [jpeg for jpeg in named if jpeg.path.parent == raw.path.parent]
        if not here_too:
            return None  # of the same number in other folders, of other shots: not its JPEGs
        jpeg = here_too[0]
        return Problem(raw.path, f"{jpeg.path.name} beside it is of another shot: {against[jpeg.path]}", (jpeg.path,))
    group = here or left
    if len(group) == 1:
        return group[0]
    agreeing = [jpeg for jpeg in group if raw.agrees(jpeg)]
    if len(agreeing) == 1:
        return agreeing[0]
    names = tuple(jpeg.path for jpeg in agreeing or group)
    return Problem(raw.path, f"several JPEGs fit: {', '.join(str(path) for path in names)}", names)


def _sidecars(paths: Iterable[Place]) -> dict[tuple[Place, str], list[Place]]:
    """Sidecars by folder and the name that they stand beside, case folded: "img_1" or "img_1.nef"."""
    out: dict[tuple[Place, str], list[Place]] = defaultdict(list)
    for path in paths:
        out[path.parent, path.stem.casefold()].append(path)
    return out


def _own(
    path: Place, beside: dict[tuple[Place, str], list[Place]], other: Place | None = None
) -> tuple[Place, ...]:
    """Sidecars of a file: `IMG_1.NEF.xmp`; and of its stem, unless another file has it for its own: `IMG_1.xmp`."""
    names = [path.name.casefold()] if other else [path.name.casefold(), path.stem.casefold()]
    return tuple(found for name in names for found in beside.get((path.parent, name), ()))
