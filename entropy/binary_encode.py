"""Yes-or-no decisions to bytes, and what they cost: the encoder's side of `entropy.binary`."""

from __future__ import annotations

import numpy as np

from ..bitstream.runtime.jit import compiled
from ..bitstream.runtime.profile import timed
from .ans import PRECISION, sort_by_class
from .ans_encode import push
from .binary import EVEN, LEFT, SPLIT_CLASSES, yes_of_65536
from .tables import TOTAL

Round = tuple[np.ndarray, np.ndarray]
"""Decisions, bool (n,), and their classes, uint8 (n,)."""


def decision_bits() -> np.ndarray:
    """Code length of no and yes by class, float64 (SPLIT_CLASSES, 2)."""
    yes = yes_of_65536() / TOTAL
    return -np.log2(np.stack([1 - yes, yes], 1))


@timed("entropy")
def write_splits(rounds: list[Round]) -> bytes:
    """The rounds of a stage as a substream."""
    decisions = np.concatenate([d for d, _ in rounds]) if rounds else np.empty(0, np.bool_)
    classes = np.concatenate([c for _, c in rounds]) if rounds else np.empty(0, np.uint8)
    ends = np.cumsum([len(d) for d, _ in rounds], dtype=np.int64)
    words = np.empty(len(decisions) + 2, np.uint32)
    return words[: _write(decisions, classes, ends, LEFT, words)].astype("<u4").tobytes()


@compiled
def _write(decisions, classes, ends, lefts, words):
    """Words of rounds that end at `ends`; how many there are."""
    state, count = np.uint64(0), 0
    order = np.empty(len(classes), np.int32)
    counts = np.empty(SPLIT_CLASSES, np.int64)
    for n in range(len(ends) - 1, -1, -1):
        start = ends[n - 1] if n else 0
        own = decisions[start : ends[n]]
        sort_by_class(classes[start : ends[n]], order, counts)
        at = ends[n] - start
        for c in range(SPLIT_CLASSES - 1, -1, -1):
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
