"""What kind of sensor a file is of, by LibRaw and by a DNG's own tags: a Bayer mosaic, or a cell layout's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...bitstream.cell import COLOURS, CellLayout
from ...bitstream.errors import InputError
from ...bitstream.levels import WHOLE, Levels, counted
from ...bitstream.raw_image import CFA_PHASES, RawImage
from ...bitstream.rect import Rect
from ...bitstream.tiff import tiff
from ...bitstream.tiff.tiff import Ifd
from . import cells
from .libraw import About, Answer

REPEAT_DIM, PATTERN, PLANE_COLOUR = 33421, 33422, 50710
NO_FILTER = 6
"""LibRaw's colour of a site without one."""

Blacks = tuple[float, float, float, float]


def mosaic_of(found: Answer, dng: Ifd | None, active: Rect | None) -> tuple[np.ndarray, str, CellLayout | None]:
    """(the mosaic that is coded, uint16 (H, W); its CFA phase; its cell layout, None for Bayer's).

    dng: the mosaic's directory; active: its area, which its colours count from. InputError for what has no layout.
    """
    about, values = found.about, found.mosaic
    assert about is not None
    if values is None:
        raise InputError("LibRaw gives no mosaic of it")
    if values.dtype != np.uint16:
        raise InputError(f"LibRaw gives its mosaic as {values.dtype}, not as whole numbers of 16 bits")
    height, width = values.shape[:2]
    if values.ndim == 3:
        count = values.shape[2]
        if count not in (1, 3, 4):
            raise InputError(f"it has {count} values a pixel: want 1, 3 or 4")
        colours = _order(about, dng)[:count]
        cell = cells.several(height, width, colours) if count > 1 else cells.one_colour(height, width)
        return cell.fold(values), "RGGB", cell
    pattern, order = _pattern(about, dng, active, found), _order(about, dng)
    flat = "".join(pattern)
    if (len(pattern), len(pattern[0])) == (2, 2) and flat in CFA_PHASES:
        return values, flat, None
    if set(flat) == {"W"}:
        filter_cell: CellLayout | None = cells.one_colour(height, width)
    else:
        filter_cell = cells.mosaic(height, width, pattern, order)
    if filter_cell is None:
        raise InputError(f"its colour filter repeats after {len(pattern)}x{len(pattern[0])} sites: too many to store")
    return filter_cell.fold(values), "RGGB", filter_cell


def _order(about: About, dng: Ifd | None) -> str:
    """Colours in the order of the matrices."""
    if dng is not None:
        codes = [int(n) for n in tiff.value_numbers(dng.tags[PLANE_COLOUR])] if PLANE_COLOUR in dng.tags else [0, 1, 2]
        return "".join(COLOURS[n] for n in codes if n < len(COLOURS))
    if about.colour_count == 4:
        return about.colours
    return "RGB" if about.colour_count == 3 else "W"


def _pattern(about: About, dng: Ifd | None, active: Rect | None, found: Answer) -> list[str]:
    """Rows of colours of the filter's cell from the visible corner on."""
    own = _own_pattern(dng) if dng is not None else None
    if own and active:
        down, right = found.sizes.top - active.top, found.sizes.left - active.left
        rows = [row[right % len(row) :] + row[: right % len(row)] for row in own]
        return cells.period([rows[(y + down) % len(rows)] for y in range(len(rows))])
    sites, names = about.sites, about.colours
    if about.colour_count == 1 or all(site >= NO_FILTER for row in sites for site in row):
        return ["W"]
    if any(site >= len(names) for row in sites for site in row):
        raise InputError("LibRaw does not say what its colour filter is")
    return cells.period(["".join(names[site] for site in row) for row in sites])


def _own_pattern(dng: Ifd) -> list[str] | None:
    """Rows of colours as a DNG's tags have them."""
    if REPEAT_DIM not in dng.tags or PATTERN not in dng.tags:
        return None
    size = [int(n) for n in tiff.value_numbers(dng.tags[REPEAT_DIM])]
    codes = [int(n) for n in tiff.value_numbers(dng.tags[PATTERN])]
    if len(size) != 2 or min(size) < 1 or len(codes) != size[0] * size[1] or max(codes) >= len(COLOURS):
        raise InputError("the DNG's colour filter pattern makes no sense")
    return ["".join(COLOURS[n] for n in codes[y * size[1] : (y + 1) * size[1]]) for y in range(size[0])]


def libraw_blacks(about: About, cell: CellLayout | None) -> Blacks:
    """LibRaw's black levels, given by colour, at the four sites of the mosaic that is coded."""
    if cell is None:
        found = [about.black[about.sites[y][x]] for y in (0, 1) for x in (0, 1)]
    else:
        names = about.colours if cell.samples == 1 else cell.order
        found = [about.black[max(names.find(colour), 0)] for colour in cell.of_planes()]
    return found[0], found[1], found[2], found[3]


def ranked(found: Answer, stored: np.ndarray) -> tuple[Answer, Levels]:
    """LibRaw's answer with the numbers that floating-point values are counted by for its own, and what they stand for;
    stored: the values of the whole frame. Low bits are those of the visible area, as its pixels lie."""
    sizes = found.sizes
    number, levels = counted(stored[sizes.top : sizes.top + sizes.height, sizes.left : sizes.left + sizes.width])
    if found.mosaic is None or number.shape != found.mosaic.shape:
        raise InputError("LibRaw sees another size than its floating-point mosaic has")
    return replace(found, mosaic=number, whole=None), levels


def numbered(
    mosaic: np.ndarray, cell: CellLayout | None, white: int, black: Blacks, counts: Levels | None
) -> tuple[np.ndarray, Levels | None]:
    """(the mosaic; what its numbers stand for, if not for themselves); counts: of floating-point values.

    Whole numbers are moved up where a black level is below 0. InputError where 16 bits don't hold them.
    """
    if counts:
        low = counts.low if counts.low is None or cell is None else cell.fold(counts.low)
        return mosaic, replace(counts, white=float(white), black=black, low=low)
    if min(black) >= 0:
        return mosaic, None
    base = int(np.floor(min(black)))
    if max(int(mosaic.max()), white) - base > 65535:
        raise InputError(f"its black level {min(black):g} is below 0, and its values have no room above")
    return (mosaic.astype(np.int64) - base).astype(np.uint16), Levels(WHOLE, 0, base, float(white), black)


def counted_alike(true: RawImage, found: RawImage) -> RawImage:
    """`found` with the numbers that `true` has for its values: those of a file begin at its own least value."""
    if not (true.levels and found.levels) or found.size != true.size or found.values.dtype != true.values.dtype:
        return found
    numbers = true.levels.renumbered(found.levels.values(found.mosaic))
    black, white = true.levels.numbers if found.real_levels == true.real_levels else (found.black, found.white)
    return replace(found, mosaic=numbers, black=black, white=white)
