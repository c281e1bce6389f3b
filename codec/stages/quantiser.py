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

import numpy as np

CODES = {2: (0o5, 0o2), 3: (0o13, 0o4), 4: (0o23, 0o4), 5: (0o45, 0o10), 6: (0o103, 0o24)}
"""h0 and h1 by the logarithm of the number of states."""

DEFAULT_STATES = 3

QUARTER = 16
"""What a value lies above its symbol, in 1/64 of a step, where nothing better is known."""


def quantisers(symbols: np.ndarray, states: int) -> np.ndarray:
    """Which quantiser is in use at each place, int32 0 (A) or 1 (B).

    symbols: int32 (..., n), a chain along the last axis; states: logarithm of the number of states, of `CODES`.
    """
    h0, h1 = (h >> 1 for h in CODES[states])
    out = np.empty(symbols.shape, np.int32)
    state = np.zeros(symbols.shape[:-1], np.int32)
    for j in range(symbols.shape[-1]):
        out[..., j] = state & 1
        state = state >> 1 ^ h0 * (state & 1) ^ h1 * (symbols[..., j] & 1)
    return out


@dataclass(frozen=True)
class Trellis:
    """Arcs of one code. Each state is entered by two arcs; arrays are (2, states), by arc first."""

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
