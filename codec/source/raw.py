"""RAW in: a camera file as a `RawImage`, its embedded preview, and LibRaw's rendering of it.

LibRaw does the decoding, in a process of its own (`codec.source.libraw`).
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
from typing import Any

import numpy as np
from PIL import Image

from ...bitstream.dng import black as black_tags
from ...bitstream.errors import InputError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.raw_image import RawImage
from ...bitstream.rect import Rect
from ...bitstream.runtime.files import Source, read_file
from ...bitstream.runtime.profile import timed
from ...bitstream.tiff import tags, tiff
from ...bitstream.tiff.tiff import Ifd
from . import crop, dng_pixels, filtered, libraw
from . import dng as dng_source
from .camera_tags import camera_name, camera_tags, correction_tags, exif_tags, scale_tags
from .extents import check_extents
from .libraw import About, Answer
from .metadata import source_ifd
from .sensor import libraw_blacks, mosaic_of, numbered, ranked
from .shot import with_shot, with_sidecar

TIFF_ORIENTATION = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}  # of LibRaw's flip (bits: mirror, upend, transpose)
MAKE, MODEL, ORIENTATION = 271, 272, 274
FULL_SIZE = 0.95  # a preview at least this large in both directions counts as full size


class RawFile:
    """A Bayer RAW, opened once for all that `encode` wants of it; image: as `read_raw` gives it, errors like its.

    frame: which of several mosaics, from 1; without it the largest, of equal ones the first. frames: how many there
    are. margins: whether `image` has its masked border too. warnings: what the user should know, a line each.
    digest: SHA-256 of the file.
    """

    def __init__(self, source: Source, frame: int | None = None, margins: bool = False) -> None:
        self.source = source
        with timed("reading"):
            original, name = _bytes(source)
            self.digest = hashlib.sha256(original).digest()
            self.data, self._name, ifd0 = _understood(original, name, True, frame)
            del original
            self._frame = dng_source.libraw_frame(ifd0, frame)
            self._found = _named(self._name, libraw.ask, self.data, mosaic=True, thumbnail=True,
                                 frame=self._frame, margins=margins)  # fmt: skip
            image, told = _image(self._found, self._name, self.data, ifd0, frame)
            self.image, of_sidecar = with_sidecar(image, source)
        self.frames = self._found.frames
        one = f"frame {self._frame + 1} of {self.frames} is stored, the RAW's other mosaics are not"
        lost = self.frames > 1 and frame is None
        frames = (f"{one}: encode with --frame N stores another",) if lost else ()
        self.warnings: tuple[str, ...] = (*frames, *told, *of_sidecar)

    def embedded_preview(self) -> bytes | None:
        """As the function `embedded_preview`."""
        return _full_size(self._found)

    def own_preview(self) -> bytes | None:
        """As the function `own_preview`."""
        return _largest(self._found)

    def render_jpeg(self) -> bytes:
        """As the function `render_jpeg` without options."""
        with timed("reading"):
            own = filtered.rendering(self.image) if filtered.needed(self.image) else None
            return _rendered(self.data, self._name, 95, "4:2:0", {}, self._frame, own)


def read_raw(path: Source, frame: int | None = None, margins: bool = False) -> RawImage:
    """Read a Bayer RAW: a path, or the file's bytes.

    frame: which of several mosaics, from 1; without it the largest, of equal ones the first.
    The mosaic is LibRaw's visible area; masked margins are left out, unless `margins` asks for them too. For a DNG the
    levels and the tags of colour, noise and corrections are the file's own, verbatim; for other files LibRaw's colour
    matrix, white balance and levels. Raises InputError, naming the reason, for a file that is unreadable, damaged or no
    Bayer mosaic.
    """
    with timed("reading"):
        data, name, ifd0 = _file(path, frame=frame)
        index = dng_source.libraw_frame(ifd0, frame)
        found = _named(name, libraw.ask, data, mosaic=True, thumbnail=ifd0 is None, frame=index, margins=margins)
        return _image(found, name, data, ifd0, frame)[0]


def embedded_preview(path: Source) -> bytes | None:
    """The RAW's embedded JPEG if it is as large as the visible mosaic (to 5 %, upright or turned), else None.

    Raises InputError for a file that LibRaw can't open.
    """
    return _full_size(_previews(path))


def own_preview(path: Source) -> bytes | None:
    """The largest preview that the RAW has, of any size: a JPEG, or a PPM where it is stored uncoded; else None.

    Raises InputError for a file that LibRaw can't open.
    """
    return _largest(_previews(path))


def render_jpeg(path: Source, quality: int = 95, subsampling: str = "4:2:0", **options: Any) -> bytes:
    """LibRaw's own rendering as a JPEG: camera white balance, upright, with the source's exposure data as Exif.

    `options` go to rawpy's `postprocess` (half_size=True, no_auto_bright=True, ...). Raises InputError as `read_raw`
    does for unreadable files; other mosaics than Bayer's are rendered too.
    """
    with timed("reading"):
        data, name, _ = _file(path)
        return _rendered(data, name, quality, subsampling, options)


def _previews(path: Source) -> Answer:
    with timed("reading"):
        data, name, _ = _file(path, whole=False)
        found: Answer = _named(name, libraw.ask, data, thumbnail=True)
        return found


def _image(
    found: Answer, name: str, data: bytes, ifd0: Ifd | None, frame: int | None = None
) -> tuple[RawImage, tuple[str, ...]]:
    """The RAW, and what of it can't be kept."""
    about, own = _known(found), ifd0
    ifd0, told = ifd0 or _thumbnail_ifd(found), tuple[str, ...]()
    raw_ifd, active, rank = None, None, None
    if ifd0 is not None and dng_source.is_dng(ifd0):
        raw_ifd = _named(name, dng_source.raw_ifd, ifd0, frame)
        active = dng_source.active_area(raw_ifd)
        if dng_pixels.is_floating(raw_ifd):
            found, rank = _named(name, ranked, found, dng_pixels.floats(data, raw_ifd))
    mosaic, cfa, cell = _named(name, mosaic_of, found, raw_ifd, active)
    visible = Rect(found.sizes.top, found.sizes.left, *(cell.size[:2] if cell else mosaic.shape))
    black: tuple[float, ...] | None = None
    white: int | None = None
    if ifd0 is not None and raw_ifd is not None and active is not None:
        _named(name, dng_source.check_frame, raw_ifd, found.frames, (found.sizes.raw_height, found.sizes.raw_width))
        ifd0_tags, raw_tags, told = dng_source.carried_tags(ifd0, raw_ifd, visible, cell)
        white = dng_source.white_level(raw_ifd)
        if cell:
            black = black_tags.plane_levels(raw_ifd.tags, cell, visible.top - active.top, visible.left - active.left)
        else:
            black = dng_source.black_levels(raw_ifd, visible)
    else:
        ifd0_tags = camera_tags(about, ifd0)
        framed = crop.of_source(found.sizes, visible, ifd0)
        raw_tags = {**correction_tags(ifd0), **scale_tags(found.sizes), **framed}
    black = black or libraw_blacks(about, cell)
    white = white or about.white
    mosaic, levels = _named(name, numbered, mosaic, cell, white, (black[0], black[1], black[2], black[3]), rank)
    if levels:
        black, white = levels.numbers
    if not 0 <= min(black) <= max(black) < white <= 65535:
        raise InputError(f"{name}: black level {max(black):g} and white level {white} make no sense")
    image = RawImage(
        mosaic=mosaic, cfa=cfa, black=(black[0], black[1], black[2], black[3]), white=white,
        orientation=TIFF_ORIENTATION[found.sizes.flip & 7], camera=camera_name(ifd0_tags),
        ifd0_tags=ifd0_tags, raw_tags=raw_tags, exif_tags=exif_tags(about, ifd0),
        border=None if cell or levels else found.border, cell=cell, levels=levels)  # fmt: skip
    return with_shot(image, data, own, found.thumbnail, about), told


