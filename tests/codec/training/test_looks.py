"""Training of the looks: NumPy runs the net that was trained, a stopped run goes on, wrong words are told."""

import json

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.looks.net import NAMES, SHAPE, SIDE, LookNet

torch = pytest.importorskip("torch", reason="torch trains")

from rawinlay.codec.training import look_loop  # noqa: E402
from rawinlay.codec.training.look_model import LookModel, sliced  # noqa: E402


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = LookModel(torch.randn(len(NAMES), SHAPE[2], 3, 4) * 0.1)
    torch.nn.init.normal_(made.head.weight, 0, 0.05)
    return made


def test_numpy_and_torch_agree(model):
    rng = np.random.default_rng(1)
    small, facts = rng.random((SIDE, SIDE, 3)).astype(np.float32), np.array([1.0, -1.0, -0.5])
    grid = LookNet({k: v.detach().numpy() for k, v in model.state_dict().items()}).grid(small, facts, "pop")
    picture = torch.from_numpy(small).permute(2, 0, 1)[None]
    with torch.no_grad():
        cells = model(picture, torch.tensor(facts, dtype=torch.float32)[None], torch.tensor([NAMES.index("pop")]))
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
    assert 0 < loss < 1 and LookNet.read(path).weights["table"].shape[0] == len(NAMES)
    run(3, "out", resume=True)
    lines = [json.loads(line) for line in (pairs / "out" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 3]


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
