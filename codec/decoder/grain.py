"""`decode --grain`: noise that coding took away, put back with the right variance by level and colour.

::

    Philox 4x64 at (row, column) --eight bytes added--> g, variance 43690 --filter n, 256, n by plane--> as alike as
    decoded mosaic --mean of 3x3 sites of the plane--> v --section NOIS--> variance          neighbours were
    mosaic + deviation g --rounded--> 0 .. top

What is added depends on the site, the binding of the JPEG and the decoded sites around, so it is the same in a crop, in
whatever tiles, on every machine: the generator counts in whole numbers, the rest is float64 in single operations.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.stream.header import Header
from ...bitstream.stream.noise import GRAIN_ONE, GRAIN_UNIT, KNOTS, CarriedNoise
from ..mosaic.layout import Layout
from ..mosaic.noise import power

LEVELS = (0.0, *(2.0**n for n in range(2 - KNOTS, 1)))
"""Levels, in shares of white - black, at which the section tells what is missing."""

REACH = 2
"""Sites around a site that its grain depends on."""

MEAN, VARIANCE = 4 * 255, 8 * (256 * 256 - 1) / 12
"""Of eight bytes added."""

ONE = 256
ROWS = 256
COLOUR = (0, 1, 1, 2)
"""Of the planes R, G1, G2, B."""


class Grain:
    """The grain of one stream."""

    def __init__(self, header: Header, carried: CarriedNoise) -> None:
        self._key = int.from_bytes(header.binding, "little")
        self._header, self._layout = header, Layout(header.height, header.width, header.phase)
        deviation = [power(n - GRAIN_ONE, GRAIN_UNIT) if n else 0.0 for n in carried.missing]
        by_colour = np.square(np.array(deviation).reshape(-1, KNOTS))
        self._variance = [by_colour[c] for c in COLOUR]
        self._taps = carried.across, carried.down
        norm = [float(ONE * ONE + 2 * tap * tap) for tap in self._taps]
        self._norm = VARIANCE * norm[0] * norm[1]

    def add(self, mosaic: np.ndarray, first: int = 0, last: int | None = None) -> np.ndarray:
        """The mosaic, uint16 (H, W), with grain in rows from first to before last; the others as they are.

        The rows and columns `REACH` around what is wanted must be decoded.
        """
        out = mosaic.copy()
        last = len(mosaic) if last is None else last
        for top in range(first, last, ROWS):
            bottom = min(top + ROWS, last)
            shaped = self._shaped(top, bottom)
            for k in range(4):
                self._add(mosaic, out, shaped, k, (top, bottom))
        return out

    def _shaped(self, top: int, bottom: int) -> np.ndarray:
        """Grain of rows top to before bottom, int64, variance `_norm`."""
        width = self._header.width + 2 * REACH
        rows = []
        for row in range(top, bottom + 2 * REACH):
            # The row counts above the generator's own counter, so that rows never overlap.
            drawn = np.random.Philox(key=self._key, counter=row << 64).random_raw(width)
            rows.append(drawn.astype("<u8").view(np.uint8).reshape(width, 8).sum(1, dtype=np.int64) - MEAN)
        plain, (across, down) = np.stack(rows), self._taps
        plain = ONE * plain[:, REACH:-REACH] + across * (plain[:, : -2 * REACH] + plain[:, 2 * REACH :])
        return np.asarray(ONE * plain[REACH:-REACH] + down * (plain[: -2 * REACH] + plain[2 * REACH :]))

    def _add(self, mosaic: np.ndarray, out: np.ndarray, shaped: np.ndarray, k: int, rows: tuple[int, int]) -> None:
        header, (top, left) = self._header, self._layout.first(k)
        black = self._layout.per_plane(header.levels)[k]
        span = header.white - sum(header.levels) / 4
        begin = rows[0] + (top - rows[0]) % 2
        part = np.s_[begin : rows[1] : 2, left::2]
        if not out[part].size:
            return
        plane = mosaic[top::2, left::2]
        number = np.arange(begin, rows[1], 2) // 2
        v = (_box(plane, number) / 9.0 - black) / span
        deviation = np.sqrt(self._at(k, v) / self._norm) * span
        grain = deviation * shaped[begin - rows[0] :: 2, left::2]
        out[part] = np.clip(np.rint(out[part] + grain), 0, header.top).astype(np.uint16)

    def _at(self, k: int, v: np.ndarray) -> np.ndarray:
        """Variance that is missing in a plane at levels."""
        levels, variance = np.array(LEVELS), self._variance[k]
        index = np.clip(np.searchsorted(levels, v, "right") - 1, 0, KNOTS - 2)
        share = (np.clip(v, 0.0, 1.0) - levels[index]) / (levels[index + 1] - levels[index])
        return np.asarray(variance[index] + (variance[index + 1] - variance[index]) * share)


def _box(plane: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Sums over 3x3 sites of a plane around its rows, the nearest site beyond an edge: int64."""
    near = [plane[np.clip(rows + d, 0, len(plane) - 1)].astype(np.int64) for d in (-1, 0, 1)]
    down = np.pad(near[0] + near[1] + near[2], ((0, 0), (1, 1)), "edge")
    return np.asarray(down[:, :-2] + down[:, 1:-1] + down[:, 2:])
