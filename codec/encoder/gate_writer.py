"""A gate to the bytes of section GATE, the inverse of `codec.recipe.gate.Gate.from_bytes`."""

from __future__ import annotations

import zlib

import numpy as np

from ...bitstream.stream.fields import write_varint
from ..recipe.gate import Gate


def gate_bytes(gate: Gate) -> bytes:
    """The section."""
    blocks, picture = gate.blocks, write_varint(len(gate.picture)) + gate.picture
    if blocks is None:
        return bytes([gate.scale, 0]) + picture
    recipe = blocks.recipe.to_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    flags = packer.compress(np.packbits(blocks.own.reshape(-1), bitorder="little").tobytes()) + packer.flush()
    head = bytes([gate.scale, blocks.side.bit_length() - 1])
    return head + picture + write_varint(len(recipe)) + recipe + flags
