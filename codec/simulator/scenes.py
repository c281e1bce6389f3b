"""Scenes for the simulator: linear light, scene-referred, float32 (H, W, 3), Rec. 709 primaries, any scale.

A photograph has been through a tone curve and has lost its highlights. `to_scene` takes a random guess at both back:
an inverse curve that lets white lie well above the rest, and a glow inside what was clipped.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

from ...bitstream.errors import InputError, UsageError
from ..isp.colour import srgb_decode

LOG_FLOOR, LOG_TOP = 2.0**-11, 4096.0  # the log coding of the HDR scenes: u = log(1 + x / floor), full scale at top


@dataclass(frozen=True)
class SceneFile:
    """One stored scene. coding: "display" (sRGB, 8 or 16 bit) or "log" (linear light, log-coded); split: train, val."""

    path: Path
    coding: str
    split: str


def list_scenes(folder: Path | str, split: str | None = None) -> list[SceneFile]:
    """Scenes of a folder, sorted: those of its manifest.csv and manifest_hdr.csv (columns file, split) where there are
    any, else every picture in it, as train. InputError if there are none."""
    folder = Path(folder)
    found: list[SceneFile] = []
    for name, coding in (("manifest.csv", "display"), ("manifest_hdr.csv", "log")):
        if (folder / name).is_file():
            with open(folder / name, newline="", encoding="utf-8") as rows:
                for row in csv.DictReader(rows):
                    if (folder / row["file"]).is_file():
                        found.append(SceneFile(folder / row["file"], coding, row["split"]))
    if not found and folder.is_dir():
        kinds = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".jxl"}
        found = [SceneFile(p, "display", "train") for p in folder.rglob("*") if p.suffix.lower() in kinds]
    found = sorted((s for s in found if split in (None, s.split)), key=lambda s: str(s.path))
    if not found:
        raise InputError(f"{folder}: no scenes" + (f" of split {split}" if split else ""))
    return found


def load_scene(file: SceneFile, rng: np.random.Generator) -> np.ndarray:
    """A stored scene as linear light; for a display-referred one the inverse curve is random."""
    stored = _decode(file.path)
    if file.coding == "log":
        octaves = np.log2(1 + LOG_TOP / LOG_FLOOR)
        return np.asarray((np.exp2(stored * np.float32(octaves)) - 1) * np.float32(LOG_FLOOR), np.float32)
    return to_scene(stored, rng)


def _decode(path: Path) -> np.ndarray:
    """Stored picture (H, W, 3) float32 in 0..1."""
    try:
        if path.suffix.lower() == ".jxl":
            try:
                import imagecodecs
            except ImportError:
                raise UsageError("JPEG XL scenes need imagecodecs: pip install imagecodecs") from None
            stored = imagecodecs.jpegxl_decode(path.read_bytes())
        else:
            with Image.open(path) as picture:
                stored = np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable picture ({type(error).__name__})") from error
    rgb = stored.ndim == 3 and stored.shape[2] == 3 and stored.dtype in (np.uint8, np.uint16)
    if not rgb or min(stored.shape[:2]) < 32:
        raise InputError(f"{path}: {stored.dtype} {stored.shape}, want 8 or 16 bit RGB of 32 x 32 or more")
    return np.asarray(stored, np.float32) / np.iinfo(stored.dtype).max


def to_scene(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A display-referred picture (H, W, 3), uint8 or 0..1, sRGB -> linear light with a random inverse tone curve."""
    if picture.dtype == np.uint8:
        picture = picture.astype(np.float32) / 255
    linear = srgb_decode(picture).astype(np.float32)
    shoulder = rng.choice([0.0, rng.uniform(0.2, 0.7), rng.uniform(0.6, 0.9)], p=[0.25, 0.45, 0.3])
    contrast = rng.uniform(0.95, 1.25)
    bright = linear.max(-1)
    # luminance-like gain, so that the inverse of the shoulder doesn't exaggerate colours
    raised = np.maximum(bright, 1e-5)
    gain = raised ** np.float32(contrast - 1) / (1 - np.float32(shoulder) * np.minimum(raised, 1))
    scene = linear * gain[..., None]
    white = np.clip((linear.min(-1) - 0.85) / 0.15, 0, 1)
    if white.max() > 0:
        size = max(linear.shape[:2])
        glow = sum(gaussian_filter(white, size * s) ** 2 for s in (0.01, 0.04))
        scene *= (1 + rng.uniform(0, 3) * white * glow)[..., None]
    return np.asarray(scene, np.float32)


def random_crop(scene: np.ndarray, size: int | None, rng: np.random.Generator, largest_zoom: float = 1.8) -> np.ndarray:
    """A flipped and turned part of the scene, at most size x size, even sides; enlarged sometimes, as real files are
    seldom sharp to the pixel."""
    scale = float(rng.choice([1.0, rng.uniform(1, largest_zoom)], p=[0.55, 0.45]))
    h, w = scene.shape[:2]
    if size is not None:
        rows, columns = (min(n, int(np.ceil(size / scale)) + 1) for n in (h, w))
        top, left = rng.integers(h - rows + 1), rng.integers(w - columns + 1)
        scene = scene[top : top + rows, left : left + columns]
    if scale > 1:
        # a logarithm keeps the cubic spline from ringing around lamps
        floor = np.float32(2**-8)
        scene = np.exp2(zoom(np.log2(scene + floor), (scale, scale, 1), order=3, mode="nearest")) - floor
    if rng.random() < 0.5:
        scene = scene[:, ::-1]
    if rng.random() < 0.25:
        scene = scene.transpose(1, 0, 2)
    h, w = (n if size is None else min(n, size) for n in scene.shape[:2])
    return np.ascontiguousarray(scene[: h // 2 * 2, : w // 2 * 2].clip(0), np.float32)
