"""The Python interface on simulated shots: round trips, rates, the choice of a JPEG, damage of every kind."""

import io
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rawinlay import Decoded, Encoded, EncodeOptions, Rate, decode, decode_arrays, encode, encode_arrays, info, strip
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, NoRawError, StreamError, UsageError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.segments import APP11, read_segments
from rawinlay.codec.asked import choose_device
from rawinlay.codec.source.raw import read_raw, render_jpeg
from raws import shared_raw
from shots import large_shot, shot, write_pair

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def encoded() -> Encoded:
    """The small shot at 1 bpp."""
    return encode_arrays(shot().raw, shot().jpeg, bpp=1)


@pytest.fixture(scope="module")
def decoded(encoded) -> Decoded:
    return decode(encoded.jpeg)


def test_the_raw_comes_back_with_its_levels_and_tags(encoded, decoded):
    true, found = shot().raw, decoded.raw
    assert found.mosaic.shape == true.mosaic.shape and found.mosaic.dtype == np.uint16
    assert (found.cfa, found.white, found.orientation, found.camera) == (
        true.cfa, true.white, true.orientation, true.camera)  # fmt: skip
    assert found.black == pytest.approx(true.black, abs=1e-3)
    assert dict(found.ifd0_tags) == dict(true.ifd0_tags) and dict(found.raw_tags) == dict(true.raw_tags)
    error = (found.mosaic.astype(float) - true.mosaic) / (true.white - true.black[0])
    flat = (true.mosaic - true.mosaic.mean()) / (true.white - true.black[0])
    assert (error**2).mean() < (flat**2).mean() / 100
    assert (decoded.width, decoded.height, decoded.cfa) == (*true.mosaic.shape[::-1], true.cfa)


def test_the_dng_holds_the_decoded_mosaic(decoded):
    again = read_raw(decoded.dng())
    assert np.array_equal(again.mosaic, decoded.raw.mosaic)
    assert (again.cfa, again.white, again.camera) == (decoded.raw.cfa, decoded.raw.white, decoded.raw.camera)


def test_the_picture_and_all_foreign_segments_are_the_inputs(encoded):
    """The scan and all that stands behind; the box stands before it, behind everything else of the header."""
    before, after = shot().jpeg, encoded.jpeg
    start = {data: read_segments(data)[-1].start for data in (before, after)}
    assert after[start[after] :] == before[start[before] :]
    foreign = [s.payload for s in read_segments(after) if s.marker != APP11 and embed.FLAG_NAMESPACE not in s.payload]
    assert foreign == [s.payload for s in read_segments(before)]
    assert strip(after) == before
    assert encoded.metadata_bytes == len(after) - len(before)
    assert encoded.bpp == 8 * encoded.metadata_bytes / shot().raw.mosaic.size


def test_files_are_given_as_paths_or_as_bytes_and_not_changed(tmp_path):
    raw, jpeg = write_pair(tmp_path)
    kept = raw.read_bytes(), jpeg.read_bytes()
    by_path, by_text, by_bytes = (
        encode(raw, jpeg, quality=40), encode(str(raw), str(jpeg), quality=40), encode(*kept, quality=40))  # fmt: skip
    assert by_path.jpeg == by_text.jpeg == by_bytes.jpeg
    assert (raw.read_bytes(), jpeg.read_bytes()) == kept
    (tmp_path / "out.jpg").write_bytes(by_path.jpeg)
    assert np.array_equal(decode(tmp_path / "out.jpg").raw.mosaic, decode_arrays(by_path.jpeg).mosaic)
    assert info(tmp_path / "out.jpg") == info(by_path.jpeg)
    assert strip(tmp_path / "out.jpg") == kept[1]


@pytest.mark.parametrize("bpp", [0.2, 0.8, 3])
def test_bpp_is_met_within_three_percent_and_never_exceeded(bpp):
    found = encode_arrays(large_shot().raw, large_shot().jpeg, bpp=bpp)
    assert 0.97 * bpp <= found.bpp <= bpp


def test_size_is_the_growth_of_the_file():
    found = encode_arrays(large_shot().raw, large_shot().jpeg, size=15_000)
    assert 0.97 * 15_000 <= len(found.jpeg) - len(large_shot().jpeg) <= 15_000


