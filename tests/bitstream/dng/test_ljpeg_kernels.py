"""bitstream.dng.ljpeg_kernels: how often each category occurs in a tile, and its scan, beside plain T.81."""

import numpy as np
import pytest
from guarded import guarded
from rawinlay.bitstream.dng.ljpeg import _CATEGORY, WORST_BYTES
from rawinlay.bitstream.dng.ljpeg_kernels import code, count

RNG = np.random.default_rng(0)
TILES = {
    "noise": RNG.integers(0, 65536, (7, 10)),
    "one row": RNG.integers(0, 4096, (1, 4)),
    "two columns": RNG.integers(0, 300, (5, 2)),
    "flat": np.full((3, 6), 1 << 15),
    "extremes": RNG.choice([0, 1, 32767, 32768, 65535], (9, 8)),
    "category 16": np.array([[0, 32768, 32768, 0], [0, 32768, 32768, 0]]),
    "empty": np.zeros((0, 2), int),
}


@pytest.fixture(params=TILES)
def tile(request):
    return TILES[request.param].astype(np.uint16)


def differences(tile, apart=2):
    """By T.81 H.1: less the neighbour of the same component; of a first column the one above; at first 2^15."""
    t = tile.tolist()
    for i, j in np.ndindex(tile.shape):
        prediction = t[i][j - apart] if j >= apart else (t[i - 1][j] if i else 1 << 15)
        yield (t[i][j] - prediction + (1 << 15)) % (1 << 16) - (1 << 15)


def category(difference):
    return 16 if difference == -32768 else abs(difference).bit_length()


@pytest.mark.parametrize("apart", [1, 2])
def test_count(tile, apart):
    found, *_ = guarded(count, tile, _CATEGORY, apart)
    wanted = np.bincount([category(d) for d in differences(tile, apart)], minlength=17) if tile.size else np.zeros(17)
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("lengths", [range(1, 18), [8] * 17, [16] * 17, [5, 16, 3, *[7] * 14]])
def test_code(tile, lengths):
    """The bits one after another, FF followed by 00, filled up with ones."""
    lengths = np.minimum(np.array(lengths), 16).astype(np.uint8)
    codes = (np.arange(17) * 2654435761 % (1 << lengths.astype(np.int64))).astype(np.uint32)
    codes[3] = (1 << int(lengths[3])) - 1  # bytes of ones come about
    bits = ""
    for d in differences(tile):
        c = category(d)
        bits += f"{codes[c]:0{lengths[c]}b}"
        if 0 < c < 16:
            bits += f"{d if d > 0 else d - 1 + (1 << c):0{c}b}"
    bits += "1" * (-len(bits) % 8)
    wanted = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    room = np.zeros(tile.size * WORST_BYTES + 8, np.uint8)
    size, out = guarded(code, tile, _CATEGORY, 2, codes, lengths, room, changed=[5])
    assert out[:size].tobytes() == wanted


def test_categories_are_those_of_the_text():
    assert _CATEGORY.tolist() == [category((d + 32768) % 65536 - 32768) for d in range(65536)]
