"""All measures of one decoded mosaic, as the benchmark's rows have them.

==================  =========================================================================
psnr                linear, dB (`eval.metrics`); None where no clipped value differs
max_error           DN
identical           every DN is the same
psnr_companded      of the square roots, dB; None as above
ssim                of the packed planes (`eval.similarity`); None for tiny pictures
edits               after four developments (`eval.edits`)
==================  =========================================================================
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bitstream.raw_image import RawImage
from .edits import EDITS, compare_edits
from .metrics import finite_or_none, measure, psnr_companded
from .similarity import ssim


def scores(raw: RawImage, mosaic: np.ndarray) -> dict[str, Any]:
    """Measures of `mosaic` (integer (H, W), DN) against the mosaic of `raw`; InputError where the sizes differ."""
    found = measure(raw, mosaic).as_json()
    if found["identical"]:
        edits: dict[str, Any] = {name: {"psnr": None, "ciede2000": 0.0} for name in EDITS}
        return {**found, "psnr_companded": None, "ssim": 1.0, "edits": edits}
    return {
        **found,
        "psnr_companded": finite_or_none(psnr_companded(raw, mosaic)),
        "ssim": ssim(raw, mosaic),
        "edits": compare_edits(raw, mosaic),
    }
