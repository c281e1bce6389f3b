"""The guided peers and the trunk, on a small simulated shot."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import shots

pytest.importorskip("imagecodecs", reason="the bench extra (imagecodecs) is not installed")

from rawinlay.benchmarks.peers import polynomial, registry, sam
from rawinlay.benchmarks.peers.frame import Frame, unwrap
from rawinlay.benchmarks.peers.guide import begin, resume
from rawinlay.benchmarks.peers.polynomial import basis, terms
from rawinlay.bitstream.errors import InputError, StreamError, UsageError
from rawinlay.bitstream.raw_image import CFA_PHASES
from rawinlay.bitstream.stream.fields import read_record, write_record
from rawinlay.eval.metrics import psnr
from raws import long

GUIDED = ["polynomial", "sam", "jxl-residual"]


@pytest.fixture(scope="module")
def shot():
    return shots.shot()


def coded(peer, shot, setting):
    data = peer.encode(shot.raw, shot.jpeg, setting)
    return data, peer.decode(data, shot.jpeg)


@long
@pytest.mark.parametrize("name, picked", [("polynomial", (0, 1, 5)), ("sam", (0, 3, 7)), ("jxl-residual", (1, 5, 8))])
def test_finer_settings_take_more_bytes_and_are_better(shot, name, picked):
    peer = registry.get(name)
    points = []
    for setting in (peer.settings()[i] for i in picked):
        data, mosaic = coded(peer, shot, setting)
        assert mosaic.shape == shot.raw.mosaic.shape and mosaic.dtype == np.uint16
        points.append((peer.added(data, shot.jpeg), psnr(shot.raw, mosaic)))
    assert all(a < b and p < q for (a, p), (b, q) in itertools.pairwise(points))
    assert points[0][1] > 25


def test_jxl_residual_comes_close(shot):
    """Nothing but JPEG XL's quantiser is in the way: no ceiling at usual rates."""
    peer = registry.get("jxl-residual")
    assert psnr(shot.raw, coded(peer, shot, "distance=0.01")[1]) > 65


@pytest.mark.parametrize("name", GUIDED)
def test_damage_and_foreign_guides_are_refused(shot, name):
    peer = registry.get(name)
    data = peer.encode(shot.raw, shot.jpeg, peer.settings()[0])
    frame, body = unwrap(data)
    bad = [data[:-1], data[:40], b"", frame.wrap(b""), frame.wrap(body[:3]), frame.wrap(b"\xff" * 60)]
    bad.append(replace(frame, geometry=b"\xff").wrap(body))
    bad.append(replace(frame, height=60000, width=8000).wrap(body))
    for other in bad:
        with pytest.raises(StreamError):
            peer.decode(other, shot.jpeg)
    with pytest.raises(StreamError):
        peer.decode(data, shot.jpeg[:200])
    with pytest.raises(UsageError, match="JPEG"):
        peer.encode(shot.raw, None, peer.settings()[0])
    with pytest.raises(UsageError):
        peer.encode(shot.raw, shot.jpeg, peer.settings()[0].partition("=")[0] + "=0")
    with pytest.raises(InputError, match="picture"):
        peer.encode(shot.raw, shots.shot(9, corner=(20, 20), shape=(120, 160)).jpeg, peer.settings()[0])


def test_the_guide_is_the_same_band_by_band(shot):
    frame, guide = begin(shot.raw, shot.jpeg)
    assert resume(shot.jpeg, frame).geometry == guide.geometry
    whole = guide.rows(0, frame.height)
    assert whole.shape == (3, *frame.shape) and 0 <= whole.min() < 0.2 and 0.8 < whole.max() <= 1
    for top, rgb in guide.bands():
        assert np.array_equal(rgb, whole[:, top : top + rgb.shape[1]])


def test_polynomial_finds_a_polynomial(shot):
    """A RAW that is one of the JPEG's colours is had back to the rounding of DN, whatever the phase."""
    frame, guide = begin(shot.raw, shot.jpeg)
    rng = np.random.default_rng(0)
    true = rng.normal(0, 0.02, (4, len(terms(3))))
    true[:, 0] = 0.5
    rgb = guide.rows(0, frame.height)
    light = polynomial.evaluate(np.rint(true * (1 << polynomial.BITS)).astype(np.int64), rgb, 3)
    assert 0 < light.min() and light.max() < 1
    mosaic = frame.dn(light)
    for cfa in CFA_PHASES:
        made = replace(shot.raw, mosaic=mosaic, cfa=cfa)
        frame = Frame.of(made, guide.geometry.to_bytes())
        found = polynomial.fit(mosaic, frame, guide, 3)
        again = frame.dn(polynomial.evaluate(found, rgb, 3).clip(0, 1)).astype(int)
        assert np.abs(again - mosaic).max() <= 2


