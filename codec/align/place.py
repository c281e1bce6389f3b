"""Where a JPEG lies over a mosaic, by all that is known: where it comes from, the tags, the two pictures."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.errors import InputError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ...bitstream.tiff.tiff import value_numbers
from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from .align import align
from .fit_check import Patches
from .report import describe
from .settle import WORTHWHILE, best_neighbour

DEFAULT_SCALE = 50718
SQUARE = 0.005
"""Pixels that are so much wider than high, or less, are square to LibRaw (`parse_tiff_ifd`, tag 50718)."""

TOLD = 0.5
"""Pixels out of place that are worth a warning."""

TAKEN = "too few features to align by, taken as the tags say"

ROUNDED_DOWN = (0.0, 0.25, 0.5, 0.75)
"""Shares of the scale by which a stretched picture may lie behind."""


class Origin(Enum):
    """What is known of a JPEG by where it comes from."""

    UNKNOWN = "anybody's"
    CERTAIN = "the RAW's picture"
    RENDERED = "LibRaw's rendering of the RAW, made by us"


class Placed(NamedTuple):
    """How a JPEG lies over the mosaic, that in words, and where else it may lie, if that is in doubt.

    error: px of the coarser picture by which its places may be off, rms; None where that was not measured.
    """

    geometry: Geometry
    report: str
    elsewhere: tuple[Geometry, ...] = ()
    error: float | None = None

    def warnings(self) -> tuple[str, ...]:
        """What is to be told of it."""
        if self.error is None or self.error < TOLD:
            return ()
        return (
            f"the JPEG's place over the RAW is known to some {self.error:.1f} px only: the RAW comes back exactly as "
            "asked, but may take more bytes than with a JPEG that shows it plainly",
        )


def place(raw: RawImage, planes: JpegPlanes, jpeg: Jpeg, origin: Origin = Origin.UNKNOWN) -> Placed:
    """How a JPEG lies over the RAW's mosaic, and that in words.

    LibRaw's rendering lies where its own code puts it, which the fit only has to confirm; others are searched for.
    Raises `InputError` for a JPEG that does not show the RAW's picture, where it is not the RAW's by its origin.
    """
    if origin is Origin.RENDERED:
        known = rendered(raw, planes)
        if known is not None:
            return Placed(*known)
    orientation = jpeg.orientation
    try:
        scale = _stretch(raw)
        found = align(raw, planes, orientation, (float(scale[0]), float(scale[1])))
        return Placed(found.geometry, found.report, found.runners_up, found.error)
    except InputError:
        if origin is Origin.UNKNOWN:
            raise
    # A black or featureless picture has nothing to align by. Its rendering lies as the tags say.
    known_places = rendering_places(raw, planes.y.shape) if origin is Origin.RENDERED else []
    if known_places:
        return Placed(known_places[0], TAKEN)
    turned = 1 if raw.orientation == orientation else raw.orientation
    shape = raw.mosaic.shape[::-1] if turned >= 5 else raw.mosaic.shape
    offset = [(have - want) // 2 << POSITION_BITS for have, want in zip(planes.y.shape, shape, strict=True)]
    return Placed(Geometry(turned, (offset[0], offset[1])), TAKEN)


def rendered(raw: RawImage, planes: JpegPlanes) -> tuple[Geometry, str] | None:
    """Where LibRaw's own rendering lies, and that in words; None where its size or the fit speak against it."""
    geometries = rendering_places(raw, planes.y.shape)
    if not geometries:
        return None
    patches = Patches(raw, planes, geometries[0])
    fits = {geometry: patches.psnr(geometry) for geometry in geometries}
    geometry = max(geometries, key=fits.__getitem__)
    if best_neighbour(geometry, patches)[1] > fits[geometry] + WORTHWHILE:
        return None
    return geometry, f"its own rendering, {describe(geometry, fits[geometry])}"


def rendering_places(raw: RawImage, shape: tuple[int, ...]) -> list[Geometry]:
    """Where LibRaw may put the mosaic in a rendering of so many rows and columns; none for a size that it doesn't make.

    It turns the picture upright. Before, `stretch` makes square pixels of others: row i shows row i / scale, in between
    or rounded down; which of the two is up to its compiler (`frac = rc - (c = rc)`), hence the choice.
    """
    scale = _stretch(raw)
    if raw.cell:
        return _of_cell(raw, raw.cell, shape) if scale == (1, 1) else []
    sides = [int(n * float(s) + 0.5) for n, s in zip(raw.mosaic.shape, scale, strict=True)]
    geometry = Geometry(raw.orientation)
    first = geometry.turned(np.zeros(1, np.int64), np.zeros(1, np.int64), *raw.mosaic.shape)
    axes = list(zip(raw.mosaic.shape, sides, scale, strict=True))[:: -1 if geometry.transposes else 1]
    if tuple(side for _, side, _ in axes) != tuple(shape):
        return []
    places = []
    for share in (0.0,) if scale == (1, 1) else ROUNDED_DOWN:
        offset = []
        for (n, side, s), at in zip(axes, first, strict=True):
            down = share * float(s) if s != 1 else 0.0
            offset.append(_fixed((side - 1) - (n - 1) * float(s) - down if int(at[0]) else down, POSITION_BITS))
        fixed = [_fixed(float(s), SCALE_BITS) for _, _, s in axes]
        places.append(Geometry(raw.orientation, (offset[0], offset[1]), (fixed[0], fixed[1])))
    return [place for place in places if place.in_range]


def _of_cell(raw: RawImage, cell: CellLayout, shape: tuple[int, ...]) -> list[Geometry]:
    """Where the pixels of a cell layout lie in a rendering of as many: its mosaic may have more rows and columns, which
    are the first ones where the picture is turned, and several sites a pixel."""
    geometry = Geometry(raw.orientation)
    first = geometry.turned(np.zeros(1, np.int64), np.zeros(1, np.int64), *raw.mosaic.shape)
    axes = list(zip(raw.mosaic.shape, raw.size, strict=True))[:: -1 if geometry.transposes else 1]
    if tuple(size for _, size in axes) != tuple(shape):
        return []
    middle = Fraction(1, 2 * cell.scale) - Fraction(1, 2)  # of a pixel's first site, from the pixel's
    offset = [_fixed(float(middle - ((sites // cell.scale - size) if int(at[0]) else 0)), POSITION_BITS)
              for (sites, size), at in zip(axes, first, strict=True)]  # fmt: skip
    return [Geometry(raw.orientation, (offset[0], offset[1]), (_fixed(1 / cell.scale, SCALE_BITS),) * 2)]


def _fixed(value: float, bits: int) -> int:
    return round(value * (1 << bits))


def _stretch(raw: RawImage) -> tuple[Fraction, Fraction]:
    """By how much LibRaw stretches the mosaic's rows and columns."""
    one = Fraction(1)
    numbers = value_numbers(raw.raw_tags[DEFAULT_SCALE]) if DEFAULT_SCALE in raw.raw_tags else []
    if len(numbers) != 2 or not all(np.isfinite(n) and n > 0 for n in numbers):
        return one, one
    aspect = Fraction(numbers[0]) / Fraction(numbers[1])
    if abs(aspect - 1) < SQUARE:
        return one, one
    return (1 / aspect, one) if aspect < 1 else (one, aspect)
