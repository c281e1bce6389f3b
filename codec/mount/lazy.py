"""`LazyDng`: a DNG whose size and head are known before its mosaic is decoded, since that lies in it as it is.

::

    head: directories, metadata, preview   from the stream's sections alone
    mosaic: 2 bytes a site                 decoded when a byte of it is read
    tail                                   whatever a TIFF may have behind it
"""

from __future__ import annotations

import hashlib
import threading
from typing import Any, cast

import numpy as np

from ...bitstream.dng.writer import write_dng
from ...bitstream.errors import StreamError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.tiff import tiff
from ..carrier import Carrier, image_of
from ..decoder.stream import Stream
from ..preview import made_preview
from ..preview_choice import kind_of
from ..sidecar import parts

STRIP_AT = 273


class LazyDng:
    """The DNG of a carrier. Raises NoRawError, StreamError and InputError as `decode`, for what the head shows of it.

    size: bytes of the file. The picture that the RAW is bound to is checked when the mosaic is decoded. Margins that
    the stream has are left out, and where nothing shows what the camera made of the RAW there is no preview.
    """

    def __init__(self, jpeg: bytes) -> None:
        self._jpeg: bytes | None = jpeg
        file = Jpeg(jpeg)
        payload, _ = parts(file, None)
        stream = Stream.from_bytes(payload)
        header = stream.header
        found = Carrier(file, stream, cast(Any, None))  # nothing here asks for the picture
        blank = np.zeros((header.height, header.width), np.uint16)
        raw, _ = image_of(found, blank)
        kind = kind_of(stream.preview, file, raw.ifd0_tags)
        _, shown = made_preview("none" if kind == "neutral" else "screen", found, raw, None)
        whole = write_dng(raw, shown, file, plain=True)
        at = _mosaic_at(whole)
        nothing = hashlib.md5(blank.data, usedforsecurity=False).digest()
        name = hashlib.md5(payload, usedforsecurity=False).digest()  # readers key their caches by it
        self._head = whole[:at].replace(nothing, name, 1)
        self._end = at + blank.nbytes
        self._tail = whole[self._end :]
        self.size = len(whole)
        self._mosaic: memoryview | None = None
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes of memory that it takes, about."""
        mosaic = self._mosaic
        return len(self._head) + len(self._jpeg or b"") + (mosaic.nbytes if mosaic is not None else 0)

    @property
    def is_decoded(self) -> bool:
        """Whether the mosaic is there."""
        return self._mosaic is not None

    def read(self, start: int, count: int) -> bytes:
        """Bytes of the file; fewer at its end. Errors as of `decode`."""
        end = min(start + max(count, 0), self.size)
        if start >= end:
            return b""
        at = len(self._head)
        parts = [self._head[start:end]]
        if end > at and start < self._end:
            parts.append(bytes(self._decoded()[max(start, at) - at : min(end, self._end) - at]))
        if end > self._end:
            parts.append(self._tail[max(start - self._end, 0) : end - self._end])
        return b"".join(parts)

    def _decoded(self) -> memoryview:
        from ..api import decode

        with self._lock:
            if self._mosaic is None:
                mosaic = decode(self._jpeg or b"", preview="none").raw.mosaic
                if mosaic.nbytes != self._end - len(self._head):
                    raise StreamError("the mosaic is of another size than the stream said")
                self._mosaic = np.ascontiguousarray(mosaic, "<u2").data.cast("B")
                self._jpeg = None
            return self._mosaic


def _mosaic_at(dng: bytes) -> int:
    """Where the one strip of the mosaic begins."""
    root = tiff.read_tiff(dng)[0]
    mosaic = root.subs[tiff.SUB_IFDS][0] if root.subs.get(tiff.SUB_IFDS) else root
    return int(tiff.value_numbers(mosaic.tags[STRIP_AT])[0])
