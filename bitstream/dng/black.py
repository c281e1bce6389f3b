"""Black levels of a DNG that are more than four numbers: a pattern of up to 64 x 64 sites, a value a row or column.

The codec needs the mean at each site of the 2x2 cell; the tags themselves go along for the DNG.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..cell import CellLayout
from ..raw_image import TiffValue
from ..tiff import tiff

REPEAT, LEVEL, DELTA_H, DELTA_V = BLACK_TAGS = (50713, 50714, 50715, 50716)
MAX_REPEAT = 64
TOLERANCE = 0.01  # DN

Levels = tuple[float, float, float, float]


def site_levels(
    tags: Mapping[int, TiffValue], down: int = 0, right: int = 0
) -> tuple[float, float, float, float] | None:
    """Black level of the four sites of the 2x2 cell that begins at row `down`, column `right` of the area that the tags
    count from; None where they don't say. Values a row and a column go in as their mean over the site's."""
    pattern = _pattern(tags)
    if pattern is None:
        return None
    rows, cols = pattern.shape
    deltas = [np.array(tiff.value_numbers(tags[tag]) if tag in tags else [0.0]) for tag in (DELTA_V, DELTA_H)]
    out = []
    for y in (down, down + 1):
        for x in (right, right + 1):
            site_rows = [i % rows for i in range(y, y + math.lcm(rows, 2), 2)]
            site_cols = [j % cols for j in range(x, x + math.lcm(cols, 2), 2)]
            delta = sum(float(np.mean(d[p % 2 :: 2])) if len(d) > 1 else float(d[0])
                        for d, p in zip(deltas, (y, x), strict=True))  # fmt: skip
            out.append(float(np.mean(pattern[np.ix_(site_rows, site_cols)])) + delta)
    return (out[0], out[1], out[2], out[3]) if np.all(np.isfinite(out)) else None


def moved(
    tags: Mapping[int, TiffValue], down: int, right: int, shape: tuple[int, ...], cell: CellLayout | None = None
) -> dict[int, TiffValue]:
    """The tags for an area of `shape` that begins at row `down`, column `right` of theirs; none where four levels say
    the same (for a cell layout: one level), or where it reaches beyond what the tags say."""
    pattern = _pattern(tags, cell.samples if cell else 1)
    if pattern is None or (max(pattern.shape[:2]) <= (1 if cell else 2) and not {DELTA_H, DELTA_V} & set(tags)):
        return {}
    level = tags[LEVEL]
    atoms = np.frombuffer(level.data, "<" + tiff.ATOMS[level.type]).reshape(*pattern.shape[:2], -1)
    rolled = np.roll(atoms, (-down, -right), (0, 1)).tobytes()
    out = {REPEAT: tiff.pack_value(tiff.SHORT, *pattern.shape[:2]), LEVEL: TiffValue(level.type, level.count, rolled)}
    for tag, start, count in ((DELTA_V, down, shape[0]), (DELTA_H, right, shape[1])):
        if tag in tags:
            size = tiff.TYPE_SIZES[tags[tag].type]
            part = tags[tag].data[start * size : (start + count) * size] if start >= 0 else b""
            if len(part) != count * size:
                return {}
            out[tag] = TiffValue(tags[tag].type, count, part)
    return out


def fitting(tags: Mapping[int, TiffValue], black: Sequence[float], shape: tuple[int, ...]) -> dict[int, TiffValue]:
    """The tags, where they say the same as `black`, and of a mosaic of this shape; else none."""
    own = moved({tag: tags[tag] for tag in BLACK_TAGS if tag in tags}, 0, 0, shape)
    levels = site_levels(own)
    same = levels and all(abs(a - b) <= TOLERANCE for a, b in zip(levels, black, strict=True))
    return own if same else {}


def plane_levels(tags: Mapping[int, TiffValue], cell: CellLayout, down: int = 0, right: int = 0) -> Levels | None:
    """As `site_levels`, of the four planes of a cell layout; in its pattern the area begins at row `down`, column
    `right`."""
    numbers = tiff.value_numbers(tags[LEVEL]) if LEVEL in tags else []
    size = [int(n) for n in (tiff.value_numbers(tags[REPEAT]) if REPEAT in tags else [1, 1]) if math.isfinite(n)]
    if len(size) != 2 or not 0 < min(size) <= max(size) <= MAX_REPEAT or not np.isfinite(numbers).all():
        return None
    area = size[0] * size[1]
    if not numbers or len(numbers) not in (area, area * cell.samples):
        return None
    pattern = np.reshape(np.array(numbers), (*size, -1))
    delta = sum(float(np.mean(tiff.value_numbers(tags[tag]))) for tag in (DELTA_H, DELTA_V) if tag in tags)
    if cell.samples > 1:
        by_value = np.broadcast_to(pattern.mean((0, 1)), cell.samples)
        out = [float(by_value[n]) + delta for n in cell.places]
    else:
        p, q = (math.lcm(n, m) for n, m in zip(cell.block, size, strict=True))
        whole = np.tile(np.roll(pattern[..., 0], (-down, -right), (0, 1)), (p // size[0], q // size[1]))
        folded = replace(cell, height=p, width=q).fold(whole)
        out = [float(folded[k // 2 :: 2, k % 2 :: 2].mean()) + delta for k in range(4)]
    return (out[0], out[1], out[2], out[3]) if np.all(np.isfinite(out)) else None


def _pattern(tags: Mapping[int, TiffValue], samples: int = 1) -> np.ndarray | None:
    levels = tiff.value_numbers(tags[LEVEL]) if LEVEL in tags else []
    repeat = tiff.value_numbers(tags[REPEAT]) if REPEAT in tags else [1, 1]
    rows, cols = (int(n) if math.isfinite(n) else 0 for n in [*repeat, 0, 0][:2])
    if not levels or not 0 < rows <= MAX_REPEAT or not 0 < cols <= MAX_REPEAT or len(levels) != rows * cols * samples:
        return None
    return np.reshape(np.array(levels), (rows, cols) if samples == 1 else (rows, cols, samples))
