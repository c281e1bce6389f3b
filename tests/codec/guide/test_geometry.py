"""A JPEG laid over a mosaic: exact where samples meet sites, interpolated elsewhere, the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.planes import JpegPlanes
from rawinlay.codec.guide.geometry import SCALE_BITS, Geometry, Warp
from rawinlay.codec.guide.resample import NEUTRAL, padded_shape, resample

PX = 1 << 12
ONE = 1 << SCALE_BITS


def turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """What a viewer shows, written out from TIFF 6.0's table of where row 0 and column 0 go."""
    return {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.T,
        6: np.rot90(image, -1),
        7: image[::-1, ::-1].T,
        8: np.rot90(image, 1),
    }[orientation]


def planes_of(height: int, width: int, h: int = 2, v: int = 2, seed: int = 1) -> JpegPlanes:
    """Random samples from a formula, so that the golden hashes don't hang on a random generator."""

    def plane(rows: int, cols: int, salt: int) -> np.ndarray:
        i, j = np.arange(rows, dtype=np.uint64)[:, None], np.arange(cols, dtype=np.uint64)[None, :]
        n = (i * np.uint64(2654435761) + j * np.uint64(40503) + np.uint64(salt)) * np.uint64(11400714819323198485)
        return (n >> np.uint64(56)).astype(np.uint8)

    chroma = (-(-height // v), -(-width // h))
    return JpegPlanes(plane(height, width, seed), plane(*chroma, seed + 1), plane(*chroma, seed + 2), (h, v), ())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_identity_gives_the_jpegs_own_samples(orientation: int) -> None:
    mosaic_shape = (34, 46)
    jpeg_shape = mosaic_shape if orientation < 5 else mosaic_shape[::-1]
    planes = planes_of(*jpeg_shape)
    y, cb, cr = resample(planes, Geometry(orientation), *mosaic_shape)
    assert y.dtype == cb.dtype == cr.dtype == np.int16
    for ours, theirs in ((y, planes.y), (cb, planes.cb), (cr, planes.cr)):
        np.testing.assert_array_equal(turned(ours, orientation), theirs.astype(np.int32) * 16)


def test_whole_offsets_move_samples_and_edges_go_on() -> None:
    planes = planes_of(30, 40)
    y, cb, _ = resample(planes, Geometry(1, (-4 * PX, -6 * PX)), 38, 52)
    np.testing.assert_array_equal(y[4:34, 6:46], planes.y.astype(np.int32) * 16)
    np.testing.assert_array_equal(cb[2:17, 3:23], planes.cb.astype(np.int32) * 16)
    assert (y[:4] == y[4]).all() and (y[:, 46:] == y[:, 45:46]).all() and (cb[17:] == cb[16]).all()


@pytest.mark.parametrize("origin", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("shape", [(20, 26), (21, 27)])
def test_cells_may_begin_before_the_mosaic(origin: tuple[int, int], shape: tuple[int, int]) -> None:
    planes = planes_of(*shape, 1, 1)
    y, cb, cr = resample(planes, Geometry(), *shape, origin)
    assert y.shape == padded_shape(*shape, origin) and cb.shape == cr.shape == (y.shape[0] // 2, y.shape[1] // 2)
    rows = np.clip(np.arange(y.shape[0]) - origin[0], 0, shape[0] - 1)
    cols = np.clip(np.arange(y.shape[1]) - origin[1], 0, shape[1] - 1)
    np.testing.assert_array_equal(y, planes.y.astype(np.int32)[np.ix_(rows, cols)] * 16)
    # 4:4:4: the cell's average
    wide = planes.cb.astype(np.int32)[np.ix_(rows, cols)]
    average = 4 * (wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2])
    np.testing.assert_array_equal(cb, average)


def test_window_is_a_part_of_the_whole() -> None:
    planes = planes_of(60, 80)
    warp = Warp((30 * PX, 40 * PX), (9000, -7000, 3000, 100))
    for geometry in (Geometry(6, (333, 4444), (ONE * 3 // 4, ONE)), Geometry(2, (0, 0), warp=warp)):
        whole = resample(planes, geometry, 51, 77, (1, 0))
        part = resample(planes, geometry, 51, 77, (1, 0), (slice(3, 11), slice(20, 33)))
        np.testing.assert_array_equal(part[0], whole[0][6:22, 40:66])
        np.testing.assert_array_equal(part[1], whole[1][3:11, 20:33])
        np.testing.assert_array_equal(part[2], whole[2][3:11, 20:33])


def test_interpolation_follows_a_smooth_picture() -> None:
    def light(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        return 128 + 60 * np.sin(rows / 9) + 50 * np.cos(cols / 11 + rows / 30)

    i, j = np.mgrid[:120, :160].astype(float)
    plane = np.rint(light(i, j)).astype(np.uint8)
    planes = JpegPlanes(plane, plane, plane, (1, 1), ())
    rows, cols = np.mgrid[10:90, 10:100]
    geometry = Geometry(1, (round(2.3 * PX), round(-1.7 * PX)), (round(0.9 * ONE), round(1.1 * ONE)))
    y, _, _ = resample(planes, geometry, 100, 110)
    expected = light(rows * 0.9 + 2.3, cols * 1.1 - 1.7)
    assert np.abs(y[10:90, 10:100] / 16 - expected).max() < 1.0

    k = (0.02, -0.03, 0.01, 0.005)
    warp = Warp((round(60.5 * PX), round(77.25 * PX)), tuple(round(v * 2**20) for v in k))
    y, cb, _ = resample(planes, Geometry(1, warp=warp), 120, 160)
    for found, r, c in (
        (y[5:115, 5:155], *np.mgrid[5:115, 5:155]),
        (cb[4:56, 4:76], *(2 * np.mgrid[4:56, 4:76] + 0.5)),
    ):
        dy, dx = r - 60.5, c - 77.25
        rho = np.hypot(dy, dx) / (np.hypot(119, 159) / 2)
        growth = 1 + k[0] * rho + k[1] * rho**2 + k[2] * rho**3 + k[3] * rho**4
        assert np.abs(found / 16 - light(60.5 + dy * growth, 77.25 + dx * growth)).max() < 1.2


def test_grayscale_has_neutral_chroma() -> None:
    gray = planes_of(20, 30)
    y, cb, cr = resample(JpegPlanes(gray.y, None, None, (1, 1), ()), Geometry(), 20, 30)
    assert y.shape == (20, 30) and (cb == NEUTRAL).all() and (cr == NEUTRAL).all() and cb.shape == (10, 15)


numbers = st.integers(-(1 << 31), (1 << 31) - 1)


@given(
    st.integers(1, 8),
    st.tuples(numbers, numbers),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    st.none() | st.tuples(st.tuples(numbers, numbers), st.tuples(numbers, numbers, numbers, numbers)),
)
def test_any_geometry_is_kept_or_refused(orientation, offset, scale, warp) -> None:
    geometry = Geometry(orientation, offset, scale, None if warp is None else Warp(*warp))
    data = geometry.to_bytes()
    try:
        geometry.check()
    except StreamError:
        with pytest.raises(StreamError):
            Geometry.from_bytes(data)
    else:
        assert Geometry.from_bytes(data) == geometry
        for part in resample(planes_of(16, 18), geometry, 16, 18):
            assert 0 <= part.min() and part.max() <= 255 * 16


@given(st.binary(max_size=50))
def test_any_bytes_are_a_geometry_or_refused(data: bytes) -> None:
    try:
        geometry = Geometry.from_bytes(data)
    except StreamError:
        return
    assert Geometry.from_bytes(geometry.to_bytes()) == geometry


def test_identity_takes_one_byte() -> None:
    assert Geometry().to_bytes() == b"\0" and Geometry(8).to_bytes() == b"\7"
    assert len(Geometry(1, (4 * PX, 4 * PX)).to_bytes()) == 9


GOLDEN = {
    "half size": (Geometry(1, (-1024, -1024), (ONE // 2, ONE // 2)), (2, 2), "0cb09887745d2160ae50254d04eb8060"),
    "turned, odd offset": (Geometry(6, (3 * PX, 5 * PX)), (2, 1), "9be062d26888274d80e9a93763f69777"),
    "fractions": (Geometry(3, (1234, -999), (16_600_000, 16_900_000)), (2, 2), "707b8c67450c3865d025f434c589f281"),
    "warped": (
        Geometry(7, (70 * 40, -50), warp=Warp((60 * PX, 48 * PX), (-21824, 32500, -15900, 2300))),
        (1, 1),
        "e96bd8c25ce44660b6acc3ad5d936a72",
    ),
    "warped far out": (
        Geometry(1, (0, 0), warp=Warp((0, 0), (1 << 22, 1 << 22, -(1 << 22), 1 << 22))),
        (4, 1),
        "3feb0085733ca75f16d3b44a26b3d0fc",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_samples(name: str) -> None:
    geometry, (h, v), expected = GOLDEN[name]
    samples = resample(planes_of(121, 97, h, v), geometry, 101, 119, (1, 1))
    digest = hashlib.sha256(b"".join(part.astype("<i4").tobytes() for part in samples)).hexdigest()
    assert digest[:32] == expected