def test_quality_goes_up_with_bytes():
    sizes = [encode_arrays(shot().raw, shot().jpeg, quality=q).metadata_bytes for q in (10, 50, 90)]
    assert sizes[0] < sizes[1] / 1.5 < sizes[2] / 2
    assert encode_arrays(shot().raw, shot().jpeg).jpeg == encode_arrays(shot().raw, shot().jpeg, quality=60).jpeg


def test_tune_edit_spares_the_shadows():
    true = shot().raw
    dark = true.mosaic < np.quantile(true.mosaic, 0.3)
    errors = []
    for tune in ("psnr", "edit"):
        found = decode_arrays(encode_arrays(true, shot().jpeg, bpp=1.5, tune=tune).jpeg).mosaic
        error = (found.astype(float) - true.mosaic) ** 2
        errors.append(error[dark].mean() / error[~dark].mean())
    assert errors[1] < 0.9 * errors[0]


def test_a_raw_that_is_there_already_is_replaced(encoded):
    again = encode_arrays(shot().raw, encoded.jpeg, bpp=1)
    assert again.jpeg == encoded.jpeg


def test_the_same_stream_twice(encoded):
    assert encode_arrays(shot().raw, shot().jpeg, bpp=1).jpeg == encoded.jpeg


# ------------------------------------------------------------------------------------------ which JPEG


def test_a_jpeg_beside_the_raw_is_taken(tmp_path):
    raw, jpeg = write_pair(tmp_path, jpeg="IMG_1.JpEg")
    found = encode(raw, quality=20)
    assert found.guide == "beside the RAW: IMG_1.JpEg" and found.guide_path == jpeg
    assert strip(found.jpeg) == jpeg.read_bytes()


def test_a_smaller_jpeg_beside_the_raw_is_taken(tmp_path):
    """Half the size; a larger one beside it wins."""
    raw, jpeg = write_pair(tmp_path)
    jpeg.write_bytes(render_jpeg(raw, half_size=True))
    found = encode(raw, quality=20)
    assert found.guide == "beside the RAW: IMG_1.JPG" and strip(found.jpeg) == jpeg.read_bytes()
    assert not found.warnings
    larger = jpeg.with_suffix(".jpeg")
    larger.write_bytes(shot().jpeg)
    assert encode(raw, quality=20).guide_path == larger


def small(jpeg, size, mode="RGB"):
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).convert(mode).resize(size).save(out, "JPEG", quality=95)
    return out.getvalue()


def test_a_jpeg_beside_it_is_named_if_of_another_scene_a_thumbnail_broken_or_our_own(tmp_path, encoded):
    raw, jpeg = write_pair(tmp_path)
    jpeg.unlink()
    rendering = render_jpeg(raw)
    other = render_jpeg(write_dng(replace(shot().raw, mosaic=other_scene())))
    for beside, why in (
        (small(shot().jpeg, (60, 48)), "60 x 48 pixels are a thumbnail of 320 x 256; --jpeg takes it even so"),
        (shot().jpeg[:300], "damaged JPEG"), (b"text", "not a JPEG"), (encoded.jpeg, "it carries a RAW already"),
        (small(shot().jpeg, (160, 128), "CMYK"), "CMYK"),
        (other, "does not show this RAW's picture"), (small(other, (160, 128)), "does not show this RAW's picture"),
    ):  # fmt: skip
        jpeg.write_bytes(beside)
        found = encode(raw, quality=20)
        assert found.guide.startswith("LibRaw's rendering") and found.guide_path is None
        assert strip(found.jpeg) == rendering
        (told,) = found.warnings
        assert told.startswith("IMG_1.JPG beside the RAW is not used: ") and why in told


def test_an_embedded_full_size_preview_is_taken(tmp_path):
    raw = tmp_path / "a.dng"
    raw.write_bytes(write_dng(shot().raw, shot().jpeg))
    found = encode(raw, quality=20)
    assert found.guide == "embedded preview"
    assert decode(found.jpeg).raw.mosaic.shape == shot().raw.mosaic.shape


