"""Cell layouts: values into the mosaic and back, which sites are coded, the section."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawinlay.bitstream.cell import COLOURS
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.stream.cell import cell_bytes, read_cell
from rawinlay.codec.source import cells
from sensors import QUAD, XTRANS

PATTERNS = {"xtrans": XTRANS, "quad": QUAD, "cmyg": ["GM", "YC"], "nona": ["RRRGGG"] * 3 + ["GGGBBB"] * 3,
            "tall": ["RG", "GB", "GR", "BG"], "white": ["RWGW", "WRWG", "GWBW", "WGWB"], "three": ["RGB"]}  # fmt: skip


def layouts(height, width):
    yield cells.one_colour(height, width)
    yield cells.several(height, width, "RGB")
    yield cells.several(height, width, "RGBW")
    for pattern in PATTERNS.values():
        yield cells.mosaic(height, width, pattern, COLOURS)


@settings(max_examples=12)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1 << 16))
def test_there_and_back(height, width, seed):
    for cell in layouts(height, width):
        values = np.random.default_rng(seed).integers(0, 65536, cell.size).astype(np.uint16)
        mosaic = cell.fold(values)
        assert mosaic.shape == cell.shape and np.array_equal(cell.unfold(mosaic), values)
        rows, cols = np.arange(cell.shape[0] // 2)[:, None], np.arange(cell.shape[1] // 2)[None]
        coded = cell.coded(rows, cols)
        assert coded.sum() == values.size  # each value once
        scattered = mosaic.copy()
        for k in range(4):
            scattered[k // 2 :: 2, k % 2 :: 2][~coded[k]] = 7  # what is decoded at sites that repeat
        assert np.array_equal(cell.settled(scattered), mosaic)
        assert not (cell.predicted(rows, cols) & ~coded).any()
        assert read_cell(cell_bytes(cell)) == cell


@pytest.mark.parametrize("down", range(6))
def test_xtrans_is_dealt_out_near(down):
    """Every phase of it: planes of one colour but for two greens of 36, no value more than one pixel off either way."""
    for right in range(6):
        pattern = [(XTRANS[(y + down) % 6] * 2)[right : right + 6] for y in range(6)]
        cell = cells.mosaic(36, 36, pattern, "RGB")
        assert cell.of_planes() == "RGGB" and len(cell.donors) == 2 and cell.moves
        plane_of = np.array([site // 6 % 2 * 2 + site % 2 for site in range(36)])
        wrong = [site for site, colour in enumerate(cell.of_sites()) if colour != "RGGB"[plane_of[site]]]
        assert sorted(wrong) == sorted(site for site, _ in cell.donors)
        assert all(cell.of_sites()[site] == "RGGB"[plane] for site, plane in cell.donors)
        places = np.array(cell.places)
        away = np.abs([places // 6 - np.arange(36) // 6, places % 6 - np.arange(36) % 6])
        assert away.max() == 1


def test_what_moves():
    """The guide is moved as the values are."""
    cell = cells.mosaic(12, 18, XTRANS, "RGB")
    places = np.arange(12 * 18).reshape(12, 18).astype(np.uint16)
    assert np.array_equal(cell.moved(places), cell.fold(places))
    assert not cells.mosaic(12, 18, ["GM", "YC"], "GMYC").moves and not cells.several(4, 4, "RGB").moves


def test_a_part():
    cell = cells.mosaic(31, 40, XTRANS, "RGB")
    values = np.random.default_rng(0).integers(0, 4096, cell.size).astype(np.uint16)
    part = cell.part(5, 7, 16, 18)
    assert np.array_equal(part.unfold(part.fold(values[5:21, 7:25])), values[5:21, 7:25])
    colours = np.array([[XTRANS[y % 6][x % 6] for x in range(40)] for y in range(31)])
    assert "".join(colours[5:11, 7:13].ravel()) == part.colours
    top, left, bottom, right = cell.cells_of(5, 7, 16, 18)
    assert (top, left) == (0, 3) and (bottom, right) == (12, 15)


SECTION = cell_bytes(cells.mosaic(31, 40, XTRANS, "RGB"))


@pytest.mark.parametrize("at", range(len(SECTION)))
def test_damaged_sections(at):
    """Every byte with other values: an error, or a layout that holds together."""
    for value in (0, 7, 255):
        data = SECTION[:at] + bytes([value]) + SECTION[at + 1 :]
        try:
            cell = read_cell(data)
        except StreamError:
            continue
        assert np.array_equal(cell.unfold(cell.fold(np.zeros(cell.size, np.uint16))), np.zeros(cell.size))
    with pytest.raises(StreamError):
        read_cell(SECTION[:at])
    with pytest.raises(StreamError):
        read_cell(SECTION + b"\0")
