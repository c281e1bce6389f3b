"""Camera files that are cut short or list too little are refused with the reason, in each container; sound ones not."""

import camera_files as made
import numpy as np
import pytest
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.tiff import tiff
from rawinlay.codec.source.extents import check_extents
from rawinlay.codec.source.raw import read_raw

SHARES = (0.999, 0.99, 0.95, 0.7, 0.1)
CONTAINERS = {
    "ARW, lossy": made.arw, "ARW, 14 bits": lambda: made.arw(14), "NEF": made.nef, "RW2": made.rw2, "CR2": made.cr2,
    "CR3": made.cr3, "RAF": made.raf, "CRW": made.crw, "MRW": made.mrw, "MRW, unpacked": lambda: made.mrw(False),
    "IIQ": made.iiq, "DNG, uncompressed": lambda: made.striped_dng(96), "DNG, strips": made.striped_dng,
    "DNG, tiles": made.tiled_dng, "DNG, uncompressed tiles": lambda: made.tiled_dng(compressed=False),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_whole_files_pass_and_cut_ones_are_called_cut_short(name):
    whole = CONTAINERS[name]()
    check_extents(whole)
    for share in SHARES:
        with pytest.raises(InputError, match=r"cut short|incomplete"):
            check_extents(whole[: int(share * len(whole))])


@pytest.mark.parametrize("name", CONTAINERS)
def test_no_cut_anywhere_is_more_than_an_input_error(name):
    whole = CONTAINERS[name]()
    for size in range(0, min(len(whole), 700)):
        try:
            check_extents(whole[:size])
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["ARW, lossy", "RW2", "NEF", "DNG, strips", "DNG, tiles"])
def test_reading_refuses_them_naming_the_file(name, tmp_path):
    whole, path = CONTAINERS[name](), tmp_path / "IMG_7.raw"
    path.write_bytes(whole)
    assert read_raw(path).mosaic.size > 1000
    for share in (0.99, 0.7):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match=r"IMG_7\.raw: the file is cut short"):
            read_raw(path)


@pytest.mark.parametrize("listed", [1, 5, 7, 8])
def test_a_dng_that_lists_too_few_tiles_or_strips_is_incomplete(listed):
    with pytest.raises(InputError, match=f"lists {listed} of 9 tiles"):
        read_raw(made.tiled_dng(listed=listed))
    with pytest.raises(InputError, match=f"lists {min(listed, 5)} of 6 strips"):
        read_raw(made.striped_dng(listed=min(listed, 5)))


def test_byte_counts_that_cannot_be_are_refused():
    dng, tiles = made.striped_dng(96), made.tiled_dng()
    counts = [int(n) for n in tiff.value_numbers(tiff.read_tiff(tiles)[0].tags[325])]
    offsets = [int(n) for n in tiff.value_numbers(tiff.read_tiff(tiles)[0].tags[324])]
    for data, reason in (
        (made.set_table(dng, 279, [0]), "strip 1 of 1 is empty"),
        (made.set_table(dng, 279, [made.MOSAIC.nbytes - 1]), "its pixels take 27648"),
        (made.set_table(dng, 279, [1 << 30]), "cut short"),
        (made.set_table(dng, 273, [len(dng) - 100]), "cut short"),
        (made.set_table(tiles, 325, [*counts[:8], 0]), "tile 9 of 9 is empty"),
        (made.set_table(tiles, 324, [*offsets[:8], offsets[7]]), "one over another"),
        (made.set_table(tiles, 324, [*offsets[:8], offsets[8] + 4]), "cut short|no JPEG"),
    ):
        with pytest.raises(InputError, match=reason):
            read_raw(data)


def test_tiles_whose_jpeg_is_too_small_are_incomplete():
    tiles = made.tiles_of(made.MOSAIC, 32, 48)
    tiles[4] = np.ascontiguousarray(tiles[4][:20])
    tags = [(322, made.longs(48)), (323, made.longs(32)), (259, made.shorts(7))]
    with pytest.raises(InputError, match="tile 5 of 9 has 960 values of 1536"):
        read_raw(made.chunked_dng(made.encode_tiles(tiles), True, tags))


@pytest.mark.parametrize("tag, value, name", [
    (50975, made.shorts(2), "RowInterleaveFactor 2"), (52547, made.shorts(2), "ColumnInterleaveFactor 2"),
    (50974, made.shorts(2, 2), "SubTileBlockSize 2 2"), (50711, made.shorts(3), "CFALayout 3"),
    (266, made.shorts(2), "FillOrder 2"), (339, made.shorts(2), "SampleFormat 2"),
])  # fmt: skip
def test_orders_that_libraw_ignores_are_refused_and_their_plain_values_not(tag, value, name):
    with pytest.raises(InputError, match=name):
        read_raw(made.striped_dng(tags=[(tag, value)]))
    plain = made.shorts(*[1] * value.count)
    assert np.array_equal(read_raw(made.striped_dng(tags=[(tag, plain)])).mosaic, made.MOSAIC)


def test_what_libraw_would_read_in_wrong_order_is_refused():
    for data, reason in (
        (made.striped_dng(gap=bytes(8)), "one after another"),
        (made.chunked_dng(made.encode_tiles(made.tiles_of(made.MOSAIC, 48, 144)),
                          tags=[(278, made.longs(48)), (259, made.shorts(7))]), "several strips"),
        (made.tiled_dng(wide=72), "of a width"), (made.tiled_dng(wide=160, high=96), "of a width"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=reason):
            read_raw(data)


@pytest.mark.parametrize("high, wide, compressed", [
    (96, 144, True), (32, 48, True), (40, 64, True), (16, 16, True), (96, 144, False), (32, 48, False), (40, 64, False),
])  # fmt: skip
def test_sound_tiles_are_read_exactly(high, wide, compressed):
    data = made.tiled_dng(high=high, wide=wide, compressed=compressed)
    assert np.array_equal(read_raw(data).mosaic, made.MOSAIC)


def test_a_byte_count_that_makers_are_known_to_get_wrong_is_not_believed():
    wrong = tiff.read_tiff(made.arw())[0]
    cfa = wrong.subs[tiff.SUB_IFDS][0]
    cfa.chunks = [made.noise(500)]
    for tag in (273, 279):
        cfa.tags.pop(tag)
    for make, compression, refused in (("Hasselblad", 7, False), ("SONY", 7, True), ("SONY", 32767, False)):
        wrong.tags[271], cfa.tags[259] = tiff.pack_ascii(make), made.shorts(compression)
        data = bytearray(tiff.write_tiff(wrong))
        at = data.index(made.longs(500).data, data.index(b"\x17\x01\x04\0"))
        data[at : at + 4] = made.longs(99999).data
        if refused:
            with pytest.raises(InputError, match="cut short"):
                check_extents(bytes(data))
        else:
            check_extents(bytes(data))
