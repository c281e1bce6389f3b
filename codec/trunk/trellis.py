"""Trellis-coded quantisation: two interleaved quantisers, and a finite state that says which one is in use.

::

    quantiser A     values m + 1/4, in steps          quantiser B = -A: values -(m + 1/4)
    chain (a row of a stage):  m_0, m_1, ...  --parities m & 1 through a convolutional code-->  A or B at each place

Together the two have values at every half step; the code keeps sequences of values far apart, so that at equal bytes
the error is 0.5 to 1 dB less than with one quantiser (Marcellin & Fischer 1990). A and B being mirror images, ``m`` has
the same distribution in both (Kasner, Marcellin & Hunt 1999, "universal" TCQ; JPEG 2000 part 2): which is in use need
not be known to choose probabilities, so a whole stage is decoded at once, as without a trellis.

The code is Ungerboeck's (1982) of rate 1/2 in systematic feedback form. With parities p and quantisers z (0 A, 1 B) as
power series in the delay D over GF(2), chain by chain, beginning in state 0: ``h0(D) z = h1(D) p``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codec.trunk.codes import CODES

if TYPE_CHECKING:
    import torch

QUARTER = 16
"""What a value lies above its symbol, in 1/64 of a step, where nothing better is known."""

RESCALE = 64
"""Places of a chain after which its costs are brought down again, so that float32 keeps their differences."""


def quantiser(symbols: torch.Tensor, states: int) -> torch.Tensor:
    """Which quantiser is in use at each place, int32 0 (A) or 1 (B).

    symbols: int32 (..., n), a chain along the last axis; states: logarithm of the number of states, of `CODES`. The
    division by h0 is a product of shifts: 1 / h0 = h0(D) h0(D^2) h0(D^4) .. / h0(D^(2^k)), and h0(D^n) is 1 in n
    places.
    """
    h0, h1 = CODES[states]
    parity = symbols & 1
    out = parity & 0
    n = parity.shape[-1]
    for i in range(1, states + 1):
        if h1 >> i & 1 and i < n:
            out[..., i:] ^= parity[..., :-i]
    reach = 1
    while reach < n:
        before = out.clone()
        for i in range(1, states + 1):
            if h0 >> i & 1 and i * reach < n:
                out[..., i * reach :] ^= before[..., : -i * reach]
        reach *= 2
    return out


@dataclass(frozen=True)
class Trellis:
    """Arcs of one code. Each state is entered by two arcs; arrays are (states, 2), or (2, states) by arc first."""

    source: np.ndarray
    """State that an arc leaves, int64 (2, states)."""
    label: np.ndarray
    """Quantiser and parity of an arc, 2 z + p, int64 (2, states)."""

    @classmethod
    @functools.cache
    def of(cls, states: int) -> Trellis:
        """The trellis of the code with 2^states states."""
        h0, h1 = CODES[states]
        into: list[list[tuple[int, int]]] = [[] for _ in range(1 << states)]
        for state in range(1 << states):
            z = state & 1
            for parity in (0, 1):
                following = state >> 1 ^ (h0 >> 1 if z else 0) ^ (h1 >> 1 if parity else 0)
                into[following].append((state, 2 * z + parity))
        arcs = np.array(into, np.int64)
        return cls(np.ascontiguousarray(arcs[:, :, 0].T), np.ascontiguousarray(arcs[:, :, 1].T))


def cheapest(cost: np.ndarray, states: int) -> np.ndarray:
    """The cheapest path of each chain (Viterbi 1967): label 2 z + p of every place, uint8 (n, chains).

    cost: float32 (n, 4, chains), of the best symbol of quantiser z and parity p at [:, 2 z + p].
    """
    trellis = Trellis.of(states)
    length, _, chains = cost.shape
    count = 1 << states
    total = np.full((count, chains), np.float32(1e30))
    total[0] = 0
    second = np.empty((length, count, chains), np.bool_)
    first_way, second_way = np.empty_like(total), np.empty_like(total)
    arc = np.empty_like(total)
    for t in range(length):  # "clip" spares numpy a copy; nothing is out of range
        np.take(total, trellis.source[0], 0, first_way, "clip")
        np.take(cost[t], trellis.label[0], 0, arc, "clip")
        first_way += arc
        np.take(total, trellis.source[1], 0, second_way, "clip")
        np.take(cost[t], trellis.label[1], 0, arc, "clip")
        second_way += arc
        np.less(second_way, first_way, out=second[t])
        np.minimum(first_way, second_way, out=total)
        if t % RESCALE == RESCALE - 1:
            total -= total.min(0)
    state = total.argmin(0)
    labels = np.empty((length, chains), np.uint8)
    every = np.arange(chains)
    for t in range(length - 1, -1, -1):
        way = second[t, state, every].astype(np.int64)
        labels[t] = trellis.label[way, state]
        state = trellis.source[way, state]
    return labels
