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
from .setup import Setup

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
    guide = side_info.of_jpeg.guide
    chroma = guide.chroma(range(box.top - 1, box.bottom + 1), range(box.left - 1, box.right + 1))
    return _levels(mosaic, layout, companding, box.grown(reach)), chroma


def _levels(mosaic: np.ndarray, layout: Layout, companding: Companding, box: Rect) -> np.ndarray:
    """Levels int32 (4, rows, cols) of a mosaic's cells, the nearest for those outside."""
    out, (top, left) = np.empty((4, *box.shape), np.int32), layout.origin
    whole = Rect.between(top, left, (layout.height + top) // 2, (layout.width + left) // 2)  # cells of four sites
    inner = box.within(whole)
    to = Rect(inner.top - box.top, inner.left - box.left, *inner.shape)
    sites = Rect(2 * inner.top - top, 2 * inner.left - left, 2 * inner.rows, 2 * inner.cols)
    for k, black in enumerate(companding.black_levels()):
        plane = mosaic[sites.slices][k // 2 :: 2, k % 2 :: 2]
        out[k][to.slices] = (plane.astype(np.int32) << companding.shift) - black
    rows, cols = np.arange(box.top, box.bottom), np.arange(box.left, box.right)
    down, across = to.slices
    strips = ((np.s_[: to.top], np.s_[:]), (np.s_[to.bottom :], np.s_[:]), (down, np.s_[: to.left]),
              (down, np.s_[to.right :]))  # fmt: skip
    for down, across in strips:
        r, c = np.clip(rows[down], 0, layout.cells[0] - 1), np.clip(cols[across], 0, layout.cells[1] - 1)
        if r.size and c.size:
            out[:, down, across] = companding.level(layout.at(mosaic, r[:, None], c[None]))
    return out


def corrected_cells(
    mosaic: np.ndarray, look: Look, side_info: SideInfo, layout: Layout, companding: Companding, box: Rect
) -> np.ndarray:
    """DN of the cells of a box, corrected, uint16 (4, rows, cols)."""
    levels, colours = looked_at(mosaic, side_info, layout, companding, box, look.reach)
    nowhere = np.full((2, 4), NOWHERE, np.int64)
    found = look.corrected(side_info.of_jpeg.planes, box.top, box.left, colours, levels, companding, nowhere)
    before = levels[:, look.reach : -look.reach, look.reach : -look.reach]
    kept = before >= clipped_from(companding)
    if side_info.apart is not None:
        rows, cols = np.arange(box.top, box.bottom)[:, None], np.arange(box.left, box.right)[None]
        kept |= ~side_info.guided(rows, cols)
    np.copyto(found, before, where=kept)
    found -= companding.low
    return np.stack([table[level] for table, level in zip(companding.dn_of_level, found, strict=True)])


@timed("second look")
def corrected(
    mosaic: np.ndarray, look: Look, side_info: SideInfo, setup: Setup, box: Rect | None = None
) -> np.ndarray:
    """The mosaic, uint16 (H, W), corrected in the cells of a box; elsewhere as it is. All within `look.reach` cells of
    the box must be decoded."""
    layout, companding = setup.layout, setup.coding.companding
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
