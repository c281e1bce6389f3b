"""Whether a mosaic can be what a sensor saw: doubts to tell, never a reason to refuse.

A decoder that lacks part of a file often fills in one value or repeats rows. Sensors don't: below saturation, noise
makes a row of hundreds of pixels differ from the next row of the same colours. Whole rows or columns that repeat are
looked for, and blocks of 16x16 in which every second row or column repeats (one value does both). Scattered blocks and
ragged areas occur in sound files, where a lossy codec or noise reduction flattened deep shadows; what is missing has
straight edges. A few pixels of each row and block are compared first, the others only where those are alike: about
30 ms for 12 MP.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.profile import timed

BLOCK = 16
SAMPLES = 64  # pixels of a row that are compared first
LEAST_SHARE = 0.01  # of the rows, columns or blocks
LEAST_ROWS = 8  # alike one after another: fewer may be a camera's blank margin
LEAST_PIXELS = 32  # unsaturated in a row that is called a repetition: fewer can be alike by chance
SATURATED = 0.95  # of the white level: cameras clip a little below it
CLIPPED = 0.5  # a channel's largest value counts as saturation from this part of the white level on
CORNERS, STRAIGHT = 8, 4  # an area with straight edges has at most CORNERS + its outline's length / STRAIGHT corners
ADVICE = "missing or damaged data look like that: check the RAW before you delete it"


@timed("reading")
def doubts(raw: RawImage) -> tuple[str, ...]:
    """A line for each part of the mosaic that looks like missing data; empty for a plausible one."""
    mosaic = raw.mosaic
    if min(mosaic.shape) < 2 * BLOCK:
        return ()
    if _uniform(mosaic):
        bright = bool(np.all(mosaic[:2, :2] >= SATURATED * raw.white))
        return () if bright else (f"the whole mosaic is one value; {ADVICE}",)
    level = _saturation(raw)
    found = []
    for name, field, levels in (("rows", mosaic, level), ("columns", mosaic.T, level.T)):
        first, last = _repetition(field, levels)
        if last - first >= max(LEAST_ROWS, LEAST_SHARE * field.shape[0]):
            found.append(f"{name} {first} to {last - 1} of {field.shape[0]} repeat the same values; {ADVICE}")
    if not found:
        dead = _dead_blocks(mosaic, level)
        share = float(dead.mean())
        if share >= LEAST_SHARE and _straight(dead):
            found.append(f"{max(1, round(100 * share))} % of the mosaic is flat or repeats itself; {ADVICE}")
    return tuple(found)


def _uniform(mosaic: np.ndarray) -> bool:
    """Whether the sites of one colour are all alike."""
    cell = mosaic[:2, :2]
    sites = [(mosaic[y::2, x::2], cell[y, x]) for y in (0, 1) for x in (0, 1)]
    return all(bool(np.all(site[::8] == value)) for site, value in sites) and all(
        bool(np.all(site == value)) for site, value in sites)  # fmt: skip


def _saturation(raw: RawImage) -> np.ndarray:
    """DN from which on a pixel counts as saturated, for each site of the 2x2 cell."""
    sure = SATURATED * raw.white
    top = np.array([[raw.mosaic[y::BLOCK, x::2].max() for x in (0, 1)] for y in (0, 1)], np.float64)
    return np.where(top >= CLIPPED * raw.white, np.minimum(top, sure), sure)


def _repetition(field: np.ndarray, level: np.ndarray) -> tuple[int, int]:
    """The longest run [first, last) of rows that are the same, below saturation, as the row two before each."""
    rows, length = field.shape
    step = max(1, length // SAMPLES)
    at = np.arange(0, length - 1, step) + np.arange(len(range(0, length - 1, step))) % 2  # sites of both colours
    few = field[:, at]
    low = few < level[np.arange(rows)[:, None] % 2, at % 2]
    alike = np.zeros(rows, bool)
    alike[2:] = np.all(few[2:] == few[:-2], axis=1) & np.any(low[2:], axis=1)
    limit = np.tile(level, (1, -(-length // 2)))[:, :length]
    for y in np.flatnonzero(alike):
        alike[y] = np.array_equal(field[y], field[y - 2]) and np.sum(field[y] < limit[y % 2]) >= LEAST_PIXELS
    edges = np.flatnonzero(np.diff(np.concatenate([[0], alike.astype(np.int8), [0]])))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _dead_blocks(mosaic: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Which blocks repeat themselves every second row or column and are not saturated; the grid ends at the mosaic's
    lower right corner, where data that end early are missing."""
    down, across = (side // BLOCK for side in mosaic.shape)
    top, left = ((side - side // BLOCK * BLOCK) // 2 * 2 for side in mosaic.shape)
    inner = mosaic[top : top + down * BLOCK, left : left + across * BLOCK]
    blocks = inner.reshape(down, BLOCK, across, BLOCK)
    limit = np.tile(level, (BLOCK // 2, BLOCK // 2))
    rows, columns = blocks[:, (4, 6)], blocks[:, :, :, (4, 6)]
    maybe = np.all(rows[:, 0] == rows[:, 1], axis=2) | np.all(columns[..., 0] == columns[..., 1], axis=1)
    maybe &= np.any(rows[:, 0] < limit[4], axis=2)
    y, x = np.nonzero(maybe)
    some = blocks[y, :, x, :]
    same = np.all(some[:, 2:] == some[:, :-2], axis=(1, 2)) | np.all(some[:, :, 2:] == some[:, :, :-2], axis=(1, 2))
    maybe[y, x] = same
    return maybe


def _straight(area: np.ndarray) -> bool:
    """Whether an area (H, W) of blocks has the outline of one or a few rectangles."""
    outline = np.sum(area[1:] != area[:-1]) + np.sum(area[:, 1:] != area[:, :-1])
    corners = np.sum(area[1:, 1:] ^ area[1:, :-1] ^ area[:-1, 1:] ^ area[:-1, :-1])
    return bool(corners <= CORNERS + outline / STRAIGHT)
