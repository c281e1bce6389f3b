"""One stage's symbols from bytes: ANS over the shipped tables, grouped by class, compiled.

::

    symbols s, classes c  --stable sort by c-->  runs of one class
      run of class c:  s >> n  by table c (an escape at +-HALF)        n = split_bits(c)
                       n low bits, uniform
      escapes:         |s >> n| - HALF, 20 bits, uniform

The coder is a stack of 32-bit words, stored little-endian: what is pushed last is read first, so that
`entropy.ans_encode` pushes all of this in reverse. A stage in which every symbol is zero has no words. It is the stack
coder of constriction (`AnsCoder`, 64 and 32 bits; Bamler 2022), which the tests hold it to::

    state % 2^24 --look up the first candidate, step on--> symbol i, its interval left .. left + width
    state = (state >> 24) width + place - left;   below 2^32 it takes a word:  state 2^32 + word

Intervals are those that constriction makes of a table row P: left = floor((P0 + .. + P(i-1)) (2^24 - n) / 65536) + i,
n = ALPHABET.
"""

from __future__ import annotations

import numpy as np

from ..bitstream.errors import StreamError
from ..bitstream.runtime.jit import compiled
from ..bitstream.runtime.profile import timed
from .tables import ALPHABET, CLASSES, ESCAPE_BITS, HALF, SPLIT_CLASS, TOTAL, Tables, split_bits, table_of

PRECISION = 24
LOOKUP_BITS = 12
"""Upper bits of a place by which its first candidate is looked up."""

SPLITS = np.array([split_bits(c) for c in range(CLASSES)], np.int64)
ROWS = np.array([table_of(c) for c in range(CLASSES)], np.int64)


def intervals(pmf: np.ndarray) -> np.ndarray:
    """Left ends of the intervals and 2^24 behind them, uint64 (rows, ALPHABET + 1), of rows of probabilities."""
    before = np.concatenate([np.zeros((len(pmf), 1), np.int64), np.cumsum(pmf.astype(np.int64), 1)[:, :-1]], 1)
    left = before * ((1 << PRECISION) - ALPHABET) // TOTAL + np.arange(ALPHABET)
    return np.concatenate([left, np.full((len(pmf), 1), 1 << PRECISION)], 1).astype(np.uint64)


class Model:
    """Tables of one kind, as the compiled coder wants them. left: `intervals`; lookup: uint8 (rows, 2^LOOKUP_BITS)."""

    def __init__(self, tables: Tables, kind: int) -> None:
        self.left = intervals(tables.pmf[kind])
        cells = np.arange(1 << LOOKUP_BITS, dtype=np.uint64) << np.uint64(PRECISION - LOOKUP_BITS)
        self.lookup = np.stack([np.searchsorted(row, cells, "right") - 1 for row in self.left]).astype(np.uint8)


_MODELS: dict[tuple[bytes, int], Model] = {}


def model_of(tables: Tables, kind: int) -> Model:
    """The model of tables of one kind; made once."""
    key = tables.identity, kind
    if key not in _MODELS:
        _MODELS[key] = Model(tables, kind)
    return _MODELS[key]


@timed("entropy")
def decode_symbols(data: bytes, classes: np.ndarray, model: Model) -> np.ndarray:
    """Symbols int32 (n,) of classes uint8 (n,); `StreamError` where the bytes do not fit them exactly."""
    out = np.zeros(len(classes), np.int32)
    if not data:
        return out
    if len(data) % 4 or not len(classes):
        raise StreamError("a substream is no whole number of words")
    words = np.frombuffer(data, "<u4").astype(np.uint32)
    if not words[-1]:
        raise StreamError("a substream's last word is zero")
    if not decode(words, classes, model.left, model.lookup, ROWS, SPLITS, out):
        raise StreamError("a substream has words left over")
    return out


@compiled
def sort_by_class(classes, order, counts):
    """Stable counting sort: indices of uint8 (n,) by class into int32 (n,), how many of each into int64 (CLASSES,)."""
    counts[:] = 0
    for i in range(len(classes)):
        counts[classes[i]] += 1
    at = np.zeros(len(counts), np.int64)
    for c in range(1, len(counts)):
        at[c] = at[c - 1] + counts[c - 1]
    for i in range(len(classes)):
        c = classes[i]
        order[at[c]] = i
        at[c] += 1


@compiled
def filled(state, words, at):
    """State and place of the next word, after taking one if the state is low and one is left."""
    if state < np.uint64(1 << 32) and at >= 0:
        return (state << np.uint64(32)) | np.uint64(words[at]), at - 1
    return state, at


@compiled
def _uniform(state, bits):
    """State and value, uint64, of a uniform number of so many bits."""
    drop = np.uint64(PRECISION - bits)
    place = state & np.uint64((1 << PRECISION) - 1)
    value = place >> drop
    return ((state >> np.uint64(PRECISION)) << drop) + (place - (value << drop)), value


@compiled
def decode(words, classes, left, lookup, rows, splits, out):
    """Symbols of classes uint8 (n,), into int32 (n,); whether the words, uint32, fitted exactly."""
    n = len(classes)
    order = np.empty(n, np.int32)
    counts = np.empty(len(rows), np.int64)
    sort_by_class(classes, order, counts)
    fine = np.empty(n if counts[SPLIT_CLASS:].any() else 0, np.int32)
    escaped, escapes = np.empty(0, np.int32), 0
    mask, precision = np.uint64((1 << PRECISION) - 1), np.uint64(PRECISION)
    lookup_shift = np.uint64(PRECISION - LOOKUP_BITS)
    state, at = filled(np.uint64(0), words, len(words) - 1)
    state, at = filled(state, words, at)
    start = 0
    for c in range(len(rows)):
        if counts[c] == 0:
            continue
        end = start + counts[c]
        ends, first = left[rows[c]], lookup[rows[c]]
        for i in range(start, end):
            place = state & mask
            s = np.int64(first[np.int64(place >> lookup_shift)])
            while ends[s + 1] <= place:
                s += 1
            state = (state >> precision) * (ends[s + 1] - ends[s]) + (place - ends[s])
            state, at = filled(state, words, at)
            if s == 0 or s == 2 * HALF:
                if escapes == len(escaped):
                    more = np.empty(2 * escapes + 64, np.int32)
                    more[:escapes] = escaped
                    escaped = more
                escaped[escapes] = order[i]
                escapes += 1
            out[order[i]] = s - HALF
        if splits[c]:
            for i in range(start, end):
                state, value = _uniform(state, splits[c])
                state, at = filled(state, words, at)
                fine[order[i]] = np.int32(value)
        start = end
    for e in range(escapes):
        state, value = _uniform(state, ESCAPE_BITS)
        state, at = filled(state, words, at)
        p = escaped[e]
        out[p] += np.int32(value) if out[p] > 0 else -np.int32(value)
    if len(fine):
        for p in range(n):
            shift = splits[classes[p]]
            if shift:
                out[p] = (out[p] << shift) | fine[p]
    return state == np.uint64(0) and at < 0
