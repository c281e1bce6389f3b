"""Decoded values put right in the mean: a table by plane over DN, from section BIAS.

::

    DN --level in shares of white - black--> between two of the section's levels --straight line--> shift --> DN

Each value for itself, so a crop, a tile and the whole are the same. What the sensor clipped stays.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.stream.bias import KNOTS, NONE, Bias
from ...bitstream.stream.header import Header
from ..mosaic.companding import Companding
from ..mosaic.layout import Layout
from .grain import COLOUR, LEVELS
from .post import clipped_from

ROWS = 256
"""Rows of a plane at once."""


def read_bias(section: bytes, whole: bool) -> Bias | None:
    """Section BIAS; `StreamError` for one in a stream that is lossless, in layers or of a cell layout (`whole`)."""
    if section and whole:
        raise StreamError("a stream in layers, without loss or of a cell layout has a bias")
    return Bias.from_bytes(section)


def shifts(bias: Bias) -> np.ndarray:
    """Shifts of red, green and blue at `LEVELS`, shares of white - black: float64 (3, KNOTS)."""
    units = np.sqrt(np.array(LEVELS) + 2.0**-9) * 2.0**-bias.scale
    return (np.array(bias.shift, np.float64).reshape(-1, KNOTS) - NONE) * units


def tables(bias: Bias, header: Header, layout: Layout, companding: Companding) -> list[np.ndarray]:
    """What each DN becomes, of each plane, uint16 (top + 1,)."""
    dn, span = np.arange(header.top + 1), header.white - sum(header.levels) / 4
    levels, by_colour, out = np.array(LEVELS), shifts(bias), []
    for k, black in enumerate(layout.per_plane(header.levels)):
        shift = by_colour[COLOUR[k]]
        v = np.clip((dn - black) / span, 0.0, 1.0)
        index = np.clip(np.searchsorted(levels, v, "right") - 1, 0, KNOTS - 2)
        share = (v - levels[index]) / (levels[index + 1] - levels[index])
        added = (shift[index] + (shift[index + 1] - shift[index]) * share) * span
        found = np.clip(np.rint(dn + added), 0, header.top)
        clipped = (dn << companding.shift) - companding.black_levels()[k] >= clipped_from(companding)[k, 0, 0]
        out.append(np.where(clipped, dn, found).astype(np.uint16))
    return out


def unbiased(
    mosaic: np.ndarray, bias: Bias, header: Header, layout: Layout, companding: Companding
) -> np.ndarray:
    """The mosaic, uint16 (H, W), with each value put right."""
    by_plane, out = tables(bias, header, layout, companding), np.empty_like(mosaic)

    def band(part: tuple[int, int]) -> None:
        k, first = part
        row, col = layout.first(k)
        place = np.s_[row + 2 * first : row + 2 * (first + ROWS) : 2, col::2]
        out[place] = by_plane[k][np.minimum(mosaic[place], header.top)]

    rows = -(-len(mosaic) // 2)
    for _ in in_parallel(band, [(k, first) for k in range(4) for first in range(0, rows, ROWS)]):
        pass
    return out
