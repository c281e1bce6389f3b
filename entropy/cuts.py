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
and there are no words. So a substream without bytes is one in which every decision is the likelier one.
"""

from __future__ import annotations

import functools

import constriction
import numpy as np

from bitstream.errors import StreamError
from entropy.tables import TOTAL

OCTAVES, FINENESS = 12, 2
EVEN = OCTAVES << FINENESS
"""Class of odds of one and a little more; from here on yes is the likelier answer."""

CUT_CLASSES = 2 * EVEN


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


@functools.cache
def _models() -> list[object]:
    pairs = [np.array([max(yes, TOTAL - yes), min(yes, TOTAL - yes)]) / TOTAL for yes in yes_of_65536().tolist()]
    return [constriction.stream.model.Categorical(pair, perfect=False) for pair in pairs]


Round = tuple[np.ndarray, np.ndarray]
"""Decisions, bool (n,), and their classes, uint8 (n,)."""


def write_cuts(rounds: list[Round]) -> bytes:
    """The rounds of a stage as a substream."""
    coder = constriction.stream.stack.AnsCoder()
    for decisions, classes in reversed(rounds):
        ordered = (decisions != (classes >= EVEN))[np.argsort(classes, kind="stable")].astype(np.int32)
        counts = np.bincount(classes, minlength=CUT_CLASSES)
        ends = np.cumsum(counts)
        for c in reversed(np.flatnonzero(counts).tolist()):
            coder.encode_reverse(np.ascontiguousarray(ordered[ends[c] - counts[c] : ends[c]]), _models()[c])
    return coder.get_compressed().astype("<u4").tobytes()


class CutReader:
    """Reads the rounds of a stage in order. Raises `StreamError` for bytes that are no words."""

    def __init__(self, data: bytes) -> None:
        self._coder = None
        if data:
            if len(data) % 4:
                raise StreamError("a substream is no whole number of words")
            try:
                self._coder = constriction.stream.stack.AnsCoder(np.frombuffer(data, "<u4").astype(np.uint32))
            except ValueError as error:
                raise StreamError("a substream's last word is zero") from error

    def read(self, classes: np.ndarray) -> np.ndarray:
        """The next round's decisions, bool (n,), given their classes, uint8 (n,)."""
        if self._coder is None:
            return classes >= EVEN
        counts = np.bincount(classes, minlength=CUT_CLASSES)
        runs = [self._coder.decode(_models()[c], int(counts[c])) for c in np.flatnonzero(counts).tolist()]
        out = np.empty(len(classes), bool)
        out[np.argsort(classes, kind="stable")] = np.concatenate(runs) != 0
        return out != (classes >= EVEN)

    def finish(self) -> None:
        """`StreamError` where words are left over."""
        if self._coder is not None and not self._coder.is_empty():
            raise StreamError("a substream has words left over")
