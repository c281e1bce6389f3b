"""Trellis-coded quantisation: the code, the search for the cheapest path, what it gains, and both sides alike."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from rawinlay.codec.encoder.search import trellis_kernels as kernels
from rawinlay.codec.encoder.search.trellis_kernels import Search
from rawinlay.codec.stages import quantiser_torch as tensors
from rawinlay.codec.stages.quantiser import CODES, Trellis, quantisers
from rawinlay.codec.stages.quantiser_torch import Values
from rawinlay.codec.training.tables import bootstrap
from rawinlay.entropy.tables import CLASSES, HALF, OFFSET_UNIT, REACH, TRELLIS, ZERO_CLASS, load, parse

STEP = 1 << 12
"""Of the tests of the search: y_hat is exact in it."""

every_code = pytest.mark.parametrize("states", CODES)


def machine(parities, states):
    """Quantisers of a chain, by the state machine of the manual."""
    h0, h1 = CODES[states]
    state, out = 0, []
    for parity in parities:
        out.append(state & 1)
        state = state >> 1 ^ (h0 >> 1) * (state & 1) ^ (h1 >> 1) * parity
    return out


def random_symbols(shape, seed=0, reach=9):
    return torch.from_numpy(np.random.default_rng(seed).integers(-reach, reach + 1, shape).astype(np.int32))


def residuals(shape, scale, seed=0, kind="laplace"):
    rng = np.random.default_rng(seed)
    return rng.uniform(-scale, scale, shape) if kind == "uniform" else getattr(rng, kind)(0, scale, shape)


# ---------------------------------------------------------------------------------------------------- the code


@every_code
def test_quantisers_are_those_of_the_state_machine(states):
    for n in range(1, 201):
        symbols = random_symbols((2, 3, n), n)
        found = tensors.quantisers(symbols, states)
        assert found.dtype == torch.int32 and found.shape == symbols.shape
        assert np.array_equal(found.numpy(), quantisers(symbols.numpy(), states))
        for have, chain in zip(found.reshape(6, n).tolist(), symbols.reshape(6, n).tolist(), strict=True):
            assert have == machine([m % 2 for m in chain], states)


@every_code
def test_arcs(states):
    """Every state is entered by two arcs and left by two, one of each parity, all in the state's own quantiser."""
    trellis, count = Trellis.of(states), 1 << states
    assert trellis.source.shape == trellis.label.shape == (2, count)
    arcs = sorted(zip(trellis.source.reshape(-1).tolist(), trellis.label.reshape(-1).tolist(), strict=True))
    assert arcs == [(s, 2 * (s & 1) + parity) for s in range(count) for parity in (0, 1)]
    assert (trellis.source[0] != trellis.source[1]).all()


@every_code
def test_every_state_is_reached_and_left_again(states):
    """From any state to any other in `states` places: none is idle, and no symbol rules the rest of its row."""
    trellis, count = Trellis.of(states), 1 << states
    reached = np.eye(count, dtype=bool)
    for _ in range(states):
        reached = reached[:, trellis.source[0]] | reached[:, trellis.source[1]]
    assert reached.all()


# ---------------------------------------------------------------------------------------------------- the search


def cheapest(cost, states):
    """Labels of the cheapest paths, uint8 (n, chains); cost: float32 (n, 4, chains) by place and label."""
    n, _, chains = cost.shape
    trellis, ways = Trellis.of(states), np.empty((n, 1 << states, chains), np.uint8)
    total, labels = np.empty((2, 1 << states, chains), np.float32), np.empty((chains, n), np.uint8)
    final = kernels._forward(cost, chains, trellis.source, trellis.label, total, ways)
    kernels._backward(final, ways, trellis.source, trellis.label, chains, labels)
    return labels.T


def found_in(e, classes, lagrangian=0.1, states=3, valid=None, tables=None):
    """Symbols int32 of residuals e in steps, and y_hat in steps, (h, w)."""
    shape, nothing = e.shape, np.zeros(e.shape, np.int32)
    valid = np.ones(shape, bool) if valid is None else valid
    y_hat, magnitudes = np.empty(shape, np.int32), np.empty(shape, np.int32)
    search = Search(tables or load(), lagrangian, states)
    y = (e * STEP).astype(np.float32)
    symbols, *_ = search(y, nothing, nothing + STEP, classes.astype(np.uint8), valid, y_hat, magnitudes)
    return symbols, y_hat / STEP


def plain(tables, symbols, c):
    """Values of symbols of class c in quantiser A, in steps."""
    return symbols + tables.offset[c, np.clip(symbols, -REACH, REACH) + REACH] / OFFSET_UNIT


