"""The camera's own JPEG of its mosaic: a random image processor of the kinds that cameras and RAW programs have.

    mosaic --vignetting, white balance, highlights, demosaic--> camera RGB --denoise--> --matrix--> linear sRGB
           --exposure, local tone mapping, tone curve--> display RGB --saturation, sharpening, lens correction-->
           8 bit --JPEG: quality, chroma subsampling--> bytes
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from ...bitstream.raw_image import RawImage
from ..isp import colour, demosaic, denoise
from ..isp.tone import filmic
from .sensor import Sensor, falloff, neutral, response

ISP_CHOICES = {"highlights": ("clip", "blend"), "subsampling": ("4:2:0", "4:2:2", "4:4:4")}


@dataclass(frozen=True)
class Isp:
    """How one camera renders one mosaic.

    demosaic: a name of demosaic.METHODS; highlights: "clip" or "blend" (clipped channels follow the others);
    vignetting_corrected: share of the true falloff undone; matrix_error, wb_taste: how its colour differs from the
    DNG's; denoise: a name of denoise.METHODS, luma_denoise and chroma_denoise in units of the noise's sigma.
    brightness: where the median luminance would land, sRGB 0..1; the gain stays within max_gain and leaves at most a
    share `burnt` of the pixels above white. shoulder: linear value that the filmic curve maps to white, 1 = hard clip;
    s_curve: offsets of the curve at 1/8, 1/4, 1/2, 3/4 (sRGB); hue_kept: share of the curve applied to luminance
    rather than to each channel.
    local_compression: 0..1 of the base layer's contrast taken away; local_detail: gain of the detail layer;
    local_radius: of its edge-keeping blur, as a share of the larger side.
    saturation, vibrance: chroma gain for all, extra for dull colours; sharpen_radius px, sharpen_amount,
    sharpen_threshold (0..1); distortion: radial lens correction, relative stretch at the corner.
    quality 1..100; subsampling "4:2:0", "4:2:2", "4:4:4"; progressive.
    orientation: the RAW's TIFF orientation; pixels_turned: whether the JPEG's pixels are turned by it (upright, Exif
    orientation 1) or left like the mosaic (Exif says it). crop: top, left, bottom, right px missing from the JPEG, in
    the mosaic's orientation; scale: the JPEG's size over the mosaic's.
    """

    demosaic: str
    highlights: str
    vignetting_corrected: float
    matrix_error: tuple[tuple[float, ...], ...]
    wb_taste: tuple[float, float, float]
    denoise: str
    luma_denoise: float
    chroma_denoise: float
    brightness: float
    max_gain: float
    burnt: float
    shoulder: float
    s_curve: tuple[float, float, float, float]
    hue_kept: float
    local_compression: float
    local_detail: float
    local_radius: float
    saturation: float
    vibrance: float
    sharpen_radius: float
    sharpen_amount: float
    sharpen_threshold: float
    distortion: float
    quality: int
    subsampling: str
    progressive: bool
    orientation: int = 1
    pixels_turned: bool = True
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    scale: float = 1.0


def draw_isp(rng: np.random.Generator, sensor: Sensor) -> Isp:
    """A random camera style. High ISO makes strong denoising likelier, as in cameras."""
    noisy = np.clip(np.log2(sensor.iso / 100) / 7, 0, 1)
    denoises = rng.random() < 0.65 + 0.3 * noisy
    strength = rng.uniform(0.2, 1) * (0.6 + noisy)
    local = rng.random() < 0.35
    sharpens = rng.random() < 0.85
    bend = rng.uniform(0, 1) * rng.choice([0.4, 1.0])
    return Isp(
        demosaic=str(rng.choice(["bilinear", "malvar", "edge-directed"], p=[0.1, 0.35, 0.55])),
        highlights=str(rng.choice(ISP_CHOICES["highlights"], p=[0.7, 0.3])),
        vignetting_corrected=float(rng.choice([0.0, rng.uniform(0.4, 1), 1.0], p=[0.35, 0.3, 0.35])),
        matrix_error=tuple(map(tuple, (np.eye(3) + rng.normal(0, 0.025, (3, 3))).tolist())),
        wb_taste=tuple(rng.normal(1, [0.03, 0, 0.03]).tolist()),
        denoise=str(rng.choice(["wavelet", "guided", "nonlocal"], p=[0.4, 0.35, 0.25])) if denoises else "none",
        luma_denoise=float(1.6 * strength * rng.uniform(0.3, 1)),
        chroma_denoise=float(3.0 * strength * rng.uniform(0.5, 1)),
        brightness=float(np.clip(rng.normal(0.40, 0.10), 0.12, 0.68)),
        max_gain=float(rng.choice([rng.uniform(1, 4), rng.uniform(4, 24)])),
        burnt=float(rng.uniform(0, rng.choice([0, 0.005, 0.03, 0.15], p=[0.2, 0.4, 0.3, 0.1]))),
        shoulder=float(rng.choice([1.0, rng.uniform(1.2, 6)], p=[0.35, 0.65])),
        s_curve=tuple((bend * rng.normal([-0.035, -0.045, 0.0, 0.045], 0.025)).tolist()),
        hue_kept=float(rng.choice([0.0, rng.uniform(0.2, 1)], p=[0.6, 0.4])),
        local_compression=float(rng.uniform(0.1, 0.5) if local else 0),
        local_detail=float(rng.uniform(0.9, 1.4) if local else 1),
        local_radius=float(rng.uniform(0.01, 0.06)),
        saturation=float(np.clip(rng.normal(1.08, 0.15), 0.0, 1.7)) if rng.random() > 0.02 else 0.0,
        vibrance=float(rng.choice([0.0, rng.uniform(0, 0.4)], p=[0.7, 0.3])),
        sharpen_radius=float(rng.uniform(0.5, 1.8)),
        sharpen_amount=float(rng.uniform(0.15, 1.3) if sharpens else 0),
        sharpen_threshold=float(rng.choice([0.0, rng.uniform(0.002, 0.02)])),
        distortion=float(rng.normal(0, 0.008) if rng.random() < 0.03 else 0),
        quality=int(rng.integers(80, 99)),
        subsampling=str(rng.choice(ISP_CHOICES["subsampling"], p=[0.65, 0.2, 0.15])),
        progressive=bool(rng.random() < 0.1),
    )


def render(raw: RawImage, sensor: Sensor, isp: Isp) -> tuple[bytes, float]:
    """The JPEG file, and the gain from white-balanced RAW (green 1 at white) to the tone curve's input."""
    balance = isp.wb_taste / neutral(sensor)[1]
    linear = _linear_rgb(raw, sensor, isp, balance)
    target = float(colour.srgb_decode(np.array(isp.brightness)))
    wanted = target / max(float(np.median(colour.luminance(linear))), 1e-5)
    highest = isp.shoulder / max(float(np.quantile(linear.max(-1), 1 - isp.burnt)), 1e-5)
    gain = float(np.clip(min(wanted, highest), 0.7, isp.max_gain))
    linear *= np.float32(gain)
    if isp.local_compression or isp.local_detail != 1:
        linear *= _local_gain(colour.luminance(linear), isp)[..., None]
    display = _look(_tone(linear, isp), isp)
    if isp.distortion:
        display = _warp(display, isp.distortion)
    pixels = np.round(display.clip(0, 1) * 255).astype(np.uint8)
    return _jpeg(pixels, raw, sensor, isp), gain


