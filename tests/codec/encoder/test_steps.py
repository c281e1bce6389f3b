"""Which steps a picture gets, and what noise is found in a mosaic."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.fit import noise
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.steps import STEPS, choose_steps, grain_of
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.mosaic.noise import NOISE_PROFILE, told
from scenes import scene

BLACK, WHITE = 512, 15000


def noisy(scale, offset, shape=(512, 768), cfa="GRBG", base=0.3):
    """A RAW of smooth areas and some texture, with noise of that profile."""
    rng = np.random.default_rng(3)
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    light = base * (0.02 + cols / shape[1]) * (1 + 0.2 * (rows // 64 % 2)) + 0.03 * (rows > 400) * rng.random(shape)
    light = light + rng.normal(size=shape) * np.sqrt(scale * light + offset)
    mosaic = np.clip(np.rint(BLACK + light * (WHITE - BLACK)), 0, 16383).astype(np.uint16)
    return RawImage(mosaic, cfa, (float(BLACK),) * 4, WHITE)


@pytest.mark.parametrize(("scale", "offset"), [(6e-4, 3e-6), (1e-4, 1e-6), (3e-5, 2e-5)])
def test_noise_is_found(scale, offset):
    raw = noisy(scale, offset)
    found = noise.estimate(raw, Layout(*raw.mosaic.shape, raw.cfa))
    for plane in found.planes:
        for v in (0.02, 0.1, 0.25):
            assert 0.8 < plane.variance(v) / (scale * v + offset) < 1.25
    again = told({NOISE_PROFILE: found.tag()})
    assert again.planes[0] == found.planes[0] and again.planes[3] == found.planes[3]


@pytest.mark.parametrize("shape", [(2, 2), (16, 400), (40, 40)])
def test_noise_of_pictures_that_say_nothing(shape):
    raw = RawImage(np.full(shape, 700, np.uint16), "RGGB", (float(BLACK),) * 4, WHITE)
    for plane in noise.estimate(raw, Layout(*shape, "RGGB")).planes:
        assert plane.scale >= 0 and 0 < plane.offset < 1e-8
    assert noise.of_picture(np.zeros(shape, np.uint8)) == 0


def luma_of(raw, smooth):
    """What a JPEG of it shows: as it is, or without its noise."""
    value = np.clip((raw.mosaic.astype(float) - BLACK) / (WHITE - BLACK) * 3, 0, 1) ** 0.45
    if smooth:
        value = np.broadcast_to(value.mean(0), value.shape)
    return np.rint(255 * value).astype(np.uint8)


def test_steps_follow_the_picture_and_the_rate():
    grainy, clean = noisy(2e-3, 1e-5), noisy(2e-5, 1e-8)
    assert grain_of(grainy) > 6 > 2 > grain_of(clean)
    few, many = EncodeOptions.of(bpp=0.4), EncodeOptions.of(bpp=2)
    assert choose_steps(clean, luma_of(clean, False), few) == STEPS["edit"]
    assert choose_steps(grainy, luma_of(grainy, False), few) == STEPS["psnr"]
    assert choose_steps(grainy, luma_of(grainy, False), EncodeOptions.of(quality=40)) == STEPS["psnr"]
    assert choose_steps(grainy, luma_of(grainy, True), few) == STEPS["edit"]
    assert choose_steps(grainy, luma_of(grainy, False), many) == STEPS["edit"]
    assert choose_steps(grainy, luma_of(grainy, False), EncodeOptions.of(lossless=True)) == STEPS["edit"]
    for raw in (grainy, clean):
        assert choose_steps(raw, luma_of(raw, True), replace(many, tune="psnr")) == STEPS["psnr"]


def test_dark_places_are_finer_by_default():
    """At equal bytes the error of what is dark falls, that of what is bright rises."""
    picture = scene((160, 192), seed=5, bits=14, black=(512,) * 4)
    true = picture.raw.mosaic.astype(float)
    errors = {}
    for tune in (None, "psnr"):
        stream = Stream.from_bytes(picture.encode(bpp=1.5, **({"tune": tune} if tune else {})))
        found = stream.decode(picture.planes).astype(float)
        dark = true < np.quantile(true, 0.2)
        errors[tune] = [np.square(found - true)[part].mean() for part in (dark, true > np.quantile(true, 0.8))]
    assert errors[None][0] < 0.7 * errors["psnr"][0] and errors[None][1] > errors["psnr"][1]
