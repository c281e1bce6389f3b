"""A search for a size that runs away from the step of its fit is begun anew, or ends in an error: never in silence."""

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import rate
from rawinlay.codec.encoder import size as sizing
from scenes import scene

SIZE = 9000


def coded(picture):
    payload = picture.encode(size=SIZE)
    mosaic = Stream.from_bytes(payload).decode(decode_planes(picture.jpeg))
    error = float(np.mean((mosaic.astype(float) - picture.raw.mosaic) ** 2))
    return len(payload), -10 * np.log10(error)


@pytest.fixture
def picture():
    return scene((160, 192), "RGGB", "texture", seed=3)


def run_away(monkeypatch):
    """From parameters for the coarsest step to where the size is met, without another fit on the way."""
    monkeypatch.setattr(rate.Search, "far", lambda self, step: False)
    approach = sizing._approach

    def lost(plain, size):
        candidate, _, _, search = approach(plain, size)
        fitted = candidate.fit(5000)
        return candidate, fitted, candidate.trial(5000, fitted)[0], search

    monkeypatch.setattr(sizing, "_approach", lost)


def test_begun_anew(picture, monkeypatch):
    right = coded(picture)
    run_away(monkeypatch)
    monkeypatch.setattr(sizing, "GROSS", 1 << 20)
    wrong = coded(picture)
    monkeypatch.setattr(sizing, "GROSS", 256)
    mended = coded(picture)
    assert wrong[1] < right[1] - 1, (right, wrong)
    assert mended[1] > right[1] - 0.3, (right, mended)
    assert 0.9 * SIZE < mended[0] <= SIZE


def test_refused_where_that_does_not_help(picture, monkeypatch):
    run_away(monkeypatch)
    monkeypatch.setattr(sizing, "MAX_ATTEMPTS", 1)
    with pytest.raises(InputError, match="far from where its parameters were fitted"):
        picture.encode(size=SIZE)
