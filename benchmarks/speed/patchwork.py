"""Pictures of any size for timing: a real RAW's and its rendering's pieces, put together at random.

Pieces of 1024 x 1024 pixels are taken from random even places, so that content is a photograph's everywhere but at
seams, the JPEG stays in register with the mosaic, and nothing repeats that an alignment could mistake for itself.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ...bitstream.dng.writer import write_dng
from ...bitstream.errors import InputError
from ...bitstream.runtime.files import write_atomically
from ...codec.source.raw import read_raw, render_jpeg

PIECE = 1024
ASPECT = 3 / 2
QUALITY, SAMPLING = 95, "4:2:0"


def sides(megapixels: float) -> tuple[int, int]:
    """Height and width, multiples of 16, of about so many megapixels at 3:2."""
    height = round(math.sqrt(megapixels * 1e6 / ASPECT) / 16) * 16
    return height, round(height * ASPECT / 16) * 16


def make(source: Path, megapixels: float, folder: Path) -> tuple[Path, Path]:
    """A DNG and its JPEG of about so many megapixels from the RAW `source`, made once; their paths.

    InputError for a source that is smaller than a piece or can't be rendered at the mosaic's size.
    """
    raw_path = folder / f"{source.stem}-{megapixels:g}mp.dng"
    jpeg_path = raw_path.with_suffix(".jpg")
    if raw_path.exists() and jpeg_path.exists():
        return raw_path, jpeg_path
    raw = read_raw(source)
    # Stored, not turned: then the rendering lies exactly over the mosaic.
    rendered = Image.open(io.BytesIO(render_jpeg(source, 100, "4:4:4", user_flip=0)))
    picture = np.asarray(rendered.convert("RGB"))
    if picture.shape[:2] != raw.mosaic.shape or min(raw.mosaic.shape) < PIECE:
        raise InputError(f"{source.name}: its rendering is of another size, or smaller than {PIECE} x {PIECE}")
    shape = sides(megapixels)
    mosaic = np.empty(shape, np.uint16)
    large = Image.new("RGB", (shape[1], shape[0]))
    for (y, x), (top, left) in _pieces(shape, raw.mosaic.shape):
        height, width = min(PIECE, shape[0] - y), min(PIECE, shape[1] - x)
        mosaic[y : y + height, x : x + width] = raw.mosaic[top : top + height, left : left + width]
        large.paste(Image.fromarray(picture[top : top + height, left : left + width]), (x, y))
    out = io.BytesIO()
    large.save(out, "JPEG", quality=QUALITY, subsampling=SAMPLING)
    folder.mkdir(parents=True, exist_ok=True)
    # Tags that refer to the source's frame would not fit another.
    write_atomically(raw_path, write_dng(replace(raw, mosaic=mosaic, raw_tags={}, orientation=1)))
    write_atomically(jpeg_path, out.getvalue())
    return raw_path, jpeg_path


def _pieces(shape: tuple[int, int], source: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Corners of the pieces in the picture, and where each is taken from."""
    rng = np.random.default_rng(0)
    for y in range(0, shape[0], PIECE):
        for x in range(0, shape[1], PIECE):
            top, left = (2 * int(rng.integers(0, (n - PIECE) // 2 + 1)) for n in source)
            yield (y, x), (top, left)
