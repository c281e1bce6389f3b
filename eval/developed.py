"""Developed at full size, then edited: what a photographer sees of a decoded mosaic.

::

    mosaic --LibRaw in the true one's place: AHD, as-shot white balance, linear--> sRGB primaries, float32 (h, w, 3)
           --x 2^base--> base exposure --an edit of `EDITS`--> sRGB in [0, 1]

base brings the 99th percentile of the true greens to 0.9 of white, 0 to 6 EV, as programs brighten a RAW by default; it
is the true mosaic's for both. Nothing else is automatic. Unlike `eval.edits`, demosaicking counts here: it is what an
error of single sites meets first.

=================  ==========================================================================================
edit               what is done
=================  ==========================================================================================
as_shot            nothing
plus2ev, plus4ev   exposure +2, +4 EV
shadows            up to +2.5 EV where the luminance, blurred (sigma 16 pixels), is dark
curve              after the sRGB curve an S of slope 2.5 in the middle
warm, cold         +1/2 EV; red x 1.25, blue x 0.7; red x 0.75, blue x 1.3
highlights         -1.5 EV with LibRaw's blended highlights, a shoulder above 0.7
lut                a creative look: teal shadows, orange lights, less colour in the dark, lifted black
=================  ==========================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from ..bitstream.dng.writer import write_dng
from ..bitstream.raw_image import RawImage
from ..codec.isp.colour import luminance, srgb_encode
from ..codec.source.libraw import ask
from .edits import EXPOSURE_SAMPLES, thinned
from .pictures import exposure_for

NEUTRAL = {
    "use_camera_wb": True, "gamma": (1, 1), "no_auto_bright": True, "output_bps": 16, "adjust_maximum_thr": 0.0,
    "user_flip": 0, "demosaic_algorithm": "AHD", "output_color": "sRGB",
}  # fmt: skip
"""LibRaw's options: the usual demosaicking, and nothing that looks at the picture."""
MOST, BLURRED = 2.5, 16.0  # of the lifted shadows: EV, pixels


class FullDeveloper:
    """Develops mosaics of one RAW's levels, colours and base exposure."""

    def __init__(self, raw: RawImage) -> None:
        """raw: the true RAW."""
        self.raw = replace(raw, orientation=1)
        self.base = exposure_for(replace(raw, mosaic=thinned(raw.mosaic, EXPOSURE_SAMPLES)))

    def linear(self, mosaic: np.ndarray, blended: bool = False) -> np.ndarray:
        """Linear light at the base exposure, sRGB's primaries, float32 (h, w, 3); not clipped above 1.

        mosaic: uint16 (H, W), DN, of the RAW's size. blended: highlights are, rather than clipped at white.
        """
        options = NEUTRAL | {"highlight_mode": "Blend" if blended else "Clip"}
        found = ask(write_dng(replace(self.raw, mosaic=mosaic)), rendering=options).rendering
        assert found is not None
        return np.asarray(found, np.float32) * np.float32(2**self.base / 65535)

    def edited(self, mosaic: np.ndarray, edit: str) -> np.ndarray:
        """sRGB in [0, 1], float32 (h, w, 3), under an edit by its name."""
        return apply(self.linear(mosaic, edit == "highlights"), edit)


def apply(linear: np.ndarray, edit: str) -> np.ndarray:
    """sRGB in [0, 1] of linear light at the base exposure, under an edit by its name."""
    return EDITS[edit](linear)


def _exposed(ev: float, red: float = 1.0, blue: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    gains = np.array([red, 1.0, blue], np.float32) * np.float32(2**ev)
    return lambda linear: srgb_encode(linear * gains)


def _shadows(linear: np.ndarray) -> np.ndarray:
    light = gaussian_filter(luminance(np.clip(linear, 0, 1)), BLURRED)
    dark = np.clip(1 - srgb_encode(light) / np.float32(0.7), 0, 1)
    return srgb_encode(linear * np.exp2(np.float32(MOST) * dark)[..., None])


def _curve(linear: np.ndarray) -> np.ndarray:
    value, scale = srgb_encode(linear), np.float32(0.5 / math.tanh(2.5))
    return np.tanh(np.float32(5) * (value - np.float32(0.5))) * scale + np.float32(0.5)


def _highlights(linear: np.ndarray) -> np.ndarray:
    value = linear * np.float32(2**-1.5)
    over = np.maximum(value - np.float32(0.7), 0)
    return srgb_encode(np.minimum(value, np.float32(0.7)) + over / (1 + over / np.float32(0.3)))


def _look(linear: np.ndarray) -> np.ndarray:
    value = srgb_encode(linear)
    light = luminance(value)[..., None]
    colour = (value - light) * (np.float32(0.55) + np.float32(0.6) * light)
    tint = (1 - light) ** 2 * np.array([-0.05, 0.015, 0.04], np.float32)
    tint += light * (1 - light) * np.array([0.12, 0.02, -0.1], np.float32)
    return np.clip(np.float32(0.04) + np.float32(0.96) * light + colour + tint, 0, 1)


EDITS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as_shot": _exposed(0.0), "plus2ev": _exposed(2.0), "plus4ev": _exposed(4.0), "shadows": _shadows,
    "curve": _curve, "warm": _exposed(0.5, 1.25, 0.7), "cold": _exposed(0.5, 0.75, 1.3),
    "highlights": _highlights, "lut": _look,
}  # fmt: skip
