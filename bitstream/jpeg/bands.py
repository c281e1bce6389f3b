"""Section DIGJ: what the JPEG's samples are, by bands of rows, so that of a damaged picture the sound rows are known.

======  ===============================================================================================
bytes   meaning
======  ===============================================================================================
varint  rows of Y in a band, a multiple of 64; the last band may have fewer
4 each  of each band the first of SHA-256 over its rows of Y, then of Cb and Cr where there are any
======  ===============================================================================================

Rows of Cb and Cr are those that belong to the rows of Y: 1 / v of them. A reader takes a section of another form for
one that is not there. Nothing of an intact picture depends on it; the binding is of the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from ..errors import StreamError
from ..stream.fields import Reader, write_varint
from .planes import JpegPlanes

STEP, MOST_BANDS, DIGEST_BYTES = 64, 32, 4


def bands_of(planes: JpegPlanes) -> bytes:
    """The section of a picture."""
    rows = STEP * -(-len(planes.y) // (STEP * MOST_BANDS))
    return write_varint(rows) + b"".join(_digests(planes, rows))


def bands_size(height: int) -> int:
    """Bytes of the section of a picture of so many rows."""
    rows = STEP * -(-height // (STEP * MOST_BANDS))
    return len(write_varint(rows)) + DIGEST_BYTES * -(-height // rows)


def sound_rows(planes: JpegPlanes, section: bytes) -> np.ndarray | None:
    """Which rows of Y are in bands that are what they were, bool (H,); None where no section tells."""
    reader, height = Reader(section, "section DIGJ"), len(planes.y)
    try:
        rows = reader.varint("rows")
    except StreamError:
        return None
    if not rows or rows % STEP or reader.remaining != DIGEST_BYTES * -(-height // rows):
        return None
    wanted = section[reader.at :]
    good = [digest == wanted[k * DIGEST_BYTES : (k + 1) * DIGEST_BYTES]
            for k, digest in enumerate(_digests(planes, rows))]  # fmt: skip
    return np.repeat(good, rows)[:height]


def _digests(planes: JpegPlanes, rows: int) -> Iterator[bytes]:
    v = planes.subsampling[1]
    for top in range(0, len(planes.y), rows):
        digest = hashlib.sha256(np.ascontiguousarray(planes.y[top : top + rows]).data)
        for plane in (planes.cb, planes.cr):
            if plane is not None:
                digest.update(np.ascontiguousarray(plane[top // v : (top + rows) // v]).data)
        yield digest.digest()[:DIGEST_BYTES]
