"""One stage's symbols through the ANS coder: every class, escapes, golden words, garbage."""

import bisect

import constriction
import numpy as np
import pytest
from constriction_coder import ConstrictionCoder
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.entropy.ans import decode_symbols, model_of
from rawinlay.entropy.ans_encode import encode_symbols
from rawinlay.entropy.tables import (
    ALPHABET,
    CLASSES,
    ESCAPE_BITS,
    HALF,
    KINDS,
    SPLIT_CLASS,
    TOTAL,
    TRELLIS,
    ZERO_CLASS,
    load,
    split_bits,
    table_of,
)

LARGEST = 1 << 19
CONSTRICTION = [ConstrictionCoder(load(), kind) for kind in range(KINDS)]


kinds = pytest.mark.parametrize("kind", range(KINDS))


def encode(symbols, classes, kind=TRELLIS):
    return encode_symbols(symbols, classes, model_of(load(), kind).left)


def decode(data, classes, kind=TRELLIS):
    return decode_symbols(data, classes, model_of(load(), kind))


def ideal_bits(symbols, classes, bits):
    """Code length under the tables, without the coder's few bytes. bits: `Tables.bits`."""
    n = np.array([split_bits(c) for c in range(CLASSES)])[classes]
    coarse = np.clip(symbols >> n, -HALF, HALF) + HALF
    return float(bits[classes, coarse].sum())


def round_trip(symbols, classes, kind=TRELLIS):
    symbols, classes = np.asarray(symbols, np.int32), np.asarray(classes, np.uint8)
    data = encode(symbols, classes, kind)
    assert np.array_equal(decode(data, classes, kind), symbols)
    assert np.array_equal(CONSTRICTION[kind].decode(data, classes), symbols)
    return data


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-3, 3), st.integers(-200, 200), st.integers(-LARGEST, LARGEST)),
            st.integers(0, CLASSES - 1),
        ),
        min_size=1,
        max_size=200,
    )
)
def test_round_trip(pairs):
    for kind in range(KINDS):
        round_trip([s for s, _ in pairs], [c for _, c in pairs], kind)


@pytest.mark.parametrize("c", [0, ZERO_CLASS, SPLIT_CLASS - 1, SPLIT_CLASS, SPLIT_CLASS + 5, CLASSES - 1])
def test_limits_of_a_class(c):
    n = split_bits(c)
    edge = HALF << n
    values = [0, -1, 1, edge - 1, edge, edge + 1, -edge, -edge - 1, -edge + 1, LARGEST, -LARGEST]
    round_trip(values, [c] * len(values))
    round_trip(list(reversed(values)), [c] * len(values))


def test_all_zero_costs_nothing():
    classes = np.arange(CLASSES, dtype=np.uint8)
    assert encode(np.zeros(CLASSES, np.int32), classes) == b""
    assert not decode(b"", classes).any()


@kinds
def test_words_are_as_constriction_writes_them(kind):
    """Written out once more from the description: runs by class, escapes last, everything pushed in reverse."""
    tables = load()
    symbols = np.array([3, -70, 0, 1, -1, 1000, 2], np.int32)
    classes = np.array([60, 52, 52, 70, 60, 70, 52], np.uint8)
    model = lambda row: constriction.stream.model.Categorical(tables.pmf[kind, row] / TOTAL, perfect=False)  # noqa: E731
    uniform = constriction.stream.model.Uniform
    coder = constriction.stream.stack.AnsCoder()
    int32 = lambda *v: np.array(v, np.int32)  # noqa: E731
    # class 52: -70, 0, 2: the first is an escape by 6; class 60: 3, -1; class 70: 1 and 1000 split off one bit: 0 and
    # 500, an escape by 436
    coder.encode_reverse(int32(6, 436), uniform(1 << ESCAPE_BITS))
    coder.encode_reverse(int32(1, 0), uniform(2))
    coder.encode_reverse(int32(HALF, 2 * HALF), model(66))
    coder.encode_reverse(int32(HALF + 3, HALF - 1), model(60))
    coder.encode_reverse(int32(0, HALF, HALF + 2), model(52))
    assert round_trip(symbols, classes, kind) == coder.get_compressed().astype("<u4").tobytes()


