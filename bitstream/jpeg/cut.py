"""The planes of a JPEG whose picture is damaged or cut, as far as they are known to be what they were.

Where the stream tells digests of bands of rows (`bitstream.jpeg.bands`), the bands that have them are known. Else of a
picture that ends too early the rows above its end are: which, is seen by decoding it several times, with other bytes
behind the cut each time, since what is the same whatever follows was told before it. They are counted in rows of MCUs
(T.81, A.2.3), less one, since the bits that are missing of the last MCU may by chance say the same under each of these.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .bands import sound_rows
from .frame import Picture
from .planes import JpegPlanes, planes_of
from .segments import Segment

BEHIND = (b"", b"\xaa" * 1024, b"\x55" * 1024, bytes(range(255)) * 4)
"""What is tried behind the cut: nothing, which decoders take for zeros, and bits that are unlike it and each other."""


@dataclass(frozen=True)
class PartialPlanes:
    """planes: of the whole picture, flat in the rows that are not known; others: the same, with noise there; known:
    rows of Y, bool (H,)."""

    planes: JpegPlanes
    others: JpegPlanes
    known: np.ndarray


def partial_planes(jpeg: bytes, segments: Sequence[Segment] | None = None, bands: bytes = b"") -> PartialPlanes:
    """Those of a JPEG that is damaged or ends within its last scan.

    bands: section DIGJ, empty where there is none. InputError where nothing can be told of the picture.
    """
    parsed = Picture(jpeg, segments, cut=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = planes_of(parsed, BEHIND[0])
        known = sound_rows(found, bands)
        if known is None:
            known = _above(parsed, [found, *(planes_of(parsed, behind) for behind in BEHIND[1:])])
    return PartialPlanes(_filled(found, known, None), _filled(found, known, np.random.default_rng(0)), known)


def is_cut(jpeg: bytes) -> bool:
    """Whether a JPEG ends within its picture."""
    try:
        return Picture(jpeg, cut=True).is_open
    except InputError:
        return False


def _above(parsed: Picture, found: Sequence[JpegPlanes]) -> np.ndarray:
    """Rows above a cut, of a picture decoded with each of `BEHIND` behind it."""
    if not parsed.is_open:
        raise InputError("the JPEG is not cut, and nothing tells which of its rows are damaged")
    v, height = found[0].subsampling[1], len(found[0].y)
    high = 8 * max(component[2] for component in parsed.components)
    same = min(_same(found[0].y, other.y) for other in found[1:])
    for name in ("cb", "cr") if found[0].cb is not None else ():
        same = min(same, *(v * _same(getattr(found[0], name), getattr(other, name)) for other in found[1:]))
    if same >= height:
        raise InputError("the JPEG has all of its picture")
    return np.arange(height) < high * max(0, same // high - 1)


def _same(one: np.ndarray, other: np.ndarray) -> int:
    """How many rows are the same, from the first on."""
    unlike = (one != other).any(1)
    return int(unlike.argmax()) if unlike.any() else len(one)


def _filled(planes: JpegPlanes, known: np.ndarray, rng: np.random.Generator | None) -> JpegPlanes:
    """Planes with something else in the rows that are not known: noise, or the mean of those that are."""

    def fill(plane: np.ndarray, sound: np.ndarray) -> np.ndarray:
        out, below = plane.copy(), (int((~sound).sum()), plane.shape[1])
        mean = round(float(out[sound].mean())) if sound.any() else 128
        out[~sound] = rng.integers(0, 256, below, np.uint8) if rng else mean
        return out

    rows = known[:: planes.subsampling[1]]
    y = fill(planes.y, known)
    if planes.cb is None or planes.cr is None:
        return replace(planes, y=y)
    return replace(planes, y=y, cb=fill(planes.cb, rows), cr=fill(planes.cr, rows))
