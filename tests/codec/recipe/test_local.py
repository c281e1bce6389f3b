"""The local recipe: bytes, hostile bytes, prediction against plain sums; it is found where it is, and only there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.stream.container import Container
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import choose_recipe
from rawinlay.codec.encoder.corrections_writer import local_bytes
from rawinlay.codec.encoder.effort import Effort
from rawinlay.codec.encoder.fit import corrections as fit_local
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.recipe.corrections import (
    EXPONENTS,
    LEAST_SIDE,
    LIMIT,
    MATRIX,
    MOST_BLOCKS,
    MOST_SIDE,
    TERMS,
    LocalRecipe,
    grid,
)
from rawinlay.codec.recipe.features import COUNT, names
from rawinlay.codec.recipe.recipe import SHIFT, SUM_LIMIT, Recipe
from rawinlay.codec.recipe.side import Window
from rawinlay.entropy.ans import model_of
from rawinlay.entropy.ans_encode import encode_symbols
from rawinlay.entropy.tables import CLASSES, EXACT, load
from scenes import scene

N = len(TERMS)
TABLES = load()
SLOW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@st.composite
def sound(draw):
    """Cells of a picture, and a local recipe for it as the format allows it."""
    cells = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    side = 1 << draw(st.integers(LEAST_SIDE, MOST_SIDE))
    exponents = draw(arrays(np.int64, N, elements=st.integers(0, EXPONENTS - 1)))
    number = st.integers(-40, 40) | st.integers(1 - LIMIT, LIMIT - 1)
    coefficients = draw(arrays(np.int64, (*grid(cells, side), 4, N), elements=number, fill=st.just(0)))
    return cells, LocalRecipe(side, exponents, coefficients)


@SLOW
@given(sound())
def test_round_trip(drawn):
    cells, local = drawn
    again = LocalRecipe.from_bytes(local_bytes(local, TABLES), cells, TABLES)
    assert again.side == local.side and again.exponents.tolist() == local.exponents.tolist()
    assert np.array_equal(again.coefficients, local.coefficients)


def drawn_recipe(cells, side=32, size=9, seed=0):
    rng = np.random.default_rng(seed)
    coefficients = rng.integers(-size, size + 1, (*grid(cells, side), 4, N))
    coefficients[rng.random(coefficients.shape[:3]) < 0.3] = 0
    return LocalRecipe(side, rng.integers(8, 15, N), coefficients)


def test_bytes():
    """Not much over the numbers' entropy, behind the head and a bit for each block and plane."""
    cells = (300, 200)
    local = drawn_recipe(cells, size=2)
    flags = 4 * local.coefficients.shape[0] * local.coefficients.shape[1] // 8
    some = local.coefficients.any(-1).sum()
    assert len(local_bytes(local, TABLES)) < 1 + 5 * N + flags + 1.2 * some * N * np.log2(5) / 8 + 8
    none = replace(local, coefficients=0 * local.coefficients)
    assert len(local_bytes(none, TABLES)) == 1 + 5 * N + flags


# ---------------------------------------------------------------------------------------------------- hostile bytes

CELLS = (70, 40)  # 3 x 2 blocks of 32 cells: 24 flags


