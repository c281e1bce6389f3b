"""`Shot`: what tells one photograph from another before its picture is looked at: name, time, camera."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...bitstream.errors import InputError, RawinlayError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.raw_image import TiffValue
from ...bitstream.tiff import tiff
from ..source.endings import JPEG_SUFFIXES, RAW_SUFFIXES, SIDECAR_SUFFIXES
from .stores import Place, below, exists, is_folder, is_local, read, start_of

MAKE, MODEL, TAKEN, SUBSECONDS, DNG_MODEL = 271, 272, 36867, 37521, 50708

HIDDEN = "."

HEAD = 1 << 18
"""Bytes of a RAW elsewhere that are looked at first."""


@dataclass(frozen=True)
class Shot:
    """A file of a photograph.

    taken: shot time as Exif has it, "2024:05:01 12:00:00", with sub-seconds where they are told ("....123"); "" where
    it isn't known. camera: make and model, lower case, "" likewise. carries: a JPEG that has a RAW of ours already.
    """

    path: Place
    taken: str = ""
    camera: str = ""
    carries: bool = False

    @property
    def stem(self) -> str:
        """The name without its ending, as cameras' cards compare it."""
        return str(self.path.stem).casefold()

    def contradicts(self, other: Shot) -> str | None:
        """In what both files say of themselves they can't be of one shot; None where nothing says so."""
        if self.taken and other.taken:
            ours, theirs = (shot.taken.partition(".") for shot in (self, other))
            if ours[0] != theirs[0]:
                return f"taken {_plain(self.taken)}, not {_plain(other.taken)}"
            if ours[2] and theirs[2] and _fraction(ours[2]) != _fraction(theirs[2]):
                return f"taken {_plain(self.taken)}, not {_plain(other.taken)}"
        if self.camera and other.camera and not _same_camera(self.camera, other.camera):
            return f"by {self.camera}, not {other.camera}"
        return None

    def agrees(self, other: Shot) -> bool:
        """Whether time and, where both tell it, camera say that both are of one shot."""
        return bool(self.taken and other.taken) and self.contradicts(other) is None


def found_in(sources: Iterable[Place]) -> tuple[list[Place], list[Place], list[Place]]:
    """(RAWs, JPEGs, sidecars) in folders, with all below them, and among files that are named; each once, in order.

    Hidden files and folders are passed over. InputError for a source that isn't there.
    """
    raws, jpegs, sidecars = dict[Place, None](), dict[Place, None](), dict[Place, None]()
    for source in sources:
        if not exists(source):
            raise InputError(f"cannot read {source}: there is no such file or folder")
        for path in files_of(source):
            suffix = path.suffix.lower()
            groups = ((RAW_SUFFIXES, raws), (JPEG_SUFFIXES, jpegs), (SIDECAR_SUFFIXES, sidecars))
            for suffixes, group in groups:
                if suffix in suffixes:
                    group[path] = None
    return list(raws), list(jpegs), list(sidecars)


def files_of(source: Place) -> Iterator[Place]:
    """All files below a folder, hidden ones passed over; a file itself."""
    if not is_folder(source):
        yield source
        return
    if not is_local(source):
        for path in below(source):
            if not any(part.startswith(HIDDEN) for part in path.relative_to(source).parts):
                yield path
        return
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith(HIDDEN))
        for name in sorted(names):
            if not name.startswith(HIDDEN):
                yield Path(folder, name)


def raw_shot(path: Place) -> Shot:
    """Of a RAW: what its TIFF directories say, or those of the JPEG in a RAF; nothing where they say nothing."""
    tags: dict[int, TiffValue] = {}
    with contextlib.suppress(OSError, ValueError, RawinlayError):
        if not is_local(path):
            tags = _of_raw(start_of(path, HEAD))
            if not _taken(tags):  # its directories may stand behind the picture
                tags = _of_raw(read(path, "RAW"))
        else:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                tags = _of_raw(data)  # type: ignore[arg-type]
    return Shot(path, _taken(tags), _camera(tags))


def _of_raw(data: bytes) -> dict[int, TiffValue]:
    if data[:15] == b"FUJIFILMCCD-RAW":
        start, length = (int.from_bytes(data[at : at + 4], "big") for at in (84, 88))
        return _of_jpeg(Jpeg(bytes(data[start : start + length])))
    if not tiff.is_tiff(data[:4] + bytes(12)):
        return {}
    with contextlib.suppress(RawinlayError):
        return _of_directories(tiff.read_tiff(data)[0])
    return {}


def jpeg_shot(path: Place) -> Shot:
    """Of a JPEG, by its Exif. InputError for a file that can't be read or is none."""
    jpeg = Jpeg(read(path, "JPEG"))
    carries = jpeg.bare is not jpeg
    tags = _of_jpeg(jpeg)
    return Shot(path, _taken(tags), _camera(tags), carries)


def _of_jpeg(jpeg: Jpeg) -> dict[int, TiffValue]:
    return _of_directories(jpeg.ifd0) if jpeg.ifd0 else {}


def _of_directories(ifd0: tiff.Ifd) -> dict[int, TiffValue]:
    tags = dict(ifd0.tags)
    for exif in ifd0.subs.get(tiff.EXIF_IFD, [])[:1]:
        tags |= exif.tags
    return tags


def _taken(tags: dict[int, TiffValue]) -> str:
    time = tiff.value_text(tags[TAKEN]) if TAKEN in tags else ""
    if not re.fullmatch(r"\d{4}[:\-/.]\d\d[:\-/.]\d\d \d\d:\d\d:\d\d", time) or time.startswith("0000"):
        return ""
    time = re.sub(r"[\-/.]", ":", time)
    parts = tiff.value_text(tags[SUBSECONDS]) if SUBSECONDS in tags else ""
    return f"{time}.{parts}" if parts.isdigit() else time


def _camera(tags: dict[int, TiffValue]) -> str:
    make, model = (tiff.value_text(tags[tag]).casefold() if tag in tags else "" for tag in (MAKE, MODEL))
    return model if not make or model.startswith(make.split()[0]) else f"{make} {model}".strip() if model else ""


def _same_camera(first: str, second: str) -> bool:
    """Programs and firmwares write makers differently ("NIKON", "Nikon Corporation"): the model's words decide."""
    one, two = (set(re.findall(r"[a-z0-9]+", name)) for name in (first, second))
    return bool(one) and bool(two) and (one <= two or two <= one or _model(one) == _model(two))


def _model(words: set[str]) -> set[str]:
    return {word for word in words if any(c.isdigit() for c in word)} or words


def _fraction(digits: str) -> str:
    """Sub-seconds as a fraction: "5" is "50" is "500"."""
    return digits.rstrip("0")


def _plain(taken: str) -> str:
    return taken.replace(":", "-", 2)

