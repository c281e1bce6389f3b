"""A kill leaves outputs whole or as before, and no files; `python -m tests.campaigns.kills` kills more."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.campaigns.kills import POINTS, campaign

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and nameless files as POSIX and Linux have them")


@pytest.mark.parametrize("fallback", [False, True], ids=["nameless", "fallback"])
def test_kills_leave_nothing(fallback):
    result = campaign(len(POINTS), fallback=fallback, commands=("strip",), at_random=0)
    assert result.faults == [] and result.kills == len(POINTS), [*result.faults, result.line()]
    assert result.before and result.whole, result.line()
