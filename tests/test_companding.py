"""Companding: identity on every DN, sets of values, steps, and levels that no table could hold."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from codec.trunk.companding import STEP_CELLS, STEP_OCTAVE, U_LIMIT, U_WHITE, Companding, step_scale

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
    return torch.arange(top + 1, dtype=torch.int32)[None, None].expand(4, 1, -1)


@pytest.mark.parametrize(("bits", "black", "white", "offset"), LEVELS)
def test_identity_on_every_value(bits, black, white, offset):
    """With no residual left out, every DN comes back: neighbouring DN never share a companded value."""
    companding = Companding(black, white, (1 << bits) - 1, offset)
    x = every_value((1 << bits) - 1)
    u = companding.compand(companding.level(x))
    assert (u.diff(dim=-1) >= 2).all() or (bits == 16 and (u.diff(dim=-1) >= 1).all())
    assert torch.equal(companding.expand(u.double()), x)
    # and the nearest one from a little off
    off = u + torch.where(u.diff(dim=-1, prepend=u[..., :1] - 9) > 2, -1, 0)
    assert torch.equal(companding.expand(off.double()), x)


def test_black_and_white():
    companding = Companding((512.0,) * 4, 15000, 16383, 8)
    x = torch.tensor([512, 15000]).reshape(1, 1, 2).expand(4, 1, 2)
    assert companding.compand(companding.level(x))[0, 0].tolist() == [0, U_WHITE]
    # level units: 17 bits in all
    assert companding.shift == 3 and companding.level(x)[0, 0].tolist() == [0, (15000 - 512) << 3]


def test_clipped_outside():
    companding = Companding((100.0,) * 4, 900, 1000, 8)
    u = torch.tensor([-1e9, 1e9], dtype=torch.float64).reshape(1, 1, 2).expand(4, 1, 2)
    assert companding.expand(u)[0, 0].tolist() == [0, 1000]
    level = torch.tensor([-(1 << 30), 1 << 30], dtype=torch.int32)
    assert companding.compand(level).tolist() == [int(companding.table[0]), int(companding.table[-1])]


@pytest.mark.parametrize("used", [[0, 1, 5, 6, 100, 1023], [512], [1023], [0, 1023]])
def test_only_used_values_come_out(used):
    values = np.array(used)
    companding = Companding((64.0, 64.0, 60.0, 64.0), 1000, 1023, 8, values)
    x = torch.from_numpy(values.astype(np.int32))[None, None].expand(4, 1, -1)
    assert torch.equal(companding.expand(companding.compand(companding.level(x)).double()), x)
    # any residual gives one of them, the nearest in the companded domain
    anything = torch.linspace(-3e5, 7e5, 5000).double()[None, None].expand(4, 1, -1)
    out = companding.expand(anything)
    assert set(out.unique().tolist()) <= set(used)
    u = companding.compand(companding.level(x))[0, 0].double()
    distance = (anything[0, 0][:, None] - u[None]).abs()
    chosen = distance.gather(1, torch.searchsorted(x[0, 0].contiguous(), out[0, 0].contiguous())[:, None])[:, 0]
    assert (chosen <= distance.min(1).values + 1).all()


@pytest.mark.parametrize("kappa", range(9))
def test_steps(kappa):
    companding = Companding((512.0,) * 4, 15000, 16383, 8)
    steps = [companding.steps(index, kappa) for index in (0, 1540, 3000, 5119)]
    for table in steps:
        assert table.shape == (STEP_CELLS,) and table.dtype == torch.float64
        assert torch.equal(table, table.floor()) and (table >= 1).all()
        # the step in the companded domain shrinks with light, or stays where kappa is 0
        assert (table.diff() <= 0).all()
        assert kappa or (table == table[0]).all()
    assert all((b >= a).all() for a, b in pairwise(steps))


def test_even_error_in_linear_light():
    """kappa 1: one step is the same share of white at every level."""
    companding = Companding((0.0,) * 4, 16383, 16383, 8)
    level = torch.arange(0, 16384 << 3, 999, dtype=torch.int32)
    step = companding.steps(3400, 4)[companding.step_cell(level)].double()
    slope = (companding.compand(level + 40) - companding.compand(level - 40)).double() / 80
    inner = (level > 4000) & (level < 125_000)
    linear = (step / slope / (16383 << 3))[inner]
    assert torch.allclose(linear, torch.full_like(linear, step_scale(3400)), rtol=0.05)


def test_step_scale():
    """Powers of two exactly, everything between by square roots alone: the same float64 everywhere."""
    assert [step_scale(STEP_OCTAVE * k) for k in (0, 3, 19)] == [2.0**-20, 2.0**-17, 0.5]
    values = np.array([step_scale(i) for i in range(5120)])
    assert (np.diff(values) > 0).all()
    assert np.allclose(values, 2.0 ** (np.arange(5120) / 256 - 20), rtol=1e-14)
    assert step_scale(3301).hex() == "0x1.dbe7cd63a8315p-8"


def test_step_cells_cover_the_levels():
    companding = Companding((64.0, 70.0, 60.0, 64.0), 1000, 1023, 8)
    levels = torch.arange(companding.low, companding.low + len(companding.table), dtype=torch.int32)
    cells = companding.step_cell(levels)
    assert cells[0] == 0 and cells[-1] == STEP_CELLS - 1 and (cells.diff() >= 0).all()
    assert companding.step_cell(torch.tensor([-(1 << 30), 1 << 30], dtype=torch.int32)).tolist() == [0, STEP_CELLS - 1]


def test_a_dark_frame_keeps_its_tables_small():
    """Nothing above the black level: the tables are as large as for any other picture."""
    companding = Companding((1024.0,) * 4, 16383, 1, 8)
    assert len(companding.table) < 1 << 18
    x = every_value(1)
    assert torch.equal(companding.expand(companding.compand(companding.level(x)).double()), x)


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
    assert U_LIMIT * 0.9 < companding.table.abs().max() <= U_LIMIT
