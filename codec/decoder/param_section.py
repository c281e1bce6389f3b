"""The PARM section: parameters of the transforms that tiles use.

==========  ======================================================================
bytes       meaning
==========  ======================================================================
u8          bit b: parameters of transform b follow (0 in place, 1 Haar)
then each   varint length, then `codec.stages.parameters` of that transform
==========  ======================================================================

Of a stream in layers (section LAYR, `bitstream.stream.layers`) it holds those of layer 0, in place.
"""

from __future__ import annotations

from ...bitstream.errors import StreamError
from ...bitstream.stream.fields import Reader
from ..recipe.side import ACTIVITIES
from ..stages.order import HAAR, IN_PLACE
from ..stages.parameters import Params

BASES = (IN_PLACE, HAAR)


def parse_parameters(section: bytes) -> dict[int, Params]:
    """Transform -> its parameters. Raises `StreamError` for one that is damaged or of a transform not known here."""
    reader = Reader(section, "parameters")
    mask = reader.number(1, "transforms")
    if mask >= 1 << len(BASES):
        raise StreamError("the stream uses a transform that this version does not know")
    params = {}
    for transform in BASES:
        if mask >> transform & 1:
            part = reader.take(reader.varint("length"), "a transform")
            params[transform] = Params.from_bytes(part, transform, ACTIVITIES)
    if reader.remaining:
        raise StreamError("the stream's parameters have a tail that does not belong there")
    return params
