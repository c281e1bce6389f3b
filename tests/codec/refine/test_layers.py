"""Streams in layers: every prefix is what the encoder had there; lossless comes back; forgeries are refused."""

import functools
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.stream.container import Container, check
from rawinlay.bitstream.stream.header import LOSSLESS_STEP
from rawinlay.bitstream.stream.layers import STAGES, Depth, Further, Layers, Prefixes, spread_order, tile_count
from rawinlay.codec.decoder.stream import Stream, layout_of
from rawinlay.codec.encoder import layers as layering
from rawinlay.codec.encoder.fit.layer_kernels import first_symbols
from rawinlay.codec.encoder.fit.layers import PictureSource
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.picture import Area
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.recipe.side import Window
from rawinlay.codec.refine.interval_kernels import mass
from rawinlay.codec.refine.intervals import Rules, thresholds
from rawinlay.codec.refine.tile import LayerTile
from rawinlay.codec.stages.order import IN_PLACE
from rawinlay.codec.stages.order import STAGES as ALL_STAGES
from rawinlay.codec.stages.parameters import Params
from rawinlay.entropy import tables
from rawinlay.entropy.binary import EVEN, SPLIT_CLASSES, SplitReader, classify, yes_of_65536
from rawinlay.entropy.binary_encode import decision_bits, write_splits
from rawinlay.entropy.odds import SHAPE_END, SHAPE_TOTAL, SHAPE_UNIT, shape
from scenes import KINDS, scene


@functools.cache
def coded(**options):
    """A scene and its payload in layers."""
    picture = scene((49, 64), "GRBG")
    return picture, picture.encode(**{"trimmable": True, "tune": "psnr", **options})


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
    payload = picture.encode(lossless=True, trimmable=True)
    stream = Stream.from_bytes(payload)
    assert stream.lossless and stream.layers.further[-1].step == LOSSLESS_STEP
    assert np.array_equal(decoded(payload, picture), picture.raw.mosaic)


NOISE = np.random.default_rng(1).integers(0, 65536, (24, 30)).astype(np.uint16)


@pytest.mark.parametrize("mosaic", [NOISE, NOISE * 0, NOISE // 4096 * 4096, NOISE % 2 * 16383, NOISE % 64],
                         ids=["noise", "black", "few values", "two values", "below black"])  # fmt: skip
def test_lossless_whatever_it_is(mosaic):
    picture = scene(mosaic.shape, mosaic=mosaic, bits=16)
    assert np.array_equal(decoded(picture.encode(lossless=True, trimmable=True), picture), mosaic)


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
    job = Job.of(picture.raw, picture.planes, picture.geometry, stream.header, len, EncodeOptions())
    side_info, companding = job.picture.side_info, job.picture.companding
    h, w = (n + n % 2 for n in job.picture.layout.cells)
    window = Window(((0, 0),), h, w)
    prediction, activity = side_info.prediction(window, stream.recipe, companding)[0], side_info.activity(window)[0]
    piece = job.candidate(stream.recipe).encoder._piece(Area(0, 0, prediction, activity), IN_PLACE, True)
    rules = Rules(tables.load(), companding, stream.header.step_exponent)
    params = [stream.params[IN_PLACE], *(Params.from_bytes(one.parameters, 2, 5) for one in stream.layers.further)]
    steps = [stream.header.step, *(one.step for one in stream.layers.further)]
    tile = LayerTile(prediction, activity, rules, rules.steps(steps[0], stream.layers.spread))
    source = PictureSource(tile, piece)
    for number, (step, own) in enumerate(zip(steps, params, strict=True)):
        for stage, (k, t) in enumerate(ALL_STAGES):
            if number:
                tile.expect(stage, own, rules.steps(step, stream.layers.spread))
                source.rounds(stage, step == LOSSLESS_STEP)
                tile.reconstruct(stage)
            else:
                tile.predict(stage, own)
                tile.update(stage, source.symbols(stage))
            true, valid = piece.index[k, t], piece.valid[k, t]  # the cells hold the truth
            assert (((tile.first[k, t] <= true) & (true < tile.behind[k, t])) | ~valid).all()
        mosaic = np.empty_like(picture.raw.mosaic)
        tile.finish(job.picture.layout, (0, 0), mosaic)
        assert np.array_equal(decoded(prefixes.cut(number * prefixes.each)[0]), mosaic)


@pytest.mark.parametrize("stage", [1, 7, 8, 15])
def test_a_cut_within_a_layer_shows_both(stage):
    """Stages that are there are the finer layer's, the others the coarser one's."""
    prefixes = Prefixes(forged(further=tuple(replace(one, estimate=0) for one in whole().layers.further)))
    coarse, fine = (decoded(prefixes.cut(n * prefixes.each)[0]) for n in (2, 3))
    layout = layout_of(whole().header)
    late = np.zeros((4, *layout.cells), np.int32)
    for number, (k, t) in enumerate(ALL_STAGES):
        i, j = ((0, 0), (1, 1), (0, 1), (1, 0))[t]
        late[k, i::2, j::2] = number >= stage
    mixed = np.where(layout.unpack(late) > 0, coarse, fine)
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
        patch.setattr(Job, "side", lambda self, bits: 16)
        payload = picture.encode(quality=90, trimmable=True)
    stream, prefixes = Stream.from_bytes(payload), Prefixes(payload)
    tiles = tile_count(stream.header)
    assert tiles == len(stream.transforms) == 6
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
    a = thresholds(tables.load())
    middle = 64 * np.arange(1, 66) - 32
    assert (a[:, 1:] >= middle).all() and (a[:, 1:] <= middle + 64).all() and (np.diff(a) >= 0).all()
    assert a[20, 1] > a[60, 1]  # where zero is likely, the deadzone is wide
    magnitude, step = np.arange(4000, dtype=np.float32)[None], np.full((1, 4000), 37, np.int32)
    for c in (0, 30, 52, 67, 80):
        symbols, kind = np.empty((1, 4000), np.int32), np.full((1, 4000), c, np.uint8)
        first_symbols(magnitude, step * 0, step, kind, a, step > 0, 1 << 19, symbols)
        # In rare classes two thresholds may meet: a magnitude between them is never coded.
        assert (np.diff(symbols) >= 0).all() and np.diff(symbols).max() <= (1 if c >= 52 else 2)
        assert np.abs(symbols - magnitude / step).max() <= 1.51
        negative = np.empty_like(symbols)
        first_symbols(-magnitude, step * 0, step, kind, a, step > 0, 1 << 19, negative)
        assert np.array_equal(negative, -symbols)


def test_the_shape_is_a_distribution():
    found = shape(tables.load())
    assert found[0] == 0 and (np.diff(found) > 0).all()
    assert SHAPE_TOTAL * 0.995 < found[-1] < SHAPE_TOTAL
    density = np.diff(found)
    assert (density[:-1] - density[1:] > -0.02 * density[0]).all()


@given(st.integers(0, 1 << 53), st.integers(1, 1 << 30))
@settings(deadline=None)
def test_masses_lie_on_the_shape(distance, expected):
    found, end = shape(tables.load()), SHAPE_UNIT * SHAPE_END
    at = min(distance * SHAPE_UNIT / expected, float(end))
    assert mass(found, distance, float(expected)) == -mass(found, -distance, float(expected))
    assert math.isclose(mass(found, distance, float(expected)), np.interp(at, np.arange(end + 1), found[: end + 1]))


@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, SPLIT_CLASSES - 1)), min_size=1), max_size=4))
@settings(deadline=None)
def test_cuts_come_back(rounds):
    arrays = [(np.array([b for b, _ in r]), np.array([c for _, c in r], np.uint8)) for r in rounds]
    data = write_splits(arrays)
    reader = SplitReader(data)
    for decisions, classes in arrays:
        assert np.array_equal(reader.read(classes), decisions)
    reader.finish()
    ideal = sum(decision_bits()[c, d.astype(int)].sum() for d, c in arrays)
    assert 8 * len(data) <= 1.01 * ideal + 128


