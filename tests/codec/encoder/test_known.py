"""A stream checked by the side information that its tiles were coded with: taken over only where it is the same."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.codec.encoder import encode, known
from scenes import scene


@pytest.fixture(scope="module")
def told():
    """What `known` is asked when a picture is encoded, and what it answers."""
    asked = []

    def ask(*arguments):
        asked.append((arguments, known.known(*arguments)))
        return asked[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "known", ask)
        scene((128, 160), seed=3).encode(size=6000)
    return asked


def test_it_is_taken_over(told):
    ((areas, _, parsed, planes), found) = told[-1]
    assert found is not None and found.areas is areas
    assert np.array_equal(parsed.settled(parsed.tiles(found, range(len(parsed.transforms)))),
                          parsed.decode(planes, unbounded=True))  # fmt: skip


def test_not_where_a_tile_is_missing(told):
    ((_, made_by, parsed, planes), _) = told[-1]
    assert known.known({}, made_by, parsed, planes) is None


def test_not_what_is_different(told):
    ((areas, made_by, parsed, planes), _) = told[-1]
    wrong = {window: replace(area, prediction=area.prediction + 1) for window, area in areas.items()}
    with pytest.raises(AssertionError, match="not the same twice"):
        known.known(wrong, made_by, parsed, planes)
    recipe = replace(made_by.recipe, coefficients=made_by.recipe.coefficients + 1)
    with pytest.raises(AssertionError, match="does not say what it was made by"):
        known.known(areas, replace(made_by, recipe=recipe), parsed, planes)
