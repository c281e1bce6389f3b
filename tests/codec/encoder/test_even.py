"""A quality is an error that the brightened picture shows, alike for pictures of other light."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import even
from rawinlay.codec.encoder.even import HIDING, QUALITIES, WANTED, Shown, even_step
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.rate import step_of_quality
from rawinlay.codec.isp.settings import Settings
from rawinlay.codec.mosaic.noise import Noise, Profile
from scenes import scene


@pytest.fixture(scope="module")
def picture():
    return scene((140, 180), "GRBG", "texture", seed=3, subsampling=0)


@pytest.fixture(scope="module")
def candidate(picture):
    header = Stream.from_bytes(picture.encode(quality=100, effort=1)).header
    options = EncodeOptions(effort=1)
    return Job.of(picture.raw, picture.planes, picture.geometry, header, len, options).plain()


def test_the_wanted_error(picture, candidate):
    """The step shows what the quality says, where one can, and noise of `HIDING` allows 3 dB more."""
    shown, steps = Shown(picture.raw, candidate), []
    silent = Profile((Noise(0.0, 1e-12),) * 4)
    for quality in (60.0, 80.0):
        for profile in (silent, Profile((Noise(0.0, 1e-4),) * 4)):
            hidden = 10 * np.log10(1 + (shown.noise(profile) / HIDING) ** 2)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(even, "told", lambda tags, profile=profile: profile)
                steps.append(even_step(candidate, picture.raw, quality))
            found = shown.coded(steps[-1], candidate.fit(steps[-1], quick=True))
            assert abs(found - (np.interp(quality, QUALITIES, WANTED) - hidden)) < 1.0
    assert steps[1] > steps[0] > steps[2] and steps[3] > steps[2]


def test_another_edit(picture, candidate):
    """What is developed darker may err more."""
    dark, bright = (even_step(candidate, picture.raw, 80, Settings(exposure=ev)) for ev in (-3.0, 2.0))
    assert dark > bright + 30


def test_where_it_counts(picture, monkeypatch):
    """Quality alone is evened: not the finest, not in layers, not under psnr."""
    monkeypatch.setattr("rawinlay.codec.encoder.encode.even_step", lambda *_: 3000)

    def step(quality, **options):
        return Stream.from_bytes(picture.encode(quality=quality, effort=1, **options)).header.step

    assert step(50) == 3000
    for options in ({"tune": "psnr"}, {"trimmable": True}):
        assert step(50, **options) != 3000
    assert step(100) == step_of_quality(100)


def test_next_step():
    """Towards the wanted error, between steps on both sides of it, within bounds."""
    assert even._next({3000: 2.0}, 3000, 3000) == 3000 + round(2 * even.STEEPNESS)
    assert even._next({3000: 2.0, 3200: -2.0}, 3200, 3000) == 3100
    assert even._next({3000: -99.0}, 3000, 3000) == 3000 - even.FARTHEST
    assert even._next({3000: 99.0}, 3000, 3000) == even.COARSEST


@pytest.mark.parametrize("shape", [(16, 17), (35, 19)])
def test_small_pictures(shape):
    small = scene(shape, "RGGB", seed=2)
    assert Stream.from_bytes(small.encode(quality=60)).decode(small.planes).shape == shape
    black = replace(small.raw, mosaic=np.full(shape, small.raw.mosaic.min()))
    assert Stream.from_bytes(replace(small, raw=black).encode(quality=60)).decode(small.planes).shape == shape
