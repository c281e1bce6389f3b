"""Where a JPEG lies over a mosaic, found from synthetic pictures with known answers."""

from __future__ import annotations

import functools
import io
import re

import numpy as np
import pytest
from campaigns import alignment
from campaigns.alignment_pairs import facades, shots
from exports import Export, Look, misses
from PIL import Image
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.planes import JpegPlanes, decode_planes
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.align import features
from rawinlay.codec.align.align import Alignment, align
from rawinlay.codec.guide.geometry import POSITION_BITS, Geometry
from rawinlay.codec.mosaic.turn import turn
from scipy.ndimage import gaussian_filter, zoom

HEIGHT, WIDTH = 384, 512


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


@functools.lru_cache
def tiles(period: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A facade: the same window again and again, each a little lighter or darker."""
    rng = np.random.default_rng(period)
    y, x = np.mgrid[:height, :width]
    inside = (abs(y % period / period - 0.5) < 0.32) & (abs(x % period / period - 0.5) < 0.25)
    level = rng.uniform(0.85, 1.15, (height // period + 1, width // period + 1))[y // period, x // period]
    light = np.where(inside, 0.1 * level, 0.4) * (1 + 0.02 * rng.normal(size=(height, width)))
    return gaussian_filter(light, 0.7)[..., None] * [1.1, 1.0, 0.9]


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


def exported(rgb: np.ndarray, export: Export, look: Look | None = None) -> tuple[Alignment, np.ndarray]:
    """What is found for an export of the picture, and how far off that is."""
    raw, planes = raw_of(rgb), decode_planes((look or Look()).jpeg(export.render(rgb.astype(np.float32))))
    found = align(raw, planes)
    shape = planes.y.shape
    x, y = export.shows(np.array([0.0, shape[1] - 1]), np.array([0.0, shape[0] - 1]))
    scale = float(np.hypot(*shape) / np.hypot(x[1] - x[0], y[1] - y[0]))
    return found, misses(export.shows, found.geometry, raw.mosaic.shape, shape, scale, export.box)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("odd", [0, 1])
def test_orientations_and_crops(orientation: int, odd: int) -> None:
    rgb = scene(1)[: HEIGHT - odd, : WIDTH - odd]
    raw = raw_of(rgb, "GBRG")
    picture = picture_of(rgb)
    channels = np.stack([turn(picture[..., k], orientation) for k in range(3)], -1)[5:-3, 8:-4]
    found = align(raw, planes_of(channels))
    assert found.geometry == Geometry(orientation, (-5 << POSITION_BITS, -8 << POSITION_BITS)), found.report
    assert found.score > 0.7 and found.gain > 0.5 and not found.doubtful


CHANGES = {
    "half size": lambda e: e.resize(0.5),
    "0.37, turned": lambda e: e.turn(3).resize(0.37),
    "cropped, 0.6": lambda e: e.crop_share(0.2, (0.3, 0.8)).resize(0.6),
    "cropped, 1.3": lambda e: e.crop_share(0.3, (0.9, 0.1)).resize(1.3),
    "stretched": lambda e: e.resize(1.33, 1.0),
    "straightened by 0.25 degrees": lambda e: e.straighten(0.25),
    "straightened by 4 degrees": lambda e: e.straighten(-4, keep_size=True),
    "perspective of 8 %": lambda e: e.perspective(0.08),
    "barrel corrected": lambda e: e.distort(0.08),
    "pincushion corrected": lambda e: e.distort(-0.06),
    "white frame": lambda e: e.frame(0.06),
    "black bar": lambda e: e.frame(0.1, 0.0, "b"),
    "all of it": lambda e: (
        e.distort(0.05).perspective(0.05).straighten(2.5).crop_share(0.25, (0.7, 0.4)).turn(1).resize(0.7).frame(0.05)
    ),
    "all of it, mirrored": lambda e: e.distort(-0.05).straighten(-3).crop_share(0.1).mirror().resize(0.9).frame(0.05),
}


@pytest.mark.parametrize("change", CHANGES)
def test_exports_are_placed(change: str) -> None:
    """Of these only what was scaled, lens-corrected or had a bar was placed once."""
    rgb = scene(2)
    found, off = exported(rgb, CHANGES[change](Export.of(rgb)))
    assert np.sqrt((off**2).mean()) < 0.25 and off.max() < 1, f"{off.max():.2f} px: {found.report}"
    assert not found.doubtful


LOOKS = {
    "two stops darker": Look(gain=0.25),
    "brightened to white": Look(gain=6.0),
    "black and white, hard": Look(mono=True, contrast=1.6),
    "a date": Look(stamp=True),
    "portrait blur": Look(blur=0.01),
}


@pytest.mark.parametrize("look", LOOKS)
def test_tones_stamps_and_blur(look: str) -> None:
    rgb = scene(3)
    found, off = exported(rgb, Export.of(rgb).straighten(1), LOOKS[look])
    assert np.sqrt((off**2).mean()) < 0.4, f"{off.max():.2f} px: {found.report}"


@pytest.mark.parametrize("change", ["cropped beside the middle", "scaled"])
def test_pictures_that_repeat_themselves(change: str) -> None:
    """The match score is as good a period off; the levels of the windows tell which is right."""
    rgb = tiles(48)
    export = Export.of(rgb)
    export = export.resize(0.639) if change == "scaled" else export.crop(14, 9, 440, 320)
    found, off = exported(rgb, export)
    assert off.max() < 0.5, f"{off.max():.2f} px: {found.report}"


def test_plain_pairs_need_no_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor OpenCV, which takes a while to import: an expected place is enough."""
    monkeypatch.setattr(features, "_opencv", None)
    rgb = scene(5)
    assert exported(rgb, Export.of(rgb))[0].geometry == Geometry()
    assert exported(rgb, Export.of(rgb).resize(0.5))[1].max() < 0.3


def test_the_search_is_repeatable_and_leaves_opencv_as_it_was() -> None:
    import cv2

    threads = cv2.getNumThreads()
    rgb = scene(2)
    change = Export.of(rgb).straighten(3).crop_share(0.3).resize(0.8)
    cv2.setRNGSeed(5)
    first = exported(rgb, change)[0]
    cv2.setRNGSeed(6)
    assert exported(rgb, change)[0] == first
    assert cv2.getNumThreads() == threads


def test_whole_pixels_stay_whole() -> None:
    """A projection is used only where it pays: a crop's samples stay the JPEG's."""
    rgb = scene(6)
    found, _ = exported(rgb, Export.of(rgb).crop(31, 17, 400, 300).frame(0.04))
    assert found.geometry.projection is None and found.geometry.warp is None
    assert all(v % (1 << POSITION_BITS) == 0 for v in found.geometry.offset)
    assert exported(rgb, Export.of(rgb).resize(0.7))[0].geometry.projection is None
    assert exported(rgb, Export.of(rgb).straighten(1))[0].geometry.projection is not None


def test_messages_say_what_was_found() -> None:
    rgb = scene(4)
    report = exported(rgb, Export.of(rgb).straighten(2).crop_share(0.3).turn(1))[0].report
    assert (
        re.search(r"turned by (1.9|2.0)\d degrees", report)
        and "orientation 6" in report
        and "% of the RAW not shown" in report
    )
    report = exported(rgb, Export.of(rgb).distort(0.05))[0].report
    assert "distortion of -" in report and "px" in report
    assert "perspective of" in exported(rgb, Export.of(rgb).perspective(0.06))[0].report


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
    others = [picture_of(scene(2)), np.full((HEIGHT, WIDTH, 3), 90, np.uint8), picture_of(scene(4))[:300, :400]]
    for other in others:
        with pytest.raises(InputError, match=r"does not show this RAW's picture.*--no-guide"):
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
    coarse = gaussian_filter(rng.normal(size=(-(-HEIGHT // 10), -(-WIDTH // 10), 3)), (6, 6, 0))
    light = zoom(coarse, (10, 10, 1), order=3)[:HEIGHT, :WIDTH]
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


@pytest.mark.parametrize("level", [0, 255])
def test_a_jpeg_of_nothing_is_taken(level: int) -> None:
    """It may be of this shot, overexposed; what it costs is no more than none."""
    found = align(raw_of(scene(2)), planes_of(np.full((HEIGHT // 2, WIDTH // 2, 3), level, np.uint8)))
    assert found.doubtful and found.error is None and "nothing to align by" in found.report
    assert found.geometry.in_range and found.covered == 1


def test_the_error_of_a_place_is_told() -> None:
    rgb = scene(2)
    found, off = exported(rgb, Export.of(rgb).distort(0.08))
    assert found.error is not None and np.sqrt((off**2).mean()) / 3 < found.error < 0.5
    level = exported(rgb, Export.of(rgb))[0]
    assert level.error == 0 and "out of register" not in level.report


def test_the_campaign_of_random_exports() -> None:
    """A handful of its pairs; hundreds stand in docs/alignment.md."""
    rows = list(alignment.run(shots(1, 0, (256, 320)), kinds="mix,1-5 degrees"))
    assert [row.end for row in rows] == ["placed"] * 2, alignment.table(rows)
    assert alignment.table(rows).endswith("| 0 | 0 | 0 | 0 | - |")
    unlike = list(alignment.run(facades(1, 0, (128, 160)), alignment.UNLIKE))
    assert len(unlike) == 1 and unlike[0].ratio < 1.01
