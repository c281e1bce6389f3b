"""Camera RGB to the display, pixel by pixel: matrix, local tone, curve, saturation; a 3-D table behind it."""

from __future__ import annotations

import math

import numpy as np

from ...bitstream.runtime.jit import compiled


@compiled
def render(
    rgb, matrix, slopes, rests, top, height, gains, darkest, brightest, logs, log_top, curve, white, saturation, out
):  # fmt: skip
    """Display values 0..1 of a band of camera RGB, both float32 (h, w, 3).

    matrix: float32 (3, 3), camera RGB to linear sRGB, exposure included. slopes, rests: float32 (n, m), the base
    layer's coefficients over the whole picture, of which the band is rows `top` on of `height`; gains: float32, by
    base layer from darkest to brightest, empty for none; logs: float32, log2 of light from 0 to log_top, evenly in its
    root. curve: float32, display by root of light from 0 to white. saturation: factor of the distance from grey.
    """
    h, w, _ = rgb.shape
    n, m = slopes.shape
    last, entries = curve.size - 1, gains.size - 1
    per_root = np.float32(last / math.sqrt(white))
    per_log = np.float32((logs.size - 1) / math.sqrt(log_top))
    darkest, per_base = np.float32(darkest), np.float32(entries / (brightest - darkest))
    for i in range(h):
        y = min(max((top + i + 0.5) * n / height - 0.5, 0.0), n - 1.0)
        y0 = min(int(y), max(n - 2, 0))
        y1, fy = min(y0 + 1, n - 1), np.float32(y - y0)
        for j in range(w):
            p = rgb[i, j]
            r = matrix[0, 0] * p[0] + matrix[0, 1] * p[1] + matrix[0, 2] * p[2]
            g = matrix[1, 0] * p[0] + matrix[1, 1] * p[1] + matrix[1, 2] * p[2]
            b = matrix[2, 0] * p[0] + matrix[2, 1] * p[1] + matrix[2, 2] * p[2]
            if entries > 0:
                x = min(max((j + 0.5) * m / w - 0.5, 0.0), m - 1.0)
                x0 = min(int(x), max(m - 2, 0))
                x1, fx = min(x0 + 1, m - 1), np.float32(x - x0)
                above = slopes[y0, x0] + fx * (slopes[y0, x1] - slopes[y0, x0])
                below = slopes[y1, x0] + fx * (slopes[y1, x1] - slopes[y1, x0])
                slope = above + fy * (below - above)
                above = rests[y0, x0] + fx * (rests[y0, x1] - rests[y0, x0])
                below = rests[y1, x0] + fx * (rests[y1, x1] - rests[y1, x0])
                rest = above + fy * (below - above)
                light = np.float32(0.2126729) * r + np.float32(0.7151522) * g + np.float32(0.0721750) * b
                base = slope * _shown(light, logs, per_log, logs.size - 1) + rest
                place = min(max((base - darkest) * per_base, np.float32(0)), np.float32(entries))
                low = min(int(place), entries - 1)
                gain = gains[low] + (gains[low + 1] - gains[low]) * (place - np.float32(low))
                r, g, b = r * gain, g * gain, b * gain
            r, g = _shown(r, curve, per_root, last), _shown(g, curve, per_root, last)
            b = _shown(b, curve, per_root, last)
            grey = np.float32(0.2126) * r + np.float32(0.7152) * g + np.float32(0.0722) * b
            into = out[i, j]
            into[0] = min(max(grey + saturation * (r - grey), np.float32(0)), np.float32(1))
            into[1] = min(max(grey + saturation * (g - grey), np.float32(0)), np.float32(1))
            into[2] = min(max(grey + saturation * (b - grey), np.float32(0)), np.float32(1))


@compiled
def _shown(light, curve, per_root, last):
    """A table by the root of light, linear between."""
    place = min(np.sqrt(max(light, np.float32(0))) * per_root, np.float32(last))
    low = min(int(place), last - 1)
    return curve[low] + (curve[low + 1] - curve[low]) * (place - np.float32(low))


@compiled
def look_up(picture, table, low, high):
    """A 3-D table on display values in place, trilinear. picture: float32 (h, w, 3); table: float32 (n, n, n, 3), by
    red, green, blue, over low to high, float32 (3,) each."""
    n = table.shape[0]
    last = np.float32(n - 1)
    per = last / (high - low)
    zero = np.float32(0)
    for i in range(picture.shape[0]):
        for j in range(picture.shape[1]):
            p = picture[i, j]
            x = min(max((p[0] - low[0]) * per[0], zero), last)
            y = min(max((p[1] - low[1]) * per[1], zero), last)
            z = min(max((p[2] - low[2]) * per[2], zero), last)
            r, g, b = min(int(x), n - 2), min(int(y), n - 2), min(int(z), n - 2)
            x, y, z = x - np.float32(r), y - np.float32(g), z - np.float32(b)
            for c in range(3):
                v = table[r, g, b, c] + z * (table[r, g, b + 1, c] - table[r, g, b, c])
                w = table[r, g + 1, b, c] + z * (table[r, g + 1, b + 1, c] - table[r, g + 1, b, c])
                near = v + y * (w - v)
                v = table[r + 1, g, b, c] + z * (table[r + 1, g, b + 1, c] - table[r + 1, g, b, c])
                w = table[r + 1, g + 1, b, c] + z * (table[r + 1, g + 1, b + 1, c] - table[r + 1, g + 1, b, c])
                far = v + y * (w - v)
                p[c] = min(max(near + x * (far - near), zero), np.float32(1))


@compiled
def to_whole(picture, most, out):
    """Display values 0..1 to whole numbers 0..most, rounded; most: 255 or 65535; out: uint8 or uint16, same shape."""
    for i in range(picture.shape[0]):
        for j in range(picture.shape[1]):
            for c in range(3):
                out[i, j, c] = int(picture[i, j, c] * most + np.float32(0.5))
