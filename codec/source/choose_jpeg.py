"""Which JPEG carries the RAW: the one given, one beside it, the one within it, or a rendering of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...bitstream.errors import InputError, NoRawError, StreamError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.runtime.files import read_file
from ..align.place import Origin
from .raw import FULL_SIZE, RawFile, Source

SUFFIXES = (".jpg", ".jpeg")

LEAST_PART = 16
"""A JPEG beside the RAW that has less than one of so many of the mosaic's pixels is a thumbnail, not its picture."""


@dataclass(frozen=True)
class Choice:
    """A JPEG, where it comes from in words, and what is known of it by that.

    jpeg: without a RAW of ours that it may have carried. path: where it was read, None for one from within the RAW.
    last: there is no other, whatever it is worth.
    """

    jpeg: Jpeg
    origin: str
    known: Origin = Origin.UNKNOWN
    path: Path | None = None
    last: bool = False


def choices(raw: RawFile, named: Choice | None, passed_over: list[str]) -> Iterator[Choice]:
    """The JPEG that the user names (`given`); else, in this order, the first to be taken that shows the RAW's picture:
    those beside it, its own full-size preview, and LibRaw's rendering (camera white balance, quality 95, 4:2:0).

    Files beside it that are of no use are told in `passed_over`, a line each.
    """
    if named is not None:
        del raw  # whoever goes on with the last one needs no more of it
        yield named
        return
    yield from beside(raw, passed_over)
    preview = _preview(raw)
    if preview is not None:
        yield Choice(preview, "embedded preview", Origin.CERTAIN)
    rendering = Jpeg(raw.render_jpeg())
    del raw
    yield Choice(rendering, "LibRaw's rendering, quality 95, 4:2:0", Origin.RENDERED, last=True)


def given(jpeg: Source) -> Choice:
    """The JPEG that the user names. Raises InputError for a file that can't be read or is no JPEG."""
    if isinstance(jpeg, bytes):
        return Choice(Jpeg(jpeg).bare, "given", last=True)
    return Choice(Jpeg(read_file(jpeg, "JPEG")).bare, f"given: {os.fspath(jpeg)}", path=Path(jpeg), last=True)


def beside(raw: RawFile, passed_over: list[str]) -> Iterator[Choice]:
    """JPEGs beside the RAW with the same stem, the largest first; those of no use are told in `passed_over`, a line
    each: what is broken, carries a RAW of ours (an earlier output), or is a thumbnail.

    They may be smaller than the mosaic, or of another scene: whoever takes one finds out (`unused`).
    """
    if isinstance(raw.source, bytes):
        return
    shape, found = raw.image.mosaic.shape, []
    for path in _beside(Path(raw.source)):
        try:
            jpeg = _usable(path, shape)
        except InputError as error:
            passed_over.append(f"{path.name} beside the RAW is not used: {error}")
            continue
        rank = (not _full_size(jpeg, shape), -jpeg.frame.width * jpeg.frame.height, path.name)
        found.append((rank, Choice(jpeg, f"beside the RAW: {path.name}", path=path)))
    for _, choice in sorted(found, key=lambda one: one[0]):
        yield choice


def unused(choice: Choice, why: Exception | str) -> str:
    """That a JPEG is not taken, in words."""
    what = f"{choice.path.name} beside the RAW" if choice.path else f"the RAW's {choice.origin}"
    return f"{what} is not used: {why}"


def _preview(raw: RawFile) -> Jpeg | None:
    """The RAW's embedded full-size preview; None where there is none, or one that no RAW can be put into."""
    found = raw.embedded_preview()
    if found is None:
        return None
    try:
        preview = Jpeg(found).bare
        _ = preview.planes
    except InputError:  # cut short, coded as RGB, too large: a rendering will do instead
        return None
    return preview


def _beside(raw_path: Path) -> list[Path]:
    """Files with the RAW's stem and a JPEG's suffix in the RAW's folder."""
    try:
        names = sorted(os.listdir(raw_path.parent))
    except OSError:
        return []
    paths = (raw_path.with_name(name) for name in names)
    return [p for p in paths if p.stem == raw_path.stem and p.suffix.lower() in SUFFIXES and p.name != raw_path.name]


def _usable(path: Path, shape: tuple[int, ...]) -> Jpeg:
    """The file as a JPEG without a RAW of ours; InputError where it is none, carries one, or is a thumbnail."""
    found = Jpeg(read_file(path, "JPEG"))
    frame = found.frame
    try:
        found.payload  # noqa: B018
    except NoRawError:
        pass
    except StreamError as error:
        raise InputError(f"it carries a RAW that is damaged ({error})") from None
    else:
        raise InputError("it carries a RAW already")
    if frame.width * frame.height * LEAST_PART < shape[0] * shape[1]:
        raise InputError(
            f"{frame.width} x {frame.height} pixels are a thumbnail of {shape[1]} x {shape[0]}; --jpeg takes it even so"
        )
    return found


def _full_size(jpeg: Jpeg, shape: tuple[int, ...]) -> bool:
    """Whether it is as large as the mosaic (5 %, upright or turned)."""
    sizes = zip(sorted((jpeg.frame.width, jpeg.frame.height)), sorted(shape), strict=True)
    return all(FULL_SIZE <= have / want <= 1 / FULL_SIZE for have, want in sizes)