def test_likely_cuts_cost_nothing():
    classes = np.arange(SPLIT_CLASSES, dtype=np.uint8)
    assert write_splits([(classes >= EVEN, classes)]) == b"" and write_splits([]) == b""
    assert np.array_equal(SplitReader(b"").read(classes), classes >= EVEN)


def test_odds():
    classes = np.empty(6, np.uint8)
    classify(np.array([1.0, 0.999, 2.0, 1.25, 1e12, 1e-12]), classes)
    assert classes.tolist() == [48, 47, 52, 49, 95, 0]
    yes = yes_of_65536() / 65536
    middle = (1 + (np.arange(SPLIT_CLASSES) % 4 + 0.5) / 4) * 2.0 ** (np.arange(SPLIT_CLASSES) // 4 - 12)
    assert np.allclose(yes, middle / (1 + middle), atol=1e-5) and yes.min() > 0 and yes.max() < 1


@pytest.mark.parametrize("data", [b"\1\2\3", bytes(4), bytes(8)])
def test_no_words(data):
    with pytest.raises(StreamError):
        SplitReader(data).finish()


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
    for change in ({"transforms": b"\xff"}, {"step": LOSSLESS_STEP}):
        with pytest.raises(StreamError):
            Stream.from_bytes(stream_bytes(replace(stream, header=replace(stream.header, **change))))


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
    """Weights and coefficients at their limits: sums stay lossless, and the end is reached."""
    picture, _ = coded(lossless=True)
    stream = whole()
    from rawinlay.codec.stages.parameters import MEAN_LIMIT, Params

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
    from rawinlay.codec.encoder.rate import step_of_quality

    assert quality.layers.further[-1].step == step_of_quality(80)


@pytest.mark.parametrize("bpp", [3.0, 6.0])
def test_sizes_are_met_by_trimming(bpp):
    picture = scene((96, 128), seed=2)
    size = int(bpp * picture.raw.mosaic.size / 8)
    payload = picture.encode(size=size, trimmable=True)
    layers = Stream.from_bytes(payload).layers
    assert not check(payload) and layers
    # A layer that begins brings its parameters, which are much in a picture as small as this.
    begins = max(len(one.parameters) for one in layers.further)
    assert 0.95 * size - begins <= Jpeg(picture.jpeg).growth(len(payload)) <= size
