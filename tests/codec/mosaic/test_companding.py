"""Companding: identity on every DN, sets of values, steps, and levels that no table could hold."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from rawinlay.codec.mosaic.companding import STEP_BINS, STEP_OCTAVE, U_LIMIT, U_WHITE, Companding, step_scale
from rawinlay.codec.mosaic.companding_torch import TorchCompanding

LEVELS = [
    # bits, black by plane, white, offset
    (10, (64, 64, 64, 64), 1023, 8),
    (12, (0, 0, 0, 0), 4095, 8),
    (12, (256, 255.5, 254.25, 257.125), 3800, 8),
    (14, (512, 600, 400, 555.5), 15000, 8),
    (14, (2048, 2048, 2048, 2048), 16383, 1),
    (16, (1024, 0, 1024, 0), 60000, 8),
    (16, (0, 0, 0, 0), 65535, 255),
]


def every_value(top):
    return np.broadcast_to(np.arange(top + 1, dtype=np.int32), (4, 1, top + 1))


@pytest.mark.parametrize(("bits", "black", "white", "offset"), LEVELS)
def test_identity_on_every_value(bits, black, white, offset):
    """With no residual left out, every DN comes back: neighbouring DN never share a companded value."""
    companding = Companding(black, white, (1 << bits) - 1, offset)
    x = every_value((1 << bits) - 1)
    u = companding.compand(companding.level(x))
    assert (np.diff(u) >= 2).all() or (bits == 16 and (np.diff(u) >= 1).all())
    assert np.array_equal(companding.expand(u.astype(np.float64)), x)
    # and the nearest one from a little off
    off = u + np.where(np.diff(u, prepend=u[..., :1] - 9) > 2, -1, 0)
    assert np.array_equal(companding.expand(off.astype(np.float64)), x)


def test_black_and_white():
    companding = Companding((512.0,) * 4, 15000, 16383, 8)
    x = np.broadcast_to([512, 15000], (4, 1, 2))
    assert companding.compand(companding.level(x))[0, 0].tolist() == [0, U_WHITE]
    # level units: 17 bits in all
    assert companding.shift == 3 and companding.level(x)[0, 0].tolist() == [0, (15000 - 512) << 3]


def test_clipped_outside():
    companding = Companding((100.0,) * 4, 900, 1000, 8)
    u = np.broadcast_to([-1e9, 1e9], (4, 1, 2))
    assert companding.expand(u)[0, 0].tolist() == [0, 1000]
    level = np.array([-(1 << 30), 1 << 30], np.int32)
    assert companding.compand(level).tolist() == [int(companding.table[0]), int(companding.table[-1])]


@pytest.mark.parametrize("used", [[0, 1, 5, 6, 100, 1023], [512], [1023], [0, 1023]])
def test_only_used_values_come_out(used):
    values = np.array(used)
    companding = Companding((64.0, 64.0, 60.0, 64.0), 1000, 1023, 8, values)
    x = np.broadcast_to(values.astype(np.int32), (4, 1, len(values)))
    assert np.array_equal(companding.expand(companding.compand(companding.level(x)).astype(np.float64)), x)
    # any residual gives one of them, the nearest in the companded domain
    anything = np.broadcast_to(np.linspace(-3e5, 7e5, 5000), (4, 1, 5000))
    out = companding.expand(anything)
    assert set(np.unique(out).tolist()) <= set(used)
    u = companding.compand(companding.level(x))[0, 0].astype(np.float64)
    distance = np.abs(anything[0, 0][:, None] - u[None])
    chosen = np.take_along_axis(distance, np.searchsorted(x[0, 0], out[0, 0])[:, None], 1)[:, 0]
    assert (chosen <= distance.min(1) + 1).all()


@pytest.mark.parametrize("step_exponent", range(9))
def test_steps(step_exponent):
    companding = Companding((512.0,) * 4, 15000, 16383, 8)
    steps = [companding.steps(index, step_exponent) for index in (0, 1540, 3000, 5119)]
    for table in steps:
        assert table.shape == (STEP_BINS,) and table.dtype == np.float64
        assert np.array_equal(table, np.floor(table)) and (table >= 1).all()
        # the step in the companded domain shrinks with light, or stays where step_exponent is 0
        assert (np.diff(table) <= 0).all()
        assert step_exponent or (table == table[0]).all()
    assert all((b >= a).all() for a, b in pairwise(steps))


def test_even_error_in_linear_light():
    """step_exponent 1: one step is the same share of white at every level."""
    companding = Companding((0.0,) * 4, 16383, 16383, 8)
    level = np.arange(0, 16384 << 3, 999, dtype=np.int32)
    step = companding.steps(3400, 4)[companding.step_bin(level)]
    slope = (companding.compand(level + 40) - companding.compand(level - 40)) / 80
    inner = (level > 4000) & (level < 125_000)
    linear = (step / slope / (16383 << 3))[inner]
    assert np.allclose(linear, step_scale(3400), rtol=0.05)


def test_step_scale():
    """Powers of two exactly, everything between by square roots alone: the same float64 everywhere."""
    assert [step_scale(STEP_OCTAVE * k) for k in (0, 3, 19)] == [2.0**-20, 2.0**-17, 0.5]
    values = np.array([step_scale(i) for i in range(5120)])
    assert (np.diff(values) > 0).all()
    assert np.allclose(values, 2.0 ** (np.arange(5120) / 256 - 20), rtol=1e-14)
    assert step_scale(3301).hex() == "0x1.dbe7cd63a8315p-8"


def test_step_cells_cover_the_levels():
    companding = Companding((64.0, 70.0, 60.0, 64.0), 1000, 1023, 8)
    levels = np.arange(companding.low, companding.high + 1, dtype=np.int32)
    cells = companding.step_bin(levels)
    assert cells[0] == 0 and cells[-1] == STEP_BINS - 1 and (np.diff(cells) >= 0).all()
    assert companding.step_bin(np.array([-(1 << 30), 1 << 30], np.int32)).tolist() == [0, STEP_BINS - 1]


def test_a_dark_frame_keeps_its_tables_small():
    """Nothing above the black level: the tables are as large as for any other picture."""
    companding = Companding((1024.0,) * 4, 16383, 1, 8)
    assert len(companding.table) < 1 << 18
    x = every_value(1)
    assert np.array_equal(companding.expand(companding.compand(companding.level(x)).astype(np.float64)), x)


@pytest.mark.parametrize(
    ("black", "white", "top"),
    [
        ((16382.0,) * 4, 16383, 16383),
        ((0.9990234375,) * 4, 1, 65535),
        ((0.0,) * 4, 1, 65535),
        ((65534.0,) * 4, 65535, 1),
        ((65535.0, 0.0, 0.0, 0.0), 16000, 16383),
    ],
)
def test_levels_without_room_are_refused(black, white, top):
    with pytest.raises(ValueError, match="white level"):
        Companding(black, white, top, 8)


def test_bounds_of_the_tables():
    """The worst levels that pass give tables within the bound."""
    companding = Companding((10400.0,) * 4, 16383, 16383, 8)
    assert U_LIMIT * 0.9 < np.abs(companding.table).max() <= U_LIMIT


@pytest.mark.parametrize(("bits", "black", "white", "offset"), LEVELS)
def test_tensors_have_the_same(bits, black, white, offset):
    top, rng = (1 << bits) - 1, np.random.default_rng(0)
    values = np.unique(rng.integers(0, top + 1, 500))
    companding = Companding(black, white, top, offset, values, (top, 0, top // 2, 9, 5, 0, top, 0))
    tensors, to = TorchCompanding(companding), torch.from_numpy
    x = rng.choice(values, (4, 20, 30)).astype(np.int32)
    level = companding.level(x) + rng.integers(-900, 900, x.shape, dtype=np.int32)
    u = companding.compand(level) + rng.integers(-20_000, 20_000, x.shape).astype(np.float64)
    pairs = [
        (companding.compand(level), tensors.compand(to(level))),
        (companding.expand(u), tensors.expand(to(u))), (companding.saturate(level), tensors.saturate(to(level))),
        (companding.step_bin(level), tensors.step_bin(to(level))), *zip(companding.used, tensors.used, strict=True),
    ]  # fmt: skip
    for ours, theirs in pairs:
        assert np.array_equal(ours, theirs.numpy()) and ours.dtype == theirs.numpy().dtype
    levels = [saturation and saturation[0] for saturation in companding.saturations()]
    put = companding.saturate(level)
    for plane, on, at in zip(put, tensors.at_saturation(to(put)), levels, strict=True):
        assert np.array_equal(on.numpy(), plane == at if at is not None else np.zeros(plane.shape, bool))
    assert any(on.any() for on in tensors.at_saturation(to(put)))
