"""A JPEG laid over a mosaic, as a picture of any part of it at any step: what the slider shows beside the RAW."""

from __future__ import annotations

import threading
from typing import Protocol

import cv2
import numpy as np

from ...bitstream.jpeg.planes import JpegPlanes
from ..guide.geometry import POSITION_BITS, Geometry
from ..isp.planes import Part

NODES = 33
"""Places a side at which the geometry is asked; between them positions are linear, to some hundredths of a pixel."""

OUTSIDE = (38, 38, 38)
"""Where the JPEG shows nothing: a dark grey."""


class Shown(Protocol):
    """Something that a part of the mosaic can be seen as."""

    def part(self, part: Part) -> np.ndarray:
        """uint8 (rows, cols, 3), sRGB, lying as the mosaic does."""


class LaidJpeg:
    """planes: of the JPEG; shape: the mosaic's that the geometry is about; sites: of it, a pixel each way."""

    def __init__(self, planes: JpegPlanes, geometry: Geometry, shape: tuple[int, int], sites: int = 1) -> None:
        self.planes, self.geometry, self.shape, self.sites = planes, geometry, shape, sites
        self._levels: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes held beside the planes."""
        return sum(level.nbytes for level in self._levels.values())

    def part(self, part: Part) -> np.ndarray:
        """uint8 (rows, cols, 3), sRGB, lying as the mosaic does."""
        ys, xs = self._positions(part)
        scale = max(1.0, abs(float(ys[-1, 0] - ys[0, 0])) / max(part.rows - 1, 1),
                    abs(float(xs[0, -1] - xs[0, 0])) / max(part.cols - 1, 1),
                    abs(float(ys[0, -1] - ys[0, 0])) / max(part.cols - 1, 1),
                    abs(float(xs[-1, 0] - xs[0, 0])) / max(part.rows - 1, 1))  # fmt: skip
        level = min(int(np.log2(scale) + 0.25), 5)
        share = np.float32(1 / (1 << level))
        ys, xs = (ys + np.float32(0.5)) * share - np.float32(0.5), (xs + np.float32(0.5)) * share - np.float32(0.5)
        low_y, low_x = int(np.floor(ys.min())) - 2, int(np.floor(xs.min())) - 2
        picture = self._rgb(level, low_y, int(ys.max()) + 4, low_x, int(xs.max()) + 4)
        if picture is None:
            return np.full((part.rows, part.cols, 3), OUTSIDE, np.uint8)
        rgb, top, left = picture
        return cv2.remap(rgb, xs - left, ys - top, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
                         borderValue=OUTSIDE)  # fmt: skip

    def _positions(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns in the JPEG of the middles of a part's pixels, float32 (rows, cols)."""
        nodes, weights = [], []
        for first, count in ((part.top, part.rows), (part.left, part.cols)):
            ends = 2 * first + part.step - 1, 2 * first + (2 * count - 1) * part.step - 1
            at = np.unique(np.rint(np.linspace(*ends, min(NODES, count + 1))).astype(np.int64))
            pixels = 2 * first + (2 * np.arange(count) + 1) * part.step - 1
            weights.append(_hats(pixels, at))
            nodes.append(at)
        rows2, cols2 = (self.sites * (at + 1) - 1 for at in nodes)
        found = self.geometry.laid(rows2, cols2, self.shape, self.planes.y.shape)
        one = float(1 << POSITION_BITS)
        ys, xs = ((weights[0] @ (v / one) @ weights[1].T).astype(np.float32) for v in found)
        return ys, xs

    def _rgb(self, level: int, top: int, bottom: int, left: int, right: int) -> tuple[np.ndarray, int, int] | None:
        """A part of the JPEG made smaller by 2^level, and where it begins; None where there is none of it."""
        height, width = (max(1, n >> level) for n in self.planes.y.shape)
        top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
        if bottom <= top or right <= left:
            return None
        if level:
            with self._lock:
                if level not in self._levels:
                    self._levels[level] = _reduced(self.planes, (width, height))
            return self._levels[level][top:bottom, left:right], top, left
        h, v = self.planes.subsampling
        top, left = top // v * v, left // h * h
        bottom, right = min(-(-bottom // v) * v, height), min(-(-right // h) * h, width)
        y = self.planes.y[top:bottom, left:right]
        if self.planes.cb is None or self.planes.cr is None:
            return np.repeat(y[..., None], 3, -1), top, left
        chroma = [_enlarged(c[top // v : -(-bottom // v), left // h : -(-right // h)], y.shape, (v, h))
                  for c in (self.planes.cb, self.planes.cr)]  # fmt: skip
        return _colours(y, *chroma), top, left


def _hats(pixels: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Weights of the nodes, linear between, at each pixel: float64 (pixels, nodes)."""
    if len(nodes) == 1:
        return np.ones((len(pixels), 1))
    low = np.clip(np.searchsorted(nodes, pixels, "right") - 1, 0, len(nodes) - 2)
    share = (pixels - nodes[low]) / (nodes[low + 1] - nodes[low])
    out = np.zeros((len(pixels), len(nodes)))
    at = np.arange(len(pixels))
    out[at, low], out[at, low + 1] = 1 - share, share
    return out


def _enlarged(chroma: np.ndarray, shape: tuple[int, ...], by: tuple[int, int]) -> np.ndarray:
    """Chroma at the places of luma, linear between."""
    if by == (1, 1):
        return chroma
    size = chroma.shape[1] * by[1], chroma.shape[0] * by[0]
    return np.ascontiguousarray(cv2.resize(chroma, size, interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]])


def _reduced(planes: JpegPlanes, size: tuple[int, int]) -> np.ndarray:
    y = cv2.resize(planes.y, size, interpolation=cv2.INTER_AREA)
    if planes.cb is None or planes.cr is None:
        return np.repeat(y[..., None], 3, -1)
    return _colours(y, *(cv2.resize(c, size, interpolation=cv2.INTER_AREA) for c in (planes.cb, planes.cr)))


def _colours(y: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> np.ndarray:
    """JFIF's Y, Cb, Cr, uint8 (h, w) each, to uint8 (h, w, 3)."""
    return np.asarray(cv2.cvtColor(cv2.merge((y, cr, cb)), cv2.COLOR_YCrCb2RGB))
