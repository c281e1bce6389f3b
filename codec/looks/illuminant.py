"""The light of a shot estimated from the mosaic alone, for RAWs that don't say it.

::

    blocks of the mosaic / the camera's daylight --closed forms: grey world, shades of grey, white patch, grey edges-->
        log2 R / G, B / G by each --a regression, quadratic, ridge--> log2 R / G, B / G of the light --> neutral

Grey edges: van de Weijer, Gevers and Gijsenij (2007); shades of grey: Finlayson and Trezzi (2004). Which of them to
trust depends on the picture; the regressions, one for cameras whose colour matrix is known and one for others, were
fitted to simulated shots with known light (`codec.training.illuminant`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from scipy.ndimage import gaussian_filter

from ...bitstream.raw_image import RawImage
from ...bitstream.tiff.tiff import RATIONAL, pack_value
from ..isp.colour import illuminant_xyz
from ..isp.light import AS_SHOT_NEUTRAL, AS_SHOT_WHITE_XY, Light
from ..isp.sensor import sensor_of

WEIGHTS = Path(__file__).with_name("nets") / "illuminant.safetensors"
SIDE = 128
"""Longest side of the blocks."""

CLIPPED = 0.9
"""Blocks with a colour above this say nothing of the light's colour."""

LEAST = 1e-4
UNIT = 1_000_000
DAYLIGHT = np.array([0.5, 1.0, 0.62])
"""Neutral of a camera without a matrix in daylight: what most sensors see."""

FARTHEST = 1.5
"""Most that log2 of a ratio may differ from daylight's."""

STRANGEST = 2.0
"""Standard deviations to which a picture's answers are cut."""


def says(raw: RawImage) -> bool:
    """Whether a RAW tells its light."""
    return AS_SHOT_NEUTRAL in raw.ifd0_tags or AS_SHOT_WHITE_XY in raw.ifd0_tags


def lit(raw: RawImage) -> RawImage:
    """The RAW; where it doesn't say its light, with the estimated one in its tags."""
    if says(raw) or not sensor_of(raw).own_colours:
        return raw
    numbers = [n for part in estimated(raw) for n in (max(1, round(part * UNIT)), UNIT)]
    return replace(raw, ifd0_tags=dict(raw.ifd0_tags) | {AS_SHOT_NEUTRAL: pack_value(RATIONAL, *numbers)})


def daylight_of(light: Light) -> np.ndarray:
    """The camera's neutral in daylight, green 1, (3,)."""
    x, y, z = illuminant_xyz(5500.0)
    found = light.neutral_at(x / (x + y + z), y / (x + y + z))
    return DAYLIGHT if found is None else found / found[1]


def estimated(raw: RawImage) -> np.ndarray:
    """The neutral, R, G, B, float64 (3,), the largest 1, of a mosaic of colours."""
    light = Light.of(raw)
    weights, daylight = _shipped("matrix" if light.matrices else "plain"), daylight_of(light)
    found = ratios(answers(blocks_of(raw), daylight), weights)
    neutral = daylight * np.exp2(np.array([found[0], 0.0, found[1]]))
    return np.asarray(neutral / neutral.max())


def blocks_of(raw: RawImage) -> np.ndarray:
    """Camera RGB of blocks, not balanced, float64 (h, w, 3), 1 white."""
    return sensor_of(raw).blocks(np.ones(3), SIDE).astype(np.float64)


def answers(blocks: np.ndarray, daylight: np.ndarray) -> np.ndarray:
    """log2 R / G and B / G against daylight by each closed form, then quantiles of the blocks', float64 (n,)."""
    seen = blocks.max(-1) < CLIPPED
    if seen.sum() < 16:
        seen[:] = True
    picture = np.maximum(blocks, LEAST) / daylight
    some = picture[seen]
    found = [(some**p).mean(0) ** (1 / p) for p in (1, 2, 4, 8)]
    found.append(np.quantile(some, 0.99, axis=0))
    grey = some.sum(1)
    found += [some[grey >= np.quantile(grey, q)].mean(0) for q in (0.5, 0.9)]
    for sigma in (1.0, 2.0):
        smooth = [gaussian_filter(picture[..., k], sigma) for k in range(3)]
        first = np.stack([np.hypot(*np.gradient(v)) for v in smooth], -1)[seen]
        second = np.stack([np.hypot(*(np.gradient(g, axis=a) for a, g in enumerate(np.gradient(v)))) for v in smooth],
                          -1)[seen]  # fmt: skip
        found += [(e**p).mean(0) ** (1 / p) for e in (first, second) for p in (1, 4)]
    forms = np.log2(np.maximum(np.stack(found), 1e-7))
    bright = some[grey >= np.quantile(grey, 0.25)]
    each = np.log2(bright[:, [0, 2]] / bright[:, 1:2])
    spread = np.quantile(each, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    return np.concatenate([(forms[:, [0, 2]] - forms[:, 1:2]).ravel(), spread.ravel()]).clip(-3, 3)


def expanded(found: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Answers (..., n) along their main directions and 1, and, where the regression has weights for them, squares and
    products, (..., features)."""
    parts = ((found - weights["mean"]) @ weights["parts"].T).clip(-STRANGEST, STRANGEST)
    first, second = np.triu_indices(parts.shape[-1])
    whole = np.concatenate([np.ones((*parts.shape[:-1], 1)), parts, parts[..., first] * parts[..., second]], -1)
    return whole[..., : len(weights["ridge"])]


def ratios(found: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """log2 R / G and B / G of the light against daylight, (..., 2)."""
    return np.asarray((expanded(found, weights) @ weights["ridge"]).clip(-FARTHEST, FARTHEST))


@cache
def _shipped(kind: str) -> dict[str, np.ndarray]:
    named = (name.split(".") for name in load_file(WEIGHTS))
    return {part: load_file(WEIGHTS)[f"{k}.{part}"].astype(np.float64) for k, part in named if k == kind}
