"""--look-like: a known edit of the same scene is found to a hair, one of another scene roughly; strangers are told."""

import io

import numpy as np
import pytest
from landscape import landscape
from PIL import Image
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.develop import develop
from rawinlay.codec.looks import alike
from rawinlay.codec.looks.alike import Edit
from rawinlay.codec.simulator import simulate
from skimage.color import deltaE_ciede2000, rgb2lab

EDIT = Edit(0.4, 0.2, -0.25, 30, 0.3)


@pytest.fixture(scope="module")
def raw():
    return write_dng(simulate(landscape(96, 128), 3, odd_size=False, distortion=0.0, iso=100, median=0.2).raw)


def _jpeg(picture):
    out = io.BytesIO()
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(out, "JPEG", quality=95)
    return out.getvalue()


def test_the_same_scene(raw):
    plain = develop(raw, look="plain").picture / 255
    wanted = EDIT(plain)
    found = develop(raw, look=_jpeg(wanted))
    assert "same scene" in found.look
    wrong, before = (deltaE_ciede2000(rgb2lab(wanted), rgb2lab(p)).mean() for p in (found.picture / 255, plain))
    assert wrong < 3 < before


def test_another_scene(raw):
    """The direction of an edit is found in a scene that says nothing of the RAW's."""
    rng = np.random.default_rng(1)
    other = np.clip(landscape(64, 96)[::-1] * rng.uniform(0.9, 1.1, (64, 96, 1)), 0, 1).astype(np.float32)
    other = other / max(other.max(), 1e-6)
    change = [getattr(alike.edit_of(Edit(**{name: v})(other)), name) for name, v in
              (("saturation", -1.0), ("saturation", 0.8), ("blue", -0.5), ("blue", 0.5))]  # fmt: skip
    assert change[0] < change[1] and change[2] < change[3]
    assert "same" not in develop(raw, look=_jpeg(other)).look


def test_an_edit_as_a_table():
    rng = np.random.default_rng(2)
    picture = rng.random((20, 30, 3)).astype(np.float32)
    assert np.abs(EDIT.cube()(picture) - EDIT(picture)).mean() < 0.01
    assert np.abs(Edit()(picture) - picture).max() < 1e-3


def test_wrong_references(raw):
    with pytest.raises(InputError, match="look can be taken"):
        develop(raw, look=b"not a picture")
    with pytest.raises(UsageError, match="without another"):
        develop(raw, look=b"", auto=True)
    flat = np.zeros((40, 40, 3))
    assert np.isfinite(alike.statistics(flat)).all() and np.isfinite(develop(raw, look=_jpeg(flat)).picture).all()