def _full_size(found: Answer) -> bytes | None:
    jpeg = found.thumbnail
    if jpeg is None:
        return None
    full = sorted((found.sizes.width, found.sizes.height))
    try:
        frame = Jpeg(jpeg).frame
    except InputError:
        return None
    size = sorted((frame.width, frame.height))
    return jpeg if all(have >= FULL_SIZE * want for have, want in zip(size, full, strict=True)) else None


def _largest(found: Answer) -> bytes | None:
    if found.bitmap is None or found.bitmap.shape[2] != 3:
        return found.thumbnail
    height, width = found.bitmap.shape[:2]
    return b"P6 %d %d 255\n" % (width, height) + found.bitmap.tobytes()


def _rendered(
    data: bytes, name: str, quality: int, subsampling: str, options: dict[str, Any], frame: int = 0,
    own: np.ndarray | None = None,
) -> bytes:  # fmt: skip
    """The rendering as a JPEG; own: another one than LibRaw's."""
    ifd0 = source_ifd(data)
    options = {"use_camera_wb": True, "output_bps": 8, **options}
    ask = functools.partial(libraw.ask, data, thumbnail=ifd0 is None, frame=frame)
    try:
        found: Answer = ask(rendering=options)
    except InputError:
        # An X-Trans mosaic of less than 512 pixels a side LibRaw demosaics in no other way.
        found = _named(name, ask, rendering={**options, "demosaic_algorithm": "LINEAR"})
    picture = found.rendering if own is None else own
    if picture is None:
        raise InputError(f"{name}: LibRaw renders it as nothing")
    ifd0 = ifd0 or _thumbnail_ifd(found)
    told = tags.allowed_tags(tags.IFD0, ifd0.tags) if ifd0 else {}
    kept = {tag: told[tag] for tag in (MAKE, MODEL, 306, 315, 33432) if tag in told}
    kept[ORIENTATION] = tiff.pack_value(tiff.SHORT, 1)
    exif = Ifd(exif_tags(_known(found), ifd0))
    payload = b"Exif\0\0" + tiff.write_tiff(Ifd(kept, subs={tiff.EXIF_IFD: [exif]} if exif.tags else {}))
    out = io.BytesIO()
    colour: dict[str, Any] = {"subsampling": subsampling} if picture.shape[2] == 3 else {}
    shown = Image.fromarray(picture if colour else picture[..., 0])
    shown.save(out, "JPEG", quality=quality, exif=payload, **colour)
    return out.getvalue()


