"""The RAW stream to payload bytes: what `codec.decoder.stream.Stream.from_bytes` reads."""

from __future__ import annotations

from ...bitstream.stream.cell import cell_bytes
from ...bitstream.stream.container import Container
from ...bitstream.stream.fields import write_varint
from ...bitstream.stream.values import levels_bytes
from ..decoder.stream import Stream
from .away_writer import stand_away
from .corrections_writer import local_bytes
from .gate_writer import gate_bytes


def stream_bytes(stream: Stream) -> bytes:
    """The payload."""
    body = bytes([sum(1 << b for b in stream.params)])
    for transform in sorted(stream.params):
        part = stream.params[transform].to_bytes()
        body += write_varint(len(part)) + part
    sections = {"HEAD": stream.header.to_bytes(), "RECP": stream.recipe.to_bytes(), "PARM": body}
    if stream.recipe.local:
        sections["LOCL"] = local_bytes(stream.recipe.local, stream.tables)
    if stream.recipe.look:
        sections["LOOK"] = stream.recipe.look.to_bytes()
    if stream.layers:
        sections["LAYR"] = stream.layers.to_bytes()
    if stream.projection:
        sections["GEOM"] = stream.projection.to_bytes()
    if stream.gate:
        sections["GATE"] = gate_bytes(stream.gate)
    if stream.noise:
        sections["NOIS"] = stream.noise.to_bytes()
    if stream.cell:
        sections["CELL"] = cell_bytes(stream.cell)
    if stream.levels:
        sections["LEVL"] = levels_bytes(stream.levels)
    if stream.used:
        sections["USED"] = stream.used.to_bytes()
    if stream.preview:
        sections["PREV"] = stream.preview.to_bytes()
    if stream.border:
        sections["BORD"] = stream.border
    if stream.digest:
        sections["DIGM"] = stream.digest
    if stream.bands:
        sections["DIGJ"] = stream.bands
    if stream.files:
        sections["DIGS"] = stream.files.to_bytes()
    if stream.bias:
        sections["BIAS"] = stream.bias.to_bytes()
    if stream.post:
        sections["POST"] = stream.post.to_bytes()
    first = {(tile, 0, stage): d for (tile, stage), d in stream.substreams.items()}
    if not stream.layers:
        sections, first = stand_away(sections, first)
    return Container(sections, first | stream.finer).to_bytes()
