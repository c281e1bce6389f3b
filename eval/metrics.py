"""How far a decoded mosaic is from the true one: PSNR in linear light, largest error, and whether they are identical.

The value of a sample is (DN - black) / (white - black) clipped to [0, 1], black being that of its CFA site; PSNR is
-10 log10 of the mean squared error of those values over the whole visible mosaic. What lies beyond white or below black
thus costs nothing here, while `max_error` and `identical` look at the DN themselves.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from ..bitstream.errors import InputError
from ..bitstream.raw_image import RawImage

ROWS_AT_ONCE = 512  # float64 work stays within some tens of MB for any mosaic


@dataclass(frozen=True)
class Comparison:
    """psnr: dB, infinite where no clipped value differs. max_error: DN. identical: every DN is the same."""

    psnr: float
    max_error: int
    identical: bool

    def as_json(self) -> dict[str, float | int | bool | None]:
        """The fields for JSON, which knows no infinity: there `psnr` is null where it is infinite."""
        return asdict(self) | {"psnr": finite_or_none(self.psnr)}


def finite_or_none(value: float) -> float | None:
    """`value`, or None where it is infinite or not a number."""
    return value if math.isfinite(value) else None


def normalised(raw: RawImage, mosaic: np.ndarray, top: int = 0) -> np.ndarray:
    """(DN - black) / (white - black) clipped to [0, 1]: float64 (H, W), under the levels of `raw`.

    mosaic: (H, W), DN, any real dtype; its first row is row `top` (even) of the whole mosaic.
    """
    if top % 2:
        raise ValueError(f"top {top} is not even: the CFA phase would turn over")
    value = mosaic.astype(np.float64)
    for site, black in enumerate(raw.black):
        part = value[site // 2 :: 2, site % 2 :: 2]
        part -= black
        part /= raw.white - black
    return np.clip(value, 0.0, 1.0, out=value)


def measure(raw: RawImage, mosaic: np.ndarray) -> Comparison:
    """Compare `mosaic` (integer (H, W), DN) with the mosaic of `raw`; InputError where the sizes differ."""
    if mosaic.shape != raw.mosaic.shape:
        raise InputError(f"the mosaics differ in size: {_size(raw.mosaic)} and {_size(mosaic)}")
    if not np.issubdtype(mosaic.dtype, np.integer):
        raise ValueError(f"mosaic is {mosaic.dtype}, want integers")
    squares, largest = 0.0, 0
    for top in range(0, len(mosaic), ROWS_AT_ONCE):
        true, found = raw.mosaic[top : top + ROWS_AT_ONCE], mosaic[top : top + ROWS_AT_ONCE]
        error = normalised(raw, true, top)
        error -= normalised(raw, found, top)
        squares += float(np.square(error, out=error).sum())
        largest = max(largest, int(np.abs(true.astype(np.int64) - found).max(initial=0)))
    ratio = math.inf if squares == 0 else -10 * math.log10(squares / mosaic.size)
    return Comparison(ratio, largest, largest == 0)


def psnr_companded(raw: RawImage, mosaic: np.ndarray) -> float:
    """PSNR in dB of the square roots of the values: even to photon noise, so that shadows count as much as lights.

    mosaic: integer (H, W), DN, of the shape of the mosaic of `raw`. Infinite where no clipped value differs.
    """
    squares = 0.0
    for top in range(0, len(mosaic), ROWS_AT_ONCE):
        true, found = (normalised(raw, m[top : top + ROWS_AT_ONCE], top) for m in (raw.mosaic, mosaic))
        error = np.sqrt(true, out=true)
        error -= np.sqrt(found, out=found)
        squares += float(np.square(error, out=error).sum())
    return math.inf if squares == 0 else -10 * math.log10(squares / mosaic.size)


def psnr(raw: RawImage, mosaic: np.ndarray) -> float:
    """PSNR in dB of `mosaic` (integer (H, W), DN) against the mosaic of `raw`; infinite where nothing differs."""
    return measure(raw, mosaic).psnr


def _size(mosaic: np.ndarray) -> str:
    return "x".join(str(n) for n in reversed(mosaic.shape))
