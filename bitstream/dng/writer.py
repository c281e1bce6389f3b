"""DNG out: a `RawImage` and a JPEG preview as a DNG 1.4 file that every reader takes (docs/dng.md).

    IFD0         the preview; camera, colour, profiles; Orientation
      SubIFD     the mosaic: tiles of lossless JPEG, CFA pattern, levels, crops, opcodes, noise profile
      Exif IFD   the source's tags and MakerNote, then what the JPEG's own Exif adds
      GPS IFD    the source's, else from the JPEG's Exif
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from ..errors import UsageError
from ..jpeg.file import Jpeg
from ..raw_image import RawImage, TiffValue
from ..runtime.parallel import cores
from ..runtime.profile import timed
from ..tiff import tags, tiff
from ..tiff.tiff import Ifd
from . import black, ljpeg
from .about import add_metadata
from .border import framed
from .cells import black_of_cell, cell_tags
from .crop import crop_tags, default_crop, lies_in
from .floats import deflated, float_side, float_tags, square_tiles
from .jxl import JpegXl, interleaved, need_imagecodecs, tiles
from .preview import Preview, make_preview

T = TypeVar("T")

TILES = (256, 128, 64, 32, 16)  # sides that a tile may have, best first
SOFTWARE = "rawinlay"
CFA_COLOURS = {"R": 0, "G": 1, "B": 2}
MIN_PADDING = 2  # pixels that demosaicking wants around the default crop; Adobe's SDK warns of fewer
XYZ_TO_SRGB = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)

DNG_1_4, DNG_1_6, DNG_1_7 = (1, 4, 0, 0), (1, 6, 0, 0), (1, 7, 0, 0)
FIRST_TAG_OF_1_6, FIRST_TAG_OF_1_7 = 52525, 52547


def write_dng(
    raw: RawImage, preview_jpeg: Jpeg | bytes | None = None, metadata_jpeg: Jpeg | bytes | None = None,
    jxl: JpegXl | None = None, note: str = "", plain: bool = False,
) -> bytes:  # fmt: skip
    """The DNG file of `raw`, mosaic bit for bit, with `preview_jpeg` as preview and as source of further Exif.

    metadata_jpeg: the source of that Exif, if it is another. jxl: the mosaic by JPEG XL (DNG 1.7) instead of lossless
    JPEG; UsageError where imagecodecs is not installed. note: what was done to the mosaic, as ImageDescription.
    plain: the mosaic as it is, row by row, so that the file's size is known before any value of it is.

    Only tags of `bitstream.tiff.allowed` are taken from `raw`; all that describes the mosaic follows from the mosaic.
    Where the two sources name the same Exif tag, `raw` wins. Raises InputError over 4 GiB.
    """
    shown = Jpeg.of(preview_jpeg) if preview_jpeg else None
    about = Jpeg.of(metadata_jpeg) if metadata_jpeg else shown
    ifd0_tags = tags.allowed_tags(tags.IFD0, raw.ifd0_tags)
    raw_tags = tags.allowed_tags(tags.RAW, raw.raw_tags)
    if jxl:
        need_imagecodecs()
    with ThreadPoolExecutor(cores()) as pool:  # compiled loops, libjpeg and hashes run without Python's lock
        previews = pool.submit(_timed, make_preview, shown, raw.orientation) if shown else None
        roots = pool.submit(_timed, _camera_tags, raw, ifd0_tags)
        border = framed(raw)
        stored = border.frame if border else raw.values
        one = raw.cell is not None and (raw.cell.samples > 1 or raw.cell.order == "W")
        floating = stored.dtype != np.uint16
        if floating and jxl:
            raise UsageError("a floating-point mosaic goes into no DNG of JPEG XL: write it without --dng-jxl")
        if floating:
            chunks = list(pool.map(deflated, square_tiles(stored, float_side(stored.shape))))
        elif plain:
            chunks = [stored.astype("<u2").tobytes()]
        else:
            chunks = _tiles(stored, jxl, pool, one)
        root, preview = Ifd(roots.result()), previews.result() if previews else None
    if note:
        root.tags[270] = tiff.pack_ascii(note)
    with timed("writing"):
        side = tiff.pack_value(tiff.LONG, float_side(stored.shape) if floating else _tile_side(stored.shape[1]))
        laid = _strip(stored.shape[0]) if plain and not floating else {322: side, 323: side}
        described = _mosaic_tags(raw, raw_tags) | laid | (border.tags if border else {})
        places = (273, 279) if plain and not floating else (324, 325)
        stored_as = float_tags(stored) if floating else jxl.tags(not one) if jxl else {}
        mosaic = Ifd(described | stored_as, chunks=chunks, chunk_tags=places)
        return _assembled(raw, mosaic, root, preview, about)


def _timed(work: Callable[..., T], *args: Any) -> T:
    with timed("writing"):
        return work(*args)


def _tiles(mosaic: np.ndarray, jxl: JpegXl | None, pool: ThreadPoolExecutor, one: bool) -> list[bytes]:
    """The mosaic's tiles, coded; one: whether its neighbours are of one colour."""
    if jxl:
        return list(pool.map(functools.partial(_timed, jxl.tile), tiles(mosaic if one else interleaved(mosaic))))
    starts = range(0, mosaic.shape[0], _tile_side(mosaic.shape[1]))
    components = mosaic.shape[2] if mosaic.ndim > 2 else 1 if one else 2
    return [tile for row in pool.map(functools.partial(_timed, _tile_row, mosaic, components), starts) for tile in row]


