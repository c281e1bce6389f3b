"""Where a stream's bits lie in the picture: a map of bits per pixel, and the picture beside it.

    python -m eval.bitmap IMG-raw.jpg -o bits.png
    python -m eval.bitmap IMG-raw.jpg -o bits.npy          the bits themselves, float32 (h, w) by cell
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bitstream.errors import RawinlayError, UsageError
from bitstream.files import read_file
from codec.carried import carried_stream, check_binding
from codec.geometry import Geometry
from codec.guide import make_guide
from codec.jpeg_planes import JpegPlanes
from codec.learned import guide_net
from codec.stream import Stream, companding_of, layout_of
from codec.trunk.companding import LOSSLESS
from codec.trunk.exact import ExactDecoder, Lattice
from codec.trunk.ground import Ground, Window
from codec.trunk.ground_torch import TorchGround
from codec.trunk.layout import tiles
from codec.trunk.parallel import single_threaded
from codec.trunk.quantiser import Lengths
from codec.trunk.stages import merge, run_stages
from codec.trunk.visitors import Decoder
from entropy.substream import SubstreamCoder
from entropy.tables import EXACT, TRELLIS, load

BLOCK = 8
"""Side of the blocks of cells over which the map is averaged."""


def bit_map(stream: Stream, planes: JpegPlanes) -> np.ndarray:
    """Bits per pixel of the mosaic by cell, float64 (h, w), of a stream of one layer; parameters are left out.

    Raises UsageError for a stream in layers.
    """
    if stream.layers:
        raise UsageError("a map of bits is drawn for streams of one layer")
    header, layout, tables = stream.header, layout_of(stream.header), load()
    kind = EXACT if header.step == LOSSLESS else TRELLIS
    coder, lengths = SubstreamCoder(tables, kind), Lengths(tables, kind, "cpu")
    guide = make_guide(planes, Geometry.from_bytes(header.geometry), (header.height, header.width), layout.origin)
    net = guide_net.load() if stream.recipe.learned else None
    ground, companding = TorchGround(Ground(guide, layout, net)), companding_of(header).torch
    h, w = layout.cells
    out = np.zeros((h + 1, w + 1))
    for n, (r, c, rows, cols) in enumerate(tiles(h, w, 2 * header.tile)):
        window = Window(((r, c),), rows, cols)
        base = ground.base(window, stream.recipe, companding)
        parts: list[torch.Tensor] = []

        def read(stage: int, classes: np.ndarray) -> np.ndarray:
            symbols = coder.decode(stream.substreams.get((n, stage), b""), classes)  # noqa: B023
            spent = lengths(torch.from_numpy(symbols), torch.from_numpy(classes.astype(np.int64)))
            parts.append(spent.reshape(1, rows // 2, cols // 2))  # noqa: B023
            return symbols

        params = stream.params[stream.bases[n]]
        if header.step == LOSSLESS:
            visitor: Decoder = ExactDecoder(Lattice(companding, base), params, tables, read, base.device)
        else:
            visitor = Decoder(params, tables, read, header.states, base.device)
        run_stages(ground.scene(window, base, companding, header.step, header.kappa, stream.bases[n]), visitor)
        by_plane = [merge(parts[4 * k : 4 * k + 4])[0] for k in range(4)]
        out[r : r + rows, c : c + cols] = torch.stack(by_plane).mean(0).numpy()
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
    parser = argparse.ArgumentParser("python -m eval.bitmap", description="Where a stream's bits lie in the picture.")
    parser.add_argument("jpeg", type=Path, metavar="IN.jpg", help="a JPEG that carries a RAW")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png|npy")
    options = parser.parse_args()
    try:
        data = read_file(options.jpeg, "JPEG")
        stream = Stream.from_bytes(carried_stream(data))
        planes = check_binding(data, stream.header.binding)
        with single_threaded():
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
