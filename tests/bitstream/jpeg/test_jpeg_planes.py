"""The JPEG's own planes: equal to an islow inverse DCT of our own in integers, and safe on damaged files."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.planes import JpegPlanes, binding_hash, decode_planes


def picture(height: int, width: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 7 + y / 9), np.sin(x / 3 - y / 5), np.cos(x * y / 190)], -1)
    noisy = 128 + 90 * waves + rng.normal(0, 20, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def jpeg_of(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 90, **options})
    return out.getvalue()


def islow(coefficients: np.ndarray, table: np.ndarray) -> np.ndarray:
    """jidctint.c in int64: coefficients (rows, cols, 8, 8) to samples (8 rows, 8 cols)."""

    def pass_1d(x: np.ndarray, shift: int) -> np.ndarray:  # along the first axis
        z1 = (x[2] + x[6]) * 4433
        a2, a3 = z1 - x[6] * 15137, z1 + x[2] * 6270
        a0, a1 = (x[0] + x[4]) << 13, (x[0] - x[4]) << 13
        even = [a0 + a3, a1 + a2, a1 - a2, a0 - a3]
        b0, b1, b2, b3 = x[7], x[5], x[3], x[1]
        z1, z2, z3, z4 = (b0 + b3) * -7373, (b1 + b2) * -20995, b0 + b2, b1 + b3
        z5 = (z3 + z4) * 9633
        z3, z4 = z3 * -16069 + z5, z4 * -3196 + z5
        odd = [b3 * 12299 + z1 + z4, b2 * 25172 + z2 + z3, b1 * 16819 + z2 + z4, b0 * 2446 + z1 + z3]
        out = [e + o for e, o in zip(even, odd, strict=True)]
        out += [e - o for e, o in zip(even[::-1], odd[::-1], strict=True)]
        return (np.stack(out) + (1 << (shift - 1))) >> shift

    block = coefficients.astype(np.int64) * table.astype(np.int64)
    columns = np.moveaxis(pass_1d(np.moveaxis(block, 2, 0), 11), 0, 2)
    samples = np.moveaxis(pass_1d(np.moveaxis(columns, 3, 0), 18), 0, 3)
    h, w = samples.shape[:2]
    return np.clip(samples + 128, 0, 255).astype(np.uint8).transpose(0, 2, 1, 3).reshape(8 * h, 8 * w)


def resampled(jpeg: bytes, factors: tuple[int, int]) -> bytes:
    """The same JPEG with Y's sampling factors exchanged, which makes another valid picture of its blocks."""
    at = jpeg.index(b"\xff\xc0") if b"\xff\xc0" in jpeg else jpeg.index(b"\xff\xc2")
    out = bytearray(jpeg)
    h, w = struct.unpack(">HH", jpeg[at + 5 : at + 9])
    old = jpeg[at + 11]
    # the picture must hold as many whole MCUs, so its sides change with the factors
    rows, cols = -(-h // (8 * (old & 15))), -(-w // (8 * (old >> 4)))
    struct.pack_into(">HH", out, at + 5, rows * 8 * factors[1], cols * 8 * factors[0])
    out[at + 11] = factors[0] << 4 | factors[1]
    return bytes(out)


CASES = {
    "444": {"subsampling": 0},
    "422": {"subsampling": 1},
    "420": {"subsampling": 2},
    "420 progressive": {"subsampling": 2, "progressive": True},
    "422 progressive": {"subsampling": 1, "progressive": True},
    "420 restarts": {"subsampling": 2, "restart_marker_blocks": 3},
    "420 low quality": {"subsampling": 2, "quality": 8},
    "440": {"subsampling": 1, "factors": (1, 2)},
    "411": {"subsampling": 2, "factors": (4, 1)},
    "441": {"subsampling": 2, "factors": (1, 4)},
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [(64, 64), (97, 131), (16, 17)])
def test_planes_are_the_islow_decoders(name: str, size: tuple[int, int], tmp_path) -> None:
    jpeglib = pytest.importorskip("jpeglib", reason="jpeglib reads the coefficients for the reference")
    options = dict(CASES[name])
    factors = options.pop("factors", None)
    jpeg = jpeg_of(picture(*size), **options)
    if factors:
        jpeg = resampled(jpeg, factors)
    (tmp_path / "a.jpg").write_bytes(jpeg)
    reference = jpeglib.read_dct(str(tmp_path / "a.jpg"))
    planes = decode_planes(jpeg)
    h, v = planes.subsampling
    assert planes.cb is not None and planes.cr is not None
    height, width = planes.y.shape
    assert planes.cb.shape == planes.cr.shape == (-(-height // v), -(-width // h))
    for k, plane in enumerate((planes.y, planes.cb, planes.cr)):
        coefficients = (reference.Y, reference.Cb, reference.Cr)[k]
        expected = islow(coefficients, reference.qt[reference.quant_tbl_no[k]])
        assert plane.dtype == np.uint8
        np.testing.assert_array_equal(plane, expected[: plane.shape[0], : plane.shape[1]])


def test_grayscale() -> None:
    image = picture(50, 70).convert("L")
    jpeg = jpeg_of(image)
    planes = decode_planes(jpeg)
    assert planes.cb is None and planes.cr is None and planes.subsampling == (1, 1)
    np.testing.assert_array_equal(planes.y, np.asarray(Image.open(io.BytesIO(jpeg))))


def test_444_is_pillows_ycbcr() -> None:
    jpeg = jpeg_of(picture(45, 61), subsampling=0)
    image = Image.open(io.BytesIO(jpeg))
    image.draft("YCbCr", image.size)
    planes = decode_planes(jpeg)
    np.testing.assert_array_equal(np.stack([planes.y, planes.cb, planes.cr], -1), np.asarray(image))


def test_many_application_segments_do_not_matter() -> None:
    jpeg = jpeg_of(picture(40, 40))
    segment = b"\xff\xeb" + (60000).to_bytes(2, "big") + bytes(59998)
    assert decode_planes(jpeg[:2] + 150 * segment + jpeg[2:]).binding_hash() == binding_hash(jpeg)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_binding_hash_survives_lossless_changes_only(subsampling: int, tmp_path) -> None:
    jpeglib = pytest.importorskip("jpeglib", reason="jpeglib re-saves without loss")
    image = picture(83, 97)
    jpeg = jpeg_of(image, progressive=True, subsampling=subsampling)
    (tmp_path / "a.jpg").write_bytes(jpeg)
    jpeglib.read_dct(str(tmp_path / "a.jpg")).write_dct(str(tmp_path / "b.jpg"))
    again = (tmp_path / "b.jpg").read_bytes()
    assert b"\xff\xc0" in again and b"\xff\xc2" in jpeg  # baseline now, same coefficients
    assert binding_hash(again) == binding_hash(jpeg) and len(binding_hash(jpeg)) == 16
    planes = decode_planes(jpeg)
    y = planes.y.copy()
    y[33, 44] ^= 1
    changed = JpegPlanes(y, planes.cb, planes.cr, planes.subsampling, planes.quantisation)
    assert changed.binding_hash() != planes.binding_hash()
    assert binding_hash(jpeg_of(image, quality=91)) != binding_hash(jpeg)


def _with_adobe(jpeg: bytes, transform: int) -> bytes:
    start = jpeg.index(b"\xff\xe0")
    end = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
    return jpeg[:start] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform]) + jpeg[end:]


def test_strange_jpegs_are_named() -> None:
    jpeg = jpeg_of(picture(40, 40))
    frame = jpeg.index(b"\xff\xc0")
    twelve = jpeg[: frame + 4] + b"\x0c" + jpeg[frame + 5 :]
    lossless = jpeg[: frame + 1] + b"\xc3" + jpeg[frame + 2 :]
    huge = jpeg[: frame + 5] + struct.pack(">HH", 60000, 4000) + jpeg[frame + 9 :]
    progressive = jpeg_of(picture(40, 40), progressive=True)
    last_scan = progressive.rindex(b"\xff\xda")
    cases = {
        "CMYK": jpeg_of(picture(40, 40).convert("CMYK")),
        "RGB": _with_adobe(jpeg, 0),
        "12 bits": twelve,
        "lossless": lossless,
        "too few bytes": huge,
        "scans are missing": progressive[:last_scan] + b"\xff\xd9",
        "cut short": jpeg[:-200],
        "not a JPEG": b"II*\0" + jpeg,
        "holds no image": jpeg[:frame] + b"\xff\xd9",
    }
    for reason, data in cases.items():
        with pytest.raises(InputError, match=reason):
            decode_planes(data)
    decode_planes(_with_adobe(jpeg, 1))


def test_damaged_files_give_samples_or_input_error() -> None:
    rng = np.random.default_rng(5)
    image = picture(48, 56)
    sources = [jpeg_of(image, subsampling=s, progressive=p) for s in (0, 1, 2) for p in (False, True)]
    sources.append(jpeg_of(image.convert("L")))
    refused = 0
    for trial in range(1500):
        data = bytearray(sources[trial % len(sources)])
        limit = len(data) if trial % 2 else min(len(data), 700)
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(limit)] = rng.integers(256)
        if trial % 5 == 0:
            data = data[: rng.integers(len(data))]
        try:
            planes = decode_planes(bytes(data))
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
        else:
            assert planes.y.ndim == 2
    assert 300 < refused < 1500