def _file(path: Source, whole: bool = True, frame: int | None = None) -> tuple[bytes, str, Ifd | None]:
    """The file's bytes, its name for messages and its IFD0; InputError for one that can't be understood.

    whole: or that is cut short; previews may be there all the same. frame: the mosaic that is meant.
    """
    return _understood(*_bytes(path), whole, frame)


def _bytes(path: Source) -> tuple[bytes, str]:
    """A file's bytes, and its name for messages."""
    return (path, "the RAW") if isinstance(path, bytes) else (read_file(path, "RAW"), os.path.basename(path))


def _understood(data: bytes, name: str, whole: bool, frame: int | None) -> tuple[bytes, str, Ifd | None]:
    """As `_file`; a DNG of JPEG XL as one that isn't."""
    ifd0 = source_ifd(data)
    if ifd0 is not None and dng_source.is_dng(ifd0):
        # the reason by name, where LibRaw would only say "unsupported"
        ifd = _named(name, dng_source.raw_ifd, ifd0, frame)
        data = _named(name, dng_pixels.plain, data, ifd)
        ifd0 = source_ifd(data)
    if whole:
        _named(name, check_extents, data, frame)
    return data, name, ifd0


def _named(name: str, read: Any, *args: Any, **options: Any) -> Any:
    """`read(*args, **options)`, its InputError with the file's name before it."""
    try:
        return read(*args, **options)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _known(found: Answer) -> About:
    """What an answer with mosaic or rendering always has."""
    assert found.about is not None
    return found.about


def _thumbnail_ifd(found: Answer) -> Ifd | None:
    """IFD0 of the embedded JPEG, to which LibRaw adds camera and exposure data: for containers not read here."""
    return Jpeg(found.thumbnail).ifd0 if found.thumbnail else None
