"""Lossless coding: the mosaic comes back bit for bit, whatever is in it."""

import numpy as np
import pytest
from shots import shot

from bitstream.raw_image import CFA_PHASES, RawImage
from codec import decode, encode_arrays, info
from codec.trunk.companding import LOSSLESS, Companding


def round_trip(raw, jpeg):
    encoded = encode_arrays(raw, jpeg, lossless=True)
    assert info(encoded.jpeg).lossless
    return encoded, decode(encoded.jpeg).raw.mosaic


@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_every_phase_comes_back(cfa):
    taken = shot(2, cfa=cfa)
    encoded, mosaic = round_trip(taken.raw, taken.jpeg)
    assert np.array_equal(mosaic, taken.raw.mosaic)
    assert encoded.bpp < np.log2(len(np.unique(taken.raw.mosaic)))


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
    assert few.bpp < many.bpp - 0.5


def test_flat_places_cost_next_to_nothing():
    taken = shot(2)
    raw = taken.raw
    mosaic = raw.mosaic.copy()
    mosaic[: raw.mosaic.shape[0] // 2] = mosaic.max()
    half, back = round_trip(RawImage(mosaic, raw.cfa, raw.black, raw.white), taken.jpeg)
    full, _ = round_trip(raw, taken.jpeg)
    assert np.array_equal(back, mosaic)
    assert half.metadata_bytes < 0.6 * full.metadata_bytes


@pytest.mark.parametrize("fill", [0, 513, 65535])
def test_constant_and_extreme_mosaics(fill):
    taken = shot(2)
    raw = taken.raw
    mosaic = raw.mosaic.copy()
    mosaic[::3, ::5] = fill
    mosaic[-40:] = np.random.default_rng(0).integers(0, 65536, mosaic[-40:].shape)
    _, back = round_trip(RawImage(mosaic, raw.cfa, raw.black, raw.white), taken.jpeg)
    assert np.array_equal(back, mosaic)


@pytest.mark.parametrize(("white", "top"), [(1023, 1023), (4095, 4095), (15000, 16383), (65535, 65535), (1000, 65535)])
def test_used_values_stay_apart_when_companded(white, top):
    companding = Companding((0.0, 3.5, 100.0, 64.0), white, top, 8)
    assert (companding.used.diff(dim=1) > 0).all()
    assert (companding.steps(LOSSLESS, 4) >= 1).all()
