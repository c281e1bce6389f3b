"""What `benchmarks.protocol` codes: small demosaicked RAWs with their sRGB, laid out as mosaics, scored in colour."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rawpy
from PIL import Image

from ..bitstream.errors import InputError
from ..eval.metrics import finite_or_none
from .rows import Row

SHRINK = 4
CELLS, MOSAIC = "cells", "mosaic"
WHITE = 65535


@dataclass(frozen=True)
class Pair:
    """target: uint16 (h, w, 3), linear camera colours, white balanced. guide: uint8 (h, w, 3), sRGB."""

    target: np.ndarray
    guide: np.ndarray


def make_pair(path: Path) -> Pair:
    """Target and guide of a RAW; InputError where LibRaw can't develop it or too little would be left."""
    common: dict[str, Any] = {"use_camera_wb": True, "no_auto_bright": True, "user_flip": 0}
    try:
        with rawpy.imread(str(path)) as raw:
            linear = raw.postprocess(**common, output_color=rawpy.ColorSpace.raw, gamma=(1, 1), output_bps=16)
            shown = raw.postprocess(**common, output_bps=8)
    except rawpy.LibRawError as error:
        raise InputError(f"{path.name}: LibRaw can't develop it ({error})") from error
    if min(linear.shape[:2]) < 32 * SHRINK:
        raise InputError(f"{path.name}: {linear.shape[1]}x{linear.shape[0]} is too small for this protocol")
    return Pair(shrunk(linear, WHITE).astype(np.uint16), shrunk(shown, 255).astype(np.uint8))


def shrunk(image: np.ndarray, top: int) -> np.ndarray:
    """(H, W, 3) made smaller by `SHRINK`, bicubic with its support widened alike, rounded, clipped to 0..top."""
    size = image.shape[1] // SHRINK, image.shape[0] // SHRINK
    planes = (Image.fromarray(image[..., k].astype(np.float32)) for k in range(3))
    small = [np.asarray(plane.resize(size, Image.Resampling.BICUBIC)) for plane in planes]
    return np.clip(np.rint(np.stack(small, -1)), 0, top)


def to_cells(target: np.ndarray) -> np.ndarray:
    """(h, w, 3) -> mosaic (2h, 2w), RGGB: every pixel's three colours in a cell of its own, green twice."""
    mosaic = np.empty((2 * target.shape[0], 2 * target.shape[1]), target.dtype)
    for site, colour in enumerate((0, 1, 1, 2)):
        mosaic[site // 2 :: 2, site % 2 :: 2] = target[..., colour]
    return mosaic


def from_cells(mosaic: np.ndarray) -> np.ndarray:
    """The inverse, float64: green is the mean of both."""
    r, g, h, b = (mosaic[site // 2 :: 2, site % 2 :: 2].astype(np.float64) for site in range(4))
    return np.stack([r, (g + h) / 2, b], axis=-1)


def to_mosaic(target: np.ndarray) -> np.ndarray:
    """(h, w, 3) -> mosaic (h, w), RGGB, of even size: one colour of each pixel."""
    h, w = (n // 2 * 2 for n in target.shape[:2])
    mosaic = np.empty((h, w), target.dtype)
    for site, colour in enumerate((0, 1, 1, 2)):
        at = np.s_[site // 2 : h : 2, site % 2 : w : 2]
        mosaic[at] = target[(*at, colour)]
    return mosaic


def jpeg_of(guide: np.ndarray, layout: str) -> bytes:
    """The guide as a JPEG of the mosaic's size, as good as a JPEG can be."""
    if layout == CELLS:
        guide = guide.repeat(2, 0).repeat(2, 1)
    else:
        guide = guide[: guide.shape[0] // 2 * 2, : guide.shape[1] // 2 * 2]
    out = io.BytesIO()
    Image.fromarray(guide).save(out, "JPEG", quality=100, subsampling="4:4:4")
    return out.getvalue()


def score(target: np.ndarray, mosaic: np.ndarray, layout: str) -> Row:
    """PSNR in dB over [0, 1] (None where infinite) and, of three colours, SSIM."""
    if layout == MOSAIC:
        true, found = to_mosaic(target) / WHITE, mosaic / WHITE
        return {"psnr": _psnr(true, found), "ssim": None}
    from skimage.metrics import structural_similarity

    true, found = target / WHITE, from_cells(mosaic) / WHITE
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    return {"psnr": _psnr(true, found), "ssim": float(structural_similarity(true, found, channel_axis=-1, **how))}


def _psnr(true: np.ndarray, found: np.ndarray) -> float | None:
    mean = float(np.square(true - found).mean())
    return finite_or_none(-10 * np.log10(mean)) if mean else None
