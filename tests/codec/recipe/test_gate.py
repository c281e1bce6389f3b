"""Section GATE: what is written is read, what is damaged refused, and a cell has the guide that stands in its block."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.rect import Rect
from rawinlay.bitstream.stream.fields import write_varint
from rawinlay.codec.decoder.stream import companding_of
from rawinlay.codec.encoder.gate_writer import gate_bytes
from rawinlay.codec.encoder.own_guide import as_jpeg, flattened, rendering
from rawinlay.codec.guide.guide import LaidGuide
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.recipe.gate import Blocks, Gate, lies, pixels
from rawinlay.codec.recipe.gated import guided_by
from rawinlay.codec.recipe.recipe import Recipe
from rawinlay.codec.recipe.side import Window
from scenes import scene

CELLS = (45, 70)
RNG = np.random.default_rng(0)
RECIPE = Recipe(RNG.integers(-90, 90, (4, 178)) * (np.arange(178) < 20), np.full(178, 9))
OWN = RNG.random((3, 5)) < 0.4
PICTURE = b"any bytes: nobody looks into them here"
GATE = Gate(2, PICTURE, Blocks(16, OWN, RECIPE))


def test_round_trip():
    found = Gate.from_bytes(gate_bytes(GATE), CELLS)
    assert (found.scale, found.picture, found.blocks.side) == (2, PICTURE, 16)
    assert np.array_equal(found.blocks.own, OWN)
    assert np.array_equal(found.blocks.recipe.whole(), RECIPE.whole())
    assert Gate.from_bytes(gate_bytes(Gate(4, PICTURE)), CELLS) == Gate(4, PICTURE)


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


HEAD = write_varint(len(PICTURE)) + PICTURE
RULES = RECIPE.to_bytes()
BLOCKS = HEAD + write_varint(len(RULES)) + RULES


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\1", b"\0\0" + HEAD, b"\5\0" + HEAD, b"\1\2" + HEAD, b"\1\x0b" + HEAD, b"\1\0" + HEAD + b"\0",
        b"\1\0" + HEAD[:-1], b"\1\0\xff\xff\xff\x7f" + PICTURE, b"\1\4" + HEAD, b"\1\4" + BLOCKS,
        b"\1\4" + BLOCKS + b"no deflate", b"\1\4" + BLOCKS + deflated(b"\0"), b"\1\4" + BLOCKS + deflated(bytes(3)),
        b"\1\4" + BLOCKS + deflated(b"\0\x80"), b"\1\4" + BLOCKS + deflated(b"\0\0") + b"\0",
        b"\1\4" + BLOCKS + deflated(bytes(1 << 24)), b"\1\4" + HEAD + b"\2\0\0" + deflated(b"\0\0"),
    ],
)  # fmt: skip
def test_damaged(data):
    with pytest.raises(StreamError):
        Gate.from_bytes(data, CELLS)


def test_too_many_blocks():
    with pytest.raises(StreamError, match="more blocks"):
        Gate.from_bytes(b"\1\3" + BLOCKS + deflated(b"\0"), (1 << 15, 1 << 15))


def jpeg_of(rows, cols, mode="RGB"):
    out = io.BytesIO()
    Image.new(mode, (cols, rows), 90 if mode != "RGB" else (90, 120, 80)).save(out, "JPEG")
    return out.getvalue()


def test_the_own_guide_is_of_the_mosaics_size():
    layout = Layout(91, 141, "GBRG")
    rows, cols = pixels(layout, 2)
    Gate(2, jpeg_of(rows, cols)).guide(layout)
    Gate(2, jpeg_of(rows, cols, "L")).guide(layout)
    for wrong in (jpeg_of(rows + 1, cols), jpeg_of(rows, cols - 1), jpeg_of(cols, rows)):
        with pytest.raises(StreamError, match="another size"):
            Gate(2, wrong).guide(layout)
    for wrong in (b"no JPEG", jpeg_of(rows, cols)[:200], jpeg_of(rows, cols, "CMYK")):
        with pytest.raises(StreamError, match="own guide"):
            Gate(2, wrong).guide(layout)


@pytest.mark.parametrize("cfa", ["RGGB", "GRBG", "GBRG", "BGGR"])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_it_lies_over_its_cells(cfa, scale):
    """The middle of each pixel is the middle of the sites of its cells."""
    layout, side = Layout(96, 128, cfa), 1 << scale
    geometry = lies(layout, scale)
    for axis, before in enumerate(layout.origin):
        for pixel in (0, 3):
            twice = 2 * (pixel * side - before) + side - 1  # twice the middle of the pixel's sites
            at = ((twice * geometry.scale[axis] + 4096) >> 13) + geometry.offset[axis]
            assert at == pixel << 12


def test_each_cell_has_its_guide():
    """Prediction and activity are one guide's in its blocks and the other's elsewhere, in any window."""
    picture = scene((90, 131), "GRBG", seed=3, bits=12)
    layout = Layout(90, 131, "GRBG")
    own = Gate(1, as_jpeg(rendering(picture.raw, 1), 60))
    blocks = Blocks(16, np.random.default_rng(5).random((3, 5)) < 0.5, RECIPE)
    jpeg = LaidGuide(picture.planes, picture.geometry, (90, 131), layout.origin)
    theirs, mine = guided_by(jpeg, None, layout), guided_by(jpeg, own, layout)
    both = guided_by(jpeg, Gate(1, own.picture, blocks), layout, box=Rect(0, 0, *layout.cells))
    companding = companding_of(header_of(picture))
    recipe = Recipe(RECIPE.coefficients[:, ::-1].copy(), RECIPE.exponents)
    for top, left, rows, cols in ((0, 0, 46, 66), (7, 30, 20, 24), (18, 3, 2, 2)):
        window = Window(((top, left),), rows, cols)
        where = np.kron(blocks.own, np.ones((16, 16), bool))[top : top + rows, left : left + cols]
        found = mine.prediction(window, RECIPE, companding), theirs.prediction(window, recipe, companding)
        wanted = np.where(where, *found)
        assert np.array_equal(both.prediction(window, recipe, companding), wanted)
        assert np.array_equal(both.activity(window), np.where(where, mine.activity(window), theirs.activity(window)))
        down, across = top + np.arange(rows)[:, None], left + np.arange(cols)
        assert np.array_equal(both.guided(down, across), ~where)


def header_of(picture):
    from rawinlay.codec.decoder.stream import Stream

    return Stream.from_bytes(picture.encode(quality=20)).header


def test_what_is_flat_takes_little():
    """A rendering whose blocks are not wanted: the wanted pixels stay, the rest takes next to nothing."""
    picture = rendering(scene((256, 256), kind="texture").raw, 1)
    assert picture.shape == (128, 128, 3)
    wanted = np.zeros((128, 128), bool)
    wanted[40:60, 70:100] = True
    flat = flattened(picture, wanted)
    assert np.array_equal(flat[wanted], picture[wanted])
    assert len(as_jpeg(flat, 50)) < 0.4 * len(as_jpeg(picture, 50))
