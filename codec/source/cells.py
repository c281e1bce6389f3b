"""Which cell layout a sensor gets: its values are put where the codec has planes of their colour, as near as can be.

Of a cell of at most 2x2 sites nothing moves. In others each plane gets a colour, the most frequent ones first, and each
site the value that makes the sum of squared ways least (`scipy.optimize.linear_sum_assignment`; Kuhn 1955). Where
colours can't be dealt out evenly (X-Trans has 20 greens of 36), sites that got another plane's colour take their
prediction from that one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...bitstream.cell import LARGEST, CellLayout

FOREIGN = 1e4
"""Way, squared, that a site of another plane's colour counts."""

SEVERAL = {1: (0, 0, 0, 0), 3: (0, 1, 1, 2), 4: (0, 1, 2, 3)}
"""Tables of pixels of so many values."""


def several(height: int, width: int, colours: str) -> CellLayout:
    """The layout of pixels of three or four values each."""
    return CellLayout(height, width, len(colours), 1, 1, colours, colours, (2, 2), SEVERAL[len(colours)])


def one_colour(height: int, width: int) -> CellLayout:
    """The layout of a sensor without a filter."""
    return CellLayout(height, width, 1, 1, 1, "W", "W", (2, 2), (0, 1, 2, 3))


def mosaic(height: int, width: int, pattern: Sequence[str], order: str) -> CellLayout | None:
    """The layout of a filter whose cell has these rows of colours; None for a cell that is too large. order: of the
    colours in the DNG's matrices, perhaps others among them."""
    rows, cols = len(pattern), len(pattern[0])
    block = math.lcm(rows, 2), math.lcm(cols, 2)
    if max(block) > LARGEST:
        return None
    colours = [pattern[r % rows][c % cols] for r in range(block[0]) for c in range(block[1])]
    places, donors = (list(range(len(colours))), []) if max(rows, cols) <= 2 else _dealt(colours, block)
    kinds = "".join(c for c in order if c in colours)
    return CellLayout(height, width, 1, rows, cols, "".join(pattern), kinds, block, tuple(places), tuple(donors))


def period(sites: Sequence[Sequence[str]]) -> list[str]:
    """The cell of a filter of which a corner is known, as rows of colours: the least that repeats in it."""
    height, width = len(sites), len(sites[0])
    rows = next(n for n in range(1, height + 1) if all(sites[y] == sites[y % n] for y in range(height)))
    columns = [[row[x] for row in sites] for x in range(width)]
    cols = next(n for n in range(1, width + 1) if all(columns[x] == columns[x % n] for x in range(width)))
    return ["".join(row[:cols]) for row in sites[:rows]]


def _dealt(colours: Sequence[str], block: tuple[int, int]) -> tuple[list[int], list[tuple[int, int]]]:
    """(which of a block's values each site gets, donors) of a block's colours."""
    from scipy.optimize import linear_sum_assignment  # a sixth of a second, which Bayer RAWs need not wait for

    planes = _planes(colours)
    down, across = np.divmod(np.arange(len(colours)), block[1])
    way = (down[:, None] - down) ** 2 + (across[:, None] - across) ** 2.0
    plane = down % 2 * 2 + across % 2
    foreign = np.array([[planes[k] != colour for colour in colours] for k in plane])
    places = linear_sum_assignment(way + FOREIGN * foreign)[1].tolist()
    donors = []
    for site, value in enumerate(places):
        near = [k for k in range(4) if planes[k] == colours[value]]
        if colours[value] != planes[plane[site]] and near:
            first = down[site] // 2 * 2 * block[1] + across[site] // 2 * 2
            in_cell = [places[first + k // 2 * block[1] + k % 2] for k in near]
            donors.append((site, near[int(np.argmin([way[value, other] for other in in_cell]))]))
    return places, donors


def _planes(colours: Sequence[str]) -> str:
    """A colour for each plane; one that gets two planes gets those of green."""
    left, share = Counter(colours), len(colours) // 4
    dealt: list[str] = []
    for _ in range(4):
        colour = max(left, key=lambda c: (left[c], -"RGBCMYW".index(c)))
        dealt.append(colour)
        left[colour] -= share
    twice = next((c for c in dealt if dealt.count(c) > 1), None)
    if twice is None:
        return "".join(dealt)
    others = sorted((c for c in dealt if c != twice), key="RGBCMYW".index)
    others += [twice] * (2 - len(others))
    return others[0] + twice + twice + others[1]
