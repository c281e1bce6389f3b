"""Regions of a picture grown along its weakest borders, compiled."""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled


@compiled
def grown(first, second, weight, count, scale, least):
    """Region of each pixel, int64 (count,), by one pixel's number (Felzenszwalb and Huttenlocher 2004).

    first, second: int64 (edges,), pixels that touch, weakest edges first; weight: float64 (edges,). Two regions become
    one where an edge between them is at most the strongest within either, or `scale` over its size more; then those
    of fewer than `least` pixels join a neighbour.
    """
    above, size, inner = np.arange(count), np.ones(count, np.int64), np.zeros(count)
    for turn in range(2):
        for e in range(first.size):
            i, j = first[e], second[e]
            while above[i] != i:
                above[i] = above[above[i]]
                i = above[i]
            while above[j] != j:
                above[j] = above[above[j]]
                j = above[j]
            if i == j:
                continue
            alike = weight[e] <= min(inner[i] + scale / size[i], inner[j] + scale / size[j])
            if (alike if turn == 0 else min(size[i], size[j]) < least):
                above[j] = i
                size[i] += size[j]
                inner[i] = max(inner[i], weight[e])
    found = np.empty(count, np.int64)
    for k in range(count):
        i = k
        while above[i] != i:
            i = above[i]
        found[k] = i
    return found