def test_polynomial_terms():
    assert [len(terms(d)) for d in (1, 2, 3)] == [4, 10, 20]
    phi = basis(np.array([[0.0], [0.5], [1.0]]), 2)
    by_power = dict(zip(terms(2), phi[:, 0], strict=True))
    assert by_power[0, 0, 0] == 1 and by_power[1, 0, 0] == -1 and by_power[0, 1, 0] == 0 and by_power[0, 2, 0] == -1
    with pytest.raises(StreamError):
        polynomial.from_bytes(b"\x07" + bytes(40))


def test_samples_are_where_the_grid_says(shot):
    frame, guide = begin(shot.raw, shot.jpeg)
    grid = sam.Grid(frame, 8)
    picked, light = grid.pick(shot.raw.mosaic, frame), frame.light(shot.raw.mosaic)
    colours, rgb = grid.colours(guide), guide.rows(0, frame.height)
    cells = frame.height // 2, frame.width // 2
    assert abs(picked[0].size / (cells[0] * cells[1]) - 1 / 64) < 0.003
    for site in range(4):
        at = 2 * grid.rows[2] + site // 2, 2 * grid.columns[3] + site % 2
        assert picked[site, 2, 3] == light[at] and np.array_equal(colours[site, 2, 3], rgb[:, at[0], at[1]])


@pytest.mark.parametrize("shape", [(41, 67), (6, 8), (2, 2)])
def test_samples_of_small_and_odd_mosaics(shot, shape):
    """Grids of one sample, blocks that are cut off, an odd last row."""
    frame, guide = begin(shot.raw, shot.jpeg)
    small = replace(shot.raw, mosaic=np.ascontiguousarray(shot.raw.mosaic[: shape[0], : shape[1]]))
    frame = Frame.of(small, guide.geometry.to_bytes())
    guide = resume(shot.jpeg, frame)
    coefficients = np.zeros((4, len(terms(sam.DEGREE))), np.int64)
    coefficients[:, 0] = 1 << (polynomial.BITS - 1)
    for n in (2, 5, 40):
        grid = sam.Grid(frame, n)
        rest = sam.roots(grid.pick(small.mosaic, frame)) - sam.roots(grid.trend(guide, coefficients))
        assert grid.interpolate(guide, coefficients, rest).shape == shape


def test_residual_refuses_a_strange_saturation(shot):
    from rawinlay.benchmarks.peers.jxl_residual import FIELDS

    peer = registry.get("jxl-residual")
    frame, body = unwrap(peer.encode(shot.raw, shot.jpeg, "distance=25"))
    values = read_record(FIELDS, body, "residual")
    for saturation in ([1], [65535] * 8):
        with pytest.raises(StreamError, match="saturation"):
            peer.decode(frame.wrap(write_record(FIELDS, values | {"saturation": saturation})), shot.jpeg)


@long
def test_trunk_needs_the_guide_and_the_blind_one_has_none(shot):
    trunk, blind = registry.get("trunk"), registry.get("trunk-blind")
    data, mosaic = coded(trunk, shot, "bpp=0.8")
    assert 0.75 < 8 * trunk.added(data, shot.jpeg) / mosaic.size <= 0.8
    alone = blind.encode(shot.raw, None, "bpp=0.8")
    assert 0.75 < 8 * blind.added(alone, None) / mosaic.size <= 0.8
    assert psnr(shot.raw, mosaic) > psnr(shot.raw, blind.decode(alone, None)) + 3 > 25
    whole = registry.get("rawinlay-blind")
    better = whole.decode(whole.encode(shot.raw, None, "bpp=0.8"), None)
    assert psnr(shot.raw, better) > psnr(shot.raw, blind.decode(alone, None)) + 1
    with pytest.raises(StreamError):
        blind.decode(alone[:-5], None)
    for setting in ("bpp=0", "bpp=99", "quality=3"):
        with pytest.raises(UsageError):
            trunk.encode(shot.raw, shot.jpeg, setting)
