"""The 16 stages: transforms, neighbourhoods, counts, and that no stage sees what is not decoded yet."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.codec.decoder.cuda import rebuild
from rawinlay.codec.guide.guide import Guide
from rawinlay.codec.mosaic.companding import LOSSLESS, Companding
from rawinlay.codec.mosaic.companding_torch import TorchCompanding
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.recipe.side import ACTIVITIES, SideInfo, Window
from rawinlay.codec.recipe.side_torch import TorchSideInfo
from rawinlay.codec.stages import stages_torch as stages
from rawinlay.codec.stages.coding import Coding
from rawinlay.codec.stages.decoder_torch import Decoder
from rawinlay.codec.stages.lossless_torch import Lattice, LosslessDecoder
from rawinlay.codec.stages.order import HAAR, IN_PLACE, PLANES, STAGES, context_count, near_count
from rawinlay.codec.stages.parameters import MEAN_LIMIT, WEIGHTS, Params, nearest_weight
from rawinlay.codec.stages.stages_torch import Scene, inverse_transform, merge, run_stages, split
from rawinlay.codec.stages.tile import Tile
from rawinlay.entropy.tables import load

BASES = (IN_PLACE, HAAR)
SIZE = (2, 12, 16)


def whole(rng, shape, reach):
    return torch.from_numpy(rng.integers(-reach, reach + 1, shape).astype(np.float64))


def scene(transform, step=40, seed=0):
    rng = np.random.default_rng(seed)
    half = (SIZE[0], SIZE[1] // 2, SIZE[2] // 2)
    array = lambda high: torch.from_numpy(rng.integers(1, high, half).astype(np.float64))  # noqa: E731
    return Scene(
        [[array(2 * step) for _ in range(4)] for _ in range(4)],
        [[array(900) for _ in range(4)] for _ in range(ACTIVITIES)],
        transform,
        [[torch.from_numpy(rng.random(half) < 0.5) for _ in range(4)] for _ in range(4)],
    )


def forward_transform(y, transform):
    """Residual (B, h, w) float64 to the four arrays that the passes code."""
    parts = split(y)
    if transform == IN_PLACE:
        return parts
    a, d, b, c = parts  # a b / c d
    return [(a + b + c + d) / 2, (a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2]


def targets(transform, seed=1, reach=400):
    rng = np.random.default_rng(seed)
    smooth = whole(rng, (4, *SIZE), reach // 4) + whole(rng, (4, SIZE[0], 1, 1), reach)
    return [forward_transform(smooth[k], transform) for k in range(4)]


def flat(parts):
    return [part for of_plane in parts for part in of_plane]


def test_every_plane_and_pass_once():
    assert sorted(STAGES) == [(k, t) for k in range(4) for t in range(4)]
    assert [k for k, _ in STAGES[::4]] == list(PLANES) == [1, 2, 0, 3]


def test_split_and_merge():
    x = torch.arange(2 * 6 * 8).reshape(2, 6, 8)
    assert torch.equal(merge(split(x)), x)
    assert [int(p[0, 0, 0]) for p in split(x)] == [0, 9, 1, 8]


def test_in_place_is_exact():
    y = whole(np.random.default_rng(0), SIZE, 1 << 20)
    assert torch.equal(inverse_transform(forward_transform(y, IN_PLACE), IN_PLACE), y)


def test_haar():
    """Orthonormal, so that errors keep their size; exact without errors, within half a rounding with them."""
    rng = np.random.default_rng(0)
    y = whole(rng, SIZE, 1 << 20)
    parts = forward_transform(y, HAAR)
    assert torch.equal(inverse_transform(parts, HAAR), y)
    energy = sum((p**2).sum() for p in parts)
    assert torch.allclose(energy, (y**2).sum())
    rounded = [torch.floor(p + 0.5) for p in parts]  # at most a half each, four of them over 2, and the last rounding
    assert (inverse_transform(rounded, HAAR) - y).abs().max() <= 1.5
    coded = [whole(rng, p.shape, 1 << 20) for p in parts]
    decoded = inverse_transform(coded, HAAR)
    assert torch.equal(decoded, decoded.floor())
    again = forward_transform(decoded, HAAR)
    assert max((a - b).abs().max() for a, b in zip(again, coded, strict=True)) <= 1
    # a constant is the sum band alone
    first, *others = forward_transform(torch.full(SIZE, 10.0, dtype=torch.float64), HAAR)
    assert (first == 20).all() and not any(band.any() for band in others)


class Recorder:
    """A visitor that codes what it is given and keeps what it is shown."""

    def __init__(self, y):
        self.y, self.near, self.contexts, self.means = y, [], [], []

    def mean(self, stage, near):
        self.near.append([v.clone() for v in near])
        return torch.zeros(0)

    def symbols(self, stage, mu, step, contexts):
        self.contexts.append([c.clone() for c in contexts])
        k, t = STAGES[stage]
        y = torch.floor(self.y[k][t] + 0.5)
        return 4 * torch.round(y / step).abs().to(torch.int32), y


@pytest.mark.parametrize("transform", BASES)
def test_counts(transform):
    recorder = Recorder(targets(transform))
    run_stages(scene(transform), recorder)
    for stage in range(16):
        n, t = stage // 4, stage % 4
        assert len(recorder.near[stage]) == near_count(n, t, transform)
        assert len(recorder.contexts[stage]) == context_count(n, t, transform, ACTIVITIES)
        for v in (*recorder.near[stage], *recorder.contexts[stage]):
            assert v.shape == (SIZE[0], SIZE[1] // 2, SIZE[2] // 2)
        for v in recorder.contexts[stage]:
            assert torch.equal(v, v.floor()) and (v >= 0).all()


def test_neighbours_in_place_are_where_they_should_be():
    """Each view of a ramp over the cells is the ramp, shifted as the manual says, away from the border."""
    ramp = (torch.arange(SIZE[1])[:, None] * 100.0 + torch.arange(SIZE[2])).expand(SIZE).double()
    y = [forward_transform(ramp + 10_000 * k, IN_PLACE) for k in range(4)]
    recorder = Recorder(y)
    run_stages(scene(IN_PLACE), recorder)
    for stage, (k, t) in enumerate(STAGES):
        n = stage // 4
        here = y[k][t]
        wanted = [here + 100 * i + j for i, j in stages.KNOWN[t]]
        wanted += [here + 10_000 * (p - k) + 100 * i + j for p in PLANES[:n] for i, j in stages.NINE]
        for have, want in zip(recorder.near[stage], wanted, strict=True):
            assert torch.equal(have[:, 1:-1, 1:-1], want[:, 1:-1, 1:-1])


def test_neighbours_over_the_border_repeat_its_places():
    """A neighbour outside is the nearest array element of its own pass."""
    ramp = torch.arange(SIZE[1])[:, None].expand(SIZE).double()
    recorder = Recorder([split(ramp)] * 4)
    run_stages(scene(IN_PLACE), recorder)
    above = recorder.near[2][0]  # pass 2 lies in even rows, its upper neighbours are pass 1's, in odd ones
    assert above[0, 0, 0] == 1 and above[0, 1, 0] == 1 and above[0, 2, 0] == 3


def test_neighbours_in_haar():
    y = [[torch.full((1, 3, 3), 100.0 * k + band, dtype=torch.float64) for band in range(4)] for k in range(4)]
    recorder = Recorder(y)
    nowhere = [[torch.zeros(1, 3, 3, dtype=torch.bool)] * 4] * 4
    run_stages(Scene([[torch.ones(1, 3, 3, dtype=torch.float64)] * 4] * 4, [], HAAR, nowhere), recorder)
    for stage, (k, t) in enumerate(STAGES):
        wanted = [100 * k + band for band in range(t)] + [100 * k] * 4 * (t > 0)
        wanted += [100 * p + t for p in PLANES[: stage // 4] for _ in range(9)]
        assert [int(v[0, 1, 1]) for v in recorder.near[stage]] == wanted


@pytest.mark.parametrize("transform", BASES)
@pytest.mark.parametrize("changed", range(16))
def test_no_stage_sees_itself_or_what_follows(transform, changed):
    """Changing what a stage codes changes nothing that any stage up to and including it is shown."""
    y = targets(transform)
    before = Recorder(y)
    run_stages(scene(transform), before)
    k, t = STAGES[changed]
    other = [list(parts) for parts in y]
    other[k][t] = other[k][t] + 5000
    after = Recorder(other)
    run_stages(scene(transform), after)
    same = [
        all(map(torch.equal, a, b)) and all(map(torch.equal, c, d))
        for a, b, c, d in zip(before.near, after.near, before.contexts, after.contexts, strict=True)
    ]
    assert all(same[: changed + 1])
    # and the following ones do look at it
    assert changed == 15 or not same[changed + 1]


def random_params(transform, rng):
    """Parameters that mix what is around: means of half of it or so, sizes that go up and down."""
    places = [(s // 4, s % 4) for s in range(16)]
    mean = [rng.integers(-60, 120, near_count(n, t, transform)) for n, t in places]
    return Params(transform, mean, [rng.integers(0, 60, context_count(n, t, transform, ACTIVITIES)) for n, t in places])


@pytest.mark.parametrize("step, transform, states", [
    (3000, IN_PLACE, 2), (2500, HAAR, 3), (3500, HAAR, 6), (LOSSLESS, IN_PLACE, 3)
])  # fmt: skip
def test_the_same_in_torch_and_on_the_cpu(step, transform, states):
    """Both implementations, given any parameters and symbols: the same means, classes, y_hat and mosaic."""
    rng, layout = np.random.default_rng(step + 1), Layout(44, 60, "GRBG")
    h, w = (v // 2 * 2 for v in layout.cells)
    values = np.unique(rng.integers(0, 4096, 900)) if step == LOSSLESS else None
    companding = Companding((60.0, 64.0, 64.0, 68.0), 4000, 4095, 8, values, (3900, 3800, 3800, 0, 90, 90, 90, 90))
    y, cb, cr = (rng.integers(0, 4081, shape, dtype=np.int32) for shape in
                 ((2 * layout.cells[0], 2 * layout.cells[1]), layout.cells, layout.cells))  # fmt: skip
    host, window = SideInfo(Guide(y, cb, cr), layout), Window(((0, 0),), h, w)
    prediction = companding.saturate(rng.integers(companding.low, companding.high + 1, (1, 4, h, w), dtype=np.int32))
    prediction[..., 10:20, 10:30] = companding.saturate(np.full((1, 4, 10, 20), companding.high - 3000, np.int32))
    params, tables = random_params(transform, rng), load()
    tile = Tile(prediction[0], host.activity(window)[0], Coding(companding, tables, step, 4, states), transform)
    found = []
    for stage in range(16):
        mu, classes = tile.predict(stage, params)
        symbols = np.rint(rng.laplace(0, 3, mu.shape)).astype(np.int32)
        symbols[5:10, 5:15] = 0
        tile.update(stage, symbols)
        found.append((mu, classes, symbols))

    def read(stage, classes):
        assert np.array_equal(classes, found[stage][1].reshape(-1))
        return found[stage][2].reshape(-1)

    tensors, given = TorchCompanding(companding), torch.from_numpy(prediction)
    if step == LOSSLESS:
        decoder = LosslessDecoder(Lattice(tensors, given), params, tables, read)
    else:
        decoder = Decoder(params, tables, read, states)
    decoded = run_stages(TorchSideInfo(host).scene(window, given, tensors, step, 4, transform), decoder)
    for k, t in STAGES:
        assert np.array_equal(decoded[k][t][0].numpy(), tile.values[k, t, 1:-1, 1:-1]), (k, t)
    planes = np.zeros((4, *layout.cells), np.int32)
    planes[:, :h, :w] = rebuild(decoded, given, tensors, transform).numpy()
    mosaic, whole = np.zeros((2, layout.height, layout.width), np.uint16)
    tile.finish(layout, (0, 0), mosaic)
    inside = layout.pack(np.ones_like(whole)) * 0
    inside[:, :h, :w] = 1
    kept = layout.unpack(inside) > 0
    assert np.array_equal(layout.unpack(planes)[kept], mosaic[kept]) and kept.mean() > 0.9
    assert len({int(c) for _, classes, _ in found for c in classes.reshape(-1)}) > 20


@pytest.mark.parametrize("transform", BASES)
@given(data=st.data())
def test_params_round_trip(transform, data):
    places = [(s // 4, s % 4) for s in range(16)]
    mean = [
        np.array(data.draw(st.lists(st.integers(-MEAN_LIMIT, MEAN_LIMIT), min_size=m, max_size=m)), np.int64)
        for m in (near_count(n, t, transform) for n, t in places)
    ]
    rng = np.random.default_rng(0)
    weight = [rng.integers(0, len(WEIGHTS), context_count(n, t, transform, ACTIVITIES)) for n, t in places]
    again = Params.from_bytes(Params(transform, mean, weight).to_bytes(), transform, ACTIVITIES)
    assert all(map(np.array_equal, again.mean, mean)) and all(map(np.array_equal, again.weight, weight))


@given(st.binary(max_size=400), st.sampled_from(BASES))
def test_params_from_hostile_bytes(data, transform):
    try:
        params = Params.from_bytes(data, transform, ACTIVITIES)
    except StreamError:
        return
    assert all(np.abs(m).max(initial=0) <= MEAN_LIMIT for m in params.mean)
    assert all(w.min() >= 0 and w.max() < len(WEIGHTS) for w in params.weight)


@pytest.mark.parametrize("transform", BASES)
@pytest.mark.parametrize("part", ["mean", "low weight", "high weight"])
def test_params_out_of_range(transform, part):
    places = [(s // 4, s % 4) for s in range(16)]
    mean = [np.zeros(near_count(n, t, transform), np.int64) for n, t in places]
    weight = [np.zeros(context_count(n, t, transform, ACTIVITIES), np.int64) for n, t in places]
    if part == "mean":
        mean[5][0] = MEAN_LIMIT + 1
    else:
        weight[7][2] = -1 if part == "low weight" else len(WEIGHTS)
    with pytest.raises(StreamError, match="out of range"):
        Params.from_bytes(Params(transform, mean, weight).to_bytes(), transform, ACTIVITIES)


def test_weights():
    assert (np.diff(WEIGHTS) > 0).all() and WEIGHTS[0] == 0 and WEIGHTS[-1] == 15 << 13
    assert np.array_equal(nearest_weight(WEIGHTS.astype(float)), np.arange(len(WEIGHTS)))
    assert nearest_weight(np.array([0.4, 0.6, 1e9])).tolist() == [0, 1, len(WEIGHTS) - 1]


@pytest.mark.parametrize("transform", BASES)
def test_the_largest_numbers_stay_exact(transform):
    """Hostile parameters and symbols: every sum stays a whole number below 2^53, whatever its order."""
    places = [(s // 4, s % 4) for s in range(16)]
    rng = np.random.default_rng(0)
    mean = [np.where(rng.random(near_count(n, t, transform)) < 0.5, 1, -1) * MEAN_LIMIT for n, t in places]
    weight = [np.full(context_count(n, t, transform, ACTIVITIES), len(WEIGHTS) - 1) for n, t in places]
    largest = {"size": 0.0}

    class Watching(Decoder):
        def classes(self, stage, contexts):
            size = sum(int(WEIGHTS[-1]) * z for z in contexts)
            largest["size"] = max(largest["size"], float(size.max()))
            return super().classes(stage, contexts)

    half = (1, 2, 2)
    s = Scene(
        [[torch.ones(half, dtype=torch.float64)] * 4] * 4,
        [[torch.full(half, 4096.0 * 8, dtype=torch.float64)] * 4] * ACTIVITIES,
        transform,
        [[torch.zeros(half, dtype=torch.bool)] * 4] * 4,
    )
    read = lambda stage, classes: np.full(len(classes), (1 << 27) - 1, np.int32)  # noqa: E731
    out = run_stages(s, Watching(Params(transform, mean, weight), load(), read))
    assert 2**40 < largest["size"] < 2**53
    assert all(torch.equal(v, v.floor()) and v.abs().max() <= 1 << 21 for v in flat(out))
