"""The compiled encoder writes constriction's words."""

import constriction
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entropy.ans import intervals
from entropy.ans_encode import encode_symbols
from entropy.tables import CLASSES, HALF, KINDS, TOTAL, ZERO_CLASS, load, split_bits, table_of

MODELS = [
    [constriction.stream.model.Categorical(row / TOTAL, perfect=False) for row in pmf.astype(float)]
    for pmf in load().pmf
]
LEFT = [intervals(load().pmf[kind]) for kind in range(KINDS)]
LARGEST = 1 << 27

kinds = pytest.mark.parametrize("kind", range(KINDS))


def by_constriction(symbols, classes, kind):
    """The substream as `entropy.substream` describes it, from the library's coder."""
    coder = constriction.stream.stack.AnsCoder()
    push = lambda values, model: coder.encode_reverse(np.asarray(values, np.int32), model)  # noqa: E731
    uniform = lambda bits: constriction.stream.model.Uniform(1 << bits)  # noqa: E731
    runs = [(symbols[classes == c], c, split_bits(c)) for c in range(CLASSES) if (classes == c).any()]
    coarse = np.concatenate([run >> n for run, _, n in runs] or [[]])
    escapes = np.abs(coarse[np.abs(coarse) >= HALF]) - HALF
    if not symbols.any():
        return b""
    if len(escapes):
        push(np.minimum(escapes, (1 << 20) - 1), uniform(20))
    for run, c, n in reversed(runs):
        if n:
            push(run & ((1 << n) - 1), uniform(n))
        push(np.clip(run >> n, -HALF, HALF) + HALF, MODELS[kind][table_of(c)])
    return coder.get_compressed().astype("<u4").tobytes()


def same(symbols, classes, kind):
    symbols, classes = np.asarray(symbols, np.int32), np.asarray(classes, np.uint8)
    data = encode_symbols(symbols, classes, LEFT[kind])
    assert data == by_constriction(symbols, classes, kind)
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