def test_a_given_jpeg_wins(tmp_path):
    raw, _ = write_pair(tmp_path)
    other = tmp_path / "other.jpg"
    other.write_bytes(render_jpeg(raw))
    found = encode(raw, other, quality=20)
    assert found.guide == f"given: {other}" and strip(found.jpeg) == other.read_bytes()


def test_another_scene_is_refused():
    flipped = bytes(render_jpeg(write_dng(replace(shot().raw, mosaic=other_scene()))))
    with pytest.raises(InputError, match="does not show this RAW's picture"):
        encode_arrays(shot().raw, flipped, quality=20)


def other_scene() -> np.ndarray:
    """A mosaic of waves, as large as the small shot's."""
    raw = shot().raw
    y, x = np.mgrid[: raw.mosaic.shape[0], : raw.mosaic.shape[1]]
    wave = 0.5 + 0.4 * np.sin(x / 9 + np.sin(y / 17) * 3) * np.cos(y / 11)
    return (raw.black[0] + wave * (raw.white - raw.black[0]) * 0.8).astype(np.uint16)


@pytest.mark.parametrize("level", [0.0, 0.4])
def test_a_picture_without_features_is_coded_all_the_same(tmp_path, level):
    true = shot().raw
    noise = np.random.default_rng(0).normal(0, 3, true.mosaic.shape)
    mosaic = (true.black[0] + level * (true.white - true.black[0]) + noise).clip(0, true.white).astype(np.uint16)
    raw = tmp_path / "dark.dng"
    raw.write_bytes(write_dng(replace(true, mosaic=mosaic)))
    found = decode_arrays(encode(raw, bpp=0.5).jpeg).mosaic
    assert np.abs(found.astype(float) - mosaic).mean() < 4


@pytest.mark.parametrize("orientation", [3, 6])
def test_turned_pictures(tmp_path, orientation):
    raw = tmp_path / "a.dng"
    raw.write_bytes(write_dng(replace(shot().raw, orientation=orientation)))
    found = encode(raw, bpp=1)
    assert f"orientation {orientation}" in found.alignment
    again = decode(found.jpeg).raw
    assert again.orientation == orientation
    error = (again.mosaic.astype(float) - shot().raw.mosaic) / shot().raw.white
    assert -10 * np.log10((error**2).mean()) > 30


# ------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    "options",
    [
        {"bpp": 1, "size": 5000}, {"size": 5000, "quality": 3}, {"bpp": 0}, {"bpp": -1}, {"bpp": float("nan")},
        {"size": 0}, {"quality": 101}, {"quality": -0.1}, {"tune": "best"}, {"device": "abacus"}, {"size": 40},
    ],
)  # fmt: skip
def test_options_that_make_no_sense(options):
    with pytest.raises(UsageError):
        encode_arrays(shot().raw, shot().jpeg, **options)


def test_options_as_one_object(encoded):
    """They are the keywords' very own, and are given one way or the other."""
    options = EncodeOptions(Rate(bpp=1))
    assert EncodeOptions.of(bpp=1) == options
    assert encode_arrays(shot().raw, shot().jpeg, options=options).jpeg == encoded.jpeg
    assert Rate(layers=[0.2, 1]).layers == (0.2, 1) and Rate(layers=[1]).in_layers and not Rate().in_layers
    assert [Rate(bpp=0.5).bytes_for(1001), Rate(size=7).bytes_for(1001), Rate(quality=9).bytes_for(9)] == [62, 7, None]
    with pytest.raises(TypeError, match="bpp: give options or keywords"):
        encode_arrays(shot().raw, shot().jpeg, options=options, bpp=1)
    with pytest.raises(TypeError, match="bits"):
        encode_arrays(shot().raw, shot().jpeg, bits=1)


def test_a_jpeg_without_a_raw():
    with pytest.raises(NoRawError):
        decode(shot().jpeg)
    with pytest.raises(NoRawError):
        strip(shot().jpeg)
    assert not info(shot().jpeg).has_raw


def test_a_raw_in_another_picture(encoded):
    payload = embed.extract(encoded.jpeg)
    other = embed.embed(render_jpeg(write_dng(shot().raw)), payload)
    with pytest.raises(StreamError, match="belongs to another JPEG"):
        decode(other)
    assert info(other).intact is False and "belongs to another JPEG" in info(other).damage[0]
    with pytest.raises(StreamError, match=r"cut|damaged"):
        decode(encoded.jpeg[: len(encoded.jpeg) - 2000])


