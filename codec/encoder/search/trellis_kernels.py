"""The encoder's search for the symbols of a stage, fused: candidates, cheapest path, values, rate and distortion.

::

    some rows at a time:
      y, mu, step, class --four candidates a quantiser--> costs (columns, 4, rows)
      costs --Viterbi, left to right, the rows side by side--> by state and place: which arc was cheaper
      arcs --right to left--> labels --the label's two candidates again--> symbols, y_hat, magnitudes, sums

Costs are float32; symbols, y_hat and magnitudes whole numbers, those that a decoder finds.
"""

# mypy: no-check-untyped-defs
from __future__ import annotations

import numpy as np

from ....bitstream.runtime.jit import compiled
from ....entropy.tables import ALPHABET, CLASSES, HALF, OFFSET_UNIT, REACH, SPLIT_CLASS, TRELLIS, Tables, split_bits
from ...stages.order import MAGNITUDE_LIMIT, Y_LIMIT
from ...stages.quantiser import QUARTER, Trellis
from .target_kernels import OPEN

ROWS = 32
"""Rows searched side by side, each in a lane of the processor's vectors."""

LIMIT = int(Y_LIMIT)
"""Bound of y_hat."""

FAR = np.float32(1 << 19)
"""Bound of a residual, in steps."""

RESCALE = 64
"""Places of a chain after which its costs are brought down again, so that float32 keeps their differences."""

FORBIDDEN = np.float32(1e9)
UNREACHED = np.float32(1e30)
SHIFT = np.float32(QUARTER / OFFSET_UNIT)
UNIT = np.float32(1 / OFFSET_UNIT)
OFFSET_BITS = OFFSET_UNIT.bit_length() - 1

SPLITS = np.array([split_bits(c) for c in range(CLASSES)], np.int32)


class Search:
    """The search under one set of tables. lagrangian: worth of a bit in squared steps; states: logarithm.

    bits: `Tables.bits`; tables: what `search` looks up.
    """

    def __init__(self, tables: Tables, lagrangian: float, states: int) -> None:
        bits = tables.bits(TRELLIS)
        reach = np.clip(np.arange(-HALF, HALF + 1), -REACH, REACH) + REACH
        price = np.stack([tables.offset[:, reach].astype(np.float32) * UNIT, np.float32(lagrangian) * bits], 2)
        arcs = Trellis.of(states)
        self.bits = bits
        self.tables = price, bits, tables.offset.astype(np.int32), SPLITS, arcs.source, arcs.label

    def __call__(
        self,
        y: np.ndarray,
        mu: np.ndarray,
        step: np.ndarray,
        classes: np.ndarray,
        valid: np.ndarray,
        y_hat: np.ndarray,
        magnitudes: np.ndarray,
    ) -> tuple[np.ndarray, float, float]:
        """Symbols, int32 (h, w); rate in bits; squared error in steps.

        y: float32 (h, w); mu, step: int32 (h, w); classes: uint8 (h, w); valid: uint8 (h, w), as `lay_residuals` has
        it: places outside the picture have symbol 0 and no distortion. Into y_hat, and into magnitudes in quarters of a
        step: int32 (h, w).
        """
        symbols = np.empty(y.shape, np.int32)
        rate, distortion = search(y, mu, step, classes, valid, *self.tables, symbols, y_hat, magnitudes)
        return symbols, rate, distortion


@compiled
def _cost(x, symbol, c, price, splits):
    """Squared error and worth of the bits, float32, of any symbol for a residual as quantiser A sees it."""
    coarse = min(max(symbol >> splits[c], -HALF), HALF) + HALF
    offset = price[c, (coarse if splits[c] == 0 else min(max(symbol, -REACH), REACH) + HALF), 0]
    error = x - np.float32(symbol) - offset
    return error * error + price[c, coarse, 1]


@compiled
def _price_rows(y, mu, step, classes, valid, price, splits, first, rows, cost, residual, further):
    """Costs of the best symbol by place, label and row, (columns, 4, ROWS).

    residual: filled with (y - mu) / step, float32 (ROWS, columns). further: filled with a bit for each label, set where
    the second symbol of its parity is the better one, uint8 (ROWS, columns).
    """
    flat = price.reshape(-1)
    for r in range(rows):
        i = first + r
        for j in range(y.shape[1]):
            if not valid[i, j]:
                for label in range(4):
                    cost[j, label, r] = FORBIDDEN if label & 1 else np.float32(0)
                residual[r, j], further[r, j] = np.float32(0), np.uint8(0)
                continue
            e, c = (np.float32(y[i, j]) - np.float32(mu[i, j])) / np.float32(step[i, j]), np.int64(classes[i, j])
            if valid[i, j] == OPEN and e < 0:
                e = np.float32(0)
            e = FAR if e > FAR else e
            e = -FAR if e < -FAR else e
            bits = 0
            for z in range(2):
                x = -e if z else e
                floor = np.floor(x - SHIFT) - np.float32(1)
                low = np.int64(floor)
                if c < SPLIT_CLASS and -HALF <= low <= HALF - 3:
                    # Nearly always; the mask only tells the compiler that no index is negative.
                    at = 2 * (c * ALPHABET + ((low + HALF) & 127))
                    error0, error1 = x - floor - flat[at], x - (floor + np.float32(1)) - flat[at + 2]
                    error2 = x - (floor + np.float32(2)) - flat[at + 4]
                    error3 = x - (floor + np.float32(3)) - flat[at + 6]
                    cost0, cost1 = error0 * error0 + flat[at + 1], error1 * error1 + flat[at + 3]
                    cost2, cost3 = error2 * error2 + flat[at + 5], error3 * error3 + flat[at + 7]
                else:
                    cost0, cost1 = _cost(x, low, c, price, splits), _cost(x, low + 1, c, price, splits)
                    cost2, cost3 = _cost(x, low + 2, c, price, splits), _cost(x, low + 3, c, price, splits)
                one, two = 2 * z + (low & 1), 2 * z + 1 - (low & 1)
                cost[j, one, r] = cost2 if cost2 < cost0 else cost0
                cost[j, two, r] = cost3 if cost3 < cost1 else cost1
                bits |= (np.int64(cost2 < cost0) << one) | (np.int64(cost3 < cost1) << two)
            residual[r, j], further[r, j] = e, bits


