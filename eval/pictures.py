"""Pictures of mosaics for people: a plain development, and true beside decoded beside their difference.

The development is deliberately simple, so that nothing hides in it: black and white level, as-shot neutral,
demosaicking after Malvar, He and Cutler (ICASSP 2004), the DNG colour matrix where there is one, the sRGB curve. No
denoising, tone curve, lens or gain-map correction.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..bitstream.errors import InputError
from ..bitstream.raw_image import RawImage
from ..bitstream.rect import Rect
from ..codec.isp import tone
from ..codec.isp.colour import srgb_encode, srgb_from_balanced
from ..codec.isp.demosaic import malvar
from ..codec.isp.light import Light
from ..codec.mosaic.turn import turn
from .metrics import normalised

MARGIN, CAPTION = 8, 28  # pixels around the panels and for the line above them
PANEL = 720  # longest side of a panel of a whole picture, pixels

def develop(raw: RawImage, exposure_ev: float = 0.0) -> np.ndarray:
    """uint8 RGB (H, W, 3), sRGB, upright (turned by the orientation tag: H and W may change places)."""
    light = Light.of(raw)
    balanced = normalised(raw, raw.mosaic).astype(np.float32)
    for site, colour in enumerate(raw.cfa):
        balanced[site // 2 :: 2, site % 2 :: 2] /= np.float32(light.neutral["RGB".index(colour)])
    # The neutral's largest part is 1: what the sensor clipped is at least 1 in each colour and ends as white.
    rgb = np.clip(malvar(balanced, raw.cfa), 0, 1)
    rgb = rgb @ srgb_from_balanced(light.daylight()).T.astype(np.float32)
    return np.ascontiguousarray(turn(srgb_bytes(rgb * np.float32(2**exposure_ev)), raw.orientation))


def exposure_for(raw: RawImage, percentile: float = 99.0, level: float = 0.9) -> float:
    """The exposure in EV, 0 to 6, at which `percentile` of the greens stand at `level` of white: for dark pictures."""
    value = normalised(raw, raw.mosaic)
    site = raw.cfa.index("G")
    return tone.exposure_for(value[site // 2 :: 2, site % 2 :: 2], percentile, level)


def crop(raw: RawImage, box: Rect) -> RawImage:
    """The part of `raw` inside `box`, sites of the mosaic before turning.

    Left and top are rounded down to even, so the CFA phase stays. InputError where fewer than 8x8 samples are left.
    """
    left, top = max(box.left, 0) // 2 * 2, max(box.top, 0) // 2 * 2
    part = raw.mosaic[top : max(box.bottom, 0), left : max(box.right, 0)]
    if min(part.shape) < 8:
        raise InputError(f"the crop {box.xywh} leaves {part.shape[1]}x{part.shape[0]} of the mosaic, want at least 8x8")
    return replace(raw, mosaic=part)


def side_by_side(
    true: RawImage,
    decoded: RawImage,
    error_gain: float | None = None,
    exposure_ev: float = 0.0,
    box: Rect | None = None,
    note: str = "",
) -> Image.Image:
    """Three panels with captions: true, decoded, and the error of the mosaics, amplified.

    box: show this part (see `crop`) at 100 % instead of the whole, which is scaled down. note: stands beside "decoded".
    error_gain: factor of the error panel, by default the power of two that brings its 99th percentile near a half.
    Both mosaics are developed with the levels and colours of `true`. InputError where size or CFA phase differ.
    """
    if true.mosaic.shape != decoded.mosaic.shape or true.cfa != decoded.cfa:
        raise InputError("pictures of different size or CFA phase cannot stand side by side")
    decoded = replace(true, mosaic=decoded.mosaic)
    if box is not None:
        true, decoded = crop(true, box), crop(decoded, box)
    error = cell_error(true, decoded.mosaic)
    if box is None:
        factor = max(1, -(-max(true.mosaic.shape) // PANEL))
        error = _rms(error, max(1, factor // 2))
    if error_gain is None:
        high = float(np.percentile(error, 99))
        error_gain = float(2.0 ** np.clip(np.round(np.log2(0.5 / max(high, 2.0**-16))), 0, 15))
    amplified = srgb_bytes(turn(np.sqrt(np.clip(error * error_gain, 0, 1)), true.orientation), gamma=False)
    shown = [Image.fromarray(develop(raw, exposure_ev)) for raw in (true, decoded)]
    if box is None:
        shown = [image.resize(_fit(image.size), Image.Resampling.BOX) for image in shown]
    shown.append(Image.fromarray(amplified).resize(shown[0].size, Image.Resampling.NEAREST))
    scale = "100 %" if box is not None else f"{true.mosaic.shape[1]}x{true.mosaic.shape[0]}"
    captions = [f"true, {scale}", ", ".join(filter(None, ("decoded", note)))]
    return _strip(shown, [*captions, f"error of the mosaic x {error_gain:g}, square root"])


def cell_error(true: RawImage, mosaic: np.ndarray) -> np.ndarray:
    """|error| per 2x2 cell and colour, as a part of white - black: float32 (H/2, W/2, 3) R, G, B; G the mean of two."""
    error = np.abs(normalised(true, mosaic) - normalised(true, true.mosaic)).astype(np.float32)
    h, w = (n // 2 * 2 for n in error.shape)
    planes: dict[str, list[np.ndarray]] = {"R": [], "G": [], "B": []}
    for site, colour in enumerate(true.cfa):
        planes[colour].append(error[site // 2 : h : 2, site % 2 : w : 2])
    return np.stack([np.mean(planes[colour], axis=0) for colour in "RGB"], axis=-1)


def srgb_bytes(rgb: np.ndarray, gamma: bool = True) -> np.ndarray:
    """[0, 1] (clipped) -> uint8 of the same shape, by the sRGB curve (IEC 61966-2-1) unless `gamma` is off."""
    value = np.clip(rgb, 0, 1)
    if gamma:
        value = srgb_encode(value)
    return np.round(255 * value).astype(np.uint8)


def _rms(error: np.ndarray, factor: int) -> np.ndarray:
    """Root mean square over blocks of factor x factor; a rest at the edges is left out."""
    h, w = (max(1, n // factor) for n in error.shape[:2])
    part = error[: h * factor, : w * factor]
    blocks = part.reshape(h, part.shape[0] // h, w, part.shape[1] // w, 3)
    return np.sqrt(np.square(blocks).mean((1, 3)))


def _fit(size: tuple[int, int]) -> tuple[int, int]:
    """`size` scaled down to a longest side of `PANEL`; never up."""
    scale = min(1.0, PANEL / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _strip(images: list[Image.Image], captions: list[str]) -> Image.Image:
    """The images side by side, each below its caption."""
    width, height = images[0].size
    cell = max(width, 240)
    sheet = Image.new("RGB", (len(images) * (cell + MARGIN) + MARGIN, height + CAPTION + MARGIN), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for k, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = MARGIN + k * (cell + MARGIN)
        draw.text((left, 5), caption, fill="black", font=font)
        sheet.paste(image, (left, CAPTION))
    return sheet