def forged(side=5, exponents=(0,) * N, classes=(60,) * 4 * N, flags=b"\1\0\0", d=(1,) * N):
    kinds = np.array(list(classes)[:N] * (len(d) // N), np.uint8)
    coded = encode_symbols(np.array(d, np.int32), np.minimum(kinds, CLASSES - 1), model_of(TABLES, EXACT).left)
    return bytes([side, *exponents, *classes]) + flags + coded


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (forged()[: 5 * N], "damaged"),
        (forged(side=4), "damaged"),
        (forged(side=11), "damaged"),
        (forged(side=255), "damaged"),
        (forged(exponents=[0] * (N - 1) + [EXPONENTS]), "steps or classes"),
        (forged(classes=[60] * (4 * N - 1) + [CLASSES]), "steps or classes"),
        (forged()[: 1 + 5 * N + 2], "number of blocks"),
        (forged(side=6, flags=b"\1\1", d=()), "whole number of words"),  # 2 x 1 blocks: one byte of flags
        (forged(side=8, flags=b"\x10", d=()), "number of blocks"),  # one block: 4 flags, the fifth is set
        (forged(flags=bytes(3)), "whole number of words"),
        (forged()[:-1], "whole number of words"),
        (forged() + bytes(4), "last word is zero"),
        (forged(flags=b"\1\0\0", d=(1,) * 2 * N), "words left over"),
        (forged(d=(*(0,) * (N - 1), LIMIT)), "coefficients are out of range"),
        (forged(d=(-LIMIT, *(0,) * (N - 1))), "coefficients are out of range"),
    ],
)
def test_forged(data, message):
    with pytest.raises(StreamError, match=message):
        LocalRecipe.from_bytes(data, CELLS, TABLES)


@SLOW
@given(st.binary(max_size=200), st.integers(0, 100), st.binary(max_size=4))
def test_hostile_bytes(data, at, patch):
    """Random ones, and sound ones with a few changed: refused, or within the ranges."""
    whole = local_bytes(drawn_recipe(CELLS), TABLES)
    at = at * len(whole) // 100
    for hostile in (data, bytes([5]) + bytes(5 * N) + data, whole[:at] + patch + whole[at + len(patch) :]):
        try:
            local = LocalRecipe.from_bytes(hostile, CELLS, TABLES)
        except StreamError:
            continue
        assert np.abs(local.coefficients).max() < LIMIT and local.exponents.max() < EXPONENTS
        assert local.coefficients.shape == (*grid(CELLS, local.side), 4, N)


