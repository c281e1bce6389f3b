"""The light of RAWs that don't say it: near the true one, used by develop, and never out of bounds."""

from dataclasses import replace

import numpy as np
import pytest
from landscape import landscape
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.tiff.tiff import RATIONAL, pack_value
from rawinlay.codec.develop import develop
from rawinlay.codec.isp.light import AS_SHOT_NEUTRAL, Light
from rawinlay.codec.looks import illuminant
from rawinlay.codec.simulator import simulate
from rawinlay.codec.training.illuminant import CAMERAS, degrees, fit


@pytest.fixture(scope="module")
def raw():
    return simulate(landscape(96, 128), 3, odd_size=False, distortion=0.0, iso=100, median=0.2).raw


def _silent(raw):
    return replace(raw, ifd0_tags={k: v for k, v in raw.ifd0_tags.items() if k != AS_SHOT_NEUTRAL})


def test_what_a_raw_says_is_taken(raw):
    assert illuminant.says(raw) and illuminant.lit(raw) is raw


def test_what_it_does_not_say_is_estimated(raw):
    silent = _silent(raw)
    found, true, none = Light.of(illuminant.lit(silent)).neutral, Light.of(raw).neutral, Light.of(silent).neutral
    wrong, before = (np.degrees(np.arccos(v @ true / np.linalg.norm(v) / np.linalg.norm(true))) for v in (found, none))
    assert wrong < 0.6 * before
    ones = {AS_SHOT_NEUTRAL: pack_value(RATIONAL, 1, 1, 1, 1, 1, 1)}
    said, told, neither = (develop(write_dng(r), look="plain").picture.astype(float)
                           for r in (raw, silent, replace(silent, ifd0_tags={**silent.ifd0_tags, **ones})))  # fmt: skip
    assert np.abs(told - said).mean() < np.abs(neither - said).mean()


def test_strangers_stay_in_bounds(raw):
    for value in (0, raw.white):
        found = illuminant.estimated(replace(_silent(raw), mosaic=np.full_like(raw.mosaic, value)))
        assert np.isfinite(found).all() and found.max() == 1 and found.min() > 0.05


def test_a_regression_finds_what_is_there():
    rng = np.random.default_rng(1)
    light = rng.normal(0, 0.4, (50, 2)).repeat(CAMERAS, 0)
    answers = np.concatenate([light * k for k in (1.0, 0.8, 0.6)], 1) + rng.normal(0, 0.02, (len(light), 6))
    true = np.exp2(np.stack([light[:, 0], 0 * light[:, 0], light[:, 1]], 1))
    weights = fit(answers, light, true)
    assert np.median(degrees(illuminant.ratios(answers, weights), light, true)) < 1
