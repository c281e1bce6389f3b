"""Streams in layers: every prefix is what the encoder had there; lossless comes back; forgeries are refused."""

import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import KINDS, scene

from bitstream import embed
from bitstream.container import Container, check
from bitstream.errors import StreamError
from bitstream.header import LOSSLESS_STEP
from bitstream.layers import STAGES, Depth, Further, Layers, Prefixes, spread_order, tile_count
from codec import layering
from codec.encoding import _Job
from codec.stream import Stream, layout_of
from codec.trunk.cells import SHAPE_TOTAL, Cells, Rules, cut_class
from codec.trunk.ground import Window
from codec.trunk.layered import PictureSource, layer_scene
from codec.trunk.layers import LayerCoder, quantise, run_first, run_layer
from codec.trunk.order import IN_PLACE
from codec.trunk.stages import STAGES as ALL_STAGES
from entropy import tables
from entropy.cuts import CUT_CLASSES, EVEN, CutReader, cut_bits, write_cuts, yes_of_65536


@functools.cache
def coded(**options):
    """A scene and its payload in layers."""
    picture = scene((49, 64), "GRBG")
    return picture, picture.encode(**{"layers": (), **options})


@functools.cache
def whole():
    return Stream.from_bytes(coded(lossless=True)[1])


def decoded(payload, picture=None):
    assert not check(payload)
    return Stream.from_bytes(payload).decode((picture or coded(lossless=True)[0]).planes)


# ---------------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cfa", ["RGGB", "BGGR"])
def test_lossless_comes_back(kind, cfa):
    picture = scene((33, 46), cfa, kind)
    payload = picture.encode(lossless=True, layers=())
    stream = Stream.from_bytes(payload)
    assert stream.lossless and stream.layers.further[-1].step == LOSSLESS_STEP
    assert np.array_equal(decoded(payload, picture), picture.raw.mosaic)


NOISE = np.random.default_rng(1).integers(0, 65536, (24, 30)).astype(np.uint16)


