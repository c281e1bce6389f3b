"""The blind peers and what all peers share, on a small synthetic mosaic."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("imagecodecs", reason="the bench extra (imagecodecs) is not installed")

from rawinlay.benchmarks.peers import jxl, registry
from rawinlay.benchmarks.peers.base import Peer, Unavailable, number
from rawinlay.benchmarks.peers.frame import Frame, unwrap
from rawinlay.benchmarks.peers.packing import COMPANDINGS, from_quadrants, quadrants
from rawinlay.bitstream.errors import InputError, StreamError, UsageError
from rawinlay.bitstream.raw_image import CFA_PHASES, RawImage
from rawinlay.eval.metrics import measure, normalised

LOSSY = [f"{codec}-{companding}" for codec in ("jxl", "jpeg2000") for companding in COMPANDINGS]
LOSSLESS = ["jxl-lossless", "jpeg2000-lossless", "ljpeg"]


@pytest.fixture(scope="module")
def raw():
    """A smooth coloured scene with photon noise, of odd size, 12 bits above blacks that differ by site."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:131, 0:163] / 100
    scene = 0.3 + 0.25 * np.sin(5 * x + 3 * y * y)
    scene[1::2, 1::2] *= 0.5
    mosaic = 60 + 4035 * scene + rng.normal(0, 1, scene.shape) * np.sqrt(40 + 300 * scene)
    return RawImage(np.clip(np.round(mosaic), 0, 4095).astype(np.uint16), "RGGB", (60.0, 61.5, 60.0, 59.25), 4095)


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("shape", [(6, 8), (5, 8), (6, 7), (5, 7)])
def test_quadrants_are_sorted_by_colour_and_come_back(cfa, shape):
    colours = np.array([["RGB".index(c) for c in cfa[:2]], ["RGB".index(c) for c in cfa[2:]]])
    mosaic = np.tile(colours, (4, 4))[: shape[0], : shape[1]] * 1000 + np.arange(shape[0] * shape[1]).reshape(shape)
    image = quadrants(mosaic, cfa)
    h, w = image.shape[0] // 2, image.shape[1] // 2
    got = [[set((image[i * h : i * h + h, j * w : j * w + w] // 1000).ravel()) for j in (0, 1)] for i in (0, 1)]
    assert got == [[{0}, {1}], [{1}, {2}]]
    assert np.array_equal(from_quadrants(image, cfa, shape), mosaic)
    with pytest.raises(StreamError, match="mosaic"):
        from_quadrants(image[:-1], cfa, shape)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("cut", [(131, 163), (130, 162), (2, 3)])
def test_lossless_is_lossless(raw, name, cut):
    part = replace(raw, mosaic=np.ascontiguousarray(raw.mosaic[: cut[0], : cut[1]]))
    peer = registry.get(name)
    (setting,) = peer.settings()
    data = peer.encode(part, None, setting)
    assert np.array_equal(peer.decode(data, None), part.mosaic)
    assert peer.added(data, None) == len(data)
    with pytest.raises(UsageError, match="lossless"):
        peer.encode(part, None, "distance=1")


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_gets_better_with_bytes(raw, name):
    peer = registry.get(name)
    settings = peer.settings()
    points = []
    for setting in settings[3::5]:
        data = peer.encode(raw, None, setting)
        points.append((len(data), measure(raw, peer.decode(data, None)).psnr))
    assert len(points) >= 3
    assert all(a < b and p + 3 < q for (a, p), (b, q) in itertools.pairwise(points))
    assert points[-1][1] > 60
    with pytest.raises(UsageError):
        peer.encode(raw, None, settings[0].partition("=")[0] + "=-1")


def test_jxl_streams_are_bare(raw):
    """No container box: the bytes counted are the codestream's own."""
    for companding in COMPANDINGS:
        assert unwrap(jxl.JxlLossy(companding).encode(raw, None, "distance=1"))[1][:2] == b"\xff\x0a"


def test_sweep_is_the_same_every_time_and_falls():
    steps = list(jxl.distances())
    assert steps == list(jxl.distances()) and steps[0] == 25.0 and steps[-1] < 0.02
    assert all(a > b for a, b in itertools.pairwise(steps))


def test_frame_holds_levels_and_is_small(raw):
    for black in (raw.black, (60.0,) * 4):
        frame = Frame.of(replace(raw, black=black), b"\x03")
        again, body = unwrap(frame.wrap(b"body"))
        assert again == frame and body == b"body"
        assert (again.shape, again.phase, again.levels) == (raw.mosaic.shape, "RGGB", black)
    assert len(Frame.of(replace(raw, black=(60.0,) * 4)).wrap(b"")) <= 20


def test_frame_light_is_the_metrics_own(raw):
    frame = Frame.of(raw)
    light = frame.light(raw.mosaic)
    assert np.array_equal(light, normalised(raw, raw.mosaic))
    inside = (light > 0) & (light < 1)
    assert np.array_equal(frame.dn(light)[inside], raw.mosaic[inside])


def test_frame_damage_is_refused(raw):
    data = Frame.of(raw).wrap(b"body")
    for at in range(len(data)):
        for bad in (data[:at], data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]):
            with pytest.raises(StreamError):
                unwrap(bad)


def test_frame_refuses_what_makes_no_sense(raw):
    huge = replace(Frame.of(raw), height=1 << 16, width=1 << 16)
    dark = replace(Frame.of(raw), black=[4095 * 1024])
    three = replace(Frame.of(raw), black=[1, 2, 3])
    for frame in (huge, dark, three):
        with pytest.raises(StreamError, match="frame"):
            unwrap(frame.wrap(b""))
    with pytest.raises(InputError, match="1 x 4"):
        Frame.of(replace(raw, mosaic=np.zeros((4, 1), np.uint16)))


@pytest.mark.parametrize("name", [*LOSSY, *LOSSLESS])
def test_damaged_streams_are_refused(raw, name):
    peer = registry.get(name)
    data = peer.encode(raw, None, peer.settings()[-1])
    frame, body = unwrap(data)
    bad = [data[:-1], data[: len(data) // 2], b"", frame.wrap(b""), frame.wrap(b"\0" * 100)]
    for other in bad:
        with pytest.raises(StreamError):
            peer.decode(other, None)
    with pytest.raises(StreamError):
        peer.decode(replace(frame, height=frame.height + 2).wrap(body), None)


def test_every_peer_says_what_it_is():
    for group in registry.GROUPS:
        for name in registry.names(group):
            try:
                peer = registry.get(name)
            except Unavailable as missing:
                assert str(missing).startswith(name)
                continue
            assert isinstance(peer, Peer) and peer.name == name
            assert len(peer.counts) > 20 and isinstance(peer.state, str)
            assert peer.guided or group != "guided"
            assert len(set(peer.settings())) == len(peer.settings()) > 0
    assert sorted(registry.names()) == sorted(n for g in registry.GROUPS for n in registry.names(g))


def test_unknown_names_and_settings():
    with pytest.raises(UsageError, match="jxl-linear"):
        registry.get("jpegxl")
    with pytest.raises(UsageError, match="group"):
        registry.names("deaf")
    for setting in ("distance", "bpp=1", "distance=", "distance=nan", "distance=one"):
        with pytest.raises(UsageError, match="distance"):
            number(setting, "distance")


def test_a_missing_library_is_a_reason(monkeypatch):
    monkeypatch.setitem(registry.TABLE, "ghost", ("blind", "ghost:Ghost", ()))

    def fail(module):
        raise ModuleNotFoundError("No module named 'ectoplasm'", name="ectoplasm.core")

    monkeypatch.setattr(registry.importlib, "import_module", fail)
    with pytest.raises(Unavailable, match=r"ghost needs ectoplasm\.core"):
        registry.get("ghost")
