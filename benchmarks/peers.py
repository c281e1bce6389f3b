"""Peers: codecs that see no JPEG and code the packed mosaic alone.

JPEG XL gets the four sites of the 2x2 cell as quadrants of one grey image, R | G1 over G2 | B, with 16 bits per sample:

- lossy, `linear`: (DN - black) / (white - black), clipped to [0, 1], times 65535;
- lossy, `sqrt`: the square root of that, which makes photon noise even;
- `lossless`: the DN themselves.

The bytes are the bare codestream; only the lossless one, of 16 bits, has to stand in a container of some tens of bytes
(libjxl's level 10). CFA phase, size and levels, which a decoder would need too, are not counted: that favours the peer.
libjxl takes integers for sRGB-coded values whatever they mean, so `linear` is what a user gets who hands it a mosaic.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import imagecodecs
import numpy as np

from bitstream.errors import InputError
from bitstream.raw_image import CFA_PHASES, RawImage
from eval.metrics import measure, normalised

EFFORT = 7
FULL = 65535
COMPANDINGS = ("linear", "sqrt")
COARSEST, FINEST = 25.0, 0.01  # libjxl's butteraugli distances: 25 is its limit
STEPS_PER_OCTAVE = 1.5

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
    """The inverse of `quadrants` for a mosaic of `shape`."""
    h, w = image.shape[0] // 2, image.shape[1] // 2
    mosaic = np.empty_like(image)
    for k, s in enumerate(_SITES[cfa]):
        y, x = h * (k // 2), w * (k % 2)
        mosaic[s // 2 :: 2, s % 2 :: 2] = image[y : y + h, x : x + w]
    return mosaic[: shape[0], : shape[1]]


def encode_lossy(raw: RawImage, companding: str, distance: float) -> bytes:
    """The codestream of the companded mosaic at a butteraugli `distance` in (0, 25]."""
    value = normalised(raw, raw.mosaic)
    if companding == "sqrt":
        np.sqrt(value, out=value)
    image = np.round(value * FULL).astype(np.uint16)
    return bytes(
        imagecodecs.jpegxl_encode(
            quadrants(image, raw.cfa),
            effort=EFFORT,
            distance=distance,
            bitspersample=16,
            usecontainer=False,
            numthreads=1,
        )
    )


def decode_lossy(data: bytes, raw: RawImage, companding: str) -> np.ndarray:
    """uint16 (H, W), DN; of `raw` only geometry and levels are read."""
    value = _decoded(data).astype(np.float64) / FULL
    mosaic = from_quadrants(value, raw.cfa, raw.mosaic.shape)
    if companding == "sqrt":
        np.square(mosaic, out=mosaic)
    for site, black in enumerate(raw.black):
        part = mosaic[site // 2 :: 2, site % 2 :: 2]
        part *= raw.white - black
        part += black
    return np.clip(np.round(mosaic), 0, FULL).astype(np.uint16)


def encode_lossless(raw: RawImage) -> bytes:
    """The codestream of the mosaic's own values."""
    return bytes(
        imagecodecs.jpegxl_encode(
            quadrants(raw.mosaic, raw.cfa),
            effort=EFFORT,
            lossless=True,
            bitspersample=16,
            usecontainer=False,
            numthreads=1,
        )
    )


def decode_lossless(data: bytes, raw: RawImage) -> np.ndarray:
    """uint16 (H, W), DN; of `raw` only the geometry is read."""
    return from_quadrants(_decoded(data), raw.cfa, raw.mosaic.shape)


def _decoded(data: bytes) -> np.ndarray:
    image = np.asarray(imagecodecs.jpegxl_decode(data, numthreads=1))
    if image.dtype != np.uint16 or image.ndim != 2:
        raise InputError(f"JPEG XL gave {image.dtype} {image.shape}, not a 16-bit grey image")
    return image


def measure_lossy(raw: RawImage, companding: str, distance: float) -> dict[str, Any]:
    """Encode, decode and score one point: the measures of a row (`benchmarks.rows`)."""
    return _measure(
        raw, lambda: encode_lossy(raw, companding, distance), lambda data: decode_lossy(data, raw, companding)
    )


def measure_lossless(raw: RawImage) -> dict[str, Any]:
    """Encode, decode and score the lossless file; InputError should it not be lossless."""
    row = _measure(raw, lambda: encode_lossless(raw), lambda data: decode_lossless(data, raw))
    if not row["identical"]:
        raise InputError(f"lossless JPEG XL is wrong by {row['max_error']} DN")
    return row


def distances() -> Iterator[float]:
    """The sweep from coarse to fine, even in the logarithm and rounded, so that a later run finds the same ones."""
    count = math.floor(math.log2(COARSEST / FINEST) * STEPS_PER_OCTAVE)
    for i in range(count + 1):
        yield float(f"{COARSEST / 2 ** (i / STEPS_PER_OCTAVE):.4g}")


def _measure(raw: RawImage, encode: Callable[[], bytes], decode: Callable[[bytes], np.ndarray]) -> dict[str, Any]:
    start = time.perf_counter()
    data = encode()
    middle = time.perf_counter()
    mosaic = decode(data)
    end = time.perf_counter()
    row = {"bytes": len(data), "bpp": 8 * len(data) / raw.mosaic.size, **measure(raw, mosaic).as_json()}
    return row | {"encode_seconds": round(middle - start, 3), "decode_seconds": round(end - middle, 3)}
