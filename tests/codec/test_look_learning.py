"""Looks by name and of one's own: mixes add up, what is learned from pairs is found again, wrong files are told."""

import json

import numpy as np
import pytest
from landscape import landscape
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.cli.main import main
from rawinlay.codec.develop import develop
from rawinlay.codec.isp.develop import Developer, Layers
from rawinlay.codec.isp.grid import Grid
from rawinlay.codec.look_learning import pairs_of
from rawinlay.codec.looks import chosen, own
from rawinlay.codec.looks.net import NAMES, WEIGHTS, LookNet, facts_of, small_input
from rawinlay.codec.looks.operators import OPERATORS
from rawinlay.codec.simulator import simulate

QUIET = {"odd_size": False, "distortion": 0.0, "orientation": 1, "iso": 100, "median": 0.2}


@pytest.fixture(scope="module")
def shot():
    return simulate(landscape(96, 128), 3, quality=95, local_compression=0.0, local_detail=1.0, **QUIET)


@pytest.fixture
def looks(tmp_path, monkeypatch):
    monkeypatch.setenv("RAWINLAY_LOOKS", str(tmp_path / "looks"))
    return tmp_path / "looks"


def test_mixes():
    assert chosen.mix("pop") == {"pop": 1.0}
    assert chosen.mix("pop:0.25,bw:0.75") == {"pop": 0.25, "bw": 0.75}
    assert chosen.mix("pop:0.25") == {"pop": 0.25, "camera": 0.75}
    for wrong in ("nobody", "pop:2", "pop:-1", "pop:x", "pop,bw", "pop:nan", ""):
        with pytest.raises(UsageError):
            chosen.mix(wrong)


def test_a_mix_lies_between(tmp_path, shot, looks):
    path = tmp_path / "a.dng"
    path.write_bytes(write_dng(shot.raw))
    one, other, mixed = (
        develop(path, look=look, bits=16).picture.astype(float) for look in ("pop", "bw", "pop:0.5,bw:0.5")
    )
    assert np.abs(mixed - (one + other) / 2).max() <= 2
    assert np.abs(one - other).mean() > 500


def test_every_shipped_look_is_a_picture(shot):
    assert set(chosen.SHIPPED) == {*NAMES, *OPERATORS}
    assert sum(path.stat().st_size for path in WEIGHTS.parent.glob("*.safetensors")) < 1_000_000
    developer = Developer(shot.raw)
    for name in chosen.SHIPPED:
        picture = developer.picture(layers=Layers(chosen.layers(developer, {name: 1.0})))
        assert 20 < picture.mean() < 235, name
    grey = developer.picture(layers=Layers(chosen.layers(developer, {"bw": 1.0}))).astype(int)
    assert np.ptp(grey, axis=-1).mean() < 6


def test_strangers_give_a_bounded_grid():
    facts = facts_of(99.0, np.array([1e-9, 1.0, 1.0]))
    for small in (np.zeros((40, 50, 3)), np.full((40, 50, 3), 60.0)):
        grid = LookNet.shipped().grid(small_input(small.astype(np.float32)), facts, "pop")
        assert np.isfinite(grid.cells).all()


def test_a_look_learned_from_pairs_is_found_again():
    rng = np.random.default_rng(1)
    cells = np.zeros((1, 1, 3, 3, 4), np.float32)
    cells[0, 0] = np.eye(3, 4) * 0.8
    cells[0, 0, :, :, 3] += [[0.1], [0.15], [0.05]]
    known = Grid(cells)
    bases = [rng.random((1, 900, 3)) for _ in range(4)]
    examples = [own.Example({"bright": base, "fixed": base[:, ::-1]}, known(base)) for base in bases]
    look, psnr = own.learn(examples)
    assert look.start == "bright" and psnr > 35
    assert np.abs(look.grids[0](bases[0]) - known(bases[0])).mean() < 0.01


def test_learned_by_command(tmp_path, shot, looks, capsys):
    folder = tmp_path / "pairs"
    folder.mkdir()
    (folder / "a.dng").write_bytes(write_dng(shot.raw))
    (folder / "a.jpg").write_bytes(shot.jpeg)
    (folder / "b.dng").write_bytes(b"not a RAW")
    (folder / "b.jpg").write_bytes(shot.jpeg)
    assert main(["look", "learn", "mine", "--pairs", str(folder), "--json", "-q"]) == 0
    captured = capsys.readouterr()
    assert "b.dng" in captured.err
    if captured.out:
        assert json.loads(captured.out)["pairs"] == 1
    near, far = (
        np.abs(develop(folder / "a.dng", look=look).picture.mean((0, 1)) - _mean(shot)).max()
        for look in ("mine", "plain")
    )
    assert near < far
    assert "mine" in chosen.names()
    assert main(["look", "forget", "mine", "-q"]) == 0 and "mine" not in chosen.names()


def _mean(shot):
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(shot.jpeg)).convert("RGB"), float).mean((0, 1))


def test_pairs_are_raws_and_jpegs(tmp_path):
    for name in ("a.NEF", "a.JPG", "a.xmp", "a.pp3", "b.jpg", "c.dng"):
        (tmp_path / name).write_bytes(b"")
    assert pairs_of(tmp_path) == [(tmp_path / "a.NEF", tmp_path / "a.JPG")]


def test_wrong_words_and_files(tmp_path, looks):
    assert main(["look", "learn", "pop", "--pairs", str(tmp_path), "-q"]) == 2
    assert main(["look", "learn", "mine", "--pairs", str(tmp_path), "-q"]) == 3
    assert main(["look", "learn", "-q"]) == 2
    looks.mkdir()
    (looks / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    (looks / "cut.safetensors").write_bytes(b"\xff" * 20)
    for name in ("broken", "cut"):
        with pytest.raises(InputError):
            own.load(name)
