"""Which JPEG carries the RAW: the one given, one beside it, the one within it, or a rendering of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ...bitstream.errors import InputError, NoRawError, StreamError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.runtime.files import read_file
from ..align.place import Origin
from .raw import FULL_SIZE, RawFile, Source

SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True)
class Choice:
    """A JPEG, where it comes from in words, and what is known of it by that.

    jpeg: without a RAW of ours that it may have carried. path: where it was read, None for one from within the RAW.
    """

    jpeg: Jpeg
    origin: str
    known: Origin = Origin.UNKNOWN
    path: Path | None = None


def choose_jpeg(raw: RawFile, jpeg: Source | None = None) -> Choice:
    """The JPEG given; else a full-size one beside the RAW with the same stem; else the RAW's embedded full-size
    preview; else LibRaw's rendering (camera white balance, quality 95, 4:2:0).

    A JPEG beside it that carries a RAW of ours is passed over: it is an earlier output. Raises InputError for a given
    file that can't be read or is no JPEG.
    """
    if jpeg is not None:
        if isinstance(jpeg, bytes):
            return Choice(Jpeg(jpeg).bare, "given")
        return Choice(Jpeg(read_file(jpeg, "JPEG")).bare, f"given: {os.fspath(jpeg)}", path=Path(jpeg))
    if not isinstance(raw.source, bytes):
        for path in _beside(Path(raw.source)):
            found = _full_size(path, raw.image.mosaic.shape)
            if found is not None:
                return Choice(found, f"beside the RAW: {path.name}", path=path)
    preview = _preview(raw)
    if preview is not None:
        return Choice(preview, "embedded preview", Origin.CERTAIN)
    return Choice(Jpeg(raw.render_jpeg()), "LibRaw's rendering, quality 95, 4:2:0", Origin.RENDERED)


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


def _full_size(path: Path, shape: tuple[int, ...]) -> Jpeg | None:
    """The file where it is a JPEG without a RAW of ours and as large as the mosaic (5 %, upright or turned)."""
    try:
        found = Jpeg(read_file(path, "JPEG"))
        frame = found.frame
        try:
            found.payload  # noqa: B018
            return None
        except StreamError:
            return None
        except NoRawError:
            pass
    except InputError:
        return None
    sizes = zip(sorted((frame.width, frame.height)), sorted(shape), strict=True)
    return found if all(FULL_SIZE <= have / want <= 1 / FULL_SIZE for have, want in sizes) else None
