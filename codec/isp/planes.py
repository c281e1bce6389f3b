"""A RAW as planes that somebody else develops further: `view`'s page, on the GPU of whoever looks.

::

    mosaic --balanced, demosaicked--> camera RGB --signed root, mean by step x step--> float16 planes
    planes --square--> what `codec.isp.develop.Developer` multiplies by its matrix

Means are taken in the root of light, in which a picture's curve is nearly straight: the mean of a developed picture and
the developed mean are then the same to a fraction of 1/255.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.parallel import in_parallel
from .develop import BAND, Developer
from .planes_kernels import block_roots, signed_roots
from .sensor import Bayer

DEMOSAICKED = 2
"""Largest step at which each pixel is demosaicked first: beyond, blocks hold enough sites of each colour."""


@dataclass(frozen=True)
class Part:
    """A rectangle of the mosaic in steps: its first row and column, multiples of step, and how many pixels; a pixel
    stands for step x step sites. The last ones may reach beyond the mosaic."""

    top: int
    left: int
    rows: int
    cols: int
    step: int

    @classmethod
    def holding(cls, box: tuple[int, int, int, int], step: int, shape: tuple[int, ...]) -> Part:
        """The least that holds a box (row, column, rows, columns) of a mosaic of `shape`; step 1 or even."""
        unit = max(step, 2)
        top, left = (max(v, 0) // unit * unit for v in box[:2])
        bottom, right = (min(a + n, side) for a, n, side in zip(box[:2], box[2:], shape, strict=True))
        return cls(top, left, max(1, -(-(bottom - top) // step)), max(1, -(-(right - left) // step)), step)

    @property
    def sites(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right in sites."""
        return self.top, self.left, self.top + self.rows * self.step, self.left + self.cols * self.step


def planes(developer: Developer, neutral: np.ndarray, part: Part, quick: bool = False) -> np.ndarray:
    """Signed roots of balanced camera RGB, float16 (rows, cols, 3).

    neutral: what is divided by, float64 (3,). quick: no demosaicking, from a step of 2 on.
    """
    out = np.empty((part.rows, part.cols, 3), np.float16)
    sensor = developer.sensor
    sites = sensor.raw if isinstance(sensor, Bayer) and part.step > 1 else None
    if part.step <= DEMOSAICKED and not quick:
        sites = None
    height = max(1, BAND // part.step)

    def band(first: int) -> None:
        rows = min(height, part.rows - first)
        found = np.empty((rows, part.cols, 3), np.float32)
        top, left, _, right = part.sites
        top += first * part.step
        bottom = top + rows * part.step
        if sites is None:
            signed_roots(_demosaicked(developer, neutral, (top, bottom, left, right)), part.step, found)
        else:
            block_roots(*_sites(sites, neutral, (top, bottom, left, right)), part.step, found)
        out[first : first + rows] = found

    for _ in in_parallel(band, range(0, part.rows, height)):
        pass
    return out


def _demosaicked(developer: Developer, neutral: np.ndarray, sides: tuple[int, int, int, int]) -> np.ndarray:
    """Balanced camera RGB between sides, the last row and column repeated beyond the mosaic."""
    top, bottom, left, right = sides
    height, width = developer.sensor.shape
    rgb = developer.balanced(top, min(bottom, height), left, min(right, width), neutral)
    beyond = bottom - top - rgb.shape[0], right - left - rgb.shape[1]
    return np.pad(rgb, ((0, beyond[0]), (0, beyond[1]), (0, 0)), mode="edge") if any(beyond) else rgb


def _sites(
    raw: RawImage, neutral: np.ndarray, sides: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The mosaic between sides, the colours of its sites, their black levels and factors."""
    top, bottom, left, right = sides
    height, width = raw.mosaic.shape
    part = raw.mosaic[top : min(bottom, height), left : min(right, width)]
    if part.shape != (bottom - top, right - left):
        rows, cols = (_within(a, b, n) for a, b, n in ((top, bottom, height), (left, right, width)))
        part = raw.mosaic[rows][:, cols]
    colours = np.array(["RGB".index(c) for c in raw.cfa])
    black = np.array(raw.black, np.float32)
    return np.ascontiguousarray(part), colours, black, (1 / ((raw.white - black) * neutral[colours])).astype("f4")


def _within(first: int, last: int, size: int) -> np.ndarray:
    """Indices whose parity stays, of a side that ends at `size`."""
    at = np.arange(first, last)
    return np.where(at < size, at, np.maximum(size - 1 - (at - (size - 1)) % 2, 0))
