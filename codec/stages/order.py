"""The order of the 16 closed-loop stages, and what each may look at: facts that every implementation shares.

::

    planes G1, G2, R, B, one after another; in each, four passes:

        in place: the cells of a 2x2 pattern          haar: the four bands of a 2x2 Haar transform

            0 2 0 2        pass t sees, decoded           0: sum        pass t sees, decoded,
            3 1 3 1        around it in its plane:        1: columns    the earlier bands of
            0 2 0 2        none, 4 diagonal,              2: rows       its own place
            3 1 3 1        4 across, all 8                3: diagonal

    of every earlier plane it sees the same place and its eight neighbours.

A neighbour is named (plane, pass, rows, columns): the array of that pass, shifted by so many places.
"""

from __future__ import annotations

from collections.abc import Sequence

PLANES = (1, 2, 0, 3)
PASSES = ((0, 0), (1, 1), (0, 1), (1, 0))
CROSS = ((-1, 0), (1, 0), (0, -1), (0, 1))
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
NINE = (*CROSS, *DIAGONAL, (0, 0))
IN_PLACE, HAAR = 0, 1
REFINED = 2
"""In place of a transform: a further layer, `codec.refine.tile`."""

STAGES = [(k, t) for k in PLANES for t in range(4)]
KNOWN: tuple[tuple[tuple[int, int], ...], ...] = ((), DIAGONAL, CROSS, CROSS + DIAGONAL)

MAGNITUDE_BITS = 8
"""Fraction bits of a magnitude context."""

MAGNITUDE_LIMIT = 1 << 16
"""Bound of a magnitude, in quarters of a step."""

MEAN_UNIT = 512
"""The mean's coefficients are in 1 / MEAN_UNIT."""

Y_LIMIT = float(1 << 21)
"""Bound of mean and y_hat, four times the companded white: whatever a stream says, sums stay exact in float64."""

Place = tuple[int, int, int, int]


def shifted(plane: int, t: int, offsets: Sequence[tuple[int, int]], transform: int) -> list[Place]:
    """Places of pass t shifted by offsets, in cells (in place) or in blocks of the same band (haar)."""
    if transform != IN_PLACE:
        return [(plane, t, i, j) for i, j in offsets]
    out = []
    for di, dj in offsets:
        i, j = PASSES[t][0] + di, PASSES[t][1] + dj
        out.append((plane, PASSES.index((i & 1, j & 1)), i >> 1, j >> 1))
    return out


def near_places(n: int, t: int, transform: int) -> list[Place]:
    """Where the mean of pass t of the n-th plane looks: its own plane, then the earlier ones."""
    own = PLANES[n]
    if transform == IN_PLACE:
        places = shifted(own, t, KNOWN[t], transform)
    else:
        places = [(own, band, 0, 0) for band in range(t)] + ([(own, 0, *o) for o in CROSS] if t else [])
    for plane in PLANES[:n]:
        places += shifted(plane, t, NINE, transform)
    return places


def magnitude_places(n: int, t: int, transform: int) -> list[tuple[int, list[Place]]]:
    """The magnitude contexts that are sums of single places, each with its factor; the boxes' sums follow them."""
    own = PLANES[n]
    out: list[tuple[int, list[Place]]] = []
    if transform == IN_PLACE:
        if t >= 2:
            out.append((16, shifted(own, t, CROSS, transform)))
        if t in (1, 3):
            out.append((16, shifted(own, t, DIAGONAL, transform)))
    elif t:
        out.append((64, [(own, 0, 0, 0)]))
        out.append((32, [(own, b, 0, 0) for b in range(1, t)]) if t > 1 else (16, [(own, 0, *o) for o in CROSS]))
    for plane in PLANES[:n]:
        out.append((64, shifted(plane, t, ((0, 0),), transform)))
        out.append((16, shifted(plane, t, CROSS, transform)))
        out.append((16, shifted(plane, t, DIAGONAL, transform)))
    return out


def near_count(n: int, t: int, transform: int) -> int:
    """Number of `near_places`, or of what the mean of a further layer looks at."""
    if transform == REFINED:
        return 8 + 3 * 9
    own = len(KNOWN[t]) if transform == IN_PLACE else (t + 4 if t else 0)
    return own + 9 * n


def context_count(n: int, t: int, transform: int, activities: int) -> int:
    """Number of contexts of a stage."""
    if transform == REFINED:
        return 3 + activities + 2 + 3 * 3 + 2
    if transform == IN_PLACE:
        own = (t >= 2) + (t in (1, 3))
    else:
        own = 2 if t else 0
    return 4 + activities + own + 3 * n + (t > 0) + (n > 0)
