"""codec.guide.coverage: what of a mosaic lies in a JPEG, by block, and the rectangle around it."""

import numpy as np
import pytest
from rawinlay.codec.guide.coverage import covered, frame, shown
from rawinlay.codec.guide.geometry import SCALE_BITS, Geometry, Warp
from rawinlay.codec.mosaic.layout import Layout, tiles

PX, ONE = 1 << 12, 1 << SCALE_BITS


def turned_by(degrees, shape, jpeg_shape, scale=1.0):
    """Both middles on each other."""
    angle = np.radians(degrees)
    line = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    at = (np.array(jpeg_shape) - 1) / 2 - line @ ((np.array(shape) - 1) / 2)
    return Geometry.of_map(1, shape, np.block([[line, at[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_is_framed_to_the_pixel(orientation):
    """The JPEG shows rows 6 to 57 and columns 8 to 83, whichever way it is turned; half size too."""
    shape, rows, cols = (70, 100), (6, 58), (8, 84)
    for scale in (2, 1):  # in halves
        corner = Geometry(orientation, scale=(scale * ONE // 2,) * 2)
        ends = (np.array([2 * low, 2 * (high - 1)]) for low, high in (rows, cols))
        ys, xs = corner.laid(*ends, shape, (1, 1))
        jpeg = [(high - low) * scale // 2 for low, high in (rows, cols)]
        jpeg = jpeg[::-1] if orientation >= 5 else jpeg
        shift = 0 if scale == 2 else -PX // 4  # an area mean's middle
        geometry = Geometry(orientation, (shift - int(ys.min()), shift - int(xs.min())), corner.scale)
        assert frame(geometry, shape, tuple(jpeg)) == (6, 8, 52, 76)


def test_all_of_a_mosaic_and_nothing():
    assert frame(Geometry(), (70, 100), (70, 100)) == (0, 0, 70, 100)
    assert frame(Geometry(1, (9 * PX, 9 * PX)), (70, 100), (90, 120)) == (0, 0, 70, 100)
    assert frame(Geometry(1, (999 * PX, 0)), (70, 100), (90, 120)) is None


def test_of_a_straightened_picture_the_rectangle_around_it():
    """Corners of the JPEG, turned back, touch it."""
    shape, jpeg = (600, 800), (400, 600)
    geometry = turned_by(3.0, shape, jpeg)
    angle = np.radians(3.0)
    high, wide = (abs(a * np.cos(angle)) + abs(b * np.sin(angle)) for a, b in ((400, 600), (600, 400)))
    found = frame(geometry, shape, jpeg)
    top, left, bottom, right = found.top, found.left, found.bottom, found.right
    assert abs((bottom - top) - high) < 2 and abs((right - left) - wide) < 2
    assert abs(top + bottom - 600) < 3 and abs(left + right - 800) < 3


def test_blocks_are_tiles_and_shares_are_shares():
    layout = Layout(102, 141, "GBRG")
    jpeg, side = (60, 90), 16
    for geometry in (
        Geometry(1, (-20 * PX, -30 * PX)),
        Geometry(6, (-20 * PX, -30 * PX)),
        Geometry(3, (0, 0), (ONE // 2, ONE // 2), Warp((30 * PX, 45 * PX), (90000, 0, 0, 0))),
        turned_by(10.0, (102, 141), jpeg),
    ):
        found = covered(geometry, layout, jpeg, side)
        assert found.shape == (4, 5) and found.size == len(tiles(*layout.cells, side))
        h, w = layout.cells
        rows2, cols2 = 4 * np.arange(h) + 1 - 2 * layout.origin[0], 4 * np.arange(w) + 1 - 2 * layout.origin[1]
        inside = shown(geometry, (102, 141), jpeg, rows2, cols2)
        for n, (r, c, rows, cols) in enumerate(tiles(h, w, side)):
            assert abs(found.ravel()[n] - inside[r : r + rows, c : c + cols].mean()) < 0.15
        assert 0 < found.mean() < 1


def test_a_frame_around_the_picture_is_none_of_it():
    layout = Layout(64, 64, "RGGB")
    whole = covered(Geometry(), layout, (64, 64), 8)
    inner = covered(Geometry(), layout, (64, 64), 8, (16, 0, 64, 48))
    assert (whole == 1).all() and (inner[0] == 0).all() and (inner[:, 3] == 0).all() and (inner[1:, :3] == 1).all()
