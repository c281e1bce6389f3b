"""Decoding a parsed stream of one layer with torch: on a CUDA device.

The CPU's own path, which needs no torch, is `codec.trunk.cpu`; both give the same mosaic, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from bitstream.header import Header
from codec.gpu.companding import TorchCompanding
from codec.gpu.decoder import decode_planes
from codec.gpu.ground import TorchGround
from codec.guide import Parts
from codec.learned.guide_net import GuideNet
from codec.progress import Progress
from codec.trunk.companding import Companding
from codec.trunk.ground import Ground
from codec.trunk.layout import Box, Layout
from codec.trunk.parallel import single_threaded
from codec.trunk.params import Params
from codec.trunk.recipe import Recipe
from entropy.tables import Tables


class ParsedStream(Protocol):
    """What is needed of a parsed stream: see `codec.stream.Stream`, which this file must not import, since it is the
    one that comes here."""

    @property
    def header(self) -> Header: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def companding(self) -> Companding: ...
    @property
    def tables(self) -> Tables: ...
    @property
    def recipe(self) -> Recipe: ...
    @property
    def params(self) -> dict[int, Params]: ...
    @property
    def bases(self) -> list[int]: ...
    @property
    def substreams(self) -> Mapping[tuple[int, int], bytes]: ...
    def tiles_of(self, box: Box | None) -> tuple[list[tuple[int, int, int, int]], list[int]]: ...
    def net(self) -> GuideNet | None: ...


def decode_with_torch(
    stream: ParsedStream, guide: Parts, device: str, progress: Progress | None, box: Box | None = None
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
            stream.tables, header.step, header.kappa, header.states, 2 * header.tile, progress, chosen,
        )  # fmt: skip
    return layout.unpack(planes.numpy())