@pytest.mark.parametrize("mosaic", [NOISE, NOISE * 0, NOISE // 4096 * 4096, NOISE % 2 * 16383, NOISE % 64],
                         ids=["noise", "black", "few values", "two values", "below black"])  # fmt: skip
def test_lossless_whatever_it_is(mosaic):
    picture = scene(mosaic.shape, mosaic=mosaic, bits=16)
    assert np.array_equal(decoded(picture.encode(lossless=True, layers=()), picture), mosaic)


@pytest.mark.parametrize("layers", [(), (0.2, 1.0), (2.0,)])
def test_lossy_layers(layers):
    picture, payload = coded(quality=80, layers=layers)
    stream = Stream.from_bytes(payload)
    assert not stream.lossless and stream.layer_count >= 2
    steps = [stream.header.step, *(one.step for one in stream.layers.further)]
    assert steps == sorted(steps, reverse=True) and len(set(steps)) == len(steps)
    error = np.abs(decoded(payload, picture).astype(int) - picture.raw.mosaic)
    single = np.abs(decoded(picture.encode(quality=80), picture).astype(int) - picture.raw.mosaic)
    assert (error**2).mean() < 2 * (single**2).mean()


def test_a_stream_of_one_layer_pays_nothing():
    picture, _ = coded(lossless=True)
    container = Container.from_bytes(picture.encode(quality=50))
    assert not container.sections["LAYR"] and {layer for _, layer, _ in container.substreams} == {0}


# ---------------------------------------------------------------------------------------------------- prefixes


def test_every_layer_decodes_to_what_the_encoder_had_there():
    """Encoder's own state after each layer against the prefix that ends with that layer."""
    picture, payload = coded(lossless=True)
    stream, prefixes = whole(), Prefixes(payload)
    job = _Job(picture.raw, picture.planes, picture.geometry, stream.header, len, "cpu", None)
    window = Window(((0, 0),), *(n + n % 2 for n in job.layout.cells))
    ground, companding = job.device_ground, job.companding.torch
    base = ground.base(window, stream.recipe, companding)
    rules, cells, state = Rules(tables.load()), Cells(companding, base), None
    y, valid = job.trunk._targets(window, base, IN_PLACE)
    from codec.trunk.encoder import rebuild
    from codec.trunk.params import Params

    params = [stream.params[IN_PLACE], *(Params.from_bytes(one.parameters, 2, 5) for one in stream.layers.further)]
    steps = [stream.header.step, *(one.step for one in stream.layers.further)]
    for number, (step, own) in enumerate(zip(steps, params, strict=True)):
        source = PictureSource(rules, cells, y, valid)
        coder = LayerCoder(own, rules, cells, source, step == LOSSLESS_STEP)
        laid = layer_scene(ground, window, base, companding, step, stream.layers.spread, stream.header.kappa)
        state = run_layer(laid, state, coder) if state else run_first(laid, coder)
        h, w = job.layout.cells
        mosaic = job.layout.unpack(rebuild(state.y, base, companding, IN_PLACE)[:, :h, :w].numpy())
        assert np.array_equal(decoded(prefixes.cut(number * prefixes.each)[0]), mosaic)
        for k, t in ALL_STAGES:  # the cells hold the truth
            true = cells.nearest(ALL_STAGES.index((k, t)), y[k][t] + cells.base(ALL_STAGES.index((k, t))))
            inside = (cells.first[k][t] <= true) & (true < cells.behind[k][t])
            assert bool((inside | ~valid[k][t]).all())


@pytest.mark.parametrize("stage", [1, 7, 8, 15])
def test_a_cut_within_a_layer_shows_both(stage):
    """Stages that are there are the finer layer's, the others the coarser one's."""
    prefixes = Prefixes(forged(further=tuple(replace(one, estimate=0) for one in whole().layers.further)))
    coarse, fine = (decoded(prefixes.cut(n * prefixes.each)[0]) for n in (2, 3))
    layout = layout_of(whole().header)
    late = torch.zeros(4, *layout.cells)
    for number, (k, t) in enumerate(ALL_STAGES):
        i, j = ((0, 0), (1, 1), (0, 1), (1, 0))[t]
        late[k, i::2, j::2] = number >= stage
    mixed = np.where(layout.unpack(late.numpy()) > 0, coarse, fine)
    assert (coarse != fine).any()
    assert np.array_equal(decoded(prefixes.cut(2 * prefixes.each + 1 + stage)[0]), mixed)


def test_estimating_helps_where_the_encoder_says_so():
    """The stages that are not there, estimated and as they were: less error where a layer's flag is set."""
    picture, _ = coded(lossless=True)
    errors = {}
    for flag in (0, 1):
        prefixes = Prefixes(forged(further=tuple(replace(one, estimate=flag) for one in whole().layers.further)))
        mosaics = [decoded(prefixes.cut(n * prefixes.each + 9)[0]) for n in range(5)]
        errors[flag] = [((m.astype(float) - picture.raw.mosaic) ** 2).mean() for m in mosaics]
    flags = [one.estimate for one in whole().layers.further[:5]]
    better = [int(b < a) for a, b in zip(errors[0], errors[1], strict=True)]
    assert flags == better and 1 in flags


def test_more_units_less_error():
    picture, payload = coded(lossless=True)
    prefixes = Prefixes(payload)
    cuts = [prefixes.cut(n)[0] for n in range(0, prefixes.last + 1, 8)]
    assert prefixes.cut(prefixes.last)[0] == payload
    sizes = [len(cut) for cut in cuts]
    errors = [((decoded(cut).astype(float) - picture.raw.mosaic) ** 2).mean() for cut in cuts]
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)
    assert all(b <= 1.1 * a for a, b in itertools.pairwise(errors)) and errors[0] > 100 * errors[-3]


def test_tiles_are_cut_one_by_one():
    """In a picture of several tiles, the last stage that is there is there in some of them."""
    picture = scene((64, 96))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Job, "side", lambda self, bits: 16)
        payload = picture.encode(quality=90, layers=())
    stream, prefixes = Stream.from_bytes(payload), Prefixes(payload)
    tiles = tile_count(stream.header)
    assert tiles == len(stream.bases) == 6
    start = prefixes.last - STAGES * tiles  # all layers but the last one
    one, partly = (decoded(prefixes.cut(start + n)[0], picture) for n in (tiles, tiles + 2))
    blocks = (one != partly).reshape(2, 32, 3, 32).any((1, 3)).reshape(-1)
    assert set(np.flatnonzero(blocks).tolist()) == set(spread_order(6)[:2])


