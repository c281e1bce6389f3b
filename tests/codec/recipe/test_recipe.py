"""The recipe: a known map is found, nasty pictures do no harm, hostile bytes are refused, sums stay exact."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.codec.encoder.fit import recipe as fit_recipe
from rawinlay.codec.mosaic.layout import blocks, cells, haar
from rawinlay.codec.recipe.features import BASIC, COUNT, ONE, names
from rawinlay.codec.recipe.features_torch import features, radius_squared
from rawinlay.codec.recipe.recipe import EXPONENTS, LIMIT, SHIFT, SUM_LIMIT, Recipe
from rawinlay.entropy.golomb import GolombWriter

SPAN = float(1 << 17)
LOW, HIGH = -(1 << 17), 1 << 17


def phi_of(y, cb, cr):
    h, w = y.shape[1] - 2, y.shape[2] - 2
    guide = (torch.from_numpy(np.asarray(v, np.int32)) for v in (y, cb, cr))
    return features(*guide, radius_squared((0, h), (0, w), h, w)).numpy()


def random_guide(h=60, w=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4081, (4, h + 2, w + 2)), *rng.integers(-900, 900, (2, h + 2, w + 2))


def prediction_of(recipe, phi, low, high):
    """Prediction in levels, int32 (4, n), from features float64 (m, n), clipped to low..high: manual 5.5, in two
    lines."""
    total = recipe.whole() @ phi
    return np.clip(np.floor((total + float(1 << (SHIFT - 1))) / float(1 << SHIFT)), low, high).astype(np.int32)


def misfit(recipe, phi, level):
    return float(((prediction_of(recipe, phi, LOW, HIGH) - level) ** 2).mean())


def fitted(phi, level, weight=None, counts=(COUNT,)):
    """The recipes fitted to all cells of a square picture."""
    side = round(phi.shape[1] ** 0.5)
    weight = np.ones(level.shape, bool) if weight is None else weight
    phi, level, weight = (blocks(v, side, side) for v in (phi, level, weight))
    return fit_recipe.fit(haar(phi).astype(np.float32), level, SPAN, weight.all(1), counts)


def test_blocks_are_neighbours():
    v = np.arange(24.0)
    found = blocks(v, 4, 6)
    assert found[:, 4].tolist() == [14, 15, 20, 21]
    mean, across, down, both = haar(found)
    assert mean[4] == 17.5 and (across == -0.5).all() and (down == -3).all() and (both == 0).all()
    assert np.array_equal(cells(haar(found)), found)


def test_a_known_map_is_found():
    """Some features with some coefficients: the prediction comes within the precision asked for."""
    phi = phi_of(*random_guide())
    rng = np.random.default_rng(1)
    rows = [names().index(n) for n in ("1", "lin1[0,0]", "lin1[0,1]", "cbm[0,0]", "m2", "lr2")]
    truth = np.zeros((4, COUNT))
    truth[:, rows] = rng.uniform(0.1, 1.5, (4, len(rows)))
    clean = truth @ phi
    level = clean + rng.normal(0, 200, clean.shape)
    (recipe,) = fitted(phi, level)
    assert misfit(recipe, phi, level) < 1.05 * 200**2
    assert misfit(recipe, phi, clean) < 0.1 * 200**2
    coefficients = (recipe.coefficients << recipe.exponents) / (1 << SHIFT)
    assert np.allclose(coefficients[:, rows[1]], truth[:, rows[1]], atol=0.1)
    assert len(recipe.to_bytes()) < 700
    # places of no weight may hold anything
    inside = np.ones(level.shape, bool)
    inside[:, ::25] = False
    (again,) = fitted(phi, np.where(inside, level, 1e6), inside)
    assert misfit(again, phi, clean) < 0.1 * 200**2


def test_outliers_count_little():
    phi = phi_of(*random_guide())
    clean = 2.0 * np.repeat(phi[names().index("m")][None], 4, 0)
    rng = np.random.default_rng(2)
    level = clean + rng.normal(0, 100, clean.shape)
    level[:, ::80] += 60_000
    (recipe,) = fitted(phi, level)
    good = np.ones(level.shape[1], bool)
    good[::80] = False
    assert misfit(recipe, phi[:, good], clean[:, good]) < 800**2


FLAT = np.full((4, 42, 42), 1000), np.zeros((42, 42)), np.zeros((42, 42))
WHITE = np.full((4, 42, 42), 4080), np.zeros((42, 42)), np.zeros((42, 42))
BLACK = np.zeros((4, 42, 42)), np.zeros((42, 42)), np.zeros((42, 42))
NOISE = random_guide(40, 40, 5)
GUIDES = {"flat": FLAT, "white": WHITE, "black": BLACK, "noise": NOISE}
RNG = np.random.default_rng(3)
MOSAICS = {
    "all black": np.zeros((4, 1600)),
    "all white": np.full((4, 1600), 1 << 17),
    "noise": RNG.integers(0, 1 << 17, (4, 1600)),
    "two values": RNG.integers(0, 2, (4, 1600)) << 17,
    "below black": np.full((4, 1600), -5000),
}


@pytest.mark.parametrize("mosaic", MOSAICS)
@pytest.mark.parametrize("guide", GUIDES)
def test_nasty_pictures(guide, mosaic):
    """A fit is sound or an error that the encoder knows; the constant is within its rounding of the mean."""
    phi, level = phi_of(*GUIDES[guide]), MOSAICS[mosaic].astype(np.float64)
    constant = fit_recipe.constant(level)
    best = float(((level - level.mean(1, keepdims=True)) ** 2).mean())
    assert misfit(constant, phi, level) <= best + 9**2
    try:
        recipes = fitted(phi, level, counts=(BASIC, COUNT))
    except np.linalg.LinAlgError:
        return
    for recipe in recipes:
        assert np.abs(recipe.coefficients).max() < LIMIT
        recipe.check()
        recipe = recipe.of(COUNT)
        assert Recipe.from_bytes(recipe.to_bytes()).to_bytes() == recipe.to_bytes()
        prediction = prediction_of(recipe, phi, LOW, HIGH)
        assert int(prediction.min()) >= LOW and int(prediction.max()) <= HIGH


exact = st.integers(-LIMIT + 1, LIMIT - 1)


@st.composite
def sound_recipes(draw):
    """Recipes as the format allows them."""
    coefficients, exponents = np.zeros((4, COUNT), np.int64), np.zeros(COUNT, np.int64)
    for i in draw(st.lists(st.integers(0, COUNT - 1), unique=True, max_size=COUNT)):
        coefficients[:, i] = draw(st.lists(exact, min_size=4, max_size=4))
        if coefficients[:, i].any():
            exponents[i] = draw(st.integers(0, EXPONENTS - 1))
    while (np.abs(coefficients) << exponents).sum(1).max() >= SUM_LIMIT:
        coefficients //= 2
        exponents[~coefficients.any(0)] = 0
    return Recipe(coefficients, exponents)


@given(sound_recipes())
def test_round_trip(recipe):
    again = Recipe.from_bytes(recipe.to_bytes())
    assert np.array_equal(again.coefficients, recipe.coefficients)
    assert np.array_equal(again.exponents, recipe.exponents)


def test_an_empty_recipe():
    empty = Recipe(np.zeros((4, COUNT), np.int64), np.zeros(COUNT, np.int64))
    assert len(empty.to_bytes()) <= 1
    assert not Recipe.from_bytes(empty.to_bytes()).coefficients.any()


@given(st.binary(max_size=300))
def test_hostile_bytes(data):
    try:
        recipe = Recipe.from_bytes(data)
    except StreamError:
        return
    assert np.abs(recipe.coefficients).max() < LIMIT
    assert (np.abs(recipe.coefficients) << recipe.exponents).sum(1).max() < SUM_LIMIT


def forged(count, used=(), steps=(), coefficients=((), (), (), ())):
    out = GolombWriter()
    out.write([count])
    if count < COUNT:
        out.write(used)
    out.write(steps)
    for row in coefficients:
        out.write(row)
    return out.to_bytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (forged(COUNT + 1), "names 179 features"),
        (forged(-1), "names -1 features"),
        (forged(2, [COUNT - 1, 0], [0, 0], [[1, 1]] * 4), "features are out of range"),
        (forged(2, [3, -1], [0, 0], [[1, 1]] * 4), "features are out of range"),
        (forged(1, [-2], [0], [[1]] * 4), "features are out of range"),
        (forged(1, [0], [11], [[1]] * 4), "steps are out of range"),
        (forged(1, [0], [-11], [[1]] * 4), "steps are out of range"),
        (forged(1, [0], [0], [[LIMIT]] * 4), "coefficients are out of range"),
        (forged(1, [0], [0], [[-(1 << 31)]] * 4), "coefficients are out of range"),
        (forged(COUNT, (), [10] + [0] * (COUNT - 1), [[LIMIT - 1] * COUNT] * 4), "too large together"),
        (forged(1, [0], [0], [[3000]] * 4)[:-2], "too early"),
        (forged(1, [0], [0], [[1]] * 4) + b"\0", "tail"),
    ],
)
def test_forged(data, message):
    with pytest.raises(StreamError, match=message):
        Recipe.from_bytes(data)


def test_sums_are_exact_at_the_limit():
    """The largest sum that passes, times the largest features, in every order of summation."""
    coefficients, exponents = np.zeros((4, COUNT), np.int64), np.full(COUNT, EXPONENTS - 1)
    coefficients[:, ::8] = ((SUM_LIMIT - 1) >> (EXPONENTS - 1)) // len(range(0, COUNT, 8))
    coefficients[1::2, ::16] *= -1
    recipe = Recipe(coefficients, exponents)
    assert (np.abs(coefficients) << exponents).sum(1).max() < SUM_LIMIT
    rng = np.random.default_rng(0)
    phi = rng.integers(-(1 << 15) + 1, 1 << 15, (COUNT, 50)).astype(np.float64)
    exact_sum = (coefficients.astype(object) << exponents.astype(object)) @ phi.astype(np.int64).astype(object)
    expected = [[int((v + (1 << (SHIFT - 1))) >> SHIFT) for v in row] for row in exact_sum]
    low, high = -(1 << 30), 1 << 30
    clipped = [[min(max(v, low), high) for v in row] for row in expected]
    assert prediction_of(recipe, phi, low, high).tolist() == clipped
    order = rng.permutation(COUNT)
    turned = Recipe(coefficients[:, order], exponents[order])
    assert np.array_equal(prediction_of(turned, phi[order], low, high), prediction_of(recipe, phi, low, high))


def test_the_first_feature_is_one():
    assert names()[0] == "1" and (phi_of(*FLAT)[0] == ONE).all()
