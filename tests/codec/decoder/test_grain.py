"""`decode --grain`: the noise that coding took away, with its variance by level, the same whatever is decoded of it."""

import json
from dataclasses import replace

import goldens
import numpy as np
import pytest
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.stream.header import Header
from rawinlay.bitstream.stream.noise import NOISE_BYTES, CarriedNoise
from rawinlay.bitstream.tiff.tiff import read_tiff, value_text
from rawinlay.codec import api, decoding
from rawinlay.codec.cli.main import main
from rawinlay.codec.decoder import grain
from rawinlay.codec.decoder.grain import Grain
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.fit.noise_kernels import BLOCK, SIDE, of_blocks
from rawinlay.codec.encoder.grain import SECTION_BYTES, carried_noise
from rawinlay.codec.mosaic.layout import Layout
from rawinlay.codec.mosaic.noise import NOISE_PROFILE, Noise, Profile, told
from rawinlay.codec.source.raw import read_raw
from shots import shot

BLACK, WHITE = 512.0, 15000


@pytest.fixture(scope="module")
def noisy():
    """A shot at ISO 3200 and the JPEG that a camera smooths, encoded at few bits."""
    taken = shot(4, (400, 600), (0, 0), iso=3200, median=0.05, denoise="wavelet", luma_denoise=1.0)
    return taken, api.encode_arrays(taken.raw, taken.jpeg, bpp=0.5)


def header(height, width, cfa="GBRG"):
    found = Header.from_bytes(Container.from_bytes(goldens.payload("grain")).sections["HEAD"])
    black = [int(BLACK * 1024)]
    return replace(found, height=height, width=width, cfa=("RGGB", "BGGR", "GRBG", "GBRG").index(cfa), white=WHITE,
                   black=black, top=16383)  # fmt: skip


