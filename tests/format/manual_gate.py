"""A part of the second decoder (see `manual`): a guide of the stream's own, manual 4.6."""

import copy
import math
import zlib

import numpy as np
from manual import read_recipe
from manual_container import varint
from manual_picture import Picture, cells_of


class Gated(Picture):
    """The carrier's picture with what the other one has in some cells, bool (h + 1, w + 1)."""

    def __init__(self, carrier, own, where):
        vars(self).update(vars(carrier))
        self.carrier, self.own, self.where = carrier, own, where
        both = zip(carrier.prediction, own.prediction, strict=True)
        self.prediction = [np.where(where, mine, theirs) for theirs, mine in both]
        self.step = [self.step_of(k, b) for k, b in enumerate(self.prediction)]

    def activity(self):
        both = zip(self.carrier.activity(), self.own.activity(), strict=True)
        return [np.where(self.where, mine, theirs) for theirs, mine in both]


def gated(header, recipe, local, planes, net, sections, samples, look, cell=None):
    """The picture of a stream with section GATE."""
    data, (h, w) = sections["GATE"], cells_of(header)
    n, log_side = data[0], data[1]
    assert 1 <= n <= 4
    length, at = varint(data, 2)
    mine, at = samples(data[at : at + length]), at + length
    assert mine.y.shape == tuple(max(8, math.ceil(side / 2 ** (n - 1))) for side in (h, w))
    top, left = divmod(header.phase.index("R"), 2)
    offsets = [(2 * before - 2**n + 1) * 2**12 // 2 ** (n + 1) for before in (top, left)]
    own = copy.copy(header)
    own.geometry = bytes([24]) + np.array(offsets, "<i4").tobytes() + np.array([2 ** (24 - n)] * 2, "<u4").tobytes()
    if not log_side:
        assert at == len(data)
        return Picture(own, recipe, local, mine, net, b"", look, cell)
    length, at = varint(data, at)
    other, at = read_recipe(data[at : at + length], 178), at + length
    side = 2**log_side
    rows, columns = math.ceil(h / side), math.ceil(w / side)
    flags = zlib.decompress(data[at:], -15)
    assert len(flags) == math.ceil(rows * columns / 8)
    blocks = np.array([flags[b // 8] >> b % 8 & 1 for b in range(rows * columns)]).reshape(rows, columns)
    own.net = b""
    down, across = (np.minimum(np.arange(k + 1) // side, m - 1) for k, m in ((h, rows), (w, columns)))
    carrier = Picture(header, recipe, local, planes, net, sections["GEOM"], look, cell)
    return Gated(carrier, Picture(own, other, None, mine, None, cell=cell), blocks[down][:, across] == 1)