def test_stray_bytes_and_a_missing_eoi_are_taken_as_libjpeg_takes_them() -> None:
    for options in ({}, {"progressive": True}, {"subsampling": 1}):
        jpeg = jpeg_of(picture(70, 90), **options)
        planes = decode_planes(jpeg)
        table = jpeg.index(b"\xff\xdb")
        for stray in (b"\0\0", b"abc", b"\0\xe1\0\4ab", b"\xff\0", b"\xff\xff\0\xff"):
            strange = jpeg[:table] + stray + jpeg[table:]
            assert decode_planes(strange).binding_hash() == planes.binding_hash()
        second = b"\xff\xd8\xff\xe1\0\x08Exif\0\0" + jpeg
        rubbish = (b"\xff\xc4\0\4ab\xff\xdb\0\4ab", b"\xff\xda\0\3a", b"\xff\xc0\0\3a", b"\xff")
        trailers = (b"", b"SEFH trailer" * 40, second, *rubbish)
        for trailer in trailers:
            assert decode_planes(jpeg[:-2] + trailer).binding_hash() == planes.binding_hash()


def test_a_cut_scan_is_none_without_eoi_either() -> None:
    for options in ({}, {"progressive": True}, {"subsampling": 0}):
        jpeg = jpeg_of(picture(70, 90), **options)
        for lost in (6, 7, 40, 200):
            for trailer in (b"", b"\xff\xd8\xff\xe1\0\x08Exif\0\0", b"\xff\xd9"[:1]):
                with pytest.raises(InputError, match=r"cut short|scans are missing|too few bytes"):
                    decode_planes(jpeg[:-lost] + trailer)
