"""Where a stream's bits lie in the picture: a map of bits per pixel, and the picture beside it.

    python -m rawinlay.eval.bitmap IMG-raw.jpg -o bits.png
    python -m rawinlay.eval.bitmap IMG-raw.jpg -o bits.npy          the bits themselves, float32 (h, w) by cell
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ..bitstream.errors import RawinlayError, UsageError
from ..bitstream.jpeg.carried import carried_stream, check_binding
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.planes import JpegPlanes
from ..bitstream.runtime.files import read_file
from ..codec.decoder.stream import Stream
from ..codec.mosaic.companding import LOSSLESS
from ..codec.stages.order import PASSES
from ..entropy.ans import SPLITS
from ..entropy.tables import EXACT, HALF, TRELLIS, load

BLOCK = 8
"""Side of the blocks of cells over which the map is averaged."""


def bit_map(stream: Stream, planes: JpegPlanes) -> np.ndarray:
    """Bits per pixel of the mosaic by cell, float64 (h, w), of a stream of one layer; parameters are left out.

    Raises UsageError for a stream in layers.
    """
    if stream.layers:
        raise UsageError("a map of bits is drawn for streams of one layer")
    header, tables = stream.header, load()
    lengths = tables.bits(EXACT if header.step == LOSSLESS else TRELLIS)
    places = stream.setup.places
    h, w = stream.layout.cells
    out = np.zeros((h + 1, w + 1))

    def spend(tile: int, stage: int, symbols: np.ndarray, classes: np.ndarray) -> None:
        (row, col), (r, c, rows, cols) = PASSES[stage % 4], places[tile]
        coarse = np.clip(symbols >> SPLITS[classes], -HALF, HALF) + HALF
        out[r : r + rows, c : c + cols][row::2, col::2] += lengths[classes, coarse] / 4

    stream.decode(planes, watch=spend)
    return out[:h, :w]


def draw(bits: np.ndarray, jpeg: Path, width: int = 900) -> Image.Image:
    """The JPEG and the map side by side; white is the largest of the map's blocks but a hundredth."""
    h, w = (n // BLOCK * BLOCK for n in bits.shape)
    blocks = bits[:h, :w].reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK).mean((1, 3))
    shade = np.clip(blocks / max(np.quantile(blocks, 0.99), 1e-9), 0, 1)
    size = width, round(width * h / w)
    chart = Image.fromarray((255 * shade).astype(np.uint8)).resize(size, Image.Resampling.NEAREST).convert("RGB")
    out = Image.new("RGB", (2 * width, size[1]))
    out.paste(Image.open(jpeg).convert("RGB").resize(size), (0, 0))
    out.paste(chart, (width, 0))
    return out


def main() -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m rawinlay.eval.bitmap",
        description="Where a stream's bits lie in the picture.",
    )
    parser.add_argument("jpeg", type=Path, metavar="IN.jpg", help="a JPEG that carries a RAW")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png|npy")
    options = parser.parse_args()
    try:
        jpeg = Jpeg(read_file(options.jpeg, "JPEG"))
        stream = Stream.from_bytes(carried_stream(jpeg))
        planes = check_binding(jpeg, stream.header.binding)
        bits = bit_map(stream, planes)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.output.suffix == ".npy":
        np.save(options.output, bits.astype(np.float32), allow_pickle=False)
    else:
        draw(bits, options.jpeg).save(options.output)
    print(f"{options.output}: {bits.mean():.4g} bits per pixel")
    return 0


if __name__ == "__main__":
    sys.exit(main())
