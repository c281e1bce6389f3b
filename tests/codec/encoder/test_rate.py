"""The search for a step, on made-up curves of bytes over steps."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.codec.encoder import rate
from rawinlay.codec.encoder.rate import (
    COARSEST,
    FINEST,
    TOLERANCE,
    Curve,
    Search,
    Trim,
    search_estimate,
    step_of_quality,
)


def size_at(step, scale=4e6, slope=-0.0035, floor=900):
    return floor + scale * 2 ** (slope * (step - 2000))


def test_quality():
    steps = [step_of_quality(q) for q in range(101)]
    assert FINEST <= steps[-1] < steps[0] <= COARSEST
    assert all(a >= b for a, b in pairwise(steps)) and len(set(steps)) > 95


@pytest.mark.parametrize("target", [3_000, 20_000, 300_000, 3_000_000])
def test_estimates(target):
    seen = []

    def estimate(step):
        seen.append(step)
        return size_at(step)

    step, curve = search_estimate(estimate, target, 3300)
    assert 0.93 < size_at(step) / target < 1.07
    assert len(seen) <= 6 and set(curve.points) == set(seen)


@given(
    st.lists(st.tuples(st.integers(FINEST, COARSEST), st.floats(1, 1e9)), min_size=1, max_size=8),
    st.floats(1, 1e9),
)
def test_solve_stays_in_range(points, target):
    """Whatever was measured, falling or not, the answer is a step."""
    curve = Curve()
    for step, size in points:
        curve.add(step, size)
    assert FINEST <= curve.solve(target) <= COARSEST
    assert rate.STEEPEST <= curve.slope(3000) <= rate.FLATTEST


def test_solve_meets_what_lies_between():
    curve = Curve()
    for step in (2800, 3000, 3400):
        curve.add(step, size_at(step))
    for target in (size_at(2850), size_at(3100), size_at(3390)):
        assert abs(math.log2(size_at(curve.solve(target)) / target)) < 0.1


def searched(coding, size, step=3300, slope=-0.005):
    """All (step, price, bytes) tried until the search ends, as the encoder does it."""
    search, tried = Search(size, slope, step), []
    for _ in range(rate.MAX_CODINGS):
        tried.append((search.step, search.price, coding(search.step, search.price)))
        if search.add(tried[-1][2]):
            break
    return tried


@pytest.mark.parametrize(
    ("slope", "size"), [(-0.002, 100_000), (-0.002, 1_000_000), (-0.0035, 5_000), (-0.0035, 1_000_000), (-0.02, 5_000)]
)
def test_a_size_is_met(slope, size):
    """Within the tolerance below, from a start that may be far off; real bytes have jumps of their own."""

    def coding(step, price):
        return int(size_at(step, slope=slope) * (1 + 0.004 * math.sin(step)) / price**0.03)

    tried = searched(coding, size)
    assert any(TOLERANCE * size <= grown <= size for _, _, grown in tried)
    assert all(FINEST <= step <= COARSEST for step, _, _ in tried)


def test_price_where_two_steps_lie_too_far_apart():
    """Bytes that fall by 8 % from one step to the next: the rounding saves what the step can't."""

    def coding(step, price):
        return int(9_500 * (1.08 if step <= 3000 else 1.0) * 2 ** (-0.0035 * (step - 3001)) / price**0.08)

    size = 10_100
    tried = searched(coding, size)
    assert any(TOLERANCE * size <= grown <= size for _, _, grown in tried)
    assert any(price > 1 for _, price, _ in tried)


def test_the_search_ends_at_the_finest_step():
    tried = searched(lambda step, price: 1000 + (COARSEST - step) // 10, 1_000_000)
    assert tried[-1][0] == FINEST and len(tried) < rate.MAX_CODINGS


@given(st.lists(st.integers(1, 1 << 24), min_size=12, max_size=12), st.integers(1, 1 << 24), st.integers(0, 5119))
def test_nonsense_keeps_the_search_in_range(sizes, size, start):
    search = Search(size, -0.004, start)
    for grown in sizes:
        assert FINEST <= search.step <= COARSEST and 1.0 <= search.price <= 2.0
        if search.add(grown):
            break


def test_refits_are_few():
    search = Search(10_000, -0.005, 3000)
    assert not search.far(3000 - rate.REFIT)
    assert [search.far(2000) for _ in range(rate.MAX_REFITS + 2)] == [True] * rate.MAX_REFITS + [False] * 2


SIZES = [4000, 9000, 1500, 7000, 0, 2500]


def recoded(sizes, plan, elasticity):
    """Bytes of the tiles after a plan, if their logarithm follows that of a bit's worth."""
    return [round(n * plan.price**elasticity) if i in plan.tiles else n for i, n in enumerate(sizes)]


@pytest.mark.parametrize("excess", [300, -300, 600, -600])
@pytest.mark.parametrize("elasticity", [-0.2, -0.3, -0.4])
def test_trimming_meets_a_size(excess, elasticity):
    """Within the tolerance after some plans, although they don't know how much the bytes will change."""
    trim, sizes, goal = Trim(SIZES, 50_000), SIZES, sum(SIZES) - excess
    for _ in range(rate.MAX_TRIMS):
        plan = trim.plan(sum(sizes) - goal)
        assert plan and 1 / rate.THRIFTIEST <= plan.price <= rate.THRIFTIEST
        sizes = recoded(sizes, plan, elasticity)
        trim.learn(plan, sizes)
        if TOLERANCE / rate.AIM < sum(sizes) / goal < 1 / rate.AIM:
            return
    raise AssertionError(sizes)


def test_trimming_takes_few_tiles():
    """The larger the excess, the more; and none where too many would have to be coded again."""
    trim = Trim(SIZES, 50_000)
    few, more = trim.plan(200), trim.plan(700)
    assert few and more and len(few.tiles) == 1 and len(more.tiles) > 1
    assert trim.plan(0.1 * sum(SIZES)) is None and trim.plan(-0.2 * sum(SIZES)) is None


def test_nothing_to_trim_at_high_rates():
    assert Trim([50_000] * 4, 80_000).plan(1000) is None


def test_a_search_never_passes_where_it_was_on_the_other_side():
    """Bytes that fall much faster than the slope says, and parameters fitted anew at each step: no swinging about."""
    search, tried = Search(40_000, -0.002, 3350), []
    for _ in range(5):
        tried.append(search.step)
        if search.add(round(16_854 * 2 ** ((3350 - search.step) * 0.0097))):
            break
        search.forget()
    assert search.within(round(16_854 * 2 ** ((3350 - search.step) * 0.0097)))
    assert all(tried[1] <= step <= tried[0] for step in tried[2:])
