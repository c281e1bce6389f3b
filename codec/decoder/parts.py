"""Sections of a stream that are checked against its header."""

from __future__ import annotations

from collections.abc import Mapping

from ...bitstream.cell import CellLayout
from ...bitstream.errors import StreamError
from ...bitstream.levels import Levels
from ...bitstream.stream.cell import read_cell
from ...bitstream.stream.header import Header
from ...bitstream.stream.layers import STAGES, Layers
from ...bitstream.stream.values import read_levels
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


def parse_cell(sections: Mapping[str, bytes], header: Header) -> CellLayout | None:
    """Section CELL, checked against the header."""
    section = sections["CELL"]
    if not section:
        return None
    cell = read_cell(section)
    if cell.shape != (header.height, header.width) or header.cfa:
        raise StreamError("the cell layout is of another mosaic than the header's")
    if sections["LOOK"] or sections["POST"]:
        raise StreamError("a second look at a sensor that has no Bayer filter")
    return cell


def parse_levels(sections: Mapping[str, bytes], header: Header) -> Levels | None:
    """Section LEVL."""
    section = sections["LEVL"]
    return read_levels(section, (header.height, header.width)) if section else None