def _assembled(raw: RawImage, mosaic: Ifd, root: Ifd, preview: Preview | None, about: Jpeg | None) -> bytes:
    """The file of the mosaic's directory, the preview and IFD0."""
    add_metadata(root, raw, about)
    root.tags.setdefault(305, tiff.pack_ascii(SOFTWARE))
    if preview:
        root.tags |= preview.tags | {254: tiff.pack_value(tiff.LONG, 1)}
        root.chunks = [preview.jpeg]
        root.subs[tiff.SUB_IFDS] = [mosaic]
    else:  # nothing to stand first: the mosaic itself does
        root.tags |= mosaic.tags
        root.chunks, root.chunk_tags = mosaic.chunks, mosaic.chunk_tags
    version = DNG_1_6 if max([*root.tags, *mosaic.tags]) >= FIRST_TAG_OF_1_6 else DNG_1_4
    by_jxl = FIRST_TAG_OF_1_7 in mosaic.tags
    root.tags[50706] = tiff.pack_value(tiff.BYTE, *(DNG_1_7 if by_jxl else version))
    root.tags[50707] = tiff.pack_value(tiff.BYTE, *(DNG_1_7 if by_jxl else DNG_1_4))
    return tiff.write_tiff(root)


def _camera_tags(raw: RawImage, ifd0_tags: dict[int, TiffValue]) -> dict[int, TiffValue]:
    """The source's tags of IFD0, and what readers need where it gives none."""
    name = raw.camera or "Unknown camera"
    values = raw.values
    md5 = hashlib.md5(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data, usedforsecurity=False)
    out = {
        50708: tiff.pack_ascii(name),
        **ifd0_tags,
        274: tiff.pack_value(tiff.SHORT, raw.orientation if 1 <= raw.orientation <= 8 else 1),
        # Readers key their caches by it.
        50781: TiffValue(tiff.BYTE, 16, md5.digest()),
    }
    if raw.cell and raw.cell.order == "W":
        return out
    if 50721 not in out:  # an unknown camera: as if its colours were linear sRGB's, which is what LibRaw supposes
        out[50721] = tiff.pack_value(tiff.SRATIONAL, *(n for x in XYZ_TO_SRGB for n in (round(x * 10000), 10000)))
        out[50778] = tiff.pack_value(tiff.SHORT, 21)
    if 50728 not in out and 50729 not in out:  # no white balance known: daylight (D65)
        out[50729] = tiff.pack_value(tiff.RATIONAL, 3127, 10000, 3290, 10000)
    return out