def lengths(tables, symbols, c):
    """Bits of symbols of a class c that has no raw bits."""
    return tables.bits(TRELLIS)[c, np.clip(symbols, -HALF, HALF) + HALF].astype(float)


def cost_of(cost, labels):
    """Cost of one chain's path; it must be a path."""
    return float(np.take_along_axis(cost, labels[:, None].astype(int), 1).astype(np.float64).sum())


@every_code
@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_cheapest_is_the_cheapest_of_all(states, n):
    chains = 6
    cost = np.random.default_rng(n).integers(0, 100, (n, 4, chains)).astype(np.float32)
    labels = cheapest(cost, states)
    assert labels.shape == (n, chains) and labels.dtype == np.uint8
    for c in range(chains):
        path = labels[:, c]
        assert (path >> 1).tolist() == machine((path & 1).tolist(), states)
        ways = [
            np.array([2 * z + p for z, p in zip(machine(parities, states), parities, strict=True)])
            for parities in itertools.product((0, 1), repeat=n)
        ]
        assert cost_of(cost[:, :, c], path) == min(cost_of(cost[:, :, c], way) for way in ways)


@every_code
def test_long_chains_lose_no_precision(states):
    """Costs are scaled down on the way: no worse than in float64, however long a row is."""
    n, count = 3000, 1 << states
    cost = (1e3 + np.random.default_rng(0).random((n, 4, 2))).astype(np.float32)
    labels = cheapest(cost, states)
    trellis = Trellis.of(states)
    total = np.full((count, 2), np.inf)
    total[0] = 0
    for at in cost.astype(np.float64):
        total = np.minimum(*(total[trellis.source[i]] + at[trellis.label[i]] for i in (0, 1)))
    for c in range(2):
        assert (labels[:, c] >> 1).tolist() == machine((labels[:, c] & 1).tolist(), states)
        assert cost_of(cost[:, :, c], labels[:, c]) == pytest.approx(total[:, c].min(), abs=0.2)


@pytest.mark.parametrize("states", [2, 3])
def test_symbols_are_the_best_of_all_rows(states):
    """Squared error and bits together, against every row of symbols from -2 to 2."""
    tables, n, lagrangian = load(), 4, 0.1
    rows = np.array(list(itertools.product(range(-2, 3), repeat=n)))
    for seed in range(12):
        e = residuals((1, n), 0.7, seed).clip(-1.4, 1.4)
        c = ZERO_CLASS - 4 + seed % 8
        found, _ = found_in(e, np.full((1, n), c), lagrangian, states)

        def cost(symbols, e=e, c=c):
            error = e - (1 - 2 * quantisers(symbols, states)) * plain(tables, symbols, c)
            return (error**2 + lagrangian * lengths(tables, symbols, c)).sum(-1)

        assert cost(found)[0] <= cost(rows).min() + 1e-5


@pytest.mark.parametrize("c", [ZERO_CLASS - 12, ZERO_CLASS, ZERO_CLASS + 8])
def test_four_candidates_hold_the_best_of_each_parity(c):
    """In quantiser A and in its mirror image."""
    tables, lagrangian, n = load(), 0.1, 401
    x, one = np.linspace(-2, 2, n)[None], np.ones((1, n), np.int32)
    price, _, _, splits, *_ = Search(tables, lagrangian, 3).tables
    cost = np.empty((n, 4, 1), np.float32)
    kernels._price_rows(
        x.astype(np.float32), 0 * one, one, (c * one).astype(np.uint8), one.astype(bool), price, splits, 0, 1, cost,
        np.empty((1, n), np.float32), np.empty((1, n), np.uint8),
    )  # fmt: skip
    for z, parity in itertools.product((0, 1), repeat=2):
        every = np.arange(parity - 8, 9, 2)[:, None]
        best = ((x * (1 - 2 * z) - plain(tables, every, c)) ** 2 + lagrangian * lengths(tables, every, c)).min(0)
        assert np.allclose(cost[:, 2 * z + parity, 0], best, atol=1e-5)


@every_code
def test_places_outside_have_no_symbol(states):
    """Wherever they lie in a row; the others are as good as without them."""
    e = residuals((40, 60), 3.0)
    valid = np.random.default_rng(1).random(e.shape) < 0.7
    valid[:5] = True
    valid[5:8, -9:] = False
    valid[8:11, :9] = False
    valid[11] = False
    symbols, y_hat = found_in(e, np.full(e.shape, ZERO_CLASS + 6), states=states, valid=valid)
    assert symbols.dtype == np.int32 and not symbols[~valid].any() and symbols[valid].any()
    assert np.abs(e - y_hat)[valid].max() < 2


