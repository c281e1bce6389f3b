"""The decoded DNG's preview is what the camera made of the RAW: carried, recognised, or neutral; and harmless."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rawinlay import decode, encode, encode_arrays, info, trim
from rawinlay.bitstream.dng.preview import coded, make_preview, open_picture, turned, with_orientation
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import StreamError, UsageError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.segments import APP1, read_segments, segment_bytes
from rawinlay.bitstream.raw_image import RawImage, TiffValue
from rawinlay.bitstream.stream import container
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.stream.preview import MOST_BYTES, CarriedPreview
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import Ifd, pack_ascii, pack_value, read_tiff, value_numbers, write_tiff
from rawinlay.codec.cli.main import main
from rawinlay.codec.isp.neutral import MOST_PIXELS, neutral_picture
from rawinlay.codec.preview_choice import choose, is_cameras, kind_of, section_bytes, with_preview
from rawinlay.codec.source.raw import own_preview
from raws import synthetic_raw
from shots import large_shot, shot

REPOSITORY = Path(__file__).parents[2]


def as_jpeg(picture, quality=90, **options):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def brighter(jpeg, size, by=60):
    """The JPEG's picture, smaller and brighter: what a camera shows that develops otherwise than an editor does."""
    picture = Image.open(io.BytesIO(jpeg)).resize(size, Image.Resampling.BOX)
    return Image.fromarray(np.clip(np.asarray(picture, int) + by, 0, 255).astype(np.uint8))


def with_exif(jpeg, model="Maker One", software=None, note=True):
    tags = {271: pack_ascii("Maker"), 272: pack_ascii(model)} | ({305: pack_ascii(software)} if software else {})
    exif = Ifd({37500: TiffValue(tiff.UNDEFINED, 11, b"Note\0secret")} if note else {37121: pack_value(tiff.SHORT, 1)})
    payload = b"Exif\0\0" + write_tiff(Ifd(tags, subs={tiff.EXIF_IFD: [exif]}))
    kept = [s for s in read_segments(jpeg)[1:] if not (s.marker == APP1 and s.payload.startswith(b"Exif"))]
    return jpeg[:2] + segment_bytes(APP1, payload) + b"".join(
        jpeg[s.start : s.end] for s in kept[:-1]) + jpeg[kept[-1].start :]  # fmt: skip


def preview_of(dng):
    """The picture that IFD0 holds."""
    (ifd0,) = read_tiff(dng)
    start, size = (int(value_numbers(ifd0.tags[tag])[0]) for tag in (273, 279))
    return Image.open(io.BytesIO(dng[start : start + size])).convert("RGB")


def levels(picture):
    return np.asarray(picture.convert("RGB"), float).mean((0, 1))


@pytest.fixture(scope="module")
def bright():
    """A DNG's bytes whose own preview is far brighter than the JPEG, and the JPEG."""
    taken = large_shot()
    jpeg = as_jpeg(Image.open(io.BytesIO(taken.jpeg)), 92)  # nothing of a camera's Exif
    return write_dng(taken.raw, as_jpeg(brighter(jpeg, (300, 200)))), jpeg


