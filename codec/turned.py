"""A JPEG that a program has turned or mirrored without loss, turned back: the RAW is bound to it as it was.

Such programs move coefficients, so that turning back gives every one of them again; samples would not do, since the
inverse DCT rounds rows otherwise than columns. jpegtran does it, where it is installed; else the package `jpeglib` (the
extra `turned`) reads coefficients, which are moved here, and writes them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..bitstream.errors import InputError
from ..bitstream.jpeg.carried import ANOTHER, AnotherPictureError
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.frame import Picture

if TYPE_CHECKING:
    from jpeglib import DCTJPEG

BACK = {
    "turned by 90 degrees": ("-rotate", "270"),
    "turned by 270 degrees": ("-rotate", "90"),
    "turned by 180 degrees": ("-rotate", "180"),
    "mirrored": ("-flip", "horizontal"),
    "mirrored upside down": ("-flip", "vertical"),
    "transposed": ("-transpose",),
    "transposed about the other diagonal": ("-transverse",),
}
"""What was done, and how jpegtran undoes it."""

STEPS = {
    ("-rotate", "270"): (True, True, False),
    ("-rotate", "90"): (True, False, True),
    ("-rotate", "180"): (False, True, True),
    ("-flip", "horizontal"): (False, False, True),
    ("-flip", "vertical"): (False, True, False),
    ("-transpose",): (True, False, False),
    ("-transverse",): (True, True, True),
}
"""The same as a transposition, then a flip of rows, then one of columns; each or not."""

BLOCK = 8
PATIENCE = 120.0  # seconds


def turned_back(jpeg: Jpeg, binding: bytes) -> tuple[Jpeg, str] | None:
    """The picture that has this binding among those that `jpeg` may have been made of, and what was done to it; None
    where there is none. AnotherPictureError, which says what is missing, where nothing can be turned here."""
    turn = _way(Picture(jpeg.data).stream())  # checked, and nothing in it but what a decoder needs
    if turn is None:
        raise AnotherPictureError(
            f"{ANOTHER}; if it was only turned or mirrored, without loss, jpegtran turns it back, which is not "
            "installed here (package libjpeg-turbo-progs), or the Python package jpeglib"
        ) from None
    for what, words in BACK.items():
        candidate = turn(words)
        if candidate is None:
            continue
        try:
            if candidate.planes.binding_hash() == binding:
                return candidate, what
        except InputError:
            continue
    return None


def _way(picture: bytes) -> Callable[[tuple[str, ...]], Jpeg | None] | None:
    """What turns a picture by jpegtran's words; None where nothing here does."""
    program = shutil.which("jpegtran")
    if program:
        return lambda words: _by_jpegtran(program, picture, words)
    if importlib.util.find_spec("jpeglib"):
        return lambda words: _by_coefficients(picture, words)
    return None


def _by_jpegtran(program: str, picture: bytes, words: tuple[str, ...]) -> Jpeg | None:
    try:
        done = subprocess.run(
            [program, "-copy", "none", *words], input=picture, capture_output=True, timeout=PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return Jpeg(done.stdout)


def _by_coefficients(picture: bytes, words: tuple[str, ...]) -> Jpeg | None:
    import jpeglib

    with tempfile.TemporaryDirectory(prefix="rawinlay-") as folder, contextlib.suppress(OSError):
        path = Path(folder) / "turned.jpg"
        path.write_bytes(picture)
        found = jpeglib.read_dct(str(path))
        found.load()
        _turn(found, *STEPS[words])
        found.write_dct(str(path))
        return Jpeg(path.read_bytes())
    return None


def _turn(found: DCTJPEG, transposed: bool, rows: bool, columns: bool) -> None:
    """Move the coefficients of a JPEG in place, as jpegtran does: blocks that don't fill an MCU at the right or the
    lower edge are not flipped across it."""
    names = ("Y", "Cb", "Cr")[: found.num_components]
    planes = [getattr(found, name) for name in names]
    factors = np.array(found.samp_factor)
    if transposed:
        planes = [plane.transpose(1, 0, 3, 2) for plane in planes]
        factors = factors[:, ::-1]
        found.height, found.width, found.qt = found.width, found.height, found.qt.transpose(0, 2, 1)
    high, wide = (side // (BLOCK * int(most)) for side, most in
                  zip((found.height, found.width), factors.max(0), strict=True))  # fmt: skip
    for name, plane, (down, across) in zip(names, planes, factors.tolist(), strict=True):
        setattr(found, name, np.ascontiguousarray(_flipped(plane, rows and high * down, columns and wide * across)))
    found.content = None
    found.samp_factor = np.ascontiguousarray(factors)
    found.block_dims = np.array([plane.shape[:2] for plane in planes])


def _flipped(plane: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Blocks (h, w, 8, 8) with the first so many rows and columns of them flipped."""
    out = plane.copy()
    sign = np.array([1, -1] * (BLOCK // 2), plane.dtype)
    if rows:
        out[:rows] = out[:rows][::-1] * sign[:, None]
    if columns:
        out[:, :columns] = out[:, :columns][:, ::-1] * sign
    return out
