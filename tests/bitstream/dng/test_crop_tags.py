"""The tags of a default crop: said, read, and refused where they are none."""

import pytest
from rawinlay.bitstream.dng.crop import CROP_ORIGIN, CROP_SIZE, crop_tags, default_crop, lies_in
from rawinlay.bitstream.rect import Rect
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import pack_value


@pytest.mark.parametrize("crop", [(4, 2, 60, 40), (0.5, 2.25, 60.0, 40.75)])
def test_what_is_said_is_read(crop):
    assert default_crop(crop_tags(crop)) == crop
    assert default_crop(crop_tags(Rect.at(4, 2, 60, 40))) == (4, 2, 60, 40)


@pytest.mark.parametrize("tags", [
    {}, {CROP_ORIGIN: pack_value(tiff.LONG, 1, 2)},
    {CROP_ORIGIN: pack_value(tiff.LONG, 1), CROP_SIZE: pack_value(tiff.LONG, 3, 4)},
    {CROP_ORIGIN: pack_value(tiff.RATIONAL, 1, 0, 2, 1), CROP_SIZE: pack_value(tiff.LONG, 3, 4)},
])  # fmt: skip
def test_what_is_no_crop(tags):
    assert default_crop(tags) is None


def test_where_it_lies():
    assert lies_in((0, 0, 8, 6), 8, 6) and lies_in((2.5, 1, 5.5, 5), 8, 6)
    assert not any(lies_in(crop, 8, 6) for crop in ((0, 0, 0, 6), (-1, 0, 4, 4), (5, 0, 4, 4), (0, 3, 4, 4)))