@pytest.fixture(scope="module")
def carrier(bright):
    """Encoded with room for the preview, which a picture of 0.24 MP has not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rawinlay.codec.encoding.SHARE", 8)
        return encode(*bright, bpp=2, effort=1)


def test_the_own_preview_of_the_raw_comes_back(bright, carrier):
    decoded = decode(carrier.jpeg)
    shown, own = preview_of(decoded.dng()), preview_of(bright[0])
    assert decoded.preview_kind == carrier.preview == info(carrier.jpeg).preview == "raw"
    assert np.abs(levels(shown) - levels(own)).max() < 2 < 30 < (levels(shown) - levels(open_picture(bright[1]))).min()
    small = own.resize(shown.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(shown, float) - np.asarray(small, float)).mean() < 8
    assert decode(carrier.jpeg, preview="raw").dng() == decoded.dng()


def test_the_preview_counts_within_the_rate(bright, carrier):
    size = large_shot().raw.mosaic.size * 2 // 8
    assert 0.97 * size <= carrier.metadata_bytes <= size
    assert len(Container.from_bytes(embed.extract(carrier.jpeg)).sections["PREV"]) > 1000


def test_a_preview_without_room_is_left_out(bright):
    encoded = encode(*bright, bpp=1, effort=1)
    assert encoded.preview == decode(encoded.jpeg).preview_kind == "neutral"
    assert not Container.from_bytes(embed.extract(encoded.jpeg)).sections["PREV"]


def test_quality_and_lossless_leave_it_one_percent():
    own = as_jpeg(brighter(large_shot().jpeg, (480, 320)))
    for room in (1e9, 4000, 3000, 100):
        found = choose(own, Jpeg(as_jpeg(Image.new("RGB", (600, 400)))), large_shot().raw, room)
        assert section_bytes(found) <= room and (found is None) == (room == 100)
    assert len(choose(own, Jpeg(as_jpeg(Image.new("RGB", (9, 9)))), large_shot().raw, 1e9).own) < MOST_BYTES


def test_without_one_it_is_neutral_and_the_stream_as_before():
    encoded = encode_arrays(shot().raw, shot().jpeg, bpp=1, effort=1)
    payload = embed.extract(encoded.jpeg)
    assert not Container.from_bytes(payload).sections["PREV"] and with_preview(payload, None) == payload
    decoded = decode(encoded.jpeg, preview="auto")
    assert decoded.preview_kind == encoded.preview == info(encoded.jpeg).preview == "neutral"
    shown = np.asarray(preview_of(decoded.dng()), float)
    assert np.abs(shown - neutral_picture(decoded.raw)).mean() < 8


def test_the_cameras_jpeg_is_the_preview_whatever_becomes_of_its_exif():
    raw = replace(shot().raw, ifd0_tags={**shot().raw.ifd0_tags, 272: pack_ascii("Maker One")})
    jpeg = with_exif(shot().jpeg)
    encoded = encode_arrays(raw, jpeg, quality=30, effort=1)
    assert encoded.preview == decode(encoded.jpeg).preview_kind == info(encoded.jpeg).preview == "jpeg"
    bare = embed.embed(with_exif(jpeg, "Other", "Editor 1", note=False), embed.extract(encoded.jpeg))
    assert decode(bare).preview_kind == "jpeg"
    made = make_preview(Jpeg(jpeg), raw.orientation)
    assert made is not None and made.jpeg in decode(bare).dng()


def test_a_jpeg_that_agrees_with_the_raws_own_preview_is_the_cameras():
    jpeg = as_jpeg(Image.open(io.BytesIO(shot().jpeg)), 92)
    own = Image.open(io.BytesIO(jpeg)).resize((160, 128), Image.Resampling.BOX)
    assert choose(as_jpeg(own), Jpeg(jpeg), shot().raw, 1e6) == CarriedPreview()
    assert choose(as_jpeg(brighter(jpeg, (160, 128), 20)), Jpeg(jpeg), shot().raw, 1e6).own
    tinted = Image.merge("RGB", (own.getchannel(0), own.getchannel(1), own.getchannel(2).point(lambda v: v // 2)))
    assert choose(as_jpeg(tinted), Jpeg(jpeg), shot().raw, 1e6).own
    assert choose(b"\xff\xd8 no picture", Jpeg(jpeg), shot().raw, 1e6) is None


@pytest.mark.parametrize("model, software, note, raws_software, cameras", [
    ("Maker One", None, True, None, True),
    ("Maker One", "Ver.1.00", True, None, True),
    ("Maker One", "Firmware Version 1.0.4", True, "Adobe DNG Converter 15.1", True),
    ("Maker One", "Maker One v3.01", True, None, True),
    ("Maker One", "Digital Camera Maker One Ver3.20", True, None, True),
    ("Maker One", "HD6.01.01", True, "HD6.01.01", True),
    ("Maker One", "HDR+ 1.0.2", True, None, False),
    ("Maker One", "darktable 4.2.1", True, None, False),
    ("Maker One", "GIMP 2.10.8", True, "Ver.1.00", False),
    ("Maker One", "Adobe Lightroom 6.0", False, "Adobe Lightroom 6.0", False),
    ("Maker One", None, False, None, False),
    ("Maker Two", "Ver.1.00", True, None, False),
    ("", None, True, None, False),
])  # fmt: skip
def test_exif_tells_a_cameras_jpeg_from_an_editors(model, software, note, raws_software, cameras):
    known = {272: pack_ascii("Maker One")} | ({305: pack_ascii(raws_software)} if raws_software else {})
    jpeg = with_exif(as_jpeg(Image.new("RGB", (32, 32))), model, software, note)
    assert is_cameras(Jpeg(jpeg), known) == cameras
    assert kind_of(None, Jpeg(jpeg), known) == ("jpeg" if cameras else "neutral")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stored", ["upright", "as the mosaic", "as its Exif says"])
def test_the_preview_lies_as_the_mosaic_however_it_was_stored(orientation, stored):
    raw = replace(shot().raw, orientation=orientation)
    lying = Image.fromarray(neutral_picture(raw))
    exif = Image.Exif()
    exif[274] = 3
    way = {"upright": 1, "as the mosaic": orientation, "as its Exif says": 3}[stored]
    own = as_jpeg(turned(lying, orientation, way), 95, exif=exif if stored == "as its Exif says" else Image.Exif())
    found = choose(own, Jpeg(as_jpeg(Image.new("RGB", (64, 64)))), raw, 1e6)
    picture = open_picture(found.own)
    assert picture.size == lying.size
    assert np.abs(np.asarray(picture, float) - np.asarray(lying, float)).mean() < 8


def test_uncoded_previews_of_a_raw_are_read():
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    mosaic = synthetic_raw(shape=(480, 640))
    (ifd0,) = read_tiff(write_dng(mosaic, as_jpeg(Image.new("RGB", (160, 120)))))
    ifd0.chunks = [pixels.tobytes()]
    ifd0.tags = {tag: v for tag, v in ifd0.tags.items() if tag not in (273, 279, 530, 531, 532)} | {
        259: pack_value(tiff.SHORT, 1), 262: pack_value(tiff.SHORT, 2)}  # fmt: skip
    found = own_preview(write_tiff(ifd0))
    assert found is not None
    np.testing.assert_array_equal(np.asarray(open_picture(found, ("PPM",))), pixels)
    assert own_preview(write_dng(mosaic)) is None


def test_each_option(tmp_path, capsys, carrier, bright):
    path, out = tmp_path / "in.jpg", tmp_path / "out.dng"
    path.write_bytes(carrier.jpeg)
    found = {}
    for kind in ("auto", "raw", "jpeg", "neutral", "none"):
        assert main(["decode", str(path), "-o", str(out), "--preview", kind, "--json", "--force"]) == 0
        found[kind] = out.read_bytes()
        said = json.loads(capsys.readouterr().out)["preview"]
        assert said == ("raw" if kind == "auto" else kind)
        assert decode(path, preview=kind).dng() == found[kind]
    assert found["auto"] == found["raw"] and len({*found.values()}) == 4
    made = make_preview(Jpeg(bright[1]), 1)
    assert made is not None and made.jpeg in found["jpeg"]
    assert np.abs(levels(preview_of(found["neutral"])) - neutral_picture(large_shot().raw).mean((0, 1))).max() < 3
    assert 330 not in read_tiff(found["none"])[0].tags and not read_tiff(found["none"])[0].subs.get(tiff.SUB_IFDS)
    assert main(["info", str(path), "--json"]) == 0 and json.loads(capsys.readouterr().out)["preview"] == "raw"


def test_what_is_not_there_can_not_be_had(tmp_path, capsys):
    path = tmp_path / "in.jpg"
    path.write_bytes(encode_arrays(shot().raw, shot().jpeg, quality=30, effort=1).jpeg)
    assert main(["decode", str(path), "-o", str(tmp_path / "o.dng"), "--preview", "raw"]) == 2
    assert "carries no preview" in capsys.readouterr().err and not (tmp_path / "o.dng").exists()
    with pytest.raises(UsageError, match="preview 'large'"):
        decode(path, preview="large")


def test_a_crop_crops_it_along(carrier):
    x, y, width, height = crop = (300, 0, 200, 100)
    whole = np.asarray(preview_of(decode(carrier.jpeg).dng()), float)
    part = preview_of(decode(carrier.jpeg, crop=crop).dng())
    rows, cols = whole.shape[0] / 400, whole.shape[1] / 600
    want = whole[round(y * rows) : round((y + height) * rows), round(x * cols) : round((x + width) * cols)]
    assert max(part.size) == max(whole.shape) and abs(part.width / part.height - width / height) < 0.1
    assert np.abs(levels(part) - want.mean((0, 1))).max() < 4
    assert decode(carrier.jpeg, crop=crop, preview="neutral").preview_kind == "neutral"


def test_the_dng_is_the_same_bytes_in_every_process(tmp_path, carrier):
    path = tmp_path / "in.jpg"
    path.write_bytes(carrier.jpeg)
    program = (
        "import hashlib, sys, rawinlay\n"
        "for kind in ('auto', 'neutral'):\n"
        "    print(hashlib.sha256(rawinlay.decode(sys.argv[1], preview=kind).dng()).hexdigest())"
    )
    run = [sys.executable, "-c", program, str(path)]
    here = [subprocess.run(run, cwd=REPOSITORY, capture_output=True, check=True).stdout for _ in range(2)]
    assert here[0] == here[1] and len(here[0].split()) == 2


@pytest.mark.parametrize("section", [
    b"\0", b"\0no picture", b"\2", b"\1more", b"\0" + bytes(MOST_BYTES + 1), b"\0" + shot().jpeg[:400],
    b"\0" + as_jpeg(Image.new("L", (2000, 9))),
], ids=["empty", "no picture", "unknown kind", "tail", "too long", "cut", "too wide"])  # fmt: skip
def test_a_section_that_makes_no_sense_is_no_section(section):
    encoded = encode_arrays(shot().raw, shot().jpeg, quality=20, effort=1)
    whole = Container.from_bytes(embed.extract(encoded.jpeg))
    altered = embed.embed(shot().jpeg, Container({**whole.sections, "PREV": section}, whole.substreams).to_bytes())
    found, plain = decode(altered), decode(encoded.jpeg)
    assert found.preview_kind == info(altered).preview == "neutral"
    assert found.dng() == plain.dng()


def test_programs_from_before_the_section_decode_it_too(carrier, monkeypatch):
    payload = embed.extract(carrier.jpeg)
    after = Container.from_bytes(payload)
    monkeypatch.setattr(container, "SECTIONS", {n: k for n, k in container.SECTIONS.items() if n != "PREV"})
    before = Container.from_bytes(payload)
    assert before.substreams == after.substreams and before.sections["HEAD"] == after.sections["HEAD"]
    assert not container.check(payload)


def test_damage_within_it_is_told(carrier):
    payload = bytearray(embed.extract(carrier.jpeg))
    payload[payload.index(b"\xff\xdb")] ^= 1
    with pytest.raises(StreamError, match="PREV"):
        Container.from_bytes(bytes(payload))


def test_trimming_keeps_it_while_it_is_small():
    jpeg = shot().jpeg
    whole = embed.extract(encode_arrays(shot().raw, jpeg, bpp=3, layers=(0.2,), effort=1).jpeg)
    own = coded(Image.open(io.BytesIO(jpeg)).resize((40, 32)), 20)
    carrying = embed.embed(jpeg, with_preview(whole, CarriedPreview(own)))
    flagged = embed.embed(jpeg, with_preview(whole, CarriedPreview()))
    least = info(carrying).least_bytes
    assert least is not None and least < len(own) * 20
    for size, kind in ((len(own) * 20 + 200, "raw"), (len(own) * 20 - 200, "neutral"), (least, "neutral")):
        shorter = trim(carrying, size=size)
        assert shorter.metadata_bytes <= size
        assert info(shorter.jpeg).preview == kind == decode(shorter.jpeg).preview_kind
        assert info(trim(flagged, size=max(size, least + 100)).jpeg).preview == "jpeg"


@pytest.mark.parametrize("cfa", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_grey_is_grey_in_the_neutral_picture(cfa):
    neutral = {"R": 0.5, "G": 1.0, "B": 2 / 3}  # that of `colour_tags`
    tile = np.array([neutral[c] for c in cfa]).reshape(2, 2)
    ramp = np.repeat(np.linspace(0.05, 0.9, 160), 2)[None] * np.tile(tile, (120, 160))
    raw = synthetic_raw(cfa, (240, 320), 14, black=(512,) * 4, white=15000)
    picture = neutral_picture(replace(raw, mosaic=(512 + ramp * (15000 - 512)).astype(np.uint16))).astype(int)
    assert np.ptp(picture, axis=-1).max() <= 1 and (np.diff(picture[0, :, 1]) >= 0).all()
    assert picture[:, -1].min() == 255 and picture.max((0, 1)).tolist() == [255] * 3


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (2, 60_000), (60_000, 2), (401, 299), (3000, 4000), (300, 304)])
def test_the_neutral_picture_is_small_of_any_shape(shape):
    raw = RawImage(np.full(shape, 900, np.uint16), "RGGB", (100.0,) * 4, 1000)
    picture = neutral_picture(raw)
    assert 1 <= picture.shape[0] * picture.shape[1] <= MOST_PIXELS and picture.dtype == np.uint8


def test_the_curve_rounds_alike_on_every_machine():
    """No entry lies so near to a half that an ulp of a power could turn it."""
    value = np.arange(4097) / 4096
    exact = 255 * np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
    assert np.abs(exact % 1 - 0.5).min() > 1e-6


@pytest.mark.parametrize("tags", [
    {}, {50721: pack_value(tiff.SRATIONAL, *[0, 1] * 9)}, {50721: pack_value(tiff.SRATIONAL, *[1, 0] * 9)},
    {50721: pack_value(tiff.SRATIONAL, *[1, 1] * 9)}, {50728: pack_value(tiff.RATIONAL, 0, 1, 1, 1, 1, 1)},
    {50728: pack_value(tiff.RATIONAL, 1, 1 << 31, 1, 1, 1, 1)}, {50729: pack_value(tiff.RATIONAL, 3, 10, 0, 1)},
], ids=range(7))  # fmt: skip
def test_senseless_colours_are_no_reason_to_fail(tags):
    raw = synthetic_raw(ifd0_tags=tags)
    assert neutral_picture(raw).shape == (100, 134, 3) or neutral_picture(raw).size <= 3 * MOST_PIXELS


def cameras_own(taken):
    """The RAW and the JPEG of a shot as if one camera had made both."""
    raw = replace(taken.raw, ifd0_tags={**taken.raw.ifd0_tags, 272: pack_ascii("Maker One")})
    return raw, with_exif(taken.jpeg)


def test_screen_size_without_a_word_and_full_size_on_demand(tmp_path, capsys, monkeypatch):
    """The camera's JPEG is larger than a screen: a whole part of it is shown, or all of it byte for byte."""
    monkeypatch.setattr("rawinlay.codec.preview.SCREEN", 250)
    raw, jpeg = cameras_own(large_shot())
    encoded = encode_arrays(raw, jpeg, quality=20, effort=1)
    screen, full = decode(encoded.jpeg), decode(encoded.jpeg, preview="full")
    assert screen.preview_kind == full.preview_kind == encoded.preview == "jpeg"
    assert preview_of(screen.dng()).size == (200, 134)  # of 600 x 400
    assert full.preview == jpeg and make_preview(Jpeg(jpeg), raw.orientation).jpeg in full.dng()
    assert decode(encoded.jpeg, preview="jpeg").preview == decode(encoded.jpeg, preview="auto").preview == jpeg
    whole = preview_of(full.dng()).reduce(3)
    assert np.abs(np.asarray(whole, float) - np.asarray(preview_of(screen.dng()), float)).mean() < 6
    (tmp_path / "in.jpg").write_bytes(encoded.jpeg)
    assert main(["decode", str(tmp_path / "in.jpg")]) == 0
    assert ", of which the preview " in capsys.readouterr().out
    assert (tmp_path / "in.dng").read_bytes() == screen.dng()


def test_a_jpeg_that_fits_a_screen_stays_as_it_is():
    raw, jpeg = cameras_own(shot())
    assert decode(encode_arrays(raw, jpeg, quality=20, effort=1).jpeg).preview == jpeg


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_without_names_that_is_stored_turned_is_the_cameras(orientation):
    jpeg = with_orientation(shot().jpeg, orientation)
    assert kind_of(None, Jpeg(jpeg), {272: pack_ascii("Maker One")}) == ("jpeg" if orientation > 1 else "neutral")


def test_pictures_that_pillow_takes_for_bombs_are_shown_turned(monkeypatch):
    """Of over 89 MP, Pillow's limit for a warning, or over 179 MP, its limit for an error: here they are lower."""
    taken = large_shot()
    jpeg = with_orientation(as_jpeg(Image.open(io.BytesIO(taken.jpeg)).transpose(Image.Transpose.ROTATE_90)), 6)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    assert Jpeg(jpeg).frame.width * Jpeg(jpeg).frame.height > 200_000
    shown = make_preview(Jpeg(jpeg), 1)
    assert shown is not None and Jpeg(shown.jpeg).frame.width > Jpeg(shown.jpeg).frame.height
