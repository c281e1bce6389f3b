"""The compiled encoder writes constriction's words."""

import numpy as np
import pytest
from constriction_coder import ConstrictionCoder
from hypothesis import given, settings
from hypothesis import strategies as st
from rawinlay.entropy.ans import intervals
from rawinlay.entropy.ans_encode import encode_symbols
from rawinlay.entropy.tables import CLASSES, KINDS, ZERO_CLASS, load

CODERS = [ConstrictionCoder(load(), kind) for kind in range(KINDS)]
LEFT = [intervals(load().pmf[kind]) for kind in range(KINDS)]
LARGEST = 1 << 27

kinds = pytest.mark.parametrize("kind", range(KINDS))


def same(symbols, classes, kind):
    symbols, classes = np.asarray(symbols, np.int32), np.asarray(classes, np.uint8)
    data = encode_symbols(symbols, classes, LEFT[kind])
    assert data == CODERS[kind].encode(symbols, classes)
    return data


@settings(deadline=None)  # the first call compiles
@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-3, 3), st.integers(-200, 200), st.integers(-LARGEST, LARGEST)),
            st.integers(0, CLASSES - 1),
        ),
        max_size=200,
    )
)
def test_any_symbols(pairs):
    for kind in range(KINDS):
        same([s for s, _ in pairs], [c for _, c in pairs], kind)


@kinds
def test_a_whole_stage(kind):
    rng = np.random.default_rng(kind)
    classes = rng.integers(0, CLASSES, 20_000)
    symbols = np.rint(rng.laplace(0, 2.0 ** ((classes - ZERO_CLASS) / 4)))
    assert len(same(symbols, classes, kind)) > 8000


@kinds
def test_nothing_but_zeros_costs_nothing(kind):
    assert same([0] * CLASSES, range(CLASSES), kind) == b""
    assert same([], [], kind) == b""
