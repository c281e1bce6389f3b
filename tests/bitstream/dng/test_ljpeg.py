"""The lossless JPEG encoder against an independent decoder and the optimality of its code."""

import imagecodecs
import numpy as np
import pytest
from rawinlay.bitstream.dng.ljpeg import encode_tiles, huffman_lengths


def _decoded(jpeg: bytes, shape: tuple[int, int]) -> np.ndarray:
    return np.asarray(imagecodecs.ljpeg_decode(jpeg)).reshape(shape)


def _tiles() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    smooth = np.linspace(0, 60000, 64 * 96).reshape(64, 96) + rng.normal(0, 40, (64, 96))
    steps = rng.choice(np.array([0, 1, 32767, 32768, 32769, 65535], np.uint16), (40, 48))
    return {
        "smooth": smooth.clip(0, 65535).astype(np.uint16), "any value": rng.integers(0, 65536, (33, 50), np.uint16),
        "steps of 32768": steps, "constant": np.full((16, 16), 1000, np.uint16),
        "no difference at all": np.full((4, 2), 32768, np.uint16),
        "two pixels": np.array([[0, 65535]], np.uint16), "one row": rng.integers(0, 4096, (1, 256), np.uint16),
        "one column pair": rng.integers(0, 4096, (256, 2), np.uint16),
        "saturated": np.full((64, 64), 65535, np.uint16),
    }


@pytest.mark.parametrize("name", _tiles())
def test_tiles_decode_exactly(name: str) -> None:
    tile = _tiles()[name]
    assert np.array_equal(_decoded(encode_tiles([tile])[0], tile.shape), tile)


def test_tiles_that_share_a_table_decode_exactly() -> None:
    tiles = list(_tiles().values())
    for tile, jpeg in zip(tiles, encode_tiles(tiles), strict=True):
        assert np.array_equal(_decoded(jpeg, tile.shape), tile)


def test_many_random_tiles_decode_exactly() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        shape = int(rng.integers(1, 9)), 2 * int(rng.integers(1, 9))
        tile = rng.integers(0, 1 << int(rng.integers(1, 17)), shape).astype(np.uint16)
        assert np.array_equal(_decoded(encode_tiles([tile])[0], shape), tile)


def test_every_header_is_what_readers_expect() -> None:
    jpeg = encode_tiles([np.zeros((6, 10), np.uint16)])[0]
    assert jpeg[:4] == b"\xff\xd8\xff\xc3" and jpeg[-2:] == b"\xff\xd9"
    assert jpeg[6] == 16 and jpeg[7:12] == bytes([0, 6, 0, 5, 2])  # precision, height, width / 2, components
    sos = jpeg.index(b"\xff\xda")
    assert jpeg[sos + 4 : sos + 12] == bytes([2, 0, 0, 1, 0, 1, 0, 0])  # predictor 1, no point transform


def test_code_lengths_are_optimal_within_jpegs_rules() -> None:
    rng = np.random.default_rng(6)
    cases = [np.ones(17, int), np.array([5] + [0] * 16), np.array([1 << i for i in range(17)]),
             *(rng.integers(0, 1 << int(rng.integers(1, 20)), 17) for _ in range(50))]
    for counts in cases:
        lengths = np.array(huffman_lengths(counts))
        used = counts > 0
        assert np.array_equal(lengths > 0, used) and lengths.max() <= 16
        assert np.sum(0.5 ** lengths[used]) <= 1 - 0.5**16  # the code of all ones stays free
        p = counts[used] / counts.sum()
        entropy = -np.sum(p * np.log2(p))
        assert np.sum(p * lengths[used]) <= entropy + 1.01


def test_the_rate_is_near_the_entropy_of_the_differences() -> None:
    rng = np.random.default_rng(7)
    tile = (2000 + rng.normal(0, 30, (256, 256))).astype(np.uint16)
    d = tile[:, 2:].astype(int) - tile[:, :-2]
    _, counts = np.unique(d, return_counts=True)
    p = counts / counts.sum()
    assert 8 * len(encode_tiles([tile])[0]) / tile.size < -np.sum(p * np.log2(p)) + 0.4


def test_wrong_tiles_are_refused() -> None:
    for tile in (np.zeros((4, 5), np.uint16), np.zeros((4, 4), np.int32), np.zeros((0, 4), np.uint16)):
        with pytest.raises(ValueError):
            encode_tiles([tile])