@given(st.integers(1, 60), st.data())
def test_depth_counts_all_units(tiles, data):
    kept = data.draw(st.integers(0, STAGES * tiles))
    depth = Depth(kept, tiles)
    assert sum(depth.stages(n) for n in range(tiles)) == kept
    assert sorted(spread_order(tiles)) == list(range(tiles))
    with pytest.raises(StreamError):
        Depth(STAGES * tiles + 1, tiles)


# ---------------------------------------------------------------------------------------------------- parts


def test_thresholds_round_as_the_costs_say():
    rules = Rules(tables.load())
    a = rules.thresholds
    middle = 64 * torch.arange(1, 66) - 32
    assert bool((a[:, 1:] >= middle).all()) and bool((a[:, 1:] <= middle + 64).all())
    assert bool((a[:, 1:] - a[:, :-1] >= 0).all())
    assert bool(a[20, 1] > a[60, 1])  # where zero is likely, the deadzone is wide
    magnitude, step = torch.arange(4000.0, dtype=torch.float64), torch.full((4000,), 37.0, dtype=torch.float64)
    for c in (0, 30, 52, 67, 80):
        symbols = quantise(a, torch.full((4000,), c), magnitude, step)
        # In rare classes two thresholds may meet: a magnitude between them is never coded.
        assert bool((symbols.diff() >= 0).all()) and int(symbols.diff().max()) <= (1 if c >= 52 else 2)
        assert float((symbols - magnitude / step).abs().max()) <= 1.51


def test_the_shape_is_a_distribution():
    shape = Rules(tables.load()).shape
    assert float(shape[0]) == 0 and bool((shape.diff() > 0).all())
    assert SHAPE_TOTAL * 0.995 < float(shape[-1]) < SHAPE_TOTAL
    density = shape.diff()
    assert bool((density[:-1] - density[1:] > -0.02 * density[0]).all())


@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, CUT_CLASSES - 1)), min_size=1), max_size=4))
@settings(deadline=None)
def test_cuts_come_back(rounds):
    arrays = [(np.array([b for b, _ in r]), np.array([c for _, c in r], np.uint8)) for r in rounds]
    data = write_cuts(arrays)
    reader = CutReader(data)
    for decisions, classes in arrays:
        assert np.array_equal(reader.read(classes), decisions)
    reader.finish()
    ideal = sum(cut_bits()[c, d.astype(int)].sum() for d, c in arrays)
    assert 8 * len(data) <= 1.01 * ideal + 128


def test_likely_cuts_cost_nothing():
    classes = np.arange(CUT_CLASSES, dtype=np.uint8)
    assert write_cuts([(classes >= EVEN, classes)]) == b"" and write_cuts([]) == b""
    assert np.array_equal(CutReader(b"").read(classes), classes >= EVEN)


