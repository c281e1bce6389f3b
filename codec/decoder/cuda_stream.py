"""Decoding a parsed stream of one layer with torch: on a CUDA device.

The CPU's own path, which needs no torch, is `codec.decoder.cpu`; both give the same mosaic, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ...bitstream.runtime.parallel import single_threaded
from ...bitstream.runtime.progress import Progress
from ...bitstream.stream.header import Header
from ...entropy.tables import Tables
from ..guide.guide import Parts
from ..mosaic.companding import Companding
from ..mosaic.companding_torch import TorchCompanding
from ..mosaic.layout import Box, Layout
from ..recipe.net import GuideNet
from ..recipe.recipe import Recipe
from ..recipe.side import Ground
from ..recipe.side_torch import TorchGround
from ..stages.parameters import Params
from .cuda import decode_planes


class ParsedStream(Protocol):
    """What is needed of a parsed stream: see `codec.decoder.stream.Stream`, which this file must not import,
    since it is the one that comes here."""

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
