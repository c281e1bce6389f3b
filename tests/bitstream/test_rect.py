"""Rectangles, held against the places they hold."""

import itertools

import pytest
from rawinlay.bitstream.rect import Rect

SOME = [Rect(top, left, rows, cols) for top, left, rows, cols in itertools.product((-1, 2), (0, 3), (0, 1, 4), (2, 5))]


def places(part):
    return {(r, c) for r in range(part.top, part.bottom) for c in range(part.left, part.right)}


@pytest.mark.parametrize("first", SOME)
def test_two_rectangles_are_two_sets_of_places(first):
    for second in SOME:
        assert places(first.within(second)) == places(first) & places(second)
        assert first.meets(second) == bool(places(first) & places(second))
        if places(first):
            assert first.lies_in(second) == (places(first) <= places(second))
        assert places(first) | places(second) <= places(Rect.around([first, second]))


def test_the_ways_to_say_one():
    part = Rect(2, 5, 7, 3)
    assert part == Rect.between(2, 5, 9, 8) == Rect.at(*part.xywh) and part.xywh == (5, 2, 3, 7)
    assert part.slices == (slice(2, 9), slice(5, 8)) and part.shape == (7, 3)
    assert Rect.between(4, 4, 1, 9).rows == 0 and not Rect(0, 0, -3, 4).lies_in(part)
    assert part.grown(1) == Rect(1, 4, 9, 5) and part.grown(1, 8) == Rect(0, 0, 16, 16)
