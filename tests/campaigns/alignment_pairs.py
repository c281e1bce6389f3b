"""RAWs and what they show, to make pairs of: pieces of RAW files, simulated shots, facades of like windows."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.raw_image import RawImage
from scipy.ndimage import gaussian_filter, map_coordinates

ISOS = (100, 400, 1600, 3200, 6400, 12800, 19200)


@dataclass(frozen=True, eq=False)
class Pair:
    """A RAW; what it shows and what something else does, in linear light, float32 (rows, columns, 3), 1 is white.

    others: by what they are; None where this RAW has no such. other: the first of them.
    """

    seed: int
    name: str
    raw: RawImage
    linear: np.ndarray
    others: Mapping[str, Callable[[], np.ndarray | None]]

    @property
    def other(self) -> np.ndarray:
        return next(picture for picture in (make() for make in self.others.values()) if picture is not None)


def developed(raw: RawImage) -> np.ndarray:
    """By LibRaw, the brightest per cent white."""
    import rawpy
    from rawinlay.bitstream.dng.writer import write_dng

    with rawpy.imread(io.BytesIO(write_dng(raw))) as source:
        rgb = source.postprocess(
            use_camera_wb=True, output_bps=16, gamma=(1, 1), no_auto_bright=True, user_flip=0
        ).astype(np.float32) / 65535  # fmt: skip
    return rgb / max(float(np.quantile(rgb[::4, ::4].max(2), 0.99)), 1e-3)


def pieces(folder: Path, count: int, first: int, size: tuple[int, int]) -> Iterator[Pair]:
    """Pieces of RAW files. What else there is: a piece of another file, another one of the same, and what lies a little
    beside, as the next picture of a burst would, a part of it moved."""
    files = _files(folder)
    names = list(files)
    for seed in range(first, first + count):
        rng = np.random.default_rng([seed, 77])
        name = names[seed % len(names)]
        raw = files[name]
        at = _spot(rng, raw, size)
        mine = _piece(raw, at, size)
        linear = developed(mine)
        if linear.shape[:2] != mine.mosaic.shape:
            continue  # LibRaw has squared its pixels
        there = files[names[(seed + 1 + int(rng.integers(0, len(names) - 1))) % len(names)]]
        spots = _spot(rng, there, size), _spot(rng, raw, size)
        others = {
            "another file": functools.partial(_elsewhere, there, spots[0], size),
            "another part": functools.partial(_elsewhere, raw, spots[1], size, at),
            "burst": functools.partial(_burst, [seed, 80], linear),
        }
        yield Pair(seed, name, mine, linear, others)


@functools.cache
def _files(folder: Path) -> dict[str, RawImage]:
    from rawinlay.codec.source.raw import read_raw

    files = {}
    for path in sorted(folder.iterdir()):
        try:
            files[path.name] = read_raw(path)
        except InputError:
            continue
    return files


def _blocks(raw: RawImage) -> tuple[int, int]:
    return raw.cell.block if raw.cell else (2, 2)


def _piece(raw: RawImage, at: tuple[int, int], size: tuple[int, int]) -> RawImage:
    """From a spot on as much as there is, in whole blocks."""
    h, w = (min(n, m - a) // b * b for n, m, a, b in zip(size, raw.mosaic.shape, at, _blocks(raw), strict=True))
    cut = np.ascontiguousarray(raw.mosaic[at[0] : at[0] + h, at[1] : at[1] + w])
    cell = replace(raw.cell, height=h, width=w) if raw.cell else None
    return replace(raw, mosaic=cut, orientation=1, cell=cell)


def _spot(rng: np.random.Generator, raw: RawImage, size: tuple[int, int]) -> tuple[int, int]:
    """The corner of some piece of a RAW."""
    most = [max(n - m, 0) // b for n, m, b in zip(raw.mosaic.shape, size, _blocks(raw), strict=True)]
    y, x = (int(rng.integers(0, m + 1)) * b for m, b in zip(most, _blocks(raw), strict=True))
    return y, x


def _elsewhere(
    raw: RawImage, spot: tuple[int, int], size: tuple[int, int], mine: tuple[int, int] | None = None
) -> np.ndarray | None:
    """What another piece shows; None where it shares something with the one at `mine`."""
    if mine and max(abs(a - b) / n for a, b, n in zip(spot, mine, size, strict=True)) < 1:
        return None
    return developed(_piece(raw, spot, size))


def _burst(seed: list[int], linear: np.ndarray) -> np.ndarray:
    """The next picture: held a little otherwise, nearer things moved more, somebody gone by, other noise."""
    rng = np.random.default_rng(seed)
    h, w = linear.shape[:2]
    turn, shift = np.radians(rng.normal(0, 0.5)), rng.normal(0, 0.02 * w, 2)
    near = gaussian_filter(rng.normal(size=(h, w)), w / 12)
    near *= 0.01 * w / near.std()
    y, x = np.meshgrid(np.arange(h) - h / 2, np.arange(w) - w / 2, indexing="ij")
    c, s = np.cos(turn), np.sin(turn)
    at = [c * y + s * x + h / 2 + shift[0], c * x - s * y + w / 2 + shift[1] + near]
    moved = np.stack([map_coordinates(linear[..., k], at, order=1, mode="reflect") for k in range(3)], -1)
    left = int(rng.integers(0, w - w // 4))
    moved[h // 4 :, left : left + w // 4] = moved[h // 4 :, left : left + w // 4][:, ::-1] * 0.4
    return np.clip(moved * (1 + 0.02 * rng.normal(size=moved.shape)), 0, None).astype(np.float32)


def shots(count: int, first: int, size: tuple[int, int]) -> Iterator[Pair]:
    """Parts of photographs as simulated cameras take them, and what their JPEGs show: all ISOs, all denoisers, in turn.

    Of $RAWINLAY_SHARED/data/scenes, or of the bundled photograph. What else there is: another part, sRGB's.
    """
    from PIL import Image
    from rawinlay.codec.isp.denoise import METHODS
    from rawinlay.codec.simulator import list_scenes, load_scene, simulate, to_scene
    from rawinlay.codec.simulator.photo import bundled_photo

    folder = Path(os.environ.get("RAWINLAY_SHARED", "../shared")) / "data" / "scenes"
    scenes = list_scenes(folder) if folder.is_dir() else []
    methods = ["none", *METHODS]

    def part(rng: np.random.Generator) -> np.ndarray:
        scene = load_scene(scenes[int(rng.integers(len(scenes)))], rng) if scenes else to_scene(bundled_photo(), rng)
        h, w = (min(a, b) for a, b in zip(scene.shape, size, strict=False))
        y, x = int(rng.integers(0, scene.shape[0] - h + 1)), int(rng.integers(0, scene.shape[1] - w + 1))
        return scene[y : y + h, x : x + w]

    def shown(jpeg: bytes) -> np.ndarray:
        value = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), np.float32) / 255
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)

    for seed in range(first, first + count):
        rng = np.random.default_rng([seed, 78])
        settings = {"iso": ISOS[seed % len(ISOS)], "denoise": methods[seed // len(ISOS) % len(methods)]}
        fixed = {"odd_size": False, "distortion": 0.0, "orientation": 1, "crop": (0, 0, 0, 0), "scale": 1.0}
        shot = simulate(part(rng), seed, **settings, **fixed)
        other = functools.partial(_scene, part(rng))
        told = f"ISO {settings['iso']}, {settings['denoise']}"
        yield Pair(seed, told, shot.raw, shown(shot.jpeg), {"another scene": other})


def _scene(part: np.ndarray) -> np.ndarray:
    return np.clip(part / max(float(np.quantile(part, 0.99)), 1e-6), 0, 1).astype(np.float32)


def facades(count: int, first: int, size: tuple[int, int]) -> Iterator[Pair]:
    """Like windows, again and again, each a little lighter or darker. What else there is: another such house."""
    for seed in range(first, first + count):
        rng = np.random.default_rng([seed, 79])
        period = [int(n) for n in rng.integers(20, 90, 2)]
        vary = float(rng.choice([0.0, 0.02, 0.05, 0.15]))
        mine, other = (facade(rng, size, period, vary) for _ in range(2))
        mosaic = mosaic_of(rng, mine)
        told = f"facade {period[0]}x{period[1]}, {vary:.0%}"
        yield Pair(seed, told, mosaic, mine, {"another house": functools.partial(np.asarray, other)})


def facade(rng: np.random.Generator, size: tuple[int, int], period: list[int], vary: float) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    (p, q) = period
    inside = (abs(y % p / p - 0.5) < 0.32) & (abs(x % q / q - 0.5) < 0.25)
    level = rng.uniform(1 - vary, 1 + vary, (size[0] // p + 1, size[1] // q + 1))[y // p, x // q]
    light = np.where(inside, 0.1 * level, 0.4) * (1 + 0.02 * rng.normal(size=size))
    return (gaussian_filter(light, 0.7)[..., None] * [1.1, 1.0, 0.9]).astype(np.float32)


def mosaic_of(rng: np.random.Generator, linear: np.ndarray, noise: float = 0.003) -> RawImage:
    light = linear * np.float32([0.5, 1.0, 0.6])
    mosaic = np.empty(linear.shape[:2])
    for k, colour in enumerate("RGGB"):
        mosaic[k // 2 :: 2, k % 2 :: 2] = light[k // 2 :: 2, k % 2 :: 2, "RGB".index(colour)]
    mosaic += rng.normal(0, noise, mosaic.shape)
    levels = np.clip(256 + mosaic * (4095 - 256), 0, 4095).astype(np.uint16)
    return RawImage(levels, "RGGB", (256.0, 256.0, 256.0, 256.0), 4095, 1)
