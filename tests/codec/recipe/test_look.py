"""The second look: its bytes, the correction against plain whole numbers, any window of it, and what is refused."""

from dataclasses import replace

import goldens
import manual_look
import numpy as np
import pytest
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.planes import JpegPlanes, decode_planes
from rawinlay.bitstream.rect import Rect
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.guide.guide import LaidGuide
from rawinlay.codec.mosaic.companding import Companding
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.recipe.look import CLASSES, COUNTS, KNOTS, Look, taps_of
from rawinlay.codec.recipe.recipe import Recipe
from rawinlay.codec.recipe.side import HALO, SideInfo, Window


def drawn(kind, rng, size=1.0):
    """A second look of random numbers; size 1: as large as is allowed."""
    count, classes = COUNTS[kind], max(CLASSES[kind]) + 1
    coefficients = rng.choice([-1, 1], (classes, count)) * round(100 * size)
    coefficients[:, -1] *= int((1 << 23) / 101 * size)
    matrix = rng.integers(-9000, 9000, (3, 3))
    return Look(kind, matrix, rng.integers(0, 4097, (3, KNOTS)), np.zeros(count, np.int64), coefficients)


@pytest.fixture(scope="module")
def picture():
    """Side information of a picture of odd sides with a JPEG of 4:4:4, a recipe of few large numbers, a companding."""
    rng = np.random.default_rng(3)
    shape = (75, 131)
    planes = [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(3)]
    layout = Layout(*shape, "GRBG")
    guide = LaidGuide(JpegPlanes(*planes, (1, 1), ()), Geometry(), shape, layout.origin)
    coefficients, exponents = np.zeros((4, 178), np.int64), np.full(178, 18)
    coefficients[:, :60] = rng.integers(-30, 40, (4, 60))
    companding = Companding((500, 510, 505, 515), 15000, 16383, 8)
    return SideInfo(guide, layout), Recipe(coefficients, exponents), companding


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_bytes(kind):
    look = drawn(kind, np.random.default_rng(kind))
    back = Look.from_bytes(look.to_bytes())
    assert back.kind == kind and back.to_bytes() == look.to_bytes()
    for name in ("matrix", "knots", "exponents", "coefficients"):
        assert np.array_equal(getattr(back, name), getattr(look, name))


@pytest.mark.parametrize(("kind", "size"), [(0, 1.0), (0, 0.02), (1, 1.0), (2, 1.0), (3, 0.02)])
def test_exact_at_the_bounds(picture, kind, size):
    """As large as coefficients may be: what the second decoder computes with int64."""
    side_info, recipe, companding = picture
    look, h, w = drawn(kind, np.random.default_rng(7), size), side_info.h, side_info.w
    look.check()
    first = side_info.prediction(Window(((0, 0),), h, w), recipe, companding, saturated=False)[0].astype(np.int64)
    assert np.ptp(first) > 10_000 and first.min() <= 0
    read = manual_look.read_look(look.to_bytes(), _Golomb)
    y = side_info.planes[:4, HALO - 1 : HALO + h + 1, HALO - 1 : HALO + w + 1].astype(np.int64)
    chroma = [v.astype(np.int64) - 2048 for v in side_info.guide.chroma(range(-1, h + 1), range(-1, w + 1))]
    wanted = manual_look.corrected(read, first, y, chroma, companding.span, companding.low, companding.high)
    found = side_info.prediction(Window(((0, 0),), h, w), replace(recipe, look=look), companding)[0]
    assert np.array_equal(found, wanted) and not np.array_equal(found, first)


def _Golomb(data):
    import manual

    return manual.Golomb(data)


@pytest.mark.parametrize("kind", [0, 2])
def test_any_window(picture, kind):
    """A window is a part of the whole, at every edge; a cell outside has what the nearest inside has."""
    side_info, recipe, companding = picture
    looked = replace(recipe, look=drawn(kind, np.random.default_rng(1), 0.1))
    h, w = side_info.h, side_info.w
    whole = side_info.prediction(Window(((0, 0),), h, w), looked, companding)[0]
    for row, col, rows, cols in ((0, 0, 2, 2), (10, 20, 8, 40), (h - 5, w - 7, 5, 7), (0, w - 3, h, 3), (31, 1, 2, 64)):
        found = side_info.prediction(Window(((row, col),), rows, cols), looked, companding)[0]
        assert np.array_equal(found, whole[:, row : row + rows, col : col + cols])
    outside = side_info.prediction(Window(((h - 4, w - 4),), 5, 5), looked, companding)[0]
    assert np.array_equal(outside, np.pad(whole[:, -4:, -4:], ((0, 0), (0, 1), (0, 1)), mode="edge"))


@pytest.mark.parametrize("name", ["looked", "looked-mirrored", "directed", "post", "post-gated"])
def test_crop(name):
    """What lies around a crop is enough for it: its cells are those of the whole picture."""
    stream, planes = Stream.from_bytes(goldens.payload(name)), decode_planes(goldens.jpeg(name))
    whole = stream.decode(planes)
    (h, w), (top, left) = stream.layout.cells, stream.layout.origin
    for box in (Rect(0, 0, 9, 11), Rect(h - 6, w - 9, 6, 9), Rect(h // 2, w // 2, 3, 2)):
        part = stream.decode(planes, box=box)
        cut = np.s_[
            max(2 * box.top - top, 0) : 2 * box.bottom - top, max(2 * box.left - left, 0) : 2 * box.right - left
        ]
        assert np.array_equal(part[cut], whole[cut])


def test_mirrored():
    """Kind 1 is the same left and right, up and down, and the second green as the first one turned."""
    for plane in range(4):
        number = {(c, i, j): n for c, i, j, n in taps_of(1, plane)}
        assert all(number[c, -i, j] == number[c, i, -j] == n for (c, i, j), n in number.items())
    first, second = ({(c, i, j): n for c, i, j, n in taps_of(1, plane)} for plane in (1, 2))
    assert all(second[c, j, i] == n for (c, i, j), n in first.items())


GOOD = drawn(1, np.random.default_rng(0), 0.02)
BAD = {
    "matrix": replace(GOOD, matrix=GOOD.matrix + (1 << 15)),
    "knots": replace(GOOD, knots=GOOD.knots - 4000),
    "exponents": replace(GOOD, exponents=GOOD.exponents + 14),
    "exponents below": replace(GOOD, exponents=GOOD.exponents - 1),
    "differences": replace(GOOD, exponents=np.where(np.arange(32) < 27, 8, 0)),
    "roots": replace(GOOD, exponents=np.where((np.arange(32) >= 27) & (np.arange(32) < 31), 9, 0)),
    "what is added": replace(GOOD, exponents=np.where(np.arange(32) == 31, 13, 0)),
}


@pytest.mark.parametrize("name", BAD)
def test_out_of_range(name):
    GOOD.check()
    with pytest.raises(StreamError):
        Look.from_bytes(BAD[name].to_bytes())


@pytest.mark.parametrize("data", [b"", b"\4" + GOOD.to_bytes()[1:], GOOD.to_bytes()[:-4], GOOD.to_bytes() + b"\0"])
def test_damaged(data):
    with pytest.raises(StreamError):
        Look.from_bytes(data)
