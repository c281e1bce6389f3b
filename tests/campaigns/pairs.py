"""Random pairs of RAW and JPEG, right and wrong ones: `encode` succeeds or says in its own words why not.

`python -m tests.campaigns.pairs --count 1000` from the repository's root; --first: seed to begin with.
"""

from __future__ import annotations

import argparse
import io
from collections import Counter
from collections.abc import Iterable

import numpy as np
from PIL import Image
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.align.place import Origin, place
from rawinlay.codec.api import encode_arrays
from scipy.ndimage import gaussian_filter, map_coordinates

PHASES = ("RGGB", "BGGR", "GRBG", "GBRG")


def light(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A scene in linear light, float64 (rows, columns, 3): smooth, textured, of edges, clipped, black or of one value.
    """
    out = np.full((*shape, 3), rng.uniform(0, 1.2))
    if rng.random() < 0.9:
        sigma = float(np.exp(rng.uniform(0, 4)))
        soft = np.stack([gaussian_filter(rng.normal(size=shape), sigma) for _ in range(3)], -1)
        out = 0.3 + rng.uniform(0.001, 0.4) * soft / (soft.std() + 1e-9)
    for _ in range(rng.integers(0, 12) if rng.random() < 0.5 else 0):
        top, left = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        out[top : top + shape[0] // 3 + 1, left : left + shape[1] // 4 + 1] *= rng.uniform(0.2, 1.8, 3)
    if rng.random() < 0.3:
        out = out * rng.uniform(0.01, 8)
    return np.clip(out, 0, 1.2)


def changed(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """The picture cropped, scaled, turned, distorted, tilted and brightened, or not; float64 (rows, columns, 3)."""
    rows, cols = picture.shape[:2]
    if rng.random() < 0.5:
        share = rng.uniform(0.3, 1, 2)
        high, wide = (max(8, int(n * s)) for n, s in zip((rows, cols), share, strict=True))
        top, left = rng.integers(0, max(rows - high, 0) + 1), rng.integers(0, max(cols - wide, 0) + 1)
        picture = picture[top : top + high, left : left + wide]
    rows, cols = picture.shape[:2]
    scale = np.exp(rng.uniform(-2, 0.8, 2)) if rng.random() < 0.5 else np.ones(2)
    scale = scale[:1].repeat(2) if rng.random() < 0.7 else scale
    size = [max(8, min(int(n * s), 700)) for n, s in zip((rows, cols), scale, strict=True)]
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij")
    k, tilt = (rng.normal(0, 0.1) if rng.random() < 0.4 else 0.0 for _ in range(2))
    r2 = y * y + x * x
    y, x = (v * (1 + k * r2) for v in (y * np.cos(tilt) - x * np.sin(tilt), x * np.cos(tilt) + y * np.sin(tilt)))
    at = [(v + 1) / 2 * (n - 1) for v, n in zip((y, x), (rows, cols), strict=True)]
    picture = np.stack([map_coordinates(picture[..., c], at, order=1, mode="nearest") for c in range(3)], -1)
    picture = np.rot90(picture, rng.integers(0, 4)) if rng.random() < 0.3 else picture
    return picture * (np.exp(rng.uniform(-3, 3)) if rng.random() < 0.5 else 1.0)


def pair(seed: int) -> tuple[RawImage, bytes]:
    """A RAW of 2 to 384 rows and columns, and a JPEG of it, or of something else."""
    rng = np.random.default_rng(seed)
    low, high = (2, 384) if rng.random() < 0.3 else (48, 384)
    shape = int(rng.integers(low, high + 1)), int(rng.integers(low, high + 1))
    scene = light(rng, shape)
    other = scene if rng.random() < 0.8 else light(rng, (int(rng.integers(8, 400)), int(rng.integers(8, 400))))
    cfa = PHASES[rng.integers(0, 4)]
    y, x = np.mgrid[: shape[0], : shape[1]]
    channel = np.array(["RGB".index(c) for c in cfa])[2 * (y % 2) + x % 2]
    value = np.take_along_axis(scene, channel[..., None], -1)[..., 0]
    value = value + rng.choice([0, 0.003, 0.03]) * np.sqrt(value) * rng.standard_normal(shape)
    bits = int(rng.choice([8, 12, 14, 16]))
    top = (1 << bits) - 1
    black = top // 50
    mosaic = np.rint(black + value * (top - black)).clip(0, top).astype(np.uint16)
    raw = RawImage(mosaic, cfa, (float(black),) * 4, top, orientation=int(rng.choice([1, 1, 1, 3, 6, 8])))
    shown = np.rint(255 * np.clip(changed(rng, other), 0, 1) ** 0.45).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(shown))
    image = image.convert("L") if rng.random() < 0.1 else image
    out = io.BytesIO()
    options = {} if image.mode == "L" else {"subsampling": int(rng.integers(0, 3))}
    image.save(out, "JPEG", quality=int(rng.integers(20, 99)), progressive=bool(rng.random() < 0.2), **options)
    return raw, out.getvalue()


def run(seeds: Iterable[int], whole: int = 10) -> Counter[str]:
    """How the seeds end: "coded", "placed" or "refused". Every `whole`-th is encoded, the others are only placed.

    Any other exception than `InputError` and `UsageError` leaves this with the seed as a note.
    """
    ends: Counter[str] = Counter()
    for seed in seeds:
        raw, jpeg = pair(seed)
        rng = np.random.default_rng(seed)
        try:
            if seed % whole == 0:
                rates = [{"quality": rng.uniform(0, 100)}, {"lossless": True}, {"bpp": rng.uniform(0.1, 4)}]
                encode_arrays(raw, jpeg, **rates[rng.integers(0, 3)], trimmable=bool(rng.random() < 0.3))
                ends["coded"] += 1
            else:
                place(raw, decode_planes(jpeg), Jpeg(jpeg), list(Origin)[rng.integers(0, 3)])
                ends["placed"] += 1
        except (InputError, UsageError):
            ends["refused"] += 1
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    return ends


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    ends = run(range(args.first, args.first + args.count))
    print(", ".join(f"{n} {what}" for what, n in sorted(ends.items())) + f" of {args.count}; no other error")


if __name__ == "__main__":
    main()
