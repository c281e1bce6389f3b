"""The mosaic as one grey image for codecs that know no CFA: its four colours as quadrants, R | G1 over G2 | B.

A lossy codec gets it with 16 bits per sample under a companding:

- `linear`: (DN - black) / (white - black), clipped to [0, 1], times 65535;
- `sqrt`: the square root of that, which makes photon noise even.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.errors import StreamError, UsageError
from ...bitstream.raw_image import CFA_PHASES
from .frame import Frame

FULL = 65535
COMPANDINGS = ("linear", "sqrt")

# Sites (0,0) (0,1) (1,0) (1,1) of the planes R, G1, G2, B; G1 is the first green in reading order.
_SITES = {cfa: (cfa.index("R"), cfa.index("G"), cfa.rindex("G"), cfa.index("B")) for cfa in CFA_PHASES}


def quadrants(mosaic: np.ndarray, cfa: str) -> np.ndarray:
    """(H, W) -> (H, W) of the same dtype: R | G1 over G2 | B; an odd size is mirrored at its edge to be even.

    The mirrored line is the last but one, so that it keeps its colours.
    """
    even = np.pad(mosaic, [(0, n % 2) for n in mosaic.shape], mode="reflect")
    r, g1, g2, b = (even[s // 2 :: 2, s % 2 :: 2] for s in _SITES[cfa])
    return np.ascontiguousarray(np.block([[r, g1], [g2, b]]))


def from_quadrants(image: np.ndarray, cfa: str, shape: tuple[int, int]) -> np.ndarray:
    """The inverse of `quadrants` for a mosaic of `shape`; StreamError for an image that is not of its size."""
    if image.shape != tuple(n + n % 2 for n in shape):
        raise StreamError(f"the decoded image is {image.shape}, the mosaic {shape}")
    h, w = image.shape[0] // 2, image.shape[1] // 2
    mosaic = np.empty_like(image)
    for k, s in enumerate(_SITES[cfa]):
        y, x = h * (k // 2), w * (k % 2)
        mosaic[s // 2 :: 2, s % 2 :: 2] = image[y : y + h, x : x + w]
    return mosaic[: shape[0], : shape[1]]


def companded(mosaic: np.ndarray, frame: Frame, companding: str) -> np.ndarray:
    """The mosaic as quadrants under a companding, uint16."""
    if companding not in COMPANDINGS:
        raise UsageError(f"companding {companding!r} is none of {COMPANDINGS}")
    value = frame.light(mosaic)
    if companding == "sqrt":
        np.sqrt(value, out=value)
    value *= FULL
    return quadrants(np.rint(value, out=value).astype(np.uint16), frame.phase)


def expanded(image: np.ndarray, frame: Frame, companding: str) -> np.ndarray:
    """The inverse of `companded`: the mosaic, uint16 (H, W), DN."""
    value = from_quadrants(image, frame.phase, frame.shape).astype(np.float64)
    value /= FULL
    if companding == "sqrt":
        np.square(value, out=value)
    return frame.dn(value)
