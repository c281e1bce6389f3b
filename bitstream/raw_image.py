"""`RawImage`: what a RAW file says, as one value that every layer can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

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

    def __post_init__(self) -> None:
        if self.cfa not in CFA_PHASES:
            raise ValueError(f"cfa {self.cfa!r} is none of {CFA_PHASES}")
        if self.mosaic.dtype != np.uint16 or self.mosaic.ndim != 2:
            raise ValueError(f"mosaic is {self.mosaic.dtype} {self.mosaic.shape}, want uint16 (H, W)")
        if len(self.black) != 4 or not max(self.black) < self.white <= 65535:
            raise ValueError(f"levels black {self.black} white {self.white}: want black < white <= 65535")
