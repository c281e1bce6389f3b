"""A global polynomial from the JPEG's colours to the RAW's values, fitted to each picture: Nguyen and Brown's idea.

R. Nguyen and M. Brown, "RAW Image Reconstruction using a Self-Contained sRGB-JPEG Image with only 64 KB Overhead", CVPR
2016: the camera's rendering is inverted by a few global maps whose parameters go into the JPEG. They fit white balance,
matrix, tone curve and gamut map one after the other; here one polynomial of red, green and blue does all of it, which
is the simplification: total degree d, products of Chebyshev polynomials, for each of the four sites of a cell its own,
fitted to all sites by least squares in linear light. Nothing tells what the JPEG has clipped or smoothed, so there is a
ceiling, which no degree lifts.

::

    JPEG --RGB at the sites--> T_i(r) T_j(g) T_k(b), i + j + k <= d --coefficients--> light, clipped to 0..1 --> DN

The body:

======  ===============================================================================
bytes   meaning
======  ===============================================================================
1       degree d, 1..`MOST`
rest    coefficients in 2^-`BITS`, site after site, `entropy.golomb`
======  ===============================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...bitstream.errors import StreamError, UsageError
from ...bitstream.raw_image import RawImage
from ...entropy.golomb import GolombReader, GolombWriter
from .base import Peer, need, number
from .clock import part
from .frame import Frame, unwrap
from .guide import RgbGuide, begin, resume

MOST = 6
BITS = 16
RIDGE = 1e-9  # of the Gram matrix's mean diagonal: for pictures of few colours
LIMIT = 1 << 30


class Polynomial(Peer):
    """`polynomial`."""

    name = "polynomial"
    guided = True
    counts = "size, CFA phase, levels, geometry, the polynomial's quantised coefficients: there is nothing else"

    def settings(self) -> Sequence[str]:
        return [f"degree={degree}" for degree in range(1, MOST + 1)]

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        degree = number(setting, "degree")
        if degree not in range(1, MOST + 1):
            raise UsageError(f"setting {setting!r}: want a whole degree from 1 to {MOST}")
        frame, guide = begin(raw, need(jpeg))
        with part("network"):
            coefficients = fit(raw.mosaic, frame, guide, int(degree))
        return frame.wrap(to_bytes(coefficients, int(degree)))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        guide = resume(need(jpeg), frame)
        coefficients, degree = from_bytes(body)
        mosaic = np.empty(frame.shape, np.uint16)
        with part("network"):
            for top, rgb in guide.bands():
                mosaic[top : top + rgb.shape[1]] = frame.dn(evaluate(coefficients, rgb, degree).clip(0, 1))
        return mosaic


def terms(degree: int) -> list[tuple[int, int, int]]:
    """Powers of red, green, blue up to a total degree."""
    all_powers = range(degree + 1)
    return [(i, j, k) for i in all_powers for j in all_powers for k in all_powers if i + j + k <= degree]


def basis(rgb: np.ndarray, degree: int) -> np.ndarray:
    """float64 (terms, n) of colours (3, n), 0..1."""
    x = 2 * rgb - 1
    powers = [np.ones_like(x), x]
    for _ in range(degree - 1):
        powers.append(2 * x * powers[-1] - powers[-2])
    return np.stack([powers[i][0] * powers[j][1] * powers[k][2] for i, j, k in terms(degree)])


def fit(mosaic: np.ndarray, frame: Frame, guide: RgbGuide, degree: int) -> np.ndarray:
    """Coefficients in 2^-`BITS`, int64 (4 sites, terms), by least squares over the whole picture."""
    count = len(terms(degree))
    gram, aim = np.zeros((4, count, count)), np.zeros((4, count))
    for top, rgb in guide.bands():
        light = frame.light(mosaic[top : top + rgb.shape[1]])
        for site in range(4):
            phi = basis(at_site(rgb, site).reshape(3, -1), degree)
            gram[site] += phi @ phi.T
            aim[site] += phi @ at_site(light, site).ravel()
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2) / count
    solution = np.linalg.solve(gram + ridge[:, None, None] * np.eye(count), aim[..., None])[..., 0]
    return np.clip(np.rint(solution * (1 << BITS)), -LIMIT, LIMIT).astype(np.int64)


def evaluate(coefficients: np.ndarray, rgb: np.ndarray, degree: int) -> np.ndarray:
    """The polynomial's values, float64 (rows, W), of colours (3, rows, W) from an even row on."""
    out = np.empty(rgb.shape[1:])
    for site in range(4):
        colours = at_site(rgb, site)
        values = coefficients[site] / (1 << BITS) @ basis(colours.reshape(3, -1), degree)
        at_site(out, site)[...] = values.reshape(colours.shape[1:])
    return out


def at_site(image: np.ndarray, site: int) -> np.ndarray:
    """The samples (..., rows, columns) of one site of the 2x2 cells, 0..3 in reading order; a view."""
    return image[..., site // 2 :: 2, site % 2 :: 2]


def to_bytes(coefficients: np.ndarray, degree: int) -> bytes:
    """The body's table."""
    out = GolombWriter()
    for row in coefficients:
        out.write(row.tolist())
    return bytes([degree]) + out.to_bytes()


def from_bytes(data: bytes) -> tuple[np.ndarray, int]:
    """Coefficients and degree; StreamError where they are damaged."""
    if not data or not 1 <= data[0] <= MOST:
        raise StreamError("the polynomial's degree is out of range")
    reader = GolombReader(data[1:])
    coefficients = np.array([reader.read(len(terms(data[0]))) for _ in range(4)], np.int64)
    reader.finish()
    if np.abs(coefficients).max() > LIMIT:
        raise StreamError("the polynomial's coefficients are out of range")
    return coefficients, data[0]
