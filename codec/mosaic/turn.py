"""Pictures turned as TIFF's orientation tag says."""

from __future__ import annotations

import numpy as np


def turn(picture: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, ...) turned as TIFF's orientation 1..8 asks a viewer to; a view."""
    if orientation >= 5:
        picture = picture.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return picture
