"""Mosaic and JPEG to a stream and back, whatever their phase, size, levels and rate."""

from dataclasses import replace

import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.further import sizes
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.raw_image import CFA_PHASES, RawImage
from rawinlay.bitstream.stream.header import LOSSLESS_STEP
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.encode import encode_stream
from rawinlay.codec.encoder.job import Job
from rawinlay.codec.encoder.options import EncodeOptions
from rawinlay.codec.encoder.picture import CpuEncoder
from rawinlay.codec.encoder.rate import TOLERANCE
from rawinlay.codec.guide.geometry import Geometry, Warp
from scenes import KINDS, scene
from shots import shot


def coded(picture, **options):
    """Encode, decode: payload and mosaic."""
    payload = picture.encode(**options)
    mosaic = Stream.from_bytes(payload).decode(picture.planes)
    assert mosaic.dtype == np.uint16 and mosaic.shape == picture.raw.mosaic.shape
    assert mosaic.max() <= max(picture.raw.mosaic.max(), 1)
    return payload, mosaic


def psnr(raw, mosaic):
    black = np.tile(np.array(raw.black).reshape(2, 2), [-(-n // 2) for n in mosaic.shape])
    black = black[: mosaic.shape[0], : mosaic.shape[1]]
    linear = lambda x: np.clip((x - black) / (raw.white - black), 0, 1)  # noqa: E731
    return -10 * np.log10(((linear(raw.mosaic) - linear(mosaic)) ** 2).mean() + 1e-12)


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("shape", [(48, 64), (49, 63)])
def test_phases_and_odd_sizes(cfa, shape):
    picture = scene(shape, cfa)
    _, mosaic = coded(picture, quality=100)
    assert psnr(picture.raw, mosaic) > 70
    assert np.abs(mosaic.astype(int) - picture.raw.mosaic).max() < 30


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 40), (8, 8), (17, 31)])
@pytest.mark.parametrize("cfa", ["RGGB", "BGGR"])
def test_tiny(shape, cfa):
    picture = scene(shape, cfa)
    coded(picture, quality=0)
    assert psnr(picture.raw, coded(picture, quality=100)[1]) > 60


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("shape", [(2, 2), (17, 31)])
def test_lossless(cfa, shape):
    picture = scene(shape, cfa, black=(512, 500.5, 520, 530.25))
    payload, mosaic = coded(picture, lossless=True)
    assert np.array_equal(mosaic, picture.raw.mosaic)
    assert Stream.from_bytes(payload).header.step == LOSSLESS_STEP


