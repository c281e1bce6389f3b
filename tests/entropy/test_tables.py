"""The shipped tables, and the refusal of files that are none."""

import hashlib
import io

import numpy as np
import pytest
from rawinlay.entropy.tables import (
    ALPHABET,
    CLASSES,
    DEFAULT,
    EXACT,
    HALF,
    KINDS,
    MANTISSA_BITS,
    OFFSET_UNIT,
    REACH,
    REGISTRY,
    SCALE_BINS,
    SCALE_BITS,
    SPLIT_CLASS,
    TOTAL,
    TRELLIS,
    ZERO_CLASS,
    class_table,
    load,
    parse,
    split_bits,
    table_of,
    to_bytes,
)


def test_the_shipped_tables():
    data = REGISTRY.read(DEFAULT)
    shipped = load()
    assert shipped.identity == hashlib.sha256(data).digest()[:8]
    assert shipped.pmf.shape == (KINDS, SPLIT_CLASS, ALPHABET) and shipped.pmf.min() >= 1
    assert (shipped.pmf.sum(2) == TOTAL).all()
    assert np.array_equal(shipped.class_of, class_table())
    assert len(data) < 64 << 10
    # Values must keep the order of their symbols, and that of quantiser A lie above it on average.
    values = OFFSET_UNIT * np.arange(-REACH, REACH + 1) + shipped.offset.astype(int)
    assert (np.diff(values, axis=1) > 0).all() and np.abs(shipped.offset).max() <= OFFSET_UNIT // 2
    assert shipped.offset[ZERO_CLASS:].mean() == pytest.approx(OFFSET_UNIT / 4, abs=2)
    # Nothing tells the signs of lossless symbols apart.
    assert np.array_equal(shipped.pmf[EXACT], shipped.pmf[EXACT][:, ::-1])


@pytest.mark.parametrize("kind", range(KINDS))
def test_a_class_means_a_magnitude(kind):
    """The mean magnitude of a table, about 2^((c - ZERO_CLASS) / 4) in the upper half, grows with its class.

    Magnitudes count up to 8 times as much at most: rare huge symbols weigh on a mean, and hardly on the bits. Below,
    trained tables follow what happens in places that are nearly certain, which is rare and large.
    """
    symbols = np.arange(ALPHABET) - HALF
    magnitude = np.where(symbols == 0, 0, np.abs(symbols + (0.25 if kind == TRELLIS else 0)))
    wanted = 2.0 ** ((np.arange(SPLIT_CLASS) - ZERO_CLASS) / 4)
    mean = (load().pmf[kind] / TOTAL * np.minimum(magnitude, np.maximum(8 * wanted, 1)[:, None])).sum(1)
    upper = slice(ZERO_CLASS - 8, SPLIT_CLASS)
    assert (np.diff(mean[upper]) > 0).all()
    assert np.abs(np.log2(mean / wanted)[upper]).max() < 0.5
    assert load().pmf[kind, : ZERO_CLASS - 8, HALF].min() > TOTAL / 2


@pytest.mark.parametrize("kind", range(KINDS))
def test_bits(kind):
    bits = load().bits(kind)
    assert bits.shape == (CLASSES, ALPHABET) and bits.dtype == np.float32
    assert bits[ZERO_CLASS, HALF] == pytest.approx(-np.log2(load().pmf[kind, ZERO_CLASS, HALF] / TOTAL))
    assert bits[CLASSES - 1, HALF] == pytest.approx(
        bits[table_of(CLASSES - 1), HALF] + split_bits(CLASSES - 1), abs=1e-4
    )


def test_split_classes():
    assert [split_bits(SPLIT_CLASS + k) for k in (-SPLIT_CLASS, -1, 0, 3, 4)] == [0, 0, 1, 1, 2]
    for c in range(CLASSES):
        assert 0 <= table_of(c) < SPLIT_CLASS
        # splitting off n bits divides the magnitude by 2^n: 4 n classes down
        assert table_of(c) + 4 * split_bits(c) == c


def test_classes_of_sizes():
    table = class_table().astype(int)
    assert len(table) == SCALE_BINS and (np.diff(table) >= 0).all() and (np.diff(table) <= 1).all()
    # without gaps from the smallest size, 2^-16, which is class ZERO_CLASS - 64 and clipped to 0
    assert table[0] == 0 and table[-1] == CLASSES - 1 and set(table) == set(range(CLASSES))
    for magnitude in (0.001, 0.1, 1.0, 3.7, 100.0):
        size = np.array([np.floor(magnitude * (1 << SCALE_BITS))])
        cell = (int(size.view(np.int64)[0]) >> (52 - MANTISSA_BITS)) - (1023 << MANTISSA_BITS)
        assert table[cell] == pytest.approx(4 * np.log2(magnitude) + ZERO_CLASS, abs=0.75)


def test_round_trip():
    shipped = load()
    data = to_bytes(shipped.pmf, shipped.offset)
    again = parse(data)
    assert np.array_equal(again.pmf, shipped.pmf) and np.array_equal(again.offset, shipped.offset)
    assert again.identity == hashlib.sha256(data).digest()[:8]


def packed(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def good():
    shipped = load()
    return {"pmf": shipped.pmf.astype(np.uint16), "class_of": class_table(), "offset": shipped.offset}


def changed(name, index, by):
    arrays = good()
    arrays[name] = arrays[name].copy()
    arrays[name][index] += by
    return arrays


BAD = {
    "not even a zip": b"PK nothing",
    "empty": b"",
    "row sums": packed(**changed("pmf", (TRELLIS, 5, HALF), 1)),
    "row sums of the other kind": packed(**changed("pmf", (EXACT, 5, HALF), 1)),
    "a zero": packed(**{**good(), "pmf": np.zeros((KINDS, SPLIT_CLASS, ALPHABET), np.uint16)}),
    "shape of pmf": packed(**{**good(), "pmf": good()["pmf"][:, :-1]}),
    "one kind": packed(**{**good(), "pmf": good()["pmf"][:1]}),
    "shape of class_of": packed(**{**good(), "class_of": class_table()[:-1]}),
    "shape of offset": packed(**{**good(), "offset": good()["offset"].T}),
    "type of class_of": packed(**{**good(), "class_of": class_table().astype(np.int32)}),
    "type of offset": packed(**{**good(), "offset": good()["offset"].astype(np.int16)}),
    "class out of range": packed(**{**good(), "class_of": np.full(SCALE_BINS, CLASSES, np.uint8)}),
    "array missing": packed(pmf=good()["pmf"], class_of=class_table()),
    "a pickle": packed(**{**good(), "offset": np.array([{}], object)}),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    with pytest.raises(ValueError):
        parse(BAD[name])
