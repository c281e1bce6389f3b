"""A mosaic at a fraction of its size: means by colour of blocks of sites, in the root of light.

Nothing here need be exact: pictures are made of it, not symbols.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled


@compiled
def block_roots(mosaic, colours, black, scale, step, out):
    """Means of signed roots of balanced light by blocks of step x step sites.

    mosaic: uint16 (h step, w step), beginning at an even row and column of the picture. colours: int64 (4,), 0 R, 1 G,
    2 B by site; black, scale: float32 (4,), a site's light is (DN - black) scale, at most 1. step: even. out: float32
    (h, w, 3). At a step of 2 red and blue are had in the middle of the block, linear between its own site and those of
    the next blocks; at larger ones the half site that they lie beside it is not seen.
    """
    h, w, _ = out.shape
    one = np.float32(1)
    for i in range(h):
        for j in range(w):
            sums, counts = np.zeros(3, np.float32), np.zeros(3, np.float32)
            for y in range(step):
                for x in range(step):
                    site = y % 2 * 2 + x % 2
                    c = colours[site]
                    if step == 2 and c != 1:
                        at_i = min(max(i + (1 if y == 0 else -1), 0), h - 1)
                        at_j = min(max(j + (1 if x == 0 else -1), 0), w - 1)
                        own = _root(mosaic[2 * i + y, 2 * j + x], black[site], scale[site], one)
                        down = _root(mosaic[2 * at_i + y, 2 * j + x], black[site], scale[site], one)
                        across = _root(mosaic[2 * i + y, 2 * at_j + x], black[site], scale[site], one)
                        both = _root(mosaic[2 * at_i + y, 2 * at_j + x], black[site], scale[site], one)
                        sums[c] += (9 * own + 3 * down + 3 * across + both) / np.float32(16)
                    else:
                        sums[c] += _root(mosaic[step * i + y, step * j + x], black[site], scale[site], one)
                    counts[c] += one
            for c in range(3):
                out[i, j, c] = sums[c] / max(counts[c], one)


@compiled
def _root(value, black, scale, most):
    light = min((np.float32(value) - black) * scale, most)
    return np.sqrt(light) if light >= 0 else -np.sqrt(-light)


@compiled
def signed_roots(light, step, out):
    """Means of signed roots of light by blocks of step x step pixels. light: float32 (h step, w step, 3); out: float32
    (h, w, 3)."""
    h, w, _ = out.shape
    share = np.float32(1 / (step * step))
    for i in range(h):
        for j in range(w):
            for c in range(3):
                total = np.float32(0)
                for y in range(step):
                    for x in range(step):
                        v = light[step * i + y, step * j + x, c]
                        total += np.sqrt(v) if v >= 0 else -np.sqrt(-v)
                out[i, j, c] = total * share
