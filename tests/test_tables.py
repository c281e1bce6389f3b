"""The shipped tables, and the refusal of files that are none."""

import hashlib
import io
from importlib import resources

import numpy as np
import pytest

from entropy import tables
from entropy.tables import (
    ALPHABET,
    CLASSES,
    HALF,
    MANTISSA_BITS,
    SIZE_BITS,
    SIZE_CELLS,
    SPLIT_CLASS,
    TOTAL,
    ZERO_CLASS,
    class_table,
    load,
    parse,
    split_bits,
    table_of,
    to_bytes,
)


def test_the_shipped_tables():
    data = resources.files("entropy").joinpath("tables.npz").read_bytes()
    shipped = load()
    assert shipped.identity == hashlib.sha256(data).digest()[:8]
    assert shipped.pmf.shape == (SPLIT_CLASS, ALPHABET) and shipped.pmf.min() >= 1
    assert (shipped.pmf.sum(1) == TOTAL).all()
    assert np.array_equal(shipped.class_of, class_table())
    assert len(data) < 64 << 10
    # A symbol's reconstruction must stay on its side of zero and of its neighbours.
    assert np.abs(shipped.centroid).max() <= tables.CENTROID_UNIT // 2


def test_a_class_means_a_magnitude():
    """The mean magnitude of a table grows with its class, and is about 2^((c - ZERO_CLASS) / 4) in the upper half."""
    pmf = load().pmf / TOTAL
    mean = (pmf * np.abs(np.arange(ALPHABET) - HALF)).sum(1)
    assert (np.diff(mean) >= 0).all()
    wanted = 2.0 ** ((np.arange(SPLIT_CLASS) - ZERO_CLASS) / 4)
    middle = slice(ZERO_CLASS - 16, SPLIT_CLASS)
    assert np.abs(np.log2(mean / wanted)[middle]).max() < 0.75


def test_bits():
    bits = load().bits()
    assert bits.shape == (CLASSES, ALPHABET) and bits.dtype == np.float32
    assert bits[ZERO_CLASS, HALF] == pytest.approx(-np.log2(load().pmf[ZERO_CLASS, HALF] / TOTAL))
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
    assert len(table) == SIZE_CELLS and (np.diff(table) >= 0).all() and (np.diff(table) <= 1).all()
    # without gaps from the smallest size, 2^-16, which is class ZERO_CLASS - 64 and clipped to 0
    assert table[0] == 0 and table[-1] == CLASSES - 1 and set(table) == set(range(CLASSES))
    for magnitude in (0.001, 0.1, 1.0, 3.7, 100.0):
        size = np.array([np.floor(magnitude * (1 << SIZE_BITS))])
        cell = (int(size.view(np.int64)[0]) >> (52 - MANTISSA_BITS)) - (1023 << MANTISSA_BITS)
        assert table[cell] == pytest.approx(4 * np.log2(magnitude) + ZERO_CLASS, abs=0.75)


def test_round_trip():
    shipped = load()
    data = to_bytes(shipped.pmf, shipped.centroid)
    again = parse(data)
    assert np.array_equal(again.pmf, shipped.pmf) and np.array_equal(again.centroid, shipped.centroid)
    assert again.identity == hashlib.sha256(data).digest()[:8]


def packed(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def good():
    shipped = load()
    return {"pmf": shipped.pmf.astype(np.uint16), "class_of": class_table(), "centroid": shipped.centroid}


def changed(name, index, by):
    arrays = good()
    arrays[name] = arrays[name].copy()
    arrays[name][index] += by
    return arrays


BAD = {
    "not even a zip": b"PK nothing",
    "empty": b"",
    "row sums": packed(**changed("pmf", (5, HALF), 1)),
    "a zero": packed(**{**good(), "pmf": np.zeros((SPLIT_CLASS, ALPHABET), np.uint16)}),
    "shape of pmf": packed(**{**good(), "pmf": good()["pmf"][:-1]}),
    "shape of class_of": packed(**{**good(), "class_of": class_table()[:-1]}),
    "shape of centroid": packed(**{**good(), "centroid": good()["centroid"].T}),
    "type of class_of": packed(**{**good(), "class_of": class_table().astype(np.int32)}),
    "type of centroid": packed(**{**good(), "centroid": good()["centroid"].astype(np.int16)}),
    "class out of range": packed(**{**good(), "class_of": np.full(SIZE_CELLS, CLASSES, np.uint8)}),
    "array missing": packed(pmf=good()["pmf"], class_of=class_table()),
    "a pickle": packed(**{**good(), "centroid": np.array([{}], object)}),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    with pytest.raises(ValueError):
        parse(BAD[name])
