"""The learned features: against plain integers, window by window, bounds, files that are no net, streams with them."""

import io
from dataclasses import replace

import manual
import manual_container
import manual_net
import numpy as np
import pytest
import torch
from nets import random_net, random_tensors
from rawinlay.bitstream.errors import InputError, StreamError
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.candidates import RecipeChoice
from rawinlay.codec.encoder.effort import Effort
from rawinlay.codec.encoder.job import Candidate
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.guide.guide import Guide
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.recipe import net as guide_net
from rawinlay.codec.recipe import net_weights as weights
from rawinlay.codec.recipe.features import COUNT, TABLES
from rawinlay.codec.recipe.side import HALO, SideInfo
from rawinlay.entropy import tables
from safetensors.torch import save
from scenes import scene

SHIPPED = weights.REGISTRY.read(weights.DEFAULT)
NETS = {"shipped": SHIPPED, "random": random_net(1), "wild": random_net(2, largest=127, bias=300_000)}
BOUND = 1 << 15


def guide(h, w, seed=0):
    """Noise, a ramp, and flat parts of extremes, in cells."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4081, (2 * h, 2 * w))
    y[: h // 2] = y[: h // 2] // 50 + np.linspace(0, 3990, 2 * w).astype(int)
    y[h:, : w // 2] = 4080 * (seed % 2)
    cb, cr = (rng.integers(0, 4081, (h, w)) for _ in range(2))
    cb[:, w // 2 :], cr[h // 2 :] = 4080, 0
    return Guide(*(v.astype(np.int32) for v in (y, cb, cr)))


ALL = COUNT + guide_net.COUNT
ALSO = Effort(learned=True)


def side_info(h, w, net, **kwargs):
    return SideInfo(guide(h, w, **kwargs), Layout(2 * h, 2 * w, "RGGB"), net=net)


def plainly(found, net):
    """The features of a whole picture by the second decoder, int64 (24, h + 1, w + 1)."""
    edge = HALO
    planes = found.planes[:, : found.h + 2 * edge, : found.w + 2 * edge].astype(np.int64)
    linear = TABLES[0].astype(np.int64)[planes[:4]]
    inputs = np.concatenate([(planes[:4] >> 2) - 512, planes[4:] >> 2, (linear >> 4) - 512])
    return manual_net.learned_features(manual_net.read_net(net), inputs, edge)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 8), (24, 40), (33, 141)])
def test_against_plain_integers(name, size):
    h, w = size
    net = guide_net.parse(NETS[name])
    found = side_info(h, w, net, seed=h)
    learned = found.features(0, 0, h, w, ALL)
    assert learned.shape == (ALL, h, w) and learned.dtype == np.float64
    wanted = plainly(found, NETS[name])
    assert np.array_equal(learned[COUNT:], wanted[:, :h, :w])
    # tiles of even sides may reach one cell outside
    beyond = found.features(0, 0, h + h % 2, w + w % 2, ALL)[COUNT:]
    assert np.array_equal(beyond, wanted[:, : h + h % 2, : w + w % 2])
    assert np.abs(wanted).max() < BOUND
    if name != "wild":  # features say something: neither all at one end nor all alike
        assert h * w < 100 or np.std(wanted, (1, 2)).min() > 0 or name == "shipped"


def test_windows_are_parts_of_the_whole():
    net = guide_net.parse(SHIPPED)
    found = side_info(40, 300, net)
    whole = found.features(0, 0, 40, 300, ALL)
    for r, c, rows, cols in ((0, 0, 2, 2), (5, 7, 11, 200), (39, 299, 1, 1), (16, 0, 24, 300), (1, 127, 3, 130)):
        part = found.features(r, c, rows, cols, ALL)
        assert np.array_equal(part, whole[:, r : r + rows, c : c + cols])


def test_threads_make_no_difference():
    net, before = guide_net.parse(NETS["wild"]), torch.get_num_threads()
    found = side_info(48, 200, net)
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(found.features(0, 0, 48, 200, ALL))
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(r, results[0]) for r in results)


def test_the_shipped_net_says_something():
    """Its features differ from place to place, and from each other."""
    net = guide_net.load()
    found = side_info(64, 64, net).features(0, 0, 64, 64, ALL)[COUNT:]
    assert (found.std((1, 2)) > 0).sum() >= guide_net.COUNT // 2
    assert net.identity == guide_net.parse(SHIPPED).identity and len(net.identity) == 8


def forged(change):
    tensors = random_tensors(3)
    change(tensors)
    return save(tensors)


def shape(t):
    t["first.weight"] = t["first.weight"][:, :-1].contiguous()


def kind(t):
    t["third.bias"] = t["third.bias"].to(torch.int64)


def missing(t):
    del t["join.weight"]


def inexact(t):
    t["second.weight"][:] = 127
    t["join.weight"][:] = 127
    t["second.bias"][:] = 7_000_000


def large(t):
    t["last.bias"][0] = 1 << 22


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not the guide's net"),
        (SHIPPED[:-5], "not the guide's net"),
        (b"\xff" * 100, "not the guide's net"),
        (forged(missing), "join.weight"),
        (forged(shape), "first"),
        (forged(kind), "third"),
        (forged(inexact), "not hold exactly"),
        (forged(large), "not hold exactly"),
    ],
)
def test_files_that_are_no_net(data, reason):
    with pytest.raises(InputError, match=reason):
        guide_net.parse(data)


@pytest.fixture
def always(monkeypatch):
    """An encoder that takes the learned features whatever they cost."""
    monkeypatch.setattr(RecipeChoice, "best", lambda recipes, step, step_exponent, room: recipes.learned)
    monkeypatch.setattr(Candidate, "cost", lambda candidate, fitted: 0.0 if candidate.recipe.learned else 1.0)


@pytest.mark.parametrize("target", [{"quality": 80}, {"lossless": True}, {"size": 4000}])
@pytest.mark.parametrize("size", [(48, 64), (31, 45)])
def test_streams_with_learned_features(always, target, size):
    """They decode, here and by the manual, and only with the same net."""
    picture = scene(size, "GRBG")
    payload = picture.encode(**target, effort=ALSO)
    stream = Stream.from_bytes(payload)
    assert stream.header.net == guide_net.load().identity and len(stream.recipe.exponents) == COUNT + guide_net.COUNT
    mosaic = stream.decode(picture.planes)
    if "lossless" in target:
        assert np.array_equal(mosaic, picture.raw.mosaic)
    with np.load(io.BytesIO(tables.REGISTRY.read(stream.header.model))) as archive:
        stream_read = manual_container.read_stream(payload)
        again = manual.decode(stream_read, picture.planes, dict(archive), SHIPPED, decode_planes)
    assert np.array_equal(again, mosaic)
    for other in (b"\1" * 8, stream.header.net[:7]):
        with pytest.raises(StreamError, match="learned features"):
            Stream.from_bytes(stream_bytes(replace(stream, header=replace(stream.header, net=other))))


def test_the_encoder_takes_what_costs_less(monkeypatch):
    """The choice follows the estimate, and falls back to the very stream of the hand-made features."""
    picture = scene((64, 96), "RGGB")
    monkeypatch.setattr(Candidate, "cost", lambda candidate, fitted: 1.0 if candidate.recipe.learned else 0.0)
    plain = picture.encode(quality=60, effort=ALSO)
    assert Stream.from_bytes(plain).header.net == b""
    monkeypatch.undo()
    chosen = picture.encode(quality=60, effort=ALSO)
    learned = bool(Stream.from_bytes(chosen).header.net)
    assert learned or chosen == plain
