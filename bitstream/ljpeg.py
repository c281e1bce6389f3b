"""Lossless JPEG (ITU-T T.81, process 14, SOF3) as DNG's compression 7 wants it.

One mosaic tile is one JPEG of two interleaved components, the even and the odd columns, predictor 1 (left neighbour of
the same component), one optimal Huffman table for both: the form that every DNG reader decodes. Tile layout:

======= ===================================================================================================
segment content
======= ===================================================================================================
SOI     FF D8
SOF3    precision 16, height, width / 2, components 0 and 1, each 1x1
DHT     class 0, table 0: numbers of codes of length 1..16, then the categories by ascending length
SOS     components 0 and 1 with table 0, predictor 1, no point transform; one scan
data    per sample: code of the category, then that many bits; FF is followed by 00; padded with 1 bits
EOI     FF D9
======= ===================================================================================================

A sample's difference d from its prediction, modulo 2^16 in -32768..32767, has category c = bit length of |d|, and extra
bits d (d > 0) or d - 1 (d < 0), the low c of them; category 16 is -32768 alone and has none.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

PRECISION = 16
MAX_CODE_LENGTH = 16


def encode_tiles(tiles: Sequence[np.ndarray]) -> list[bytes]:
    """A lossless JPEG of each tile, uint16 (H, W), W even, at most 65535 x 131070; decodes to exactly the same values.

    The tiles share one Huffman table, which is optimal for them together.
    """
    for tile in tiles:
        if tile.dtype != np.uint16 or tile.ndim != 2 or tile.shape[1] % 2 or not tile.size:
            raise ValueError(f"tile is {tile.dtype} {tile.shape}, want uint16 (H, even W)")
    differences = [_differences(tile) for tile in tiles]
    counts = sum(np.bincount(d, minlength=65536) for d in differences)
    lengths = huffman_lengths(np.bincount(_CATEGORY, counts, minlength=17).astype(np.int64))
    value_table = _canonical_codes(lengths)[_CATEGORY] << _EXTRA_LENGTH | _EXTRA
    length_table = (np.asarray(lengths)[_CATEGORY] + _EXTRA_LENGTH).astype(np.uint64)
    used = sorted((length, c) for c, length in enumerate(lengths) if length)
    huffman = bytes([0, *(sum(length == n for length, _ in used) for n in range(1, 17)), *(c for _, c in used)])
    out = []
    for tile, difference in zip(tiles, differences, strict=True):
        data = _join_bits(value_table.take(difference), length_table.take(difference)).replace(b"\xff", b"\xff\0")
        height, width = tile.shape
        frame = struct.pack(">HBHHB", 14, PRECISION, height, width // 2, 2) + bytes([0, 0x11, 0, 1, 0x11, 0])
        scan = bytes([0, 10, 2, 0, 0, 1, 0, 1, 0, 0])
        out.append(b"".join([b"\xff\xd8\xff\xc3", frame, b"\xff\xc4", struct.pack(">H", len(huffman) + 2), huffman,
                             b"\xff\xda", scan, data, b"\xff\xd9"]))
    return out


def _differences(tile: np.ndarray) -> np.ndarray:
    """intp (H * W): each sample less its prediction, modulo 2^16 and as 0..65535, in scan order."""
    d = np.empty_like(tile)
    np.subtract(tile[:, 2:], tile[:, :-2], out=d[:, 2:])
    np.subtract(tile[1:, :2], tile[:-1, :2], out=d[1:, :2])
    d[0, :2] = tile[0, :2] - np.uint16(1 << (PRECISION - 1))
    return d.ravel().astype(np.intp)


def _difference_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Category, number of extra bits and the extra bits (uint64) of each difference 0..65535 modulo 2^16."""
    d = np.arange(65536)
    signed = np.where(d < 32768, d, d - 65536)
    category = np.frexp(np.abs(signed).astype(np.float64))[1].astype(np.intp)
    extra_length = np.where(category == 16, 0, category)
    extra = (signed - (signed < 0)) & ((1 << extra_length) - 1)
    return category, extra_length.astype(np.uint64), extra.astype(np.uint64)


_CATEGORY, _EXTRA_LENGTH, _EXTRA = _difference_tables()


def huffman_lengths(counts: np.ndarray) -> list[int]:
    """Code lengths (0 for unused symbols) that are optimal under JPEG's rules: at most 16 bits, no code of all ones.

    Package-merge over the used symbols and one that stands for the all-ones code.
    """
    used = [(int(n), (s,)) for s, n in enumerate(counts) if n]
    coins = sorted([(0, (-1,)), *used])
    packages: list[tuple[int, tuple[int, ...]]] = []
    for _ in range(MAX_CODE_LENGTH):
        merged = sorted(coins + packages, key=lambda p: p[0])
        packages = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(merged[::2], merged[1::2], strict=False)]
    lengths = [0] * len(counts)
    for _, symbols in merged[: 2 * len(coins) - 2]:
        for s in symbols:
            if s >= 0:
                lengths[s] += 1
    return lengths


def _canonical_codes(lengths: list[int]) -> np.ndarray:
    """The codes that a decoder derives from a DHT segment: by length, then by symbol."""
    codes = np.zeros(len(lengths), np.uint64)
    code, last = 0, 0
    for length, symbol in sorted((n, s) for s, n in enumerate(lengths) if n):
        code <<= length - last
        codes[symbol] = code
        code, last = code + 1, length
    return codes


def _join_bits(values: np.ndarray, bits: np.ndarray) -> bytes:
    """The low `bits` (1..32) bits of `values` (both uint64, of even count) in one row, padded with ones to a byte."""
    values = values[0::2] << bits[1::2] | values[1::2]  # pairs still fit into 64 bits, and halve the work below
    bits = bits[0::2] + bits[1::2]
    ends = np.cumsum(bits)
    total = int(ends[-1])
    ends -= bits  # the starts, from here on
    word, offset = (ends >> _SIX).view(np.int64), ends & _LOW_SIX
    values <<= _WORD - bits
    words = np.zeros((total >> 6) + 2, np.uint64)
    first = np.flatnonzero(word[1:] != word[:-1]) + 1  # no word is left out: no pair is longer than one
    words[: first.size + 1] = np.bitwise_or.reduceat(values >> offset, np.concatenate([[0], first]))
    last = np.append(first, word.size) - 1
    last = last[offset[last] + bits[last] > _WORD]
    words[word[last] + 1] |= values[last] << (_WORD - offset[last])
    data = bytearray(words.astype(">u8").tobytes()[: (total + 7) >> 3])
    data[-1] |= (1 << (-total % 8)) - 1
    return bytes(data)


_SIX, _LOW_SIX, _WORD = np.uint64(6), np.uint64(63), np.uint64(64)
