"""Red and blue of a mosaic that the lens has moved apart, under a JPEG that was corrected for it."""

import io
from dataclasses import replace

import numpy as np
import pytest
from landscape import landscape
from PIL import Image
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.align.align import align
from rawinlay.codec.align.chromatic import apart
from rawinlay.codec.align.fit_check import Patches
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.simulator import simulate
from scenes import light
from scipy.ndimage import gaussian_filter, map_coordinates

SHAPE = (384, 512)
CORNER = np.hypot(SHAPE[0] - 1, SHAPE[1] - 1) / 2


def pair(red, blue, cfa="RGGB", orientation=1, more=(0.0, 0.0)):
    """A RAW whose red and blue are moved by so many pixels in the corners, and planes of its registered JPEG.

    more: the same of red and blue, growing with the third power of the distance.
    """
    rng = np.random.default_rng(3)
    scene = light(*SHAPE, "edges", 4) * (0.6 + 0.8 * gaussian_filter(rng.random(SHAPE), 1.2))[..., None]
    scene = np.stack([gaussian_filter(scene[..., c], 0.7) for c in range(3)], -1)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    middle = (SHAPE[0] - 1) / 2, (SHAPE[1] - 1) / 2
    planes = []
    r2 = ((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / CORNER**2
    for c, (moved, third) in enumerate(zip((red, 0.0, blue), (more[0], 0.0, more[1]), strict=True)):
        growth = 1 + (moved + third * r2) / CORNER
        at = [middle[0] + (y - middle[0]) * growth, middle[1] + (x - middle[1]) * growth]
        planes.append(map_coordinates(scene[..., c], at, order=3, mode="nearest"))
    colour = np.array(["RGB".index(c) for c in cfa]).reshape(2, 2)[
        np.arange(SHAPE[0])[:, None] % 2, np.arange(SHAPE[1]) % 2
    ]
    level = np.take_along_axis(np.stack(planes, -1), colour[..., None], -1)[..., 0]
    noisy = level + 0.004 * rng.standard_normal(SHAPE)
    raw = RawImage(
        (noisy.clip(0, 1.2) * 3000 + 200).astype(np.uint16), cfa, (200.0,) * 4, 3800, orientation=orientation
    )
    shown = np.rint(255 * scene.clip(0, 1) ** 0.45).astype(np.uint8)
    out = io.BytesIO()
    turned = {1: shown, 6: np.rot90(shown, -1)}[orientation]
    Image.fromarray(np.ascontiguousarray(turned)).save(out, "JPEG", quality=95)
    return raw, decode_planes(out.getvalue())


def found(geometry):
    """Pixels in the corners, of red and blue."""
    return np.array(geometry.projection.chromatic)[[0, 2]] / 2**26 * CORNER


@pytest.mark.parametrize(("cfa", "orientation"), [("RGGB", 1), ("GBRG", 1), ("BGGR", 6)])
@pytest.mark.parametrize("moved", [(0.9, -0.6), (-0.8, -0.7), (0.0, 1.5)])
def test_it_is_found(moved, cfa, orientation):
    raw, planes = pair(*moved, cfa, orientation)
    start = Geometry(orientation)
    patches = Patches(raw, planes, start)
    geometry, most = apart(raw, start, patches)
    assert np.abs(found(geometry) - moved).max() < 0.2
    assert most == pytest.approx(np.abs(found(geometry)).max(), abs=0.02)
    assert patches.psnr(geometry) > patches.psnr(start) + 0.1


def test_a_shift_that_grows_with_the_distance_is_found():
    raw, planes = pair(0.5, -0.3, more=(2.0, -1.6))
    start = Geometry()
    patches = Patches(raw, planes, start)
    geometry, most = apart(raw, start, patches)
    terms = np.array(geometry.projection.chromatic) / 2**26 * CORNER
    assert np.abs(terms - (0.5, 2.0, -0.3, -1.6)).max() < 0.4
    assert most == pytest.approx(2.5, abs=0.3)


def test_nothing_is_found_where_there_is_nothing():
    for seed in (0.0, 0.02):
        raw, planes = pair(seed, -seed)
        start = Geometry()
        assert apart(raw, start, Patches(raw, planes, start)) == (start, 0.0)
    flat = replace(raw, mosaic=np.full(SHAPE, 700, np.uint16))
    assert apart(flat, start, Patches(flat, planes, start)) == (start, 0.0)


def test_the_alignment_tells_it():
    raw, planes = pair(1.0, -1.0)
    aligned = align(raw, planes)
    assert "red and blue apart by up to 1." in aligned.report or "red and blue apart by up to 0.9" in aligned.report
    assert np.abs(found(aligned.geometry) - (1.0, -1.0)).max() < 0.15


def test_a_small_mosaic_stays_in_range():
    """In one of 76x96 sites a move of 4 px in the corners is beyond what the format can say."""
    shot = simulate(landscape(140, 160)[4:80, 20:116], 15, quality=90, odd_size=False, distortion=0.0, orientation=1,
                    iso=100, median=0.2)  # fmt: skip
    assert align(shot.raw, decode_planes(shot.jpeg)).geometry.in_range
