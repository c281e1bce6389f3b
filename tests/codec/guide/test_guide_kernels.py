"""codec.guide.activity_kernels: the guide's planes of cells with a border, and the contexts that are counted in
them."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.guide.activity_kernels import BRIGHT, HALO, activity, border, pack

NEUTRAL, MOST = 2048, 4080
SHAPES = [(1, 1), (2, 5), (7, 4)]


def guide(shape, seed=0):
    """Y at sites, Cb and Cr of cells, extremes among them."""
    rng, (h, w) = np.random.default_rng(seed), shape
    kinds = np.array([0, 1, 900, 2048, BRIGHT - 1, BRIGHT, MOST], np.int16)
    return [rng.choice(kinds, size) for size in ((2 * h, 2 * w), shape, shape)]


def planes_of(y, cb, cr):
    """Four sites, Cb and Cr around zero, edges going on: `HALO` cells, and one more below and to the right."""
    cells = [y[i::2, j::2] for i, j in np.ndindex(2, 2)] + [cb - NEUTRAL, cr - NEUTRAL]
    return np.stack([np.pad(c, (HALO, HALO + 1), "edge") for c in cells]).astype(np.int16)


@pytest.mark.parametrize("shape", SHAPES)
def test_planes(shape):
    y, cb, cr = guide(shape)
    wanted = planes_of(y, cb, cr)
    planes = np.full(wanted.shape, -9, np.int16)
    for top in range(0, shape[0], 3):  # band by band, two parts each
        for left, right in ((0, shape[1] // 2), (shape[1] // 2, shape[1])):
            rows, cols = slice(top, top + 3), slice(left, right)
            part = y[2 * top : 2 * top + 6, 2 * left : 2 * right], cb[rows, cols], cr[rows, cols]
            _, planes = guarded(pack, *map(np.ascontiguousarray, part), NEUTRAL, top, left, planes, changed=[6])
    inside = np.s_[:, HALO : -HALO - 1, HALO : -HALO - 1]
    assert np.array_equal(planes[inside], wanted[inside])
    planes[inside] -= wanted[inside] + 9
    assert (planes == -9).all()  # nothing else was touched
    planes[inside] = wanted[inside]
    _, planes = guarded(border, planes, 0, 0, *shape, changed=[0])
    assert np.array_equal(planes, wanted)


@pytest.mark.parametrize("box", [(0, 0, 3, 4), (2, 1, 7, 5), (2, 1, 5, 4), (0, 2, 7, 6), (4, 0, 7, 6)])
def test_the_border_of_a_part(box):
    """Of the border what lies beside the part, and no more."""
    wanted = planes_of(*guide((7, 6)))
    top, left, bottom, right = box
    rows = slice(0 if top == 0 else HALO + top, None if bottom == 7 else HALO + bottom)
    cols = slice(0 if left == 0 else HALO + left, None if right == 6 else HALO + right)
    planes = np.full(wanted.shape, -9, np.int16)
    inside = np.s_[:, HALO + top : HALO + bottom, HALO + left : HALO + right]
    planes[inside] = wanted[inside]
    _, planes = guarded(border, planes, *box, changed=[0])
    assert np.array_equal(planes[:, rows, cols], wanted[:, rows, cols])
    planes[:, rows, cols] = -9
    assert (planes == -9).all()


def contexts(planes, i, j):
    """Of one cell: detail, spread, around, chroma, clipped, in plain whole numbers."""
    p = planes.astype(int)

    def luma(i, j):
        return sum(int(p[s, i, j]) for s in range(4))

    def nine(of, i, j):
        return abs(9 * of(i, j) - sum(of(i + a, j + b) for a in (-1, 0, 1) for b in (-1, 0, 1)))

    def detail(i, j):
        return nine(luma, i, j) // 36

    def spread(i, j):
        return int(p[:4, i, j].max() - p[:4, i, j].min())

    tent = [1, 2, 3, 2, 1]
    around = sum(
        tent[a] * tent[b] * (detail(i + a - 2, j + b - 2) + spread(i + a - 2, j + b - 2))
        for a in range(5) for b in range(5)
    )  # fmt: skip
    chroma = sum(nine(lambda i, j, k=k: int(p[k, i, j]), i, j) // 9 for k in (4, 5))
    return [detail(i, j), spread(i, j), around // 81, chroma, 64 * bool((p[:4, i, j] >= BRIGHT).any())]


@pytest.mark.parametrize("shape, window", [((1, 1), (0, 0, 2, 2)), ((7, 4), (0, 0, 8, 4)), ((6, 9), (2, 4, 3, 6))])
def test_activity(shape, window):
    """Also one cell beyond the picture, which tiles of even sides reach."""
    planes, (r, c, rows, cols) = planes_of(*guide(shape)), window
    _, out = guarded(activity, planes, r, c, np.empty((5, rows, cols), np.int32), into=[3])
    for i, j in np.ndindex(rows, cols):
        assert out[:, i, j].tolist() == contexts(planes, r + i + HALO, c + j + HALO)


@pytest.mark.parametrize("board", [0, 1])
def test_activity_at_its_largest(board):
    """Checkerboards of extremes stay exact in float32."""
    on = (np.indices((12, 12)).sum(0) % 2 == board) * MOST
    planes = planes_of(np.kron(on, np.ones((2, 2), int)), on, MOST - on)
    out = np.empty((5, 12, 12), np.int32)
    activity(planes, 0, 0, out)
    assert out[:, 5, 6].tolist() == contexts(planes, 5 + HALO, 6 + HALO)
    assert out[0].max() > 2000 and out[3].max() > 4000
