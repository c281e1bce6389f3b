"""Lossless JPEG (ITU-T T.81, process 14, SOF3) as DNG's compression 7 wants it.

One mosaic tile is one JPEG of two interleaved components, the even and the odd columns, predictor 1 (left neighbour of
the same component), one optimal Huffman table for both: the form that every DNG reader decodes. A tile of pixels of
several values has as many components, one without a filter has one. Tile layout, of two:

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

from . import ljpeg_kernels as kernels

PRECISION = 16
MAX_CODE_LENGTH = 16
WORST_BYTES = 8
"""Bytes of a sample at most: a code and extra bits of up to 16 each, every byte of them an FF with a 00 behind it."""


def encode_tiles(tiles: Sequence[np.ndarray], components: int = 2) -> list[bytes]:
    """A lossless JPEG of each tile, uint16 (H, W), W of whole components, at most 65535 of them; decodes to exactly the
    same values. components: how many lie side by side in a row, by turns.

    The tiles share one Huffman table, which is optimal for them together.
    """
    for tile in tiles:
        if tile.dtype != np.uint16 or tile.ndim != 2 or tile.shape[1] % components or not tile.size:
            raise ValueError(f"tile is {tile.dtype} {tile.shape}, want uint16 (H, {components} n)")
    whole = [np.ascontiguousarray(tile) for tile in tiles]
    lengths = huffman_lengths(sum(kernels.count(tile, _CATEGORY, components) for tile in whole))
    codes, code_lengths = _canonical_codes(lengths).astype(np.uint32), np.array(lengths, np.uint8)
    used = sorted((length, c) for c, length in enumerate(lengths) if length)
    huffman = bytes([0, *(sum(length == n for length, _ in used) for n in range(1, 17)), *(c for _, c in used)])
    out = []
    room = np.empty(max(tile.size for tile in tiles) * WORST_BYTES + 8, np.uint8)
    for tile in whole:
        data = room[: kernels.code(tile, _CATEGORY, components, codes, code_lengths, room)].tobytes()
        height, width = tile.shape
        frame = struct.pack(">HBHHB", 8 + 3 * components, PRECISION, height, width // components, components)
        frame += bytes(n for k in range(components) for n in (k, 0x11, 0))
        scan = bytes([0, 6 + 2 * components, components, *(n for k in range(components) for n in (k, 0)), 1, 0, 0])
        out.append(b"".join([b"\xff\xd8\xff\xc3", frame, b"\xff\xc4", struct.pack(">H", len(huffman) + 2), huffman,
                             b"\xff\xda", scan, data, b"\xff\xd9"]))
    return out


def _categories() -> np.ndarray:
    """Category of each difference 0..65535 modulo 2^16, uint8."""
    d = np.arange(65536)
    return np.frexp(np.abs(np.where(d < 32768, d, d - 65536)).astype(np.float64))[1].astype(np.uint8)


_CATEGORY = _categories()


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
