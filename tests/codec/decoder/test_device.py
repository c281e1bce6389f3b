"""The decoder in torch keeps all its tensors on the device it is given.

Without a GPU the check runs on PyTorch's "meta" device, which computes shapes only and refuses operands of two devices.
Only the symbols come from elsewhere: zeros on the device take their place.
"""

import numpy as np
import pytest
import torch
from rawinlay.codec.decoder.cuda import rebuild
from rawinlay.codec.encoder.fit.recipe import constant
from rawinlay.codec.guide.guide import Guide
from rawinlay.codec.mosaic.companding import Companding
from rawinlay.codec.mosaic.companding_torch import TorchCompanding
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.recipe import net as guide_net
from rawinlay.codec.recipe.corrections import TERMS, LocalRecipe, grid
from rawinlay.codec.recipe.recipe import Recipe
from rawinlay.codec.recipe.side import ACTIVITIES, SideInfo, Window
from rawinlay.codec.recipe.side_torch import TorchSideInfo
from rawinlay.codec.stages import stages_torch as stages
from rawinlay.codec.stages.decoder_torch import Decoder
from rawinlay.codec.stages.order import HAAR, IN_PLACE, context_count, near_count
from rawinlay.codec.stages.parameters import Params
from rawinlay.entropy import tables

N = len(TERMS)


class Blind(Decoder):
    """Takes all symbols for zeros."""

    def read_symbols(self, stage, contexts):
        classes = self.classes(stage, contexts)
        return torch.zeros_like(classes), classes


def recipe_of(cells, learned):
    """Of the hand-made or of all features, with corrections by block."""
    plain = constant(np.full((4, 100), 50_000.0))
    more = np.zeros((4, guide_net.COUNT if learned else 0), np.int64)
    whole = Recipe(np.hstack([plain.coefficients, more + 1]), np.hstack([plain.exponents, more[0]]))
    return whole.with_local(LocalRecipe(32, np.zeros(N, np.int64), np.ones((*grid(cells, 32), 4, N), np.int64)))


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("transform", [IN_PLACE, HAAR])
def test_every_tensor_of_a_tile_is_on_the_device(transform, learned):
    layout, rng = Layout(96, 128, "GBRG"), np.random.default_rng(0)
    h, w = layout.cells
    y, cb, cr = (rng.integers(0, 4081, shape, dtype=np.int32) for shape in ((2 * h, 2 * w), (h, w), (h, w)))
    places = [divmod(stage, 4) for stage in range(16)]
    params = Params(
        transform,
        [np.ones(near_count(n, t, transform), np.int64) for n, t in places],
        [np.full(context_count(n, t, transform, ACTIVITIES), 20) for n, t in places],
    )
    companding = TorchCompanding(Companding((0.0,) * 4, 4000, 4095, 8))
    side_info = TorchSideInfo(SideInfo(Guide(y, cb, cr), layout, guide_net.load()), "meta")
    window = Window(((0, 0),), h // 2 * 2, w // 2 * 2)
    prediction = side_info.prediction(window, recipe_of((h, w), learned), companding)
    scene = side_info.scene(window, prediction, companding, 3000, 4, transform)
    decoder = Blind(params, tables.load(), lambda stage, classes: classes, 4, "meta")
    decoded = stages.run_stages(scene, decoder)
    found = [prediction, rebuild(decoded, prediction, companding, transform), *(v for plane in decoded for v in plane)]
    assert {tensor.device.type for tensor in found} == {"meta"}
