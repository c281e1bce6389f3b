"""Which steps a picture gets under `--tune edit`: finer where an edit would show the error.

::

    mosaic, levels, white balance --base exposure--> by level: how much the developments of `LIFTS` stretch it, w(v)
    NoiseProfile, or `fit.noise` --> variance of the noise, n(v)
    step^2 = n^a / w^(1 - a) in linear light, a = 1/2 --nearest header (offset, exponent)--> good enough? that
                                                      '--else--> section STEP over it (`codec.mosaic.step_map`)

w is the mean squared slope of sRGB at -1 to +3 EV around the base exposure, 30 % of it with a strong curve, planes by
their gains. a = 1 would be even against the noise, a = 0 least in the edited picture's mean square; half way is as good
as the latter by PSNR and better by measures of what is seen. Where noise is seen as shot and bits are few, the error is
mostly lost noise, wherever steps are: then it stays even in linear light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...bitstream.raw_image import RawImage
from ...bitstream.tiff.tiff import value_numbers
from ..mosaic.companding import A_UNIT
from ..mosaic.layout import Layout
from ..mosaic.noise import Noise, Profile, told
from ..mosaic.step_map import KNOTS, MOST, UNIT, ZERO, StepMap
from .fit import noise
from .options import EncodeOptions

COMPANDING_OFFSET, STEP_EXPONENT = 8, 4
"""Of `--tune psnr`: an error that is even in linear light."""

EVEN = 0.5
"""a: how much the steps follow the noise rather than the developments."""

LIFTS = {-1.0: 0.1, 0.0: 0.3, 1.0: 0.25, 2.0: 0.25, 3.0: 0.1}
CURVED = 0.3
FLOOR = 1e-3
"""Developments: weights by EV, and the share of them that get a curve."""

AS_SHOT = 0.9
"""What the 99th percentile of the greens becomes at the base exposure."""

OFFSETS, EXPONENTS = (1, 2, 4, 8, 16), range(5)
REFERENCE = 0.1
"""Level to which the header's step belongs, in shares of white."""

CLOSE = 0.18
"""Octaves by which a header's steps may miss the wanted ones, root mean square over the picture's levels, before a map
is written: about 0.05 dB."""

LEVELS = 4096
AS_SHOT_NEUTRAL = 50728


@dataclass(frozen=True)
class Steps:
    """What a stream says of its steps: fields of the header, and a map over them, None for none; shift: added to a
    step index for as much error in the edited picture as on others."""

    companding: int = COMPANDING_OFFSET
    exponent: int = STEP_EXPONENT
    step_map: StepMap | None = None
    shift: int = 0


def choose_steps(raw: RawImage, layout: Layout, options: EncodeOptions) -> Steps:
    """Steps for a picture at a rate."""
    if options.tune != "edit" or options.rate.lossless:
        return Steps()
    profile = told(raw.raw_tags) or noise.estimate(raw, layout)
    scene = Scene(raw, layout, profile)
    bits = (options.rate.bytes_for(raw.mosaic.size) or 0) * 8 / raw.mosaic.size
    if bits and scene.grain() > GRAINY and bits < FEW:
        return Steps()
    return scene.steps()


GRAINY, FEW = 6.0, 1.5
"""Noise as shot, of 255, at the median level, and bits a site, from which on and below which steps stay even."""


