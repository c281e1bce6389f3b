"""One stage's symbols to bytes and back by constriction's ANS coder: a second opinion on `entropy.ans`."""

import functools

import constriction
import numpy as np
from rawinlay.bitstream.errors import StreamError
from rawinlay.entropy.ans import ESCAPE_BITS
from rawinlay.entropy.tables import CLASSES, HALF, TOTAL, split_bits, table_of


@functools.cache
def uniform(bits):
    return constriction.stream.model.Uniform(1 << bits)


def runs_of(classes):
    """Classes that occur, ascending, with how often."""
    counts = np.bincount(classes, minlength=CLASSES)
    return [(int(c), int(counts[c])) for c in np.flatnonzero(counts)]


class ConstrictionCoder:
    """Codes stages under one kind of tables, `TRELLIS` or `EXACT`, as `entropy.ans` describes it."""

    def __init__(self, tables, kind):
        # Dyadic probabilities, so that no rounding enters.
        self._models = [
            constriction.stream.model.Categorical(row / TOTAL, perfect=False) for row in tables.pmf[kind].astype(float)
        ]

    def encode(self, symbols, classes):
        """symbols: int32 (n,); classes: uint8 (n,)."""
        if not symbols.any():
            return b""
        coder = constriction.stream.stack.AnsCoder()
        runs = [(symbols[classes == c], c, split_bits(c)) for c, _ in runs_of(classes)]
        coarse = np.concatenate([run >> n for run, _, n in runs])
        escapes = np.abs(coarse[np.abs(coarse) >= HALF]) - HALF
        if len(escapes):
            coder.encode_reverse(np.minimum(escapes, (1 << ESCAPE_BITS) - 1).astype(np.int32), uniform(ESCAPE_BITS))
        for run, c, n in reversed(runs):
            if n:
                coder.encode_reverse((run & ((1 << n) - 1)).astype(np.int32), uniform(n))
            coded = np.clip(run >> n, -HALF, HALF) + HALF
            coder.encode_reverse(coded.astype(np.int32), self._models[table_of(c)])
        return coder.get_compressed().astype("<u4").tobytes()

    def decode(self, data, classes):
        """Symbols int32 (n,) of these classes; `StreamError` where the words do not fit them exactly."""
        out = np.zeros(len(classes), np.int32)
        if not data:
            return out
        if len(data) % 4 or not len(classes):
            raise StreamError("a substream is no whole number of words")
        try:
            coder = constriction.stream.stack.AnsCoder(np.frombuffer(data, "<u4").astype(np.uint32))
        except ValueError as error:
            raise StreamError("a substream's last word is zero") from error
        coarse, fine, split = [], [], []
        for c, count in runs_of(classes):
            n = split_bits(c)
            coarse.append(coder.decode(self._models[table_of(c)], count).astype(np.int32) - HALF)
            fine.append(coder.decode(uniform(n), count).astype(np.int32) if n else np.zeros(count, np.int32))
            split.append(np.full(count, n, np.int32))
        coarse, fine, split = (np.concatenate(parts) for parts in (coarse, fine, split))
        beyond = np.flatnonzero(np.abs(coarse) == HALF)
        if len(beyond):
            extra = coder.decode(uniform(ESCAPE_BITS), len(beyond)).astype(np.int32)
            coarse[beyond] += np.sign(coarse[beyond]) * extra
        if not coder.is_empty():
            raise StreamError("a substream has words left over")
        out[np.argsort(classes, kind="stable")] = (coarse << split) | fine
        return out
