"""What the nets see: a mosaic as four packed planes in a companded domain, a guide as seven planes beside them.

::

    mosaic --pack--> (4, h, w) DN --black, white--> light --companding--> x        nets code x
    JPEG --align, sample--> 4 Y, Cb, Cr --> its R, G, G, B where the mosaic has them, and R, G, B of the cell
        --colour_fit--> the first four fitted to x --> guide

The papers code demosaiced, downscaled pictures in linear light. Nets train faster on companded values (2312.03640), so
here x is a root of light; errors are still counted in light.
"""

from __future__ import annotations

import math

import torch

OFFSET = 1 / 64
"""Light that is added under the root, so that noise below black keeps its sign and the slope stays bounded."""

GUIDE_PLANES = 7
ENLARGED = 32.0
"""What differences from the guide's fit are enlarged by for the nets: about 0.01 they are, of x."""

_ROOT = math.sqrt(OFFSET)
_SPAN = math.sqrt(1 + OFFSET) - _ROOT
_BROADCAST = 1.402, 0.344136, 0.714136, 1.772  # JFIF: Cr to R, Cb and Cr to G, Cb to B


def compand(light: torch.Tensor) -> torch.Tensor:
    """Light, 0 black and 1 white, to x: 0 and 1 stay; below -OFFSET it is cut."""
    return (torch.sqrt((light + OFFSET).clamp(min=0)) - _ROOT) / _SPAN


def expand(x: torch.Tensor) -> torch.Tensor:
    """Inverse of `compand`."""
    root = x * _SPAN + _ROOT
    return root * root.abs() - OFFSET


def light_of(planes: torch.Tensor, black: torch.Tensor, white: torch.Tensor) -> torch.Tensor:
    """Packed planes in DN, (..., 4, h, w), to light; black: (..., 4), white: (...), DN."""
    b = black[..., None, None]
    return (planes - b) / (white[..., None, None, None] - b)


def guide_of(y: torch.Tensor, cb: torch.Tensor, cr: torch.Tensor) -> torch.Tensor:
    """Guide of a JPEG's samples in shares of full scale, chroma around 0: y (B, 4, h, w), cb and cr (B, 1, h, w).

    Returns float32 (B, 7, h, w): the picture's R, G, G, B at the sites of that colour, then the cell's mean R, G, B.
    """
    mean = y.mean(1, keepdim=True)
    red, green = _BROADCAST[0] * cr, -_BROADCAST[1] * cb - _BROADCAST[2] * cr
    blue = _BROADCAST[3] * cb
    return torch.cat([y + torch.cat([red, green, green, blue], 1), mean + red, mean + green, mean + blue], 1)
