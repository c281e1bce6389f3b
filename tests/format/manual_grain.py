"""The second decoder's grain (see `manual`), manual 2.10."""

import math

import numpy as np
from manual_container import Bytes

WORD = (1 << 64) - 1


def philox(key, counter):
    """Four numbers of 64 bits."""
    c = [counter >> 64 * i & WORD for i in range(4)]
    k = [key & WORD, key >> 64]
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [second >> 64 ^ c[1] ^ k[0], second & WORD, first >> 64 ^ c[3] ^ k[1], first & WORD]
        k = [k[0] + 0x9E3779B97F4A7C15 & WORD, k[1] + 0xBB67AE8584CAA73B & WORD]
    return c


def power(n, unit):
    octave, rest = divmod(n, unit)
    value, root, bit = 1.0, 2.0, unit // 2
    while bit:
        root = math.sqrt(root)
        value *= root if rest & bit else 1
        bit //= 2
    return value * 2.0**octave


def read_noise(section):
    reader = Bytes(section)
    profile = [reader.number(2) for _ in range(8)]
    missing = [reader.number(1) for _ in range(48)]
    taps = reader.number(1), reader.number(1)
    assert reader.at == len(section)
    return profile, missing, taps


def grained(header, section, mosaic):
    """The mosaic with grain."""
    _, missing, (across, down) = read_noise(section)
    height, width = mosaic.shape
    key = int.from_bytes(header.binding, "little")
    g = []
    for r in range(-2, height + 2):
        drawn = [n for i in range(-(-(width + 4) // 4)) for n in philox(key, ((r + 2) << 64) + i + 1)]
        g.append([sum(n.to_bytes(8, "little")) - 1020 for n in drawn[: width + 4]])
    g = np.array(g, object)
    g1 = 256 * g[:, 2:-2] + across * (g[:, :-4] + g[:, 4:])
    whole = 256 * g1[2:-2] + down * (g1[:-4] + g1[4:])
    n = 43690.0 * (65536 + 2 * across**2) * (65536 + 2 * down**2)
    span = header.white - sum(header.levels) / 4
    at = [0.0] + [2.0 ** (i - 15) for i in range(1, 16)]
    out = mosaic.copy()
    for r in range(height):
        for c in range(width):
            site = r % 2 * 2 + c % 2
            colour = "RGB".index(header.phase[site])
            rows = [r + d if 0 <= r + d < height else r for d in (-2, 0, 2)]
            cols = [c + d if 0 <= c + d < width else c for d in (-2, 0, 2)]
            total = sum(int(mosaic[i, j]) for i in rows for j in cols)
            v = (total / 9 - header.levels[site]) / span
            i = max([m for m in range(15) if at[m] <= v], default=0)
            squares = [power(m - 255, 16) ** 2 if m else 0.0 for m in missing[16 * colour + i : 16 * colour + i + 2]]
            s = (min(max(v, 0.0), 1.0) - at[i]) / (at[i + 1] - at[i])
            d = squares[0] + (squares[1] - squares[0]) * s
            x = int(mosaic[r, c]) + math.sqrt(d / n) * span * int(whole[r, c])
            out[r, c] = min(max(round(x), 0), header.top)
    return out
