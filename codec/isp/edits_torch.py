"""Random developments for training: what photographers do to a RAW, as numbers of `codec.isp.modules_torch`.

================  =======================================================================================
exposure          2^N(0, 0.75^2) about the base exposure; one in five a lift of +1 to +4 EV
white balance     the picture's own light moved by N(0, 60) mired and N(0, 8) of tint
curve             filmic shoulders 1 to 6, S or its inverse, times a random monotone polynomial
local tone        a smooth bilateral grid of +-1.5 EV, one in three
colours           a smooth table of 9^3 entries around the identity, one in two
denoising         strengths up to twice the noise of the middle tones, one in three
================  =======================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from . import colour
from . import modules_torch as modules
from .light import Light
from .tone import contrast_table, filmic

SPREAD_EV, LIFTS = 0.75, (1.0, 4.0)
MIRED, TINT = 60.0, 8.0
GRID = (8, 12, 12)
CUBE = 9


@dataclass(frozen=True)
class Development:
    """Numbers of one development. gains: (3,), of the balanced colours; matrix: (3, 3); grid, cube: or None."""

    exposure: float
    gains: Tensor
    matrix: Tensor
    curve: Tensor
    top: float
    saturation: float = 1.0
    denoise: float = 0.0
    grid: Tensor | None = None
    cube: Tensor | None = None


def draw(rng: np.random.Generator, light: Light, base: float, noise: float = 0.0) -> Development:
    """A random development of a picture. base: its base exposure, EV; noise: sigma of the middle tones, 0..1."""
    lifted = rng.random() < 0.2
    ev = base + (rng.uniform(*LIFTS) if lifted else rng.normal(0, SPREAD_EV))
    shot = light.as_shot() or (5500.0, 0.0)
    mired = np.clip(1e6 / shot[0] + rng.normal(0, MIRED), 1e6 / colour.MOST_KELVIN, 1e6 / colour.LEAST_KELVIN)
    kelvin = float(1e6 / mired)
    wanted = light.neutral_for(kelvin, float(np.clip(shot[1] + rng.normal(0, TINT), -150, 150)))
    matrix = light.matrix(kelvin)
    curve = filmic(float(rng.choice([1.0, rng.uniform(1.2, 6)])))
    curve = curve.then(contrast_table(float(rng.uniform(-40, 100)))).then(_polynomial(rng))
    return Development(
        exposure=float(ev),
        gains=torch.tensor(light.neutral / wanted, dtype=torch.float32),
        matrix=torch.tensor(colour.srgb_from_balanced(matrix), dtype=torch.float32),
        curve=torch.tensor(curve.table),
        top=curve.top,
        saturation=float(np.clip(rng.normal(1.05, 0.2), 0, 2)),
        denoise=float(2 * noise * rng.random()) if rng.random() < 1 / 3 else 0.0,
        grid=_smooth(rng, (1, *GRID), 1.5) if rng.random() < 1 / 3 else None,
        cube=_cube(rng) if rng.random() < 1 / 2 else None,
    )


class Develop(nn.Module):
    """Planes (B, 4, h, w), balanced as shot, 0 black and 1 white of each colour, to sRGB (B, 3, 2h, 2w)."""

    def __init__(self, cfa: str = "RGGB") -> None:
        super().__init__()
        self.demosaic = modules.Demosaic(cfa)
        self.denoise, self.colour, self.exposure = modules.Denoise(), modules.Colour(), modules.Exposure()
        self.local, self.tone = modules.LocalTone(), modules.Tone()
        self.saturation, self.table = modules.Saturation(), modules.Table3d()

    def forward(self, planes: Tensor, how: Development) -> Tensor:
        """One development of every picture of the batch."""
        rgb = self.demosaic(planes) * how.gains.to(planes)[:, None, None]
        if how.denoise:
            rgb = self.denoise(rgb, how.denoise)
        linear = self.exposure(self.colour(rgb, how.matrix.to(planes)), how.exposure)
        if how.grid is not None:
            linear = self.local(linear, how.grid.to(planes)[None])
        display = self.saturation(self.tone(linear, how.curve.to(planes), how.top), how.saturation)
        return display if how.cube is None else self.table(display, how.cube.to(planes))


def _polynomial(rng: np.random.Generator) -> np.ndarray:
    """A monotone curve of the display's range whose ends stay: the integral of a squared random polynomial of degree 3,
    mixed with the identity."""
    x = np.linspace(0, 1, 512)
    slope = np.polyval(rng.normal(0, 1, 4), 2 * x - 1) ** 2
    area = np.concatenate([[0], np.cumsum((slope[1:] + slope[:-1]) / 2)])
    share = rng.uniform(0, 0.35)
    return np.asarray((1 - share) * x + share * area / max(area[-1], 1e-9))


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], most: float) -> Tensor:
    """Smooth random numbers within +-most: few random corners, interpolated."""
    corners = torch.tensor(rng.uniform(-most, most, (1, 1, 3, 3, 3)), dtype=torch.float32)
    return torch.nn.functional.interpolate(corners, size=shape[1:], mode="trilinear", align_corners=True)[0]


def _cube(rng: np.random.Generator) -> Tensor:
    """A smooth table around the identity: each channel moved by up to 0.08, grey a little."""
    ramp = torch.linspace(0, 1, CUBE)
    identity = torch.stack(torch.meshgrid(ramp, ramp, ramp, indexing="ij"), -1)
    moved = torch.stack([_smooth(rng, (1, CUBE, CUBE, CUBE), 0.08)[0] for _ in range(3)], -1)
    return (identity + moved).clamp(0, 1)
