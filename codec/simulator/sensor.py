"""A random but plausible sensor: from the light of a scene to the mosaic that a RAW file holds.

    scene --colour response, light--> camera RGB --lens: blur, fringes, vignetting--> exposure
          --CFA--> electrons: shot noise, PRNU --> volts: read and row noise, hot pixels
          --gain, black level, clipping--> [in-camera denoising] --> [lossy value curve] --> mosaic, uint16

Noise is known: variance of (DN - black) / (white - black) = scale * x + offset, which goes into the NoiseProfile tag.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter, median_filter

from ...bitstream.raw_image import CFA_PHASES, RawImage
from ..isp.colour import camera_from_rgb, illuminant_xyz
from ..isp.demosaic import COLOURS
from . import colour

BRIGHTEST = 64.0  # times white: light beyond is cut, lest the lens spread one lamp over all around it


@dataclass(frozen=True)
class Sensor:
    """One camera and one exposure of it.

    colour_matrix: XYZ -> camera, D65 (3 rows); kelvin, tint: the light; wb_error: as-shot neutral over the true one.
    iso, full_well: electrons that fill a pixel at ISO 100; read_noise, row_noise: electrons rms; prnu: relative rms of
    the pixels' sensitivity; hot_pixels: share of the pixels.
    bits: of the converter; black: of the four sites, DN; black_offset: true black minus the stated one, DN;
    white: stated level, DN; clip: DN where the converter ends, at or above white; clip_at_black: the camera
    subtracts the black level itself and cuts what is below.
    curve: "none", or the kind of lossy coding that leaves few values in use ("root": Nikon's kind, steps grow with
    the root of the signal; "segments": Sony's kind, steps double); curve_step: its coarseness.
    median: where the exposure puts the median green, 0..1 of white; clipped: at most this share of pixels at white.
    blur: Gaussian sigma of lens and AA filter, px; fringe: red's and blue's magnification minus green's;
    vignetting: light lost in the corners, 0..1; raw_denoise: strength 0..1 of denoising before the RAW was written.
    """

    colour_matrix: tuple[tuple[float, ...], ...]
    kelvin: float
    tint: float
    wb_error: tuple[float, float, float]
    iso: int
    full_well: float
    read_noise: float
    row_noise: float
    prnu: float
    hot_pixels: float
    bits: int
    black: tuple[float, float, float, float]
    black_offset: float
    white: int
    clip: int
    clip_at_black: bool
    curve: str
    curve_step: float
    median: float
    clipped: float
    blur: float
    fringe: tuple[float, float]
    vignetting: float
    raw_denoise: float
    cfa: str
    odd_size: bool
    make: str = "rawinlay"
    model: str = "simulated"

    def noise(self) -> tuple[float, float]:
        """(scale, offset) of the noise profile: shot noise; read and row noise and rounding."""
        electrons, range_dn = self.electrons(), self.white - float(np.mean(self.black))
        return 1 / electrons, (self.read_noise**2 + self.row_noise**2) / electrons**2 + 1 / 12 / range_dn**2

    def electrons(self) -> float:
        """Electrons at the white level."""
        return self.full_well * 100 / self.iso


def draw_sensor(rng: np.random.Generator) -> Sensor:
    """One of the cameras that are about, and one exposure."""
    bits = int(rng.choice([10, 12, 14, 16], p=[0.08, 0.36, 0.52, 0.04]))
    full = 2**bits - 1
    clip_at_black = rng.random() < 0.25
    pedestal = float(rng.choice([1 / 128, 1 / 32, 1 / 16, 1 / 8, rng.uniform(0.003, 0.13)]))
    level = 0 if clip_at_black else round(full * pedestal)
    uneven = 0.0 if clip_at_black or rng.random() < 0.5 else full * rng.uniform(0, 0.0008)
    black = np.round(level + rng.normal(0, 1, 4) * uneven).clip(0)
    clip = full if rng.random() < 0.5 else round(full * rng.uniform(0.82, 1))
    white = clip if rng.random() < 0.5 else round(clip * rng.uniform(0.92, 1))
    iso = int(100 * 2 ** (np.clip(rng.exponential(2.6), 0, 7.6)).round(1))
    full_well = float(np.exp(rng.uniform(np.log(8e3), np.log(9e4))))
    read = float(rng.uniform(1.2, 4) + full_well / (2**12 if bits < 14 else 2**13.5) * rng.uniform(0.3, 1) * 100 / iso)
    curve = str(rng.choice(["none", "root", "segments"], p=[0.7, 0.2, 0.1])) if bits >= 12 else "none"
    return Sensor(
        colour_matrix=tuple(map(tuple, colour.draw_colour_matrix(rng).tolist())),
        kelvin=float(rng.choice([rng.uniform(2500, 4500), rng.uniform(4500, 6500), rng.uniform(5000, 9000)])),
        tint=float(rng.normal(0, 0.004)),
        wb_error=tuple(rng.normal(1, [0.03, 0.0, 0.03]).tolist()),
        iso=iso,
        full_well=max(full_well, 3.0 * iso),  # a camera offers no ISO at which white is below 300 electrons
        read_noise=read,
        row_noise=float(read * rng.choice([0, rng.uniform(0, 0.3)])),
        prnu=float(rng.uniform(0.001, 0.006)),
        hot_pixels=float(rng.choice([0, 10 ** rng.uniform(-5.5, -4)], p=[0.7, 0.3])),
        bits=bits,
        black=(float(black[0]), float(black[1]), float(black[2]), float(black[3])),
        black_offset=float(0.0 if clip_at_black else rng.normal(0, 0.2)),
        white=int(white),
        clip=int(clip),
        clip_at_black=bool(clip_at_black),
        curve=curve,
        curve_step=float(rng.uniform(0.2, 0.9) if curve == "root" else rng.uniform(0.7, 1.5)),
        median=float(np.exp(np.clip(rng.normal(np.log(0.05), 0.85), np.log(0.003), np.log(0.4)))),
        clipped=float(rng.choice([0.002, 0.01, 0.05, 0.2], p=[0.35, 0.35, 0.2, 0.1])),
        blur=float(rng.uniform(0.35, 1.0)),
        fringe=tuple((rng.normal(0, 4e-4, 2) * (rng.random() < 0.4)).tolist()),
        vignetting=float(rng.choice([0, rng.uniform(0, 0.25), rng.uniform(0.2, 0.55)], p=[0.4, 0.4, 0.2])),
        raw_denoise=float(rng.choice([0, rng.uniform(0.2, 0.8)], p=[0.92, 0.08])),
        cfa=str(rng.choice(CFA_PHASES)),
        odd_size=bool(rng.random() < 0.03),
    )


def response(sensor: Sensor) -> np.ndarray:
    """Linear RGB of a scene -> camera colours (3, 3), in the light of this exposure."""
    light = illuminant_xyz(sensor.kelvin, sensor.tint)
    return camera_from_rgb(np.array(sensor.colour_matrix), light)


def neutral(sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
    """(true, as-shot) camera colour (3,) of a neutral object, green 1."""
    white = response(sensor).sum(1)
    true = np.maximum(white / white[1], 0.08)
    return true, true * np.array(sensor.wb_error) / sensor.wb_error[1]


def falloff(shape: tuple[int, int], loss: float) -> np.ndarray:
    """Vignetting: the light that arrives (H, W) float32, 1 in the middle, 1 - loss in the corners."""
    h, w = shape
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)
    square = (y * y * h * h + x * x * w * w) / (h * h + w * w)
    return np.asarray(1 - loss * (0.6 * square + 0.4 * square * square))


def expose(scene: np.ndarray, sensor: Sensor) -> tuple[np.ndarray, float]:
    """Camera RGB (H, W, 3) float32 on the sensor, 1 = white level, without noise; and the gain from scene to green."""
    matrix = response(sensor)
    matrix = matrix / matrix[1].sum()
    green = scene @ matrix[1].astype(np.float32)
    gain = sensor.median / max(float(np.median(green)), 1e-6)
    gain = min(gain, 1 / max(float(np.quantile(green, 1 - sensor.clipped)), 1e-6))
    light = np.clip(scene @ (matrix.T * gain).astype(np.float32), 0, BRIGHTEST)
    h, w = light.shape[:2]
    middle = np.array([(h - 1) / 2, (w - 1) / 2])
    for k, fringe in ((0, sensor.fringe[0]), (2, sensor.fringe[1])):
        if fringe:
            zoom = np.array([1 - fringe, 1 - fringe])
            light[..., k] = affine_transform(light[..., k], zoom, middle - zoom * middle, order=1, mode="nearest")
    for k in range(3):
        light[..., k] = gaussian_filter(light[..., k], sensor.blur, truncate=3)
    return light * falloff((h, w), sensor.vignetting)[..., None], gain


def expose_noisy(light: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Camera RGB on the sensor (H, W, 3) -> mosaic (H, W) uint16."""
    h, w = light.shape[:2]
    mean = np.empty((h, w), np.float32)
    black = np.empty((h, w), np.float32)
    for k, name in enumerate(sensor.cfa):
        site = (slice(k // 2, None, 2), slice(k % 2, None, 2))
        mean[site], black[site] = light[(*site, COLOURS.index(name))], sensor.black[k]
    electrons = sensor.electrons()
    sensitivity = 1 + sensor.prnu * rng.standard_normal((h, w), np.float32)
    signal = rng.poisson(np.minimum(mean, 4.0) * electrons * sensitivity).astype(np.float32)
    signal += sensor.read_noise * rng.standard_normal((h, w), np.float32)
    signal += sensor.row_noise * rng.standard_normal((h, 1), np.float32)
    hot = rng.random((h, w), np.float32) < sensor.hot_pixels
    signal += hot * rng.uniform(0.02, 1.0, (h, w)).astype(np.float32) * electrons
    value = black + sensor.black_offset + signal / electrons * (sensor.white - float(np.mean(sensor.black)))
    if sensor.raw_denoise:
        for k in range(4):
            plane = value[k // 2 :: 2, k % 2 :: 2]
            value[k // 2 :: 2, k % 2 :: 2] = _denoise(plane, sensor.raw_denoise)
    dn = np.round(value.clip(black if sensor.clip_at_black else 0, sensor.clip)).astype(np.int64)
    used = used_values(sensor)
    return used[np.searchsorted((used[1:] + used[:-1]) / 2, dn)].astype(np.uint16)


def _denoise(plane: np.ndarray, strength: float) -> np.ndarray:
    """Blend of a plane with its median and its blur: noise becomes weaker, and like its neighbours'."""
    smooth = (median_filter(plane, 3) + gaussian_filter(plane, 0.7)) / 2
    return plane + strength * (smooth - plane)


def used_values(sensor: Sensor) -> np.ndarray:
    """The DN that the camera's value curve leaves in use, ascending int64, up to the converter's end."""
    full = sensor.clip
    if sensor.curve == "none":
        return np.arange(full + 1)
    start = float(np.mean(sensor.black))
    level = np.arange(full + 1, dtype=np.float64)
    above = (level - start).clip(0) / (full - start)
    if sensor.curve == "root":
        # the step stays a fixed share of the shot noise of a sensor of 40,000 electrons at base ISO
        step = sensor.curve_step * np.sqrt(above / 4e4) * (full - start)
    else:
        step = sensor.curve_step * 2.0 ** np.floor(np.log2(above * 16 + 0.5)) * full / 2**14
    code = np.floor(np.cumsum(1 / np.maximum(step, 1.0)))
    first = np.searchsorted(code, np.unique(code))
    return np.unique(np.append(first, full))


def raw_image(mosaic: np.ndarray, sensor: Sensor, orientation: int) -> RawImage:
    """The mosaic with the levels and tags by which any program develops it."""
    shot = neutral(sensor)[1]
    seconds = colour.exposure_seconds(sensor.iso, sensor.median)
    return RawImage(
        mosaic=mosaic,
        cfa=sensor.cfa,
        black=sensor.black,
        white=sensor.white,
        orientation=orientation,
        camera=f"{sensor.make} {sensor.model}",
        ifd0_tags=colour.colour_tags(np.array(sensor.colour_matrix), shot, sensor.make, sensor.model),
        raw_tags={51041: colour.noise_profile_tag(*sensor.noise())},
        exif_tags=colour.exif_tags(sensor.iso, seconds, 4.0),
    )
