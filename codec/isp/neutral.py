"""A small neutral picture of a mosaic, in whole numbers throughout: the same bytes on every machine.

Levels, the camera's white balance, blocks of CFA cells averaged instead of demosaicked, the colour matrix, brightened
until one pixel in a hundred is white as LibRaw does, the sRGB curve. No tone curve, gain map or lens correction.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...bitstream.raw_image import RawImage, TiffValue
from ...bitstream.tiff.tiff import value_numbers
from .colour import srgb_encode

COLOR_MATRIX_1, COLOR_MATRIX_2, AS_SHOT_NEUTRAL, AS_SHOT_WHITE_XY = 50721, 50722, 50728, 50729
D65 = Fraction(3127, 10000), Fraction(3290, 10000)
XYZ_FROM_SRGB = ((4125, 3576, 1804), (2127, 7152, 722), (193, 1192, 9502))  # 1/10000, D65

MOST_PIXELS = 19_199
"""RawTherapee fits no tone curve to a preview of less than 160 x 120 pixels (its histmatching.cc), but develops as it
does a RAW without a preview. A neutral picture is no model for such a fit."""

ONE = 1 << 16  # white, in the fixed point of the values
UNIT = 1 << 12  # 1, in the fixed point of gains and matrix
LEVEL_UNIT = 1024  # black levels to 1/1024 DN, as the header has them
MOST_GAIN = 64
SATURATED = Fraction(15, 16)  # of white: some sensors' greens end below their white level, and skies would turn pink
WHITE_SHARE, BRIGHTEST = 100, 8  # a pixel in so many ends white; by at most this factor

Matrix = list[list[Fraction]]


def neutral_picture(raw: RawImage) -> np.ndarray:
    """uint8 (h, w, 3), sRGB, of at most `MOST_PIXELS` pixels, lying as the mosaic does (not turned)."""
    gains = [min(round(UNIT / (part * SATURATED)), MOST_GAIN * UNIT) for part in _neutral(raw)]
    light = np.minimum(_light(raw) * np.array(gains, np.int64) // UNIT, ONE)
    mixed = light @ np.array([[round(x * UNIT) for x in row] for row in _srgb_from_camera(raw)], np.int64).T
    rgb = np.clip(mixed // UNIT, 0, ONE)
    peaks = np.sort(rgb.max(-1), axis=None)
    white = max(int(peaks[-1 - len(peaks) // WHITE_SHARE]), ONE // BRIGHTEST)
    return _curve()[np.minimum(rgb * ONE // white, ONE) >> 4]


def _light(raw: RawImage) -> np.ndarray:
    """R, G, B of blocks of cells, int64 (h, w, 3), black 0 and white `ONE`."""
    height, width = (n // 2 for n in raw.mosaic.shape)
    side = 1
    while max(1, height // side) * max(1, width // side) > MOST_PIXELS:
        side += 1
    rows, cols = min(side, height), min(side, width)
    h, w = height // rows, width // cols
    out, parts = np.zeros((h, w, 3), np.int64), {"R": 1, "G": 2, "B": 1}
    for site, colour in enumerate(raw.cfa):
        plane = raw.mosaic[site // 2 :: 2, site % 2 :: 2][: h * rows, : w * cols]
        total = plane.reshape(h, rows, w, cols).sum((1, 3), dtype=np.int64)
        black, count = round(raw.black[site] * LEVEL_UNIT), rows * cols
        span = max(raw.white * LEVEL_UNIT - black, 1) * count
        out[..., "RGB".index(colour)] += (total * LEVEL_UNIT - black * count) * ONE // span // parts[colour]
    return np.clip(out, 0, ONE)


def _curve() -> np.ndarray:
    """The sRGB curve (IEC 61966-2-1) from 0 .. `ONE` >> 4 to uint8."""
    value = np.arange((ONE >> 4) + 1) / (ONE >> 4)
    # No entry is near enough to a half for a machine to matter.
    return np.round(255 * srgb_encode(value)).astype(np.uint8)


def _neutral(raw: RawImage) -> list[Fraction]:
    """What the camera saw as grey, the largest 1: as shot, else daylight by the colour matrix, else all 1."""
    given = _numbers(raw.ifd0_tags.get(AS_SHOT_NEUTRAL), 3)
    if given is None:
        matrix = _colour_matrix(raw)
        x, y = _numbers(raw.ifd0_tags.get(AS_SHOT_WHITE_XY), 2) or D65
        if matrix is not None and y > 0:
            given = [sum((m * v for m, v in zip(row, (x, y, 1 - x - y), strict=True)), Fraction()) for row in matrix]
    if given is None or min(given) <= 0:
        return [Fraction(1)] * 3
    return [part / max(given) for part in given]


def _colour_matrix(raw: RawImage) -> Matrix | None:
    """XYZ to camera; of two the second, which belongs to daylight."""
    values = _numbers(raw.ifd0_tags.get(COLOR_MATRIX_2) or raw.ifd0_tags.get(COLOR_MATRIX_1), 9)
    return [values[k : k + 3] for k in (0, 3, 6)] if values else None


def _srgb_from_camera(raw: RawImage) -> Matrix:
    """White-balanced camera RGB to linear sRGB, grey staying grey; the identity without a usable colour matrix."""
    identity = [[Fraction(int(i == j)) for j in range(3)] for i in range(3)]
    matrix = _colour_matrix(raw)
    if matrix is None:
        return identity
    camera = [
        [sum((row[k] * XYZ_FROM_SRGB[k][j] for k in range(3)), Fraction()) / 10_000 for j in range(3)] for row in matrix
    ]
    if any(abs(sum(row, Fraction())) < Fraction(1, 1000) for row in camera):
        return identity
    a, b, c = ([x / sum(row) for x in row] for row in camera)
    columns = [_cross(b, c), _cross(c, a), _cross(a, b)]
    determinant = sum((x * y for x, y in zip(a, columns[0], strict=True)), Fraction())
    if not determinant:
        return identity
    inverse = [[columns[j][i] / determinant for j in range(3)] for i in range(3)]
    return inverse if max(abs(x) for row in inverse for x in row) <= MOST_GAIN else identity


def _cross(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    return [a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3] for k in range(3)]


def _numbers(tag: TiffValue | None, count: int) -> list[Fraction] | None:
    """A tag's numbers, exactly; None where there are not `count` finite ones."""
    values = value_numbers(tag) if tag else []
    if len(values) != count or not np.isfinite(values).all():
        return None
    return [Fraction(value) for value in values]
