"""`RawImage`: what a RAW file says, as one value that every layer can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .cell import CellLayout
from .levels import Levels

CFA_PHASES = ("RGGB", "BGGR", "GRBG", "GBRG")


@dataclass(frozen=True)
class TiffValue:
    """One TIFF field's value: its TIFF type code, count, and the bytes in little-endian order."""

    type: int
    count: int
    data: bytes


@dataclass(frozen=True)
class MakerNote:
    """What the maker says in Exif's MakerNote, taken apart so that it can stand at any place of another file.

    prefix: the bytes before its directory. base: the place in the note that its offsets count from; None where they
    count from the start of the TIFF file around it. big: whether it is big-endian. tags: its directory; subs: pointer
    tag -> directory below it. left_out: tags that were in the source and are not here.
    """

    prefix: bytes
    base: int | None
    big: bool
    tags: Mapping[int, TiffValue]
    subs: Mapping[int, Mapping[int, TiffValue]] = field(default_factory=dict)
    left_out: tuple[int, ...] = ()


@dataclass(frozen=True)
class Border:
    """What the sensor has around the mosaic: above and below as wide as all, left and right as high as the mosaic.

    Each uint16 (rows, columns), DN; some may have none.
    """

    above: np.ndarray
    left: np.ndarray
    right: np.ndarray
    below: np.ndarray

    @staticmethod
    def around(frame: np.ndarray, top: int, left: int, shape: tuple[int, ...]) -> Border | None:
        """The border of a mosaic of this shape at (top, left) of a frame; None where there is none."""
        if frame.shape == shape:
            return None
        bottom, right = top + shape[0], left + shape[1]
        parts = (frame[:top], frame[top:bottom, :left], frame[top:bottom, right:], frame[bottom:])
        return Border(*(np.ascontiguousarray(part) for part in parts))

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """Above, left, right, below."""
        return (self.above, self.left, self.right, self.below)

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Rows above, columns left, rows below, columns right."""
        return (self.above.shape[0], self.left.shape[1], self.below.shape[0], self.right.shape[1])

    @property
    def size(self) -> int:
        """How many values it has."""
        return sum(part.size for part in self.parts)

    def frame(self, mosaic: np.ndarray) -> np.ndarray:
        """The mosaic within its border."""
        middle = np.concatenate([self.left, mosaic, self.right], axis=1)
        return np.concatenate([self.above, middle, self.below])


@dataclass(frozen=True)
class RawImage:
    """A camera's mosaic and all that a DNG needs beside it.

    mosaic: uint16 (H, W), DN; the visible area, black level not subtracted, not turned.
    cfa: colours of the sites (0,0) (0,1) (1,0) (1,1), one of `CFA_PHASES`.
    black: black level of the same four sites, DN.
    white: white level, DN; values above it may occur.
    orientation: TIFF orientation 1..8: how a viewer turns the mosaic.
    camera: "Make Model", for people.
    ifd0_tags, raw_tags, exif_tags: TIFF tag -> value for the DNG's IFD0 (colour matrices, neutral, profiles), for the
        IFD of the mosaic (crops, noise profile, opcodes) and for the Exif IFD. Tags that follow from the mosaic itself
        (sizes, CFA pattern, black and white level, compression) are not in them, but for a black pattern that is
        larger than `black`.
    gps_tags: the same for the GPS IFD. note: the MakerNote. profiles: further camera profiles, as tags of IFD0.
    border: what the sensor has around the mosaic, where it was asked for.
    cell: how a sensor's values lie in the mosaic, if it is none of Bayer's; then `cfa` is "RGGB", whatever the colours.
    levels: what its numbers stand for, if not for themselves; `black` and `white` are numbers too.
    """

    mosaic: np.ndarray
    cfa: str
    black: tuple[float, float, float, float]
    white: int
    orientation: int = 1
    camera: str = ""
    ifd0_tags: Mapping[int, TiffValue] = field(default_factory=dict)
    raw_tags: Mapping[int, TiffValue] = field(default_factory=dict)
    exif_tags: Mapping[int, TiffValue] = field(default_factory=dict)
    gps_tags: Mapping[int, TiffValue] = field(default_factory=dict)
    note: MakerNote | None = None
    profiles: tuple[Mapping[int, TiffValue], ...] = ()
    border: Border | None = None
    cell: CellLayout | None = None
    levels: Levels | None = None

    def __post_init__(self) -> None:
        if self.cfa not in CFA_PHASES:
            raise ValueError(f"cfa {self.cfa!r} is none of {CFA_PHASES}")
        if self.mosaic.dtype != np.uint16 or self.mosaic.ndim != 2:
            raise ValueError(f"mosaic is {self.mosaic.dtype} {self.mosaic.shape}, want uint16 (H, W)")
        if len(self.black) != 4 or not max(self.black) < self.white <= 65535:
            raise ValueError(f"levels black {self.black} white {self.white}: want black < white <= 65535")
        if self.cell and (self.cfa != "RGGB" or self.mosaic.shape != self.cell.shape):
            raise ValueError(f"mosaic is {self.mosaic.shape} {self.cfa}, want {self.cell.shape} RGGB for its layout")

    @property
    def values(self) -> np.ndarray:
        """The sensor's values as they lay in its file: uint16, float16 or float32, (H, W) or (H, W, values a pixel)."""
        found = self.levels.values(self.mosaic) if self.levels else self.mosaic
        return self.cell.unfold(found) if self.cell else found

    @property
    def real_levels(self) -> tuple[tuple[float, float, float, float], float]:
        """Black level of the mosaic's first 2x2 sites and white level, of the values."""
        return (self.levels.black, self.levels.white) if self.levels else (self.black, self.white)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the sensor's pixels."""
        height, width = (self.cell.height, self.cell.width) if self.cell else self.mosaic.shape
        return height, width

    @property
    def kind(self) -> str:
        """The sensor's colours, for people: "RGGB", or the name of its cell layout."""
        return self.cell.name if self.cell else self.cfa