def _linear_rgb(raw: RawImage, sensor: Sensor, isp: Isp, balance: np.ndarray) -> np.ndarray:
    """Developed as far as linear sRGB, 1 = white of the sensor; values above 1 and slightly below 0 occur."""
    value = np.empty(raw.mosaic.shape, np.float32)
    for k in range(4):
        site = (slice(k // 2, None, 2), slice(k % 2, None, 2))
        value[site] = (raw.mosaic[site] - np.float32(raw.black[k])) / np.float32(raw.white - raw.black[k])
    scale, offset = sensor.noise()
    rgb = demosaic.METHODS[isp.demosaic](np.minimum(value, 1), raw.cfa)
    rgb = denoise.denoise(rgb, isp.denoise, isp.luma_denoise, isp.chroma_denoise, scale, offset)
    if isp.vignetting_corrected:
        rgb /= (falloff(raw.mosaic.shape, sensor.vignetting) ** np.float32(isp.vignetting_corrected))[..., None]
    saturated = rgb > 0.99
    rgb *= (balance / balance.min()).astype(np.float32)
    if isp.highlights == "blend":
        others = (rgb.sum(-1, keepdims=True) - rgb) / 2
        rgb = np.where(saturated, np.maximum(rgb, others), rgb)
    else:
        rgb = np.minimum(rgb, 1)
    rgb *= np.float32(balance.min() / balance[1])
    to_srgb = np.array(isp.matrix_error) @ np.linalg.inv(response(sensor))
    # white-balanced neutral must stay neutral: each row sums to one
    to_srgb = to_srgb * neutral(sensor)[0]
    return np.asarray(rgb @ (to_srgb / to_srgb.sum(1, keepdims=True)).T.astype(np.float32))


def _local_gain(light: np.ndarray, isp: Isp) -> np.ndarray:
    """Gain (H, W) that compresses the base layer of log luminance about its mean and scales the detail layer."""
    log = np.log2(np.maximum(light, 1e-4))
    size = max(3, round(isp.local_radius * max(log.shape)) * 2 + 1)
    base = denoise.guided(log, log, size, 0.2)
    middle = float(base.mean())
    change = -isp.local_compression * (base - middle) + (isp.local_detail - 1) * (log - base)
    return np.exp2(np.clip(change, -3, 3)).astype(np.float32)


def _tone(linear: np.ndarray, isp: Isp) -> np.ndarray:
    """Linear sRGB -> display sRGB 0..1."""
    curve = filmic(isp.shoulder, isp.s_curve)
    display = curve(linear)
    if isp.hue_kept:
        light = np.maximum(colour.luminance(linear), 1e-5)
        mapped = colour.srgb_decode(curve(light))
        kept = colour.srgb_encode(linear * (mapped / light)[..., None])
        display += np.float32(isp.hue_kept) * (kept.astype(np.float32) - display)
    return display


def _look(display: np.ndarray, isp: Isp) -> np.ndarray:
    """Saturation, vibrance and sharpening on display sRGB."""
    luma = display @ np.array([0.299, 0.587, 0.114], np.float32)
    chroma = display - luma[..., None]
    strength = np.float32(isp.saturation)
    if isp.vibrance:
        dull = 1 - np.minimum(np.abs(chroma).max(-1) * 3, 1)
        chroma *= (strength * (1 + np.float32(isp.vibrance) * dull))[..., None]
    else:
        chroma *= strength
    if isp.sharpen_amount:
        detail = luma - gaussian_filter(luma, isp.sharpen_radius, truncate=3)
        detail = np.sign(detail) * np.maximum(np.abs(detail) - np.float32(isp.sharpen_threshold), 0)
        # halos are held back, as cameras do
        luma = luma + 0.12 * np.tanh(np.float32(isp.sharpen_amount / 0.12) * detail)
    return np.asarray(luma[..., None] + chroma)


def _warp(image: np.ndarray, stretch: float) -> np.ndarray:
    """Radial lens correction: a point at relative radius r comes from r (1 + stretch r^2) / (1 + stretch)."""
    h, w = image.shape[:2]
    y, x = np.mgrid[:h, :w].astype(np.float32)
    cy, cx = (h - 1) / 2, (w - 1) / 2
    square = ((y - cy) ** 2 + (x - cx) ** 2) / (cy * cy + cx * cx)
    factor = (1 + stretch * square) / max(1 + stretch, 1.0)
    where = np.stack([cy + (y - cy) * factor, cx + (x - cx) * factor])
    return np.stack([map_coordinates(image[..., k], where, order=1, mode="nearest") for k in range(3)], -1)


# TIFF orientation -> how PIL turns the stored pixels upright
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _jpeg(pixels: np.ndarray, raw: RawImage, sensor: Sensor, isp: Isp) -> bytes:
    """Cropped, scaled, turned, compressed (libjpeg-turbo through Pillow)."""
    h, w = pixels.shape[:2]
    top, left, bottom, right = isp.crop
    picture = Image.fromarray(np.ascontiguousarray(pixels[top : h - bottom, left : w - right]))
    if isp.scale != 1:
        size = (max(1, round(picture.width * isp.scale)), max(1, round(picture.height * isp.scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    exif = Image.Exif()
    exif[271], exif[272], exif[274] = sensor.make, sensor.model, isp.orientation
    if isp.pixels_turned:
        exif[274] = 1
        if isp.orientation != 1:
            picture = picture.transpose(TURNS[isp.orientation])
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=isp.quality, subsampling=isp.subsampling, progressive=isp.progressive, exif=exif)
    return out.getvalue()
