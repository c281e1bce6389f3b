"""Reading RAWs: hand-made DNGs of every awkward kind, and the real files where they are."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from adobe import PADDING, adobe_mosaic
from PIL import Image
from rawinlay.bitstream.dng.crop import default_crop
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.raw_image import CFA_PHASES, RawImage
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.meta import Meta
from rawinlay.bitstream.tiff.tiff import Ifd, pack_value
from rawinlay.codec.source.metadata import CANON_UUID, RAF_MAGIC, source_ifd
from rawinlay.codec.source.raw import embedded_preview, read_raw, render_jpeg
from raws import BAYER_FILES, SOME_FILES, plain_dng, shared_raw, slow, synthetic_raw

RNG = np.random.default_rng(9)
FRAME = RNG.integers(100, 15000, (120, 160)).astype(np.uint16)


def _same(a: RawImage, b: RawImage) -> bool:
    return np.array_equal(a.mosaic, b.mosaic) and all(
        getattr(a, name) == getattr(b, name) for name in ("cfa", "black", "white", "orientation", "camera"))


def _jpeg(size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 40)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("cfa", CFA_PHASES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_our_own_dngs_read_back_as_what_was_written(cfa: str, orientation: int, tmp_path: Path) -> None:
    noise = {51041: pack_value(tiff.DOUBLE, 1e-4, 2e-8)}
    raw = synthetic_raw(cfa, (253, 301), black=(200, 201.5, 199, 200.25), orientation=orientation, raw_tags=noise)
    dng = write_dng(raw, _jpeg((301, 253)))
    path = tmp_path / "x.dng"
    path.write_bytes(dng)
    for source in (dng, path, str(path)):
        got = read_raw(source)
        assert _same(got, raw)
        assert {tag: got.ifd0_tags[tag] for tag in raw.ifd0_tags} == raw.ifd0_tags
        assert got.raw_tags[51041] == noise[51041]


@pytest.mark.parametrize("top, left, cfa, black, crop", [
    (4, 12, "RGGB", (10, 20, 30, 40), [4, 6]),
    # LibRaw moves an odd corner to the next even one, into the area.
    (3, 11, "BGGR", (40, 30, 20, 10), [3, 5]),
    (3, 12, "GBRG", (30, 40, 10, 20), [4, 5]),
    (4, 11, "GRBG", (20, 10, 40, 30), [3, 6]),
])
def test_levels_and_tags_follow_the_active_area(
        top: int, left: int, cfa: str, black: tuple[float, ...], crop: list[int]) -> None:
    opcodes = tiff.TiffValue(tiff.UNDEFINED, 4, bytes(4))
    raw = read_raw(plain_dng(
        FRAME, t50829=pack_value(tiff.LONG, top, left, 114, 150), t50713=pack_value(tiff.SHORT, 2, 2),
        t50714=pack_value(tiff.LONG, 10, 20, 30, 40), t51008=opcodes, t51009=opcodes,
        t50719=pack_value(tiff.LONG, 4, 6), t50720=pack_value(tiff.LONG, 100, 80)))
    assert np.array_equal(raw.mosaic, FRAME[top + top % 2 : 114, left + left % 2 : 150])
    # CFAPattern and BlackLevel both count from the corner of the active area (DNG 1.7, chapter 4).
    assert raw.cfa == cfa and raw.black == black
    assert tiff.value_numbers(raw.raw_tags[50719]) == crop
    assert 51008 not in raw.raw_tags and (51009 in raw.raw_tags) == (top % 2 == left % 2 == 0)


def test_black_level_deltas_count_as_their_means() -> None:
    raw = read_raw(plain_dng(FRAME, t50715=pack_value(tiff.SRATIONAL, *[4, 1, 8, 1] * 80),
                             t50716=pack_value(tiff.SRATIONAL, *[0, 1, 1, 2] * 60)))
    assert raw.black == (68, 72, 68.5, 72.5)


def test_the_linearization_table_is_applied_and_not_carried() -> None:
    codes = RNG.integers(0, 256, (64, 64)).astype(np.uint16)
    table = np.arange(256) ** 2 // 5
    raw = read_raw(plain_dng(codes, t50712=pack_value(tiff.SHORT, *table)))
    assert np.array_equal(raw.mosaic, table[codes])
    assert 50712 not in raw.raw_tags and 50712 not in raw.ifd0_tags
    assert np.array_equal(read_raw(write_dng(raw)).mosaic, table[codes])


X_TRANS = bytes(("GBGGRGRGRBGBGBGGRGGRGGBGBGBRGRGRGGBG".translate(str.maketrans("RGB", "\0\1\2"))).encode())


@pytest.mark.parametrize("data, kind", [
    (plain_dng(np.dstack([FRAME] * 3)), "3 values a pixel"),
    (plain_dng(FRAME, t262=pack_value(tiff.SHORT, 34892)), "one colour"),
    (plain_dng(FRAME, X_TRANS), "6x6 sites of"),
    (plain_dng(FRAME, b"\0\0\1\2"), "2x2 sites of RGB"),
])
def test_other_sensors_are_read(data: bytes, kind: str) -> None:
    raw = read_raw(data)
    assert raw.kind.startswith(kind) and np.array_equal(raw.values, np.dstack([FRAME] * 3) if "3" in kind else FRAME)


@pytest.mark.parametrize("data, reason", [
    (plain_dng(FRAME, t254=pack_value(tiff.LONG, 1)), "marked as a preview"),
    (plain_dng(FRAME, t259=pack_value(tiff.SHORT, 52546)), "JPEG XL"),
    (plain_dng(FRAME, t50714=pack_value(tiff.LONG, 16000)), "level"),
    (plain_dng(FRAME)[:-2000], "cut short"),
    (b"", "LibRaw can't read it"), (b"no picture at all" * 100, "LibRaw can't read it"),
    (_jpeg((64, 64)), "LibRaw can't read it"),
])
def test_what_is_no_readable_raw_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read_raw(data)
    assert "\n" not in str(caught.value)


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.nef"):
        read_raw(tmp_path / "absent.nef")
    (tmp_path / "text.nef").write_bytes(b"not a RAW file" * 50)
    with pytest.raises(InputError, match=r"text\.nef"):
        render_jpeg(tmp_path / "text.nef")


def test_damaged_files_raise_input_errors_and_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(10)
    source = write_dng(synthetic_raw(shape=(64, 96)), _jpeg((96, 64)))
    refused = 0
    for _ in range(40):
        data = bytearray(source)
        for at in rng.integers(0, 1500, 4):
            data[at] = rng.integers(0, 256)
        try:
            read_raw(bytes(data))
        except InputError:
            refused += 1
    assert refused > 8
    assert capfd.readouterr().err == ""


def test_a_preview_counts_only_at_full_size_either_way_up() -> None:
    raw = synthetic_raw(shape=(200, 300))
    for size, counts in (((300, 200), True), ((286, 191), True), ((240, 160), False), ((300, 150), False)):
        preview = embedded_preview(write_dng(raw, _jpeg(size)))
        assert (preview is not None) == counts
        assert preview is None or Image.open(io.BytesIO(preview)).size == size
    assert embedded_preview(write_dng(raw)) is None


@pytest.mark.parametrize("orientation, size", [(1, (300, 200)), (6, (200, 300))])
def test_the_rendering_is_upright_and_knows_its_camera(orientation: int, size: tuple[int, int]) -> None:
    exif = {33434: pack_value(tiff.RATIONAL, 1, 100), 34855: pack_value(tiff.SHORT, 400)}
    jpeg = render_jpeg(write_dng(synthetic_raw(shape=(200, 300), orientation=orientation, exif_tags=exif)))
    image = Image.open(io.BytesIO(jpeg))
    assert image.size == size and image.getexif()[274] == 1
    assert image.getexif()[271] == "Maker" and image.getexif()[272] == "Maker One"
    assert Jpeg(jpeg).exif_tags == exif
    assert len(render_jpeg(write_dng(synthetic_raw(shape=(200, 300))), quality=50)) < len(jpeg)


@pytest.mark.parametrize("name", BAYER_FILES)
def test_real_files_go_through_the_dng_exactly(name: str) -> None:
    path = shared_raw(name)
    raw = read_raw(path)
    known = Meta.from_bytes(Meta.of(raw).to_bytes())
    assert (known.ifd0_tags, known.raw_tags, known.exif_tags) == (raw.ifd0_tags, raw.raw_tags, raw.exif_tags)
    assert known.note == raw.note and known.gps_tags == raw.gps_tags
    again = read_raw(write_dng(raw))
    assert _same(again, raw)
    assert {tag: again.ifd0_tags.get(tag) for tag in raw.ifd0_tags} == raw.ifd0_tags
    assert {tag: again.exif_tags.get(tag) for tag in raw.exif_tags} == raw.exif_tags


def test_the_real_mirrored_file_is_mirrored() -> None:
    raw = read_raw(shared_raw("gopro-hero6.dng"))
    assert raw.orientation == 2 and raw.mosaic.shape == (3000, 4000) and len(raw.raw_tags[51009].data) > 1000


def test_the_real_cmyg_file_is_read() -> None:
    path = shared_raw("canon-g1-cmyg.crw")
    raw = read_raw(path)
    # A CIFF file, which is not parsed here: the camera's name comes by way of the thumbnail.
    assert Image.open(io.BytesIO(render_jpeg(path, half_size=True))).getexif()[272] == "PowerShot G1"
    assert raw.kind == "2x2 sites of GMYC" and raw.cell is not None and raw.cell.order == "GMCY"
    assert raw.ifd0_tags[50721].count == 12 and raw.ifd0_tags[50728].count == 4


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def test_metadata_is_found_in_other_containers() -> None:
    exif = Ifd({34855: pack_value(tiff.SHORT, 640)})
    ifd0 = {272: tiff.pack_ascii("Model X")}
    nested = tiff.write_tiff(Ifd(ifd0, {tiff.EXIF_IFD: [exif]}))
    jpeg = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(nested) + 8) + b"Exif\0\0" + nested + _jpeg((8, 8))[2:]
    raf = RAF_MAGIC.ljust(84, b"0") + struct.pack(">II", 100, len(jpeg)) + bytes(8) + jpeg
    canon = _box(b"CMT1", tiff.write_tiff(Ifd(ifd0))) + _box(b"CMT2", tiff.write_tiff(exif))
    cr3 = _box(b"ftyp", b"crx \0\0\0\1") + _box(b"moov", _box(b"uuid", CANON_UUID + canon)) + _box(b"mdat", bytes(99))
    for data in (raf, cr3, nested):
        found = source_ifd(data)
        assert found is not None and tiff.value_text(found.tags[272]) == "Model X"
        assert found.subs[tiff.EXIF_IFD][0].tags[34855] == exif.tags[34855]
        for cut in range(len(data)):
            source_ifd(data[:cut])  # whatever is missing, it answers
    assert source_ifd(b"no container" * 50) is None


@pytest.mark.parametrize("name", BAYER_FILES)
def test_libraw_renders_real_files_dngs_like_their_sources(name: str, tmp_path: Path) -> None:
    import rawpy

    path = shared_raw(name)
    (tmp_path / "x.dng").write_bytes(write_dng(read_raw(path)))
    pictures = []
    for source in (path, tmp_path / "x.dng"):
        with rawpy.imread(str(source)) as opened:
            pictures.append(opened.postprocess(use_camera_wb=True, half_size=True).astype(int))
    # A DNG's matrix goes another way through LibRaw's arithmetic than its built-in one, which a few pixels show.
    difference = np.abs(pictures[0] - pictures[1])
    assert difference.max() <= (3 if name.endswith(".nef") else 0) and (difference > 0).mean() < 1e-4


@slow
@pytest.mark.slow
@pytest.mark.parametrize("name", SOME_FILES)
def test_other_programs_take_real_files_dngs(name: str, tmp_path: Path) -> None:
    path = shared_raw(name)
    dng = tmp_path / "x.dng"
    dng.write_bytes(write_dng(read_raw(path), render_jpeg(path)))
    pytest.importorskip("dngpy", reason="Adobe's DNG SDK (dngpy) is not installed")
    own_crop = default_crop(read_raw(path).raw_tags)  # is kept as it is, to the edges too
    assert np.array_equal(adobe_mosaic(dng, PADDING if own_crop else None), read_raw(path).mosaic)
    programs = {"darktable-cli": ["{in}", "{out}", "--core", "--library", ":memory:", "--configdir", str(tmp_path)],
                "rawtherapee-cli": ["-n", "-b8", "-Y", "-o", "{out}", "-c", "{in}"]}
    for program, arguments in programs.items():
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
        if name.endswith(".nef"):
            continue  # these programs bring their own levels, crop and matrix for a proprietary file
        pictures = []
        for i, source in enumerate((path, dng)):
            out = tmp_path / f"{program}-{i}.png"
            command = [a.replace("{in}", str(source)).replace("{out}", str(out)) for a in arguments]
            subprocess.run([program, *command], check=True, capture_output=True)
            pictures.append(np.asarray(Image.open(out).convert("RGB"), float))
        assert pictures[0].shape == pictures[1].shape
        inner = [p[8:-8, 8:-8] for p in pictures]
        assert 10 * np.log10(255**2 / max(np.mean((inner[0] - inner[1]) ** 2), 1e-12)) > 80
