"""Where a JPEG lies over a mosaic, found from synthetic pictures with known answers."""

from __future__ import annotations

import functools
import io

import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.planes import JpegPlanes, decode_planes
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.align.align import Alignment, align, turn
from rawinlay.codec.align.register import Placement
from rawinlay.codec.guide.geometry import POSITION_BITS, Geometry
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

HEIGHT, WIDTH = 640, 900


@functools.lru_cache
def scene(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Linear RGB 0..1, float64 (height, width, 3): texture at all sizes, edges, a gradient of light."""
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width, 3))
    for sigma in (1.2, 3, 9, 30):
        gray = gaussian_filter(rng.normal(size=(height, width)), sigma)
        colour = gaussian_filter(rng.normal(size=(height, width, 3)), (sigma, sigma, 0))
        out += gray[..., None] / gray.std() + 0.3 * colour / colour.std()
    for _ in range(40):
        y, x = rng.integers(0, height), rng.integers(0, width)
        out[y : y + rng.integers(20, 90), x : x + rng.integers(20, 90)] += rng.normal(0, 1.5, 3)
    out += np.linspace(-1, 1, width)[None, :, None]
    return 0.01 + 0.6 / (1 + np.exp(-out / 2)) ** 2


def raw_of(rgb: np.ndarray, cfa: str = "RGGB", orientation: int = 1, noise: float = 0.004) -> RawImage:
    rng = np.random.default_rng(7)
    light = rgb * [0.5, 1.0, 0.6]
    mosaic = np.zeros(rgb.shape[:2])
    for k, colour in enumerate(cfa):
        mosaic[k // 2 :: 2, k % 2 :: 2] = light[k // 2 :: 2, k % 2 :: 2, "RGB".index(colour)]
    mosaic += rng.normal(0, noise, mosaic.shape)
    levels = np.clip(256 + mosaic * (4095 - 256), 0, 4095).astype(np.uint16)
    return RawImage(levels, cfa, (256.0, 256.0, 256.0, 256.0), 4095, orientation)


def picture_of(rgb: np.ndarray) -> np.ndarray:
    return (255 * np.clip(rgb * 1.4, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def planes_of(picture: np.ndarray | Image.Image, **options: object) -> JpegPlanes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.ascontiguousarray(picture))
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 92, **options})
    return decode_planes(out.getvalue())


def error(alignment: Alignment, truth: Placement, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> float:
    """Largest distance between found and true JPEG position over a grid of turned sites, JPEG px."""
    geometry = alignment.geometry
    if geometry.transposes:
        shape = shape[::-1]
    rows, cols = (np.linspace(0.05 * n, 0.95 * n, 12).astype(np.int64) for n in shape)
    ys, xs = geometry.positions(2 * rows, 2 * cols)
    h = round(truth.centre[0] * 2 + 1), round(truth.centre[1] * 2 + 1)
    y, x = geometry.warped(ys[:, None], xs[None, :], h)
    true_y, true_x = truth(rows[:, None], cols[None, :])
    px = float(1 << POSITION_BITS)
    return float(np.hypot(y / px - true_y, x / px - true_x).max())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("odd", [0, 1])
def test_orientations_and_crops(orientation: int, odd: int) -> None:
    rgb = scene(1)[: HEIGHT - odd, : WIDTH - odd]
    raw = raw_of(rgb, "GBRG")
    picture = picture_of(rgb)
    channels = np.stack([turn(picture[..., k], orientation) for k in range(3)], -1)[5:-3, 8:-4]
    found = align(raw, planes_of(channels))
    assert found.geometry == Geometry(orientation, (-5 << POSITION_BITS, -8 << POSITION_BITS)), found.report
    assert found.score > 0.7


@pytest.mark.parametrize("scale", [0.5, 0.37])
@pytest.mark.parametrize("orientation", [1, 8])
def test_reduced_sizes(scale: float, orientation: int) -> None:
    rgb = scene(2)
    picture = picture_of(rgb)
    channels = np.stack([turn(picture[..., k], orientation) for k in range(3)], -1)
    image = Image.fromarray(np.ascontiguousarray(channels))
    size = (round(image.width * scale), round(image.height * scale))
    planes = planes_of(image.resize(size, Image.Resampling.LANCZOS))
    found = align(raw_of(rgb), planes)
    true_scale = (size[1] / image.height, size[0] / image.width)
    truth = Placement.plain((0.5 * true_scale[0] - 0.5, 0.5 * true_scale[1] - 0.5), 1.0, planes.y.shape)
    truth = Placement(truth.offset, true_scale, truth.warp, truth.centre, truth.reach)
    assert found.geometry.orientation == orientation
    assert error(found, truth) < 0.2, found.report


def test_lens_correction_is_found() -> None:
    height, width = 900, 1200
    rgb = scene(3, height, width)
    truth = Placement.plain((0.0, 0.0), 1.0, rgb.shape)
    truth = Placement((-6.75, -9.0), (1.015, 1.015), (0.0, -0.05, 0.02, 0.0), truth.centre, truth.reach)
    # the JPEG's pixel at truth(site) shows site: invert the map by iteration
    y, x = np.mgrid[:height, :width].astype(float)
    rows, cols = y.copy(), x.copy()
    for _ in range(12):  # the warp is gentle: each time the rest falls to a tenth or less
        there_y, there_x = truth(rows, cols)
        rows, cols = rows + y - there_y, cols + x - there_x
    warped = np.stack([map_coordinates(rgb[..., k], [rows, cols], order=3, mode="nearest") for k in range(3)], -1)
    assert max(abs(a - b).max() for a, b in zip(truth(rows, cols), (y, x), strict=True)) < 1e-6
    found = align(raw_of(rgb), planes_of(picture_of(warped)))
    assert found.geometry.warp is not None
    assert error(found, truth, (height, width)) < 0.2, found.report


def test_renderings_far_from_plain_are_accepted() -> None:
    rgb = scene(4)
    raw = raw_of(rgb, noise=0.02)
    picture = picture_of(rgb)
    local = gaussian_filter(picture.astype(float), (40, 40, 0))
    cases = {
        "monochrome, soft": planes_of(Image.fromarray(gaussian_filter(picture[..., 1], 2.0)), quality=50),
        "low contrast": planes_of((150 + picture // 4).astype(np.uint8), quality=60),
        "tone mapped": planes_of(np.clip(128 + 1.5 * (picture - local) + 0.2 * (local - 128), 0, 255).astype(np.uint8)),
        "overexposed": planes_of(np.clip(picture.astype(int) * 2, 0, 255).astype(np.uint8)),
        "4:4:4": planes_of(picture, subsampling=0),
    }
    for name, planes in cases.items():
        found = align(raw, planes)
        assert found.geometry == Geometry(), f"{name}: {found.report}"


def test_another_scene_is_refused() -> None:
    raw = raw_of(scene(1))
    others = [picture_of(scene(2)), np.full((HEIGHT, WIDTH, 3), 90, np.uint8), picture_of(scene(4))[:400, :600]]
    for other in others:
        with pytest.raises(InputError, match="does not show this RAW's picture"):
            align(raw, planes_of(other))


def test_a_dark_or_tiny_picture_does_not_break_it() -> None:
    rgb = scene(9)
    flat = RawImage(np.full((HEIGHT, WIDTH), 256, np.uint16), "RGGB", (256.0,) * 4, 4095)
    for raw, planes in (
        (flat, planes_of(picture_of(rgb))),
        (raw_of(rgb), planes_of(np.zeros((16, 16, 3), np.uint8))),
        (raw_of(rgb[:16, :20]), planes_of(picture_of(rgb[:16, :20]))),
        (raw_of(rgb), planes_of(np.zeros((8, 3000, 3), np.uint8))),
    ):
        with pytest.raises(InputError, match="does not show"):
            align(raw, planes)


@functools.lru_cache
def smooth(seed: int) -> np.ndarray:
    """A night sky: broad light without detail, (HEIGHT, WIDTH, 3)."""
    rng = np.random.default_rng(seed)
    coarse = gaussian_filter(rng.normal(size=(HEIGHT // 10, WIDTH // 10, 3)), (9, 9, 0))
    light = zoom(coarse, (10, 10, 1), order=3)
    light = light / light.std() + np.linspace(-2, 2, HEIGHT)[:, None, None]
    return 0.3 / (1 + np.exp(-light))


def jpeg_planes(rgb: np.ndarray) -> JpegPlanes:
    out = io.BytesIO()
    Image.fromarray((255 * np.clip(3 * rgb, 0, 1) ** (1 / 2.2)).astype(np.uint8)).save(out, "JPEG", quality=90)
    return decode_planes(out.getvalue())


def test_a_noisy_sky_without_detail_is_known_by_its_light() -> None:
    raw = raw_of(smooth(1), noise=0.01)
    found = align(raw, jpeg_planes(smooth(1)))
    assert (found.geometry.orientation, found.geometry.warp) == (1, None)
    upended = align(raw, jpeg_planes(smooth(1)[::-1]))
    assert upended.geometry.orientation == 4
    with pytest.raises(InputError, match="does not show"):
        align(raw, jpeg_planes(smooth(2)[:, ::-1]))
