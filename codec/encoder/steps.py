"""Which steps a picture gets: even error in linear light under `--tune psnr`, finer where edits show it under `edit`.

::

    psnr  offset 8, exponent 1: the same step in linear light at every level
    edit  offset 1, exponent 0: steps that go with the root of light down to 1/512 of white, as shot noise does and as
          sRGB's curve, lifted by some EV, stretches what is dark

That is within 0.1 dB of the best table of steps by level (`docs/figures.md`). But where noise is plainly seen as shot,
the JPEG shows it too and bits are few, what is coded is mostly that noise; finer steps in the dark then buy less than
they cost, and the error stays even. Where the JPEG is smooth they pay all the more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import UsageError
from ...bitstream.raw_image import RawImage
from ..mosaic.layout import Layout
from ..mosaic.noise import Profile, told
from .fit import noise
from .for_edit import best_steps
from .options import EncodeOptions, Rate
from .rate import DEFAULT_QUALITY


@dataclass(frozen=True)
class Steps:
    """Fields of the header: offset of the companding, in 1/512 of white; exponent of the step, in quarters."""

    companding: int
    exponent: int


STEPS = {"psnr": Steps(8, 4), "edit": Steps(1, 0)}

GRAINY, SHOWN = 6.0, 0.45
"""Noise as shot, of 255, from which on it is plainly seen, and the share of it that a JPEG shows that was not smoothed:
of LibRaw's renderings at least half, of cameras' own at most 0.4."""

AS_SHOT = 0.9
"""What the 99th percentile of the greens becomes as shot, of white."""

FEW_BITS, FEW_QUALITY = 1.5, 75.0
"""Bits a site, and the quality, below which the steps of such pictures stay even."""

MOST_SAMPLES = 1 << 20


def choose_steps(raw: RawImage, luma: np.ndarray, options: EncodeOptions) -> Steps:
    """Steps for a picture and its JPEG's luma, uint8 (h, w)."""
    if options.for_edit and raw.cell:
        raise UsageError("steps for one edit are found for sensors with a Bayer filter alone")
    if options.for_edit:
        return Steps(*best_steps(raw, options.for_edit, usual())[0])
    if options.tune == "edit" and _few(options.rate, raw.mosaic.size):
        grain = grain_of(raw)
        if grain > GRAINY and noise.of_picture(luma) > SHOWN * grain:
            return STEPS["psnr"]
    return STEPS[options.tune]


def usual() -> tuple[int, int]:
    """Offset and exponent where nothing else is said: what `--for-edit` is compared with."""
    return STEPS["edit"].companding, STEPS["edit"].exponent


def _few(rate: Rate, sites: int) -> bool:
    """Whether bits are few."""
    size = rate.bytes_for(sites)
    if size is None:
        return not rate.lossless and (DEFAULT_QUALITY if rate.quality is None else rate.quality) < FEW_QUALITY
    return size * 8 < FEW_BITS * sites


def grain_of(raw: RawImage, profile: Profile | None = None) -> float:
    """Noise at the median green as shot, of 255: by a profile, the RAW's own, or an estimate."""
    height, width = raw.mosaic.shape
    layout = Layout(height, width, raw.cfa)
    profile = profile or told(raw.raw_tags) or noise.estimate(raw, layout)
    black, thin = layout.per_plane(raw.black), max(1, math.isqrt(raw.mosaic.size // MOST_SAMPLES))
    greens = np.concatenate(
        [(layout.plane(raw.mosaic, k)[::thin, ::thin].ravel() - black[k]) / (raw.white - black[k]) for k in (1, 2)]
    )
    median, high = max(float(np.median(greens)), 1e-5), max(float(np.percentile(greens, 99)), 1e-6)
    base = min(max(AS_SHOT / high, 1.0), 64.0)
    light = median * base
    slope = 12.92 if light <= 0.0031308 else 1.055 / 2.4 * light ** (1 / 2.4 - 1) if light < 1 else 0.0
    return 255 * slope * base * math.sqrt(profile.mean.variance(np.array([median]))[0])
