"""The inner loops of `codec.alignment`: brightness of cells, smaller pictures, blocks of two pictures without tones.

Nothing here need be exact: the encoder sends the geometry that it finds.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled


@compiled
def light(mosaic, black, weight, out):
    """Square roots of the weighted sum of each 2x2 cell's light, into out, float32 (h, w).

    mosaic: uint16 (>= 2 h, >= 2 w); black, weight: float32 (4,) by site.
    """
    b0, b1, b2, b3 = black[0], black[1], black[2], black[3]
    w0, w1, w2, w3 = weight[0], weight[1], weight[2], weight[3]
    for i in range(out.shape[0]):
        above, below, into = mosaic[2 * i], mosaic[2 * i + 1], out[i]
        for j in range(into.size):
            total = (np.float32(above[2 * j]) - b0) * w0 + (np.float32(above[2 * j + 1]) - b1) * w1
            total += (np.float32(below[2 * j]) - b2) * w2 + (np.float32(below[2 * j + 1]) - b3) * w3
            into[j] = np.sqrt(max(total, np.float32(0)))


@compiled
def shrink(image, factor, out):
    """Means of factor x factor samples into out, float32 (h, w); image has at least factor h x factor w."""
    line = np.empty(out.shape[1] * factor, np.float32)
    share = np.float32(1.0 / (factor * factor))
    for i in range(out.shape[0]):
        line[:] = 0
        for k in range(factor):
            row = image[i * factor + k]
            for x in range(line.size):
                line[x] += row[x]
        into = out[i]
        for j in range(into.size):
            total = np.float32(0)
            for k in range(factor):
                total += line[j * factor + k]
            into[j] = total * share


@compiled
def box(image, side, out):
    """Means of side x side samples at every place where they fit, float32 (h - side + 1, w - side + 1)."""
    width = image.shape[1]
    columns = np.zeros(width, np.float64)
    share = 1.0 / (side * side)
    for i in range(side - 1):
        for x in range(width):
            columns[x] += image[i, x]
    for i in range(out.shape[0]):
        new, old, into = image[i + side - 1], image[i], out[i]
        for x in range(width):
            columns[x] += new[x]
        total = 0.0
        for x in range(side - 1):
            total += columns[x]
        for x in range(into.size):
            total += columns[x + side - 1]
            into[x] = total * share
            total -= columns[x]
        for x in range(width):
            columns[x] -= old[x]


@compiled
def without_tones(image, radius, high, power):
    """The image less its local mean, and the local mean square of that, both float32 of the size of the image's inside.

    Local is within `radius`; the inside begins 2 radius from the edges.
    """
    height, width = image.shape
    side = 2 * radius + 1
    mean = np.empty((height - 2 * radius, width - 2 * radius), np.float32)
    box(image, side, mean)
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            mean[i, j] = image[i + radius, j + radius] - mean[i, j]
    for i in range(high.shape[0]):
        for j in range(high.shape[1]):
            high[i, j] = mean[i + radius, j + radius]
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            mean[i, j] *= mean[i, j]
    box(mean, side, power)


@compiled
def _found(place, i, j):
    """Where sample (i, j) of the first picture lies in the second; see `lay`."""
    v, u = i * place[0] + place[1], j * place[2] + place[3]
    if place[19]:
        v, u = v - place[4], u - place[5]
        r = np.sqrt(v * v + u * u)
        growth = 1 + r * (place[6] + r * (place[7] + r * (place[8] + r * place[9])))
        v, u = v * growth + place[4], u * growth + place[5]
    w = max(1 + place[14] * v + place[15] * u, 0.125)
    y = (place[10] * v + place[11] * u) / w + place[16]
    x = (place[12] * v + place[13] * u) / w + place[17]
    half = (place[18] - 1) / 2
    return (y - half) / place[18], (x - half) / place[18]


@compiled
def lay(small, place, top, left, bottom, right, out, valid):
    """The second picture at samples from (top, left) on of the first, linearly, into out, float32 (n, m).

    place: float64 (20,), rows' step and start, columns' step and start in `codec.guide.projection`'s v, the lens's
    centre and k1 to k4, linear 4 in JPEG px, vanish 2, middle 2, JPEG px to a sample of `small`, and whether there is a
    lens. Samples beyond the first picture, bottom and right being its size, are its edge's. valid: bool (n, m), where
    the second picture has something.
    """
    height, width = small.shape
    for i in range(out.shape[0]):
        at = min(max(top + i, 0), bottom - 1)
        for j in range(out.shape[1]):
            y, x = _found(place, at, min(max(left + j, 0), right - 1))
            valid[i, j] = y >= 0 and y <= height - 1 and x >= 0 and x <= width - 1
            y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
            row, col = min(int(y), height - 2), min(int(x), width - 2)
            down, across = np.float32(y - row), np.float32(x - col)
            above, below = small[row], small[row + 1]
            upper = above[col] + (above[col + 1] - above[col]) * across
            lower = below[col] + (below[col + 1] - below[col]) * across
            out[i, j] = upper + (lower - upper) * down


@compiled
def blocks(first, small, place, corners, radius, high, power, valid):
    """Blocks of both pictures without their tones, at corners int64 (n, 2) of the first.

    small, place: as in `lay`. Into high and power, float32 (2, n, size, size), and valid, bool (n, size, size).
    """
    n, size = valid.shape[0], valid.shape[1]
    edge = 2 * radius
    side = size + 2 * edge
    one, two = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    there = np.empty((side, side), np.bool_)
    height, width = first.shape
    for b in range(n):
        top, left = corners[b, 0] - edge, corners[b, 1] - edge
        for i in range(side):
            row = first[min(max(top + i, 0), height - 1)]
            for j in range(side):
                one[i, j] = row[min(max(left + j, 0), width - 1)]
        lay(small, place, top, left, height, width, two, there)
        without_tones(one, radius, high[0, b], power[0, b])
        without_tones(two, radius, high[1, b], power[1, b])
        for i in range(size):
            for j in range(size):
                valid[b, i, j] = there[i + edge, j + edge]
