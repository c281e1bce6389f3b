"""Decoding a parsed stream of one layer with torch: on a CUDA device.

The CPU's own path, which needs no torch, is `codec.trunk.cpu`; both give the same mosaic, bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codec.gpu.companding import TorchCompanding
from codec.gpu.decoder import decode_planes
from codec.gpu.ground import TorchGround
from codec.guide import Parts
from codec.progress import Progress
from codec.trunk.ground import Ground
from codec.trunk.layout import Box
from codec.trunk.parallel import single_threaded
from entropy import tables

if TYPE_CHECKING:
    from codec.stream import Stream


def decode_with_torch(
    stream: Stream, guide: Parts, device: str, progress: Progress | None, box: Box | None = None
) -> np.ndarray:
    """The mosaic, uint16 (H, W), of a stream and its JPEG laid over it; box: cells that are wanted.

    Raises `StreamError` as `Stream.decode`.
    """
    header, layout, companding = stream.header, stream.layout, stream.companding
    _, chosen = stream.tiles_of(box)
    with single_threaded():
        ground = TorchGround(Ground(guide, layout, stream.net()), device)
        planes = decode_planes(
            stream.substreams, stream.bases, stream.params, layout, ground, stream.recipe, TorchCompanding(companding),
            tables.load(), header.step, header.kappa, header.states, 2 * header.tile, progress, chosen,
        )  # fmt: skip
    return layout.unpack(planes.numpy())
