"""Steps for one development: those under which it shows the least error at equal bits.

::

    patches of the RAW, whole and with an error as large as steps make it --`isp.develop`--> squared difference
    mean logarithm of the steps --> bits, as far as these go with it                       --> decibel at equal bits

`encode --for-edit` takes the best of some steps that the header has room for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...bitstream.raw_image import RawImage
from ..isp.settings import Settings

PATCH, DOWN, ACROSS = 96, 4, 5
"""Side in sites of the patches that are developed, and how many."""

SHARE = 1 / 400
"""The error at a tenth of white, in shares of white: small against what a curve bends, large against rounding."""

OFFSETS, EXPONENTS = (1, 2, 4, 8, 16), (0, 2, 4, 6, 8)
"""Steps that are tried: offset of the companding and exponent, as the header has them."""

REFERENCE = 0.1


def patches(raw: RawImage) -> RawImage:
    """The RAW as a grid of pieces of it, spread over the picture."""
    (h, w), side = raw.mosaic.shape, PATCH
    if h <= DOWN * side or w <= ACROSS * side:
        return raw
    rows, cols = ([round(i * (n - side) / (count - 1)) // 2 * 2 for i in range(count)]
                  for n, count in ((h, DOWN), (w, ACROSS)))  # fmt: skip
    return replace(raw, mosaic=np.block([[raw.mosaic[r : r + side, c : c + side] for c in cols] for r in rows]))


def linear_steps(light: np.ndarray, offset: int, exponent: int) -> np.ndarray:
    """Steps in linear light at levels, shares of white, against the one at `REFERENCE`."""
    a = offset / 512
    slope = np.sqrt((REFERENCE + a) / (np.maximum(light, 0) + a))  # of the companding
    return np.asarray(slope ** (exponent / 4 - 1))


def loss_under(raw: RawImage, settings: Settings) -> Callable[[int, int], float]:
    """Error in dB that a development shows, at equal bits, under an offset and an exponent."""
    from ..isp.develop import Developer, plain_rendering  # SciPy comes with it, which other encodings do without

    part, rendering = patches(raw), plain_rendering(raw)
    span = raw.white - float(np.mean(raw.black))
    black = np.empty(part.mosaic.shape, np.float32)
    for site in range(4):
        black[site // 2 :: 2, site % 2 :: 2] = raw.black[site]
    light = (part.mosaic - black) / span
    drawn = np.random.default_rng(0).standard_normal(light.shape)

    def picture(mosaic: np.ndarray) -> np.ndarray:
        developer = Developer(replace(part, mosaic=mosaic), rendering)
        return developer.picture(settings, bits=16).astype(np.float64)

    # Scaled up, so that whole DN don't round small errors away.
    scale = max(1, 65535 // max(int(part.mosaic.max()), raw.white, 1))
    one, two, three, four = (b * scale for b in raw.black)
    part = replace(part, white=raw.white * scale, black=(one, two, three, four))
    whole = part.mosaic.astype(np.float64) * scale
    true = picture(whole.astype(np.uint16))

    def loss(offset: int, exponent: int) -> float:
        steps = linear_steps(light, offset, exponent)
        wrong = np.clip(np.rint(whole + SHARE * span * scale * steps * drawn), 0, 65535).astype(np.uint16)
        error = float(np.square(picture(wrong) - true).mean())
        return 10 * math.log10(max(error, 1e-9)) - 20 * float(np.log10(steps).mean())

    return loss


def best_steps(raw: RawImage, settings: Settings, usual: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """(offset, exponent) that show the least error, and by how many dB it should be less than under the usual ones."""
    loss = loss_under(raw, settings)
    losses = {(a, k): loss(a, k) for a in OFFSETS for k in EXPONENTS}
    best = min(losses, key=lambda one: losses[one])
    return best, (losses[usual] if usual in losses else loss(*usual)) - losses[best]
