"""The default crop of files that are no DNG, by their own tags or by LibRaw."""

import pytest
from rawinlay.bitstream.dng.crop import CROP_ORIGIN, CROP_SIZE
from rawinlay.bitstream.rect import Rect
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import Ifd, pack_value, value_numbers
from rawinlay.codec.source.crop import of_source
from rawinlay.codec.source.libraw import Sizes

VISIBLE = Rect(4, 8, 400, 600)


def sizes(crop=(0, 0, 0, 0)):
    left, top, width, height = crop
    return Sizes(400, 600, 4, 8, 0, 1.0, 410, 620, top, left, height, width)


def crop_of(found):
    return tuple(n for tag in (CROP_ORIGIN, CROP_SIZE) for n in value_numbers(found[tag])) if found else None


def directory(origin, size, width=620):
    return Ifd({
        256: pack_value(tiff.LONG, width), 257: pack_value(tiff.LONG, 410),
        CROP_ORIGIN: pack_value(tiff.LONG, *origin), CROP_SIZE: pack_value(tiff.LONG, *size),
    })  # fmt: skip


@pytest.mark.parametrize(("crop", "want"), [
    ((14, 10, 588, 388), (6, 6, 588, 388)), ((8, 4, 600, 400), None), ((0, 0, 0, 0), None), ((8, 4, 601, 400), None),
    ((65535, 65535, 588, 388), None), ((20, 20, 200, 150), None), ((7, 4, 500, 300), None),
])  # fmt: skip
def test_librawscrop(crop, want):
    assert crop_of(of_source(sizes(crop), VISIBLE, None)) == want


def test_the_files_own_tags_come_first_where_they_are_of_the_mosaic():
    own = Ifd(subs={tiff.SUB_IFDS: [directory((20, 12), (570, 380))]})
    assert crop_of(of_source(sizes((14, 10, 588, 388)), VISIBLE, own)) == (12, 8, 570, 380)
    other = Ifd(subs={tiff.SUB_IFDS: [directory((20, 12), (570, 380), 1200)]})
    assert crop_of(of_source(sizes((14, 10, 588, 388)), VISIBLE, other)) == (6, 6, 588, 388)