@pytest.mark.parametrize(("alike", "name"), [(0.0, "white"), (0.25, "alike")])
def test_what_is_missing_comes_back(alike, name):
    """A mosaic without noise gets what the true one has, by level: variance within 0.9 to 1.15, means within 2 %."""
    shape, rng, scale, offset = (640, 960), np.random.default_rng(1), 5e-4, 4e-6
    light = np.broadcast_to(np.geomspace(0.004, 0.8, shape[1]), shape)
    drawn = rng.normal(size=(shape[0] + 4, shape[1] + 4))
    tap = (1 - (1 - 2 * alike**2) ** 0.5) / (2 * alike) if alike else 0.0
    drawn = (drawn[:, 2:-2] + tap * (drawn[:, :-4] + drawn[:, 4:])) / (1 + 2 * tap**2) ** 0.5
    drawn = (drawn[2:-2] + tap * (drawn[:-4] + drawn[4:])) / (1 + 2 * tap**2) ** 0.5
    dn = [np.rint(BLACK + v * (WHITE - BLACK)) for v in (light + drawn * np.sqrt(scale * light + offset), light)]
    true, clean = (np.clip(v, 0, 16383).astype(np.uint16) for v in dn)
    layout = Layout(*shape, "GBRG")
    carried = carried_noise(Profile((Noise(scale, offset),) * 4), true, clean, layout, (BLACK,) * 4, WHITE)
    found = Grain(header(*shape), carried).add(clean)
    for k in range(4):
        for columns in np.split(np.arange(shape[1] // 2), 10):
            parts = [layout.plane(m, k)[:, columns].astype(float) for m in (true, found)]
            assert abs(parts[1].mean() - parts[0].mean()) < 0.02 * (parts[0].mean() - BLACK)
            residual = [p - p.mean(0) for p in parts]
            assert 0.9 < residual[1].var() / residual[0].var() < 1.15, (k, columns[0])
            down = [(r[1:] * r[:-1]).mean() / r.var() for r in residual]
            assert abs(down[1] - down[0]) < 0.06 and abs(down[1] - alike) < 0.06


def test_of_a_coded_shot(noisy):
    """The decoded mosaic lost noise; with grain flat places have it back."""
    taken, encoded = noisy
    plain, grained = (api.decode(encoded.jpeg, grain=g) for g in (False, True))
    assert grained.grain and not plain.grain and not grained.warnings
    layout = Layout(*taken.raw.mosaic.shape, taken.raw.cfa)

    def share(mosaic):
        def noise(m):
            plane = layout.plane(m, 1)
            out = np.empty((plane.shape[0] // SIDE, plane.shape[1] // SIDE, BLOCK))
            of_blocks(plane, 1, out)
            return out[..., 1]

        pairs = [noise(m) for m in (mosaic, taken.raw.mosaic)]
        return np.median(pairs[0] / pairs[1])

    assert share(plain.raw.mosaic) < 0.85 and 0.9 < share(grained.raw.mosaic) < 1.15


def test_the_same_in_a_crop(noisy):
    _, encoded = noisy
    whole = api.decode(encoded.jpeg, grain=True).raw.mosaic
    for x, y, w, h in ((0, 0, 40, 30), (33, 101, 97, 160), (600 - 50, 400 - 17, 50, 17)):
        part = api.decode(encoded.jpeg, grain=True, crop=(x, y, w, h)).raw.mosaic
        assert np.array_equal(part, whole[y : y + h, x : x + w])


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_the_same_in_any_bands(rows, monkeypatch):
    wanted = goldens.FACTS["streams"]["grain"]["grain_sha256"]
    stream = Stream.from_bytes(goldens.payload("grain"))
    monkeypatch.setattr(grain, "ROWS", rows)
    assert goldens.digest(Grain(stream.header, stream.noise).add(goldens.decoded("grain"))) == wanted


def test_the_dng_says_so(noisy, tmp_path):
    taken, encoded = noisy
    (tmp_path / "in.jpg").write_bytes(encoded.jpeg)
    assert main(["decode", str(tmp_path / "in.jpg"), str(tmp_path / "out.dng"), "--grain", "--quiet"]) == 0
    (root,) = read_tiff((tmp_path / "out.dng").read_bytes())
    assert value_text(root.tags[270]) == decoding.GRAIN_NOTE
    assert np.array_equal(read_raw(tmp_path / "out.dng").mosaic, api.decode(encoded.jpeg, grain=True).raw.mosaic)
    assert 270 not in read_tiff(api.decode(encoded.jpeg).dng())[0].tags
    assert api.decode(encoded.jpeg).raw.raw_tags[NOISE_PROFILE] == taken.raw.raw_tags[NOISE_PROFILE]


def test_a_profile_is_estimated_where_the_source_has_none(noisy):
    taken, _ = noisy
    bare = replace(taken.raw, raw_tags={})
    for options in ({"bpp": 1.0}, {"lossless": True}):
        found = told(api.decode(api.encode_arrays(bare, taken.jpeg, **options).jpeg).raw.raw_tags)
        known = told(taken.raw.raw_tags)
        for plane, other in zip(found.planes, known.planes, strict=True):
            assert 0.7 < plane.variance(0.05) / other.variance(0.05) < 1.5


def test_where_nothing_is_known(noisy, tmp_path, capsys):
    taken, _ = noisy
    for options in ({"lossless": True}, {"bpp": 0.3, "tune": "psnr"}, {"size": 4000}, {"bpp": 0.3, "trimmable": True}):
        encoded = api.encode_arrays(taken.raw, taken.jpeg, **options)
        plain, grained = (api.decode(encoded.jpeg, grain=g) for g in (False, True))
        assert grained.warnings == (decoding.NO_GRAIN,) and not grained.grain and not plain.warnings
        assert np.array_equal(plain.raw.mosaic, grained.raw.mosaic)
    (tmp_path / "in.jpg").write_bytes(encoded.jpeg)
    assert main(["decode", str(tmp_path / "in.jpg"), str(tmp_path / "out.dng"), "--grain", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["grain"] is False and decoding.NO_GRAIN in said.err


def test_the_section_counts(noisy):
    """The wanted size holds with it; without it everything else is the same."""
    _, encoded = noisy
    assert 0.97 * 0.5 <= encoded.bpp <= 0.5
    parts = Container.from_bytes(embed.extract(encoded.jpeg))
    bare = Container({**parts.sections, "NOIS": b""}, parts.substreams).to_bytes()
    assert len(parts.sections["NOIS"]) == NOISE_BYTES
    assert len(embed.extract(encoded.jpeg)) - len(bare) == SECTION_BYTES
    again = embed.embed(embed.strip(encoded.jpeg), bare)
    assert np.array_equal(api.decode(again).raw.mosaic, api.decode(encoded.jpeg).raw.mosaic)


@pytest.mark.parametrize("damage", [
    lambda s: s[:-1], lambda s: s + b"\0", lambda s: b"\xff" * len(s), lambda s: s[:40], lambda s: s[:-1] + b"\xff",
])  # fmt: skip
def test_a_section_of_another_form_is_none(damage):
    parts = Container.from_bytes(goldens.payload("grain"))
    assert CarriedNoise.from_bytes(damage(parts.sections["NOIS"])) is None
    changed = Container({**parts.sections, "NOIS": damage(parts.sections["NOIS"])}, parts.substreams).to_bytes()
    stream = Stream.from_bytes(changed)
    assert stream.noise is None
    assert goldens.digest(stream.decode(decode_planes(goldens.jpeg("grain")))) == goldens.wanted("grain")


@pytest.mark.parametrize("shape", [(2, 2), (2, 37), (19, 3), (33, 300)])
def test_small_and_odd_pictures(shape):
    rng = np.random.default_rng(2)
    mosaic = rng.integers(0, 16384, shape).astype(np.uint16)
    loud = CarriedNoise((0,) * 8, (255,) * 48, 128, 128)
    for cfa in ("RGGB", "GBRG"):
        found = Grain(header(*shape, cfa), loud).add(mosaic)
        assert found.dtype == np.uint16 and found.shape == shape and found.max() <= 16383
        assert np.array_equal(Grain(header(*shape, cfa), replace(loud, missing=(0,) * 48)).add(mosaic), mosaic)
    raw = RawImage(mosaic, "RGGB", (BLACK,) * 4, WHITE)
    same = carried_noise(Profile((Noise(0, 0),) * 4), mosaic, mosaic, Layout(*shape, raw.cfa), raw.black, raw.white)
    assert not any(same.missing)
