"""What is left after editing: both mosaics are developed alike, and the sRGB pictures compared.

A decoded RAW is there to be edited. Errors that nobody sees as shot may come up two stops brighter, so four
developments are compared, each of true and decoded mosaic with the true one's levels, colours and exposure::

    mosaic --black, white--> [0, 1] --2x2 cell: R, mean of both G, B--> --/ neutral--> clipped to [0, 1]
           --x 2^(base + ev)--> --colour matrix--> linear sRGB --clipped, sRGB curve--> --contrast--> picture in [0, 1]

================  ======================================================================================
edit              what is done
================  ======================================================================================
as_shot           ev 0, the camera's neutral
plus2ev           ev +2: shadows pulled up
warm_minus1ev     ev -1; the neutral's red divided by 1.25, its blue by 0.8: highlights brought back, warmer
curve             ev 0; after the sRGB curve an S: (tanh(5 (v - 1/2)) / tanh(5/2) + 1) / 2, slope 2.5 in the
                  middle, whose ends stay
================  ======================================================================================

base is the exposure that brings the 99th percentile of the true greens to 0.9 of white, 0 to 6 EV, as programs brighten
a RAW by default. The neutral is scaled so that its largest part is 1: what the sensor clipped is white.

**Half size.** A cell becomes one pixel, so every sample counts and no demosaicking algorithm has a say, but errors that
the two greens of a cell have against each other are not seen here. PSNR is over all pixels and colours, without
rounding to 8 bits. CIEDE2000 (Sharma, Wu, Dalal 2005, as scikit-image computes it) is the mean over a regular lattice
of up to 500 000 of the pixels, which is as much as the rest of the comparison takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..bitstream.raw_image import RawImage
from ..codec.isp.colour import srgb_encode, srgb_from_balanced
from ..codec.isp.light import Light
from .metrics import finite_or_none, normalised
from .pictures import exposure_for

ROWS_AT_ONCE = 256  # cells
LATTICE = 500_000  # pixels whose colour difference is computed
EXPOSURE_SAMPLES = 1_000_000  # cells from which the exposure is found


@dataclass(frozen=True)
class Edit:
    """exposure in EV; red and blue: gains over the camera's white balance; contrast: of the S-curve, 0 for none."""

    exposure: float = 0.0
    red: float = 1.0
    blue: float = 1.0
    contrast: float = 0.0


EDITS = {
    "as_shot": Edit(),
    "plus2ev": Edit(exposure=2.0),
    "warm_minus1ev": Edit(exposure=-1.0, red=1.25, blue=0.8),
    "curve": Edit(contrast=5.0),
}


class Developer:
    """Develops mosaics of one RAW's levels and colours under any edit."""

    def __init__(self, raw: RawImage) -> None:
        """raw: the true RAW; its mosaic sets the base exposure."""
        self.raw = raw
        self.base = exposure_for(replace(raw, mosaic=thinned(raw.mosaic, EXPOSURE_SAMPLES)))
        light = Light.of(raw)
        self._neutral = light.neutral.astype(np.float32)
        self._matrix = srgb_from_balanced(light.daylight()).T.astype(np.float32)

    def cells(self, mosaic: np.ndarray) -> np.ndarray:
        """Colours of the 2x2 cells in linear light, black 0, white 1: float32 (H // 2, W // 2, 3) of (H, W) in DN."""
        h, w = (n // 2 * 2 for n in mosaic.shape)
        value = normalised(self.raw, mosaic[:h, :w]).astype(np.float32)
        planes: dict[str, list[np.ndarray]] = {"R": [], "G": [], "B": []}
        for site, colour in enumerate(self.raw.cfa):
            planes[colour].append(value[site // 2 :: 2, site % 2 :: 2])
        greens = planes["G"][0] + planes["G"][1]
        return np.stack([planes["R"][0], greens * np.float32(0.5), planes["B"][0]], axis=-1)

    def picture(self, cells: np.ndarray, edit: Edit) -> np.ndarray:
        """sRGB in [0, 1], float32, of the shape of `cells`."""
        neutral = self._neutral / np.array([edit.red, 1.0, edit.blue], np.float32)
        neutral /= neutral.max()
        rgb = np.clip(cells / neutral, 0, 1)
        rgb = rgb @ self._matrix * np.float32(2 ** (self.base + edit.exposure))
        value = srgb_encode(rgb)
        if edit.contrast:
            scale = np.float32(0.5 / math.tanh(edit.contrast / 2))
            value = np.tanh(np.float32(edit.contrast) * (value - np.float32(0.5))) * scale + np.float32(0.5)
        return value


def compare_edits(raw: RawImage, mosaic: np.ndarray) -> dict[str, dict[str, float | None]]:
    """Edit -> {"psnr": dB or None where infinite, "ciede2000": mean difference} of `mosaic` (integer (H, W), DN).

    mosaic: of the shape of the mosaic of `raw`, at least one cell.
    """
    developer = Developer(raw)
    squares = dict.fromkeys(EDITS, 0.0)
    for top in range(0, len(mosaic) - 1, 2 * ROWS_AT_ONCE):
        true, found = (developer.cells(m[top : top + 2 * ROWS_AT_ONCE]) for m in (raw.mosaic, mosaic))
        for name, edit in EDITS.items():
            error = developer.picture(found, edit)
            error -= developer.picture(true, edit)
            squares[name] += float(np.square(error, out=error).sum(dtype=np.float64))
    count = 3 * (mosaic.shape[0] // 2) * (mosaic.shape[1] // 2)
    colours = _differences(developer, thinned(raw.mosaic, LATTICE), thinned(mosaic, LATTICE))
    return {name: {"psnr": _decibel(squares[name] / count), "ciede2000": colours[name]} for name in EDITS}


def thinned(mosaic: np.ndarray, most: int) -> np.ndarray:
    """A mosaic of every n-th cell in both directions, n the least that leaves no more than about `most` of them."""
    h, w = (n // 2 for n in mosaic.shape)
    step = max(1, math.ceil(math.sqrt(h * w / most)))
    kept = mosaic[: 2 * h, : 2 * w].reshape(h, 2, w, 2)[::step, :, ::step]
    return np.ascontiguousarray(kept).reshape(2 * kept.shape[0], -1)


def _differences(developer: Developer, true: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Mean CIEDE2000 of two mosaics under each edit."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    cells = [developer.cells(mosaic) for mosaic in (true, found)]
    out = {}
    for name, edit in EDITS.items():
        first, second = (rgb2lab(developer.picture(part, edit)) for part in cells)
        out[name] = float(np.mean(deltaE_ciede2000(first, second)))
    return out


def _decibel(mean_square: float) -> float | None:
    return finite_or_none(-10 * math.log10(mean_square)) if mean_square > 0 else None