def test_a_newer_version(encoded):
    payload = bytearray(embed.extract(encoded.jpeg))
    payload[4] = 9
    newer = embed.embed(shot().jpeg, bytes(payload))
    with pytest.raises(StreamError, match=r"version 9\.0"):
        decode(newer)
    found = info(newer)
    assert found.has_raw and found.version == "9.0" and found.intact is False


def places(jpeg: bytes) -> list[int]:
    """Bytes to damage: each of the first kilobyte of the box, some of all else."""
    box = next(s for s in read_segments(jpeg) if s.marker == APP11)
    some = random.Random(5)
    return [*range(box.start, box.start + 150), *some.sample(range(box.start, box.end), 150),
            *some.sample(range(len(jpeg)), 60)]  # fmt: skip


def test_a_flipped_bit_is_always_found(encoded, decoded):
    harmless = 0
    for at in places(encoded.jpeg):
        data = bytearray(encoded.jpeg)
        data[at] ^= 1 << at % 8
        try:
            found = decode(bytes(data))
        except StreamError:
            continue
        # in another's metadata, or in bits that the JPEG does not use; or it was mended, and is told
        assert np.array_equal(found.raw.mosaic, decoded.raw.mosaic)
        harmless += not found.warnings
    assert harmless < 40


def test_a_cut_file_is_always_found(encoded):
    box = next(s for s in read_segments(encoded.jpeg) if s.marker == APP11)
    for end in [box.start + 60, *np.linspace(box.start + 100, len(encoded.jpeg) - 3, 60, dtype=int)]:
        with pytest.raises(StreamError):
            decode(encoded.jpeg[:end])
    for end in range(0, box.start, 50):
        with pytest.raises((InputError, StreamError)):
            decode(encoded.jpeg[:end])


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"text", b"\xff\xd8\xff\xd9", bytes(1000)])
def test_what_is_no_picture(data):
    for call in (decode, info, strip):
        with pytest.raises(InputError):
            call(data)
    with pytest.raises(InputError):
        encode_arrays(shot().raw, data)
    with pytest.raises(InputError):
        encode(data, shot().jpeg)


# ------------------------------------------------------------------------------------------ the package


def test_importing_is_cheap_and_info_does_without_torch(tmp_path, encoded):
    (tmp_path / "a.jpg").write_bytes(encoded.jpeg)
    code = (
        "import sys, rawinlay\n"
        "assert not {'torch', 'numpy'} & set(sys.modules), 'import'\n"
        f"assert rawinlay.info({str(tmp_path / 'a.jpg')!r}).intact\n"
        "assert not {'torch', 'rawpy', 'scipy'} & set(sys.modules), 'info'\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_names_functions_whatever_was_imported(encoded):
    import rawinlay
    from rawinlay.codec import api

    assert set(rawinlay.__all__) == set(api.__all__) - {"Progress", "Source"} | {"Developed", "develop", "imread"}
    assert all(callable(getattr(rawinlay, name)) for name in rawinlay.__all__)
    assert rawinlay.__version__.count(".") >= 1
    with pytest.raises(AttributeError):
        _ = rawinlay.nothing


def test_progress_is_told(encoded):
    told = []
    decode(encoded.jpeg, progress=lambda what, share: told.append((what, share)))
    assert told[-1] == ("decoding", 1.0) and all(0 <= share <= 1 for _, share in told)


def test_a_device_that_is_not_here(monkeypatch, encoded):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    with pytest.raises(UsageError, match="CUDA"):
        decode(encoded.jpeg, device="cuda")


def test_a_real_file_end_to_end():
    path = shared_raw("nikon-d1.nef")
    found = encode(path, bpp=0.4)
    assert 0.388 <= found.bpp <= 0.4
    raw = read_raw(decode(found.jpeg).dng())
    true = read_raw(path)
    assert (raw.cfa, raw.mosaic.shape, raw.white) == (true.cfa, true.mosaic.shape, true.white)
    error = (raw.mosaic.astype(float) - true.mosaic) / true.white
    assert -10 * np.log10((error**2).mean()) > 35
