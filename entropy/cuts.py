"""Yes-or-no decisions to bytes and back: ANS over a fixed ladder of odds, no trained table needed.

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
that of `entropy.ans` and `entropy.ans_encode`, with two intervals: 0 .. `LEFT` .. 2^24.
"""

from __future__ import annotations

import numpy as np

from bitstream.errors import StreamError
from bitstream.profile import timed
from entropy.ans import PRECISION, filled, sort_by_class
from entropy.ans_encode import push
from entropy.jit import compiled
from entropy.tables import TOTAL

OCTAVES, FINENESS = 12, 2
EVEN = OCTAVES << FINENESS
"""Class of odds of one and a little more; from here on yes is the likelier answer."""

CUT_CLASSES = 2 * EVEN

_SHIFT, _OFFSET = 52 - FINENESS, 1023 << FINENESS


def yes_of_65536() -> np.ndarray:
    """Probability of yes by class, int64 (CUT_CLASSES,), in 1/65536."""
    octave, quarter = np.divmod(np.arange(CUT_CLASSES) - EVEN, 1 << FINENESS)
    yes = (9 + 2 * quarter) << np.maximum(octave, 0)
    no = 8 << np.maximum(-octave, 0)
    return (2 * TOTAL * yes + yes + no) // (2 * (yes + no))


def cut_bits() -> np.ndarray:
    """Code length of no and yes by class, float64 (CUT_CLASSES, 2)."""
    yes = yes_of_65536() / TOTAL
    return -np.log2(np.stack([1 - yes, yes], 1))


_LIKELIER = np.maximum(yes_of_65536(), TOTAL - yes_of_65536())
LEFT = (_LIKELIER * ((1 << PRECISION) - 2) // TOTAL + 1).astype(np.uint64)
"""Where the likelier answer's interval ends, by class."""

Round = tuple[np.ndarray, np.ndarray]
"""Decisions, bool (n,), and their classes, uint8 (n,)."""


@timed("entropy")
def write_cuts(rounds: list[Round]) -> bytes:
    """The rounds of a stage as a substream."""
    decisions = np.concatenate([d for d, _ in rounds]) if rounds else np.empty(0, np.bool_)
    classes = np.concatenate([c for _, c in rounds]) if rounds else np.empty(0, np.uint8)
    ends = np.cumsum([len(d) for d, _ in rounds], dtype=np.int64)
    words = np.empty(len(decisions) + 2, np.uint32)
    return words[: _write(decisions, classes, ends, LEFT, words)].astype("<u4").tobytes()


class CutReader:
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
    counts = np.empty(CUT_CLASSES, np.int64)
    sort_by_class(classes, order, counts)
    mask, precision = np.uint64((1 << PRECISION) - 1), np.uint64(PRECISION)
    state, at = coder[0], np.int64(coder[1]) - 1
    start = 0
    for c in range(CUT_CLASSES):
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


@compiled
def _write(decisions, classes, ends, lefts, words):
    """Words of rounds that end at `ends`; how many there are."""
    state, count = np.uint64(0), 0
    order = np.empty(len(classes), np.int32)
    counts = np.empty(CUT_CLASSES, np.int64)
    for n in range(len(ends) - 1, -1, -1):
        start = ends[n - 1] if n else 0
        own = decisions[start : ends[n]]
        sort_by_class(classes[start : ends[n]], order, counts)
        at = ends[n] - start
        for c in range(CUT_CLASSES - 1, -1, -1):
            left, likelier = lefts[c], c >= EVEN
            rest = np.uint64(1 << PRECISION) - left
            for i in range(at - 1, at - 1 - counts[c], -1):
                if own[order[i]] == likelier:
                    state, count = push(state, np.uint64(0), left, words, count)
                else:
                    state, count = push(state, left, rest, words, count)
            at -= counts[c]
    while state:
        words[count] = np.uint32(state & np.uint64(0xFFFFFFFF))
        state, count = state >> np.uint64(32), count + 1
    return count