def test_the_search_is_the_same_on_any_number_of_threads():
    jobs = [residuals((64, 64), 2.0, seed) for seed in range(8)]
    run = lambda e: found_in(e, np.full(e.shape, ZERO_CLASS))[0]  # noqa: E731
    alone = [run(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, jobs))
    assert all(map(np.array_equal, alone, together))


# ---------------------------------------------------------------------------------------------------- values


def test_magnitudes():
    symbols = torch.tensor([0, 1, -1, 2, -2, (1 << 27) + 8191, -(1 << 27) - 8191], dtype=torch.int32)
    wanted = [0, 5, 3, 9, 7, 4 * ((1 << 27) + 8191) + 1, 4 * ((1 << 27) + 8191) - 1]
    assert Values(load(), 3, "cpu").magnitude(symbols).tolist() == wanted


@every_code
def test_values_in_whole_numbers(states):
    """y_hat, written out once more in Python's integers; B is the mirror image of A."""
    tables, shape = load(), (2, 5, 40)
    rng = np.random.default_rng(states)
    symbols, classes = random_symbols(shape, states, 12), torch.from_numpy(rng.integers(0, CLASSES, shape))
    mu = torch.from_numpy(rng.integers(-5000, 5000, shape).astype(np.float64))
    step = torch.from_numpy(rng.integers(1, 3000, shape).astype(np.float64))
    values = Values(tables, states, "cpu")
    have = values.rebuild(symbols, classes, mu, step)
    kinds = tensors.quantisers(symbols, states)
    assert 0.3 < kinds.double().mean() < 0.7
    for place in np.ndindex(shape):
        m, c = int(symbols[place]), int(classes[place])
        value = 64 * m + int(tables.offset[c, min(max(m, -3), 3) + 3])
        assert value == int(values.plain(symbols[place], classes[place]))
        if kinds[place]:
            value = -value
        assert have[place] == int(mu[place]) + (2 * value * int(step[place]) + 64) // 128


def test_a_stage_of_zeros():
    """No bytes, no surprise: quantiser A throughout, and a value within half a step."""
    values = Values(load(), 3, "cpu")
    zeros = torch.zeros(1, 4, 30, dtype=torch.int32)
    classes = torch.arange(120, dtype=torch.int32).reshape(zeros.shape) % CLASSES
    assert not tensors.quantisers(zeros, 3).any()
    y_hat = values.rebuild(zeros, classes, torch.zeros(zeros.shape).double(), torch.full(zeros.shape, 64.0).double())
    assert torch.equal(y_hat, torch.from_numpy(load().offset[:, REACH].astype(float))[classes.long()])
    assert y_hat.abs().max() <= OFFSET_UNIT / 2


# ---------------------------------------------------------------------------------------------------- what it is for


def entropy(symbols):
    share = np.unique(symbols, return_counts=True)[1] / symbols.size
    return float(-(share * np.log2(share)).sum())


def gain(states, kind, scale=12.0):
    """dB less error than a scalar quantiser of the same entropy, at a high rate; and the symbols."""
    e = residuals((120, 400), scale, kind=kind)
    symbols, y_hat = found_in(e, np.full(e.shape, ZERO_CLASS + 12), 0.0, states, tables=parse(bootstrap()))
    error, scalar = ((e - y_hat) ** 2).mean(), np.floor(e + 0.5)
    more_bits = entropy(symbols) - entropy(scalar)
    assert abs(more_bits) < 0.02
    return 10 * np.log10(((e - scalar) ** 2).mean() * 4.0**-more_bits / error), symbols


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_granular_gain(kind):
    """Near the gains known for Ungerboeck's codes (Marcellin & Fischer 1990), and more with more states."""
    gains = [gain(states, kind)[0] for states in CODES]
    assert 0.9 < gains[0] and 1.0 < gains[1] and max(gains) < 1.53  # the bound of any quantiser
    assert (np.diff(gains) > 0.02).all()


def test_symbols_are_distributed_alike_in_both_quantisers():
    """So probabilities need not know which is in use: B is the mirror image of A in what it codes, too."""
    _, symbols = gain(3, "laplace", 1.5)
    kinds = quantisers(symbols, 3)
    shares = [np.bincount(symbols[kinds == z] + 40, minlength=80).astype(float) for z in (0, 1)]
    a, b = (share / share.sum() for share in shares)
    assert np.abs(a - b).max() < 0.01
    assert a[40] > a[39] > a[41] > a[38]  # values 1/4, -3/4, 5/4, -7/4