@compiled
def _forward(cost, rows, source, label, total, ways):
    """Costs of the cheapest paths into each state, (states, ROWS).

    total: scratch, (2, states, ROWS); ways: filled with 1 where a state's second arc was the cheaper one, uint8
    (columns, states, ROWS).
    """
    count = source.shape[1]
    before, after = total[0], total[1]
    before[:] = UNREACHED
    before[0] = np.float32(0)
    for j in range(cost.shape[0]):
        here = cost[j]
        for s in range(count):
            first_way, first_arc = before[source[0, s]], here[label[0, s]]
            second_way, second_arc = before[source[1, s]], here[label[1, s]]
            least, way = after[s], ways[j, s]
            for r in range(rows):
                one, two = first_way[r] + first_arc[r], second_way[r] + second_arc[r]
                least[r] = two if two < one else one
                way[r] = 1 if two < one else 0
        before, after = after, before
        if j % RESCALE == RESCALE - 1:
            for r in range(rows):
                least_cost = before[0, r]
                for s in range(1, count):
                    least_cost = min(least_cost, before[s, r])
                for s in range(count):
                    before[s, r] -= least_cost
    return before


@compiled
def _backward(final, ways, source, label, rows, labels):
    """Labels of the cheapest paths, uint8 (ROWS, columns)."""
    count = source.shape[1]
    state = np.zeros(rows, np.int64)
    for r in range(rows):
        for s in range(1, count):
            if final[s, r] < final[state[r], r]:
                state[r] = s
    for j in range(ways.shape[0] - 1, -1, -1):
        here = ways[j]
        for r in range(rows):
            s = state[r]
            way = here[s, r]
            labels[r, j] = label[way, s]
            state[r] = source[way, s]


@compiled
def search(y, mu, step, classes, valid, price, bits, offsets, splits, source, label, symbols, y_hat, magnitudes):
    """Fill symbols, y_hat, magnitudes; rate and distortion. See `Search`."""
    height, width = y.shape
    count = source.shape[1]
    lanes = min(ROWS, height)
    cost = np.zeros((width, 4, lanes), np.float32)
    ways = np.empty((width, count, lanes), np.uint8)
    total = np.empty((2, count, lanes), np.float32)
    residual = np.empty((lanes, width), np.float32)
    further, labels = np.empty((lanes, width), np.uint8), np.empty((lanes, width), np.uint8)
    rate, distortion = 0.0, 0.0
    for first in range(0, height, lanes):
        rows = min(lanes, height - first)
        _price_rows(y, mu, step, classes, valid, price, splits, first, rows, cost, residual, further)
        final = _forward(cost, rows, source, label, total, ways)
        _backward(final, ways, source, label, rows, labels)
        for r in range(rows):
            i = first + r
            for j in range(width):
                way, c, m = np.int64(labels[r, j]), np.int64(classes[i, j]), 0
                if valid[i, j]:
                    x = -residual[r, j] if way & 2 else residual[r, j]
                    low = np.int64(np.floor(x - SHIFT)) - 1
                    m = low + ((low ^ way) & 1) + 2 * ((np.int64(further[r, j]) >> way) & 1)
                value = OFFSET_UNIT * m + offsets[c, min(max(m, -REACH), REACH) + REACH]
                mirror = -(way >> 1)  # 0 or, in quantiser B, -1
                value = (value ^ mirror) - mirror
                found = np.int64(mu[i, j]) + ((value * np.int64(step[i, j]) + OFFSET_UNIT // 2) >> OFFSET_BITS)
                found = min(max(found, -LIMIT), LIMIT)
                symbols[i, j], y_hat[i, j] = m, found
                magnitudes[i, j] = min(abs(4 * m + 1), MAGNITUDE_LIMIT) if m else 0
                rate += bits[c, min(max(m >> splits[c], -HALF), HALF) + HALF]
                if valid[i, j]:
                    error = (y[i, j] - np.float32(found)) / np.float32(step[i, j])
                    if error > 0 or valid[i, j] != OPEN:
                        distortion += np.float64(error * error)
    return rate, distortion
