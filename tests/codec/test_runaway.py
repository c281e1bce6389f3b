"""A search for a size that runs away from the step of its fit is begun anew, or ends in an error: never in silence."""

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import rate
from rawinlay.codec.encoder import size as sizing
from scenes import scene

SIZE = 6000


def coded(picture, tune):
    payload = picture.encode(tune=tune, size=SIZE)
    mosaic = Stream.from_bytes(payload).decode(decode_planes(picture.jpeg))
    error = float(np.mean((mosaic.astype(float) - picture.raw.mosaic) ** 2))
    return len(payload), -10 * np.log10(error)


@pytest.fixture
def picture():
    return scene((128, 160), "RGGB", "texture", seed=3)


def run_away(monkeypatch, step):
    """From parameters for that step to where the size is met, without another fit on the way."""
    monkeypatch.setattr(rate.Search, "far", lambda self, step: False)
    approach = sizing._approach

    def lost(plain, size):
        candidate, _, _, search = approach(plain, size)
        fitted = candidate.fit(step)
        return candidate, fitted, candidate.trial(step, fitted)[0], search

    monkeypatch.setattr(sizing, "_approach", lost)


@pytest.mark.parametrize("step, tune", [(5000, "psnr"), (1500, "psnr"), (1500, "edit")])
def test_begun_anew(picture, monkeypatch, step, tune):
    """The fit lies octaves off: without a second look 4 to 7 dB are lost."""
    right = coded(picture, tune)
    run_away(monkeypatch, step)
    mended = coded(picture, tune)
    monkeypatch.setattr(sizing, "GROSS", 1 << 20)
    wrong = coded(picture, tune)
    assert wrong[1] < right[1] - 2, (right, wrong)
    assert mended[1] > right[1] - 1, (right, mended)
    assert 0.9 * SIZE < mended[0] <= SIZE


def test_refused_where_that_does_not_help(picture, monkeypatch):
    run_away(monkeypatch, 1500)
    monkeypatch.setattr(sizing, "MAX_ATTEMPTS", 1)
    with pytest.raises(InputError, match=r"takes \d\.\d times as many as its step should"):
        picture.encode(size=SIZE)
