"""Small pictures from formulas, with mosaic and JPEG, for the tests of the codec: any size and phase, no simulator."""

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.further import sizes
from rawinlay.bitstream.jpeg.planes import JpegPlanes, decode_planes
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.bitstream.stream.digests import DIGM_SIZE
from rawinlay.codec.encoder.encode import encode_stream
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.stages.order import HAAR, IN_PLACE

KINDS = ("soft", "edges", "texture")


@dataclass(frozen=True)
class Scene:
    """A RAW, its JPEG (at least 8 x 8), and how it lies over the mosaic."""

    raw: RawImage
    jpeg: bytes
    geometry: Geometry

    @property
    def planes(self) -> JpegPlanes:
        return decode_planes(self.jpeg)

    def encode(self, packed_tags=b"", **options):
        """The payload for a size or a quality, say."""
        growth = sizes(Jpeg(self.jpeg).growth, None, DIGM_SIZE, DIGM_SIZE)
        return encode_stream(self.raw, self.planes, self.geometry, EncodeOptions.of(**options), packed_tags, growth)


def painted(picture, rows, cols, quality=90):
    """The scene with something else in a part of its JPEG: rows and cols, slices of its pixels."""
    shown = np.array(Image.open(io.BytesIO(picture.jpeg)))
    h, w = shown[rows, cols].shape[:2]
    other = np.random.default_rng(3).integers(0, 256, (-(-h // 4), -(-w // 4), 3))
    shown[rows, cols] = np.kron(other, np.ones((4, 4, 1)))[:h, :w]
    out = io.BytesIO()
    Image.fromarray(shown).save(out, "JPEG", quality=quality)
    return replace(picture, jpeg=out.getvalue())


def multiplied(picture, gains=(5, 1, 2, 3)):
    """The scene as of a camera that multiplies R, G1, G2, B by whole numbers: each plane has values of its own."""
    mosaic, layout = picture.raw.mosaic.copy(), Layout(*picture.raw.mosaic.shape, picture.raw.cfa)
    for k, gain in enumerate(gains):
        plane = layout.plane(mosaic, k)
        plane[:] = plane // gain * gain + k % gain
    return replace(picture, raw=replace(picture.raw, mosaic=mosaic))


def fit_transforms(trunk, step):
    """A fit of both transforms at a step, whichever the encoder would keep."""
    fits = [trunk.fit(step, only=transform) for transform in (IN_PLACE, HAAR)]
    return replace(fits[0], params=fits[0].params | fits[1].params)


def light(height, width, kind="edges", seed=0):
    """Linear light in 0..1.2, float64 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    phase = rng.uniform(0, 6, 3)
    out = np.stack([0.25 + 0.2 * np.sin(x / 17 + p) * np.cos(y / 13 - p) for p in phase], -1)
    if kind == "edges":
        for _ in range(12):
            top, left = rng.integers(0, height), rng.integers(0, width)
            out[top : top + height // 3 + 1, left : left + width // 4 + 1] *= rng.uniform(0.2, 1.8, 3)
    if kind == "texture":
        out *= 1 + 0.5 * rng.standard_normal((height, width, 1))
    return np.clip(out, 0.002, 1.2)


def scene(
    shape=(40, 56),
    cfa="RGGB",
    kind="edges",
    seed=0,
    bits=14,
    black=(512, 512, 512, 512),
    white=None,
    noise=0.01,
    jpeg_shape=None,
    geometry=None,
    mosaic=None,
    **jpeg_options,
):
    """A scene's mosaic with shot noise, and its tone-mapped JPEG.

    jpeg_shape: size of the JPEG, whose picture begins at the mosaic's first site at the same scale; the mosaic's, at
    least 8 x 8, without one. mosaic: takes the place of the rendered one.
    """
    height, width = shape
    rng = np.random.default_rng(seed + 1)
    rows, cols = jpeg_shape or (max(height, 8), max(width, 8))
    rgb = light(max(rows, height), max(cols, width), kind, seed)
    y, x = np.mgrid[:height, :width]
    channel = np.array(["RGB".index(c) for c in cfa])[2 * (y % 2) + x % 2]
    value = np.take_along_axis(rgb[:height, :width], channel[..., None], -1)[..., 0]
    value = value + noise * np.sqrt(value) * rng.standard_normal(shape)
    top = (1 << bits) - 1
    white = white or top - top // 8
    levels = np.array(black, float)[2 * (y % 2) + x % 2]
    if mosaic is None:
        mosaic = np.rint(levels + value * (white - levels)).clip(0, top).astype(np.uint16)
    shown = np.rint(255 * np.clip(rgb[:rows, :cols] * [1.1, 1.0, 1.2], 0, 1) ** 0.45).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(shown).save(out, "JPEG", **{"quality": 90, **jpeg_options})
    raw = RawImage(mosaic, cfa, tuple(float(b) for b in black), white, camera="Test Camera")
    return Scene(raw, out.getvalue(), geometry or Geometry())
