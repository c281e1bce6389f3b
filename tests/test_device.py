"""The decoder in torch keeps all its tensors on the device it is given.

Without a GPU the check runs on PyTorch's "meta" device, which computes shapes only and refuses operands of two devices.
Only the symbols come from elsewhere: zeros on the device take their place.
"""

import numpy as np
import pytest
import torch

from codec.format.order import HAAR, IN_PLACE, context_count, near_count
from codec.gpu import stages
from codec.gpu.companding import TorchCompanding
from codec.gpu.decoder import rebuild
from codec.gpu.ground import TorchGround
from codec.gpu.stage_decoder import Decoder
from codec.guide import Guide
from codec.learned import guide_net
from codec.trunk.companding import Companding
from codec.trunk.fit_recipe import constant
from codec.trunk.ground import ACTIVITIES, Ground, Window
from codec.trunk.layout import Layout
from codec.trunk.local import TERMS, LocalRecipe, grid
from codec.trunk.params import Params
from codec.trunk.recipe import Recipe
from entropy import tables

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
@pytest.mark.parametrize("basis", [IN_PLACE, HAAR])
def test_every_tensor_of_a_tile_is_on_the_device(basis, learned):
    layout, rng = Layout(96, 128, "GBRG"), np.random.default_rng(0)
    h, w = layout.cells
    y, cb, cr = (rng.integers(0, 4081, shape, dtype=np.int32) for shape in ((2 * h, 2 * w), (h, w), (h, w)))
    places = [divmod(stage, 4) for stage in range(16)]
    params = Params(
        basis,
        [np.ones(near_count(n, t, basis), np.int64) for n, t in places],
        [np.full(context_count(n, t, basis, ACTIVITIES), 20) for n, t in places],
    )
    companding = TorchCompanding(Companding((0.0,) * 4, 4000, 4095, 8))
    ground = TorchGround(Ground(Guide(y, cb, cr), layout, guide_net.load()), "meta")
    window = Window(((0, 0),), h // 2 * 2, w // 2 * 2)
    base = ground.base(window, recipe_of((h, w), learned), companding)
    scene = ground.scene(window, base, companding, 3000, 4, basis)
    decoder = Blind(params, tables.load(), lambda stage, classes: classes, 4, "meta")
    decoded = stages.run_stages(scene, decoder)
    found = [base, rebuild(decoded, base, companding, basis), *(v for plane in decoded for v in plane)]
    assert {tensor.device.type for tensor in found} == {"meta"}
