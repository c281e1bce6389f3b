"""What the developer sees of a sensor: camera RGB of a part, demosaicked, and means of blocks.

::

    Bayer mosaic -------------------------------------------------edge-directed, band by band--> camera RGB
    floating-point Bayer --as whole numbers of 16 bits----------'
    three values a pixel --as they are--------------------------------------------.
    one colour --three times------------------------------------------------------+--> `Pixels` --> camera RGB
    a filter that LibRaw knows (X-Trans, four colours) --LibRaw--> RGB a pixel ---|
    other filters (Quad-Bayer) --colour differences around each pixel-------------'

All give balanced light: 0 black, at most 1, divided by the camera's neutral.
"""

from __future__ import annotations

import io
import threading
import weakref
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ...bitstream.dng.writer import write_dng
from ...bitstream.errors import InputError
from ...bitstream.raw_image import RawImage
from .demosaic_kernels import MARGIN, edge_directed

LIBRAWS = ((1, 2), (2, 1), (2, 2), (6, 6))
"""Cells of filters that LibRaw demosaicks: rows and columns."""

LEAST_XTRANS = 512
"""Rows and columns that LibRaw wants of a cell of 6x6 (its tiles' side; it takes a smaller picture for damaged)."""

TOP = 65535
SPREAD = 0.25
"""Standard deviation of the weights by distance, of the cell's longest side: one pixel for Quad-Bayer's four."""

CODES = {"C": "GB", "M": "RB", "Y": "RG", "W": "RGB"}
"""What the other colours of filters see of red, green and blue."""


