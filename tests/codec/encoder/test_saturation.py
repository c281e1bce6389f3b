"""Saturated places: found, put on their saturation, and cheap."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.encode import encode_stream
from rawinlay.codec.encoder.fit.saturation import ceilings, find_saturation
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.mosaic.companding import Companding
from rawinlay.codec.mosaic.companding_torch import TorchCompanding
from rawinlay.codec.stages import stages_torch as stages
from scenes import scene
from shots import shot

NOWHERE = (0,) * 8
COMPANDING = Companding((60.0, 64.0, 64.0, 68.0), 4095, 4095, 8)


def levels(dn):
    return COMPANDING.level(dn[:, :, None])[:, :, 0]


def wavering(share, seed=0):
    """Cells of which a share is clipped at 3900, 3800, 3800, 4000; the prediction wavers about the mosaic by 40."""
    rng = np.random.default_rng(seed)
    top = np.array([3900, 3800, 3800, 4000])[:, None]
    clipped = rng.random(20_000) < share
    light = rng.integers(300, 3300, 20_000)[None]
    mosaic = np.where(clipped, top, light + rng.integers(-9, 10, (4, 20_000)))
    prediction = np.where(clipped, top, light) + rng.integers(-40, 41, (4, 20_000))
    return levels(mosaic.astype(np.int32)), levels(prediction.clip(0, 4095).astype(np.int32)), clipped


def test_the_saturation_is_found():
    level, prediction, clipped = wavering(0.3)
    found = find_saturation(COMPANDING, level, prediction)
    assert found[:4] == (3900, 3800, 3800, 4000)
    assert all(30 <= reach < 300 for reach in found[4:])
    put = replace(COMPANDING, saturation=found).saturate(prediction[:, None])[:, 0]
    on = prediction == levels(np.array(found[:4], np.int32)[:, None] + np.zeros_like(prediction))
    assert (put == level)[:, clipped].mean() > 0.9
    assert np.array_equal(put[:, ~clipped], prediction[:, ~clipped])
    assert (on == (prediction == put) & (put == level)).mean() > 0.5


@pytest.mark.parametrize("share", [0.0, 0.001])
def test_no_saturation_where_it_would_not_pay(share):
    level, prediction, _ = wavering(share)
    assert find_saturation(COMPANDING, level, prediction) == NOWHERE


def test_transforms_are_moved_up_and_down_but_not_from_far():
    companding = replace(COMPANDING, saturation=(3900, 0, 3800, 0, 100, 0, 10, 0))
    dn = np.array([[3799, 3801, 3999], [4000, 4000, 4000], [3789, 3790, 4095], [4095, 0, 1]], np.int32)
    moved = companding.saturate(levels(dn)[:, None])[:, 0]
    dn[0, 1:], dn[2, 1:] = 3900, 3800
    assert np.array_equal(moved, levels(dn))
    assert [v.tolist() for v in TorchCompanding(companding).at_saturation(torch.from_numpy(moved[:, None]))] == [
        [[False, True, True]], [[False] * 3], [[False, True, True]], [[False] * 3]
    ]  # fmt: skip


def clipped_quarter(taken, rng):
    """A shot whose first quarter is clipped in the RAW and nearly white, with noise, in the JPEG."""
    mosaic, rows = taken.raw.mosaic.copy(), taken.raw.mosaic.shape[0] // 4
    mosaic[:rows] = mosaic.max() + 200
    picture = np.array(Image.open(io.BytesIO(taken.jpeg)))
    picture[:rows] = rng.integers(246, 256, picture[:rows].shape)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=95)
    return RawImage(mosaic, taken.raw.cfa, taken.raw.black, taken.raw.white), decode_planes(out.getvalue()), rows


def test_clipped_places_cost_next_to_nothing(monkeypatch):
    """Not even where the JPEG is noise there; and less than without a saturation, at a better quality."""
    raw, planes, rows = clipped_quarter(shot(2), np.random.default_rng(0))
    options = EncodeOptions.of(quality=80, tune="psnr", guide="jpeg")
    code = lambda: encode_stream(raw, planes, Geometry(), options, b"", len)  # noqa: E731
    with_saturation = code()
    monkeypatch.setattr("rawinlay.codec.encoder.candidates.find_saturation", lambda *_: NOWHERE)
    without = code()
    assert Stream.from_bytes(with_saturation).header.saturation and not Stream.from_bytes(without).header.saturation
    assert len(with_saturation) < 0.95 * len(without)
    top = Stream.from_bytes(with_saturation).decode(planes)[: rows - 8].astype(int)
    assert np.abs(np.minimum(top, raw.white) - np.minimum(raw.mosaic[: rows - 8], raw.white)).mean() < 2


def test_quiet_places_see_only_their_constant():
    saturation = torch.tensor([[[True, True, False, False]]])
    contexts = [torch.full((1, 1, 4), 7.0, dtype=torch.float64)]
    magnitudes = [torch.tensor([[[0.0, v, 0.0, v]]], dtype=torch.float64) for v in (5.0, 0.0)]
    loud, quiet, context, first, second = stages._by_kind(saturation, contexts, magnitudes)
    assert quiet.flatten().tolist() == [1, 0, 0, 0] and loud.flatten().tolist() == [0, 1, 1, 1]
    assert context.flatten().tolist() == [0, 7, 7, 7]
    assert torch.equal(first, magnitudes[0]) and torch.equal(second, magnitudes[1])


def test_ceilings():
    """White where values above it pile up at the sensor's end; else the largest value, which all above decode to."""
    counts = np.zeros((4, 65536), np.int64)
    counts[:, 100:3000] = 5
    counts[0, [3844, 4095]], counts[1, 3840], counts[3, 3500:4095] = (9, 900), 900, 1  # piled, at white, spread
    assert ceilings(counts, 3840, 4095) == (3844, 3840, 4095, 4095)
    assert ceilings(counts, 16383, 4095) == (4095,) * 4
    assert ceilings(counts, 3600, 4095) == (4095, 3840, 4095, 4095)  # far below the sensor's end: it may be wrong


def test_above_white_nothing_is_told():
    """A clipped corner that flickers above white costs next to nothing, and decodes to white or more."""
    picture = scene((64, 80), "GRBG", bits=12, black=(60, 64, 68, 72), white=3800, noise=0.002)
    mosaic = np.minimum(picture.raw.mosaic, 3700)
    still, flickering = mosaic.copy(), mosaic.copy()
    still[:40, :50] = 3950
    flickering[:40, :50] = np.random.default_rng(2).integers(3900, 3951, (40, 50))
    sizes = []
    for one in (still, flickering):
        raw = replace(picture.raw, mosaic=one)
        payload = replace(picture, raw=raw).encode(quality=70, tune="psnr")
        assert Stream.from_bytes(payload).decode(picture.planes)[4:36, 4:46].min() >= 3780
        sizes.append(len(payload))
    assert sizes[1] < 1.03 * sizes[0]
