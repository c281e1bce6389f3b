# mypy: no-check-untyped-defs
"""The inner loops of `bitstream.dng.ljpeg`: differences, their categories counted, and their codes in a row of bits."""

from __future__ import annotations

import numpy as np

from ..runtime.jit import compiled

HALF = 1 << 15


@compiled
def _differences(tile, i, apart, out):
    """Row i of a tile less its prediction, modulo 2^16: the value so far to the left; in front, the one above."""
    row = tile[i]
    for j in range(apart):
        out[j] = row[j] - (tile[i - 1, j] if i else np.uint16(HALF))
    for j in range(apart, row.size):
        out[j] = row[j] - row[j - apart]


@compiled
def count(tile, category, apart):
    """How often each category occurs in a tile, uint16 (H, W): int64 (17,). category: uint8 (65536,); apart: how many
    components there are."""
    difference = np.empty(tile.shape[1], np.uint16)
    even, odd = np.zeros(17, np.int64), np.zeros(17, np.int64)
    for i in range(tile.shape[0]):
        _differences(tile, i, apart, difference)
        for j in range(0, difference.size - 1, 2):  # two counters: one waits for its own last write
            even[category[difference[j]]] += 1
            odd[category[difference[j + 1]]] += 1
        if difference.size % 2:
            even[category[difference[-1]]] += 1
    return even + odd


@compiled
def code(tile, category, apart, codes, lengths, out):
    """The scan of a tile into out, uint8, 8 bytes a sample and 8 more; returns the bytes that it takes.

    codes: uint32 (17,); lengths: uint8 (17,), of the categories.
    """
    difference = np.empty(tile.shape[1], np.uint16)
    bits, held, at = np.uint64(0), 0, 0  # the lowest `held` bits, below 32, are still to be written
    for i in range(tile.shape[0]):
        _differences(tile, i, apart, difference)
        for d in difference:
            c = category[d]
            extra = np.int64(c) if c < 16 else 0
            # Of a negative difference, one less: its low bits are those of its ones' complement.
            rest = np.uint64(d - (d >> np.uint16(15))) & np.uint64((1 << extra) - 1)
            n = lengths[c] + extra
            bits = (bits << np.uint64(n)) | (np.uint64(codes[c]) << np.uint64(extra)) | rest
            held += n
            if held >= 32:
                held -= 32
                word = np.uint32(bits >> np.uint64(held))
                for shift in (24, 16, 8, 0):
                    byte = np.uint8(word >> np.uint32(shift))
                    out[at] = byte
                    at += 1
                    if byte == 255:
                        out[at] = 0
                        at += 1
    while held > 0:
        pad = max(0, 8 - held)
        byte = np.uint8(((bits << np.uint64(pad)) | np.uint64((1 << pad) - 1)) >> np.uint64(held + pad - 8))
        held -= 8
        out[at] = byte
        at += 1
        if byte == 255:
            out[at] = 0
            at += 1
    return at
