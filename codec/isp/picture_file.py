"""A developed picture as a file: JPEG or PNG of 8 bits, TIFF of 8 or 16, with what it needs to be shown and found."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageCms

from ...bitstream.raw_image import TiffValue
from ...bitstream.tiff import tiff

QUALITY, SUBSAMPLING = 92, "4:4:4"
"""Of a JPEG: what is left of the errors is below the grain of a photograph at 100 %."""

MAKER_NOTE = 37500
"""Left out: its offsets count from places of another file."""

SOFTWARE = "rawinlay"

ROWS_A_STRIP = 256


def picture_file(
    picture: np.ndarray, kind: str, camera: Mapping[int, TiffValue] | None = None,
    exif: Mapping[int, TiffValue] | None = None, quality: int = QUALITY,
) -> bytes:  # fmt: skip
    """The file of sRGB values (H, W, 3), upright. kind: "jpeg", "png" (uint8 both) or "tiff" (uint8 or uint16).

    camera: tags of IFD0 (make, model, date, artist, rights); exif: of the Exif directory.
    """
    root = tiff.Ifd({tag: value for tag, value in (camera or {}).items() if tag in (271, 272, 306, 315, 33432)})
    root.tags[305] = tiff.pack_ascii(SOFTWARE)
    root.tags[274] = tiff.pack_value(tiff.SHORT, 1)
    about = {tag: value for tag, value in (exif or {}).items() if tag != MAKER_NOTE}
    if about:
        root.subs[tiff.EXIF_IFD] = [tiff.Ifd(about)]
    profile = _srgb_profile()
    if kind == "tiff":
        return _tiff(picture, root, profile)
    out = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(picture))
    block = b"Exif\0\0" + tiff.write_tiff(root)
    if kind == "png":
        image.save(out, "PNG", icc_profile=profile, exif=block[6:])
    else:
        with_exif = {"exif": block} if len(block) < 65_000 else {}
        image.save(out, "JPEG", quality=quality, subsampling=SUBSAMPLING, icc_profile=profile, **with_exif)
    return out.getvalue()


def _srgb_profile() -> bytes:
    """sRGB as an ICC profile, without the time at which LittleCMS made it: a picture's file is the same every time."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[24:36] = bytes((7, 209, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # 1 January 2001
    made[84:100] = bytes(16)  # the digest is not given
    return bytes(made)


def _tiff(picture: np.ndarray, root: tiff.Ifd, profile: bytes) -> bytes:
    """A baseline RGB TIFF (6.0), not compressed: every program reads it."""
    height, width, _ = picture.shape
    bits = picture.dtype.itemsize * 8
    rows = picture.astype("<u2" if bits == 16 else np.uint8, copy=False)
    root.chunks = [np.ascontiguousarray(rows[y : y + ROWS_A_STRIP]).tobytes() for y in range(0, height, ROWS_A_STRIP)]
    root.tags |= {
        256: tiff.pack_value(tiff.LONG, width), 257: tiff.pack_value(tiff.LONG, height),
        258: tiff.pack_value(tiff.SHORT, bits, bits, bits), 259: tiff.pack_value(tiff.SHORT, 1),
        262: tiff.pack_value(tiff.SHORT, 2), 277: tiff.pack_value(tiff.SHORT, 3),
        278: tiff.pack_value(tiff.LONG, ROWS_A_STRIP), 284: tiff.pack_value(tiff.SHORT, 1),
        34675: TiffValue(tiff.UNDEFINED, len(profile), profile),
    }  # fmt: skip
    return tiff.write_tiff(root)