def test_odds():
    odds = torch.tensor([1.0, 0.999, 2.0, 1.25, 1e12, 1e-12], dtype=torch.float64)
    assert cut_class(odds).tolist() == [48, 47, 52, 49, 95, 0]
    yes = yes_of_65536() / 65536
    middle = (1 + (np.arange(CUT_CLASSES) % 4 + 0.5) / 4) * 2.0 ** (np.arange(CUT_CLASSES) // 4 - 12)
    assert np.allclose(yes, middle / (1 + middle), atol=1e-5) and yes.min() > 0 and yes.max() < 1


@pytest.mark.parametrize("data", [b"\1\2\3", bytes(4), bytes(8)])
def test_no_words(data):
    with pytest.raises(StreamError):
        CutReader(data).finish()


# ---------------------------------------------------------------------------------------------------- forgery


def forged(substreams=None, **changes):
    """The lossless payload with another section LAYR or other substreams, under right CRCs."""
    container = Container.from_bytes(coded(lossless=True)[1])
    section = replace(whole().layers, **changes).to_bytes()
    streams = container.substreams if substreams is None else substreams
    return Container({**container.sections, "LAYR": section}, streams).to_bytes()


def test_forged_sections():
    further = whole().layers.further
    first = {k: v for k, v in Container.from_bytes(coded(lossless=True)[1]).substreams.items() if k[1] == 0}
    for payload, words in (
        (forged(kept=STAGES + 1), "units"),
        (forged(further=(*further, further[-1])), "lossless"),
        (forged(further=(Further(100, 0, b""), *further[1:])), "."),
        (forged(further=(Further(100, 0, b"\xff" * 500), *further[1:])), "."),
        (forged(further=further[:2]), "does not belong"),
        (forged(kept=3), "does not belong"),
        (forged(first, further=(), kept=5), "not whole"),
    ):
        with pytest.raises(StreamError, match=words):
            Stream.from_bytes(payload)
    with pytest.raises(StreamError):
        Layers.from_bytes(whole().layers.to_bytes() + b"\0")


def test_forged_header():
    """Haar tiles, or a lossless layer 0, under further layers."""
    stream = whole()
    for change in ({"bases": b"\xff"}, {"step": LOSSLESS_STEP}):
        with pytest.raises(StreamError):
            Stream.from_bytes(replace(stream, header=replace(stream.header, **change)).to_bytes())


def test_forged_cuts():
    """Other bytes, sound CRCs: an error, or another mosaic of the right shape and range; never a crash or hunger."""
    picture, payload = coded(lossless=True)
    container = Container.from_bytes(payload)
    rng = np.random.default_rng(3)
    errors = 0
    for key in list(container.substreams)[:: max(1, len(container.substreams) // 12)]:
        other = rng.integers(1, 256, 4 * rng.integers(1, 60)).astype(np.uint8).tobytes()
        try:
            mosaic = Stream.from_bytes(forged({**container.substreams, key: other})).decode(picture.planes)
        except StreamError:
            errors += 1
            continue
        assert mosaic.shape == picture.raw.mosaic.shape and mosaic.max() <= picture.raw.mosaic.max()
    assert errors > 6


def test_forged_parameters():
    """Weights and coefficients at their limits: sums stay exact, and the end is reached."""
    picture, _ = coded(lossless=True)
    stream = whole()
    from codec.trunk.params import MEAN_LIMIT, Params

    rng = np.random.default_rng(5)
    wild = Params(2, [rng.integers(-MEAN_LIMIT, MEAN_LIMIT, 35) for _ in range(16)],
                  [rng.integers(0, 120, 21) for _ in range(16)])  # fmt: skip
    further = tuple(replace(one, parameters=wild.to_bytes()) for one in stream.layers.further)
    first = {k: v for k, v in Container.from_bytes(coded(lossless=True)[1]).substreams.items() if k[1] == 0}
    mosaic = Stream.from_bytes(forged(first, further=further)).decode(picture.planes)
    assert mosaic.max() <= picture.raw.mosaic.max()


# ---------------------------------------------------------------------------------------------------- planning


def test_steps_halve_and_end_where_they_should():
    stream = whole()
    steps = [stream.header.step, *(one.step for one in stream.layers.further)]
    assert {a - b for a, b in itertools.pairwise(steps[:-1])} == {layering.OCTAVE}
    assert stream.layers.spread == layering.SPREAD
    quality = Stream.from_bytes(coded(quality=80)[1])
    from codec.rate import step_of_quality

    assert quality.layers.further[-1].step == step_of_quality(80)


@pytest.mark.parametrize("bpp", [3.0, 6.0])
def test_sizes_are_met_by_trimming(bpp):
    picture = scene((96, 128), seed=2)
    size = int(bpp * picture.raw.mosaic.size / 8)
    payload = picture.encode(size=size, layers=())
    layers = Stream.from_bytes(payload).layers
    assert not check(payload) and layers
    # A layer that begins brings its parameters, which are much in a picture as small as this.
    begins = max(len(one.parameters) for one in layers.further)
    assert 0.95 * size - begins <= embed.added_bytes(picture.jpeg, len(payload)) <= size
