"""One stage's symbols to bytes and back: ANS over the shipped tables, grouped by class.

::

    symbols s, classes c  --stable sort by c-->  runs of one class
      run of class c:  s >> n  by table c (an escape at +-HALF)        n = split_bits(c)
                       n low bits, uniform
      escapes:         |s >> n| - HALF, 20 bits, uniform

The words come from constriction's ANS coder (a stack: what is encoded last is decoded first, so the encoder pushes
everything in reverse). They are stored as little-endian 32-bit words. An all-zero stage of certain classes may cost
no bytes at all: see `encode`.
"""

from __future__ import annotations

import functools

import constriction
import numpy as np

from bitstream.errors import StreamError
from entropy.ans import ESCAPE_BITS, intervals
from entropy.ans_encode import encode_symbols
from entropy.tables import ALPHABET, CLASSES, HALF, TOTAL, Tables, split_bits, table_of


@functools.cache
def _uniform(bits: int) -> object:
    return constriction.stream.model.Uniform(1 << bits)


def models(tables: Tables, kind: int) -> list[object]:
    """constriction's model of each table row. Dyadic probabilities, so that no rounding enters."""
    return [
        constriction.stream.model.Categorical(row / TOTAL, perfect=False) for row in tables.pmf[kind].astype(np.float64)
    ]


class SubstreamCoder:
    """Codes stages under one kind of tables, `TRELLIS` or `EXACT`."""

    def __init__(self, tables: Tables, kind: int) -> None:
        self._models, self._left = models(tables, kind), intervals(tables.pmf[kind])

    def encode(self, symbols: np.ndarray, classes: np.ndarray) -> bytes:
        """symbols: int32 (n,); classes: uint8 (n,), known to the decoder. No bytes where every symbol is zero."""
        return encode_symbols(symbols, classes, self._left)

    def decode(self, data: bytes, classes: np.ndarray) -> np.ndarray:
        """Symbols int32 (n,) of these classes; `StreamError` where the words do not fit them exactly."""
        out = np.zeros(len(classes), np.int32)
        if not data:
            return out
        if len(data) % 4 or not len(classes):
            raise StreamError("a substream is no whole number of words")
        order = np.argsort(classes, kind="stable")
        counts = np.bincount(classes, minlength=CLASSES)
        try:
            coder = constriction.stream.stack.AnsCoder(np.frombuffer(data, "<u4").astype(np.uint32))
        except ValueError as error:
            raise StreamError("a substream's last word is zero") from error
        runs, beyond, at = [], [], 0
        for c in np.flatnonzero(counts):
            n = split_bits(int(c))
            coarse = coder.decode(self._models[table_of(int(c))], int(counts[c])).astype(np.int32) - HALF
            fine = coder.decode(_uniform(n), int(counts[c])).astype(np.int32) if n else np.zeros(1, np.int32)
            runs.append((coarse, fine, n))
            beyond.append(at + np.flatnonzero(np.abs(coarse) == HALF))
            at += int(counts[c])
        coarse = np.concatenate([r[0] for r in runs])
        where = np.concatenate(beyond)
        if len(where):
            extra = coder.decode(_uniform(ESCAPE_BITS), len(where)).astype(np.int32)
            coarse[where] += np.sign(coarse[where]) * extra
        if not coder.is_empty():
            raise StreamError("a substream has words left over")
        at = 0
        for run, fine, n in runs:
            out[order[at : at + len(run)]] = (coarse[at : at + len(run)] << n) | fine
            at += len(run)
        return out


def ideal_bits(symbols: np.ndarray, classes: np.ndarray, bits: np.ndarray) -> float:
    """Code length under the tables, without the coder's few bytes. bits: `Tables.bits`."""
    n = np.array([split_bits(c) for c in range(CLASSES)])[classes]
    coarse = np.clip(symbols >> n, -HALF, HALF) + HALF
    escapes = (np.abs(symbols >> n) >= HALF).sum()
    return float(bits[classes, coarse].sum()) + ESCAPE_BITS * float(escapes)


assert ALPHABET <= 256
