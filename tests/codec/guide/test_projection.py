"""codec.guide.projection: a JPEG over a mosaic that it was straightened or lens-corrected from, the same everywhere."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from guarded import guarded
from hypothesis import given
from hypothesis import strategies as st
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.planes import JpegPlanes
from rawinlay.codec.guide.geometry import SCALE_BITS, Geometry, Warp
from rawinlay.codec.guide.projection import FAR, Projection
from rawinlay.codec.guide.resample import _CUBIC, _LINEAR, _split, resample
from rawinlay.codec.guide.resample_kernels import at_projected
from test_geometry import planes_of
from test_resample_kernels import between, plane

ONE = 1 << SCALE_BITS


def homography(degrees=2.0, scale=1.0, shift=(3.3, -4.6), tilt=(2e-5, -3e-5)):
    angle = np.radians(degrees)
    line = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.block([[line, np.array(shift)[:, None]], [np.array(tilt), 1.0]])


def in_floats(rows, cols, shape, h, centre, lens=(0, 0, 0, 0), a=0.0, b=0.0):
    """JPEG positions written out: rows, cols of the turned mosaic."""
    rho = np.hypot(shape[0] - 1, shape[1] - 1) / 2
    d = np.stack([rows - centre[0], cols - centre[1]]) / rho
    d = d * (1 + a + b * (d * d).sum(0))
    r = np.sqrt((d * d).sum(0))
    d = d * (1 + sum(k * r**n for n, k in enumerate(lens, 1)))
    p = np.tensordot(h, np.stack([d[0] * rho + centre[0], d[1] * rho + centre[1], np.ones_like(r)]), 1)
    return p[:2] / p[2]


@pytest.mark.parametrize("colour", [0, 1, 2])
@pytest.mark.parametrize("lens", [(0, 0, 0, 0), (0.15, 0, 0, 0), (-0.02, -0.2, 0.1, -0.03), (0.0, 0.15, 0.0, 0.0)])
def test_floats_are_kept_to_a_hundredth_pixel_on_a_long_side(lens, colour):
    """12,000 px: what the stream's whole numbers move is below 1/200 px, here even 1/500."""
    shape, h, centre = (9000, 12000), homography(tilt=(4e-6, -7e-6)), (4300.7, 6100.1)
    chromatic = (0.0004, -0.0002, -0.0003, 0.0005)
    geometry = Geometry.of_map(1, shape, h, centre, lens, chromatic)
    rows, cols = np.linspace(0, shape[0] - 1, 60).astype(int), np.linspace(0, shape[1] - 1, 80).astype(int)
    found = np.stack(geometry.laid(2 * rows, 2 * cols, shape, (1, 1), colour)) / 4096
    a, b = (chromatic[0:2], (0, 0), chromatic[2:4])[colour]
    wanted = in_floats(*np.meshgrid(rows, cols, indexing="ij"), shape, h, centre, lens, a, b)
    assert np.abs(found - wanted).max() < 1 / 500


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_plain_projection_is_offset_and_scale(orientation):
    planes, shape = planes_of(61, 77), (50, 60)
    plain = Geometry(orientation, (1000, -3000), (ONE // 2, ONE // 2))
    h = np.array([[0.5, 0, 1000 / 4096], [0, 0.5, -3000 / 4096], [0, 0, 1]])
    ours = resample(planes, Geometry.of_map(orientation, shape, h), *shape, (1, 0))
    for one, other in zip(ours, resample(planes, plain, *shape, (1, 0)), strict=True):
        assert np.abs(one.astype(int) - other).max() <= 64  # a phase of 1/64 may round the other way
        assert (one == other).mean() > 0.95


@pytest.mark.parametrize("orientation", range(1, 9))
def test_red_and_blue_move_apart(orientation):
    """A picture that is a ramp along its rows: the samples are the positions, by colour."""
    shape, turned = (48, 64), (48, 64) if orientation < 5 else (64, 48)
    ramp = np.broadcast_to(np.arange(turned[1]) * 3, turned).astype(np.uint8)
    planes = JpegPlanes(np.ascontiguousarray(ramp), None, None, (1, 1), ())
    chromatic = (0.02, 0.01, -0.03, 0.02)
    geometry = Geometry.of_map(orientation, shape, np.eye(3), chromatic=chromatic)
    for origin in ((0, 0), (0, 1), (1, 1)):
        y, _, _ = resample(planes, geometry, *shape, origin)
        y = y[origin[0] :, origin[1] :][: shape[0], : shape[1]]
        for i in (0, 1):
            for j in (0, 1):
                colour = (i + origin[0]) % 2 + (j + origin[1]) % 2
                _, xs = geometry.laid(2 * np.arange(i, 48, 2), 2 * np.arange(j, 64, 2), shape, turned, colour)
                wanted = np.clip(xs / 4096, 0, turned[1] - 1) * 3
                inner = (slice(4, -4), slice(4, -4))
                assert np.abs(y[i::2, j::2] / 16 - wanted)[inner].max() < 0.2


def test_cells_of_another_phase():
    """As if they began at red, moved by a site."""
    planes, shape = planes_of(60, 80), (52, 76)
    geometry = Geometry.of_map(1, shape, homography(), chromatic=(0.02, 0, -0.01, 0))
    ours, _, _ = resample(planes, geometry, *shape, cfa="GBRG")
    wanted, _, _ = resample(planes, geometry, *shape, (1, 0))
    np.testing.assert_array_equal(ours, wanted[1 : 1 + shape[0]])


def test_window_is_a_part_of_the_whole():
    planes, shape = planes_of(60, 80), (51, 77)
    for orientation in (1, 6):
        geometry = Geometry.of_map(orientation, shape, homography(), (20, 30), (0.1, 0, 0, 0), (0.01, 0, -0.01, 0.01))
        whole = resample(planes, geometry, *shape, (1, 0))
        part = resample(planes, geometry, *shape, (1, 0), (slice(3, 11), slice(20, 33)))
        for n, (one, other) in enumerate(zip(part, whole, strict=True)):
            box = (slice(6, 22), slice(40, 66)) if n == 0 else (slice(3, 11), slice(20, 33))
            np.testing.assert_array_equal(one, other[box])


@pytest.mark.parametrize("weights, factors", [(_CUBIC, (1, 1)), (_LINEAR, (1, 1)), (_LINEAR, (2, 4))])
@pytest.mark.parametrize("chromatic", [(0, 0, 0, 0), (1 << 22, -(1 << 20), -(1 << 21), 12345)], ids=["plain", "apart"])
def test_the_kernel_follows_the_formula(chromatic, weights, factors):
    """`Projection.positions`, then the grid's sample at every place by itself; rows from the middle of a picture."""
    shape, size = (40, 56), (13, 19)
    picture, other = plane(size), plane(size, 9)
    h = homography(7.0, 0.3 * factors[0], tilt=(3e-3, -2e-3))
    projection = replace(Projection.of_map(shape, h, (12, 30), (0.1, -0.2, 0.3, -0.1)), chromatic=chromatic)
    rows2, cols2 = np.arange(10, 40, 2) - 2, np.arange(-2, 70, 4)
    colours = np.resize(np.arange(3), (2, len(cols2)))
    along = np.array([[projection.shift(int(c)) for c in line] for line in colours]).transpose(2, 0, 1)
    along = np.ascontiguousarray(along if any(chromatic) else along[:, :1, :0])
    outs = tuple(np.empty((len(rows2), len(cols2)), np.int16) for _ in range(2))
    log2 = tuple(f.bit_length() - 1 for f in factors)
    _, found = guarded(at_projected, (picture, other), rows2.astype(float), cols2.astype(float), 3,
                       projection.numbers(shape), along, log2, weights, outs, into=[8])  # fmt: skip
    for i in range(len(rows2)):
        for j in range(len(cols2)):
            colour = int(colours[(3 + i) % 2, j])
            at = projection.positions(rows2[i : i + 1, None], cols2[None, j : j + 1], shape, colour)
            pair = [_split(v.reshape(1), factor) for v, factor in zip(at, factors, strict=True)]
            for one, out in zip((picture, other), found, strict=True):
                assert out[i, j] == between(one, *(int(v[0]) for both in pair for v in both), weights)


int32 = st.integers(-(1 << 31), (1 << 31) - 1)
some = st.sampled_from([0, 1, -1, 1 << 22, -(1 << 24), 1 << 24, 1 << 26, 1 << 28, 3 << 28])


@given(st.lists(st.one_of(int32, some), min_size=18, max_size=18), st.integers(1, 8))
def test_any_numbers_are_kept_or_refused(n, orientation):
    projection = Projection((n[0], n[1]), tuple(n[2:6]), (n[6], n[7]), (n[8], n[9]), tuple(n[10:14]), tuple(n[14:18]))
    data = projection.to_bytes()
    if not projection.in_range:
        with pytest.raises(StreamError):
            Projection.from_bytes(data)
        with pytest.raises(StreamError):
            resample(planes_of(16, 18), Geometry(orientation, projection=projection), 16, 18)
        return
    assert Projection.from_bytes(data) == projection and 25 <= len(data) <= 73
    geometry = Geometry(orientation, projection=projection)
    assert Geometry.from_bytes(geometry.to_bytes(), geometry.section) == geometry
    for part in resample(planes_of(16, 18), geometry, 16, 18, (1, 1)):
        assert 0 <= part.min() and part.max() <= 255 * 16


@given(st.binary(max_size=80))
def test_any_bytes_are_a_projection_or_refused(data):
    try:
        projection = Projection.from_bytes(data)
    except StreamError:
        return
    assert Projection.from_bytes(projection.to_bytes()) == projection


def test_a_geometry_stands_in_one_place():
    projection = Projection((0, 0), (ONE, 0, 0, ONE))
    assert Geometry.from_bytes(b"\3", projection.to_bytes()) == Geometry(4, projection=projection)
    assert Geometry(4, projection=projection).to_bytes() == b"\3"
    warped = Geometry(1, warp=Warp((0, 0), (1, 0, 0, 0)))
    for other in (Geometry(1, (5, 0)), Geometry(1, scale=(ONE // 2, ONE)), warped):
        with pytest.raises(StreamError, match="stands twice"):
            Geometry.from_bytes(other.to_bytes(), projection.to_bytes())
        assert not replace(other, projection=projection).in_range


@pytest.mark.parametrize(
    "h",
    [
        np.full((3, 3), np.nan), np.diag([1.0, 1.0, 0.0]), np.diag([1.0, -1.0, 1.0]), np.diag([1e-5, 1.0, 1.0]),
        np.diag([5.0, 1.0, 1.0]), homography(tilt=(0.02, 0.02)), homography(shift=(1e6, 0)), np.zeros((3, 3)),
    ],
    ids=["nan", "no h33", "mirror", "flat", "large", "horizon in the picture", "far off", "zeros"],
)  # fmt: skip
def test_a_trial_out_of_range_is_told(h):
    """An encoder's trial that ran away loses; nothing is raised."""
    assert not Geometry.of_map(1, (300, 400), h).in_range


def test_wild_positions_stay_bounded():
    most = Projection((1 << 28, -(1 << 28)), (1 << 26, 0, 0, 1 << 26), (3 << 28, 0), (1 << 25, 1 << 25), (1 << 28,) * 4)
    assert most.in_range
    for v in most.positions(np.array([[0], [131070]]), np.array([[0, 131070]]), (65536, 65536)):
        assert np.abs(v).max() <= FAR


GOLDEN = {
    1: "77f5df44bad2198fecbf3dc4636cf38f",
    6: "4436a1c6b4dd1c04add7c911fa718310",
}


@pytest.mark.parametrize("orientation", GOLDEN)
def test_golden_samples(orientation):
    shape = (101, 119)
    projection = Projection(
        (50 << 12, 61 << 12), (16_000_000, 900_000, -800_000, 15_500_000), (60_000_000, -30_000_000), (90_000, -70_000),
        (1_300_000, -6_000_000, 2_000_000, -900_000), (300_000, -100_000, -250_000, 80_000),
    )  # fmt: skip
    samples = resample(planes_of(121, 97, 2, 1), Geometry(orientation, projection=projection), *shape, (1, 1))
    digest = hashlib.sha256(b"".join(part.astype("<i4").tobytes() for part in samples)).hexdigest()
    assert digest[:32] == GOLDEN[orientation]
