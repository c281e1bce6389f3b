"""The second decoder's section BIAS (see `manual`), manual 2.17."""

import math

import numpy as np


def unbiased(picture, section, mosaic):
    """Each value put right in the mean, of a `manual_picture.Picture`."""
    scale, numbers, header = section[0], section[1:], picture.header
    assert len(numbers) == 48 and scale <= 31
    at = [0.0] + [2.0 ** (i - 15) for i in range(1, 16)]
    span = header.white - sum(header.levels) / 4
    out = mosaic.copy()
    for (row, col), d in np.ndenumerate(mosaic):
        d, site = int(d), row % 2 * 2 + col % 2
        letter = header.phase[site]
        plane = {"R": 0, "B": 3, "G": 1 if "R" in header.phase[site // 2 * 2 : site // 2 * 2 + 2] else 2}[letter]
        level = (d << picture.shift) - picture.levels[plane]
        kept = level >= math.floor(picture.span)
        if header.saturation and header.saturation[plane]:
            near = picture.saturation(plane) - (header.saturation[4 + plane] << picture.shift)
            kept = kept or level >= near
        if kept:
            continue
        v = min(max((d - header.levels[site]) / span, 0.0), 1.0)
        i = max(m for m in range(15) if at[m] <= v)
        first = 16 * "RGB".index(letter) + i
        s = [(numbers[first + n] - 128) * (math.sqrt(at[i + n] + 2.0**-9) * 2.0**-scale) for n in (0, 1)]
        shift = s[0] + (s[1] - s[0]) * ((v - at[i]) / (at[i + 1] - at[i]))
        out[row, col] = min(max(round(d + shift * span), 0), header.top)
    return out