class Sensor(Protocol):
    """shape: rows and columns of the picture. own_colours: whether light is in the camera's own colours, which its
    matrices and neutral are about; else it is linear sRGB, balanced already."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def own_colours(self) -> bool: ...

    def balanced(self, top: int, bottom: int, left: int, right: int, neutral: np.ndarray) -> np.ndarray:
        """Balanced camera RGB of a part, float32 (h, w, 3)."""

    def blocks(self, neutral: np.ndarray, side: int) -> np.ndarray:
        """Means of balanced camera RGB over blocks of an even number of pixels, float32 (h, w, 3), at most `side`."""

    def greens(self) -> np.ndarray:
        """Some of the greens, 0 black, 1 white, float64: what exposure is taken from."""


def sensor_of(raw: RawImage) -> Sensor:
    """What the developer sees of a RAW. InputError for what it can't develop.

    Of a sensor other than Bayer's the whole picture is demosaicked at once; the last is kept while its mosaic lives.
    """
    if raw.cell is None and raw.levels is None:
        return Bayer(raw)
    with _lock:
        kept = _last.get("sensor")
        if kept and kept[0]() is raw.mosaic:
            return kept[1]
        found: Sensor = Bayer(_whole_numbers(raw)) if raw.cell is None else _pixels(raw)
        _last["sensor"] = weakref.ref(raw.mosaic), found
        return found


_last: dict[str, tuple[Any, Sensor]] = {}
_lock = threading.Lock()


class Bayer:
    """A Bayer mosaic of whole numbers."""

    own_colours = True

    def __init__(self, raw: RawImage) -> None:
        self.raw = raw
        height, width = raw.mosaic.shape
        self.shape = height, width

    def balanced(self, top: int, bottom: int, left: int, right: int, neutral: np.ndarray) -> np.ndarray:
        """Balanced camera RGB of a part of the mosaic, demosaicked; float32 (h, w, 3)."""
        rgb = np.empty((bottom - top, right - left, 3), np.float32)
        red = self.raw.cfa.index("R")
        red = red // 2 * 2 + (red + left) % 2
        edge_directed(self._around(top, bottom, left, right, neutral), red, top % 2, rgb)
        return rgb

    def _around(self, top: int, bottom: int, left: int, right: int, neutral: np.ndarray) -> np.ndarray:
        """A part of the mosaic with `MARGIN` around, mirrored at the borders, 0 black, at most 1; float32."""
        height, width = self.shape
        rows = _mirrored(np.arange(top - MARGIN, bottom + MARGIN), height)
        cols = _mirrored(np.arange(left - MARGIN, right + MARGIN), width)
        part = self.raw.mosaic[rows][:, cols].astype(np.float32)
        for site, colour in enumerate(self.raw.cfa):
            black, of = np.float32(self.raw.black[site]), neutral["RGB".index(colour)]
            at = np.s_[(site // 2 + top) % 2 :: 2, (site + left) % 2 :: 2]
            part[at] = np.minimum((part[at] - black) * np.float32(1 / ((self.raw.white - black) * of)), 1)
        return part

    def blocks(self, neutral: np.ndarray, side: int) -> np.ndarray:
        """Balanced camera RGB of blocks of cells, float32 (h, w, 3)."""
        h, w, rows, cols = _grid(self.shape, side)
        out = np.zeros((h, w, 3), np.float32)
        for site, colour in enumerate(self.raw.cfa):
            k = "RGB".index(colour)
            plane = self.raw.mosaic[site // 2 :: 2, site % 2 :: 2][: h * rows, : w * cols]
            mean = plane.reshape(h, rows, w, cols).mean((1, 3), dtype=np.float32) - np.float32(self.raw.black[site])
            share = np.float32(1 / ((self.raw.white - self.raw.black[site]) * neutral[k] * (2 if colour == "G" else 1)))
            out[..., k] += mean * share
        return np.minimum(out, 1)

    def greens(self) -> np.ndarray:
        """A sixteenth of one of the two greens."""
        site = self.raw.cfa.index("G")
        some = self.raw.mosaic[site // 2 :: 2, site % 2 :: 2][::4, ::4].astype(np.float64)
        return np.asarray((some - self.raw.black[site]) / (self.raw.white - self.raw.black[site]))


@dataclass(frozen=True)
class Pixels:
    """A picture of which each pixel has all colours. values: (H, W, 1 or 3); light is (value - black) scale, 0 black, 1
    white, not divided by the neutral."""

    values: np.ndarray
    black: np.ndarray
    scale: np.ndarray
    own_colours: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.values.shape[:2]
        return height, width

    def balanced(self, top: int, bottom: int, left: int, right: int, neutral: np.ndarray) -> np.ndarray:
        """Balanced camera RGB of a part, float32 (h, w, 3)."""
        part = self.values[top:bottom, left:right].astype(np.float32)
        light = (part - self.black.astype(np.float32)) * (self.scale / neutral).astype(np.float32)
        return np.minimum(light, np.float32(1))

    def blocks(self, neutral: np.ndarray, side: int) -> np.ndarray:
        """Means over blocks of an even number of pixels, as those of a Bayer mosaic of the same size."""
        h, w, rows, cols = _grid(self.shape, side)
        whole = self.values[: 2 * h * rows, : 2 * w * cols]
        mean = whole.reshape(h, 2 * rows, w, 2 * cols, -1).mean((1, 3), dtype=np.float32)
        return np.minimum((mean - self.black) * (self.scale / neutral), 1).astype(np.float32)

    def greens(self) -> np.ndarray:
        """One pixel in 64."""
        k = self.values.shape[2] // 2
        return np.asarray((self.values[::8, ::8, k].astype(np.float64) - self.black[k]) * self.scale[k])


def _whole_numbers(raw: RawImage) -> RawImage:
    """A mosaic of floating-point or moved numbers as one of 16 bits, black 0; what lies below black or above white is
    clipped."""
    black, white = raw.real_levels
    light = raw.values.astype(np.float32)
    for site in range(4):
        at = np.s_[site // 2 :: 2, site % 2 :: 2]
        light[at] = (light[at] - np.float32(black[site])) * np.float32(TOP / (white - black[site]))
    mosaic = np.rint(np.clip(np.nan_to_num(light), 0, TOP)).astype(np.uint16)
    return RawImage(mosaic, raw.cfa, (0.0,) * 4, TOP)


def _pixels(raw: RawImage) -> Pixels:
    """Three values a pixel of a sensor with a cell layout."""
    cell = raw.cell
    assert cell is not None
    black, white = raw.real_levels
    if cell.samples == 4:
        raise InputError("a RAW of four values a pixel isn't developed: decode it and open the DNG")
    if cell.samples == 3:
        if cell.colours != "RGB":
            raise InputError(f"a RAW of the values {cell.colours} a pixel isn't developed: decode it and open the DNG")
        levels = np.array([black[0], (black[1] + black[2]) / 2, black[3]])
        return Pixels(np.nan_to_num(raw.values), levels, 1 / (white - levels))
    if cell.order == "W":
        level = np.full(1, np.mean(black))
        return Pixels(np.nan_to_num(raw.values)[..., None], level, 1 / (white - level), own_colours=False)
    return _by_libraw(raw) if libraw_knows(raw) else by_differences(raw)


def libraw_knows(raw: RawImage) -> bool:
    """Whether LibRaw demosaicks a sensor's filter as what it is."""
    cell = raw.cell
    if cell is None or raw.levels or cell.samples > 1 or (cell.rows, cell.cols) not in LIBRAWS:
        return False
    return (cell.rows, cell.cols) != (6, 6) or min(raw.size) >= LEAST_XTRANS


