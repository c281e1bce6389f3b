"""Training of the looks: NumPy runs the net that was trained, a stopped run goes on, wrong words are told."""

import json

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.looks.base import COUNT, DEPTH, PARTS, TABLE_SIDE, base_of, measured, statistics
from rawinlay.codec.looks.net import NAMES, SHAPE, SIDE, LookNet

torch = pytest.importorskip("torch", reason="torch trains")

from rawinlay.codec.training import look_base, look_loop  # noqa: E402
from rawinlay.codec.training.look_model import LookModel, sliced  # noqa: E402


def closed_weights(rng):
    """Closed forms that do something, of a picture's statistics too."""
    maps = rng.normal(0, 0.02, (len(NAMES), 1 + PARTS, DEPTH, 3, 4)) + np.eye(3, 4) * (np.arange(1 + PARTS) == 0)[
        :, None, None, None]  # fmt: skip
    found = {"stats.mean": rng.random(COUNT), "stats.parts": rng.normal(0, 0.3, (PARTS, COUNT)), "base.maps": maps,
             "base.tables": rng.normal(0, 0.02, (len(NAMES), *(TABLE_SIDE,) * 3, 3))}  # fmt: skip
    return {k: torch.from_numpy(v.astype(np.float32)) for k, v in found.items()}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = LookModel(closed_weights(np.random.default_rng(0)))
    torch.nn.init.normal_(made.head.weight, 0, 0.05)
    return made


def test_numpy_and_torch_agree(model):
    rng = np.random.default_rng(1)
    small, facts = rng.random((SIDE, SIDE, 3)).astype(np.float32), np.array([1.0, -1.0, -0.5])
    model.gate.fill_(0.5)
    weights = {k: v.detach().numpy() for k, v in (model.state_dict() | model.closed).items()}
    net = LookNet(weights)
    grid, stats = net.grid(small, facts, "pop"), statistics(measured(small, facts), weights)
    picture = torch.from_numpy(small).permute(2, 0, 1)[None]
    with torch.no_grad():
        told = torch.tensor(facts, dtype=torch.float32)[None], torch.tensor(stats, dtype=torch.float32)[None]
        cells = model(picture, *told, torch.tensor([NAMES.index("pop")]))
        assert np.abs(cells[0].permute(2, 3, 1, 0).reshape(*SHAPE, 3, 4).numpy() - grid.cells).max() < 1e-4
        base = rng.random((9, 14, 3)).astype(np.float32)
        at = np.stack(np.meshgrid((np.arange(9) + 0.5) / 9, (np.arange(14) + 0.5) / 14, indexing="ij"), -1)
        places = torch.from_numpy(at.reshape(1, -1, 2).astype(np.float32))
        made = sliced(cells, places, torch.from_numpy(base.reshape(1, -1, 3)))
    assert np.abs(made.numpy().reshape(9, 14, 3).clip(0, 1) - grid(base)).max() < 1e-4


@pytest.fixture
def pairs(tmp_path):
    rng = np.random.default_rng(2)
    for k in range(2):
        light = rng.random((24, 32, 3)).astype(np.float16)
        shown = {name: (255 * np.sqrt(light)).astype(np.uint8) for name in NAMES}
        np.savez(tmp_path / f"pair-{k:05d}-train.npz", light=light, facts=np.array([0.5, -1.0, -0.7]), **shown)
    return tmp_path


def test_a_stopped_run_goes_on(pairs):
    def run(steps, out, resume=False):
        config = look_loop.LookConfig(pairs=str(pairs), steps=steps, batch=2, points=64)
        return look_loop.train(config, pairs / out, resume, lambda step, loss: None)

    path, loss = run(2, "out")
    assert -6 < loss < 1 and LookNet.read(path).weights["table"].shape[0] == len(NAMES)
    run(3, "out", resume=True)
    lines = [json.loads(line) for line in (pairs / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "step" in line] == [2, 3]
    assert set(lines[-1]["gates"]) == set(NAMES)


def test_wrong_configurations(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('kind = "looks"\nstep = 3\n')
    assert look_loop.is_looks(path)
    with pytest.raises(UsageError, match="no setting step"):
        look_loop.load(path)
    path.write_text('kind = "looks"\nsteps = "3"\n')
    with pytest.raises(UsageError, match="steps is a int"):
        look_loop.load(path)
    with pytest.raises(InputError, match="no pairs"):
        look_loop.train(look_loop.LookConfig(pairs=str(tmp_path)), tmp_path / "o", False, lambda step, loss: None)


def test_maps_follow_statistics():
    """A look that brightens by what it measures is found with the statistics, and a constant one without them."""
    rng = np.random.default_rng(5)
    stats = rng.normal(0, 1, (30, PARTS))
    bases = [rng.random((200, 3)) * 0.7 for _ in stats]
    followed = [(b * (1 + 0.15 * s[0])).clip(0, 1) for b, s in zip(bases, stats, strict=True)]
    cells, trust = look_base.fit_maps(bases, followed, stats)
    assert trust < 1e6
    assert _made(cells, np.eye(PARTS)[0], bases[0]).mean() > 1.08 * bases[0].mean()
    cells, trust = look_base.fit_maps(bases, [b * 0.8 for b in bases], stats)
    assert np.abs(_made(cells, stats[1], bases[0]) - bases[0] * 0.8).max() < 0.02


def _made(cells, stats, base):
    weights = {"base.maps": cells[None], "base.tables": np.zeros((1, 1, 1, 1, 3))}
    return base_of(weights, 0, stats).grid(base[None])[0]


def test_a_table_is_found():
    rng = np.random.default_rng(6)
    first = rng.random((4000, 3))
    table = look_base.fit_table(first, np.stack([first[:, 1], first[:, 0], first[:, 2] ** 2], -1))
    made = first + look_base.table_shares(first) @ table.reshape(-1, 3)
    assert np.abs(made - np.stack([first[:, 1], first[:, 0], first[:, 2] ** 2], -1)).mean() < 0.03
