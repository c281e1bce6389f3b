"""The seam: another context model takes the place of the one there is, and the tile goes by what it says."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.codec.mosaic.companding import LOSSLESS, Companding
from rawinlay.codec.stages.coding import Coding
from rawinlay.codec.stages.model import WEIGHTED_SUMS
from rawinlay.codec.stages.order import IN_PLACE, STAGES, context_count, near_count
from rawinlay.codec.stages.parameters import Params
from rawinlay.codec.stages.tile import Tile
from rawinlay.entropy.tables import load

H, W = 6, 8
PARAMS = Params(
    IN_PLACE, [np.zeros(near_count(*divmod(s, 4), IN_PLACE), np.int64) for s in range(16)],
    [np.ones(context_count(*divmod(s, 4), IN_PLACE, 2), np.int64) for s in range(16)],
)  # fmt: skip


class LastValues:
    """Expects at each place what the pass before had there, in one class."""

    def __init__(self):
        self.asked = []

    def predict(self, stage, around, params, tables):
        self.asked.append((stage, params is PARAMS, around.t, around.step.shape))
        k, t = STAGES[stage]
        mu = around.values[k, t - 1, 1:-1, 1:-1].copy() if t else np.full((H, W), 5, np.int32)
        return mu, np.full((H, W), 20, np.uint8)


def tile(step, model):
    values = np.arange(0, 4096) if step == LOSSLESS else None
    companding = Companding((64.0,) * 4, 4000, 4095, 8, values)
    coding = replace(Coding(companding, load(), step, 0, 3), context_model=model)
    prediction = np.random.default_rng(1).integers(0, companding.high, (4, 2 * H, 2 * W), dtype=np.int32)
    return Tile(prediction, np.ones((2, 2 * H, 2 * W), np.int32), coding, IN_PLACE)


def test_another_model_is_asked_of_every_stage():
    model = LastValues()
    made = tile(3000, model)
    for stage, (k, t) in enumerate(STAGES):
        before = made.values[k, t - 1, 1:-1, 1:-1].copy()
        mu, classes = made.predict(stage, PARAMS)
        assert (classes == 20).all() and np.array_equal(mu, before if t else np.full((H, W), 5))
        made.update(stage, np.zeros((H, W), np.int32))
        # with no symbol at all a value is the mean, give or take what a class adds to zero: nothing
        assert np.array_equal(made.values[k, t, 1:-1, 1:-1], mu)
    assert model.asked == [(stage, True, t, (H, W)) for stage, (_, t) in enumerate(STAGES)]


@pytest.mark.parametrize("step", [3000, LOSSLESS])
def test_what_was_predicted_is_not_overwritten(step):
    made, rng, found = tile(step, WEIGHTED_SUMS), np.random.default_rng(2), []
    for stage in range(16):
        mu, classes = made.predict(stage, PARAMS)
        found.append((mu, classes, mu.copy(), classes.copy()))
        made.update(stage, rng.integers(-3, 4, (H, W)).astype(np.int32))
    assert all(np.array_equal(mu, a) and np.array_equal(classes, b) for mu, classes, a, b in found)
    assert len({int(c) for _, classes, *_ in found for c in classes.reshape(-1)}) > 1
