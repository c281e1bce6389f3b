"""How far one developed picture is from another, as people's eyes are modelled by others' packages.

==============  ============================================================================================
psnr            dB over all pixels and colours of sRGB, without rounding; None where nothing differs
ciede2000       mean colour difference (Sharma, Wu, Dalal 2005; scikit-image), over a lattice of large pictures
ssimulacra2     Cloudinary's measure, at most 100, of 8-bit pictures (package `ssimulacra2`)
flip            mean of NVIDIA's FLIP (Andersson and others 2020; package `flip-evaluator`), where asked for
==============  ============================================================================================

`blocks` are colour differences of means over 32 x 32 pixels of the linear pictures at +2 EV: casts, which noise hides
in the other measures. `block_means` are the same of the mosaics' signed means, without clipping or demosaicking.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
from PIL import Image

from ..bitstream.errors import UsageError
from ..bitstream.raw_image import RawImage
from ..codec.isp.colour import srgb_encode, srgb_from_balanced
from ..codec.isp.light import Light
from .developed import FullDeveloper
from .metrics import finite_or_none

SIDE = 32
"""Pixels of a block's side."""
COLOURED = 200_000
"""Pixels of which CIEDE2000 is taken, about."""
NEEDED = "full-size edits need the packages ssimulacra2, flip-evaluator and scikit-image: pip install '.[bench]'"


def difference(true: np.ndarray, found: np.ndarray, flip: bool = True) -> dict[str, float | None]:
    """Measures of a picture against the true one, sRGB in [0, 1], float32 (h, w, 3). UsageError without packages."""
    try:
        import flip_evaluator
        from ssimulacra2 import compute_ssimulacra2
    except ImportError:
        raise UsageError(NEEDED) from None
    error = float(np.square(true - found, dtype=np.float64).mean())
    thin = max(1, math.isqrt(true.size // 3 // COLOURED))
    measures: dict[str, float | None] = {
        "psnr": finite_or_none(-10 * math.log10(error)) if error else None,
        "ciede2000": float(colour_difference(true[::thin, ::thin], found[::thin, ::thin]).mean()),
        "ssimulacra2": float(compute_ssimulacra2(_bitmap(true), _bitmap(found))),
    }
    if flip:
        both = [np.ascontiguousarray(picture, np.float32) for picture in (true, found)]
        _, measures["flip"], _ = flip_evaluator.evaluate(*both, "LDR", computeMeanError=True, applyMagma=False)
    return measures


def _bitmap(picture: np.ndarray) -> io.BytesIO:
    """A file of 8 bits, which that package wants."""
    file = io.BytesIO()
    Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(file, "BMP")
    file.seek(0)
    return file


def colour_difference(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """CIEDE2000 of sRGB pictures in [0, 1], pixel by pixel."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    return np.asarray(deltaE_ciede2000(rgb2lab(true), rgb2lab(found)))


def blocks(true: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Mean and 99th percentile of the blocks' differences: linear pictures at the base exposure, shown at +2 EV."""
    return _of_means(*(_means(np.clip(4 * picture, 0, 1)) for picture in (true, found)))


def block_means(developer: FullDeveloper, mosaic: np.ndarray) -> dict[str, float]:
    """Mean and 99th percentile of the differences of blocks of 32 x 32 sites of a mosaic, at +2 EV."""
    raw = developer.raw
    light = Light.of(raw)
    turn = srgb_from_balanced(light.daylight()).T / light.neutral[:, None] * 2 ** (developer.base + 2)
    return _of_means(*(_site_means(replace(raw, mosaic=m)) @ turn for m in (raw.mosaic, mosaic)))


def _site_means(raw: RawImage) -> np.ndarray:
    """Means of red, green and blue over blocks of sites, in shares of white, signed: (h, w, 3)."""
    planes: dict[str, list[np.ndarray]] = {"R": [], "G": [], "B": []}
    h, w = (n // SIDE * SIDE for n in raw.mosaic.shape)
    for site, colour in enumerate(raw.cfa):
        plane = raw.mosaic[site // 2 : h : 2, site % 2 : w : 2].astype(np.float64)
        planes[colour].append(
            (_means(plane[..., None], SIDE // 2)[..., 0] - raw.black[site]) / (raw.white - raw.black[site])
        )
    return np.stack([np.mean(planes[colour], 0) for colour in "RGB"], -1)


def _means(picture: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Means over blocks, (h // side, w // side, channels); all of a smaller picture is one block."""
    rows, cols = (min(side, n) for n in picture.shape[:2])
    h, w = (n // s for n, s in zip(picture.shape[:2], (rows, cols), strict=True))
    cut = picture[: h * rows, : w * cols].astype(np.float64)
    return np.asarray(cut.reshape(h, rows, w, cols, -1).mean((1, 3)))


def _of_means(true: np.ndarray, found: np.ndarray) -> dict[str, float]:
    seen = colour_difference(*(srgb_encode(means) for means in (true, found)))
    return {"mean": float(seen.mean()), "p99": float(np.quantile(seen, 0.99))}
