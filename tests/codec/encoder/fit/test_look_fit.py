"""Fitting the second look: it brings the prediction nearer, keeps its mean, and is taken where it saves bytes."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.choose_recipe import with_look
from rawinlay.codec.encoder.effort import Effort
from rawinlay.codec.encoder.fit import look as fitting
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.recipe.side import Window
from scenes import scene

STEP = 3000


def job_of(picture):
    header = Stream.from_bytes(picture.encode(quality=50, effort=1)).header
    return Job.of(picture.raw, picture.planes, picture.geometry, header, len, EncodeOptions(effort=Effort()))


@pytest.fixture(scope="module")
def picture():
    return scene((208, 240), "GRBG", "edges", seed=3, subsampling=0)


@pytest.mark.parametrize("share", [2e-5, 0.02])
def test_nearer_and_as_bright(picture, share, monkeypatch):
    """Also where coefficients are coarse: what their rounding changes is made up for by the last one, which is fine."""
    monkeypatch.setattr(fitting, "PRECISION", (share, share))
    job = job_of(picture)
    recipe = job.recipes.plain
    looked = with_look(job.picture, recipe, STEP)
    h, w = job.picture.layout.cells
    true = job.picture.companding.level(job.picture.layout.pack(picture.raw.mosaic))
    before, after = (
        job.picture.side_info.prediction(Window(((0, 0),), h, w), r, job.picture.companding)[0] - true
        for r in (recipe, looked)
    )
    assert np.abs(after).mean() < 0.93 * np.abs(before).mean()
    assert (np.abs(np.median(after, (1, 2))) < 0.1 * np.median(np.abs(after), (1, 2))).all()


def test_saves_bytes(picture):
    """Lossless and not, with it and without; what is decoded is checked by the encoder itself."""
    for options in ({"quality": 80}, {"lossless": True}):
        with_it = picture.encode(**options)
        without = picture.encode(effort=Effort(look=False), **options)
        assert Stream.from_bytes(with_it).recipe.look and not Stream.from_bytes(without).recipe.look
        assert len(with_it) < 0.997 * len(without)


def test_low_efforts_have_none(picture):
    assert Stream.from_bytes(picture.encode(quality=80, effort=1)).recipe.look is None


def test_layers(picture):
    """Every layer's prediction is the corrected one; the encoder decodes it again."""
    payload = picture.encode(lossless=True, layers=(0.5,))
    stream = Stream.from_bytes(payload)
    assert stream.recipe.look and np.array_equal(stream.decode(picture.planes), picture.raw.mosaic)


@pytest.mark.parametrize("kind", ["grey", "small", "flat"])
def test_any_jpeg(kind):
    """A JPEG without chroma, of another scale, a picture of nothing: a fit or none, never an error."""
    import io

    from PIL import Image

    whole = scene((64, 72), "RGGB", seed=1)
    image = Image.open(io.BytesIO(whole.jpeg))
    image = image.convert("L") if kind == "grey" else image.resize((36, 32)) if kind == "small" else image
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    geometry = replace(whole.geometry, scale=(1 << 23, 1 << 23)) if kind == "small" else whole.geometry
    raw = whole.raw if kind != "flat" else replace(whole.raw, mosaic=np.full((64, 72), 700, np.uint16))
    picture = replace(whole, raw=raw, jpeg=out.getvalue(), geometry=geometry)
    job = job_of(picture)
    looked = with_look(job.picture, job.recipes.plain, STEP)
    assert looked is None or looked.look.check() is None
    payload = picture.encode(lossless=True)
    assert np.array_equal(Stream.from_bytes(payload).decode(picture.planes), raw.mosaic)