NOISE = np.random.default_rng(1).integers(0, 65536, (32, 40)).astype(np.uint16)
ODD_ONES = {
    "noise": (NOISE, 16),
    "black": (NOISE * 0, 14),
    "clipped": (np.minimum(NOISE, 16383), 14),
    "few values": (NOISE // 4096 * 4096, 16),
    "two values": (NOISE % 2 * 16383, 14),
    "every 16-bit value": (np.arange(65536, dtype=np.uint16).reshape(256, 256), 16),
    "below black": (NOISE % 64, 14),
}


@pytest.mark.parametrize("name", ODD_ONES)
def test_lossless_whatever_it_is(name):
    mosaic, bits = ODD_ONES[name]
    picture = scene(mosaic.shape, mosaic=mosaic, bits=bits)
    payload, decoded = coded(picture, lossless=True)
    assert np.array_equal(decoded, mosaic)
    if name == "black":
        assert len(payload) < 800


@pytest.mark.parametrize("kind", KINDS)
def test_more_bytes_less_error(kind):
    picture = scene((64, 80), kind=kind)
    results = [coded(picture, quality=q, tune="psnr") for q in (0, 50, 100)]
    sizes, errors = [len(p) for p, _ in results], [psnr(picture.raw, m) for _, m in results]
    assert sizes == sorted(sizes) and errors == sorted(errors)
    assert sizes[0] < 1500 and errors[0] > 20 and errors[-1] > 70


def test_a_simulated_shot():
    taken = shot(1, (128, 160))
    planes = decode_planes(taken.jpeg)
    growth = sizes(Jpeg(taken.jpeg).growth)
    payload = encode_stream(taken.raw, planes, Geometry(), EncodeOptions.of(quality=60), b"some tags", growth)
    stream = Stream.from_bytes(payload)
    assert stream.header.tags == b"some tags"
    assert psnr(taken.raw, stream.decode(planes)) > 35


def test_levels_by_site_and_values_above_white():
    picture = scene((48, 64), "GRBG", black=(300, 512.5, 600, 470.25), white=9000, seed=4)
    picture.raw.mosaic[:9, :9] = 16383
    _, mosaic = coded(picture, quality=100)
    assert np.abs(mosaic.astype(int) - picture.raw.mosaic).max() < 30
    assert (mosaic[:9, :9] > 16000).all()


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_depths(bits):
    picture = scene((48, 64), bits=bits, black=((1 << bits) // 64,) * 4)
    _, mosaic = coded(picture, quality=100)
    assert psnr(picture.raw, mosaic) > 70


def test_a_set_of_used_values():
    """Sent where it is sparse and the rate not low; what comes out is then in the set."""
    dense = scene((96, 128))
    picture = scene((96, 128), mosaic=dense.raw.mosaic // 24 * 24 + 5)
    used = set(np.unique(picture.raw.mosaic).tolist())
    payload, mosaic = coded(picture, quality=90)
    assert Stream.from_bytes(payload).header.values
    assert set(np.unique(mosaic).tolist()) <= used
    assert not Stream.from_bytes(picture.encode(quality=20)).header.values


@pytest.mark.parametrize("value", [0, 1, 512, 700, 16383])
def test_a_constant_mosaic(value):
    """Whatever the JPEG shows: few bytes, little error, at both ends of the rate."""
    picture = scene((32, 48), kind="texture", mosaic=np.full((32, 48), value, np.uint16))
    for quality in (0, 100):
        payload, mosaic = coded(picture, quality=quality)
        assert len(payload) < 900
        assert np.abs(mosaic.astype(int) - value).max() <= max(4, 0.002 * value)


def test_a_constant_guide():
    """A JPEG that shows nothing: the picture is coded all the same."""
    picture = scene((48, 64))
    flat = scene((48, 64), noise=0, mosaic=picture.raw.mosaic)
    planes = replace(flat.planes, **{name: np.full_like(getattr(flat.planes, name), 128) for name in ("y", "cb", "cr")})
    growth = sizes(Jpeg(flat.jpeg).growth)
    payload = encode_stream(picture.raw, planes, Geometry(), EncodeOptions.of(quality=90, tune="psnr"), b"", growth)
    assert psnr(picture.raw, Stream.from_bytes(payload).decode(planes)) > 60


def test_random_numbers():
    """No structure at all in the mosaic, over the whole range of 16 bits."""
    noise = np.random.default_rng(0).integers(0, 65536, (32, 48)).astype(np.uint16)
    picture = scene((32, 48), bits=16, mosaic=noise)
    assert psnr(picture.raw, coded(picture, quality=0)[1]) > 5
    payload, mosaic = coded(picture, quality=100)
    # 14 of 16 bits, the recipe, and parameters that have little to go by
    assert psnr(picture.raw, mosaic) > 70 and len(payload) < 2 * noise.size + 3100


def test_tune():
    """psnr: less error in the light. edit: less error in the dark, at about the same size."""
    picture = scene((128, 160), "GBRG", seed=3)
    size = 6000
    errors = {}
    dark = picture.raw.mosaic < 1500
    assert 0.05 < dark.mean() < 0.95
    for tune in ("psnr", "edit"):
        _, mosaic = coded(picture, size=size, tune=tune)
        error = (mosaic.astype(float) - picture.raw.mosaic) ** 2
        errors[tune] = error[dark].mean(), error[~dark].mean()
    assert errors["edit"][0] < errors["psnr"][0] and errors["edit"][1] > errors["psnr"][1]


@pytest.mark.parametrize("bpp", [0.6, 2.0, 6.0])
def test_targets_are_met(bpp):
    """Of what carries the stream some 430 bytes are the same for any: they are no part of what can be met. Under `edit`
    sections follow, for which `codec.encoding` keeps bytes."""
    picture = scene((160, 200), seed=2)
    size = Jpeg(picture.jpeg).growth(int(bpp * picture.raw.mosaic.size / 8))
    payload = picture.encode(size=size, tune="psnr")
    grown = Jpeg(picture.jpeg).growth(len(payload))
    assert TOLERANCE * size <= grown <= size
    assert len(embed.embed(picture.jpeg, payload)) - len(picture.jpeg) == grown


def test_a_target_beyond_all_detail():
    """More bytes than the finest step needs: the finest step, and no complaint."""
    picture = scene((16, 16))
    _, mosaic = coded(picture, size=1_000_000)
    assert np.array_equal(mosaic, picture.raw.mosaic)


@pytest.mark.parametrize("size", [1, 150, 300])
def test_unreachable_targets(size):
    with pytest.raises(UsageError, match=r"need|no step"):
        scene((48, 64)).encode(size=size)


@pytest.mark.parametrize("shape", [(1, 8), (8, 1), (0, 0), (2, 70000)])
def test_impossible_sizes(shape):
    picture = scene((8, 8))
    raw = RawImage(np.zeros(shape, np.uint16), "RGGB", (0.0,) * 4, 1000)
    with pytest.raises(InputError, match="outside what the format holds"):
        encode_stream(raw, picture.planes, Geometry(), EncodeOptions.of(quality=50), b"", len)


def test_impossible_levels():
    picture = scene((8, 8))
    raw = RawImage(picture.raw.mosaic, "RGGB", (16000.0,) * 4, 16001)
    with pytest.raises(InputError, match="levels"):
        encode_stream(raw, picture.planes, Geometry(), EncodeOptions.of(quality=50), b"", len)


@pytest.mark.parametrize(
    "options",
    [
        {"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"progressive": True},
        {"jpeg_shape": (60, 72), "geometry": Geometry(1)},
        {"geometry": Geometry(1, (1000, -3000), (1 << 24, 1 << 24), Warp((100_000, 100_000), (9000, -4000, 0, 500)))},
        {"geometry": Geometry(1, (0, 0), (1 << 23, 1 << 23))},
    ],
)  # fmt: skip
def test_kinds_of_guide(options):
    picture = scene((48, 64), seed=6, **options)
    _, mosaic = coded(picture, quality=80)
    assert psnr(picture.raw, mosaic) > 50


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_turned_guides(orientation):
    """Right or wrong, an orientation decodes as it encoded."""
    picture = scene((40, 40), "BGGR", geometry=Geometry(orientation))
    _, mosaic = coded(picture, quality=90)
    assert psnr(picture.raw, mosaic) > 55


def test_progress():
    seen = []
    scene((48, 64)).encode(quality=50, progress=lambda what, share: seen.append((what, share)))
    assert {what for what, _ in seen} == {"fitting", "coding", "checking"}
    assert all(0 <= share <= 1 for _, share in seen) and seen[-1] == ("checking", 1.0)


def test_tiles_keep_their_transform_while_the_rate_is_searched(monkeypatch):
    """A tile that changes its transform makes the bytes jump over the target."""
    chosen = []
    plain = CpuEncoder.encode

    def encode(self, step, fitted, side, price, transforms, *more):
        coded = plain(self, step, fitted, side, price, transforms, *more)
        assert coded.transforms == transforms
        chosen.append(transforms)
        return coded

    monkeypatch.setattr(CpuEncoder, "encode", encode)
    monkeypatch.setattr(Job, "side", lambda self, bits: 64)
    scene((300, 400), "RGGB").encode(size=6000)
    assert len(chosen) > 1 and len(chosen[0]) > 10 and all(transforms == chosen[0] for transforms in chosen)