def test_most_blocks():
    """Enough of 64 x 64 cells for the largest pictures, whatever their shape; no more of 32 x 32 than that."""
    side = 64
    for h, w in ((1 << 15, 1 << 12), ((1 << 15) - 63, (1 << 12) + 1), ((1 << 13) + 1, (1 << 14) - 1), (1, 1 << 15)):
        rows, columns = grid((h, w), side)
        assert rows * columns <= MOST_BLOCKS
    sound = forged(side=5, flags=bytes((1 << 16) // 2), d=())
    assert not LocalRecipe.from_bytes(sound, (1 << 13, 1 << 13), TABLES).coefficients.any()
    with pytest.raises(StreamError, match="more blocks"):
        LocalRecipe.from_bytes(sound + bytes(1000), (1 << 13, (1 << 13) + 1), TABLES)


def test_sums_too_large_together():
    """The recipe's bound holds for both: one number less passes."""
    weight = int(np.abs(MATRIX).sum(1).max())
    assert weight == 4
    term = int(np.abs(MATRIX).sum(1).argmax())
    coefficients, exponents = np.zeros((4, COUNT), np.int64), np.zeros(COUNT, np.int64)
    coefficients[2, :5], exponents[:5] = LIMIT // 2, EXPONENTS - 1
    recipe = Recipe(coefficients, exponents)
    room = (SUM_LIMIT - 5 * (LIMIT // 2 << EXPONENTS - 1)) // (weight << EXPONENTS - 1)
    local = LocalRecipe(32, np.full(N, EXPONENTS - 1), np.zeros((3, 2, 4, N), np.int64))
    local.coefficients[2, 1, 0, term] = -(room - 1)
    assert recipe.with_local(local).local is local
    local.coefficients[2, 1, 0, term] = -room
    with pytest.raises(StreamError, match="too large together"):
        recipe.with_local(local)
    local.coefficients[...] = LIMIT - 1  # the largest numbers there are: no overflow
    with pytest.raises(StreamError, match="too large together"):
        recipe.with_local(local)


# ---------------------------------------------------------------------------------------------------- prediction


def test_terms_are_sums_of_features():
    assert MATRIX.shape == (N, COUNT) and set(np.unique(MATRIX)) == {-1, 0, 1} and TERMS[0] == "1"
    number = {name: i for i, name in enumerate(names())}
    for row, term in zip(MATRIX, TERMS, strict=True):
        if term in number:
            assert row[number[term]] == 1 and np.abs(row).sum() == 1
        if term.startswith(("down", "right")):  # gradients: none on a flat guide
            assert row.sum() == 0


@pytest.fixture(scope="module", params=[((140, 90), True), ((129, 131), False), ((128, 192), False)])
def tried(request):
    """A picture that is ready to be coded, and a local recipe for it; with learned features or without."""
    shape, learned = request.param
    picture = scene(shape, "BGGR", seed=3)
    job = ready(picture, Effort(learned=learned))
    recipe = job.recipes.learned if learned else job.recipes.plain
    return job.candidate(recipe.with_local(drawn_recipe(job.picture.layout.cells)))


def ready(picture, effort=None):
    """The encoder's job for a picture, without a saturation."""
    small = scene((8, 8), picture.raw.cfa).encode(quality=0)
    header = replace(
        Stream.from_bytes(small).header, height=picture.raw.mosaic.shape[0], width=picture.raw.mosaic.shape[1], net=b"",
        top=int(picture.raw.mosaic.max()),
    )  # fmt: skip
    job = Job.of(picture.raw, picture.planes, picture.geometry, header, len, EncodeOptions(effort=effort or Effort()))
    companding = replace(
        job.picture.companding, saturation=(0,) * 8
    )  # a prediction on the saturation is not the recipe's
    return replace(job, picture=replace(job.picture, companding=companding))


def whole(tried, recipe=None):
    """The prediction of all cells, int32 (4, h, w), and of those one beyond where a side is odd."""
    h, w = (n + n % 2 for n in tried.picture.layout.cells)
    return tried.picture.side_info.prediction(
        Window(((0, 0),), h, w), recipe or tried.recipe, tried.picture.companding
    )[0]


def test_prediction_cell_by_cell(tried):
    """Against whole numbers of Python: block, sum, rounding, clipping."""
    h, w = tried.picture.layout.cells
    local, prediction = tried.recipe.local, whole(tried)
    low, high = tried.picture.companding.low, tried.picture.companding.low + len(tried.picture.companding.table) - 1
    rows, columns = local.coefficients.shape[:2]
    assert rows > 1 and columns > 1
    phi = tried.picture.side_info.features(0, 0, *prediction.shape[1:], len(tried.recipe.exponents))
    rng = np.random.default_rng(0)
    corners = [
        (i, j) for i in (0, 31, 32, h - 1, prediction.shape[1] - 1) for j in (0, 31, 32, w - 1, prediction.shape[2] - 1)
    ]
    moved = 0
    for i, j in [*corners, *zip(rng.integers(0, h, 60).tolist(), rng.integers(0, w, 60).tolist(), strict=True)]:
        features = [int(v) for v in phi[:, i, j]]
        at = dict(zip(names(), features, strict=False))
        block = local.coefficients[min(i // local.side, rows - 1), min(j // local.side, columns - 1)]
        light = [at[f"lin{s}[0,0]"] for s in range(4)]
        values = [at[n] for n in ("1", "m", "m2", "l2", "l3", "hat10", "lcb", "lcr")]
        values += [light[2] + light[3] - light[0] - light[1], light[1] + light[3] - light[0] - light[2]]
        values += [at["lin1[1,0]"] + at["lin2[1,0]"] - at["lin1[-1,0]"] - at["lin2[-1,0]"]]
        values += [at["lin1[0,1]"] + at["lin2[0,1]"] - at["lin1[0,-1]"] - at["lin2[0,-1]"]]
        for k in range(4):
            plain = sum(
                int(c) * 2 ** int(e) * f
                for c, e, f in zip(tried.recipe.coefficients[k], tried.recipe.exponents, features, strict=True)
            )
            more = sum(int(d) * 2 ** int(e) * v for d, e, v in zip(block[k], local.exponents, values, strict=True))
            assert int(prediction[k, i, j]) == min(max((plain + more + (1 << SHIFT - 1)) >> SHIFT, low), high)
            moved += more != 0
    assert moved > 100


def test_prediction_does_not_depend_on_windows(tried):
    """Windows of any size and place see what lies there in the whole picture."""
    full = whole(tried)
    rng = np.random.default_rng(1)
    sizes = [(2, 2), (16, 16), (34, 6), (6, 34), (tuple(n - n % 2 for n in tried.picture.layout.cells))]
    for rows, cols in sizes:
        most = full.shape[1] - rows, full.shape[2] - cols
        places = tuple((int(rng.integers(0, most[0] + 1)), int(rng.integers(0, most[1] + 1))) for _ in range(5))
        found = tried.picture.side_info.prediction(Window(places, rows, cols), tried.recipe, tried.picture.companding)
        for piece, (r, c) in zip(found, places, strict=True):
            assert np.array_equal(piece, full[:, r : r + rows, c : c + cols])


def test_blocks_without_a_correction_keep_the_prediction(tried):
    plain = whole(tried, replace(tried.recipe, local=None))
    local = tried.recipe.local
    side, changed = local.side, whole(tried) != plain
    none = ~local.coefficients.any(-1)
    assert none.any()
    for i, j, k in np.argwhere(none):
        assert not changed[k, side * i : side * (i + 1), side * j : side * (j + 1)].any()
    assert changed.mean() > 0.3


# ---------------------------------------------------------------------------------------------------- fit

STEP = 3300


def true_picture(share, noise=3.0):
    """A picture whose map is a recipe, but for the light of its first 64 x 64 cells, times `share`; and its planes."""
    tried = ready(scene((260, 390), "RGGB", "texture", seed=8)).plain()
    prediction = whole(tried)[:, : tried.picture.layout.cells[0], : tried.picture.layout.cells[1]].astype(np.float64)
    prediction[:, :64, :64] *= share
    levels = tried.picture.companding.black_levels()
    dn = (prediction + np.array(levels)[:, None, None]) / 2**tried.picture.companding.shift
    dn += noise * np.random.default_rng(2).standard_normal(dn.shape)
    return tried, dn.round().clip(0, tried.job.header.top).astype(np.int32)


def fitted(tried, planes, step=STEP, side=64):
    picture = tried.picture
    return fit_local.fit(replace(picture, mosaic=picture.layout.unpack(planes)), tried.recipe, step, side)


@pytest.mark.parametrize("step", [2300, STEP])
def test_nothing_where_the_recipe_is_right(step):
    assert fitted(*true_picture(1.0), step) is None


@pytest.mark.parametrize("step", [2300, STEP])
def test_a_planted_change_is_found_where_it_is(step):
    tried, planes = true_picture(0.8)
    local = fitted(tried, planes, step)
    assert local is not None and local.side == 64
    assert local.coefficients[0, 0].any(-1).all(), "every plane of the first block"
    assert not local.coefficients.reshape(-1, 4, N)[1:].any(), "and no other block"
    level = tried.picture.companding.level(planes)[:, :64, :64]
    error = lambda recipe: float(((whole(tried, recipe)[:, :64, :64] - level) ** 2.0).mean())  # noqa: E731
    assert error(tried.recipe.with_local(local)) < 0.1 * error(tried.recipe)


NASTY = {
    "black": np.zeros((140, 150), np.uint16),
    "noise": np.random.default_rng(0).integers(0, 16384, (140, 150)).astype(np.uint16),
    "clipped": np.full((140, 150), 16383, np.uint16),
    "one pixel": (np.arange(140 * 150).reshape(140, 150) == 5000) * np.uint16(16383),
}


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", NASTY)
def test_nasty_pictures(name, flat):
    """Whatever the mosaic and the guide: a local recipe that can be sent, or none."""
    picture = scene((140, 150), mosaic=NASTY[name], noise=0)
    tried = ready(picture).plain()
    if flat:
        tried.picture.side_info.planes[:4], tried.picture.side_info.planes[4:] = 1000, 0
    for step in (0, STEP, 5119, 5120):
        local = fitted(tried, tried.picture.layout.pack(tried.picture.mosaic), step, 32)
        if local is not None:
            again = LocalRecipe.from_bytes(local_bytes(local, TABLES), tried.picture.layout.cells, TABLES)
            assert np.array_equal(again.coefficients, local.coefficients)


# ---------------------------------------------------------------------------------------------------- streams


@pytest.fixture(scope="module")
def patchy():
    """A picture of which a corner has another map from guide to mosaic."""
    picture = scene((300, 400), "GRBG", "texture", seed=9)
    corner = picture.raw.mosaic[:128, :128]
    corner[...] = 512 + (corner - 512) * 0.7
    return picture


def test_it_saves_bytes(patchy, monkeypatch):
    """The encoder finds the corner by itself; the stream round trips and is smaller than without."""
    payload = patchy.encode(quality=45)
    stream = Stream.from_bytes(payload)
    local = stream.recipe.local
    assert local is not None and local.coefficients[0, 0].any()
    assert stream_bytes(stream) == payload
    assert stream.decode(patchy.planes).shape == patchy.raw.mosaic.shape
    monkeypatch.setattr(choose_recipe, "with_corrections", lambda *_: None)
    without = patchy.encode(quality=45)
    assert Stream.from_bytes(without).recipe.local is None
    assert len(payload) < 0.98 * len(without)


def test_less_error_at_the_same_size(patchy, monkeypatch):
    """The target counts the section's bytes too."""

    def error(payload):
        assert 0.93 * 9000 < len(payload) <= 9000  # few kilobytes jump by more than the 3 % of large pictures
        return float(((Stream.from_bytes(payload).decode(patchy.planes).astype(float) - patchy.raw.mosaic) ** 2).mean())

    payload = patchy.encode(size=9000)
    assert Stream.from_bytes(payload).recipe.local is not None
    monkeypatch.setattr(choose_recipe, "with_corrections", lambda *_: None)
    assert error(payload) < 0.95 * error(patchy.encode(size=9000))


def test_lossless(patchy):
    stream = Stream.from_bytes(patchy.encode(lossless=True))
    assert np.array_equal(stream.decode(patchy.planes), patchy.raw.mosaic)


def test_streams_with_a_section_that_does_not_fit(patchy):
    """Of another picture, too large, damaged: refused when the stream is parsed."""
    payload = scene((72, 96)).encode(quality=40)
    whole = Container.from_bytes(payload)
    assert not whole.sections["LOCL"]
    most = LocalRecipe(32, np.full(N, EXPONENTS - 1), np.full((*grid((36, 48), 32), 4, N), LIMIT - 1))
    for message, data in {
        "too large together": local_bytes(most, TABLES),
        "number of blocks|whole number of words": local_bytes(drawn_recipe((200, 300)), TABLES),
        "damaged": b"\5",
        "out of range": b"\5" + b"\xff" * 200,
    }.items():
        with pytest.raises(StreamError, match=message):
            Stream.from_bytes(Container({**whole.sections, "LOCL": data}, whole.substreams).to_bytes())
    small = drawn_recipe((36, 48))
    stream = Stream.from_bytes(
        Container({**whole.sections, "LOCL": local_bytes(small, TABLES)}, whole.substreams).to_bytes()
    )
    assert np.array_equal(stream.recipe.local.coefficients, small.coefficients)
