"""Lossless coding: the mosaic comes back bit for bit, whatever is in it."""

import io

import numpy as np
import pytest
from PIL import Image
from rawinlay import decode, encode_arrays, info
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.raw_image import CFA_PHASES, RawImage
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.encode import encode_stream
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.mosaic.companding import LOSSLESS, Companding
from shots import shot


def round_trip(raw, jpeg):
    """Payload, and the mosaic decoded from it; the JPEG lies over the mosaic as it is, whatever was done to that."""
    planes = decode_planes(jpeg)
    payload = encode_stream(raw, planes, Geometry(), EncodeOptions.of(lossless=True), b"", len)
    return payload, Stream.from_bytes(payload).decode(planes)


def jpeg_of(picture):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=95)
    return out.getvalue()


def test_through_the_api():
    taken = shot(2)
    encoded = encode_arrays(taken.raw, taken.jpeg, lossless=True)
    assert info(encoded.jpeg).lossless
    assert np.array_equal(decode(encoded.jpeg).raw.mosaic, taken.raw.mosaic)
    assert info(encode_arrays(taken.raw, taken.jpeg, quality=40).jpeg).lossless is False


@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_every_phase_comes_back(cfa):
    taken = shot(2, cfa=cfa)
    payload, mosaic = round_trip(taken.raw, taken.jpeg)
    assert np.array_equal(mosaic, taken.raw.mosaic)
    assert 8 * len(payload) / mosaic.size < np.log2(len(np.unique(mosaic)))


def test_sparse_values_are_used():
    """A camera that uses one value in seven costs clearly less than one that uses them all."""
    taken = shot(2)
    raw = taken.raw
    step = 7
    sparse = RawImage(raw.mosaic // step * step, raw.cfa, (0.0,) * 4, raw.white)
    dense = RawImage(raw.mosaic, raw.cfa, (0.0,) * 4, raw.white)
    few, mosaic = round_trip(sparse, taken.jpeg)
    many, _ = round_trip(dense, taken.jpeg)
    assert np.array_equal(mosaic, sparse.mosaic)
    assert 8 * len(few) < 8 * len(many) - 0.5 * mosaic.size


def test_flat_places_cost_next_to_nothing():
    """A quarter of clipped white, in RAW and JPEG."""
    taken = shot(2)
    raw, rows = taken.raw, taken.raw.mosaic.shape[0] // 4
    mosaic = raw.mosaic.copy()
    mosaic[:rows] = mosaic.max()
    picture = np.array(Image.open(io.BytesIO(taken.jpeg)))
    picture[:rows] = 255
    part, back = round_trip(RawImage(mosaic, raw.cfa, raw.black, raw.white), jpeg_of(picture))
    rest, _ = round_trip(RawImage(mosaic[rows:], raw.cfa, raw.black, raw.white), jpeg_of(picture[rows:]))
    assert np.array_equal(back, mosaic)
    assert len(part) < 1.1 * len(rest)


@pytest.mark.parametrize("fill", [0, 513, 65535])
def test_constant_and_extreme_mosaics(fill):
    taken = shot(2)
    raw = taken.raw
    mosaic = raw.mosaic.copy()
    mosaic[::9, ::11] = fill
    mosaic[-8:] = np.random.default_rng(0).integers(0, 4 * raw.white, mosaic[-8:].shape).clip(0, 65535)
    _, back = round_trip(RawImage(mosaic, raw.cfa, raw.black, raw.white), taken.jpeg)
    assert np.array_equal(back, mosaic)


@pytest.mark.parametrize(("white", "top"), [(1023, 1023), (4095, 4095), (15000, 16383), (65535, 65535), (4000, 65535)])
def test_used_values_stay_apart_when_companded(white, top):
    companding = Companding((0.0, 3.5, 100.0, 64.0), white, top, 8)
    assert (np.diff(companding.used) > 0).all()
    assert (companding.steps(LOSSLESS, 4) >= 1).all()


def test_what_fits_without_loss_is_coded_so():
    taken = shot(2)
    exact = encode_arrays(taken.raw, taken.jpeg, lossless=True)
    roomy = encode_arrays(taken.raw, taken.jpeg, size=exact.metadata_bytes + 200)  # kept for grain and bias
    tight = encode_arrays(taken.raw, taken.jpeg, size=exact.metadata_bytes - 1000)
    assert info(roomy.jpeg).lossless and roomy.metadata_bytes == exact.metadata_bytes
    assert not info(tight.jpeg).lossless
    assert 0.97 * (exact.metadata_bytes - 1000) <= tight.metadata_bytes < exact.metadata_bytes - 1000
