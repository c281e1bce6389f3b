"""Steps for one development, and how it is asked for."""

import numpy as np
import pytest
from rawinlay.bitstream.errors import UsageError
from rawinlay.codec.encoder.for_edit import best_steps, linear_steps, loss_under, patches
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.steps import STEPS, choose_steps, usual
from rawinlay.codec.isp.settings import Settings
from scenes import scene


@pytest.fixture(scope="module")
def dark():
    """A picture mostly in the dark, which lifting shows."""
    picture = scene((96, 120), "GRBG", seed=4, bits=14, black=(510, 512, 514, 509))
    picture.raw.mosaic[:] = 510 + (picture.raw.mosaic.astype(float) - 510).clip(0) * 0.1
    return picture


def test_steps_of_the_companding():
    """Even in linear light under exponent 4, and the steps that the header's fields give."""
    light = np.linspace(0, 1, 50)
    assert np.allclose(linear_steps(light, 8, 4), 1)
    assert np.allclose(linear_steps(light, 1, 0), np.sqrt((light + 1 / 512) / (0.1 + 1 / 512)))


def test_lifted_shadows_want_fine_steps_there(dark):
    even, edit = loss_under(dark.raw, Settings(exposure=2)), STEPS["edit"]
    assert even(8, 4) > even(edit.companding, edit.exponent) + 1
    best, gain = best_steps(dark.raw, Settings(exposure=2), usual())
    assert best[1] <= 2 and gain >= 0


def test_taken(dark):
    """What the encoder takes is what was found, where the usual steps are another."""
    for settings in (Settings(contrast=100), Settings(exposure=-3)):
        (offset, exponent), gain = best_steps(dark.raw, settings, usual())
        steps = choose_steps(dark.raw, dark.planes.y, EncodeOptions.of(bpp=1, for_edit=settings))
        assert (steps.companding, steps.exponent) == (offset, exponent) and gain >= 0


def test_patches():
    picture = scene((400, 500), "GRBG", seed=4)
    assert patches(picture.raw).mosaic.shape == (384, 480)


def test_text():
    assert Settings.of_text("exposure=+2, temperature=3000") == Settings(exposure=2, temperature=3000)
    for text in ("", "exposure", "exposure=x", "light=1", "exposure=1,exposure=2", "exposure=20"):
        with pytest.raises(UsageError):
            Settings.of_text(text)
    with pytest.raises(UsageError, match="only one"):
        EncodeOptions.of(tune="psnr", for_edit=Settings())
