"""The core keeps all its tensors on the device it is given.

Without a GPU the check runs on PyTorch's "meta" device, which computes shapes only and refuses operands of two devices.
Only the search for the cheapest paths leaves the device; an empty one takes its place.
"""

import numpy as np
import pytest
import torch

from codec.guide import Guide
from codec.learned import guide_net
from codec.trunk import stages
from codec.trunk.companding import Companding
from codec.trunk.encoder import rebuild
from codec.trunk.features import COUNT
from codec.trunk.ground import ACTIVITIES, Ground, Window
from codec.trunk.layout import Layout
from codec.trunk.params import Params
from codec.trunk.recipe import Recipe
from codec.trunk.visitors import Encoder
from entropy import tables


@pytest.mark.parametrize("basis", [stages.IN_PLACE, stages.HAAR])
def test_every_tensor_of_a_tile_is_on_the_device(basis):
    layout, rng = Layout(96, 128, "GBRG"), np.random.default_rng(0)
    h, w = layout.cells
    y, cb, cr = (rng.integers(0, 4081, shape, dtype=np.int32) for shape in ((2 * h, 2 * w), (h, w), (h, w)))
    places = [divmod(stage, 4) for stage in range(16)]
    params = Params(
        basis,
        [np.ones(stages.near_count(n, t, basis), np.int64) for n, t in places],
        [np.full(stages.context_count(n, t, basis, ACTIVITIES), 20) for n, t in places],
    )
    companding = Companding((0.0,) * 4, 4000, 4095, 8)
    ground = Ground(Guide(y, cb, cr), layout, "meta", guide_net.load())
    window = Window(((0, 0),), h // 2 * 2, w // 2 * 2)
    features = COUNT + (guide_net.COUNT if basis == stages.HAAR else 0)
    base = ground.base(window, Recipe(np.ones((4, features), np.int64), np.full(features, 10)), companding)
    scene = ground.scene(window, base, companding, 3000, 4, basis)
    target = [stages.forward_basis(torch.zeros_like(base[:, k]).double(), basis) for k in range(4)]
    valid = [[torch.ones_like(part, dtype=torch.bool) for part in plane] for plane in target]
    encoder = Encoder(params, tables.load(), target, valid, 0.13, states=4)
    encoder.quantiser._paths = lambda cost: torch.zeros_like(cost[:, 0], dtype=torch.int64)
    decoded = stages.run_stages(scene, encoder)
    assert isinstance(encoder.rate, torch.Tensor)
    found = [base, encoder.rate, rebuild(decoded, base, companding, basis), *(v for plane in decoded for v in plane)]
    assert {tensor.device.type for tensor in found} == {"meta"}
