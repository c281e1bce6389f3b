"""Decoding a stream with torch: on a CUDA device, and streams in layers wherever they are decoded.

The CPU's own path for the others, which needs no torch, is `codec.trunk.cpu`; both give the same mosaic, bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bitstream.layers import Depth
from codec.guide import Parts
from codec.progress import Progress
from codec.trunk.decoder import decode_planes
from codec.trunk.ground import ACTIVITIES, Ground
from codec.trunk.ground_torch import TorchGround
from codec.trunk.layered import Layer, decode_layers
from codec.trunk.layout import Box
from codec.trunk.order import IN_PLACE, REFINED
from codec.trunk.parallel import single_threaded
from codec.trunk.params import Params
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
        if stream.layers is None:
            planes = decode_planes(
                stream.substreams, stream.bases, stream.params, layout, ground, stream.recipe, companding.torch,
                tables.load(), header.step, header.kappa, header.states, 2 * header.tile, progress, chosen,
            )  # fmt: skip
            return layout.unpack(planes.numpy())
        further = [
            Layer(one.step, Params.from_bytes(one.parameters, REFINED, ACTIVITIES), bool(one.estimate))
            for one in stream.layers.further
        ]
        substreams = stream.finer | {(tile, 0, stage): d for (tile, stage), d in stream.substreams.items()}
        planes = decode_layers(
            substreams, [Layer(header.step, stream.params[IN_PLACE]), *further],
            Depth(stream.layers.kept, len(stream.bases)), stream.layers.spread, layout, ground, stream.recipe,
            companding.torch, tables.load(), header.kappa, 2 * header.tile, progress, chosen,
        )  # fmt: skip
    return layout.unpack(planes.numpy())
