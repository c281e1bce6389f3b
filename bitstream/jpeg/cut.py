"""The planes of a JPEG that is cut within its picture: its rows down to the cut.

Which rows those are is seen by decoding it several times, with other bytes behind the cut each time: what is the same
whatever follows was told before it. Rows are counted in rows of MCUs (T.81, A.2.3), less one, since the bits that are
missing of the last MCU may by chance say the same under each of these.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .frame import Picture
from .planes import JpegPlanes, planes_of
from .segments import Segment

BEHIND = (b"", b"\xaa" * 1024, b"\x55" * 1024, bytes(range(255)) * 4)
"""What is tried behind the cut: nothing, which decoders take for zeros, and bits that are unlike it and each other."""


@dataclass(frozen=True)
class CutPlanes:
    """planes: of the whole picture, flat below the rows that are known; others: the same, with noise there; rows: of Y
    that are known."""

    planes: JpegPlanes
    others: JpegPlanes
    rows: int


def cut_planes(jpeg: bytes, segments: Sequence[Segment] | None = None) -> CutPlanes:
    """Those of a JPEG that ends within its last scan; InputError for one that does not, or of which nothing is left."""
    parsed = Picture(jpeg, segments, cut=True)
    if not parsed.is_open:
        raise InputError("the JPEG is not cut, it is damaged")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [planes_of(parsed, behind) for behind in BEHIND]
    v = found[0].subsampling[1]
    high = 8 * max(component[2] for component in parsed.components)
    known = min(_same(found[0].y, other.y) for other in found[1:])
    for name in ("cb", "cr") if found[0].cb is not None else ():
        known = min(known, *(v * _same(getattr(found[0], name), getattr(other, name)) for other in found[1:]))
    if known >= len(found[0].y):
        raise InputError("the JPEG has all of its picture")
    rows = high * max(0, known // high - 1)
    if not rows:
        raise InputError("nothing of the JPEG's picture is left")
    rng = np.random.default_rng(0)
    return CutPlanes(_filled(found[0], rows, v, None), _filled(found[0], rows, v, rng), rows)


def is_cut(jpeg: bytes, segments: Sequence[Segment] | None = None) -> bool:
    """Whether a JPEG ends within its picture."""
    try:
        return Picture(jpeg, segments, cut=True).is_open
    except InputError:
        return False


def _same(one: np.ndarray, other: np.ndarray) -> int:
    """How many rows are the same, from the first on."""
    unlike = (one != other).any(1)
    return int(unlike.argmax()) if unlike.any() else len(one)


def _filled(planes: JpegPlanes, rows: int, v: int, rng: np.random.Generator | None) -> JpegPlanes:
    """Planes with something else below the known rows: noise, or their mean."""

    def fill(plane: np.ndarray, known: int) -> np.ndarray:
        out = plane.copy()
        below = out[known:].shape
        out[known:] = rng.integers(0, 256, below, np.uint8) if rng else round(float(out[:known].mean()))
        return out

    y = fill(planes.y, rows)
    if planes.cb is None or planes.cr is None:
        return replace(planes, y=y)
    return replace(planes, y=y, cb=fill(planes.cb, rows // v), cr=fill(planes.cr, rows // v))
