"""Behind the loop: the decoded mosaic, developed, is compared with the JPEG and corrected by what they differ in.

::

    decoded mosaic --levels--> `recipe.look` with the numbers of section POST --levels, the nearest DN--> mosaic

What the stages left out, the JPEG often shows. It costs the section's bytes, a few hundred, whatever the rate. What the
sensor clipped, and where the guide is the stream's own, stays as it is.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.rect import Rect
from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.profile import timed
from ..mosaic.companding import Companding
from ..mosaic.layout import Layout
from ..recipe.look import Look
from ..recipe.side import NOWHERE, SideInfo, saturation_of

ROWS = 128
"""Cells at once."""

Chroma = tuple[np.ndarray, np.ndarray]


def read_post(section: bytes, whole: bool) -> Look | None:
    """The numbers of section POST; `StreamError` for one in a stream that is lossless or in layers (`whole`)."""
    if section and whole:
        raise StreamError("a stream in layers or without loss has a second look behind the loop")
    return Look.from_bytes(section) if section else None


def clipped_from(companding: Companding) -> np.ndarray:
    """By plane the level from which on a site is taken to be clipped and stays: saturation's, or white; (4, 1, 1)."""
    return np.minimum(saturation_of(companding)[0], np.int64(np.floor(companding.span)))[:, None, None]


def looked_at(
    mosaic: np.ndarray, side_info: SideInfo, layout: Layout, companding: Companding, box: Rect, reach: int
) -> tuple[np.ndarray, Chroma]:
    """What a look at cells of a mosaic sees: levels, int32 with `reach` cells more on all sides (outside of the picture
    the nearest inside), and the JPEG's Cb and Cr at the sites, a cell more."""
    h, w = layout.cells
    rows = np.clip(np.arange(box.top - reach, box.bottom + reach), 0, h - 1)
    cols = np.clip(np.arange(box.left - reach, box.right + reach), 0, w - 1)
    levels = companding.level(layout.at(mosaic, rows[:, None], cols[None]))
    guide = side_info.of_jpeg.guide
    return levels, guide.chroma(range(box.top - 1, box.bottom + 1), range(box.left - 1, box.right + 1))


def corrected_cells(
    mosaic: np.ndarray, look: Look, side_info: SideInfo, layout: Layout, companding: Companding, box: Rect
) -> np.ndarray:
    """DN of the cells of a box, corrected, int32 (4, rows, cols)."""
    levels, colours = looked_at(mosaic, side_info, layout, companding, box, look.reach)
    nowhere = np.full((2, 4), NOWHERE, np.int64)
    found = look.corrected(side_info.of_jpeg.planes, box.top, box.left, colours, levels, companding, nowhere)
    before = levels[:, look.reach : -look.reach, look.reach : -look.reach]
    rows, cols = np.arange(box.top, box.bottom)[:, None], np.arange(box.left, box.right)[None]
    free = (before < clipped_from(companding)) & side_info.guided(rows, cols)
    return companding.expand(companding.compand(np.where(free, found, before)))


@timed("second look")
def corrected(
    mosaic: np.ndarray, look: Look, side_info: SideInfo, layout: Layout, companding: Companding, box: Rect | None = None
) -> np.ndarray:
    """The mosaic, uint16 (H, W), corrected in the cells of a box; elsewhere as it is. All within `look.reach` cells of
    the box must be decoded."""
    box = box or Rect(0, 0, *layout.cells)
    out, (top, left) = mosaic.copy(), layout.origin

    def band(first: int) -> None:
        part = Rect(first, box.left, min(ROWS, box.bottom - first), box.cols)
        found = corrected_cells(mosaic, look, side_info, layout, companding, part)
        for k in range(4):
            # the first cell may begin outside of the mosaic, the last may end there
            r, c = 2 * part.top - top + k // 2, 2 * part.left - left + k % 2
            above, before = int(r < 0), int(c < 0)
            into = out[r + 2 * above :: 2, c + 2 * before :: 2]
            cells = found[k, above:, before:][: into.shape[0], : into.shape[1]]
            into[: cells.shape[0], : cells.shape[1]] = cells

    for _ in in_parallel(band, range(box.top, box.bottom, ROWS)):
        pass
    return out
