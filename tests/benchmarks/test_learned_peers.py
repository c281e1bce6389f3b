"""The learned peers with tiny nets of random weights: what the decoder does is what the encoder assumed."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from raws import long
from shots import shot

learned = pytest.importorskip("rawinlay.benchmarks.peers.learned.r2lcm", reason="the peers extra is not installed")

from rawinlay.benchmarks.peers.base import Unavailable  # noqa: E402
from rawinlay.benchmarks.peers.learned import config, net, peer, planes, samples, superpixels, symbols, train, weights  # noqa: E402
from rawinlay.benchmarks.peers.learned.blocks import Guide  # noqa: E402
from rawinlay.benchmarks.peers.learned.ordered import OrderedContext  # noqa: E402
from rawinlay.bitstream.errors import StreamError, UsageError  # noqa: E402
from rawinlay.bitstream.runtime.parallel import single_threaded  # noqa: E402
from rawinlay.codec.simulator.dataset import save_shot  # noqa: E402

SIZES = {
    "r2lcm": {"width": 4, "latents": 3},
    "r2lcm++": {"width": 4, "latents": 3},
    "hyperprior": {"width": 4, "latents": 6},
    "cam": {"width": 2},
}
TRAINING = {"step": 0, "seconds": 0, "data": "nothing", "commit": None, "validation": None}


@pytest.fixture(autouse=True)
def one_thread():
    """As the peers run: operations this small wait longer for threads than they compute."""
    with single_threaded():
        yield


def write_weights(kind, folder, seed=0):
    """Tiny random weights of a kind as they ship."""
    torch.manual_seed(seed)
    made = config.NetConfig(kind, 1, SIZES[kind])
    path = folder / f"{kind}.safetensors"
    path.write_bytes(weights.to_bytes(config.make(made), made, TRAINING))
    return path


@long
def test_a_fresh_process_decodes_what_the_encoder_assumed(tmp_path):
    taken = shot(2, (130, 174), odd_size=True)
    (tmp_path / "guide.jpg").write_bytes(taken.jpeg)
    expected = {}
    for kind in SIZES:
        write_weights(kind, tmp_path)
        coder = peer.LearnedPeer(kind, weights.load_trained(kind, tmp_path))
        data = coder.encode(taken.raw, taken.jpeg, coder.settings()[1])
        (tmp_path / f"{kind}.stream").write_bytes(data)
        expected[kind] = coder.decode(data, taken.jpeg)
        assert expected[kind].dtype == np.uint16 and expected[kind].shape == taken.raw.mosaic.shape
    code = (
        "import numpy as np; from pathlib import Path; from rawinlay.benchmarks.peers.learned import peer, weights\n"
        f"f = Path({str(tmp_path)!r}); jpeg = (f / 'guide.jpg').read_bytes()\n"
        f"for kind in {list(SIZES)!r}:\n"
        "    coder = peer.LearnedPeer(kind, weights.load_trained(kind, f))\n"
        "    np.save(f / f'{kind}.npy', coder.decode((f / f'{kind}.stream').read_bytes(), jpeg))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], timeout=900)
    for kind in SIZES:
        assert np.array_equal(np.load(tmp_path / f"{kind}.npy"), expected[kind]), kind


@pytest.mark.parametrize("kind", ["r2lcm", "r2lcm++", "hyperprior"])
def test_the_decoder_has_the_encoders_latents_and_the_bytes_cost_what_training_counts(kind):
    torch.manual_seed(1)
    made = config.make(config.NetConfig(kind, 1, SIZES[kind])).eval()
    x, guide = torch.rand(1, 4, 64, 96), torch.rand(1, 7, 64, 96)
    guide = guide if made.guided else None
    with torch.no_grad():
        x_hat, bits = made(x, guide, torch.tensor([3.0]))
        data = made.compress(x, guide, 3.0)
        decoded = made.decompress(data, guide, 3.0, 64, 96)
    # the decoder's picture follows from its latents, so equal pictures mean equal symbols
    assert torch.allclose(decoded, x_hat, atol=1e-6)
    # nets of random weights are often surprised, and training counts a surprise for more than the coder's escape
    assert 0.5 * float(bits) * x.numel() < 8 * len(data) < 1.05 * float(bits) * x.numel() + 200


def test_pictures_larger_than_a_window_and_a_block(monkeypatch):
    monkeypatch.setattr(net, "WINDOW", 32)
    monkeypatch.setattr(net, "BLOCK", 48)
    torch.manual_seed(2)
    made = config.make(config.NetConfig("r2lcm++", 1, SIZES["r2lcm++"])).eval()
    x, guide = torch.rand(1, 4, 96, 80), torch.rand(1, 7, 96, 80)
    with torch.no_grad():
        pieces = made.decompress(made.compress(x, guide, 4.0), guide, 4.0, 96, 80)
        whole, _ = made(x, guide, torch.tensor([4.0]))
    assert pieces.shape == whole.shape
    assert float((pieces - whole).abs().median()) < 0.02  # borders of blocks have less context, the rest is the same


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_order_is_the_decoders_own(adaptive):
    """Masks cover every position once and follow from params and guide alone, also in the presence of noise."""
    torch.manual_seed(3)
    prior = OrderedContext(3, 6, 8, 8, 4, adaptive).eval()
    params, guide = torch.randn(1, 6, 12, 10), Guide(torch.rand(1, 7, 24, 20), torch.tensor([1.0]), (24, 20))
    with torch.no_grad():
        first = torch.cat(prior.masks(params, guide), 1)
        torch.rand(7)
        again = torch.cat(prior.masks(params, guide), 1)
    assert torch.equal(first, again)
    assert torch.equal(first.sum(1), torch.ones(1, 12, 10)) and set(first.unique().tolist()) <= {0.0, 1.0}


def test_a_pass_sees_only_what_earlier_passes_gave():
    """Changing latents of the last pass changes no mean or scale of the passes before it."""
    torch.manual_seed(4)
    prior = OrderedContext(3, 6, 8, 8, 4, True).eval()
    params, guide = torch.randn(1, 6, 12, 10), Guide(torch.rand(1, 7, 24, 20), torch.tensor([1.0]), (24, 20))
    step = torch.full((1, 3, 1, 1), 0.5)
    with torch.no_grad():
        masks = prior.masks(params, guide)
        y = torch.randn(1, 3, 12, 10) * 4
        last = next(m for m in reversed(masks) if m.sum() > 0)
        before, _ = prior(y, params, guide, step)
        after, _ = prior(y + 5 * last, params, guide, step)
    earlier = (1 - last).expand_as(y) > 0
    assert torch.equal(before[earlier], after[earlier]) and not torch.equal(before, after)


def test_symbols_come_back_and_are_paid_for():
    torch.manual_seed(5)
    scale = torch.exp(torch.randn(4000))
    values = (torch.randn(4000) * scale).round()
    values[7] = 3000  # beyond any table: escaped
    out = symbols.SymbolWriter()
    out.put(values[:1000], symbols.scale_index(scale[:1000]))
    out.put(values[1000:], symbols.scale_index(scale[1000:]))
    data = out.bytes()
    source = symbols.SymbolReader(data)
    got = [source.get(symbols.scale_index(s)) for s in (scale[:1000], scale[1000:])]
    assert torch.equal(torch.cat(got), values)
    theory = float(symbols.bits(values[8:], scale[8:], False).sum())
    assert theory < 8 * len(data) < theory * 1.1 + 200


def test_samples_of_cam_are_what_was_chosen():
    torch.manual_seed(6)
    x, guide = torch.rand(4, 32, 48), torch.rand(7, 32, 48)
    shares = torch.rand(1, 9, 32, 48).softmax(1)
    places = superpixels.choose(shares, 4)
    data = samples.write(x, guide, places[0], 4)
    known, mask = samples.read(data, guide, 4)
    assert torch.equal(mask, superpixels.mask_of(places, 32, 48)[0])
    at = mask[0] > 0
    assert 0.5 * 96 < at.sum() <= 96
    assert float((known - x)[:, at].abs().max()) <= samples.STEP / 2 + 1e-6
    assert known[:, ~at].abs().max() == 0


def test_superpixels_choose_the_likeliest_cell_around_them():
    shares = torch.full((1, 9, 12, 12), 0.01)
    shares[0, 4] = 0.02  # each cell most likely belongs to its own square
    shares[0, 8, 2, 3] = 0.9  # but this one of the first square to the square down right of it
    places = superpixels.choose(shares, 4)
    assert places[0, :, 1, 1].tolist() == [2, 3]
    assert superpixels.chosen_shares(shares, places, 4)[0, 0, 2, 3] == pytest.approx(0.9)


def test_companding_turns_back():
    light = torch.linspace(-planes.OFFSET, 1.3, 1000)
    assert torch.allclose(planes.expand(planes.compand(light)), light, atol=1e-6)
    assert planes.compand(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0.0, 1.0], abs=1e-6)


def test_damaged_and_foreign_streams_are_refused(tmp_path):
    write_weights("hyperprior", tmp_path)
    coder = peer.LearnedPeer("hyperprior", weights.load_trained("hyperprior", tmp_path))
    taken = shot(2, (96, 128))
    data = coder.encode(taken.raw, None, "rate=2")
    with pytest.raises(StreamError):
        coder.decode(data[:-3], None)
    write_weights("hyperprior", tmp_path, seed=9)
    with pytest.raises(StreamError, match="weights"):
        peer.LearnedPeer("hyperprior", weights.load_trained("hyperprior", tmp_path)).decode(data, None)
    for wrong in ("rate=7", "grid=4", "rate"):
        with pytest.raises(UsageError):
            coder.encode(taken.raw, None, wrong)


def test_missing_weights_make_a_peer_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="no trained weights"):
        weights.load_trained("r2lcm", tmp_path)


def make_run(tmp_path, steps):
    """A configuration of tiny nets on two tiny shots."""
    shots = tmp_path / "shots"
    shots.mkdir(exist_ok=True)
    for split in ("train", "val"):
        save_shot(shots / f"shot-00000-{split}.npz", shot(4, (96, 128)))
    nets = "".join(
        f'[nets."{k}"]\nkind = "{k}"\nsteps = {steps}\nsize = {{ {", ".join(f"{n} = {v}" for n, v in s.items())} }}\n'
        for k, s in SIZES.items()
    )
    path = tmp_path / "train.toml"
    path.write_text(
        f'[data]\nshots = ["{shots}"]\ncrops = 2\nside = 32\nvalidate = 1\nvalidate_side = 32\n'
        f'[optimiser]\nwarmup = 1\n[log]\nturn = 0.001\nevery = 2\nvalidate = 3\n{nets}'
    )
    return path


@long
def test_a_resumed_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    path = make_run(tmp_path, 4)
    train.train(config.load(path), tmp_path / "whole")
    half = tmp_path / "half.toml"
    half.write_text(path.read_text().replace("validate = 3", "validate = 4"))
    one = config.load(half)
    students = [train.Student(one, name, tmp_path / "parts", False) for name in one.nets]
    (tmp_path / "parts").mkdir()
    pictures = train.load_pictures(one.data.shots, "train")
    for student in students:
        for _ in range(2):
            student.step(pictures)
        student.save()
    train.train(one, tmp_path / "parts", resume=True)
    for name in one.nets:
        files = (tmp_path / d / f"{name}.safetensors" for d in ("whole", "parts"))
        whole, parts = (weights.load_tensors(f.read_bytes()) for f in files)
        assert set(whole) == set(parts)
        for key in whole:
            assert torch.equal(whole[key], parts[key]), (name, key)
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert {line["net"] for line in lines} == set(SIZES)
    checked = [line for line in lines if "0" in line]
    assert all(math.isfinite(line["0"]["psnr"]) and line["0"]["bpp"] > 0 for line in checked) and checked


def test_training_command_and_export(tmp_path, capsys):
    path = make_run(tmp_path, 1)
    assert train.main(["--config", str(path), "--out", str(tmp_path / "run"), "--net", "hyperprior"]) == 0
    assert train.main(["--config", str(path), "--out", str(tmp_path / "run"), "--net", "hyperprior"]) == 3
    assert "--resume" in capsys.readouterr().err
    options = ["--config", str(path), "--run", str(tmp_path / "run"), "--out", str(tmp_path)]
    assert weights.main([*options, "--data", "a shot"]) == 0
    trained = weights.load_trained("hyperprior", tmp_path)
    assert trained.facts["training"]["step"] == 1 and "1 steps" in trained.state()
    path.write_text("[nets.x]\nkind = 'y'\nsteps = 1\n")
    assert train.main(["--config", str(path)]) == 2