class Stack:
    """The ANS decoder of docs/bitstream.md, in plain integers."""

    def __init__(self, data):
        self.words = np.frombuffer(data, "<u4").tolist()
        self.state = 0
        self.refill()

    def refill(self):
        while self.state < 1 << 32 and self.words:
            self.state = self.state << 32 | self.words.pop()

    def take(self, left):
        """A symbol whose intervals of 0..2^24 begin at `left`."""
        place = self.state & 0xFFFFFF
        symbol = bisect.bisect_right(left, place) - 1
        width = [*left, 1 << 24][symbol + 1] - left[symbol]
        self.state = (self.state >> 24) * width + place - left[symbol]
        self.refill()
        return symbol


def decode_by_the_manual(data, classes, kind):
    stack = Stack(data)
    order = np.argsort(classes, kind="stable")
    pmf = load().pmf[kind]
    row_starts = np.cumsum(pmf, 1) - pmf
    lefts = [[int(s) * ((1 << 24) - ALPHABET) // TOTAL + i for i, s in enumerate(row)] for row in row_starts]
    uniform = lambda bits: [i << (24 - bits) for i in range(1 << bits)]  # noqa: E731
    coarse, fine, split = [], [], []
    for c in np.unique(classes).tolist():
        n, count = split_bits(c), int((classes == c).sum())
        coarse += [stack.take(lefts[table_of(c)]) - HALF for _ in range(count)]
        fine += [stack.take(uniform(n)) if n else 0 for _ in range(count)]
        split += [n] * count
    escape = uniform(ESCAPE_BITS)
    coarse = [v + int(np.sign(v)) * stack.take(escape) if abs(v) == HALF else v for v in coarse]
    assert not stack.state and not stack.words
    out = np.zeros(len(classes), np.int64)
    out[order] = [v << n | low for v, low, n in zip(coarse, fine, split, strict=True)]
    return out


@kinds
def test_the_manual_describes_the_words(kind):
    rng = np.random.default_rng(2)
    classes = rng.integers(0, CLASSES, 600).astype(np.uint8)
    symbols = np.rint(rng.laplace(0, 2.0 ** ((classes.astype(float) - ZERO_CLASS) / 4))).astype(np.int32)
    symbols[::50] = rng.integers(-LARGEST, LARGEST, 12)
    assert np.array_equal(decode_by_the_manual(encode(symbols, classes, kind), classes, kind), symbols)


@kinds
def test_length_is_the_ideal_one(kind):
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, 20_000).astype(np.uint8)
    symbols = np.rint(rng.laplace(0, 2.0 ** ((classes.astype(float) - ZERO_CLASS) / 4))).astype(np.int32)
    ideal = ideal_bits(symbols, classes, load().bits(kind))
    actual = 8 * len(round_trip(symbols, classes, kind))
    assert 0.999 * ideal <= actual <= 1.001 * ideal + 96


@given(st.binary(max_size=120), st.lists(st.integers(0, CLASSES - 1), max_size=80))
def test_garbage(data, classes):
    """`decode` runs on bytes under a CRC. Garbage under a right CRC is an error or wrong symbols, nothing else."""
    classes = np.array(classes, np.uint8)
    symbols = same_of_garbage(data, classes)
    assert symbols is None or (symbols.shape == (len(classes),) and symbols.dtype == np.int32)


def same_of_garbage(data, classes):
    """What bytes decode to, None where they don't; as constriction has it."""
    try:
        symbols = decode(data, classes)
    except StreamError as error:
        with pytest.raises(StreamError, match=str(error)):
            CONSTRICTION[TRELLIS].decode(data, classes)
        return None
    assert np.array_equal(symbols, CONSTRICTION[TRELLIS].decode(data, classes))
    return symbols


@given(st.lists(st.integers(0, CLASSES - 1), min_size=1, max_size=400))
def test_garbage_words(classes):
    rng = np.random.default_rng(len(classes))
    data = rng.integers(0, 1 << 32, rng.integers(1, 60), np.uint32).astype("<u4").tobytes()
    same_of_garbage(data, np.array(classes, np.uint8))


@pytest.mark.parametrize("data", [b"abc", b"abcde"])
def test_no_whole_words(data):
    with pytest.raises(StreamError, match="whole number of words"):
        decode(data, np.zeros(4, np.uint8))


def test_a_last_word_of_zero():
    with pytest.raises(StreamError, match="last word"):
        decode(b"\1\0\0\0\0\0\0\0", np.full(4, ZERO_CLASS, np.uint8))


def test_words_left_over():
    data = round_trip([1, 2, 3], [ZERO_CLASS] * 3)
    with pytest.raises(StreamError):
        decode(b"\7\0\0\0" * 3 + data, np.full(3, ZERO_CLASS, np.uint8))
    with pytest.raises(StreamError):
        decode(data, np.zeros(0, np.uint8))