class Scene:
    """What is known of a picture by level: how often, how noisy, how much developments stretch it."""

    def __init__(self, raw: RawImage, layout: Layout, profile: Profile) -> None:
        self.gains = _gains(raw)
        self.noise: Noise = profile.mean
        span = raw.white - float(np.mean(raw.black))
        planes = [layout.plane(raw.mosaic, k)[::2, ::2] for k in range(4)]
        light = [(p.astype(np.float32) - black) / span
                 for p, black in zip(planes, layout.per_plane(raw.black), strict=True)]  # fmt: skip
        greens = np.concatenate([light[1].ravel(), light[2].ravel()])
        high = float(np.quantile(greens, 0.99)) if greens.size else 1.0
        self.base = min(max(math.log2(AS_SHOT / max(high, 1e-6)), 0.0), 6.0)
        self.levels = np.concatenate([p.ravel() for p in light])
        self.median = float(np.median(greens)) if greens.size else REFERENCE

    def grain(self) -> float:
        """Noise at the median level as shot, of 255."""
        v = np.array([max(self.median, 1e-5)])
        slope = _slope(v * 2**self.base, False)[0] * 2**self.base
        return 255 * float(slope * np.sqrt(self.noise.variance(v))[0])

    def shown(self, v: np.ndarray) -> np.ndarray:
        """w: mean squared slope of the developments at levels, over the planes."""
        total = np.zeros_like(v)
        for ev, weight in LIFTS.items():
            for gain in self.gains:
                by = gain * 2 ** (self.base + ev)
                for curved, share in ((False, 1 - CURVED), (True, CURVED)):
                    total += weight * share / len(self.gains) * (by * _slope(v * by, curved)) ** 2
        return np.maximum(total, FLOOR * total.max())

    def wanted(self, v: np.ndarray) -> np.ndarray:
        """Steps in linear light at levels, their scale is nobody's."""
        variance = np.maximum(self.noise.variance(v), 1e-12)
        return np.asarray(np.sqrt(variance**EVEN / self.shown(v) ** (1 - EVEN)))

    def steps(self) -> Steps:
        """The header that is nearest to the wanted steps, and a map where that is not near enough."""
        grid = np.geomspace(2.0**-13, 1.0, 113)
        aim = _smooth(np.log2(self.wanted(grid)))
        share, _ = np.histogram(np.clip(self.levels, grid[0], 1.0), np.append(grid, 1.1))
        share = np.sqrt(share / max(share.sum(), 1)) + 1e-4
        share = share / share.sum()
        found = []
        for offset in OFFSETS:
            for exponent in EXPONENTS:
                miss = aim - np.log2(_header_steps(grid, offset, exponent))
                miss = miss - float((share * miss).sum())
                found.append((float(np.sqrt((share * miss**2).sum())), offset, exponent))
        missed, offset, exponent = min(found)
        if missed <= CLOSE:
            return Steps(offset, exponent)
        offset = self.offset()
        at = np.log2(np.maximum(KNOTS, 2.0**-12))
        wanted = np.interp(at, np.log2(grid), aim) - np.log2(_header_steps(2.0**at, offset, 0))
        reference = np.interp(math.log2(REFERENCE), at, wanted)
        numbers = np.clip(np.rint(UNIT * (wanted - reference)) + ZERO, 0, MOST).astype(int)
        return Steps(offset, 0, StepMap(tuple(int(n) for n in numbers)))

    def offset(self) -> int:
        """Companding that makes the noise about even."""
        a = self.noise.offset / max(self.noise.scale, 1e-9) / A_UNIT
        return min(OFFSETS, key=lambda offset: abs(math.log2(offset / max(a, 0.5))))


def _header_steps(v: np.ndarray, offset: int, exponent: int) -> np.ndarray:
    """Steps in linear light that a header gives, 1 at `REFERENCE`."""
    return np.asarray(((v + offset * A_UNIT) / (REFERENCE + offset * A_UNIT)) ** (0.5 - exponent / 8))


def _smooth(values: np.ndarray) -> np.ndarray:
    """Mean over an octave."""
    padded = np.pad(values, 4, "edge")
    return np.convolve(padded, np.full(9, 1 / 9), "valid")


def _slope(x: np.ndarray, curved: bool) -> np.ndarray:
    """Slope of sRGB's curve at linear light x, an S of slope 2.5 behind it or not; none beyond white."""
    inside = np.clip(x, 0, 1)
    slope = np.where(inside <= 0.0031308, 12.92, 1.055 / 2.4 * np.maximum(inside, 1e-9) ** (1 / 2.4 - 1))
    if curved:
        value = np.where(inside <= 0.0031308, 12.92 * inside, 1.055 * inside ** (1 / 2.4) - 0.055)
        slope = slope * 2.5 / math.tanh(2.5) * (1 - np.tanh(5 * (value - 0.5)) ** 2)
    return np.where(x < 1, slope, 0.0)


def _gains(raw: RawImage) -> tuple[float, ...]:
    """What the as-shot white balance makes of R, G, B, green by 1."""
    tag = raw.ifd0_tags.get(AS_SHOT_NEUTRAL)
    values = value_numbers(tag) if tag else []
    if len(values) != 3 or not np.isfinite(values).all() or min(values) <= 0:
        return (1.0,)
    return tuple(min(max(float(values[1] / v), 0.25), 8.0) for v in values)