def _mosaic_tags(raw: RawImage, raw_tags: dict[int, TiffValue]) -> dict[int, TiffValue]:
    """All tags of the mosaic's directory but the tiles' places."""
    height, width = raw.size
    kind = cell_tags(raw.cell) if raw.cell else {
        262: tiff.pack_value(tiff.SHORT, 32803),
        33421: tiff.pack_value(tiff.SHORT, 2, 2),
        33422: tiff.pack_value(tiff.BYTE, *(CFA_COLOURS[c] for c in raw.cfa)),
        50710: tiff.pack_value(tiff.BYTE, 0, 1, 2),
        50711: tiff.pack_value(tiff.SHORT, 1),
    }  # fmt: skip
    samples = raw.cell.samples if raw.cell else 1
    return {
        **{tag: value for tag, value in raw_tags.items() if tag not in black.BLACK_TAGS},
        **_crop_or_padded(raw_tags, height, width),
        254: tiff.pack_value(tiff.LONG, 0),
        256: tiff.pack_value(tiff.LONG, width),
        257: tiff.pack_value(tiff.LONG, height),
        258: tiff.pack_value(tiff.SHORT, *(ljpeg.PRECISION,) * samples),
        259: tiff.pack_value(tiff.SHORT, 7),
        277: tiff.pack_value(tiff.SHORT, samples),
        284: tiff.pack_value(tiff.SHORT, 1),
        **kind,
        **_black_tags(raw, raw_tags),
        50717: tiff.pack_value(tiff.LONG, *(round(raw.levels.white) if raw.levels else raw.white,) * samples),
        50829: tiff.pack_value(tiff.LONG, 0, 0, height, width),
    }


def _black_tags(raw: RawImage, raw_tags: dict[int, TiffValue]) -> dict[int, TiffValue]:
    """The source's own, where they say more than four levels; else these."""
    four = raw.levels.black if raw.levels else raw.black
    if raw.cell:
        return black_of_cell(raw.cell, raw_tags, four)
    own = black.fitting(raw_tags, four, raw.mosaic.shape)
    if own:
        return own
    levels = [max(level, 0.0) for level in four]
    fractional = any(level != int(level) for level in levels)
    ratios = [n for level in levels for n in Fraction(level).limit_denominator(10000).as_integer_ratio()]
    return {
        black.REPEAT: tiff.pack_value(tiff.SHORT, 2, 2),
        black.LEVEL: tiff.pack_value(tiff.RATIONAL, *ratios) if fractional else tiff.pack_value(tiff.LONG, *levels),
    }


def _strip(rows: int) -> dict[int, TiffValue]:
    """Tags of a mosaic that lies in one piece, not compressed."""
    return {259: tiff.pack_value(tiff.SHORT, 1), 278: tiff.pack_value(tiff.LONG, rows)}


def _crop_or_padded(raw_tags: dict[int, TiffValue], height: int, width: int) -> dict[int, TiffValue]:
    """DefaultCropOrigin and Size: the source's as it is, else the whole frame but for `MIN_PADDING` on each side."""
    given = default_crop(raw_tags)
    if given is not None and lies_in(given, width, height):
        return crop_tags(given)
    across, down = (MIN_PADDING if side > 8 * MIN_PADDING else 0 for side in (width, height))
    return crop_tags([across, down, width - 2 * across, height - 2 * down])


def _tile_side(width: int) -> int:
    """Width and height of the tiles.

    LibRaw (0.22, measured) wraps the rows of a mosaic that is narrower than a tile, and takes one of exactly two tiles'
    width for a layout of another kind.
    """
    return next((side for side in TILES if width >= side and width != 2 * side), TILES[-1])


def _tile_row(mosaic: np.ndarray, components: int, y: int) -> list[bytes]:
    """The lossless JPEG tiles of one row of tiles, edges repeated to fill the last ones. They share one table.

    mosaic: (H, W), or (H, W, values a pixel).
    """
    side = _tile_side(mosaic.shape[1])
    rows = mosaic[y : y + side]
    below, right = side - rows.shape[0], -rows.shape[1] % side
    more = ((0, below), (0, right), (0, 0))[: rows.ndim]
    padded = np.pad(rows, more, "edge") if below or right else rows
    tiles = [padded[:, x : x + side].reshape(side, -1) for x in range(0, padded.shape[1], side)]
    return ljpeg.encode_tiles(tiles, components)
