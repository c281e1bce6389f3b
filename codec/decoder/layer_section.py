"""Section LAYR, checked against the rest of a stream."""

from __future__ import annotations

from ...bitstream.errors import StreamError
from ...bitstream.stream.header import Header
from ...bitstream.stream.layers import STAGES, Layers
from ..mosaic.companding import LOSSLESS
from ..recipe.side import ACTIVITIES
from ..stages.order import IN_PLACE, REFINED
from ..stages.parameters import Params


def parse_layers(section: bytes, header: Header, transforms: list[int]) -> Layers:
    """Section LAYR, checked against the rest of the stream."""
    layers = Layers.from_bytes(section)
    if header.step == LOSSLESS or any(b != IN_PLACE for b in transforms):
        raise StreamError("a stream in layers has a layer 0 that is lossless or not in place")
    for one in layers.further:
        Params.from_bytes(one.parameters, REFINED, ACTIVITIES)
    if not layers.further and layers.kept != STAGES * len(transforms):
        raise StreamError("layers: layer 0 is not whole")
    return layers
