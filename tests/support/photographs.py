"""A small folder of photographs for the tests of `view`: made once in a process, written where a test wants it."""

import functools
import io

import numpy as np
from landscape import landscape
from PIL import Image
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.codec.api import encode_arrays
from rawinlay.codec.simulator import simulate

QUIET = {"odd_size": False, "distortion": 0.0, "iso": 100, "median": 0.2}
TRIMMABLE, TURNED, RAW, PLAIN, DAMAGED = "IMG_1-raw.jpg", "IMG_2.jpg", "IMG_1.dng", "IMG_3.jpg", "IMG_4.jpg"


@functools.cache
def files():
    """Name -> bytes: a lossless carrier in layers with its original beside, one that is turned and lossy, a JPEG
    without a RAW, and one whose RAW is damaged."""
    taken = simulate(landscape(96, 144), 3, quality=95, **QUIET)
    turned = simulate(landscape(96, 144), 4, quality=95, orientation=6, pixels_turned=False, **QUIET)
    carrier = encode_arrays(taken.raw, taken.jpeg, lossless=True, trimmable=True, effort=1).jpeg
    damaged = bytearray(carrier)
    at = damaged.index(b"RAWI") if b"RAWI" in damaged else len(damaged) // 3
    damaged[at + 40 : at + 2000] = bytes(1960)
    out = io.BytesIO()
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (120, 1))).convert("RGB").save(out, "JPEG")
    return {
        TRIMMABLE: carrier, TURNED: encode_arrays(turned.raw, turned.jpeg, bpp=2, effort=1).jpeg,
        RAW: write_dng(taken.raw, taken.jpeg), PLAIN: out.getvalue(), DAMAGED: bytes(damaged),
    }  # fmt: skip


def write(folder):
    """The folder, with all of them in it."""
    for name, data in files().items():
        (folder / name).write_bytes(data)
    return folder
