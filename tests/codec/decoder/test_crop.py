"""`decode --crop`: the sites that the whole has there, from what they need alone, with their own phase and preview."""

import io
from dataclasses import replace

import numpy as np
import pytest
from goldens import NAMES, jpeg, payload
from PIL import Image
from rawinlay import decode, decode_arrays, encode_arrays
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import UsageError
from rawinlay.bitstream.jpeg.planes import JpegPlanes, decode_planes
from rawinlay.bitstream.rect import Rect
from rawinlay.codec.cli.main import main
from rawinlay.codec.decoder.crop import cells_of, cropped, shown_by, wanted
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from rawinlay.codec.guide.guide import Guide
from rawinlay.codec.mosaic.layout import Layout, tiles
from rawinlay.codec.mosaic.turn import turn
from rawinlay.codec.recipe import net as guide_net
from rawinlay.codec.recipe.features import COUNT
from rawinlay.codec.recipe.side import SideInfo, Window
from rawinlay.codec.source.raw import read_raw
from shots import shot


def crops(height, width):
    """Corners, edges, odd places, and the whole."""
    return [
        Rect.at(0, 0, 16, 16), Rect.at(width - 21, height - 19, 21, 19),
        Rect.at(width // 2 - 9, height // 3 + 1, 40, 31), Rect.at(3, height // 2, width - 3, 17),
        Rect(0, 0, height, width),
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_crop_is_a_part_of_the_whole(name):
    stream, planes = Stream.from_bytes(payload(name)), decode_planes(jpeg(name))
    whole, sites = stream.decode(planes), stream.cell.scale if stream.cell else 1
    picture = Rect(0, 0, *(side // sites for side in whole.shape))
    for crop in crops(*picture.shape):
        if not crop.lies_in(picture):
            continue
        part = stream.decode(planes, box=cells_of(crop, stream.layout))
        here = Rect(*(sites * v for v in crop)).slices
        np.testing.assert_array_equal(part[here], whole[here])


@pytest.mark.parametrize("box", [Rect(0, 0, 40, 50), Rect(150, 130, 40, 40), Rect(230, 200, 31, 63)])
def test_learned_features_of_a_box_are_those_of_the_whole(box):
    h, w = 261, 263
    rng = np.random.default_rng(1)
    guide = Guide(*(rng.integers(0, 4081, size).astype(np.int16) for size in ((2 * h, 2 * w), (h, w), (h, w))))
    layout, net = Layout(2 * h, 2 * w, "RGGB"), guide_net.load()
    whole, part = SideInfo(guide, layout, net), SideInfo(guide, layout, net, box)
    rows, cols = box.rows // 2 * 2, box.cols // 2 * 2
    count = COUNT + guide_net.COUNT
    expected = whole.features(box.top, box.left, rows, cols, count)
    part.planes[:, : max(0, box.top - 90)] = -1  # were it looked at, it would show
    np.testing.assert_array_equal(part.features(box.top, box.left, rows, cols, count), expected)
    window = Window(((box.top, box.left),), rows, cols)
    np.testing.assert_array_equal(part.activity(window), whole.activity(window))


def test_only_the_tiles_it_meets_are_decoded():
    name = "edit-tiles"
    stream, planes = Stream.from_bytes(payload(name)), decode_planes(jpeg(name))
    count = len(tiles(*stream.layout.cells, 2 * stream.header.tile))
    assert count > 1, "the golden stream has one tile only"
    places, chosen = stream.setup.places, stream.setup.meeting(cells_of(Rect(0, 0, 16, 16), stream.layout))
    assert chosen == [0] and len(places) == count
    whole = stream.decode(planes)
    # What the other tiles say may then be anything at all.
    broken = {key: (data if key[0] == 0 else data + b"\1\2\3\4") for key, data in stream.substreams.items()}
    part = replace(stream, substreams=broken).decode(planes, box=cells_of(Rect(0, 0, 16, 16), stream.layout))
    np.testing.assert_array_equal(part[:16, :16], whole[:16, :16])


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (0, 1), (1, 1), (6, 5)])
@pytest.mark.parametrize("cfa", ["RGGB", "GBRG"])
def test_phase_and_levels_are_those_of_the_sites(x, y, cfa):
    raw = shot().raw
    raw = replace(raw, cfa=cfa, black=(10.0, 20.0, 30.0, 40.0))
    part = cropped(raw, Rect.at(x, y, 32, 24))
    assert part.mosaic.shape == (24, 32) and part.mosaic.base is None
    for i in range(2):
        for j in range(2):
            site = (y + i) % 2 * 2 + (x + j) % 2
            assert part.cfa[2 * i + j] == cfa[site] and part.black[2 * i + j] == raw.black[site]


def test_cells_hold_all_its_sites():
    for cfa in ("RGGB", "GRBG", "GBRG", "BGGR"):
        layout = Layout(41, 53, cfa)
        top, left = layout.origin
        for crop in (Rect.at(0, 0, 16, 16), Rect.at(7, 8, 17, 20), Rect.at(37, 25, 16, 16), Rect.at(0, 0, 53, 41)):
            box = cells_of(crop, layout)
            rows = {(crop.top + i + top) // 2 for i in range(crop.rows)}
            cols = {(crop.left + j + left) // 2 for j in range(crop.cols)}
            assert (box.top, box.bottom) == (min(rows), max(rows) + 1)
            assert (box.left, box.right) == (min(cols), max(cols) + 1)


def test_what_lies_outside_is_refused():
    for crop in ((-1, 0, 20, 20), (0, 0, 101, 20), (90, 0, 20, 20), (0, 90, 20, 20), (0, 0, 8, 90), (0, 0, -5, 20)):
        with pytest.raises(UsageError, match="crop"):
            wanted(crop, 100, 100)
    assert wanted((80, 70, 20, 30), 100, 100) == Rect(70, 80, 30, 20)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_preview_shows_the_part(orientation):
    height, width = 96, 128
    shape = (width, height) if orientation >= 5 else (height, width)
    light = np.zeros((height, width), np.uint8)
    light[20:60, 30:80] = 200
    y = np.ascontiguousarray(turn(light, orientation))
    chroma = np.full((shape[0] // 2, shape[1] // 2), 128, np.uint8)
    planes = JpegPlanes(y, chroma, chroma, (2, 2), ())
    found = shown_by(Rect.at(30, 20, 50, 40), planes, Geometry(orientation), Layout(height, width, "RGGB"), 1)
    picture = Image.open(io.BytesIO(found))
    assert picture.size == ((40, 50) if orientation >= 5 else (50, 40))
    assert np.asarray(picture.convert("L"))[2:-2, 2:-2].min() > 180


def test_the_preview_of_what_the_jpeg_does_not_show():
    planes = JpegPlanes(np.zeros((50, 50), np.uint8), None, None, (1, 1), ())
    geometry = Geometry(1, (-200 << POSITION_BITS, 0), (1 << SCALE_BITS, 1 << SCALE_BITS))
    layout = Layout(400, 100, "RGGB")
    assert shown_by(Rect.at(0, 0, 40, 40), planes, geometry, layout, 1) is None
    assert Image.open(io.BytesIO(shown_by(Rect.at(0, 200, 40, 40), planes, geometry, layout, 1))).size == (40, 40)


def test_the_command(tmp_path, capsys):
    carrier = encode_arrays(shot().raw, shot().jpeg, quality=30, effort=1).jpeg
    (tmp_path / "with.jpg").write_bytes(carrier)
    out = tmp_path / "part.dng"
    assert main(["decode", str(tmp_path / "with.jpg"), "-o", str(out), "--crop", "33,20,64,48", "--json"]) == 0
    assert '"width": 64, "height": 48' in capsys.readouterr().out
    whole = decode(carrier).raw
    part = read_raw(out)
    np.testing.assert_array_equal(part.mosaic, whole.mosaic[20:68, 33:97])
    assert part.cfa == "".join(whole.cfa[k] for k in (1, 0, 3, 2))
    assert part.black == pytest.approx(tuple(whole.black[k] for k in (1, 0, 3, 2)))
    again = decode(carrier, crop=(33, 20, 64, 48))
    assert write_dng(again.raw, again.preview, again.jpeg) == out.read_bytes()
    for wrong, said in (("1,2,3", "no crop"), ("0,0,100000,20", "outside")):
        assert main(["decode", str(tmp_path / "with.jpg"), "-o", str(tmp_path / "x.dng"), "--crop", wrong]) == 2
        assert said in capsys.readouterr().err


def test_a_crop_of_a_stream_in_layers():
    carrier = encode_arrays(shot().raw, shot().jpeg, bpp=1.0, layers=(0.3,), effort=1).jpeg
    whole = decode_arrays(carrier).mosaic
    part = decode_arrays(carrier, crop=(31, 44, 60, 52)).mosaic
    np.testing.assert_array_equal(part, whole[44:96, 31:91])
