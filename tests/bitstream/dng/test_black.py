"""Black levels of a DNG that are more than four numbers."""

import numpy as np
from rawinlay.bitstream.dng.black import DELTA_H, DELTA_V, LEVEL, REPEAT, fitting, moved, site_levels
from rawinlay.bitstream.raw_image import TiffValue
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import pack_value, value_numbers

PATTERN = np.arange(16).reshape(4, 4) * 3 + 60
TAGS = {REPEAT: pack_value(tiff.SHORT, 4, 4), LEVEL: pack_value(tiff.SHORT, *PATTERN.ravel())}


def test_the_means_of_a_pattern_at_each_site():
    want = [PATTERN[y::2, x::2].mean() for y in (0, 1) for x in (0, 1)]
    assert site_levels(TAGS) == tuple(want)
    assert site_levels(TAGS, 1, 1) == tuple(want[::-1])
    assert site_levels({**TAGS, REPEAT: pack_value(tiff.SHORT, 4, 3)}) is None and site_levels({}) is None


def test_a_pattern_moves_with_the_area():
    found = moved(TAGS, 1, 2, (40, 60))
    assert value_numbers(found[LEVEL]) == np.roll(PATTERN, (-1, -2), (0, 1)).ravel().tolist()
    assert site_levels(found) == site_levels(TAGS, 1, 2)
    rows = {**TAGS, DELTA_V: pack_value(tiff.SRATIONAL, *(n for k in range(50) for n in (k, 10)))}
    assert value_numbers(moved(rows, 1, 2, (40, 60))[DELTA_V]) == [k / 10 for k in range(1, 41)]
    assert moved(rows, 20, 2, (40, 60)) == {}  # beyond its end


def test_four_levels_need_no_pattern():
    assert moved({REPEAT: pack_value(tiff.SHORT, 2, 2), LEVEL: pack_value(tiff.SHORT, 1, 2, 3, 4)}, 0, 0, (9, 9)) == {}


def test_a_pattern_that_does_not_say_what_the_header_says_is_not_written():
    black = site_levels(TAGS)
    assert fitting(TAGS, black, (40, 60)) == TAGS
    assert fitting(TAGS, [b + 1 for b in black], (40, 60)) == {}
    assert fitting({**TAGS, DELTA_H: TiffValue(tiff.RATIONAL, 1, bytes(8))}, black, (40, 60)) == {}
