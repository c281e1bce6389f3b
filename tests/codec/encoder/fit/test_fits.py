"""Fits of the encoder on the CPU: what they look at is what the stages see, and what they find costs few bits."""

import numpy as np
import pytest
import torch
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.fit.parameters import SPLITS, Lengths, ScaleFit, fit_mean
from rawinlay.codec.encoder.fit.stage_kernels import descend, near_at
from rawinlay.codec.encoder.fit.survey import Survey, merged
from rawinlay.codec.encoder.fit.survey_kernels import survey
from rawinlay.codec.encoder.fit.views import contexts_at
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.search.search import search_stage
from rawinlay.codec.encoder.search.trellis_kernels import Search
from rawinlay.codec.mosaic.companding_torch import TorchCompanding
from rawinlay.codec.recipe.side import Window
from rawinlay.codec.recipe.side_torch import TorchSideInfo
from rawinlay.codec.stages.decoder_torch import Decoder
from rawinlay.codec.stages.model import Views
from rawinlay.codec.stages.order import HAAR, IN_PLACE, MEAN_UNIT, STAGES
from rawinlay.codec.stages.parameters import WEIGHTS
from rawinlay.codec.stages.stages_torch import run_stages
from rawinlay.entropy.tables import EXACT, HALF, SCALE_BITS, TRELLIS, load
from scenes import scene

STEP = 3300


class Listening(Decoder):
    """Remembers what each stage saw."""

    def mean(self, stage, near):
        self.near = [v.reshape(-1).numpy() for v in near]
        return super().mean(stage, near)

    def symbols(self, stage, mu, step, contexts):
        self.seen.append((self.near, mu.reshape(-1).numpy(), [z.reshape(-1).numpy() for z in contexts]))
        return super().symbols(stage, mu, step, contexts)


@pytest.mark.parametrize("transform", [IN_PLACE, HAAR])
def test_places_see_what_the_stages_see(transform):
    """Neighbours and contexts at all places of all stages, beside those of the torch decoder of the same symbols."""
    picture = scene((48, 64), seed=3)
    header = Stream.from_bytes(picture.encode(quality=60)).header
    plain = Job.of(picture.raw, picture.planes, picture.geometry, header, len, EncodeOptions()).plain()
    known, trunk = plain.job.picture, plain.encoder
    window = Window(((0, 0),), *known.layout.cells)
    params = trunk.fit(STEP, only=transform).params[transform]
    area = trunk.whole(window)
    tile, piece = trunk.open(area, transform, STEP)
    search = Search(trunk.tables, trunk.lagrangian, trunk.effort.states)
    rows, cols = (v.reshape(-1).astype(np.int32) for v in np.mgrid[: tile.rows, : tile.cols])
    found = []
    for stage, (k, t) in enumerate(STAGES):
        mu = tile.predict(stage, params)[0].reshape(-1)
        views = Views.of(stage, transform)
        near = np.empty((len(views.near), len(rows)), np.float32)
        near_at(tile.values, views.near, rows, cols, near)
        contexts = np.empty((len(params.weight[stage]), len(rows)), np.float32)
        contexts_at(tile, stage, rows, cols, mu, contexts)
        found.append((near, mu, contexts, search_stage(tile, stage, search, piece.y[k, t], piece.valid[k, t])[0]))

    listening = Listening(params, trunk.tables, lambda stage, _: found[stage][3].reshape(-1), trunk.effort.states)
    listening.seen = []
    prediction, companding = torch.from_numpy(area.prediction)[None], TorchCompanding(known.companding)
    run_stages(
        TorchSideInfo(known.side_info).scene(window, prediction, companding, STEP, header.step_exponent, transform),
        listening,
    )
    for (near, mu, contexts, _), (wanted, means, around) in zip(found, listening.seen, strict=True):
        assert np.array_equal(near, np.array(wanted, np.float32).reshape(near.shape))
        assert np.array_equal(mu, means)
        # divisions are not rounded down here
        assert np.allclose(contexts * 2.0**SCALE_BITS, np.array(around), rtol=1e-5, atol=1.01)


def test_few_wild_places_do_not_rule_the_mean():
    """9 of 10 places follow the mean of two neighbours; the tenth is an edge, ten times larger, without a rule."""
    rng = np.random.default_rng(0)
    near, edge = rng.standard_normal((2, 20_000)) * 40, rng.random(20_000) < 0.1
    near[:, edge] *= 10
    y = near.mean(0) + 10 * rng.standard_normal(20_000)
    y[edge] = 600 * rng.standard_normal(edge.sum())
    c = fit_mean(near.astype(np.float32), y.astype(np.float32)) / MEAN_UNIT
    plain = np.linalg.lstsq(near.T, y, rcond=None)[0]
    assert np.abs(c - 0.5).max() < 0.06
    assert np.abs(plain - 0.5).max() > 0.2


