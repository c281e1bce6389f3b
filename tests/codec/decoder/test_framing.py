"""The decoded DNG opens as the JPEG is framed, where the RAW has no crop of its own."""

import json
from dataclasses import replace

import numpy as np
import pytest
from rawinlay import decode
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.rect import Rect
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tags import pack_tags
from rawinlay.bitstream.tiff.tiff import pack_value, value_numbers
from rawinlay.codec.cli.main import main
from rawinlay.codec.decoder.framing import frame_of, framed
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.guide.geometry import SCALE_BITS, Geometry
from rawinlay.codec.recipe.gate import Blocks, Gate
from rawinlay.codec.source.dng import raw_ifd
from rawinlay.codec.source.metadata import source_ifd
from rawinlay.codec.source.raw import read_raw
from scenes import scene

PX, ONE = 1 << 12, 1 << SCALE_BITS
SHAPE = (64, 90)


def crop_of(dng):
    found = raw_ifd(source_ifd(dng)).tags
    return [*value_numbers(found[50719]), *value_numbers(found[50720])]


def carried(geometry, jpeg_shape, **tags):
    """A JPEG with a RAW under a geometry; tags: of the RAW's, by number behind a t."""
    picture = scene(SHAPE, jpeg_shape=jpeg_shape, geometry=geometry)
    raw = replace(picture.raw, raw_tags={int(name[1:]): value for name, value in tags.items()})
    picture = replace(picture, raw=raw)
    return embed.embed(picture.jpeg, picture.encode(pack_tags(raw, {}), quality=20))


WHOLE = [2, 2, 86, 60]


@pytest.mark.parametrize(
    ("orientation", "offset", "jpeg_shape"),
    [
        (1, (-6, -8), (50, 76)), (3, (-8, -6), (50, 76)), (6, (-8, -8), (76, 50)), (8, (-6, -6), (76, 50)),
        (5, (-8, -6), (76, 50)),
    ],
)  # fmt: skip
def test_the_jpegs_part_is_the_default_crop(orientation, offset, jpeg_shape):
    """x 8, y 6, 76 x 50, counted in the mosaic as it is stored."""
    decoded = decode(carried(Geometry(orientation, (offset[0] * PX, offset[1] * PX)), jpeg_shape))
    assert decoded.default_crop == (8, 6, 76, 50)
    assert crop_of(decoded.dng()) == [8, 6, 76, 50]
    assert decoded.raw.mosaic.shape == SHAPE
    again = read_raw(decoded.dng())
    assert np.array_equal(again.mosaic, decoded.raw.mosaic) and again.orientation == decoded.raw.orientation


def test_half_the_size():
    half = Geometry(1, (-(6 * PX // 2) - PX // 4, -(8 * PX // 2) - PX // 4), (ONE // 2, ONE // 2))
    assert crop_of(decode(carried(half, (25, 38))).dng()) == [8, 6, 76, 50]


def test_around_a_straightened_picture():
    angle = np.radians(4.0)
    line = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    at = np.array([19.5, 29.5]) - line @ np.array([31.5, 44.5])
    geometry = Geometry.of_map(1, SHAPE, np.block([[line, at[:, None]], [np.zeros((1, 2)), 1.0]]))
    x, y, width, height = decode(carried(geometry, (40, 60))).default_crop
    assert abs(width - (60 * np.cos(angle) + 40 * np.sin(angle))) < 2.5
    assert abs(height - (40 * np.cos(angle) + 60 * np.sin(angle))) < 2.5
    assert abs(2 * x + width - 90) <= 3 and abs(2 * y + height - 64) <= 3


@pytest.mark.parametrize("tag", ["crop", "user crop"])
def test_a_crop_of_the_raws_own_is_kept(tag):
    tags = {"t50719": pack_value(tiff.LONG, 4, 10), "t50720": pack_value(tiff.LONG, 60, 40)}
    if tag == "user crop":
        tags = {"t51125": pack_value(tiff.RATIONAL, 1, 4, 1, 4, 3, 4, 3, 4)}
    decoded = decode(carried(Geometry(1, (-6 * PX, -8 * PX)), (50, 76), **tags))
    assert decoded.default_crop is None
    assert crop_of(decoded.dng()) == ([4, 10, 60, 40] if tag == "crop" else WHOLE)


@pytest.mark.parametrize(
    ("offset", "jpeg_shape"), [((0, 0), (64, 90)), ((10, 4), (84, 98)), ((5000, 0), (64, 90)), ((-60, 0), (8, 90))]
)
def test_no_crop_by_a_jpeg_of_all_of_it_of_more_or_of_next_to_nothing(offset, jpeg_shape):
    decoded = decode(carried(Geometry(1, (offset[0] * PX, offset[1] * PX)), jpeg_shape))
    assert decoded.default_crop is None and crop_of(decoded.dng()) == WHOLE
    assert framed(decoded.raw, None) is decoded.raw


@pytest.mark.parametrize(("own", "frame"), [("all", None), ("most", None), ("few", Rect.at(8, 6, 76, 50))])
def test_a_jpeg_that_guides_nothing_frames_nothing(own, frame):
    """It may lie anywhere: it shows another picture, or nobody looked (`--no-guide`)."""
    data = carried(Geometry(1, (-6 * PX, -8 * PX)), (50, 76))
    stream = Stream.from_bytes(embed.extract(data))
    blocks = np.ones((4, 6), bool) if own == "most" else np.zeros((4, 6), bool)
    blocks[0, 0] = own == "few"
    recipe = stream.recipe
    gate = Gate(1, scene((32, 45), jpeg_shape=(32, 45)).jpeg, None if own == "all" else Blocks(8, blocks, recipe))
    planes = decode_planes(data)
    assert frame_of(decode(data).raw, replace(stream, gate=gate), planes.y.shape) == frame


def test_a_part_of_the_mosaic_has_no_frame(tmp_path, capsys):
    """`--crop` is one already; and the command tells the frame."""
    jpeg = carried(Geometry(1, (-6 * PX, -8 * PX)), (50, 76))
    assert decode(jpeg, crop=(0, 0, 40, 40)).default_crop is None
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg)
    assert main(["decode", str(path), "-o", str(tmp_path / "a.dng"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["default_crop"] == [8, 6, 76, 50]
    assert main(["decode", str(path), "-o", str(tmp_path / "b.dng")]) == 0
    assert "as the JPEG: 76 x 50 at 8,6" in capsys.readouterr().out
