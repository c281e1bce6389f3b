"""What a DNG says of a sensor without a Bayer filter: its colours, or that it has several values a pixel, or no colour.

A filter is a CFA with CFARepeatPatternDim, CFAPattern and CFAPlaneColor; pixels of several values, and sensors without
a filter, are LinearRaw (DNG 1.7, chapter 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..cell import COLOURS, CellLayout
from ..raw_image import TiffValue
from ..tiff import tiff
from . import black

CFA, LINEAR_RAW = 32803, 34892


def cell_tags(cell: CellLayout) -> dict[int, TiffValue]:
    """The tags of the mosaic's directory that tell its colours."""
    if cell.samples > 1 or cell.order == "W":
        return {262: tiff.pack_value(tiff.SHORT, LINEAR_RAW)}
    return {
        262: tiff.pack_value(tiff.SHORT, CFA),
        33421: tiff.pack_value(tiff.SHORT, cell.rows, cell.cols),
        33422: tiff.pack_value(tiff.BYTE, *map(COLOURS.index, cell.colours)),
        50710: tiff.pack_value(tiff.BYTE, *map(COLOURS.index, cell.order)),
        50711: tiff.pack_value(tiff.SHORT, 1),
    }


def cell_levels(
    cell: CellLayout, tags: Mapping[int, TiffValue], levels: Sequence[float]
) -> dict[int, TiffValue]:
    """The source's tags of black levels where they fit the picture's size and four planes' levels; else none."""
    if black.LEVEL not in tags:
        return {}
    own = {tag: tags[tag] for tag in black.BLACK_TAGS if tag in tags}
    found = black.plane_levels(own, cell)
    counts = {black.DELTA_H: cell.width, black.DELTA_V: cell.height}
    fits = all(own[tag].count == count for tag, count in counts.items() if tag in own)
    same = found and all(abs(a - b) <= black.TOLERANCE for a, b in zip(found, levels, strict=True))
    return own if fits and same else {}


def cell_blacks(cell: CellLayout, levels: Sequence[float]) -> tuple[tuple[int, int], list[float]]:
    """(rows and columns of the pattern, its levels value by value) by the levels of the four planes."""
    if len(set(levels)) == 1:
        return (1, 1), [levels[0]] * cell.samples
    if cell.samples > 1:
        return (1, 1), [levels[cell.places.index(n)] for n in range(cell.samples)]
    if cell.rows * cell.cols == 1 or cell.block == (2, 2):
        return (2, 2), list(levels)
    of_planes = cell.of_planes()
    return (cell.rows, cell.cols), [levels[max(of_planes.find(colour), 0)] for colour in cell.colours]


def black_of_cell(
    cell: CellLayout, tags: Mapping[int, TiffValue], levels: Sequence[float]
) -> dict[int, TiffValue]:
    """The tags of black levels: the source's own (`cell_levels`), or of the four planes'."""
    own = cell_levels(cell, tags, levels)
    if own:
        return own
    size, numbers = cell_blacks(cell, levels)
    ratios = [n for level in numbers for n in Fraction(level).limit_denominator(10000).as_integer_ratio()]
    whole = all(level == int(level) for level in numbers)
    packed = tiff.pack_value(tiff.LONG, *numbers) if whole else tiff.pack_value(tiff.RATIONAL, *ratios)
    return {black.REPEAT: tiff.pack_value(tiff.SHORT, *size), black.LEVEL: packed}
