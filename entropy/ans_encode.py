# mypy: no-check-untyped-defs
"""Symbols to words: the ANS encoder of substreams, compiled.

::

    symbols, classes --counting sort by class--> runs --pushed from the last to the first--> state --> words u32

The coder is a stack of 64-bit state and 32-bit words with intervals of 0..2^24: it writes, bit for bit, what
constriction's `AnsCoder` does (Bamler 2022), which the tests hold it to. To push an interval (left, width):

    where state >> 40 >= width:  the state's low 32 bits become a word, state >>= 32
    state = (state // width << 24) + left + state % width

At the end the state's own words follow, the low one first, none for a state of 0.
"""

from __future__ import annotations

import numpy as np

from ..bitstream.runtime.jit import compiled
from ..bitstream.runtime.profile import timed
from .ans import PRECISION, ROWS, SPLITS
from .tables import CLASSES, ESCAPE_BITS, HALF

FARTHEST = (1 << ESCAPE_BITS) - 1


@timed("entropy")
def encode_symbols(symbols: np.ndarray, classes: np.ndarray, left: np.ndarray) -> bytes:
    """Bytes of a substream, none where every symbol is zero.

    symbols: int32 (n,); classes: uint8 (n,); left: `entropy.ans.intervals`. See `entropy.ans` for the order.
    """
    words = np.empty(3 * len(symbols) + 2, np.uint32)
    return words[: _encode(symbols, classes, left, SPLITS, ROWS, words)].astype("<u4").tobytes()


@compiled
def push(state, left, width, words, count):
    """State and count of words after an interval is pushed."""
    if state >> np.uint64(40) >= width:
        words[count] = np.uint32(state & np.uint64(0xFFFFFFFF))
        state, count = state >> np.uint64(32), count + 1
    above = state // width
    return (above << np.uint64(PRECISION)) + left + (state - above * width), count


@compiled
def _encode(symbols, classes, left, splits, rows, words):
    """Fill words; how many there are."""
    n = len(symbols)
    ends = np.zeros(CLASSES, np.int64)
    used = False
    for i in range(n):
        ends[classes[i]] += 1
        used = used or symbols[i] != 0
    if not used:
        return 0
    for c in range(1, CLASSES):
        ends[c] += ends[c - 1]
    run = np.empty(n, np.int32)
    for i in range(n - 1, -1, -1):
        c = classes[i]
        ends[c] -= 1
        run[ends[c]] = symbols[i]
    # ends now holds where the runs begin.
    state, count = np.uint64(0), 0
    top = n
    for c in range(CLASSES - 1, -1, -1):
        for i in range(top - 1, ends[c] - 1, -1):
            beyond = abs(np.int64(run[i]) >> splits[c]) - HALF
            if beyond >= 0:
                state, count = _uniform(state, min(beyond, FARTHEST), ESCAPE_BITS, words, count)
        top = ends[c]
    top = n
    for c in range(CLASSES - 1, -1, -1):
        bits, row, bottom = splits[c], left[rows[c]], ends[c]
        if bits:
            for i in range(top - 1, bottom - 1, -1):
                state, count = _uniform(state, np.int64(run[i]) & ((1 << bits) - 1), bits, words, count)
        for i in range(top - 1, bottom - 1, -1):
            coded = min(max(np.int64(run[i]) >> bits, -HALF), HALF) + HALF
            state, count = push(state, row[coded], row[coded + 1] - row[coded], words, count)
        top = bottom
    while state:
        words[count] = np.uint32(state & np.uint64(0xFFFFFFFF))
        state, count = state >> np.uint64(32), count + 1
    return count


@compiled
def _uniform(state, value, bits, words, count):
    """Push a uniform number of so many bits."""
    shift = np.uint64(PRECISION - bits)
    return push(state, np.uint64(value) << shift, np.uint64(1) << shift, words, count)
