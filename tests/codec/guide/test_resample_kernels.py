"""codec.guide.resample_kernels: a plane's samples at whole places, between them, and where a warp moves them to."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.guide.geometry import Geometry, Warp
from rawinlay.codec.guide.resample import _CUBIC, _LINEAR, _split
from rawinlay.codec.guide.resample_kernels import at_grid, at_warped, at_whole
from rawinlay.codec.guide.row_kernels import room, sample_row

SHAPES = [(1, 1), (1, 6), (5, 2), (9, 13)]


def plane(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([0, 1, 77, 128, 254, 255], np.uint8), shape)


def between(plane, row, row_phase, col, col_phase, weights):
    """One sample, in whole numbers: taps around it, weighted in 1/1024, the edge going on; 8.4 bits."""
    height, width = plane.shape
    taps, total = weights.shape[1], 0
    for k in range(taps):
        for n in range(taps):
            y, x = (int(np.clip(v, 0, most - 1)) for v, most in ((row - taps // 2 + 1 + k, height),
                                                                  (col - taps // 2 + 1 + n, width)))  # fmt: skip
            total += int(weights[row_phase, k]) * int(weights[col_phase, n]) * int(plane[y, x])
    return min(max((total + (1 << 15)) >> 16, 0), 255 << 4)


@pytest.mark.parametrize("weights", [_CUBIC, _LINEAR], ids=["cubic", "linear"])
def test_weights_sum_to_one(weights):
    assert (weights.sum(1) == 1024).all() and (weights[0] == 1024 * (np.arange(weights.shape[1]) * 2 + 2
                                                                     == weights.shape[1])).all()  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_places(shape):
    rng, picture = np.random.default_rng(1), plane(shape)
    rows, cols = rng.integers(0, shape[0], 7), rng.integers(0, shape[1], 5)
    _, out = guarded(at_whole, picture, rows, cols, np.empty((7, 5), np.int16), into=[3])
    assert np.array_equal(out, 16 * picture.astype(int)[np.ix_(rows, cols)])


@pytest.mark.parametrize("weights", [_CUBIC, _LINEAR], ids=["cubic", "linear"])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_grid(shape, across, weights):
    """Also far beyond the plane's edges, and where only rows have a phase."""
    rng, picture = np.random.default_rng(2), plane(shape)
    rows = np.array([-(1 << 20), -3, -1, *rng.integers(0, shape[0], 4), shape[0], shape[0] + 4, 1 << 20])
    cols = np.array([-9, -2, -1, *rng.integers(0, shape[1], 4), shape[1], shape[1] + 7])
    row_phases, col_phases = rng.integers(0, 64, len(rows)), rng.integers(0, 64, len(cols)) * across
    out = np.empty((len(rows), len(cols)), np.int16)
    _, out = guarded(at_grid, picture, rows, row_phases, cols, col_phases, weights, out, into=[6])
    at = [[between(picture, *y, *x, weights) for x in zip(cols, col_phases, strict=True)]
          for y in zip(rows, row_phases, strict=True)]  # fmt: skip
    assert out.tolist() == at


def test_a_grid_beside_the_plane():
    """All columns beyond one end: its edge alone counts."""
    picture = plane((4, 6))
    for cols, edge in ((np.array([-50, -40]), 0), (np.array([60, 70]), -1)):
        phases = np.array([3, 63])
        _, out = guarded(at_grid, picture, np.arange(4), np.zeros(4, np.int64), cols, phases, _CUBIC,
                         np.empty((4, 2), np.int16), into=[6])  # fmt: skip
        assert (out == 16 * picture[:, edge : edge + 1 or None].astype(int)).all()


WARPS = [(0, 0, 0, 0), (90000, -40000, 7000, 123), (-(1 << 22), 1 << 22, 1 << 22, 1 << 22)]


@pytest.mark.parametrize("weights, factors", [(_CUBIC, (1, 1)), (_LINEAR, (1, 1)), (_LINEAR, (2, 4))])
@pytest.mark.parametrize("coefficients", WARPS, ids=["none", "usual", "most"])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_warp(shape, coefficients, weights, factors):
    """The formula of `Geometry.warped`, then the grid's at every place by itself."""
    rng, picture, other = np.random.default_rng(3), plane(shape), plane(shape, 9)
    jpeg = shape[0] * factors[0], shape[1] * factors[1]
    centre = (int(jpeg[0] * 2048 - 700), int(jpeg[1] * 2048 + 333))
    rows, cols = (np.sort(rng.integers(-6000, n * 4096 + 6000, 8)) for n in jpeg)
    geometry = Geometry(1, warp=Warp(centre, coefficients))
    ys, xs = geometry.warped(rows[:, None], cols[None, :], jpeg)

    def sample(one, place):
        at = [_split(v[place][None], factor) for v, factor in zip((ys, xs), factors, strict=True)]
        return between(one, *(int(v[0]) for pair in at for v in pair), weights)

    outs = tuple(np.empty(ys.shape, np.int16) for _ in range(2))
    ks, log2 = [k / 2.0**20 for k in coefficients], [f.bit_length() - 1 for f in factors]
    _, found = guarded(at_warped, (picture, other), rows, cols, *centre, *ks, geometry.rho2(jpeg), *log2, weights, outs,
                       into=[13])  # fmt: skip
    for one, out in zip((picture, other), found, strict=True):
        assert out.tolist() == [[sample(one, (i, j)) for j in range(len(cols))] for i in range(len(rows))]


def row_of(picture, y, x, weights, out):
    sample_row((picture,), y, x, weights, room((picture,), len(x)), 0, (out,))


@pytest.mark.parametrize("weights", [_CUBIC, _LINEAR], ids=["cubic", "linear"])
@pytest.mark.parametrize("apart", [64, 128, 320, 131])
def test_places_of_one_y(weights, apart):
    """Rows of samples in which many share a y, and x goes on evenly, drifts, jumps, turns back, or leaves the plane."""
    rng, picture = np.random.default_rng(apart), plane((9, 60))
    for turn in range(12):
        n = int(rng.integers(1, 90))
        y = np.repeat(rng.integers(-100, 640, -(-n // 30)), 30)[:n].astype(np.int32)
        x = (rng.integers(-300, 900) + np.arange(n) * apart // 2).astype(np.int32)
        if turn % 3 == 1:
            x += np.arange(n, dtype=np.int32) // 7
        elif turn % 3 == 2:
            x[n // 2 :] -= rng.integers(-2000, 3000, dtype=np.int32)
        _, out = guarded(row_of, picture, y, x, weights, np.empty((1, n), np.int16), into=[4])
        wanted = [between(picture, *divmod(int(v), 64), *divmod(int(u), 64), weights)
                  for v, u in zip(y, x, strict=True)]  # fmt: skip
        assert out[0].tolist() == wanted
