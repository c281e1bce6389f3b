"""Which guide the encoder takes: the JPEG where it helps, our own rendering where that is cheaper; no bad JPEG costs
more than none."""

import dataclasses

import numpy as np
import pytest
from rawinlay.bitstream.errors import UsageError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.rect import Rect
from rawinlay.codec.api import decode_arrays, encode_arrays
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import guides
from rawinlay.codec.encoder.encode import encode_stream
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.guide_report import GuideReport
from scenes import painted, scene

SHAPE = (160, 192)


def picture(**options):
    return scene(SHAPE, "GRBG", seed=5, bits=12, black=(64,) * 4, **options)


GOOD = picture()
HALF = painted(GOOD, np.s_[:], np.s_[96:])
FOREIGN = painted(GOOD, np.s_[:], np.s_[:])


def decoded(scene, payload):
    return Stream.from_bytes(payload).decode(scene.planes)


def error(scene, payload):
    return float(np.mean((decoded(scene, payload).astype(float) - scene.raw.mosaic) ** 2))


def test_a_good_jpeg_is_the_guide(monkeypatch):
    """And nothing else is tried."""
    monkeypatch.setattr(guides.Chooser, "_own", lambda *_: pytest.fail("our own guide was tried"))
    for options in ({"quality": 60}, {"bpp": 2.0}, {"lossless": True}):
        assert Stream.from_bytes(GOOD.encode(**options)).gate is None


def test_the_half_that_is_something_else():
    """Has our own guide, at fewer bytes than with the JPEG everywhere, or with none at all; the other half the JPEG."""
    payload = HALF.encode(quality=80)
    own = Stream.from_bytes(payload).gate.blocks.own
    assert own[:, 4:].all() and not own[:, :2].any()
    assert len(payload) < len(HALF.encode(quality=80, guide="none"))
    report = GuideReport.of(payload)
    assert 0.35 < report.share < 0.65 and 300 < report.own_bytes < 3000
    assert "isn't in the JPEG" in report.warnings()[0] and str(report.own_bytes) in report.warnings()[0]


@pytest.mark.parametrize("options", [{"quality": 60}, {"bpp": 2.5}, {"lossless": True}])
def test_a_foreign_jpeg_costs_no_more_than_none(options):
    foreign, none = FOREIGN.encode(**options), FOREIGN.encode(**options, guide="none")
    assert len(foreign) <= 1.02 * len(none) and error(FOREIGN, foreign) <= 1.05 * error(FOREIGN, none)
    gate = Stream.from_bytes(foreign).gate
    assert gate and gate.blocks is None
    assert "doesn't help" in GuideReport.of(foreign).warnings()[0]


def test_beyond_the_jpegs_edge(monkeypatch):
    """A JPEG that is cropped: what lies outside has our own guide, at a quarter of the error."""
    cut = scene((288, 224), "GRBG", seed=5, bits=12, black=(64,) * 4, jpeg_shape=(192, 224))
    payload = cut.encode(bpp=1.0)
    own = Stream.from_bytes(payload).gate.blocks.own
    assert own[6:].mean() > 0.8 and not own[:6].any()
    monkeypatch.setattr(guides, "doubtful_share", lambda *_: 0.0)
    assert error(cut, payload) < 0.6 * error(cut, cut.encode(bpp=1.0))


def test_another_place():
    """Where the JPEG doesn't fit, the other places that were found are tried."""
    wrong = dataclasses.replace(GOOD, geometry=Geometry(3))
    growth = Jpeg(GOOD.jpeg).growth
    for places in ([Geometry(2), Geometry(), Geometry(4)], []):
        options = EncodeOptions.of(quality=60)
        payload = encode_stream(wrong.raw, wrong.planes, wrong.geometry, options, b"", growth, places)
        stream = Stream.from_bytes(payload)
        assert (stream.geometry, stream.gate) == (Geometry(), None) if places else stream.gate is not None


def test_none_leaves_the_jpeg_out():
    """Whatever it shows; by arrays and files, in layers, cropped."""
    found = encode_arrays(FOREIGN.raw, FOREIGN.jpeg, lossless=True, guide="none", trimmable=True)
    assert (found.guided, found.warnings, found.alignment) == (0.0, (), "none asked for")
    assert np.array_equal(decode_arrays(found.jpeg).mosaic, FOREIGN.raw.mosaic)
    part = decode_arrays(found.jpeg, crop=(32, 16, 64, 48)).mosaic
    assert np.array_equal(part, FOREIGN.raw.mosaic[16:64, 32:96])


def test_layers_and_crops_with_blocks():
    payload = HALF.encode(tune="psnr", bpp=3.0, trimmable=True)
    stream = Stream.from_bytes(payload)
    assert stream.gate.blocks and stream.layer_count > 1
    whole = stream.decode(HALF.planes)
    from rawinlay.codec.decoder.crop import cells_of

    crop = Rect.at(60, 20, 70, 90)
    part = stream.decode(HALF.planes, box=cells_of(crop, stream.layout))
    assert np.array_equal(part[20:110, 60:130], whole[20:110, 60:130])


def test_what_guide_may_be():
    with pytest.raises(UsageError, match="guide 'own'"):
        EncodeOptions.of(guide="own")


def test_a_jpeg_that_is_to_be_trusted():
    assert Stream.from_bytes(HALF.encode(quality=60, guide="jpeg")).gate is None


def test_small_pictures_are_not_doubted():
    small = painted(scene((40, 56)), np.s_[:], np.s_[:])
    assert Stream.from_bytes(small.encode(quality=50)).gate is None
    assert Stream.from_bytes(small.encode(quality=50, guide="none")).gate is not None


def test_a_size_in_a_small_picture_is_coded_with_each_guide(monkeypatch):
    """The least error is kept, whatever the sample windows say of a JPEG that covers a part."""
    cut = scene((160, 192), "GRBG", seed=5, bits=12, black=(64,) * 4, jpeg_shape=(112, 192))
    none = error(cut, cut.encode(bpp=1.0, guide="none"))
    real = guides.Scale.cost

    def misled(self, job):
        """The JPEG alone seems to cost next to nothing."""
        cost = real(self, job)
        return dataclasses.replace(cost, value=0.0) if job.gate is None else cost

    monkeypatch.setattr(guides.Scale, "cost", misled)
    assert error(cut, cut.encode(bpp=1.0)) <= none
