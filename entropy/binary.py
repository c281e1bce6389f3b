"""Yes-or-no decisions from bytes: ANS over a fixed ladder of odds, no trained table needed.

A decision comes with its odds, a float64 > 0: how much likelier yes is than no. Its class is the float's own exponent
and first two bits of mantissa, so a quarter of an octave, within `OCTAVES` octaves either way; yes then has the
probability ``r / (1 + r)`` of the class's middle ``r``, in 1/65536.

::

    round 1: decisions, classes --stable sort by class--> runs of one class --+
    round 2: ...           (its classes depend on round 1's decisions)        +--> one ANS stack, words u32 LE
    ...                                                                       |
    a stage's rounds share a substream: the decoder reads them in order ------+

The likelier answer is number 0 of its model, the other one 1: while all that was pushed is 0, the coder's state stays 0
and there are no words. So a substream without bytes is one in which every decision is the likelier one. The coder is
that of `entropy.ans`, with two intervals: 0 .. `LEFT` .. 2^24. `entropy.binary_encode` writes what is read here.
"""

from __future__ import annotations

import numpy as np

from ..bitstream.errors import StreamError
from ..bitstream.runtime.jit import compiled
from .ans import PRECISION, filled, sort_by_class
from .tables import TOTAL

OCTAVES, FINENESS = 12, 2
EVEN = OCTAVES << FINENESS
"""Class of odds of one and a little more; from here on yes is the likelier answer."""

SPLIT_CLASSES = 2 * EVEN

_SHIFT, _OFFSET = 52 - FINENESS, 1023 << FINENESS


def yes_of_65536() -> np.ndarray:
    """Probability of yes by class, int64 (SPLIT_CLASSES,), in 1/65536."""
    octave, quarter = np.divmod(np.arange(SPLIT_CLASSES) - EVEN, 1 << FINENESS)
    yes = (9 + 2 * quarter) << np.maximum(octave, 0)
    no = 8 << np.maximum(-octave, 0)
    return (2 * TOTAL * yes + yes + no) // (2 * (yes + no))


_LIKELIER = np.maximum(yes_of_65536(), TOTAL - yes_of_65536())
LEFT = (_LIKELIER * ((1 << PRECISION) - 2) // TOTAL + 1).astype(np.uint64)
"""Where the likelier answer's interval ends, by class."""


class SplitReader:
    """Reads the rounds of a stage in order. Raises `StreamError` for bytes that are no words."""

    def __init__(self, data: bytes) -> None:
        self._words, self._state = np.empty(0, np.uint32), np.zeros(2, np.uint64)
        if data:
            if len(data) % 4:
                raise StreamError("a substream is no whole number of words")
            self._words = np.frombuffer(data, "<u4").astype(np.uint32)
            if not self._words[-1]:
                raise StreamError("a substream's last word is zero")
            _start(self._words, self._state)

    def read(self, classes: np.ndarray) -> np.ndarray:
        """The next round's decisions, bool (n,), given their classes, uint8 (n,)."""
        if not len(self._words):
            return classes >= EVEN
        out = np.empty(len(classes), np.bool_)
        _read(self._words, self._state, classes, LEFT, out)
        return out

    def finish(self) -> None:
        """`StreamError` where words are left over."""
        if self._state.any():
            raise StreamError("a substream has words left over")


@compiled
def classify(odds, classes):
    """Classes of odds float64 (n,) > 0, into the first n of uint8 (.. n,)."""
    bits = odds.view(np.int64)
    for n in range(len(odds)):
        classes[n] = min(max((bits[n] >> _SHIFT) - _OFFSET, -EVEN), EVEN - 1) + EVEN


@compiled
def _start(words, coder):
    """Set the coder, uint64 (2,): its state, and how many words are left."""
    state, at = filled(np.uint64(0), words, len(words) - 1)
    state, at = filled(state, words, at)
    coder[0], coder[1] = state, at + 1


@compiled
def _read(words, coder, classes, lefts, out):
    """Decisions of one round, into bool (n,)."""
    order = np.empty(len(classes), np.int32)
    counts = np.empty(SPLIT_CLASSES, np.int64)
    sort_by_class(classes, order, counts)
    mask, precision = np.uint64((1 << PRECISION) - 1), np.uint64(PRECISION)
    state, at = coder[0], np.int64(coder[1]) - 1
    start = 0
    for c in range(SPLIT_CLASSES):
        end, left, likelier = start + counts[c], lefts[c], c >= EVEN
        rest = np.uint64(1 << PRECISION) - left
        for i in range(start, end):
            place, above = state & mask, state >> precision
            usual = place < left
            state = above * left + place if usual else above * rest + (place - left)
            state, at = filled(state, words, at)
            out[order[i]] = usual == likelier
        start = end
    coder[0], coder[1] = state, at + 1
