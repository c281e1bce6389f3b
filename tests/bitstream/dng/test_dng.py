"""DNGs as other programs read them: LibRaw bit for bit, Adobe's SDK without a warning."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rawpy
from adobe import adobe_mosaic
from PIL import Image, ImageOps
from rawinlay.bitstream.dng.preview import make_preview
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.raw_image import CFA_PHASES, RawImage, TiffValue
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import Ifd, pack_ascii, pack_value, read_tiff, value_numbers, value_text, write_tiff
from raws import colour_tags, synthetic_raw


def _exif_segment(orientation: int = 1) -> bytes:
    note = TiffValue(tiff.UNDEFINED, 11, b"Note\0secret")
    gps = Ifd({1: pack_ascii("N"), 2: pack_value(tiff.RATIONAL, 33, 1, 7, 1, 36, 1)})
    exif = Ifd({33434: pack_value(tiff.RATIONAL, 1, 455), 34855: pack_value(tiff.SHORT, 800), 37500: note,
                40965: pack_value(tiff.LONG, 8)})
    ifd0 = Ifd({274: pack_value(tiff.SHORT, orientation), 306: pack_ascii("2014:03:09 13:25:51")},
               {tiff.EXIF_IFD: [exif], tiff.GPS_IFD: [gps]})
    return b"Exif\0\0" + write_tiff(ifd0)


def _jpeg(size: tuple[int, int] = (200, 150), exif: bytes = b"", mode: str = "RGB", **options: object) -> bytes:
    y, x = np.mgrid[: size[1], : size[0]]
    rgb = np.stack([255 * x / size[0], 255 * y / size[1], 0 * x + 90], -1).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rgb).convert(mode).save(out, "JPEG", exif=exif, **options)
    return out.getvalue()


def _read(dng: bytes) -> tuple[np.ndarray, str, list[int], int, int]:
    """What LibRaw makes of it: mosaic, phase, black levels, white level, flip."""
    with rawpy.imread(io.BytesIO(dng)) as raw:
        cfa = "".join("RGBG"[i] for i in raw.raw_pattern.ravel())
        return raw.raw_image_visible.copy(), cfa, raw.black_level_per_channel, raw.white_level, raw.sizes.flip


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("bits, shape", [(10, (300, 404)), (12, (257, 513)), (14, (299, 401)), (16, (256, 512))])
def test_libraw_reads_every_value_of_every_phase(cfa: str, bits: int, shape: tuple[int, int]) -> None:
    raw = synthetic_raw(cfa, shape, bits)
    assert raw.mosaic.max() > raw.white
    mosaic, phase, black, white, _ = _read(write_dng(raw, _jpeg()))
    assert np.array_equal(mosaic, raw.mosaic)
    assert (phase, white) == (cfa, raw.white) and list(black)[:3] == [int(raw.black[0])] * 3


@pytest.mark.parametrize("width", [24, 30, 32, 33, 64, 100, 128, 255, 256, 257, 512, 768, 1024])
def test_libraw_reads_narrow_mosaics_and_whole_numbers_of_tiles(width: int) -> None:
    mosaic = np.random.default_rng(width).integers(0, 4096, (257, width)).astype(np.uint16)
    assert np.array_equal(_read(write_dng(RawImage(mosaic, "RGGB", (0, 0, 0, 0), 4095)))[0], mosaic)


def test_extreme_values_and_white_65535_survive() -> None:
    rng = np.random.default_rng(8)
    mosaic = rng.choice(np.array([0, 1, 32767, 32768, 65535], np.uint16), (100, 120))
    got, _, _, white, _ = _read(write_dng(RawImage(mosaic, "GRBG", (0, 0, 0, 0), 65535)))
    assert np.array_equal(got, mosaic) and white == 65535


def test_black_levels_stand_at_their_sites_and_keep_their_fractions() -> None:
    (ifd0,) = read_tiff(write_dng(synthetic_raw("GBRG", black=(100, 101.25, 102, 103.5)), _jpeg()))
    (mosaic,) = ifd0.subs[tiff.SUB_IFDS]
    assert value_numbers(mosaic.tags[50714]) == [100, 101.25, 102, 103.5]
    _, _, black, _, _ = _read(write_dng(synthetic_raw("GBRG", black=(100, 110, 120, 130))))
    assert list(black) == [120, 100, 110, 130] or list(black) == [120, 130, 110, 100]  # R, G, B, G2 of rows GB, RG


@pytest.mark.parametrize("orientation, flip", [(1, 0), (2, 1), (3, 3), (4, 2), (5, 4), (6, 6), (7, 7), (8, 5)])
def test_orientation_is_written_and_the_preview_lies_as_the_mosaic(orientation: int, flip: int) -> None:
    raw = synthetic_raw(orientation=orientation)
    upright = _jpeg((150, 200) if orientation > 4 else (200, 150), quality=95)
    dng = write_dng(raw, upright)
    assert _read(dng)[4] == flip
    (ifd0,) = read_tiff(dng)
    start, size = (int(value_numbers(ifd0.tags[tag])[0]) for tag in (273, 279))
    stored = Image.open(io.BytesIO(dng[start : start + size]))
    assert stored.size == (200, 150)
    exif = Image.Exif()
    exif[274] = orientation
    shown = io.BytesIO()
    stored.save(shown, "JPEG", quality=95, exif=exif)
    again = np.asarray(ImageOps.exif_transpose(Image.open(shown)), float)
    assert np.abs(again - np.asarray(Image.open(io.BytesIO(upright)), float)).mean() < 3


def test_a_preview_that_lies_right_keeps_its_picture_byte_for_byte() -> None:
    jpeg = _jpeg(exif=_exif_segment(6))
    preview = make_preview(Jpeg(jpeg), 6)
    assert preview is not None and jpeg.endswith(preview.jpeg[2:]) and b"Exif" not in preview.jpeg
    behind = make_preview(Jpeg(jpeg + b"another picture" + jpeg), 6)
    assert behind == preview


@pytest.mark.parametrize("mode, options", [
    ("L", {}), ("CMYK", {}), ("RGB", {"progressive": True}), ("RGB", {"keep_rgb": True}),
    ("RGB", {"subsampling": "4:2:2"}), ("RGB", {"subsampling": "4:4:4"}),
])
def test_every_kind_of_jpeg_becomes_a_preview_that_libraw_shows(mode: str, options: dict[str, object]) -> None:
    jpeg = _jpeg(mode=mode, **options)
    with rawpy.imread(io.BytesIO(write_dng(synthetic_raw(), jpeg))) as raw:
        thumb = Image.open(io.BytesIO(raw.extract_thumb().data))
    want = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"), float)
    assert np.abs(np.asarray(thumb.convert("RGB"), float) - want).mean() < 3


@pytest.mark.parametrize("jpeg", [None, b"no picture", _jpeg()[:40]])
def test_without_a_usable_preview_the_mosaic_stands_first(jpeg: bytes | None) -> None:
    raw = synthetic_raw()
    assert np.array_equal(_read(write_dng(raw, jpeg))[0], raw.mosaic)


def test_tags_of_the_source_and_of_the_jpeg_meet_in_the_dng() -> None:
    opcodes = TiffValue(tiff.UNDEFINED, 4, bytes(4))
    noise = pack_value(tiff.DOUBLE, 1e-4, 2e-8)
    raw = synthetic_raw(ifd0_tags={**colour_tags(), 50730: pack_value(tiff.SRATIONAL, -1, 2)},
                        raw_tags={51009: opcodes, 51041: noise, 256: pack_value(tiff.LONG, 1)},
                        exif_tags={34855: pack_value(tiff.SHORT, 200)})
    jpeg = _jpeg(exif=_exif_segment())
    (ifd0,) = read_tiff(write_dng(raw, jpeg))
    (mosaic,), (exif,), (gps,) = (ifd0.subs[tag] for tag in (tiff.SUB_IFDS, tiff.EXIF_IFD, tiff.GPS_IFD))
    assert mosaic.tags[51009] == opcodes and mosaic.tags[51041] == noise
    assert value_numbers(mosaic.tags[256]) == [404] and value_numbers(ifd0.tags[50730]) == [-0.5]
    assert value_numbers(exif.tags[34855]) == [200]  # the RAW's, not the JPEG's 800
    assert value_numbers(exif.tags[33434]) == [1 / 455] and value_text(ifd0.tags[306]).startswith("2014")
    assert value_text(gps.tags[1]) == "N"
    assert set(Jpeg(jpeg).exif_tags) == {33434, 34855}  # neither MakerNote nor pointers to further directories


def test_the_makers_note_goes_with_its_old_place() -> None:
    jpeg = _jpeg(exif=_exif_segment())
    (ifd0,) = read_tiff(write_dng(synthetic_raw(), jpeg))
    private = ifd0.tags[50740].data
    payload = jpeg[jpeg.index(b"Exif\0\0") + 6 :]
    at = payload.index(b"Note\0secret")
    assert private[:18] == b"Adobe\0MakN" + (17).to_bytes(4, "big") + b"II" + at.to_bytes(4, "big")[:2]
    assert private[16:20] == at.to_bytes(4, "big") and private[20:31] == b"Note\0secret"


def test_two_mosaics_have_two_identities() -> None:
    first = synthetic_raw()
    second = replace(first, mosaic=first.mosaic ^ np.uint16(1))
    ids = [read_tiff(write_dng(raw))[0].tags[50781] for raw in (first, second)]
    assert ids[0] != ids[1]


@pytest.mark.parametrize("crop, want", [
    (None, [2, 2, 400, 296]), ((8, 8, 380, 280), [8, 8, 380, 280]), ((0, 0, 404, 300), [0, 0, 404, 300]),
    ((0, 0, 9999, 300), [2, 2, 400, 296]), ((10, 10, 394, 290), [10, 10, 394, 290]),
])
def test_the_default_crop_is_the_sources_or_leaves_room(crop: tuple[int, ...] | None, want: list[int]) -> None:
    tags = {50719: pack_value(tiff.LONG, *crop[:2]), 50720: pack_value(tiff.LONG, *crop[2:])} if crop else {}
    (ifd0,) = read_tiff(write_dng(synthetic_raw(raw_tags=tags)))
    assert value_numbers(ifd0.tags[50719]) + value_numbers(ifd0.tags[50720]) == want


@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_adobes_sdk_opens_it_without_a_warning(cfa: str, tmp_path: Path) -> None:
    pytest.importorskip("dngpy", reason="Adobe's DNG SDK (dngpy) is not installed")
    raw = synthetic_raw(cfa, (299, 401), black=(64, 64.5, 65, 66))
    for i, jpeg in enumerate((_jpeg(exif=_exif_segment()), None)):
        path = tmp_path / f"{i}.dng"
        path.write_bytes(write_dng(raw, jpeg))
        assert np.array_equal(adobe_mosaic(path), raw.mosaic)
