"""codec.align.kernels: brightness of cells, smaller pictures, and blocks of two pictures without their tones."""

import numpy as np
import pytest
from guarded import guarded
from numpy.lib.stride_tricks import sliding_window_view
from rawinlay.codec.align.kernels import blocks, box, lay, light, shrink, without_tones

CLOSE = {"rtol": 1e-5, "atol": 1e-3}
"""Float32 of values up to 255: nothing here need be exact."""


def picture(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(0, 0), (2, 2), (3, 5), (8, 9)])
def test_light(shape):
    rng, (h, w) = np.random.default_rng(0), (shape[0] // 2, shape[1] // 2)
    mosaic = rng.choice(np.array([0, 100, 512, 4095, 65535], np.uint16), shape)
    black, weight = np.array([100, 500, 64, 0], np.float32), np.array([0.5, 0.25, 1.5, 2], np.float32)
    _, out = guarded(light, mosaic, black, weight, np.empty((h, w), np.float32), into=[3])
    sites = [mosaic[i : 2 * h : 2, j : 2 * w : 2].astype(float) for i, j in np.ndindex(2, 2)]
    total = sum((site - b) * v for site, b, v in zip(sites, black, weight, strict=True))
    np.testing.assert_allclose(out, np.sqrt(np.maximum(total, 0)), **CLOSE)


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
@pytest.mark.parametrize("shape, factor", [((1, 1), 1), ((4, 4), 2), ((7, 11), 3), ((9, 10), 5)])
def test_shrink(shape, factor, kind):
    """An incomplete rest is left out."""
    image, (h, w) = picture(shape).astype(kind), (shape[0] // factor, shape[1] // factor)
    _, out = guarded(shrink, image, factor, np.empty((h, w), np.float32), into=[2])
    whole = image[: h * factor, : w * factor].astype(float)
    np.testing.assert_allclose(out, whole.reshape(h, factor, w, factor).mean((1, 3)), **CLOSE)


@pytest.mark.parametrize("shape, side", [((1, 1), 1), ((3, 3), 3), ((5, 9), 3), ((9, 5), 5)])
def test_box(shape, side):
    image = picture(shape)
    out = np.empty((shape[0] - side + 1, shape[1] - side + 1), np.float32)
    _, out = guarded(box, image, side, out, into=[2])
    np.testing.assert_allclose(out, sliding_window_view(image.astype(float), (side, side)).mean((2, 3)), **CLOSE)


def toneless(image, radius):
    """The inside less its mean around, and the mean square around of that."""
    side, inner = 2 * radius + 1, np.s_[radius:-radius, radius:-radius]
    image = image.astype(float)
    high = image[inner] - sliding_window_view(image, (side, side)).mean((2, 3))
    return high[inner], sliding_window_view(high**2, (side, side)).mean((2, 3))


@pytest.mark.parametrize("shape, radius", [((5, 5), 1), ((7, 12), 1), ((13, 11), 2)])
def test_without_tones(shape, radius):
    image = picture(shape)
    high, power = (np.empty((shape[0] - 4 * radius, shape[1] - 4 * radius), np.float32) for _ in range(2))
    _, *found = guarded(without_tones, image, radius, high, power, into=[2, 3])
    for own, wanted in zip(found, toneless(image, radius), strict=True):
        np.testing.assert_allclose(own, wanted, **CLOSE)
    flat = guarded(without_tones, np.full(shape, 7, np.float32), radius, high, power, into=[2, 3])
    assert not flat[1].any() and not flat[2].any()


def a_place(steps, starts, whole=1, lens=(0, 0, 0, 0), vanish=(0, 0), turned=0.0, centre=(0, 0)):
    """For `lay`, of samples at steps i + starts in px, by way of v = px / 10."""
    lines = [steps[0] / 10, starts[0] / 10, steps[1] / 10, starts[1] / 10]
    return [*lines, *centre, *lens, 10, turned, -turned, 10, *vanish, 0, 0, whole, any((*lens, *centre))]


PLACES = {
    "itself": a_place((1, 1), (0, 0)),
    "between": a_place((0.7, 1.3), (0.4, -2.6)),
    "smaller": a_place((1.9, 2.1), (3, 1), 2),
    "with a lens": a_place((1.1, 0.9), (-1, 2), 1, (0.05, -0.1, 0.02, 0.03), centre=(0.3, 0.4)),
    "in perspective": a_place((1, 1), (0, 0), 1, (0, 0.1, 0, 0), (0.1, -0.2), 1.5),
    "behind": a_place((1, 1), (0, 0), vanish=(-5, 0)),
    "far away": a_place((1, 1), (1e6, -1e6)),
}


def found_at(place, i, j):
    """Where sample (i, j) lies: steps, a radial polynomial about a centre, a homography, then samples of so many."""
    v = np.array([i * place[0] + place[1], j * place[2] + place[3]])
    if place[19]:
        away = v - place[4:6]
        r = np.hypot(*away)
        v = place[4:6] + away * (1 + sum(k * r**n for n, k in enumerate(place[6:10], 1)))
    below = max(1 + v @ place[14:16], 0.125)
    at = np.array(place[10:14]).reshape(2, 2) @ v / below + place[16:18]
    return [(value - (place[18] - 1) / 2) / place[18] for value in at]


def laid(small, place, top, left, bottom, right, shape):
    """Bilinear interpolation of the nearest place inside, and whether that is the place itself."""
    out, valid = np.empty(shape), np.empty(shape, bool)
    last = np.array(small.shape) - 1
    for i, j in np.ndindex(shape):
        at = np.array(found_at(place, np.clip(top + i, 0, bottom - 1), np.clip(left + j, 0, right - 1)))
        valid[i, j] = ((at >= 0) & (at <= last)).all()
        at = np.clip(at, 0, last)
        down, across = (np.maximum(1 - abs(np.arange(n) - v), 0) for n, v in zip(small.shape, at, strict=True))
        out[i, j] = down @ small.astype(float) @ across
    return out, valid


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("size", [(2, 2), (6, 9)])
def test_lay(name, size):
    small, place, shape = picture(size), np.array(PLACES[name], np.float64), (7, 8)
    corner = -2, -3, 6, 5
    out, valid = np.empty(shape, np.float32), np.empty(shape, np.bool_)
    _, out, valid = guarded(lay, small, place, *corner, out, valid, into=[6, 7])
    wanted, there = laid(small, place, *corner, shape)
    np.testing.assert_allclose(out, wanted, **CLOSE)
    assert np.array_equal(valid, there) and valid.any() >= (name == "itself")


def test_blocks():
    """As both pictures without their tones, the first one's edges going on."""
    first, small, radius, size = picture((12, 15), 1), picture((13, 14), 2), 1, 4
    place = np.array(PLACES["between"], np.float64)
    corners = np.array([[0, 0], [3, 5], [8, 11]])
    high, power = (np.empty((2, 3, size, size), np.float32) for _ in range(2))
    valid = np.empty((3, size, size), np.bool_)
    arguments = first, small, place, corners, radius, high, power, valid
    _, high, power, valid = guarded(blocks, *arguments, into=[5, 6, 7])
    margin, side = 2 * radius, size + 4 * radius
    padded = np.pad(first, margin, "edge")
    for n, (top, left) in enumerate(corners):
        other, there = laid(small, place, top - margin, left - margin, *first.shape, (side, side))
        pieces = padded[top : top + side, left : left + side], other
        for which, piece in enumerate(pieces):
            for own, wanted in zip((high, power), toneless(piece, radius), strict=True):
                np.testing.assert_allclose(own[which, n], wanted, rtol=1e-4, atol=1e-2)
        assert np.array_equal(valid[n], there[margin:-margin, margin:-margin])
    assert valid.any() and not valid.all()
