"""A RAW before its mosaic is decoded: what the recipe says of the JPEG, small. Shown, and named so, until the RAW is.

::

    JPEG laid over the mosaic, a pixel for step x step sites --side information--> prediction --levels to DN--> mosaic

The recipe was made for the JPEG at its own size; what it says of a smaller one is right in the mean, not in detail.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ...bitstream.rect import Rect
from ..carrier import Carrier
from ..decoder.setup import Setup
from ..develop import rendering_beside
from ..guide.geometry import Geometry
from ..guide.guide import LaidGuide
from ..isp.develop import Developer
from ..isp.planes import Part, planes
from ..isp.settings import Settings
from ..mosaic.layout import Layout
from ..recipe.side import SideInfo, Window
from .laid import OUTSIDE, LaidJpeg

SIDE = 1600
"""Most pixels of the longer side."""

LARGE = 4_000_000
"""Sites of a mosaic whose decoding somebody would wait for."""


class FirstLook:
    """part: what of the mosaic a pixel of it stands for; developer: of the small mosaic, in the JPEG's look."""

    def __init__(self, raw: RawImage, laid: LaidJpeg, setup: Setup) -> None:
        step = max(2, -(-max(raw.size) // SIDE // 2) * 2)
        self.part = Part.holding((0, 0, *raw.size), step, raw.size)
        shown = laid.part(self.part)
        small = replace(raw, mosaic=_mosaic(shown, setup, step), note=None, border=None)
        seen = shown.astype(np.float32) / np.float32(255)
        seen[(shown == OUTSIDE).all(2)] = np.nan
        self.developer = Developer(small, rendering_beside(small, seen))

    def pixels(self, light: Settings) -> np.ndarray:
        """As `Picture.of_raw` has them."""
        rows, cols = self.developer.raw.mosaic.shape
        return planes(self.developer, self.developer.neutral(light), Part(0, 0, rows, cols, 1))


def can_be(raw: RawImage | None, carrier: Carrier | None) -> bool:
    """Whether a first look is worth while: of a large Bayer mosaic whose recipe asks for nothing that takes seconds to
    load."""
    if raw is None or carrier is None:
        return False
    large, plain = raw.mosaic.size >= LARGE, raw.cell is None and raw.levels is None
    return large and plain and not carrier.stream.recipe.learned and not carrier.cut


def _mosaic(shown: np.ndarray, setup: Setup, step: int) -> np.ndarray:
    """shown: sRGB, uint8 (h, w, 3), a pixel a site; uint16 (h, w)."""
    y, cr, cb = cv2.split(cv2.cvtColor(shown, cv2.COLOR_RGB2YCrCb))
    layout = Layout(y.shape[0], y.shape[1], setup.layout.cfa)
    guide = LaidGuide(JpegPlanes(y, cb, cr, (1, 1), ()), Geometry(), (layout.height, layout.width), layout.origin)
    local = setup.recipe.local
    smaller = replace(local, side=local.side // step) if local and local.side % step == 0 else None
    recipe, companding = replace(setup.recipe, local=smaller, look=None), setup.coding.companding
    rows, cols = layout.cells
    found = SideInfo(guide, layout).prediction(Window.of(Rect(0, 0, rows, cols)), recipe, companding)[0]
    dn = np.clip((found + (1 << companding.shift >> 1)) >> companding.shift, 0, companding.top)
    sites = np.empty((2 * rows, 2 * cols), np.uint16)
    for k in range(4):
        sites[k // 2 :: 2, k % 2 :: 2] = dn[k]
    top, left = layout.origin
    return np.ascontiguousarray(sites[top : top + layout.height, left : left + layout.width])