def _by_libraw(raw: RawImage) -> Pixels:
    """LibRaw's demosaicking, which wants balanced light, with nothing clipped; four colours become sRGB there."""
    import rawpy

    from .light import Light

    assert raw.cell is not None
    own = set(raw.cell.colours) <= set("RGB")
    neutral = Light.of(raw).neutral if own else np.ones(3)
    options: dict[str, Any] = dict(
        gamma=(1, 1), no_auto_bright=True, output_bps=16, user_flip=0, adjust_maximum_thr=0.0,
        highlight_mode=rawpy.HighlightMode.Ignore,
        output_color=rawpy.ColorSpace.raw if own else rawpy.ColorSpace.sRGB,
    )  # fmt: skip
    if own:
        red, green, blue = (1 / neutral).tolist()
        options["user_wb"] = [red, green, blue, green]
    else:
        options["use_camera_wb"] = True
    with rawpy.imread(io.BytesIO(write_dng(raw, plain=True))) as file:
        values = file.postprocess(**options)
    return Pixels(values, np.zeros(3), neutral / neutral.min() / TOP, own)


def by_differences(raw: RawImage) -> Pixels:
    """Green from the greens around each pixel, red and blue by their difference from it; what a pixel measures is kept.

    For filters of any cell: means are weighted by distance over those pixels that see the colour (Knutsson and Westin,
    'Normalized and differential convolution', 1993). Without green in the filter each colour stands for itself.
    """
    from scipy.ndimage import gaussian_filter  # a sixth of a second, which other RAWs need not wait for

    cell = raw.cell
    assert cell is not None
    black, white = raw.real_levels
    level, (height, width) = float(np.mean(black)), raw.size
    light = (np.nan_to_num(raw.values).astype(np.float32) - np.float32(level)) / np.float32(white - level)
    reach = max(cell.rows, cell.cols) * SPREAD

    def seen(names: str) -> np.ndarray:
        some = np.array([c in names for c in cell.colours]).reshape(cell.rows, cell.cols)
        return np.tile(some, (-(-height // cell.rows), -(-width // cell.cols)))[:height, :width]

    def spread(values: np.ndarray, where: np.ndarray) -> np.ndarray:
        weight = where.astype(np.float32)
        near = gaussian_filter(weight, reach)
        return np.asarray(gaussian_filter(values * weight, reach) / np.maximum(near, np.float32(1e-6)))

    out, base = np.empty((height, width, 3), np.float32), np.zeros((), np.float32)
    for colour in "GRB":
        own = seen(colour)
        like = own if own.any() else seen("".join(c for c, of in CODES.items() if colour in of))
        found = base + spread(light - base, like)
        found[own] = light[own]
        out[..., "RGB".index(colour)] = found
        base = found if colour == "G" and own.any() else base
    return Pixels(out, np.zeros(3), np.ones(3), set(cell.colours) <= set("RGB"))


def _grid(shape: tuple[int, int], side: int) -> tuple[int, int, int, int]:
    """Rows and columns of blocks, and cells of 2x2 pixels in one, downwards and across."""
    cells = [n // 2 for n in shape]
    step = max(1, -(-max(cells) // side))
    h, w = (max(1, n // step) for n in cells)
    return h, w, min(step, cells[0]), min(step, cells[1])


def _mirrored(index: np.ndarray, n: int) -> np.ndarray:
    """Indices of 0 .. n - 1, mirrored about the first and the last as often as needed."""
    index = np.abs(index) % max(2 * (n - 1), 1)
    return np.minimum(index, 2 * (n - 1) - index) if n > 1 else np.zeros_like(index)