def test_the_mean_of_nothing_is_nothing():
    one, none = np.ones((3, 50), np.float32), np.zeros(50, np.float32)
    assert not fit_mean(0 * one, none + 1).any() and not fit_mean(one, none).any()


def contexts(count=20_000):
    """Contexts float32 (4, count), a mixture of them, and symbols of about its size."""
    rng = np.random.default_rng(0)
    x = np.stack([np.full(count, 2.0**-16), (rng.random(count) < 0.02) * rng.exponential(2.0**-2, count),
                  rng.exponential(2.0**-8, count), np.zeros(count)])  # fmt: skip
    size = 0.06 + 256 * x[1] + 0.1 * (256 * x[2]) ** 2
    symbols = np.floor(rng.exponential(1, count) * size + 0.4) * rng.choice([-1, 1], count)
    return x.astype(np.float32), symbols.astype(np.int32)


def test_weights_that_code_short():
    """Three steps come within half a percent of twenty; and far below what plain least squares finds."""
    x, symbols = contexts()
    fit = ScaleFit(Lengths(load(), EXACT), x)
    found = fit(symbols, None, 20)
    best = fit.bits(symbols, found)
    assert fit.bits(symbols, fit(symbols, None, 3)) < 1.005 * best
    for octaves in (-2, 2):
        start = np.clip(found + 8 * octaves, 0, 119) * (found > 0)
        assert fit.bits(symbols, fit(symbols, start, 4)) < 1.025 * best < 0.98 * fit.bits(symbols, start)
    least = np.maximum(np.linalg.lstsq(x[:3].T.astype(float), np.abs(symbols).astype(float), rcond=None)[0], 0)
    codes = np.searchsorted(WEIGHTS, [*least, 0]).clip(0, 119)
    assert best < 0.98 * fit.bits(symbols, codes)
    assert fit(symbols, None, 3)[3] == 0 and not fit(0 * symbols, None, 3).any()


def test_bits_are_those_of_the_tables():
    """Where a size lies at a class, the code length is the table's; raw bits of large symbols included."""
    lengths = Lengths(load(), TRELLIS)
    for c, symbols in ((40, [0, 1, -2]), (60, [5, -9, 80]), (80, [0, 700, -70000])):
        size = np.float32(2.0 ** ((c - 52) / 4))
        x = np.full((1, len(symbols)), size, np.float32)
        fit = ScaleFit(lengths, x)
        wanted = np.mean([lengths.bits[c, np.clip(s >> SPLITS[c], -HALF, HALF) + HALF] for s in symbols])
        assert fit.bits(np.array(symbols, np.int32), np.array([1])) == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_descent(seed):
    """The best step within the bounds: its slope is zero inside, and points outwards at a bound."""
    rng = np.random.default_rng(seed)
    a, weights = rng.standard_normal((6, 20)), np.abs(rng.standard_normal(6))
    curvature, gradient = a @ a.T, 5 * rng.standard_normal(6)
    d = descend(curvature, gradient, weights, np.full(len(weights), np.inf), 10_000)
    slope = curvature @ d + gradient
    bound = weights + d < 1e-12
    assert (weights + d >= 0).all() and np.abs(slope[~bound]).max(initial=0) < 1e-3 and (slope[bound] > -1e-3).all()


def test_survey():
    """Busier pictures and finer steps take more bits; an octave of either counts the same."""
    rng, steps = np.random.default_rng(0), np.full(64, 100, np.int32)
    prediction = np.zeros((96, 96), np.int32)

    def surveyed(scale):
        found = Survey()
        even, odd = (scale * rng.standard_normal((2, 48, 48))).astype(np.float32)
        survey(even, odd, prediction, steps, 0, found.histogram)
        return found

    calm, busy = surveyed(50.0), surveyed(100.0)
    assert 100 < calm.histogram.sum() <= 144 and busy.bits(3300, load()) > 1.3 * calm.bits(3300, load())
    assert busy.bits(3300 + 256, load()) == pytest.approx(calm.bits(3300, load()), rel=0.05)
    both = merged([calm, busy]).bits(3300, load())
    assert both == pytest.approx((calm.bits(3300, load()) + busy.bits(3300, load())) / 2)


def test_scales_that_the_constant_can_not_say():
    """Where nothing lies around, 1 and 1 / step alone tell the scale; the weight of the first ends at two steps."""
    rng = np.random.default_rng(0)
    x = np.stack([np.full(4000, 2.0**-16), 1 / rng.uniform(60, 100, 4000)]).astype(np.float32)
    symbols = np.rint(rng.normal(0, 300, 4000)).astype(np.int32)
    fit = ScaleFit(Lengths(load(), EXACT), x)
    assert fit.bits(symbols, fit(symbols, None, 5)) < 11.5
