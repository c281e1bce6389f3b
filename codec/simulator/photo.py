"""The photograph of the demonstration: one that scikit-image's wheel holds, so that nothing is downloaded.

A red coffee cup on a wooden table, 600 x 400, CC0 by the photographer, Rachel Michetti (the licence stands in
`skimage.data.coffee`'s documentation). Of the wheel's colour photographs it is the largest that states a licence and is
not itself a visibly compressed JPEG.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.errors import UsageError

CREDIT = "Coffee cup by Rachel Michetti, CC0, shipped with scikit-image"


def bundled_photo() -> np.ndarray:
    """The photograph, sRGB uint8 (400, 600, 3). UsageError if scikit-image is not installed."""
    try:
        from skimage.data import coffee
    except ImportError:
        raise UsageError("the bundled photograph needs scikit-image: pip install scikit-image") from None
    return np.ascontiguousarray(coffee(), np.uint8)
