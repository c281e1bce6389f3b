"""Trellis-coded quantisation: the code, the search for the cheapest path, what it gains, and both sides alike."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from codec.trunk.quantiser import Lengths, Quantiser, Values
from codec.trunk.train_tables import bootstrap
from codec.trunk.trellis import CODES, Trellis, cheapest, quantiser
from entropy.tables import CLASSES, OFFSET_UNIT, REACH, TRELLIS, ZERO_CLASS, load, parse

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
    if kind == "uniform":
        return torch.from_numpy(rng.uniform(-scale, scale, shape))
    return torch.from_numpy(getattr(rng, kind)(0, scale, shape))


# ---------------------------------------------------------------------------------------------------- the code


@every_code
def test_quantisers_are_those_of_the_state_machine(states):
    for n in range(1, 201):
        symbols = random_symbols((2, 3, n), n)
        found = quantiser(symbols, states)
        assert found.dtype == torch.int32 and found.shape == symbols.shape
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
    values, lengths = Values(tables, states, "cpu"), Lengths(tables, TRELLIS, "cpu")
    rows = torch.tensor(list(itertools.product(range(-2, 3), repeat=n)), dtype=torch.int32)[None]
    for seed in range(12):
        e = residuals((1, 1, n), 0.7, seed).clamp(-1.4, 1.4)
        classes = torch.full((1, 1, n), ZERO_CLASS - 4 + seed % 8, dtype=torch.int32)
        found = Quantiser(tables, values, lagrangian, "cpu").search(e, classes, torch.ones_like(e, dtype=torch.bool))

        def cost(symbols, e=e, classes=classes):
            classes = classes.expand(symbols.shape)
            zero, one = torch.zeros(symbols.shape).double(), torch.full(symbols.shape, float(OFFSET_UNIT)).double()
            error = e * OFFSET_UNIT - values.rebuild(symbols, classes, zero, one)
            return ((error / OFFSET_UNIT) ** 2 + lagrangian * lengths(symbols, classes)).sum(-1)

        assert float(cost(found)) <= float(cost(rows).min()) + 1e-5


@pytest.mark.parametrize("c", [ZERO_CLASS - 12, ZERO_CLASS, ZERO_CLASS + 8])
def test_four_candidates_hold_the_best_of_each_parity(c):
    tables, lagrangian = load(), 0.1
    values, lengths = Values(tables, 3, "cpu"), Lengths(tables, TRELLIS, "cpu")
    x = torch.linspace(-2, 2, 401)
    classes = torch.full(x.shape, c, dtype=torch.int32)
    for parity, (cost, symbols) in enumerate(Quantiser(tables, values, lagrangian, "cpu")._by_parity(x, classes)):
        assert ((symbols & 1) == parity).all()
        every = torch.arange(parity - 8, 9, 2, dtype=torch.int32)[:, None].expand(-1, len(x))
        error = x - values.plain(every, classes.expand(every.shape)) / OFFSET_UNIT
        best = (error**2 + lagrangian * lengths(every, classes.expand(every.shape))).min(0).values
        assert torch.allclose(cost, best, atol=1e-5)


@every_code
def test_places_outside_have_no_symbol(states):
    """Wherever they lie in a row; the others are as good as without them."""
    e = residuals((2, 20, 60), 3.0)
    classes = torch.full(e.shape, ZERO_CLASS + 6, dtype=torch.int32)
    valid = torch.from_numpy(np.random.default_rng(1).random(e.shape) < 0.7)
    valid[:, :5] = True
    valid[:, 5:8, -9:] = False
    valid[:, 8:11, :9] = False
    valid[:, 11] = False
    tables = load()
    values = Values(tables, states, "cpu")
    symbols = Quantiser(tables, values, 0.1, "cpu").search(e, classes, valid)
    assert symbols.dtype == torch.int32 and not symbols[~valid].any() and symbols[valid].any()
    error = e - values.rebuild(symbols, classes, torch.zeros_like(e), torch.full_like(e, 1024.0)) / 1024
    assert float(error[valid].abs().max()) < 2


def test_far_residuals():
    """An encoder is given what a picture has; residuals beyond all bounds are coded as far as symbols go."""
    e = torch.tensor([[[1e12, -1e12, 3e5, -3e5, 0.0]]], dtype=torch.float64)
    symbols = Quantiser(load(), Values(load(), 3, "cpu"), 0.1, "cpu").search(
        e, torch.full(e.shape, CLASSES - 1, dtype=torch.int32), torch.ones_like(e, dtype=torch.bool)
    )
    assert (symbols.abs() <= (1 << 19) + 2).all() and (symbols[..., :4].abs() > 200_000).all()


def test_the_search_is_the_same_on_any_number_of_threads():
    tables = load()
    search = Quantiser(tables, Values(tables, 3, "cpu"), 0.1, "cpu").search
    jobs = [
        (residuals((1, 64, 64), 2.0, seed), torch.full((1, 64, 64), ZERO_CLASS, dtype=torch.int32)) for seed in range(8)
    ]
    run = lambda job: search(*job, torch.ones(job[0].shape, dtype=torch.bool))  # noqa: E731
    alone = [run(job) for job in jobs]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(run, jobs))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, alone, together))


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
    kinds = quantiser(symbols, states)
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
    assert not quantiser(zeros, 3).any()
    y_hat = values.rebuild(zeros, classes, torch.zeros(zeros.shape).double(), torch.full(zeros.shape, 64.0).double())
    assert torch.equal(y_hat, torch.from_numpy(load().offset[:, REACH].astype(float))[classes.long()])
    assert y_hat.abs().max() <= OFFSET_UNIT / 2


# ---------------------------------------------------------------------------------------------------- what it is for


def entropy(symbols):
    share = np.unique(symbols, return_counts=True)[1] / symbols.size
    return float(-(share * np.log2(share)).sum())


def gain(states, kind, scale=12.0):
    """dB less error than a scalar quantiser of the same entropy, at a high rate; and the symbols."""
    e = residuals((1, 120, 400), scale, kind=kind)
    tables = parse(bootstrap())
    values = Values(tables, states, "cpu")
    classes = torch.full(e.shape, ZERO_CLASS + 12, dtype=torch.int32)
    symbols = Quantiser(tables, values, 0.0, "cpu").search(e, classes, torch.ones_like(e, dtype=torch.bool))
    y_hat = values.rebuild(symbols, classes, torch.zeros_like(e), torch.full_like(e, 4096.0)) / 4096
    error = float(((e - y_hat) ** 2).mean())
    plain = torch.floor(e + 0.5)
    more_bits = entropy(symbols.numpy()) - entropy(plain.numpy())
    assert abs(more_bits) < 0.02
    scalar = float(((e - plain) ** 2).mean()) * 4.0**-more_bits
    return 10 * np.log10(scalar / error), symbols


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_granular_gain(kind):
    """Near the gains known for Ungerboeck's codes (Marcellin & Fischer 1990), and more with more states."""
    gains = [gain(states, kind)[0] for states in CODES]
    assert 0.9 < gains[0] and 1.0 < gains[1] and max(gains) < 1.53  # the bound of any quantiser
    assert (np.diff(gains) > 0.02).all()


def test_symbols_are_distributed_alike_in_both_quantisers():
    """So probabilities need not know which is in use: B is the mirror image of A in what it codes, too."""
    _, symbols = gain(3, "laplace", 1.5)
    kinds = quantiser(symbols, 3)
    shares = [torch.bincount(symbols[kinds == z] + 40, minlength=80).double() for z in (0, 1)]
    a, b = (share / share.sum() for share in shares)
    assert float((a - b).abs().max()) < 0.01
    assert float(a[40]) > float(a[39]) > float(a[41]) > float(a[38])  # values 1/4, -3/4, 5/4, -7/4
