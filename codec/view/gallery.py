"""A folder at a glance: thumbnails, and for each JPEG what it carries, found without decoding any picture whole.

Thumbnails are Exif's own where they are large enough, else the JPEG decoded at an eighth to a half of its size. What a
JPEG carries is told by its segments: the sum over all substreams is checked, whether the picture is the one that the
RAW belongs to is not (`verify` does).
"""

from __future__ import annotations

import io
import threading
import time
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ...bitstream.errors import InputError, NoRawError, RawinlayError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.runtime.kept import Kept
from ...bitstream.stream import container
from ...bitstream.stream.container import Container
from ...bitstream.stream.header import Header
from ...bitstream.stream.layers import Layers, tile_count
from ...bitstream.tiff import tiff
from ..mosaic.turn import turn
from ..sidecar import parts
from .folder import Entry, Folder, kind_of

SIZES = (160, 320, 640, 1600, 2400)
"""Longest sides of thumbnails; the last two stand for the picture until it is there itself."""

MOST_BYTES = 64 << 20
QUALITY = 85
EXIF_ASPECT = 0.02
"""Of an Exif thumbnail: cameras letterbox some, which then don't show the picture's shape."""

START, LENGTH = 513, 514
"""JPEGInterchangeFormat and its length, of Exif's thumbnail."""


class Gallery:
    """Thumbnails and marks of a folder's files, kept within a bound. asked: when a thumbnail was wanted last, by the
    monotonic clock."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._thumbs: Kept[bytes] = Kept(MOST_BYTES, lambda one: len(one) + 200)
        self._marks: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}
        self._turns = threading.BoundedSemaphore(2)
        self.asked = 0.0

    def thumb(self, name: str, size: int) -> bytes:
        """A JPEG, upright, no side longer than `size`. InputError for what can't be shown."""
        if size not in SIZES:
            raise InputError("no such size")
        stamp = self.folder.stamp(name)
        self.asked = time.monotonic()
        if size == SIZES[0]:
            small = self._thumbs.get((name, size, stamp), lambda: self._small(name))
            if small:
                return small
            size = SIZES[1]  # whoever wants a small one wants the next one soon

        def make() -> bytes:
            with self._turns:
                data = self.folder.read(name)
                return _shrunk(_preview(data) if kind_of(name) == "raw" else data, size)

        return self._thumbs.get((name, size, stamp), make)

    def _small(self, name: str) -> bytes:
        """Exif's thumbnail of a JPEG; b"" where there is none that will do."""
        return b"" if kind_of(name) == "raw" else _exif_thumbnail(self.folder.read(name)) or b""

    def mark(self, entry: Entry) -> dict[str, Any]:
        """What a file carries, for JSON: raw ("none", "intact", "damaged"), bytes, bpp, lossless, said."""
        try:
            stamp = self.folder.stamp(entry.name)
            known = self._marks.get(entry.name)
            if known is None or known[0] != stamp:
                known = stamp, _mark(self.folder.read(entry.name))
                self._marks[entry.name] = known
            return known[1]
        except InputError as error:
            return {"raw": "unreadable", "said": str(error)}


def _mark(data: bytes) -> dict[str, Any]:
    file = Jpeg(data)
    try:
        payload = parts(file, None)[0]
        damage = container.check(payload)
        sections = Container.from_bytes(payload, verify=False).sections
        header = Header.from_bytes(sections["HEAD"])
        layers = Layers.from_bytes(sections["LAYR"]) if sections["LAYR"] else None
    except NoRawError:
        return {"raw": "none"}
    except InputError as error:
        return {"raw": "unreadable", "said": str(error)}
    except RawinlayError as error:
        return {"raw": "damaged", "said": str(error)}
    grown = file.grown
    lossless = layers.lossless(tile_count(header)) if layers else header.lossless
    return {
        "raw": "damaged" if damage else "intact", "said": "; ".join(damage), "bytes": grown, "lossless": lossless,
        "bpp": 8 * grown / (header.width * header.height), "camera": header.camera,
        "layers": 1 + len(layers.further) if layers else 1,
    }  # fmt: skip


def _shrunk(data: bytes, size: int) -> bytes:
    """A picture file made smaller, upright, as a JPEG."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (size, size))
            image.thumbnail((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
            return _saved(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"it can't be shown as a picture ({error})") from None


def _saved(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _preview(data: bytes) -> bytes:
    from ..source.raw import own_preview, render_jpeg

    return own_preview(data) or render_jpeg(data, half_size=True)


def _exif_thumbnail(data: bytes) -> bytes | None:
    """Exif's thumbnail, upright, where it is large enough and of the picture's shape."""
    try:
        file = Jpeg(data)
        width, height, block = file.frame.width, file.frame.height, file.exif_payload
        directories = tiff.read_tiff(block)
        if len(directories) < 2 or not {START, LENGTH} <= directories[1].tags.keys():
            return None
        start, length = (int(tiff.value_numbers(directories[1].tags[tag])[0]) for tag in (START, LENGTH))
        with Image.open(io.BytesIO(block[start : start + length])) as small:
            shape = small.width / small.height
            if max(small.size) < SIZES[0] or abs(shape / (width / height) - 1) > EXIF_ASPECT:
                return None
            small.thumbnail((SIZES[0], SIZES[0]))
            upright = np.ascontiguousarray(turn(np.asarray(small.convert("RGB")), file.orientation))
    except (OSError, ValueError, IndexError, SyntaxError, InputError, Image.DecompressionBombError):
        return None
    return _saved(Image.fromarray(upright))
