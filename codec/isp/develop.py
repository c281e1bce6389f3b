"""A mosaic developed: the project's one developer, in whole pictures.

::

    mosaic --`codec.isp.sensor`: black, white, / neutral, clipped, demosaicked--> camera RGB
           --matrix, 2^exposure--> linear sRGB --local tone, curve, saturation--> display --grid of a look, 3-D table-->
           8 or 16 bit

Bands of rows, one a core; `codec.isp.modules_torch` has the same steps as differentiable modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.parallel import in_parallel
from . import local
from .colour import luminance, srgb_from_balanced
from .cube import Cube
from .grid import Grid
from .grid_kernels import through_grid
from .light import Light
from .render_kernels import look_up, render, to_whole
from .sensor import sensor_of
from .settings import Settings
from .tone import ToneCurve, contrast_table, exposure_for, plain

BAND = 128
"""Rows at once: what is in work, some 30 bytes a pixel, stays within the cores' caches and small."""


@dataclass(frozen=True)
class Rendering:
    """How light becomes a picture before any slider: exposure in EV, then a curve, then distance from grey.

    `codec.isp.shown` finds the one of a JPEG; `plain_rendering` needs none.
    """

    exposure: float
    curve: ToneCurve
    saturation: float = 1.0


def plain_rendering(raw: RawImage) -> Rendering:
    """Brightened so that the 99th percentile of the greens stands at 0.9 of white, and sRGB's curve."""
    return Rendering(exposure_for(sensor_of(raw).greens()), plain())


@dataclass(frozen=True)
class Layer:
    """One look of a mix: its share, how light becomes a picture before it, and grids and tables, in turn, behind."""

    weight: float
    rendering: Rendering
    grids: tuple[Grid | Cube, ...] = ()


@dataclass(frozen=True)
class Layers:
    """looks: mixed on the display by their weights, none: the developer's rendering. exposed: EV by place."""

    looks: tuple[Layer, ...] = ()
    exposed: local.Exposed | None = None


class Developer:
    """Develops one RAW under any settings. rendering: of neutral settings. InputError for a sensor that it does not
    know."""

    def __init__(self, raw: RawImage, rendering: Rendering | None = None) -> None:
        self.raw, self.sensor = raw, sensor_of(raw)
        self.light = Light.of(raw) if self.sensor.own_colours else Light(np.ones(3), ())
        self.rendering = rendering or plain_rendering(raw)

    def neutral(self, settings: Settings) -> np.ndarray:
        """The camera's colours of what is to be grey, float64 (3,), the largest 1."""
        if settings.temperature is None and settings.tint is None:
            return self.light.neutral
        shot = self.light.as_shot() or (5500.0, 0.0)
        kelvin = shot[0] if settings.temperature is None else settings.temperature
        return self.light.neutral_for(kelvin, shot[1] if settings.tint is None else settings.tint)

    def matrix(self, settings: Settings, exposure: float | None = None) -> np.ndarray:
        """Balanced camera RGB to linear sRGB with the exposure in it, float32 (3, 3). exposure: EV instead of the
        rendering's."""
        kelvin = settings.temperature
        if kelvin is None:
            shot = self.light.as_shot()
            kelvin = shot[0] if shot else None
        matrix = self.light.daylight() if kelvin is None else self.light.matrix(kelvin)
        gain = 2.0 ** ((self.rendering.exposure if exposure is None else exposure) + settings.exposure)
        return np.asarray(srgb_from_balanced(matrix) * gain, np.float32)

    def small(self, settings: Settings, side: int = local.SIDE) -> np.ndarray:
        """Linear sRGB of blocks of cells, float32 (h, w, 3), no side longer than `side`; exposure included."""
        return self.blocks(self.neutral(settings), side) @ self.matrix(settings).T

    def picture(
        self, settings: Settings | None = None, cube: Cube | None = None, bits: int = 8, layers: Layers | None = None
    ) -> np.ndarray:
        """sRGB, uint8 or uint16 (H, W, 3), lying as the mosaic does (`turn` turns it). bits: 8 or 16.

        layers: looks instead of the rendering, and local exposure.
        """
        settings = settings or Settings()
        height, width = self.sensor.shape
        layers = layers or Layers()
        neutral = self.neutral(settings)
        steps = [self._layer(layer, settings, neutral, layers.exposed)
                 for layer in layers.looks or (Layer(1.0, self.rendering),)]  # fmt: skip
        out = np.empty((height, width, 3), np.uint8 if bits == 8 else np.uint16)

        def band(top: int) -> None:
            bottom = min(top + BAND, height)
            rgb = self.balanced(top, bottom, 0, width, neutral)
            shown = rgb if len(steps) == 1 else np.empty_like(rgb)
            mixed = rgb if len(steps) == 1 else np.zeros_like(rgb)
            for weight, before, after, grids in steps:
                render(rgb, *before, top, height, *after, shown)
                for grid in grids:
                    if isinstance(grid, Cube):
                        look_up(shown, grid.table, grid.low, grid.high)
                    else:
                        through_grid(shown, grid.cells.reshape(*grid.cells.shape[:3], 12), top, height)
                if len(steps) > 1:
                    mixed += np.float32(weight) * shown
            if cube is not None:
                look_up(mixed, cube.table, cube.low, cube.high)
            to_whole(mixed.clip(0, 1) if len(steps) > 1 else mixed, np.float32(255 if bits == 8 else 65535),
                     out[top:bottom])  # fmt: skip

        for _ in in_parallel(band, range(0, height, BAND)):
            pass
        return out

    def _layer(
        self, layer: Layer, settings: Settings, neutral: np.ndarray, exposed: local.Exposed | None
    ) -> tuple[float, tuple[Any, ...], tuple[Any, ...], tuple[Grid | Cube, ...]]:
        """Weight, what `render` takes before and behind a band's place, and the grids."""
        matrix = self.matrix(settings, layer.rendering.exposure)
        gains, slopes, rests = np.zeros(0, np.float32), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)
        if settings.local or exposed is not None:
            light = luminance(self.blocks(neutral, local.SIDE) @ matrix.T)
            if exposed is None:
                gains, (slopes, rests) = local.gains(settings), local.coefficients(light)
            else:
                gains, (slopes, rests) = local.AS_TOLD, local.combined(light, settings, exposed)
        curve = layer.rendering.curve.then(contrast_table(settings.contrast))
        saturation = np.float32(layer.rendering.saturation * (1 + settings.saturation / 100))
        after = (gains, local.DARKEST, local.BRIGHTEST, local.LOGS, local.LOG_TOP, curve.table, curve.top, saturation)
        return layer.weight, (matrix, slopes, rests), after, layer.grids

    def balanced(self, top: int, bottom: int, left: int, right: int, neutral: np.ndarray) -> np.ndarray:
        """Camera RGB of a part of the picture, demosaicked, 0 black, at most 1 at its sites; float32 (h, w, 3)."""
        return self.sensor.balanced(top, bottom, left, right, neutral)

    def blocks(self, neutral: np.ndarray, side: int) -> np.ndarray:
        """Balanced camera RGB of blocks of cells, float32 (h, w, 3)."""
        return self.sensor.blocks(neutral, side)
