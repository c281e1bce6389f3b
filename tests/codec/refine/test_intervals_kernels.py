"""codec.refine.interval_kernels: cells as layer 0 opens them, as they are cut by answers, and what is shown of them."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.codec.refine.interval_kernels import CHUNK, MARGIN, ask, least_of, mass, open_intervals, reconstruct
from rawinlay.codec.refine.intervals import edges, finder, thresholds
from rawinlay.entropy.binary import EVEN
from rawinlay.entropy.odds import LEAST, SHAPE_END, SHAPE_TOTAL, SHAPE_UNIT, shape
from rawinlay.entropy.tables import CLASSES, HALF, OFFSET_UNIT, load

USED = np.array([-40, -7, -6, -5, 0, 3, 4, 30, 31, 32, 33, 90, 700], np.int32)
EDGES, SHAPE, THRESHOLDS = edges(USED), shape(load()), thresholds(load())
FINDER = finder(EDGES)


def setting(count, seed=0):
    """mean, step, dead, expected of cells; of many an edge lies just where the deadzone or its margin ends."""
    rng = np.random.default_rng(seed)
    step = rng.choice([1, 4, 30, 400], count).astype(np.int32)
    dead = (step * (rng.random(count) < 0.5)).astype(np.int32)
    ends = dead + rng.choice([-1, 0, 1], count) * (step * MARGIN >> 8)
    mean = rng.choice(EDGES, count) + rng.choice([-1, 0, 1], count) * ends + rng.choice([-1, 0, 0, 1], count)
    mean = np.where(rng.random(count) < 0.3, rng.integers(-90, 800, count), mean).astype(np.int32)
    return mean, step, dead, rng.integers(1, 300, count).astype(np.float64)


@pytest.mark.parametrize("magnitude", [0, 1, 2, HALF, HALF + 1, HALF + 2, 5000])
def test_the_least_that_is_coded_as_a_symbol(magnitude):
    """Its threshold in 1/64 of a step, rounded up; beyond the table half a step before it."""
    for c in (0, 50, CLASSES - 1):
        for step in (1, 7, 4096):
            at = int(THRESHOLDS[c, magnitude]) if magnitude <= HALF + 1 else OFFSET_UNIT * magnitude - OFFSET_UNIT // 2
            assert least_of(THRESHOLDS, c, magnitude, step) == -(-at * step // OFFSET_UNIT)


DENSE = np.arange(-200, 500, dtype=np.int32)


@pytest.mark.parametrize("used", [USED, USED[:1], USED[:2], DENSE])
@pytest.mark.parametrize("size", [(1, 1), (6, 11)])
def test_open_intervals(size, used):
    """The used values that are coded as the symbol; the nearest one where there is none, and never an empty cell."""
    rng, start = np.random.default_rng(1), int(used[0]) - 5
    symbols = rng.choice(np.array([0, 0, 0, 1, -1, 2, -3, 66, -70, 9000], np.int32), size)
    classes, step = rng.integers(0, CLASSES, size).astype(np.uint8), rng.choice(np.array([1, 9, 60], np.int32), size)
    mu, prediction = rng.integers(-60, 300, (2, *size)).astype(np.int32)
    nearest = np.abs(np.arange(start, used[-1] + 9)[:, None] - used).argmin(1).astype(np.int32)
    out = np.empty(size, np.uint32), np.empty(size, np.uint32)
    arguments = symbols, classes, mu, step, prediction, THRESHOLDS, used, start, nearest
    _, first, behind = guarded(open_intervals, *arguments, *out, into=[9, 10])
    for place in np.ndindex(size):
        m, c, q = int(symbols[place]), classes[place], int(step[place])
        near, far = (least_of(THRESHOLDS, c, abs(m) + n, q) for n in (0, 1))
        u = int(mu[place]) + int(prediction[place])
        coded = [i for i, v in enumerate(used.tolist()) if near <= abs(v - u) < far and (m == 0 or (v > u) == (m > 0))]
        a, b = int(first[place]), int(behind[place])
        assert 0 <= a < b <= len(used)
        if coded and near < far:
            assert list(range(a, b)) == coded
        else:
            assert b == a + 1


def test_mass():
    """Straight between the table's entries, with the distance's sign, and no more than what lies at its end."""
    entries = np.arange(SHAPE_UNIT * SHAPE_END + 1) / SHAPE_UNIT
    for expected in (1.0, 37.0):
        for distance in (-5000, -40, -1, 0, 3, 36, 37, 38, 592, 593, 99999):
            wanted = np.copysign(np.interp(abs(distance) / expected, entries, SHAPE[:-1]), distance)
            assert mass(SHAPE, distance, expected) == pytest.approx(wanted, rel=1e-12)
    assert 0.9 * SHAPE_TOTAL < mass(SHAPE, 1 << 20, 1.0) <= SHAPE_TOTAL


def cut(a, b, mean, step, dead, lossless):
    """Where a cell a <= i < b is to be cut, before which value; None if it is fine enough."""
    low, high = int(EDGES[a]) - mean, int(EDGES[b]) - mean
    at = (low + high) // 2
    if b - a < 2:
        return None
    if not lossless:
        if 2 * (high - low) <= 3 * step:
            return None
        if dead:
            margin = step * MARGIN // 256
            if -dead - margin <= low <= 0 <= high <= dead + margin:
                return None
            for end in (dead, -dead):
                if low + margin < end < high - margin:
                    at = end
    number = int(np.searchsorted(EDGES[1:-1], at + mean, "right"))
    return min(max(number, a + 1), b - 1)


def odds_class(p, cell, at, mean, expected):
    """Class of the odds of the part behind the cut, quarter octaves."""
    masses = [mass(SHAPE, int(EDGES[i]) - int(mean[p]), expected[p]) for i in (cell[0], at, cell[1])]
    octave = max(masses[2] - masses[1], LEAST) / max(masses[1] - masses[0], LEAST)
    mantissa, exponent = np.frexp(octave)
    return min(max(4 * (int(exponent) - 1) + int(8 * mantissa - 4), -EVEN), EVEN - 1) + EVEN


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("count", [1, 9, CHUNK + 37])
def test_ask(count, lossless):
    """Round by round, answered by true values: which cells are cut, where, under which odds, until none is left."""
    rng, (mean, step, dead, expected) = np.random.default_rng(2), setting(count)
    true = rng.integers(0, len(USED), count)
    first = np.maximum(true - rng.integers(0, 9, count), 0).astype(np.uint32)
    behind = np.minimum(true + 1 + rng.integers(0, 9, count), len(USED)).astype(np.uint32)
    cells = {p: (int(first[p]), int(behind[p])) for p in range(count)}
    waiting = list(range(count))
    asked, masses = np.zeros((2, count + 1), np.uint32), np.zeros((3, count + 1))
    odds, answers, left = np.zeros(count, np.uint8), np.zeros(0, np.bool_), count
    for _ in range(20):
        left, first, behind, asked, masses, odds = guarded(
            ask, left, answers, first, behind, asked, masses, mean, step, dead, expected, lossless, EDGES, FINDER,
            SHAPE, odds, changed=[2, 3, 4, 5, 14],
        )  # fmt: skip
        cuts = {p: cut(*cells[p], int(mean[p]), int(step[p]), int(dead[p]), lossless) for p in waiting}
        waiting = [p for p in waiting if cuts[p] is not None]
        assert asked[:, :left].T.tolist() == [[p, cuts[p]] for p in waiting]
        assert odds[:left].tolist() == [odds_class(p, cells[p], cuts[p], mean, expected) for p in waiting]
        answers = true[waiting] >= [cuts[p] for p in waiting]
        for p, yes in zip(waiting, answers, strict=True):
            cells[p] = (cuts[p], cells[p][1]) if yes else (cells[p][0], cuts[p])
        if not left:
            break
    assert not waiting
    assert list(zip(first.tolist(), behind.tolist(), strict=True)) == [cells[p] for p in range(count)]
    assert ((first <= true) & (true < behind)).all()
    if lossless:
        assert (behind == first + 1).all()


@pytest.mark.parametrize("size", [(1, 1), (5, 8)])
def test_reconstruct(size):
    """A single value as it is; otherwise the middle, moved towards the mean by width^2 / 12 expected magnitudes."""
    rng, place = np.random.default_rng(3), np.s_[1:-1, 1:-1]
    first = rng.integers(0, len(USED), size).astype(np.uint32)
    behind = np.minimum(first + rng.integers(1, 6, size), len(USED)).astype(np.uint32)
    prediction, mu = rng.integers(-100, 400, (2, *size)).astype(np.int32)
    expected = rng.integers(1, 900, size).astype(np.float64)
    out = [np.full((size[0] + 2, size[1] + 2), -5, np.int32) for _ in range(2)]
    arguments = first, behind, USED, EDGES, prediction, mu, expected, *out
    peak, y_hat, sizes = guarded(reconstruct, *arguments, changed=[7, 8])
    for i, j in np.ndindex(size):
        a, b, mean = int(first[i, j]), int(behind[i, j]), int(mu[i, j])
        if b == a + 1:
            wanted = int(USED[a]) - int(prediction[i, j])
        else:
            low, high = int(EDGES[a]), int(EDGES[b])
            middle, way = (low + high) // 2 - int(prediction[i, j]), (high - low) ** 2 // (12 * int(expected[i, j]))
            way = min(way, (high - low) // 2)
            wanted = min(max(mean, middle - way), middle + way)
        assert y_hat[place][i, j] == wanted and sizes[place][i, j] == abs(wanted - mean)
    assert peak == abs(y_hat[place]).max()
    for array in (y_hat, sizes):
        array[place] = -5
        assert (array == -5).all()
