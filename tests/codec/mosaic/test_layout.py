"""Packing whatever the phase and size, and tiles that cover the picture once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.raw_image import CFA_PHASES
from rawinlay.codec.mosaic.layout import Layout, tiles

SIZES = [(2, 2), (2, 3), (3, 2), (5, 4), (8, 8), (9, 13)]


def inside_of(layout):
    """Which sites of the packed planes lie in the mosaic, bool (4, h, w)."""
    (top, left), (h, w) = layout.origin, layout.cells
    out = np.zeros((2 * h, 2 * w), bool)
    out[top : top + layout.height, left : left + layout.width] = True
    return np.stack([out[i::2, j::2] for i in (0, 1) for j in (0, 1)])


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("size", SIZES)
def test_round_trip(cfa, size):
    layout = Layout(*size, cfa)
    mosaic = np.arange(size[0] * size[1], dtype=np.uint16).reshape(size)
    planes = layout.pack(mosaic)
    assert planes.shape == (4, *layout.cells)
    assert np.array_equal(layout.unpack(planes), mosaic)


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("size", SIZES)
def test_planes_hold_one_colour(cfa, size):
    """R, G, G, B whatever the phase, sites outside the mosaic included; inside each site once."""
    y, x = np.indices(size)
    colours = np.array(["RGB".index(c) for c in cfa], np.uint16)[2 * (y % 2) + x % 2]
    layout = Layout(*size, cfa)
    planes = layout.pack(colours)
    assert [set(p.reshape(-1).tolist()) for p in planes] == [{0}, {1}, {1}, {2}]
    inside = inside_of(layout)
    assert inside.shape == planes.shape and int(inside.sum()) == size[0] * size[1]
    marks = layout.unpack(inside.astype(np.uint16))
    assert marks.all()


@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_g1_lies_in_the_row_of_red(cfa):
    layout = Layout(6, 6, cfa)
    rows, cols = np.indices((6, 6)).astype(np.uint16)
    inside = inside_of(layout)
    both = inside[0] & inside[1]
    assert (layout.pack(rows)[0] == layout.pack(rows)[1])[both].all()
    assert (layout.pack(cols)[0] + 1 == layout.pack(cols)[1])[both].all()


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("size", SIZES)
def test_cells_at_some_places(cfa, size):
    """The values of packing, there alone; one beyond the last is the last."""
    layout = Layout(*size, cfa)
    mosaic = np.arange(size[0] * size[1], dtype=np.uint16).reshape(size)
    rows, cols = (np.arange(n + 1) for n in layout.cells)
    inside = np.ix_(np.minimum(rows, rows[-2]), np.minimum(cols, cols[-2]))
    assert np.array_equal(layout.at(mosaic, rows[:, None], cols[None]), layout.pack(mosaic)[:, *inside])
    assert not layout.inside_at(rows[-1:], cols[:1]).any() and np.array_equal(
        layout.inside_at(rows[:-1, None], cols[None, :-1]), inside_of(layout)
    )


@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_levels_by_plane(cfa):
    by_site = tuple(float(k) for k in range(4))
    layout = Layout(4, 4, cfa)
    mosaic = np.tile(np.array(by_site, np.uint16).reshape(2, 2), (2, 2))
    assert layout.per_plane(by_site) == tuple(float(p[1, 1]) for p in layout.pack(mosaic))


@given(st.integers(1, 90), st.integers(1, 90), st.integers(4, 30).map(lambda n: 2 * n))
def test_tiles_cover_every_cell_once(h, w, side):
    seen = np.zeros((h + 1, w + 1), int)
    for r, c, rows, cols in tiles(h, w, side):
        assert rows % 2 == cols % 2 == 0 and 0 < rows <= side and 0 < cols <= side
        assert r + rows <= h + 1 and c + cols <= w + 1
        seen[r : r + rows, c : c + cols] += 1
    assert (seen[:h, :w] == 1).all()
